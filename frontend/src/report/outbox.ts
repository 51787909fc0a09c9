// What waits on this phone goes to the province: the words first, then each photo in parts, each from where it stopped.
// Runs in the page and, where there is Background Sync, in the service worker; never in both at once.

import type { Mine, Photo, Support } from './shapes';

/** What the outbox needs of the phone (`Keep` is one). */
export interface Shelf {
  reports(): Promise<Mine[]>;
  putReport(mine: Mine): Promise<void>;
  photos(client: string): Promise<Photo[]>;
  putPhoto(photo: Photo): Promise<void>;
  body(client: string, hash: string): Promise<ArrayBuffer | null>;
  supports(): Promise<Support[]>;
  putSupport(support: Support): Promise<void>;
}

export interface Post {
  shelf: Shelf;
  /** Where the province is; empty for this page's own server. */
  base: string;
  fetch: typeof fetch;
  now: () => number;
  /** 0 to 1, for waits that differ from phone to phone. */
  chance: () => number;
}

export interface Round {
  /** The province was heard, unheard (no signal), or there was nothing to say. */
  heard: boolean | null;
  /** When the next try is due; null when nothing waits. */
  next: number | null;
}

/** Small enough that slow 3G brings one through in a few seconds. */
export const PART = 128 * 1024;
const PATIENCE_MS = 60_000;
const FIRST_MS = 3_000;
const MOST_MS = 5 * 60_000;
const FOREVER = new Set([400, 403, 405, 409, 410, 413, 415, 422]);

/** Not now: no signal, or the province asks for patience. */
class Later extends Error {
  constructor(
    readonly heard: boolean,
    readonly afterMs: number,
  ) {
    super('The province did not take it now.');
  }
}

/** Never: what the province says about it. */
class Refused extends Error {}

/** How long to wait after so many tries in vain: 3 s, doubled, at most 5 min, spread by a half. */
export function pause(tries: number, chance: number): number {
  return Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(tries, 12)) * (0.75 + chance / 2);
}

async function ask(post: Post, path: string, init: RequestInit): Promise<Response> {
  let answer: Response;
  try {
    answer = await post.fetch(`${post.base}${path}`, { cache: 'no-store', ...init, signal: AbortSignal.timeout(PATIENCE_MS) });
  } catch {
    throw new Later(false, 0);
  }
  if (answer.status >= 500 || [401, 404, 408, 425, 429].includes(answer.status)) {
    const told = Number(answer.headers.get('retry-after'));
    throw new Later(true, Number.isFinite(told) ? Math.min(told, 3600) * 1000 : 0);
  }
  return answer;
}

/** The sentence of a problem document, in Vietnamese where the province gives that too. */
export async function sentence(answer: Response, lang: 'vi' | 'en' = 'vi'): Promise<string> {
  try {
    type Spoken = { say?: unknown; detail?: unknown; vi?: unknown };
    const told = (await answer.json()) as Spoken & { errors?: Spoken[] };
    const both = (one: Spoken): Spoken => (typeof one.say === 'object' && one.say !== null ? { vi: (one.say as Spoken).vi, say: (one.say as { en?: unknown }).en } : one);
    const words = (one: Spoken): unknown => (lang === 'vi' ? both(one).vi : undefined) ?? both(one).say ?? one.detail;
    const each = (told.errors ?? []).map(words).filter((say): say is string => typeof say === 'string');
    if (each.length > 0) return each.join(' ');
    const whole = words(told);
    if (typeof whole === 'string') return whole;
  } catch {
    // An answer that is no problem document has its number alone.
  }
  return `HTTP ${answer.status}`;
}

interface Taken {
  id: string;
  number: string;
  follow: string;
  photos?: { hash: string; offset: number; state: string }[];
}

async function file(post: Post, mine: Mine): Promise<Mine> {
  const answer = await ask(post, '/api/reports', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(mine.filing),
  });
  if (FOREVER.has(answer.status)) throw new Refused(await sentence(answer, mine.filing?.lang));
  if (!answer.ok) throw new Later(true, 0);
  const told = (await answer.json().catch(() => null)) as Taken | null;
  // A hotel's log-in page answers 200 as well: only an id is a receipt.
  if (told === null || typeof told.id !== 'string' || typeof told.follow !== 'string') throw new Later(false, 0);
  const filed = { ...mine, id: told.id, number: told.number, follow: told.follow, filing: null, state: 'filed' as const, filed: post.now(), why: null, tries: 0 };
  await post.shelf.putReport(filed);
  return filed;
}

const isOver = (photo: Photo): boolean => photo.state === 'taken' || photo.state === 'refused';

/** Where the province's copy ends; the whole size when it has all. */
async function offsetOf(post: Post, path: string, secret: HeadersInit): Promise<{ offset: number; state: string | null }> {
  const answer = await ask(post, path, { method: 'HEAD', headers: secret });
  const offset = Number(answer.headers.get('upload-offset'));
  if (!answer.ok || !Number.isInteger(offset)) throw new Later(true, 0);
  return { offset, state: answer.headers.get('upload-state') };
}

