// A real WebSocket server on port 0; time belongs to the test.
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Line, type Host, type Socket } from '../src/lib/socket';

const QUALITY = { state: 'live', why: null, observed: null, received: null, due: null, have: 1, expect: 1, refused: 0, method: 'machine', sources: {} };
const START = Date.parse('2026-03-10T14:32:00+07:00');

type Told = Record<string, unknown>;

/** Waits for what the network brings; vitest's own limit ends a test that waits in vain. */
async function until(true_: () => boolean): Promise<void> {
  while (!true_()) await new Promise((done) => setImmediate(done));
}

class Time {
  at = 1000;
  #waiting: { at: number; then: () => void }[] = [];
  after(ms: number, then: () => void): () => void {
    const one = { at: this.at + ms, then };
    this.#waiting.push(one);
    return () => void (this.#waiting = this.#waiting.filter((other) => other !== one));
  }
  pass(ms: number): void {
    const end = this.at + ms;
    for (;;) {
      const next = this.#waiting.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#waiting = this.#waiting.filter((one) => one !== next);
      this.at = Math.max(this.at, next.at);
      next.then();
    }
    this.at = end;
  }
}

class Peer {
  readonly told: Told[] = [];
  constructor(readonly ws: WebSocket) {
    ws.on('message', (data) => this.told.push(JSON.parse(String(data)) as Told));
  }
  say(frame: object): void {
    this.ws.send(JSON.stringify(frame));
  }
  welcome(now = START, beat = 2): void {
    this.say({ type: 'welcome', now: new Date(now).toISOString(), beat, server: 's' });
  }
  snapshot(offset: number, items: object, epoch = 'e'): void {
    this.say({ type: 'snapshot', channel: 'layer/x', epoch, offset, items, quality: QUALITY, part: 1, parts: 1 });
  }
  delta(after: number, offset: number, put: object): void {
    this.say({ type: 'delta', channel: 'layer/x', epoch: 'e', after, offset, put, drop: [] });
  }
  watches(): Told[] {
    return this.told.filter((frame) => frame['type'] === 'watch');
  }
}

let server: WebSocketServer;
let peers: Peer[];
let time: Time;
let line: Line;
let changes: string[];

function client(screen = 'overview'): Line {
  const port = (server.address() as AddressInfo).port;
  const host: Host = {
    now: () => time.at,
    wall: () => START + time.at,
    random: () => 1,
    after: (ms, then) => time.after(ms, then),
    open: () => {
      const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`, 'ioc.v1');
      // Unlike a browser's, this library's socket says that it was closed early as an error.
      ws.on('error', () => undefined);
      return ws as unknown as Socket;
    },
  };
  return new Line(host, { screen }, { change: (channel, change) => void changes.push(`${channel} ${change.kind}`), link: () => undefined });
}

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await new Promise<void>((done) => void server.once('listening', () => done()));
  peers = [];
  changes = [];
  time = new Time();
  server.on('connection', (ws) => peers.push(new Peer(ws)));
  line = client();
  line.watch(['layer/x']);
  line.start();
  await until(() => (peers[0]?.watches().length ?? 0) === 1);
});

afterEach(() => {
  line.stop();
  for (const ws of server.clients) ws.terminate();
  server.close();
});

const items = () => Object.fromEntries(line.boards.get('layer/x')!.items);

async function welcomed(): Promise<Peer> {
  const peer = peers.at(-1)!;
  peer.welcome();
  await until(() => line.link === 'open');
  return peer;
}

describe('the first connection', () => {
  test('speaks ioc.v1, says hello first, then watches', () => {
    expect(peers[0]!.ws.protocol).toBe('ioc.v1');
    expect(peers[0]!.told).toEqual([
      { type: 'hello', screen: 'overview' },
      { type: 'watch', channels: [{ channel: 'layer/x' }] },
    ]);
  });

  test('snapshot and delta become the board', async () => {
    const peer = await welcomed();
    peer.snapshot(3, { a: 1 });
    peer.delta(3, 4, { b: 2 });
    await until(() => changes.length === 2);
    expect(items()).toEqual({ a: 1, b: 2 });
    expect(changes).toEqual(['layer/x all', 'layer/x items']);
  });

  test('ages are counted from the server’s clock', async () => {
    const peer = await welcomed();
    expect(line.now()).toBe(START);
    time.pass(700);
    expect(line.now()).toBe(START + 700);
    peer.say({ type: 'beat', now: new Date(START + 600).toISOString() });
    peer.snapshot(1, {});
    await until(() => changes.length === 1);
    expect(line.now(), 'a late beat does not set the clock back').toBe(START + 700);
  });

  test('a receipt tells the version on the glass', async () => {
    const peer = await welcomed();
    peer.snapshot(3, {});
    await until(() => changes.length === 1);
    line.shown('layer/x', 41.6);
    await until(() => peer.told.some((frame) => frame['type'] === 'shown'));
    expect(peer.told.at(-1)).toEqual({ type: 'shown', channel: 'layer/x', epoch: 'e', offset: 3, ms: 42 });
  });

  test('unknown frames and fields are ignored', async () => {
    const peer = await welcomed();
    peer.say({ type: 'weather', say: 'rain' });
    peer.ws.send('not json');
    peer.say({ type: 'snapshot', channel: 'layer/other', epoch: 'e', offset: 1, items: {}, quality: QUALITY, part: 1, parts: 1 });
    peer.snapshot(1, { a: 1 });
    await until(() => changes.length === 1);
    expect([line.link, items()]).toEqual(['open', { a: 1 }]);
  });
});

describe('leaving a channel', () => {
  test('tells the server, forgets the board, and a later frame of it is nothing', async () => {
    const peer = await welcomed();
    peer.snapshot(3, { a: 1 });
    await until(() => changes.length === 1);
    line.unwatch(['layer/x']);
    await until(() => peer.told.some((frame) => frame['type'] === 'unwatch'));
    expect(peer.told.at(-1)).toEqual({ type: 'unwatch', channels: ['layer/x'] });
    line.watch(['layer/y']);
    peer.delta(3, 4, { b: 2 });
    peer.say({ type: 'snapshot', channel: 'layer/y', epoch: 'e', offset: 1, items: {}, quality: QUALITY, part: 1, parts: 1 });
    await until(() => changes.length === 2);
    expect([...line.boards.keys()]).toEqual(['layer/y']);
  });
});

describe('a gap', () => {
  test('asks for the channel afresh, keeps the old picture until it comes', async () => {
    const peer = await welcomed();
    peer.snapshot(3, { a: 1 });
    peer.delta(7, 8, { b: 2 });
    await until(() => peer.watches().length === 2);
    expect(peer.watches()[1]).toEqual({ type: 'watch', channels: [{ channel: 'layer/x' }] });
    expect(items()).toEqual({ a: 1 });
    peer.snapshot(8, { b: 2 });
    await until(() => changes.length === 2);
    expect(items()).toEqual({ b: 2 });
  });
});

describe('coming back', () => {
  test('resumes after its position, with growing waits', async () => {
    const peer = await welcomed();
    peer.snapshot(3, { a: 1 });
    await until(() => changes.length === 1);
    peer.ws.terminate();
    await until(() => line.link === 'lost');
    time.pass(499);
    expect(peers.length).toBe(1);
    time.pass(1);
    await until(() => peers[1]?.watches().length === 1);
    expect(peers[1]!.watches()[0]).toEqual({ type: 'watch', channels: [{ channel: 'layer/x', epoch: 'e', offset: 3 }] });
    peers[1]!.ws.terminate();
    await until(() => line.tries === 2);
    time.pass(999);
    expect(peers.length).toBe(2);
    time.pass(1);
    await until(() => peers.length === 3);
  });

  test('a server that never welcomes is left after six seconds', async () => {
    time.pass(6000);
    expect(line.link).toBe('lost');
    time.pass(500);
    await until(() => peers.length === 2);
  });

  test('a bye says when', async () => {
    const peer = await welcomed();
    peer.say({ type: 'bye', code: 4001, say: 'Chậm quá.', reconnect: true, after: 30 });
    peer.snapshot(1, {});
    await until(() => changes.length === 1);
    peer.ws.close(4001);
    await until(() => line.link === 'lost');
    time.pass(30_499);
    expect(peers.length).toBe(1);
    time.pass(1);
    await until(() => peers.length === 2);
  });

  test.each([4500, 4503, 4999])('code %s: not again, and what was shown is erased', async (code) => {
    const peer = await welcomed();
    peer.snapshot(1, { a: 1 });
    await until(() => changes.length === 1);
    peer.say({ type: 'bye', code, say: 'Khoá đã bị thu hồi.', reconnect: false });
    peer.ws.close(code);
    await until(() => line.link === 'refused');
    expect([line.refusal, items()]).toEqual(['Khoá đã bị thu hồi.', {}]);
    time.pass(3_600_000);
    expect(peers.length).toBe(1);
  });

  test('hurries when the network is back', async () => {
    const peer = await welcomed();
    peer.ws.terminate();
    await until(() => line.link === 'lost');
    line.hurry();
    await until(() => peers.length === 2);
  });
});

describe('blind', () => {
  test('after 2.5 beats without any frame, not before; a new connection heals', async () => {
    const peer = await welcomed();
    peer.snapshot(3, { a: 1 });
    await until(() => changes.length === 1);
    time.pass(4999);
    expect(line.blind).toBe(false);
    time.pass(1);
    expect(line.blind).toBe(true);
    expect(line.seen).toBe(START);
    expect(line.now() - line.seen!, 'the clock goes on').toBe(5000);
    time.pass(500);
    await until(() => peers[1]?.watches().length === 1);
    peers[1]!.welcome(START + 5500);
    await until(() => line.link === 'open');
    expect(line.blind).toBe(false);
    time.pass(4999);
    expect(line.blind).toBe(false);
    time.pass(1);
    expect(line.blind).toBe(true);
  });

  test('any frame keeps it seeing, and the beat’s length is the server’s', async () => {
    const peer = peers[0]!;
    peer.welcome(START, 4);
    await until(() => line.link === 'open');
    time.pass(9000);
    peer.snapshot(1, {});
    await until(() => changes.length === 1);
    time.pass(9999);
    expect(line.blind).toBe(false);
    time.pass(1);
    expect(line.blind).toBe(true);
  });

  test('a server that was never reached makes a blind screen too', () => {
    time.pass(5000);
    expect([line.blind, line.seen]).toEqual([true, null]);
  });
});

describe('problems', () => {
  test('a forbidden channel is erased, and asked for again much later', async () => {
    const peer = await welcomed();
    peer.snapshot(3, { a: 1 });
    await until(() => changes.length === 1);
    peer.say({ type: 'problem', code: 'forbidden', say: 'Không còn được xem.', temporary: false, channel: 'layer/x' });
    await until(() => line.problems.size === 1);
    expect(items()).toEqual({});
    time.pass(4000);
    peer.say({ type: 'beat', now: new Date(START + 4000).toISOString() });
    peer.snapshot(5, { a: 2 });
    await until(() => items()['a'] === 2);
    expect(line.problems.size).toBe(0);
  });

  test('a temporary one is asked about again soon', async () => {
    const peer = peers[0]!;
    peer.welcome(START, 60);
    await until(() => line.link === 'open');
    peer.say({ type: 'problem', code: 'unknown', say: 'Chưa có.', temporary: true, channel: 'layer/x' });
    await until(() => line.problems.size === 1);
    time.pass(12_500);
    await until(() => peer.watches().length === 2);
  });
});
