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
  hotspots: { mark: 'hot', word: 'hotspot', note: 'hotspot_note' },
  stations: { mark: 'triangle', word: 'station' },
  vessels: { mark: 'arrow', word: 'vessel', note: 'vessel_note' },
  zones: { mark: 'zone', word: 'zone', note: 'zone_note' },
  vehicles: { mark: 'arrow', word: 'vehicle' },
  traffic: { mark: 'triangle', word: 'traffic' },
  networks: { mark: 'live', word: 'site' },
  camera_gaps: { mark: 'never', word: 'gap' },
  coverage: { mark: 'live', word: 'village', note: 'village_note' },
  press: { mark: 'square', word: 'press' },
  warnings: { mark: 'warn', word: 'warning' },
  facilities: { mark: 'live', word: 'facility' },
  schools: { mark: 'live', word: 'school' },
  stays: { mark: 'live', word: 'stay' },
};

/** What a layer is: a tenant's own (`tam_ky__stations`) is drawn as the one that it is named after. */
export function kindOf(layer: string): string {
  const at = layer.indexOf('__');
  return at < 0 ? layer : layer.slice(at + 2);
}

export function formOf(layer: string): Form | undefined {
  return FORMS[kindOf(layer)];
}

/**
 * The item's icon, its place in the pile (trouble on top), whether somebody must act, where it points (degrees), and what
 * it is called, where somebody must know that from afar.
 */
export interface Painted {
  icon: string;
  sort: number;
  trouble: boolean;
  turn?: number;
  label?: string;
}

/** Knots under which a vessel lies: its course says nothing then. */
const LIES = 0.5;

const STATES: ThingState[] = ['live', 'never', 'late', 'stale', 'frozen', 'down'];

function stateOf(properties: Record<string, unknown>): ThingState {
  const state = properties['state'];
  return STATES.includes(state as ThingState) ? (state as ThingState) : 'live';
}

export function paint(name: string, properties: Record<string, unknown>): Painted {
  const layer = kindOf(name);
  if (layer === 'reports') {
    const trouble = properties['overdue'] === true || (properties['cluster'] === true && Number(properties['bad'] ?? 0) > 0);
    return { icon: trouble ? 'squareFull' : 'square', sort: trouble ? 1 : 0, trouble };
  }
  if (layer === 'vessels') return vessel(properties);
  const alarm = layer === 'stations' ? Number(properties['alarm'] ?? 0) : 0;
  // Above the marks of silence: water over a level is the world's trouble, a silent gauge is ours.
  if (alarm > 0) return { icon: alarm > 1 ? 'stationBad' : 'stationWarn', sort: STATES.length + alarm, trouble: true };
  if (layer === 'traffic' && (properties['slow'] === true || properties['kind'] === 'incident')) return road(properties);
  const state = stateOf(properties);
  const quiet = FORMS[layer]?.mark ?? 'live';
  const icon = state === 'live' ? quiet : state;
  return { icon, sort: STATES.indexOf(state), trouble: state !== 'live' && state !== 'never' };
}

/** What is wrong on a road: an incident, the grave ones above all, or vehicles that hardly move. */
function road(properties: Record<string, unknown>): Painted {
  const grave = properties['level'] === 'grave';
  return { icon: grave ? 'stationBad' : 'stationWarn', sort: STATES.length + (grave ? 2 : properties['kind'] === 'incident' ? 1 : 0), trouble: true };
}

/** Where nobody may be comes first, then who is silent, then whose place is doubtful; all others are quiet arrows. */
function vessel(properties: Record<string, unknown>): Painted {
  const state = stateOf(properties);
  const course = properties['course'];
  const goes = typeof course === 'number' && Number(properties['speed'] ?? 1) > LIES;
  const pointed = goes ? { turn: course } : {};
  const label = String(properties['name'] ?? '');
  if (properties['in_closed'] === true) return { icon: goes ? 'arrowBad' : 'bad', sort: STATES.length, trouble: true, label, ...pointed };
  if (state === 'down') return { icon: state, sort: STATES.indexOf(state), trouble: true, label };
  if (state !== 'live') return { icon: state, sort: STATES.indexOf(state), trouble: state !== 'never' };
  if (properties['doubt'] !== undefined) return { icon: 'arrowOpen', sort: 1, trouble: true, ...pointed };
  return { icon: goes ? 'arrow' : 'live', sort: 0, trouble: false, ...pointed };
}

/** How many things an item stands for, and how many of them are in trouble: a cluster of the server for more than one. */
export function tallied(layer: string, properties: Record<string, unknown>): { many: number; bad: number } {
  if (properties['cluster'] === true) return { many: Number(properties['count'] ?? 1), bad: Number(properties['bad'] ?? 0) };
  return { many: 1, bad: paint(layer, properties).trouble ? 1 : 0 };
}

/** Whether the report is finished, and so no longer on the map. */
export function gone(layer: string, properties: Record<string, unknown>): boolean {
  return kindOf(layer) === 'reports' && (properties['status'] === 'closed' || properties['open'] === false);
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
