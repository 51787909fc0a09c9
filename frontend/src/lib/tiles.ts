// What a tile says besides its value: how old, from where, how full. Pure, so that wall and tablet say the same.

import { age, clock, due as dueWords, figure, period, since, type Lang } from './format';
import type { Level, Part, Quality, SourceItem, State, Text, TileItem } from './protocol';
import type { TilePanel } from './screen';
import { reason, silent } from './reasons';
import { SEVERITY } from './sources';
import { methodWord, pair, stateWord, text, word } from './words';

function time(of: string | null | undefined): number | null {
  if (of === null || of === undefined) return null;
  const at = Date.parse(of);
  return Number.isNaN(at) ? null : at;
}

/**
 * The moment that the data are of (ms). What machines tell is as old as its last confirmation; but what people type or
 * estimate, what a source still tells in time though it is past its due, and what the server says so of (`age`: it owes
 * changes, or holds newer data than it hands over) is as old as when it became true.
 */
export function bornAt(quality: Quality | null, item: TileItem | undefined): number | null {
  const observed = time(item?.observed) ?? time(quality?.observed);
  const received = time(quality?.received);
  if (quality === null || received === null) return observed;
  const byPeople = [item?.method, quality.method].some((method) => method === 'typed' || method === 'estimated');
  if (byPeople || quality.age === 'observed') return observed ?? received;
  const dueAt = time(quality.due);
  const silent = dueAt === null || received <= dueAt;
  return quality.state === 'live' || silent ? received : (observed ?? received);
}

export function sourceIds(item: TileItem | undefined, quality: Quality | null): string[] {
  const of = item?.sources;
  const named = Array.isArray(of) ? of.map(String) : of !== undefined && of !== null ? Object.keys(of) : [];
  return named.length > 0 ? named : Object.keys(quality?.sources ?? {});
}

/**
 * The quality of this figure alone, where its channel speaks for more sources than the figure has: what another
 * source lacks says nothing about it. A state that no source explains is the server's own word, and stays.
 */
export function narrowed(quality: Quality | null, item: TileItem | undefined, sources: Map<string, unknown>): Quality | null {
  if (quality === null || item === undefined) return quality;
  const all = Object.entries(quality.sources);
  const own = sourceIds(item, quality).filter((id) => quality.sources[id] !== undefined && sources.has(id));
  if (own.length === 0 || own.length === all.length || !all.some(([, state]) => state === quality.state)) return quality;
  if (silent(quality.why)) return quality;
  const known = own.map((id) => sources.get(id) as SourceItem);
  const worst = known.reduce((a, b) => (SEVERITY.indexOf(a.state) <= SEVERITY.indexOf(b.state) ? a : b));
  const times = (name: 'observed' | 'received' | 'due') => known.map((one) => one[name]).filter((at): at is string => at !== null).sort((a, b) => Date.parse(a) - Date.parse(b));
  return {
    ...quality,
    state: worst.state,
    why: worst.state === 'live' ? null : worst.why,
    observed: times('observed').at(-1) ?? null,
    received: times('received')[0] ?? null,
    due: times('due')[0] ?? null,
    method: known.some((one) => one.method === 'typed') ? 'typed' : item.method,
    sources: Object.fromEntries(known.map((one) => [one.id, one.state])),
    age: known.some((one) => one.age === 'observed') ? 'observed' : 'received',
  };
}

/** Everything a tile shows, in words. */
export interface Face {
  label: string;
  state: State;
  stateWord: string;
  age: string;
  value: string;
  absent: boolean;
  unit: string;
  level: Level | null;
  method: TileItem['method'] | null;
  methodWord: string;
  trend: { way: 'up' | 'dn' | 'flat'; by: string; over: string } | null;
  bar: { width: number; target: number | null } | null;
  /** `190/241 xã`: its figures are never cut, what they count may be. */
  coverage: { full: string; figures: string; of: string };
  source: string;
  due: string;
  others: string[];
  revised: { at: string; from: string } | null;
  /** Why its channel is not live. */
  why: string | null;
  /** What must be known of the figure itself: that a later year is told by another set, say. */
  note: string;
  /** One sentence for who listens. */
  sentence: string;
}

export interface Around {
  quality: Quality | null;
  sources: Map<string, unknown>;
  now: number;
  lang: Lang;
  /** Time of the picture, when the screen is blind. */
  blindOf: number | null;
  blank: boolean;
  problem: string | null;
}

const DAY_MS = 86_400_000;
const LONG = 10_000;

