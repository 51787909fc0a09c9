// What the queue shows: the fixed views, what is typed after `/`, and the filters that a person keeps by name.

import type { Counts, ReportState } from './ask';
import { fold } from './faces';
import { STATES, said, type Said } from './words';

export type View = 'late' | 'all' | 'unassigned' | 'mine' | 'returned';

export const VIEWS: { id: View; say: Said; count: keyof Counts }[] = [
  { id: 'all', say: 'view_all', count: 'all' },
  { id: 'late', say: 'view_late', count: 'late' },
  { id: 'unassigned', say: 'view_unassigned', count: 'unassigned' },
  { id: 'mine', say: 'view_mine', count: 'mine' },
  { id: 'returned', say: 'view_returned', count: 'returned' },
];

export interface Filter {
  view: View;
  /** As it was typed: words, and `xa:`, `loai:`, `buoc:`, `ai:` before a code or a name. */
  typed: string;
}
export interface Saved extends Filter {
  name: string;
}

/** What codes and names a prefix may mean. */
export interface Known {
  units: { code: string; name: string }[];
  categories: { code: string; name: string }[];
  agencies: { code: string; name: string }[];
}

const PREFIX: Record<string, 'unit' | 'category' | 'state' | 'agency'> = {
  xa: 'unit', unit: 'unit', loai: 'category', category: 'category', buoc: 'state', state: 'state', ai: 'agency', agency: 'agency',
};
const VIEW_QUERY: Record<View, [string, string] | null> = { all: null, late: ['late', '1'], mine: ['mine', '1'], unassigned: ['unassigned', '1'], returned: ['returned', '1'] };

/** `buoc:"da giao"` keeps its space. */
function pieces(typed: string): string[] {
  return typed.normalize('NFC').match(/[^\s":]+:"[^"]*"|\S+/gu) ?? [];
}

function codeOf(kind: 'unit' | 'category' | 'state' | 'agency', given: string, known: Known): string {
  const wanted = fold(given);
  if (kind === 'state') return STATES.find((one) => one === given || fold(said(`state_${one}`, 'vi')) === wanted) ?? given;
  const list = kind === 'unit' ? known.units : kind === 'category' ? known.categories : known.agencies;
  return (list.find((one) => one.code === given) ?? list.find((one) => fold(one.name) === wanted) ?? list.find((one) => fold(one.name).includes(wanted)))?.code ?? given;
}

/** The filter as the desk's query. A prefix that nobody knows stays a word to look for. */
export function queryOf(filter: Filter, known: Known, more: Record<string, string> = {}): string {
  const query = new URLSearchParams();
  const view = VIEW_QUERY[filter.view];
  if (view !== null) query.set(view[0], view[1]);
  const words: string[] = [];
  for (const piece of pieces(filter.typed)) {
    const at = piece.indexOf(':');
    const kind = at > 0 ? PREFIX[fold(piece.slice(0, at))] : undefined;
    const given = piece.slice(at + 1).replaceAll('"', '').replaceAll('_', ' ');
    if (kind === undefined || given === '') words.push(piece);
    else query.set(kind, codeOf(kind, kind === 'state' && STATES.includes(piece.slice(at + 1) as ReportState) ? piece.slice(at + 1) : given, known));
  }
  if (words.length > 0) query.set('q', words.join(' '));
  for (const [name, value] of Object.entries(more)) query.set(name, value);
  return query.toString();
}

const PLACE = 'ioc.ops.filters';
const MOST = 12;

/** The kept filters; what can't be read is as if nothing was kept. */
export function readSaved(place: Pick<Storage, 'getItem'>): Saved[] {
  try {
    const told: unknown = JSON.parse(place.getItem(PLACE) ?? '[]');
    if (!Array.isArray(told)) return [];
    return told.filter((one): one is Saved => typeof one?.name === 'string' && typeof one?.typed === 'string' && VIEWS.some((view) => view.id === one?.view)).slice(0, MOST);
  } catch {
    return [];
  }
}

/** Keeps a filter under its name, the newest first; the same name again replaces it. */
export function withSaved(all: Saved[], one: Saved): Saved[] {
  return [one, ...all.filter((other) => other.name !== one.name)].slice(0, MOST);
}

export function writeSaved(place: Pick<Storage, 'setItem'>, all: Saved[]): void {
  place.setItem(PLACE, JSON.stringify(all));
}
