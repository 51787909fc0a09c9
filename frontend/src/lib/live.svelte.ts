// What a page watches: the connection of socket.ts made reactive, with one clock for all ages.

import { SvelteMap } from 'svelte/reactivity';
import type { Quality, TileItem } from './protocol';
import { Line, type Host, type Link, type Socket } from './socket';
import { emptyBoard, type Board, type Change } from './store';

/** What changed in a channel since it was last painted; `all` when its items were replaced. */
export interface Touched {
  all: boolean;
  ids: Set<string>;
}

const MOVED_MS = 4_000;
const MOST_MOVES = 3;
const HIDDEN_FLUSH_MS = 250;
/** Frames come a little before or after the beat. */
const RECEIPT_OF_BEAT = 0.9;

function browserHost(): Host {
  const address = new URL('/ws', location.href);
  address.protocol = address.protocol === 'https:' ? 'wss:' : 'ws:';
  return {
    now: () => performance.now(),
    wall: () => Date.now(),
    random: () => Math.random(),
    after(ms, then) {
      const id = window.setTimeout(then, ms);
      return () => window.clearTimeout(id);
    },
    open: () => new WebSocket(address, 'ioc.v1') as unknown as Socket,
  };
}

export class Live {
  readonly line: Line;
  /** Now by the server's clock (ms since 1970), in steps of a second. */
  now = $state(0);
  link = $state<Link>('opening');
  blind = $state(false);
  /** Time of the picture: when the last frame came. */
  seen = $state<number | null>(null);
  tries = $state(0);
  refusal = $state<string | null>(null);
  beat = $state(2);
  /** Blind for so long that figures are taken off. */
  blank = $state(false);

  #versions = new SvelteMap<string, number>();
  #dirty = new Map<string, Touched>();
  #painters = new Map<string, Set<(touched: Touched) => void>>();
  #values = new Map<string, number | string | null>();
  #moved = new SvelteMap<string, number>();
  #arrivals = new Map<string, number>();
  #flushing = false;
  #arrived = 0;
  #stop: (() => void)[] = [];
  /** Receipts that wait for their beat, by channel: milliseconds to the glass; and the last one that was sent. */
  #owed = new Map<string, number>();
  #told = new Map<string, { epoch: string | null; offset: number; at: number }>();

  constructor(
    screen: string,
    /** What people call it: so an alert about it names it. */
    name: string,
    beat: number,
    private readonly blankAfterMs: number,
    private readonly receipts: boolean,
  ) {
    this.line = new Line(
      browserHost(),
      { screen, name },
      { change: (channel, change) => this.#note(channel, change), link: () => this.#mirror() },
      beat,
    );
  }

  start(channels: string[]): void {
    this.line.watch(channels);
    this.line.start();
    this.#tick();
    const hurry = () => this.line.hurry();
    const seen = () => {
      if (document.visibilityState === 'visible') hurry();
    };
    window.addEventListener('online', hurry);
    document.addEventListener('visibilitychange', seen);
    this.#stop.push(
      () => window.removeEventListener('online', hurry),
      () => document.removeEventListener('visibilitychange', seen),
    );
  }

