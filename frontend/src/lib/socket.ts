// One connection of protocol `ioc.v1`: it watches channels, keeps their boards, comes back by itself, and knows
// when it is blind. Time, chance and the socket come from `Host`, so that tests own them.

import { emptyBoard, fold, type Board, type Change } from './store';
import type { Bye, Frame, Position, Problem } from './protocol';
import { Look, type View } from './view';

export interface Socket {
  send(text: string): void;
  close(code?: number): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number }) => void) | null;
}

export interface Host {
  /** Milliseconds that only ever grow. */
  now(): number;
  /** Milliseconds since 1970 by the machine's own clock; used until the server has told its own. */
  wall(): number;
  after(ms: number, then: () => void): () => void;
  random(): number;
  open(): Socket;
}

/** `opening`: on the way; `open`: welcomed; `lost`: coming back by itself; `refused`: told not to come back. */
export type Link = 'opening' | 'open' | 'lost' | 'refused';

export interface Listener {
  change(channel: string, change: Change): void;
  /** The link, blindness, or a problem changed. */
  link(): void;
}

/** The first wait of one whom the server told when to come: the server has spread them over a while. */
const TOLD_WAIT_MS = 500;
/** Of one whom nobody told: ten thousand of them must not come back in one moment. */
const FIRST_WAIT_MS = 3_000;
const LONGEST_WAIT_MS = 10_000;
const OPENING_MS = 6_000;
const AGAIN_SOON_MS = 10_000;
const AGAIN_LATE_MS = 300_000;
/** The server's clock may be believed to have gone back by more than this, not by a slow network. */
const SKEW_BACK_MS = 1_500;

export class Line {
  readonly boards = new Map<string, Board>();
  readonly problems = new Map<string, Problem>();
  link: Link = 'opening';
  beat = 2;
  blind = false;
  /** Server's clock when the last frame came: the time of the picture. Null before the first. */
  seen: number | null = null;
  /** Attempts since the link was lost. */
  tries = 0;
  /** Why the server does not want us, as a sentence. */
  refusal: string | null = null;

  #socket: Socket | null = null;
  #heard: number;
  #heardWall: number;
  #skew: number;
  #skewKnown = false;
  #deadline: (() => void) | null = null;
  #retry: (() => void) | null = null;
  #opening: (() => void) | null = null;
  #again = new Map<string, () => void>();
  #bye: Bye | null = null;
  #closed = false;
  #looks = new Map<string, Look>();
  /** Whether this connection has said what it watches. */
  #watching = false;

  constructor(
    private readonly host: Host,
    private readonly hello: { screen?: string; name?: string; key?: string },
    private readonly listener: Listener,
    beat?: number,
  ) {
    if (beat !== undefined) this.beat = beat;
    this.#heard = host.now();
    this.#heardWall = host.wall();
    this.#skew = host.wall() - host.now();
  }

  /** Now by the server's clock, in milliseconds since 1970; counted on locally when nothing comes. */
  now(): number {
    return this.host.now() + this.#skew;
  }

  start(): void {
    this.#arm();
    this.#open();
  }

