// What the console asks the desk for and tells it (`/api/desk/...`): shapes of the answers, and refusals as sentences.

import { attribute, type Attribute, type Given, type LooseAttribute } from '../lib/answers';
import type { Text } from '../lib/protocol';

export type Role = 'leader' | 'operator' | 'agency' | 'admin';
export type ReportState =
  | 'new' | 'verified' | 'assigned' | 'accepted' | 'in_progress' | 'more_info' | 'done' | 'closed' | 'refused' | 'reopened' | 'duplicate' | 'merged';
export type Step =
  | 'verify' | 'assign' | 'accept' | 'reject' | 'start' | 'ask' | 'tell' | 'finish' | 'close' | 'refuse' | 'reopen' | 'duplicate' | 'merge' | 'split' | 'answer' | 'hide' | 'unhide';

export interface Named {
  code: string;
  title: Text;
}
export interface Me {
  name: string;
  role: Role;
  agency: string | null;
  may: Step[];
  agencies: Named[];
  categories: Named[];
  refusals: Named[];
}

export interface Claim {
  by: string;
  until: string;
  /** Whether it is the reader's own. */
  mine?: boolean;
}
export interface Row {
  id: string;
  number: string;
  title: string;
  category: string;
  category_title: Text;
  unit: string | null;
  unit_name: string | null;
  state: ReportState;
  agency: string | null;
  agency_title: Text | null;
  step_due: string | null;
  due: string | null;
  left_s: number | null;
  late: boolean;
  level: 'bad' | 'warn' | null;
  claim: Claim | null;
  filed: string;
  channel: string;
  photos: number;
  lon: number | null;
  lat: number | null;
  version: number;
  /** The clock stands: it is the citizen's turn. */
  stands?: boolean;
  returned?: boolean;
  hidden?: string | null;
}
export interface Counts {
  all: number;
  late: number;
  unassigned: number;
  mine: number;
  returned: number;
}
export interface Queue {
  items: Row[];
  counts: Counts;
  next: string | null;
}

export interface Passed {
  at: string;
  step: string;
  from?: string | null;
  to?: string | null;
  who: string;
  name?: string | null;
  agency?: string | null;
  agency_title?: Text | null;
  why?: string | null;
  text?: string | null;
  due?: string | null;
  say?: Text | null;
}
export interface Photo {
  url: string | null;
  kind: 'photo' | 'video' | 'after';
  state: 'planned' | 'taken' | 'refused' | 'purged';
  why?: string | null;
}
export interface Twin {
  id: string;
  number: string;
  distance_m: number | null;
  likeness: number;
  filed: string;
  words: string;
}
export interface Related {
  id: string;
  number: string;
}
export interface Report extends Omit<Row, 'photos'> {
  words: string;
  address: string | null;
  accuracy: number | null;
  made?: string | null;
  supports?: number;
  attributes: Record<string, unknown>;
  person: { masked: string | null; has: boolean };
  steps: Passed[];
  photos: Photo[];
  twins: Twin[];
  may: Step[];
  /** Answers that were agreed on, with this report's number and agency filled in. */
  answers?: Template[];
  parent: Related | null;
  children: Related[];
}
export interface Person {
  name: string | null;
  phone: string | null;
}
export interface Template {
  code: string;
  title: Text;
  text: Text;
}

/** What the citizens' form tells everybody of this centre; `asked`: what each category asks beside the words. */
export interface Form {
  province: { name: Text; where: Text | null };
  limits: { words: number };
  demo: boolean;
  asked: Record<string, Attribute[]>;
}

/** The figures of one part; each count of a share stands beside the count that it is of. */
export interface Part {
  code: string | null;
  title: string;
  received: number;
  open: number;
  asked: number;
  late: number;
  done: number;
  on_time: number;
  on_time_of: number;
  on_time_percent: number | null;
  reopened: number;
  reopened_of: number;
  reopened_percent: number | null;
  rated: number;
  content: number;
  content_percent: number | null;
  hours: number | null;
}
export interface Figures {
  by: 'agency' | 'unit' | 'category';
  from: string;
  to: string;
  rows: Part[];
  all: Part;
  shift: { from: string; to: string; received: number; handled: number; mine: number; waiting: number; asked: number; late: number };
}

/** What a step may carry; `version`: the one that the reader saw. */
export interface Asked {
  step: Step;
  version: number;
  why?: string;
  text?: string;
  agency?: string;
  of?: string;
  category?: string;
  words?: string;
}

/** A new report that came by telephone, text message or letter. */
export interface Called {
  client: string;
  channel: 'phone' | 'sms' | 'mail';
  category: string;
  words: string;
  address?: string;
  unit?: string;
  lon?: number;
  lat?: number;
  name?: string;
  phone?: string;
  attributes?: Given;
}

