// The frames and items of protocol `ioc.v1`, as a screen reads them. Times are RFC 3339 with an offset.

export type State = 'live' | 'late' | 'stale' | 'down' | 'never';
export type ThingState = State | 'frozen';
export type Method = 'machine' | 'typed' | 'computed' | 'estimated';
export type Level = 'good' | 'warn' | 'bad';

/** A text in both languages, by name or as [Vietnamese, English]; a plain string stands for both. */
export type Text = string | { vi: string; en: string } | [vi: string, en: string];

export interface Quality {
  state: State;
  why: string | null;
  observed: string | null;
  received: string | null;
  due: string | null;
  have: number;
  expect: number | null;
  refused: number;
  checks?: { passed: number; failed: unknown[] };
  method: Method;
  sources: Record<string, State>;
  /** Which time the values' age is counted from; the last confirmation when left out. */
  age?: 'received' | 'observed';
}

/** One of the numbers or words that a figure is worked out of. */
export interface Part {
  label?: Text;
  label_en?: string;
  value?: number | string | null;
  of?: number | null;
  say?: Text;
}

export interface TileItem {
  value: number | string | null;
  unit: Text | null;
  unit_en?: string | null;
  label: Text;
  label_en?: string;
  target?: number | null;
  /** What the value is out of, when it is a part of a known whole. */
  of?: number | null;
  level?: Level | null;
  trend?: { by: number; over: string | number } | null;
  previous?: number | null;
  have: number;
  expect: number | null;
  observed: string | null;
  due?: string | null;
  method: Method;
  sources: string[] | Record<string, State>;
  parts?: Part[] | Text | null;
  why?: Text | null;
  other?: { value: number | string; source: string }[] | null;
  revised?: { from: number | null; at: string; why: string | null } | null;
  /** When the agency told; who signed it, and under which number. */
  reported?: string | null;
  officer?: string | null;
  decision?: string | null;
}

export interface SourceItem {
  id: string;
  name: Text;
  name_en?: string;
  state: State;
  why: string | null;
  observed: string | null;
  received: string | null;
  due: string | null;
  owner: string | null;
  have: number;
  expect: number | null;
  refused: number;
  method: Method;
  last_error: string | null;
  cadence_s: number | null;
  /** It answers, and does not move. */
  frozen?: boolean;
  age?: 'received' | 'observed';
  sector?: string | null;
  checks?: { passed: number; failed: string[] };
}

/** One proof of a link. `ok`: null while nobody tried; `level`: how bad a false one is; `source`: whose proof it is. */
export interface Proof {
  ok: boolean | null;
  say: Text | null;
  since: string | null;
  level?: 'warn' | 'bad' | null;
  source?: string | null;
}
export interface LinkItem {
  id: string;
  name: Text;
  name_en?: string;
  sources: string[];
  tried: string | null;
  connected: Proof;
  shared: Proof;
  synced: Proof;
}

/** One period of the ledger, counted. `never`: nothing was told of it or of any before it. */
export interface LedgerCell {
  period: string;
  due: string | null;
  expect: number;
  on_time: number;
  late: number;
  missing: number;
  excused: number;
  awaited: number;
  never: boolean;
}
/** The dated list that the expected reporters come from. `invented`: its names were made up for a demonstration. */
export interface RosterMark {
  as_of: string;
  invented: boolean;
  source: string;
}
export interface LedgerItem {
  id: string;
  name: Text;
  name_en?: string;
  owner: string | null;
  method: Method;
  each: string;
  /** Absent or null: the reporters stand in the settings, undated, or the source is its own. */
  list?: RosterMark | null;
  period: string;
  due: string | null;
  have: number;
  expect: number;
  late: number;
  missing: number;
  excused: number;
  awaited: number;
  cells: LedgerCell[];
}

export interface CheckSide {
  label: Text;
  label_en?: string;
  value: number | string | null;
  /** The numbers that were added up, where there are several. */
  parts?: number[];
}
export interface CheckItem {
  id: string;
  name: Text;
  name_en?: string;
  ok: boolean | null;
  left: CheckSide;
  right: CheckSide;
  say: Text | null;
  source: string | null;
  owner: string | null;
  since: string | null;
}

export interface ReminderItem {
  id: string;
  agency: string;
  year: number;
  count: number;
  thresholds: number[];
  level: 'warn' | 'bad' | null;
  last: string | null;
  say: Text | null;
  sources: Record<string, number>;
}

/** What was counted of one of the four words: `good` of `of`. */
export interface Share {
  value: number | null;
  good: number;
  of: number;
  level: Level | null;
}
export type ScoreItem = { sources: string[] } & Record<'dung' | 'du' | 'sach' | 'song', Share>;

export interface WallItem {
  id: string;
  screen: string;
  name: string;
  connected: boolean;
  state: State;
  say: Text | null;
  seen: string;
  since: string | null;
  song: string | null;
  lag_s: number | null;
  ms: number | null;
}

export interface AlertItem {
  id: string;
  level: 'warn' | 'bad';
  say: Text;
  why?: string | null;
  since: string | null;
  source: string | null;
  owner: string | null;
  claimed: string | null;
}

export interface Welcome {
  type: 'welcome';
  now: string;
  beat: number;
  server: string;
  screen?: string | null;
}
export interface Snapshot {
  type: 'snapshot';
  channel: string;
  epoch: string;
  offset: number;
  items: Record<string, unknown>;
  quality: Quality;
  part: number;
  parts: number;
}
export interface Delta {
  type: 'delta';
  channel: string;
  epoch: string;
  after: number;
  offset: number;
  put: Record<string, unknown>;
  drop: string[];
  more?: boolean;
  quality?: Quality;
}
export interface Beat {
  type: 'beat';
  now: string;
}
export interface Problem {
  type: 'problem';
  code: string;
  say: string;
  temporary: boolean;
  channel?: string;
}
export interface Bye {
  type: 'bye';
  code: number;
  say: string;
  reconnect: boolean;
  after?: number;
}
export type Frame = Welcome | Snapshot | Delta | Beat | Problem | Bye;

export interface Position {
  channel: string;
  epoch?: string;
  offset?: number;
  view?: { bbox: number[]; zoom: number };
}
