// Questions of the page to the province: form, communes, what lies nearby, how a report stands.

import type { FeatureCollection } from 'geojson';
import { attribute, said, type LooseAttribute } from '../lib/answers';
import type { Text } from '../lib/protocol';
import type { Units } from '../lib/screen';
import { sentence } from './outbox';
import type { Category, Followed, Form, Near } from './shapes';

const PATIENCE_MS = 15_000;

/** The province was not reached (0), or answered with a status and a sentence. */
export class Unanswered extends Error {
  constructor(
    readonly status: number,
    say: string,
  ) {
    super(say);
  }
}

async function ask(path: string, init: RequestInit = {}): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(path, { ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new Unanswered(0, '');
  }
  if (!answer.ok) throw new Unanswered(answer.status, await sentence(answer));
  return answer;
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  try {
    return (await (await ask(path, init)).json()) as T;
  } catch (error) {
    // A log-in page of somebody's network is no answer of the province.
    throw error instanceof Unanswered ? error : new Unanswered(0, '');
  }
}

export async function askForm(): Promise<Form> {
  type Loosely = Omit<Form, 'categories' | 'province'> & {
    province: Text | { name: Text };
    categories: (Omit<Category, 'attributes' | 'title' | 'hours'> & { title: Text; hours?: Partial<Category['hours']>; attributes?: LooseAttribute[] })[];
  };
  const told = await json<Loosely>('/api/reports/form');
  if (!Array.isArray(told.categories)) throw new Unanswered(0, '');
  const categories = told.categories.map((one) => ({
    ...one,
    title: said(one.title),
    hours: { accept: one.hours?.accept ?? null, done: one.hours?.done ?? null },
    attributes: (one.attributes ?? []).map(attribute),
  }));
  const province = typeof told.province === 'object' && 'name' in told.province ? told.province.name : (told.province as Text);
  return { ...told, province: said(province), categories };
}

export function askUnits(): Promise<Units> {
  return json<Units>('/api/reports/units');
}

export async function askNearby(lon: number, lat: number, category: string): Promise<Near[]> {
  const where = new URLSearchParams({ lon: lon.toFixed(6), lat: lat.toFixed(6), category });
  return (await json<{ items: Near[] }>(`/api/reports/nearby?${where}`)).items;
}

export function askFollowed(secret: string): Promise<Followed> {
  return json<Followed>('/api/reports/followed', { headers: { follow: secret }, cache: 'no-store' });
}

export async function tellStep(secret: string, step: 'tell' | 'close' | 'reopen', text?: string): Promise<void> {
  await post('/api/reports/followed/steps', secret, text === undefined ? { step } : { step, text });
}

export async function tellSatisfied(secret: string, score: number, words: string): Promise<void> {
  await post('/api/reports/followed/satisfied', secret, words === '' ? { score } : { score, words });
}

async function post(path: string, secret: string, body: unknown): Promise<void> {
  await ask(path, { method: 'POST', headers: { follow: secret, 'content-type': 'application/json' }, body: JSON.stringify(body) });
}

export function askMap([west, south, east, north]: [number, number, number, number]): Promise<FeatureCollection> {
  return json<FeatureCollection>(`/api/reports/map?bbox=${[west, south, east, north].map((one) => one.toFixed(5)).join(',')}`);
}
