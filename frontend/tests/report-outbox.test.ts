// The outbox against a real server that loses answers, parts and its own life; and the small things around it.
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PART, pause, round, type Post, type Shelf } from '../src/report/outbox';
import type { Mine, Photo, Support } from '../src/report/shapes';

class Pocket implements Shelf {
  readonly mine = new Map<string, Mine>();
  readonly pictures = new Map<string, Photo>();
  readonly bytes = new Map<string, ArrayBuffer>();
  readonly voices = new Map<string, Support>();
  reports = async (): Promise<Mine[]> => [...this.mine.values()];
  putReport = async (one: Mine): Promise<void> => void this.mine.set(one.client, one);
  photos = async (client: string): Promise<Photo[]> => [...this.pictures.values()].filter((one) => one.client === client).sort((a, b) => a.position - b.position);
  putPhoto = async (one: Photo): Promise<void> => void this.pictures.set(one.hash, one);
  body = async (_client: string, hash: string): Promise<ArrayBuffer | null> => this.bytes.get(hash) ?? null;
  supports = async (): Promise<Support[]> => [...this.voices.values()];
  putSupport = async (one: Support): Promise<void> => void this.voices.set(one.client, one);
}

const CLIENT = '11111111-2222-4333-8444-555555555555';

/** What the province keeps: reports by client, the bytes of each photo. */
class Province {
  readonly reports = new Map<string, string>();
  readonly photos = new Map<string, Buffer>();
  readonly asked: string[] = [];
  /** Called before each answer; true: the answer is lost on the way, though the work is done. */
  lose: (what: string) => boolean = () => false;
  refuse: { status: number; body: unknown; after?: string } | null = null;
  refusePhoto = false;
  server: Server = createServer((q, a) => void this.answer(q, a));

  async answer(q: IncomingMessage, a: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of q) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const what = `${q.method} ${(q.url ?? '').replace(/[0-9a-f]{64}/, 'HASH')}`;
    this.asked.push(what);
    const lost = this.lose(what);
    const say = (status: number, headers: Record<string, string>, told: unknown = null): void => {
      if (lost) return void q.socket.destroy();
      a.writeHead(status, { 'content-type': 'application/json', ...headers });
      a.end(told === null || q.method === 'HEAD' ? undefined : JSON.stringify(told));
    };
    const hash = /photos\/([0-9a-f]{64})/.exec(q.url ?? '')?.[1];
    if (hash === undefined) {
      if (this.refuse !== null) return say(this.refuse.status, this.refuse.after === undefined ? {} : { 'retry-after': this.refuse.after }, this.refuse.body);
      if ((q.url ?? '').endsWith('/support')) return say(201, {}, {});
      const { client } = JSON.parse(body.toString()) as { client: string };
      const known = this.reports.has(client);
      this.reports.set(client, body.toString());
      return say(known ? 200 : 201, {}, { id: 'r1', number: 'PY-1', follow: 'secret', state: 'new', photos: [] });
    }
    if (q.headers['follow'] !== 'secret') return say(404, {});
    const have = this.photos.get(hash) ?? Buffer.alloc(0);
    if (q.method === 'HEAD') return say(200, { 'upload-offset': String(have.length) });
    if (q.headers['upload-offset'] !== String(have.length)) return say(409, { 'upload-offset': String(have.length) });
    const now = Buffer.concat([have, body]);
    this.photos.set(hash, now);
    if (createHash('sha256').update(now).digest('hex') !== hash) return say(204, { 'upload-offset': String(now.length) });
    if (this.refusePhoto) return say(422, {}, { detail: 'This is no photo.', vi: 'Tệp này không phải ảnh.' });
    return say(201, { 'upload-offset': String(now.length) }, { state: 'taken' });
  }
}

let pocket: Pocket;
let province: Province;
let post: Post;
let now = 1_000_000;

async function listen(): Promise<void> {
  await new Promise<void>((done) => province.server.listen(0, '127.0.0.1', done));
  post = { shelf: pocket, base: `http://127.0.0.1:${(province.server.address() as AddressInfo).port}`, fetch, now: () => now, chance: () => 0.5 };
}

function photo(n: number, size: number): Photo {
  const body = Buffer.alloc(size, n);
  const hash = createHash('sha256').update(body).digest('hex');
  pocket.bytes.set(hash, body.buffer.slice(body.byteOffset, body.byteOffset + size) as ArrayBuffer);
  const made: Photo = { client: CLIENT, hash, position: n, kind: 'photo', type: 'image/jpeg', bytes: size, thumb: '', state: 'kept', offset: 0, why: null };
  pocket.pictures.set(hash, made);
  return made;
}