export function shown(value: number | string | null | undefined, decimals: number, lang: Lang): string {
  return typeof value === 'string' ? value : figure(value, decimals, lang);
}

/** What the figure is worked out of, each part in a few words. */
export function partWords(item: TileItem | undefined, lang: Lang): string[] {
  const parts = item?.parts;
  if (parts === null || parts === undefined) return [];
  if (typeof parts === 'string' || !Array.isArray(parts)) return [text(parts as Text, lang)];
  return (parts as (Part | string)[]).map((part) => {
    if (typeof part === 'string') return part;
    if (part.say !== undefined) return text(part.say, lang);
    const label = pair(part.label, part.label_en, lang);
    if (part.value === undefined) return label;
    // `3 trên 41 phép kiểm trượt`, but `camera mất 18`.
    if (typeof part.of === 'number') return `${shown(part.value, 1, lang)} ${word('out_of', lang)} ${shown(part.of, 1, lang)} ${label}`;
    return `${label} ${shown(part.value, 1, lang)}`;
  });
}

/** Why the figure is what it is, in a few words: the item's own sentence, else its parts. */
export function cause(item: TileItem | undefined, lang: Lang): string {
  return item?.why ? text(item.why, lang) : partWords(item, lang).join(' · ');
}

/** `487 + 905`, when the figure is the sum of two or three parts: short enough for a tile. */
function sumOf(item: TileItem | undefined, decimals: number, lang: Lang): string {
  if (item?.method !== 'computed' || typeof item.value !== 'number' || !Array.isArray(item.parts)) return '';
  const values = (item.parts as (Part | string)[]).map((part) => (typeof part === 'string' ? null : part.value));
  if (values.length < 2 || values.length > 3 || !values.every((value) => typeof value === 'number')) return '';
  const sum = (values as number[]).reduce((a, b) => a + b, 0);
  return Math.abs(sum - item.value) < 1e-9 * Math.max(1, Math.abs(sum)) ? (values as number[]).map((value) => figure(value, decimals, lang)).join(' + ') : '';
}

function barOf(item: TileItem, of: number | null): Face['bar'] {
  if (typeof item.value !== 'number') return null;
  const target = item.target ?? null;
  const percent = text(item.unit, 'vi') === '%';
  if (of === null && target === null && !percent) return null;
  // An index of 109,7 % against 111 % is no part of a hundred: its bar would look full, and its target reached.
  const most = Math.max(item.value, target ?? 0);
  const whole = of ?? (percent && most <= 100 ? 100 : most * 1.25);
  if (!(whole > 0)) return null;
  const share = (n: number) => Math.max(0, Math.min(100, (100 * n) / whole));
  return { width: share(item.value), target: target === null ? null : share(target) };
}

function ageOf(state: State, born: number | null, around: Around): { word: string; age: string } {
  if (around.blindOf !== null) return { word: word('of', around.lang), age: clock(around.blindOf) };
  const said = around.problem === null ? stateWord(state, around.lang) : word('forbidden', around.lang);
  return { word: said, age: born === null || state === 'never' ? '' : age(around.now - born, around.lang) };
}

function sourceLine(panel: TilePanel, ids: string[], around: Around): { name: string; cadence: number | null } {
  const items = ids.map((id) => around.sources.get(id) as SourceItem | undefined);
  const first = items.find((one) => one !== undefined);
  const name = text(panel.source, around.lang) || pair(first?.name, first?.name_en, around.lang) || ids[0] || '';
  return { name: ids.length > 1 && panel.source === null ? `${name} +${ids.length - 1}` : name, cadence: first?.cadence_s ?? null };
}

function trendOf(item: TileItem | undefined, decimals: number, lang: Lang): Face['trend'] {
  const trend = item?.trend;
  if (trend === null || trend === undefined) return null;
  const way = trend.by > 0 ? 'up' : trend.by < 0 ? 'dn' : 'flat';
  return { way, by: figure(Math.abs(trend.by), decimals, lang), over: period(trend.over, lang) };
}

function revisedOf(item: TileItem | undefined, decimals: number, around: Around): Face['revised'] {
  const revised = item?.revised;
  const at = time(revised?.at);
  if (revised === null || revised === undefined || at === null || around.now - at > DAY_MS) return null;
  return { at: since(at, around.now), from: figure(revised.from, decimals, around.lang) };
}

