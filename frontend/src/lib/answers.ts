// What a category asks beside the words, and what was answered: as it is filed, what is wrong with it, how it reads.

import type { Lang } from './format';
import type { Text } from './protocol';
import { text } from './words';

/** A question that a category asks; `values`: what may be chosen, by key. */
export interface Attribute {
  code: string;
  kind: 'string' | 'text' | 'number' | 'datetime' | 'singlevaluelist' | 'multivaluelist';
  title: Said;
  values: { key: string; title: Said }[];
  required: boolean;
}

export interface Said {
  vi: string;
  en: string;
}

/** What was answered so far, by the code of the question; keys of a list as they were chosen. */
export type Given = Record<string, string | string[]>;

/** A question as a server tells it: values by name or in order, titles in one language or two. */
export interface LooseAttribute extends Omit<Attribute, 'title' | 'values' | 'required'> {
  title: Text;
  required?: boolean;
  values?: readonly (readonly [string, string, string?] | { key?: string; code?: string; title?: Text; name?: Text })[];
}

/** Characters of an answer at most. */
export const MOST = 500;
const NUMBER = /^[-+]?\d+([.,]\d+)?$/u;

export function said(given: Text): Said {
  return { vi: text(given, 'vi'), en: text(given, 'en') };
}

export function attribute(given: LooseAttribute): Attribute {
  const values = (given.values ?? []).map((one) => {
    if ('length' in one) return { key: one[0], title: { vi: one[1], en: one[2] ?? one[1] } };
    const key = one.key ?? one.code ?? '';
    return { key, title: said(one.title ?? one.name ?? key) };
  });
  return { ...given, title: said(given.title), required: given.required ?? false, values };
}

/** The answer as it is filed; null when there is none. A choice that is no longer offered is none. */
export function answerTo(one: Attribute, given: Given): string | string[] | null {
  const told = given[one.code] ?? '';
  const offered = (key: string): boolean => one.values.some((value) => value.key === key);
  if (one.kind === 'multivaluelist') {
    const chosen = (Array.isArray(told) ? told : [told]).filter(offered);
    return chosen.length > 0 ? chosen : null;
  }
  if (Array.isArray(told)) return null;
  if (one.kind === 'singlevaluelist') return offered(told) ? told : null;
  const words = told.normalize('NFC').trim();
  if (words === '') return null;
  return one.kind === 'number' ? words.replace(',', '.') : words;
}

/** What is wrong with the answer; null: nothing. */
export function wrongWith(one: Attribute, given: Given): 'required' | 'number_wanted' | null {
  const answer = answerTo(one, given);
  if (answer === null) return one.required ? 'required' : null;
  return one.kind === 'number' && !NUMBER.test(String(answer)) ? 'number_wanted' : null;
}

/** All answers to a category's questions, as they are filed. */
export function answers(asked: Attribute[], given: Given): Given {
  return Object.fromEntries(asked.flatMap((one) => {
    const answer = answerTo(one, given);
    return answer === null ? [] : [[one.code, answer]];
  }));
}

/** The list after one of its values was chosen, or no longer is. */
export function ticked(before: string | string[] | undefined, key: string, on: boolean): string[] {
  const others = (Array.isArray(before) ? before : []).filter((other) => other !== key);
  return on ? [...others, key] : others;
}

/** What was answered, to be read: each question with its answer, in the form's order; what was left open is not there. */
export function answered(asked: Attribute[], told: Record<string, unknown>, lang: Lang): { title: string; say: string }[] {
  return asked.flatMap((one) => {
    const given = told[one.code];
    const each = (Array.isArray(given) ? given : [given]).filter((part) => part !== undefined && part !== null && part !== '');
    const say = each.map((part) => one.values.find((value) => value.key === String(part))?.title[lang] ?? String(part)).join(', ');
    return say === '' ? [] : [{ title: one.title[lang], say }];
  });
}
