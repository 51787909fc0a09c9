// Sources in the order of their trouble, and how long each has been so.

import { age, type Lang } from './format';
import type { SourceItem, State, ThingState } from './protocol';
import { stateWord } from './words';

/** Worst first; the strip counts in this order, live last. */
export const SEVERITY: State[] = ['down', 'stale', 'late', 'never', 'live'];

/** What a source is shown as, frozen apart from stale; in the order of their trouble. */
export const LOOKS: ThingState[] = ['down', 'frozen', 'stale', 'late', 'never', 'live'];

/** One that answers and does not move says so: it is neither down nor merely old. */
export function lookOf(source: SourceItem): ThingState {
  return source.frozen === true && source.state === 'stale' ? 'frozen' : source.state;
}

/** When the source's data are of (ms); null when nothing ever came. */
export function sourceAt(source: SourceItem): number | null {
  const received = source.received === null ? NaN : Date.parse(source.received);
  const observed = source.observed === null ? NaN : Date.parse(source.observed);
  const dueAt = source.due === null ? NaN : Date.parse(source.due);
  const trueAt = Number.isNaN(observed) ? received : observed;
  const answersWithOld = source.state !== 'live' && received > dueAt;
  const at = source.method !== 'machine' || source.age === 'observed' || answersWithOld || Number.isNaN(received) ? trueAt : received;
  return Number.isNaN(at) ? null : at;
}

/** Worst first. `floor`: the state of who watches them; when the watch is silent, no source is known to be alive. */
export function orderSources(items: Iterable<unknown>, floor: State = 'live'): SourceItem[] {
  const known = ([...items] as SourceItem[]).map((source) =>
    SEVERITY.indexOf(floor) < SEVERITY.indexOf('never') && SEVERITY.indexOf(source.state) > SEVERITY.indexOf(floor) && source.state !== 'never'
      ? { ...source, state: floor }
      : source,
  );
  return known.sort(
    (a, b) =>
      SEVERITY.indexOf(a.state) - SEVERITY.indexOf(b.state) ||
      (sourceAt(a) ?? 0) - (sourceAt(b) ?? 0) ||
      (a.id < b.id ? -1 : 1),
  );
}

/** `mất 40 phút`; only the state when nothing ever came. */
export function howLong(source: SourceItem, now: number, lang: Lang): string {
  const at = sourceAt(source);
  const state = stateWord(lookOf(source), lang);
  return at === null || source.state === 'never' ? state : `${state} ${age(now - at, lang)}`;
}

/** Canvas pixels that a cell of the strip takes: a letter of its name, of its state, and what stands around both. */
const NAME = 12.4;
const STATE = 11.2;
const SIDES = 30;
const MARK = 30;
/** A longer name is cut, when its source is in trouble. */
const MOST_NAME = 25;

/** How wide a cell of the strip is, in canvas pixels. */
export function cellWidth(name: string, state: string): number {
  return SIDES + Math.max(NAME * Math.min(name.length, MOST_NAME), MARK + STATE * state.length);
}

/**
 * How many of the cells find room, worst first, and whether one that counts the rest follows: of those in trouble none
 * is left out without a word; of the quiet ones those that fit whole.
 */
export function cellsThatFit(troubled: number[], quiet: number[], room: number, most: number, rest: number): { troubled: number; quiet: number } {
  const sums = (from: number, widths: number[]) => widths.map((_, i) => from + widths.slice(0, i + 1).reduce((a, b) => a + b, 0));
  const all = sums(0, troubled);
  if (troubled.length > most || (all.at(-1) ?? 0) > room) {
    return { troubled: Math.max(1, Math.min(most - 1, all.filter((sum) => sum + rest <= room).length)), quiet: 0 };
  }
  const left = sums(all.at(-1) ?? 0, quiet).filter((sum) => sum <= room).length;
  return { troubled: troubled.length, quiet: Math.min(left, most - troubled.length) };
}