  stop(): void {
    this.#closed = true;
    for (const cancel of [this.#deadline, this.#retry, this.#opening, ...this.#again.values()]) cancel?.();
    this.#again.clear();
    this.#leave();
  }

  watch(channels: string[]): void {
    const fresh = channels.filter((channel) => !this.boards.has(channel));
    for (const channel of fresh) this.boards.set(channel, emptyBoard());
    if (this.#watching) this.#ask(fresh);
  }

  /** Watches a part of a channel from now on: only what is in the view comes. */
  look(channel: string, view: View): void {
    const look = this.#looks.get(channel);
    if (look === undefined) {
      this.#looks.set(channel, new Look(view));
      if (this.boards.has(channel) && this.#watching) this.#ask([channel], true);
      else this.watch([channel]);
      return;
    }
    look.now = view;
    if (this.#watching) this.#turn(channel, look);
  }

  #turn(channel: string, look: Look): void {
    if (!look.turned) return;
    this.#send({ type: 'view', channel, ...look.now });
    look.sent();
  }

  /** Stops channels, and forgets what they showed. */
  unwatch(channels: string[]): void {
    const known = channels.filter((channel) => this.boards.delete(channel));
    for (const channel of known) {
      this.problems.delete(channel);
      this.#looks.delete(channel);
      this.#again.get(channel)?.();
      this.#again.delete(channel);
    }
    if (this.#watching && known.length > 0) this.#send({ type: 'unwatch', channels: known });
  }

  /** Tries at once, when it was waiting to (the network came back, a tab was woken). */
  hurry(): void {
    if (this.#retry !== null) {
      this.#retry();
      this.#retry = null;
      this.#open();
    }
  }

  /** Tells the server that this version is on the glass; `ms`: from the frame's arrival to the glass. */
  shown(channel: string, ms: number): void {
    const board = this.boards.get(channel);
    if (this.link !== 'open' || board?.epoch == null) return;
    this.#send({ type: 'shown', channel, epoch: board.epoch, offset: board.offset, ms: Math.round(ms) });
  }

  #send(frame: object): void {
    this.#socket?.send(JSON.stringify(frame));
  }

  #ask(channels: string[], fresh = false): void {
    if (channels.length === 0) return;
    const wanted = channels.map((channel): Position => {
      const board = this.boards.get(channel);
      const look = this.#looks.get(channel);
      if (look !== undefined) return look.place(channel, board, fresh);
      if (fresh || board === undefined || board.epoch === null) return { channel };
      return { channel, epoch: board.epoch, offset: board.offset };
    });
    this.#send({ type: 'watch', channels: wanted });
    for (const channel of channels) {
      const look = this.#looks.get(channel);
      if (look !== undefined) this.#turn(channel, look);
    }
  }

  #open(): void {
    if (this.#closed || this.link === 'refused') return;
    this.#leave();
    this.#bye = null;
    const socket = this.host.open();
    this.#socket = socket;
    // A stopped server accepts the connection and never answers: do not wait for ever.
    this.#opening = this.host.after(OPENING_MS, () => this.#lose(socket));
    socket.onopen = () => {
      if (this.#socket !== socket) return;
      this.#send({ type: 'hello', ...this.hello });
      this.#watching = true;
      this.#ask([...this.boards.keys()]);
    };
    socket.onmessage = (event) => {
      if (this.#socket === socket) this.#read(event.data);
    };
    socket.onclose = (event) => {
      if (this.#socket === socket) this.#lose(socket, event.code);
    };
  }

  /** Forgets the socket in use, so that nothing it still says counts. */
  #leave(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#watching = false;
    this.#opening?.();
    this.#opening = null;
    if (socket === null) return;
    socket.onopen = socket.onmessage = socket.onclose = null;
    try {
      socket.close();
    } catch {
      // A socket that never opened may refuse to close; it is forgotten all the same.
    }
  }

  #lose(socket: Socket, code = 1006): void {
    if (this.#socket !== socket || this.#closed) return;
    this.#leave();
    for (const board of this.boards.values()) {
      board.coming = null;
      board.step = [];
    }
    const bye = this.#bye;
    if (bye?.reconnect === false || (code >= 4500 && code <= 4999)) {
      this.#refuse(bye?.say ?? null);
      return;
    }
    this.link = 'lost';
    const asked = (bye?.after ?? 0) * 1000;
    const first = asked > 0 ? TOLD_WAIT_MS : FIRST_WAIT_MS;
    const wait = Math.min(LONGEST_WAIT_MS, first * 2 ** Math.min(this.tries, 10));
    this.tries += 1;
    const jitter = 0.1 + 0.9 * this.host.random();
    this.#retry = this.host.after(asked + wait * jitter, () => {
      this.#retry = null;
      this.#open();
    });
    this.listener.link();
  }

  /** Told not to come back: what was shown is no longer ours to show. */
  #refuse(say: string | null): void {
    this.link = 'refused';
    this.refusal = say;
    for (const channel of this.boards.keys()) this.#erase(channel);
    this.listener.link();
  }

  #erase(channel: string): void {
    this.boards.set(channel, emptyBoard());
    this.listener.change(channel, { kind: 'all' });
  }

  #read(data: unknown): void {
    if (typeof data !== 'string') return;
    let frame: Frame;
    try {
      frame = JSON.parse(data) as Frame;
    } catch {
      return;
    }
    this.take(frame);
  }

