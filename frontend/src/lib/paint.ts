// How an item is painted: form = layer, fill = liveness. Pure; the map and the legend both read it.

import type { MarkName } from './marks';
import type { ThingState } from './protocol';
import type { Word } from './words';

export interface Form {
  mark: MarkName;
  word: Word;
  note?: Word;
}

export const FORMS: Record<string, Form> = {
  cameras: { mark: 'live', word: 'camera' },
  reports: { mark: 'square', word: 'report', note: 'report_note' },
  stations: { mark: 'triangle', word: 'station' },
  vessels: { mark: 'arrow', word: 'vessel' },
};

/** The item's icon, its place in the pile (trouble on top), and whether somebody must act. */
export interface Painted {
  icon: string;
  sort: number;
  trouble: boolean;
}

const STATES: ThingState[] = ['live', 'never', 'late', 'stale', 'frozen', 'down'];

function stateOf(properties: Record<string, unknown>): ThingState {
  const state = properties['state'];
  return STATES.includes(state as ThingState) ? (state as ThingState) : 'live';
}

export function paint(layer: string, properties: Record<string, unknown>): Painted {
  if (layer === 'reports') {
    const trouble = properties['overdue'] === true || (properties['cluster'] === true && Number(properties['bad'] ?? 0) > 0);
    return { icon: trouble ? 'squareFull' : 'square', sort: trouble ? 1 : 0, trouble };
  }
  const state = stateOf(properties);
  const quiet = FORMS[layer]?.mark ?? 'live';
  const icon = state === 'live' ? quiet : state;
  return { icon, sort: STATES.indexOf(state), trouble: state !== 'live' && state !== 'never' };
}

/** How many things an item stands for, and how many of them are in trouble: a cluster of the server for more than one. */
export function tallied(layer: string, properties: Record<string, unknown>): { many: number; bad: number } {
  if (properties['cluster'] === true) return { many: Number(properties['count'] ?? 1), bad: Number(properties['bad'] ?? 0) };
  return { many: 1, bad: paint(layer, properties).trouble ? 1 : 0 };
}

/** Whether the report is finished, and so no longer on the map. */
export function gone(layer: string, properties: Record<string, unknown>): boolean {
  return layer === 'reports' && (properties['status'] === 'closed' || properties['open'] === false);
}

export interface Tally {
  live: number;
  frozen: number;
  down: number;
  never: number;
  other: number;
}

/** Cameras by their own state; `other` are late or stale. */
export function tally(items: Iterable<unknown>): Tally {
  const counts: Tally = { live: 0, frozen: 0, down: 0, never: 0, other: 0 };
  for (const item of items) {
    const state = stateOf((item as { properties?: Record<string, unknown> }).properties ?? {});
    if (state === 'late' || state === 'stale') counts.other += 1;
    else counts[state] += 1;
  }
  return counts;
}

export type AreaState = 'bad' | 'stale';

/** Communes that a map hatches: a figure past its limit, or none where one is owed. */
export function areaStates(items: Map<string, unknown>): Map<string, AreaState> {
  const states = new Map<string, AreaState>();
  for (const [unit, item] of items) {
    if (unit === 'all') continue;
    const figure = item as { value: unknown; level?: string | null };
    if (figure.value === null) states.set(unit, 'stale');
    else if (figure.level === 'bad') states.set(unit, 'bad');
  }
  return states;
}