function report(): Mine {
  const filing = { client: CLIENT, category: 'water', words: 'Ống nước vỡ', made: '2026-03-10T14:32:00+07:00', lang: 'vi' as const, name: 'Lê Thị Hoà', photos: [], website: '' };
  const made: Mine = { client: CLIENT, category: 'water', title: { vi: 'Cấp nước', en: 'Water' }, hours: { accept: 2, done: 24 }, words: 'Ống nước vỡ', place: null, kept: now, filing, state: 'waiting', filed: null, id: null, number: null, follow: null, why: null, tries: 0, next: 0 };
  pocket.mine.set(CLIENT, made);
  return made;
}
const mine = (): Mine => pocket.mine.get(CLIENT)!;
const states = (): string[] => [...pocket.pictures.values()].map((one) => one.state);

beforeEach(async () => {
  pocket = new Pocket();
  province = new Province();
  await listen();
});
afterEach(() => new Promise<void>((done) => {
  province.server.closeAllConnections();
  province.server.close(() => done());
}));

describe('a report', () => {
  test('goes with its photos in parts, once, and its name leaves the phone', async () => {
    report();
    photo(0, PART * 2 + 7);
    photo(1, 9);
    expect(await round(post, false)).toEqual({ heard: true, next: null });
    expect(mine()).toMatchObject({ state: 'whole', id: 'r1', number: 'PY-1', follow: 'secret', filing: null });
    expect(states()).toEqual(['taken', 'taken']);
    expect(province.asked.filter((one) => one.startsWith('PATCH'))).toHaveLength(4);
    await round(post, true);
    expect(province.reports.size).toBe(1);
    expect(province.asked.filter((one) => one.startsWith('POST'))).toHaveLength(1);
  });

  test('whose answer was lost is the same report the next time', async () => {
    report();
    province.lose = (what) => what.startsWith('POST');
    expect((await round(post, false)).heard).toBe(false);
    expect(mine()).toMatchObject({ state: 'waiting', id: null, tries: 1 });
    province.lose = () => false;
    await round(post, true);
    expect(mine().state).toBe('whole');
    expect(province.reports.size).toBe(1);
  });

  test('goes on with a photo from where it stopped, also after a part whose answer was lost', async () => {
    report();
    const big = photo(0, PART * 4);
    let parts = 0;
    province.lose = (what) => what.startsWith('PATCH') && (parts += 1) === 2;
    await round(post, false);
    expect(mine()).toMatchObject({ state: 'filed', id: 'r1' });
    expect(pocket.pictures.get(big.hash)).toMatchObject({ state: 'sending', offset: PART });
    await round(post, true);
    expect(states()).toEqual(['taken']);
    expect(parts).toBe(4);
    expect(province.photos.get(big.hash)?.length).toBe(PART * 4);
  });

  test('is kept when one photo is none, and says why', async () => {
    report();
    const bad = photo(0, 9);
    province.refusePhoto = true;
    await round(post, false);
    expect(mine().state).toBe('whole');
    expect(pocket.pictures.get(bad.hash)).toMatchObject({ state: 'refused', why: 'Tệp này không phải ảnh.' });
  });

  test('that the province refuses waits for a person, with its sentence; it is not sent again', async () => {
    report();
    province.refuse = { status: 422, body: { detail: 'Nothing was taken.', errors: [{ where: 'words', say: 'Say something.', vi: 'Kể vài chữ.' }] } };
    expect((await round(post, false)).next).toBeNull();
    expect(mine()).toMatchObject({ state: 'refused', why: 'Kể vài chữ.' });
    expect(mine().filing).not.toBeNull();
    await round(post, true);
    expect(province.asked).toHaveLength(1);
  });

  test('is tried again when the province says so, not before', async () => {
    report();
    province.refuse = { status: 503, body: {}, after: '120' };
    expect(await round(post, false)).toEqual({ heard: true, next: now + 120_000 });
    await round(post, false);
    expect(province.asked).toHaveLength(1);
    now += 120_001;
    province.refuse = null;
    await round(post, false);
    expect(mine().state).toBe('whole');
  });

  test('is not taken for filed by a log-in page of somebody else’s network', async () => {
    report();
    province.refuse = { status: 200, body: { welcome: 'hotel' } };
    expect((await round(post, false)).heard).toBe(false);
    expect(mine()).toMatchObject({ state: 'waiting', id: null });
  });
});

test('a voice for another report goes too', async () => {
  pocket.voices.set('v', { client: 'v', id: 'r9', number: 'PY-9', words: 'Ống vỡ', kept: now, state: 'waiting', why: null, tries: 0, next: 0 });
  expect((await round(post, false)).next).toBeNull();
  expect(pocket.voices.get('v')?.state).toBe('whole');
  expect(province.asked).toEqual(['POST /api/reports/r9/support']);
});

test('waits grow to five minutes and differ from phone to phone', () => {
  expect([0, 1, 2, 20].map((tries) => pause(tries, 0.5))).toEqual([3000, 6000, 12_000, 300_000]);
  expect(pause(3, 0)).toBeLessThan(pause(3, 1));
});