/** A refusal of the server, in its own sentence. `who` and `what`: somebody was quicker (409). Status 0: it was not reached. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly say: string,
    readonly who: string | null = null,
    readonly what: string | null = null,
    readonly version: number | null = null,
  ) {
    super(say);
  }
}

const PATIENCE_MS = 15_000;
/** A photo may be large and the line slow. */
const UPLOAD_MS = 120_000;

async function reach(path: string, init: RequestInit, patience = PATIENCE_MS): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { credentials: 'same-origin', ...init, signal: init.signal ?? AbortSignal.timeout(patience) });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Refusal(0, '');
  }
  if (answer.ok) return answer;
  const told = (await answer.json().catch(() => ({}))) as { detail?: unknown; say?: { vi?: unknown; en?: unknown }; who?: unknown; what?: unknown; version?: unknown };
  const text = (of: unknown) => (typeof of === 'string' && of !== '' ? of : null);
  // The reader's language where the server has it; `detail` is there always.
  const own = document.documentElement.lang === 'en' ? told.say?.en : told.say?.vi;
  throw new Refusal(answer.status, text(own) ?? text(told.detail) ?? '', text(told.who), text(told.what), typeof told.version === 'number' ? told.version : null);
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await (await reach(path, { headers: { accept: 'application/json' }, ...(signal ? { signal } : {}) })).json()) as T;
}

async function send<T>(path: string, method: string, body?: unknown): Promise<T | null> {
  const init = body === undefined ? { method } : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  const answer = await reach(path, init);
  return answer.status === 204 ? null : ((await answer.json().catch(() => null)) as T | null);
}

const one = (id: string, rest = '') => `/api/desk/reports/${encodeURIComponent(id)}${rest}`;

export const fetchMe = () => get<Me>('/api/desk/me');
export async function fetchForm(): Promise<Form> {
  const told = await get<Omit<Form, 'asked'> & { categories?: { code: string; attributes?: LooseAttribute[] }[] }>('/api/reports/form');
  return { ...told, asked: Object.fromEntries((told.categories ?? []).map((one) => [one.code, (one.attributes ?? []).map(attribute)])) };
}
export const fetchQueue = (query: string, signal?: AbortSignal) => get<Queue>(`/api/desk/queue?${query}`, signal);
export const fetchReport = (id: string, signal?: AbortSignal) => get<Report>(one(id), signal);
/** Whose name and number it is; each look is written down. */
export const fetchPerson = (id: string) => get<Person>(one(id, '/person'));
export const takeStep = (id: string, asked: Asked) => send<{ version: number; state: ReportState }>(one(id, '/steps'), 'POST', asked);
export const claim = (id: string) => send<Claim>(one(id, '/claim'), 'POST', {});
export const unclaim = (id: string) => send<null>(one(id, '/claim'), 'DELETE');
/** Takes an open alert, or gives it back; 409 says who has it. */
export const claimAlert = (id: string, back: boolean) => send<unknown>('/api/alerts/claims', 'POST', { id, take_back: back });
export const fileReport = (called: Called) => send<{ id: string; number: string }>('/api/desk/reports', 'POST', called);
export const fetchFigures = (query: string, signal?: AbortSignal) => get<Figures>(`/api/desk/figures?${query}`, signal);
export const fetchTemplates = () => get<Template[]>('/api/desk/templates');

/** A photo of how it looks now. */
export async function sendAfter(id: string, file: File): Promise<void> {
  await reach(one(id, '/photos'), { method: 'POST', headers: { 'content-type': file.type || 'application/octet-stream' }, body: file }, UPLOAD_MS);
}

const KINDS = { csv: 'text/csv', xlsx: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', geojson: 'application/geo+json' } as const;

/** What is listed, as a file that the browser keeps; the server writes down who took it. */
export const saveExport = (kind: keyof typeof KINDS, query: string) => save(kind, `/api/desk/export?${query}`, 'phan-anh');
export const saveFigures = (kind: 'csv' | 'xlsx', query: string) => save(kind, `/api/desk/figures?${query}`, 'tong-hop');

async function save(kind: keyof typeof KINDS, path: string, name: string): Promise<void> {
  const answer = await reach(path, { headers: { accept: KINDS[kind] } }, UPLOAD_MS);
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await answer.blob());
  link.download = `${name}.${kind}`;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Changes a one-time code or a key into the cookie that no page can read. */
export async function enter(body: { key: string } | { code: string }): Promise<void> {
  await send<null>('/api/session', 'POST', body);
}
