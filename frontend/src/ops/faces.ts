// How a report is told in a row and in the middle: time left, the clock bar, who holds it, what was done.

import { clock, dayMonth, figure, sameDay, type Lang } from '../lib/format';
import { text } from '../lib/words';
import type { Claim, Passed, Row } from './ask';
import { said, sayOf, type Said } from './words';

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Steps due within this are told in amber, when the desk itself says nothing. */
const SOON_S = 70 * MINUTE;

/** Small letters without marks: `Đã giao` and `da giao` are the same word to who types. */
export function fold(of: string): string {
  return of.normalize('NFD').replace(/\p{M}/gu, '').replaceAll('đ', 'd').replaceAll('Đ', 'd').toLowerCase().trim();
}

/** `3 giờ 10`, `48 phút`, `2 ngày 4 giờ`; what is past has its minus. */
export function leftWords(seconds: number, lang: Lang): string {
  const s = Math.abs(Math.trunc(seconds));
  const minus = seconds < 0 && s >= MINUTE ? '−' : '';
  const h = said('unit_h', lang);
  if (s < HOUR) return `${minus}${Math.floor(s / MINUTE)} ${said('unit_min', lang)}`;
  if (s < DAY) {
    const minutes = Math.floor((s % HOUR) / MINUTE);
    return `${minus}${Math.floor(s / HOUR)} ${h}${minutes > 0 ? ` ${String(minutes).padStart(2, '0')}` : ''}`;
  }
  const hours = Math.floor((s % DAY) / HOUR);
  return `${minus}${figure(Math.floor(s / DAY), 0, lang)} ${said('unit_d', lang)}${hours > 0 ? ` ${hours} ${h}` : ''}`;
}

function ms(of: string | null | undefined): number | null {
  const at = of ? Date.parse(of) : NaN;
  return Number.isNaN(at) ? null : at;
}

/** What the row's clock runs to: this step's due time, else the whole report's. */
export function dueOf(row: Pick<Row, 'step_due' | 'due'>): number | null {
  return ms(row.step_due) ?? ms(row.due);
}

export interface Left {
  words: string;
  level: 'bad' | 'warn' | null;
}

/** Seconds are counted on from the clock here, so that a row grows late without being asked for again. */
export function leftOf(row: Pick<Row, 'step_due' | 'due' | 'level'>, now: number, lang: Lang): Left {
  const due = dueOf(row);
  if (due === null) return { words: '—', level: null };
  const left = (due - now) / 1000;
  return { words: leftWords(left, lang), level: left < 0 ? 'bad' : (row.level ?? (left < SOON_S ? 'warn' : null)) };
}

/** Another's claim that still holds; null when there is none, or it is the reader's own. */
export function heldBy(claim: Claim | null, me: string, now: number): string | null {
  if (claim === null || claim.mine === true || claim.by === me) return null;
  const until = ms(claim.until);
  return until !== null && until > now ? claim.by : null;
}

/** The counter of the day at the end of a number: `0417` of `PY-2026-1126-0417`. */
export function shortNumber(number: string): string {
  return number.slice(number.lastIndexOf('-') + 1);
}

export interface Bar {
  /** Where the due time lies, 0 to 100; the bar runs from receipt to now, or to the due time while that lies ahead. */
  due: number | null;
  now: number;
  late: boolean;
}

/** From receipt over due to now. A report without a due time has a bar without a mark. */
export function clockBar(filed: number, due: number | null, now: number): Bar {
  if (due === null) return { due: null, now: 100, late: false };
  const end = Math.max(due, now, filed + 1);
  const at = (moment: number) => Math.min(100, Math.max(0, ((moment - filed) / (end - filed)) * 100));
  return { due: at(due), now: at(now), late: now > due };
}

/** A clock time today, a day and a time before that. */
export function when(of: string | null | undefined, now: number): string {
  const at = ms(of);
  if (at === null) return '—';
  return sameDay(at, now) ? clock(at) : `${dayMonth(at)} ${clock(at)}`;
}

/** What a step was, in a line: who, what, to whom. The desk's own sentence comes first. */
export function passedWords(step: Passed, lang: Lang, now: number): string {
  const told = text(step.say, lang);
  if (told !== '') return told;
  // The system has a name of its own that nobody knows it by.
  const who = (step.who === 'clock' ? null : step.name) || sayOf(`who_${step.who}`, lang) || step.who;
  const what = sayOf(`did_${step.step}`, lang) || step.step;
  const whom = step.step === 'assign' ? ` ${text(step.agency_title, lang) || (step.agency ?? '')}`.trimEnd() : '';
  const due = step.due ? `, ${said('due', lang)} ${when(step.due, now)}` : '';
  return `${who} ${what}${whom}${due}`;
}

/** Steps that the clock took are told by the half disc, what still waits by dashes. */
export function passedMark(step: Passed): 'live' | 'late' | 'never' {
  return step.step === 'late' || step.step === 'warn' || step.step === 'reject' || step.step === 'refuse' ? 'late' : 'live';
}

/** What happens next where a report stands: whose turn it is. */
export function nextWords(state: string, lang: Lang): string | null {
  return sayOf(`next_${state}`, lang);
}

export function channelWords(channel: string, lang: Lang): string {
  return sayOf(`channel_${channel}`, lang) ?? channel;
}

/** `2 ảnh`, `1 ảnh và 1 phim`: only what was taken counts. */
export function photoWords(photos: { kind: string; state: string }[], lang: Lang): string {
  const taken = photos.filter((one) => one.state === 'taken');
  const films = taken.filter((one) => one.kind === 'video').length;
  const stills = taken.length - films;
  const count = (n: number, of: Said) => (n > 0 ? [`${n} ${said(n > 1 ? (`${of}s` as Said) : of, lang)}`] : []);
  return [...count(stills, 'photo'), ...count(films, 'film')].join(` ${said('and', lang)} `) || said('no_photo', lang);
}

/** What of a list fits the typed words, begun words first. */
export function fitting<T>(all: T[], typed: string, name: (one: T) => string): T[] {
  const wanted = fold(typed);
  if (wanted === '') return all;
  const rank = (one: T) => {
    const folded = fold(name(one));
    return folded.startsWith(wanted) ? 0 : folded.split(/\s+/u).some((word) => word.startsWith(wanted)) ? 1 : folded.includes(wanted) ? 2 : 3;
  };
  return all.map((one) => ({ one, at: rank(one) })).filter(({ at }) => at < 3).sort((a, b) => a.at - b.at).map(({ one }) => one);
}
