// The other end of a connection in the tests: what a server says and was told, and a clock that a test moves.
import type { WebSocket } from 'ws';

export const QUALITY = { state: 'live', why: null, observed: null, received: null, due: null, have: 1, expect: 1, refused: 0, method: 'machine', sources: {} };
export const START = Date.parse('2026-03-10T14:32:00+07:00');

export type Told = Record<string, unknown>;

/** Waits for what the network brings; vitest's own limit ends a test that waits in vain. */
export async function until(true_: () => boolean): Promise<void> {
  while (!true_()) await new Promise((done) => setImmediate(done));
}

export class Time {
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

export class Peer {
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