async function sendPhoto(post: Post, mine: Mine, photo: Photo): Promise<void> {
  const body = await post.shelf.body(mine.client, photo.hash);
  if (body === null) {
    await post.shelf.putPhoto({ ...photo, state: 'refused', why: 'lost' });
    return;
  }
  const path = `/api/reports/${encodeURIComponent(mine.id ?? '')}/photos/${photo.hash}`;
  const secret = { follow: mine.follow ?? '' };
  let { offset, state } = await offsetOf(post, path, secret);
  for (let misfits = 0; ; ) {
    if (state === 'taken' || state === 'refused') {
      await post.shelf.putPhoto({ ...photo, state, offset, why: state === 'refused' ? 'refused' : null });
      return;
    }
    await post.shelf.putPhoto({ ...photo, state: 'sending', offset });
    const answer = await ask(post, path, {
      method: 'PATCH',
      headers: { ...secret, 'upload-offset': String(offset), 'content-type': 'application/offset+octet-stream' },
      body: body.slice(offset, offset + PART),
    });
    if (answer.status === 204) {
      offset = Number(answer.headers.get('upload-offset') ?? offset + PART);
    } else if (answer.status === 409 && misfits < 3) {
      // Somebody was quicker, or the server lost the end of a part: it says where it stands.
      misfits += 1;
      ({ offset, state } = await offsetOf(post, path, secret));
    } else if (answer.ok) {
      const told = (await answer.json().catch(() => null)) as { state?: string; why?: string | null } | null;
      if (told?.state === 'refused') return post.shelf.putPhoto({ ...photo, state: 'refused', why: told.why ?? 'refused' });
      state = 'taken';
      offset = photo.bytes;
    } else if (answer.status === 409) {
      throw new Later(true, 0);
    } else {
      await post.shelf.putPhoto({ ...photo, state: 'refused', why: await sentence(answer) });
      return;
    }
  }
}

async function sendReport(post: Post, mine: Mine): Promise<void> {
  let now = mine;
  if (now.id === null) now = await file(post, now);
  for (const photo of await post.shelf.photos(now.client)) if (!isOver(photo)) await sendPhoto(post, now, photo);
  await post.shelf.putReport({ ...now, state: 'whole', tries: 0, next: 0 });
}

async function sendSupport(post: Post, support: Support): Promise<void> {
  const answer = await ask(post, `/api/reports/${encodeURIComponent(support.id)}/support`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client: support.client }),
  });
  if (answer.status !== 409 && FOREVER.has(answer.status)) throw new Refused(await sentence(answer));
  await post.shelf.putSupport({ ...support, state: 'whole', why: null });
}

/** One round over everything that waits. `eager`: also what is not yet due again (signal is back, a person asks). */
export async function round(post: Post, eager: boolean): Promise<Round> {
  let heard: boolean | null = null;
  const due = (one: { next: number }): boolean => eager || one.next <= post.now();
  const attempt = async <T extends Mine | Support>(one: T, send: () => Promise<void>, put: (one: T) => Promise<void>, latest: () => Promise<T>): Promise<void> => {
    try {
      await send();
      heard = true;
    } catch (error) {
      const now = await latest();
      if (error instanceof Refused) {
        heard = true;
        await put({ ...now, state: 'refused', why: error.message });
      } else if (error instanceof Later) {
        heard = heard === true || error.heard;
        await put({ ...now, tries: now.tries + 1, next: post.now() + Math.max(error.afterMs, pause(now.tries, post.chance())) });
      } else throw error;
    }
  };
  const find = async <T extends { client: string }>(all: Promise<T[]>, one: T): Promise<T> => (await all).find((other) => other.client === one.client) ?? one;
  for (const mine of (await post.shelf.reports()).sort((a, b) => a.kept - b.kept)) {
    if ((mine.state !== 'waiting' && mine.state !== 'filed') || !due(mine)) continue;
    await attempt(mine, () => sendReport(post, mine), (now) => post.shelf.putReport(now), () => find(post.shelf.reports(), mine));
    // Without signal the others fare no better.
    if (heard === false) break;
  }
  for (const support of await post.shelf.supports()) {
    if (heard === false) break;
    if (support.state !== 'waiting' || !due(support)) continue;
    await attempt(support, () => sendSupport(post, support), (now) => post.shelf.putSupport(now), () => find(post.shelf.supports(), support));
  }
  const waits = [...(await post.shelf.reports()).filter((one) => one.state === 'waiting' || one.state === 'filed'), ...(await post.shelf.supports()).filter((one) => one.state === 'waiting')];
  return { heard, next: waits.length === 0 ? null : Math.min(...waits.map((one) => one.next)) };
}

const LOCK = 'ioc-report-outbox';
let busy = false;

/** The same, unless another page or the service worker is at it (then null). */
export async function alone(post: Post, eager: boolean): Promise<Round | null> {
  if ('locks' in navigator) return navigator.locks.request(LOCK, { ifAvailable: true }, (lock) => (lock === null ? null : round(post, eager)));
  if (busy) return null;
  busy = true;
  try {
    return await round(post, eager);
  } finally {
    busy = false;
  }
}
