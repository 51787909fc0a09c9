// Which scene is on the wall: it changes after its seconds, stops when blind, is held by a new bad alert until
// that is claimed, and an operator can pin it.

import type { Live } from '../lib/live.svelte';
import type { AlertItem } from '../lib/protocol';
import type { Scene } from '../lib/screen';

const LEAST_SECONDS = 20;

export class Rotation {
  at = $state(0);
  /** Seconds left of this scene. */
  left = $state(0);
  pinned = $state(false);
  held = $state(false);
  #known: Set<string> | null = null;
  #holding = new Set<string>();

  constructor(
    private readonly scenes: Scene[],
    private readonly live: Live,
  ) {
    this.left = this.#seconds();
  }

  #seconds(): number {
    return Math.max(LEAST_SECONDS, this.scenes[this.at]?.seconds ?? LEAST_SECONDS);
  }

  go(to: number): void {
    this.at = (to + this.scenes.length) % this.scenes.length;
    this.left = this.#seconds();
  }

  pin(): void {
    this.pinned = !this.pinned;
    this.left = this.#seconds();
  }

  /** Called once a second. */
  tick(): void {
    if (this.scenes.length < 2) return;
    this.#watchAlerts();
    if (this.live.blind || this.pinned || this.held) return;
    this.left -= 1;
    if (this.left <= 0) this.go(this.at + 1);
  }

  #watchAlerts(): void {
    const board = this.live.line.boards.get('alerts');
    if (board === undefined || board.epoch === null || this.live.blind) return;
    const open = new Map([...board.items.values()].map((item) => [(item as AlertItem).id, item as AlertItem]));
    const known = this.#known;
    // What was bad before this page began is not new; a warning that turns bad is.
    this.#known = new Set([...open.values()].filter((alert) => alert.level === 'bad').map((alert) => alert.id));
    for (const id of this.#holding) if (open.get(id)?.claimed || !open.has(id)) this.#holding.delete(id);
    for (const [id, alert] of known === null ? [] : open) {
      if (known?.has(id) || alert.level !== 'bad' || alert.claimed) continue;
      this.#holding.add(id);
      const scene = this.scenes.findIndex((one) => alert.source !== null && one.sources.includes(alert.source));
      this.go(Math.max(0, scene));
    }
    this.held = this.#holding.size > 0;
  }
}