  /** Takes one frame, as if it had come over the connection. */
  take(frame: Frame): void {
    this.#heard = this.host.now();
    this.#heardWall = this.host.wall();
    if (frame.type === 'welcome' || frame.type === 'beat') this.#setClock(frame.now);
    this.seen = this.now();
    if (frame.type === 'welcome') {
      this.link = 'open';
      this.tries = 0;
      if (frame.beat > 0) this.beat = frame.beat;
      this.#opening?.();
      this.#opening = null;
      this.problems.clear();
      this.#arm();
      this.listener.link();
    }
    if (this.blind && this.link === 'open') {
      this.blind = false;
      this.#arm();
      this.listener.link();
    }
    if (frame.type === 'snapshot' || frame.type === 'delta') this.#fold(frame);
    else if (frame.type === 'problem') this.#problem(frame);
    else if (frame.type === 'bye') this.#bye = frame;
  }

  #fold(frame: Extract<Frame, { type: 'snapshot' | 'delta' }>): void {
    const board = this.boards.get(frame.channel);
    if (board === undefined) return;
    const change = fold(board, frame);
    this.#looks.get(frame.channel)?.folded(frame, change);
    if (change.kind === 'gap') this.#ask([frame.channel], true);
    else if (change.kind !== 'none') {
      if (this.problems.delete(frame.channel)) this.listener.link();
      this.listener.change(frame.channel, change);
    }
  }

  #problem(problem: Problem): void {
    const channel = problem.channel;
    if (channel === undefined || !this.boards.has(channel)) return;
    if (problem.code === 'unsupported' && this.#looks.delete(channel)) {
      // A channel without views is watched whole.
      this.#ask([channel], true);
      return;
    }
    this.problems.set(channel, problem);
    if (problem.code === 'forbidden') this.#erase(channel);
    this.#again.get(channel)?.();
    const wait = problem.temporary ? AGAIN_SOON_MS : AGAIN_LATE_MS;
    this.#again.set(
      channel,
      this.host.after(wait * (0.75 + 0.5 * this.host.random()), () => {
        this.#again.delete(channel);
        if (this.link === 'open' && this.problems.has(channel)) this.#ask([channel]);
      }),
    );
    this.listener.link();
  }

  #setClock(text: string): void {
    const told = Date.parse(text);
    if (Number.isNaN(told)) return;
    const skew = told - this.host.now();
    // A late frame makes the server's clock look slow, never fast: keep the largest.
    if (!this.#skewKnown || skew > this.#skew || this.#skew - skew > SKEW_BACK_MS) this.#skew = skew;
    this.#skewKnown = true;
  }

  /** Waits until 2.5 beats have passed since the last frame. */
  #arm(): void {
    this.#deadline?.();
    const limit = this.beat * 2500;
    // A machine that slept has a monotonic clock that may have stood still: its own clock tells.
    const quiet = Math.max(this.host.now() - this.#heard, this.host.wall() - this.#heardWall);
    this.#deadline = this.host.after(Math.max(10, limit - quiet), () => this.#judge());
  }

  #judge(): void {
    const quiet = Math.max(this.host.now() - this.#heard, this.host.wall() - this.#heardWall);
    if (this.link === 'refused') return;
    if (quiet < this.beat * 2500) {
      this.#arm();
      return;
    }
    this.blind = true;
    this.listener.link();
    if (this.#socket !== null && this.#opening === null) this.#lose(this.#socket);
  }
}
