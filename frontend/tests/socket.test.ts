// A real WebSocket server on port 0; time belongs to the test.
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Line, type Host, type Socket } from '../src/lib/socket';
import { Peer, QUALITY, START, Time, until, type Told } from './peer';

let server: WebSocketServer;
let peers: Peer[];
let time: Time;
let line: Line;
let changes: string[];
let random: number;
let opened: number;
let full: boolean;

function client(screen = 'overview'): Line {
  const port = (server.address() as AddressInfo).port;
  const host: Host = {
    now: () => time.at,
    wall: () => START + time.at,
    random: () => random,
    after: (ms, then) => time.after(ms, then),
    open: () => {
      opened += 1;
      const ws = new WebSocket(`ws://127.0.0.1:${port}/ws`, 'ioc.v1');
      // Unlike a browser's, this library's socket says that it was closed early as an error.
      ws.on('error', () => undefined);
      return ws as unknown as Socket;
    },
  };
  return new Line(host, { screen }, { change: (channel, change) => void changes.push(`${channel} ${change.kind}`), link: () => undefined });
}

beforeEach(async () => {
  random = 1;
  opened = 0;
  full = false;
  server = new WebSocketServer({ port: 0, host: '127.0.0.1', verifyClient: (_, answer) => answer(!full, 503) });
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
    time.pass(2999);
    expect(peers.length).toBe(1);
    time.pass(1);
    await until(() => peers[1]?.watches().length === 1);
    expect(peers[1]!.watches()[0]).toEqual({ type: 'watch', channels: [{ channel: 'layer/x', epoch: 'e', offset: 3 }] });
    peers[1]!.ws.terminate();
    await until(() => line.tries === 2);
    time.pass(5999);
    expect(peers.length).toBe(2);
    time.pass(1);
    await until(() => peers.length === 3);
  });

  test('whom nobody told when to come waits by chance, so that ten thousand do not come at once', async () => {
    const waits = new Set<number>();
    for (const chance of [0, 0.25, 0.5, 1]) {
      random = chance;
      const peer = await welcomed();
      const before = peers.length;
      peer.ws.terminate();
      await until(() => line.link === 'lost');
      let waited = 0;
      while (opened === before) {
        time.pass(50);
        waited += 50;
      }
      waits.add(waited);
      await until(() => peers.length > before);
    }
    expect([...waits]).toEqual([300, 1000, 1650, 3000]);
  });

  test('a server that is full (503 before the handshake) is asked more and more seldom', async () => {
    const peer = await welcomed();
    full = true;
    peer.ws.terminate();
    for (const [tries, wait] of [[1, 3000], [2, 6000], [3, 10_000], [4, 10_000]] as const) {
      await until(() => line.tries === tries && line.link === 'lost');
      const before = opened;
      time.pass(wait - 1);
      expect(opened).toBe(before);
      time.pass(1);
      expect(opened).toBe(before + 1);
    }
    expect(peers.length).toBe(1);
  });

  test('a server that never welcomes is left after six seconds', async () => {
    time.pass(6000);
    expect(line.link).toBe('lost');
    time.pass(3000);
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
    time.pass(3000);
    await until(() => peers[1]?.watches().length === 1);
    peers[1]!.welcome(START + 8000);
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

describe('a view', () => {
  const HERE = { bbox: [108, 12, 109, 13] as [number, number, number, number], zoom: 11.5 };
  const THERE = { bbox: [109, 12, 110, 13] as [number, number, number, number], zoom: 12 };
  const answer = (peer: Peer, at: number, put: object, drop: string[]) =>
    peer.say({ type: 'delta', channel: 'layer/v', epoch: 'e', after: at, offset: at, put, drop, quality: QUALITY });
  const picture = (peer: Peer, offset: number, there: object) =>
    peer.say({ type: 'snapshot', channel: 'layer/v', epoch: 'e', offset, items: there, quality: QUALITY, part: 1, parts: 1 });
  const watched = (peer: Peer) => peer.watches().flatMap((frame) => (frame['channels'] as Told[]).filter((one) => one['channel'] === 'layer/v'));
  const views = (peer: Peer) => peer.told.filter((frame) => frame['type'] === 'view');
  const held = () => Object.fromEntries(line.boards.get('layer/v')!.items);

  async function seeing(): Promise<Peer> {
    const peer = await welcomed();
    line.look('layer/v', HERE);
    await until(() => watched(peer).length === 1);
    expect(watched(peer)[0]).toEqual({ channel: 'layer/v', view: HERE });
    picture(peer, 3, { a: 1 });
    await until(() => changes.length === 1);
    return peer;
  }

  async function back(): Promise<Peer> {
    const before = peers.length;
    peers.at(-1)!.ws.terminate();
    await until(() => line.link === 'lost');
    line.hurry();
    await until(() => peers.length > before && watched(peers.at(-1)!).length > 0);
    return peers.at(-1)!;
  }

  test('goes with the watch, and with the position that was taken with it', async () => {
    await seeing();
    const peer = await back();
    expect(watched(peer)).toEqual([{ channel: 'layer/v', epoch: 'e', offset: 3, view: HERE }]);
    expect(views(peer)).toEqual([]);
  });

  test('is turned by a frame; once the server has answered, a position goes with the new one', async () => {
    const peer = await seeing();
    line.look('layer/v', THERE);
    await until(() => views(peer).length === 1);
    expect(views(peer)[0]).toEqual({ type: 'view', channel: 'layer/v', ...THERE });
    answer(peer, 3, { b: 2 }, ['a']);
    await until(() => changes.length === 2);
    expect(held()).toEqual({ b: 2 });
    expect(watched(await back())).toEqual([{ channel: 'layer/v', epoch: 'e', offset: 3, view: THERE }]);
  });

  test('that was not surely answered is asked for afresh', async () => {
    const peer = await seeing();
    line.look('layer/v', THERE);
    await until(() => views(peer).length === 1);
    answer(peer, 3, {}, []);
    await until(() => changes.length === 2);
    expect(watched(await back()), 'an empty answer may have told the quality alone').toEqual([{ channel: 'layer/v', view: THERE }]);
  });

  test('that was turned twice is asked for afresh, for the answer may be of either', async () => {
    const peer = await seeing();
    line.look('layer/v', THERE);
    line.look('layer/v', HERE);
    await until(() => views(peer).length === 2);
    answer(peer, 3, { b: 2 }, []);
    await until(() => changes.length === 2);
    expect(watched(await back())).toEqual([{ channel: 'layer/v', view: HERE }]);
  });

  test('that was turned while nobody listened is told after the old one is gone on with', async () => {
    await seeing();
    const before = peers.length;
    peers.at(-1)!.ws.terminate();
    await until(() => line.link === 'lost');
    line.look('layer/v', THERE);
    line.hurry();
    await until(() => peers.length > before && views(peers.at(-1)!).length === 1);
    const peer = peers.at(-1)!;
    expect(watched(peer)).toEqual([{ channel: 'layer/v', epoch: 'e', offset: 3, view: HERE }]);
    expect(views(peer)).toEqual([{ type: 'view', channel: 'layer/v', ...THERE }]);
  });

  test('of a channel that has none is given up, and the channel watched whole', async () => {
    const peer = await welcomed();
    line.look('layer/v', HERE);
    peer.say({ type: 'problem', code: 'unsupported', say: 'Không có khung nhìn.', temporary: false, channel: 'layer/v' });
    await until(() => watched(peer).length === 2);
    expect(watched(peer)[1]).toEqual({ channel: 'layer/v' });
    expect(line.problems.size).toBe(0);
  });
});
