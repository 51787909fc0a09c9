// What a sheet asks the server for: a source's duty, and who told of a period.

import { period as span, type Lang } from '../lib/format';
import type { RosterMark, SourceItem, Text } from '../lib/protocol';

export type Told = 'missing' | 'late' | 'awaited' | 'excused' | 'reported';
export const WORST_FIRST: Told[] = ['missing', 'late', 'awaited', 'excused', 'reported'];

export interface Entry {
  reporter: string;
  name: string;
  state: Told;
  reported: string | null;
  why: string | null;
  by: string | null;
}
export interface Reporters extends Record<Told, number> {
  source: string;
  owner: string;
  period: string;
  due: string;
  expect: number;
  list?: RosterMark | null;
  entries: Entry[];
}

export interface Due {
  each: 'stretch' | 'day' | 'week' | 'month' | 'quarter' | 'year';
  by: string;
  after: number;
  working: boolean;
  starts: number;
  /** Of a stretch alone: how long it is. */
  seconds?: number;
}
export interface About extends SourceItem {
  title: Text;
  contract: { owner: string; person?: string | null; contact?: string | null; cadence: number; grace?: number | null; due?: Due | null } | null;
  counts: Record<string, number>;
  last_errors: string[];
  set_aside: { reason: string; say: string; count: number; first: string; last: string }[];
}

async function get(path: string, accept: string): Promise<Response> {
  return fetch(path, { credentials: 'same-origin', headers: { accept }, signal: AbortSignal.timeout(15_000) });
}

function ledgerPath(source: string, period: string | null): string {
  return `/api/ledger/${encodeURIComponent(source)}${period === null ? '' : `?period=${encodeURIComponent(period)}`}`;
}

/** Who told of the source's period (the newest: null); null when it owes no periods. Throws when the server gives none. */
export async function fetchReporters(source: string, period: string | null): Promise<Reporters | null> {
  const answer = await get(ledgerPath(source, period), 'application/json');
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return (await answer.json()) as Reporters;
}

/** The same as a file for a spreadsheet, kept by the browser under the source's name and period. */
export async function saveCsv(source: string, period: string): Promise<void> {
  const answer = await get(ledgerPath(source, period), 'text/csv');
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `${source}-${period.replaceAll('/', '-')}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Tells the server that a revised figure was seen, for everyone; throws its sentence when it will not have it. */
export async function noteSeen(tile: string): Promise<void> {
  const answer = await fetch(`/api/tiles/${encodeURIComponent(tile)}/seen`, { method: 'POST', credentials: 'same-origin', signal: AbortSignal.timeout(15_000) });
  if (answer.ok) return;
  const told = (await answer.json().catch(() => ({}))) as { detail?: string };
  throw new Error(told.detail ?? '');
}

export async function fetchSource(id: string): Promise<About> {
  const answer = await get(`/api/sources/${encodeURIComponent(id)}`, 'application/json');
  if (!answer.ok) throw new Error(`The server answered ${answer.status}.`);
  return (await answer.json()) as About;
}

const EACH = {
  vi: { day: 'mỗi ngày', week: 'mỗi tuần', month: 'mỗi tháng', quarter: 'mỗi quý', year: 'mỗi năm' },
  en: { day: 'each day', week: 'each week', month: 'each month', quarter: 'each quarter', year: 'each year' },
} as const;

/** What a source owes, in words: `mỗi 30 giây`, `mỗi tháng, hạn 17:00, 5 ngày làm việc sau kỳ`. */
export function dutyWords(contract: NonNullable<About['contract']>, lang: Lang): string {
  const { due } = contract;
  if (!due) return lang === 'vi' ? `trả lời mỗi ${span(contract.cadence, lang)}` : `answers every ${span(contract.cadence, lang)}`;
  if (due.each === 'stretch') return lang === 'vi' ? `mỗi ${span(due.seconds ?? 0, lang)}, hạn khi hết kỳ` : `every ${span(due.seconds ?? 0, lang)}, due at its end`;
  const parts: string[] = [EACH[lang][due.each], lang === 'vi' ? `hạn ${due.by}` : `by ${due.by}`];
  if (due.after > 0) parts.push(lang === 'vi' ? `${due.after} ngày${due.working ? ' làm việc' : ''} sau kỳ` : `${due.after} ${due.working ? 'working ' : ''}days after`);
  else if (due.working) parts.push(lang === 'vi' ? 'ngày làm việc' : 'working days');
  if (due.starts > 1) parts.push(lang === 'vi' ? `kỳ từ ngày ${due.starts}` : `from day ${due.starts}`);
  return parts.join(', ');
}