  stop(): void {
    for (const one of this.#stop) one();
    this.#stop = [];
    this.line.stop();
  }

  /** The board of a channel; reading it makes the reader follow its changes. */
  board(channel: string): Board {
    this.#versions.get(channel);
    return this.line.boards.get(channel) ?? NOTHING;
  }

  quality(channel: string): Quality | null {
    return this.board(channel).quality;
  }

  item<T>(channel: string, id: string): T | undefined {
    return this.board(channel).items.get(id) as T | undefined;
  }

  /** Why the server gives nothing for this channel, as a sentence; null when it does. */
  problem(channel: string): string | null {
    this.#versions.get(channel);
    return this.line.problems.get(channel)?.say ?? null;
  }

  /** Calls `paint` once a frame with what changed in the channel, and at once with all of it. */
  follow(channel: string, paint: (touched: Touched) => void): () => void {
    const painters = this.#painters.get(channel) ?? new Set();
    painters.add(paint);
    this.#painters.set(channel, painters);
    paint({ all: true, ids: new Set() });
    return () => painters.delete(paint);
  }

  /** Whether a figure swapped in the last four seconds, alone or nearly so. */
  moved(channel: string): boolean {
    const at = this.#moved.get(channel);
    return at !== undefined && !this.blind && this.now - at < MOVED_MS;
  }

  /** When the channel's items last changed on this glass (server's clock); null before the first. */
  arrivedAt(channel: string): number | null {
    this.#versions.get(channel);
    return this.#arrivals.get(channel) ?? null;
  }

  #note(channel: string, change: Change): void {
    const touched = this.#dirty.get(channel) ?? { all: false, ids: new Set<string>() };
    if (change.kind === 'all') touched.all = true;
    if (change.kind === 'items') for (const id of change.touched) touched.ids.add(id);
    this.#dirty.set(channel, touched);
    if (this.#flushing) return;
    this.#flushing = true;
    this.#arrived = performance.now();
    if (document.visibilityState === 'visible') requestAnimationFrame(() => this.#flush());
    else window.setTimeout(() => this.#flush(), HIDDEN_FLUSH_MS);
  }

  #flush(): void {
    this.#flushing = false;
    const dirty = this.#dirty;
    this.#dirty = new Map();
    this.seen = this.line.seen;
    this.#noteMoves(dirty);
    for (const [channel, touched] of dirty) {
      if (touched.all || touched.ids.size > 0) this.#arrivals.set(channel, this.line.now());
      for (const paint of this.#painters.get(channel) ?? []) paint(touched);
      this.#versions.set(channel, (this.#versions.get(channel) ?? 0) + 1);
    }
    if (this.receipts) this.#receipt([...dirty.keys()]);
  }

  /**
   * After the next frame was drawn: only then it is on the glass. A hidden page draws none, and says so by silence.
   * A position is told once, and a channel at most once a beat: what comes sooner is told with the next that is due.
   */
  #receipt(channels: string[]): void {
    const arrived = this.#arrived;
    requestAnimationFrame(() =>
      requestAnimationFrame((drawn) => {
        for (const channel of channels) this.#owed.set(channel, Math.max(0, drawn - arrived));
        for (const [channel, ms] of this.#owed) {
          const { epoch, offset } = this.line.boards.get(channel) ?? NOTHING;
          const before = this.#told.get(channel);
          const known = before !== undefined && before.epoch === epoch && before.offset === offset;
          if (!known && before !== undefined && drawn - before.at < RECEIPT_OF_BEAT * this.beat * 1000) continue;
          this.#owed.delete(channel);
          if (known || this.line.link !== 'open') continue;
          this.#told.set(channel, { epoch, offset, at: drawn });
          this.line.shown(channel, ms);
        }
      }),
    );
  }

  #noteMoves(dirty: Map<string, Touched>): void {
    const moves: string[] = [];
    for (const [channel, touched] of dirty) {
      if (!channel.startsWith('tile/')) continue;
      const item = this.line.boards.get(channel)?.items.get('all') as TileItem | undefined;
      const value = item?.value ?? null;
      const old = this.#values.get(channel);
      if (old !== undefined && old !== value && !touched.all) moves.push(channel);
      this.#values.set(channel, value);
    }
    if (moves.length <= MOST_MOVES) for (const channel of moves) this.#moved.set(channel, this.line.now());
  }

  #mirror(): void {
    const line = this.line;
    this.link = line.link;
    // Another connection has heard no receipt yet.
    if (line.link !== 'open') this.#told.clear();
    this.blind = line.blind;
    this.tries = line.tries;
    this.refusal = line.refusal;
    this.beat = line.beat;
    this.seen = line.seen;
    this.now = line.now();
    this.#judgeBlank();
    for (const channel of line.boards.keys()) {
      if (line.problems.has(channel)) this.#versions.set(channel, (this.#versions.get(channel) ?? 0) + 1);
    }
  }

  #judgeBlank(): void {
    const seen = this.line.seen;
    this.blank = this.blind && (seen === null || this.now - seen >= this.blankAfterMs);
  }

  /** Once a second, on the server's second. */
  #tick(): void {
    const beat = () => {
      this.now = this.line.now();
      if (!this.blind) this.seen = this.line.seen;
      this.#judgeBlank();
      timer = window.setTimeout(beat, 1000 - (this.line.now() % 1000) + 5);
    };
    let timer = 0;
    beat();
    this.#stop.push(() => window.clearTimeout(timer));
  }
}

const NOTHING: Board = emptyBoard();