/** Rough widths of what stands beside each other, in the figure's own size: it must fit a tile of a wall. */
const DIGIT = 0.66;
const ONE = 0.42;
const POINT = 0.28;
const LETTER = 0.52;
const ROOM = 4.8;
/** How large a unit is beside its figure, and a smaller figure beside a full one. */
const UNIT = 0.46;
const SMALLER = 0.82;

/**
 * Whether figure, unit, mark and trend need a smaller size to stand beside each other; `bare`: the unit finds no room
 * even then, and is left to the label.
 */
export function tight(face: Pick<Face, 'value' | 'unit' | 'level' | 'trend' | 'others'>): '' | 'tight' | 'tight bare' {
  const figures = (text: string) => [...text].reduce((sum, one) => sum + (/[.,:]/.test(one) ? POINT : one === '1' ? ONE : DIGIT), 0);
  const unit = face.unit === '' ? 0 : 0.15 + UNIT * LETTER * face.unit.length;
  const mark = face.level === 'warn' || face.level === 'bad' ? 0.6 + (face.level === 'bad' ? 0.36 : 0) : 0;
  const others = face.others.reduce((sum, one) => sum + 0.6 + UNIT * figures(one), 0);
  const trend = face.trend === null ? 0 : 0.15 + 0.33 * Math.max(1 + figures(face.trend.by), LETTER * face.trend.over.length);
  const beside = mark + others + trend;
  if (figures(face.value) + unit + beside <= ROOM) return '';
  return SMALLER * (figures(face.value) + unit) + beside <= ROOM ? 'tight' : 'tight bare';
}

function coverageOf(have: number | null, expect: number | null, of: string, lang: Lang): Face['coverage'] {
  if (expect === null || have === null) return { full: '', figures: '', of: '' };
  // Twice the same long figure finds no room beside the age.
  const figures = have === expect && expect >= LONG ? `${word('whole', lang)} ${figure(have, 0, lang)}` : `${figure(have, 0, lang)}/${figure(expect, 0, lang)}`;
  return { full: `${figures} ${of}`.trim(), figures, of };
}

/** The words of a tile. `of` beside the value: the panel's, else the item's own. */
export function face(panel: TilePanel, item: TileItem | undefined, around: Around): Face {
  const { lang } = around;
  const quality = narrowed(around.quality, item, around.sources);
  const absent = item === undefined || item.value === null || around.blank;
  const state: State = quality === null ? 'never' : item?.value == null && quality.have === 0 ? 'never' : quality.state;
  const born = bornAt(quality, item);
  const said = ageOf(state, born, around);
  const of = panel.of ?? item?.of ?? null;
  const label = text(panel.label, lang) || pair(item?.label, item?.label_en, lang) || panel.tile;
  const ids = sourceIds(item, quality);
  const source = sourceLine(panel, ids, around);
  const have = item?.have ?? quality?.have ?? null;
  const expect = item?.expect ?? quality?.expect ?? null;
  const unit = text(panel.unit, lang) || pair(item?.unit, item?.unit_en, lang);
  const dueText = dueWords(source.cadence, time(quality?.due ?? item?.due), around.now, lang);
  const made: Face = {
    label,
    state,
    stateWord: said.word,
    age: said.age,
    value: absent ? '—' : shown(item.value, panel.decimals, lang),
    absent,
    unit: absent ? '' : of !== null ? `/ ${figure(of, panel.decimals, lang)}` : unit,
    level: absent || state === 'never' ? null : (item.level ?? null),
    method: state === 'never' ? null : (item?.method ?? quality?.method ?? null),
    methodWord: '',
    trend: absent ? null : trendOf(item, panel.decimals, lang),
    bar: absent ? null : barOf(item, of),
    coverage: coverageOf(have, expect, text(panel.coverage, lang), lang),
    source: [source.name, sumOf(item, panel.decimals, lang)].filter(Boolean).join(', '),
    due: dueText === null ? '' : `${word('due', lang)} ${dueText}`,
    others: (item?.other ?? []).map((one) => shown(one.value, panel.decimals, lang)),
    revised: revisedOf(item, panel.decimals, around),
    why: reason(around.problem ?? quality?.why, lang),
    note: absent ? '' : text(item.why, lang),
    sentence: '',
  };
  made.methodWord = made.method === null ? '' : methodWord(made.method, lang);
  made.sentence = [`${made.label}: ${made.value} ${made.unit}`.trim(), `${made.stateWord} ${made.age}`.trim(), made.coverage.full, made.methodWord, made.source, made.due, made.note]
    .filter((part) => part !== '')
    .join(', ');
  return made;
}
