// What part of a channel is looked at, and which part the position on the board was taken with: only a view that the
// server surely answered may go with a position; where that is not sure, the channel is asked for afresh.

import type { Delta, Position } from './protocol';
import type { Board, Change } from './store';

export interface View {
  bbox: [west: number, south: number, east: number, north: number];
  zoom: number;
}

/** How much of what is seen is asked for on each side too, so that a small move shows nothing empty. */
const MARGIN = 0.2;

/** What is seen with its margin, on the earth. */
export function around([west, south, east, north]: View['bbox']): View['bbox'] {
  const [x, y] = [(east - west) * MARGIN, (north - south) * MARGIN];
  if (east - west + 2 * x >= 360) return [-180, Math.max(-90, south - y), 180, Math.min(90, north + y)];
  return [wrapped(west - x), Math.max(-90, south - y), wrapped(east + x), Math.min(90, north + y)];
}

/** A longitude between -180 and 180: a map that was turned around the earth counts on. */
function wrapped(longitude: number): number {
  return longitude >= -180 && longitude <= 180 ? longitude : ((((longitude + 180) % 360) + 360) % 360) - 180;
}

/** Whether what is seen needs another view than the one that was asked for: it leaves it, or is of another zoom. */
export function beyond([west, south, east, north]: View['bbox'], zoom: number, asked: View): boolean {
  const [w, s, e, n] = asked.bbox;
  return Math.floor(zoom) !== Math.floor(asked.zoom) || west < w || south < s || east > e || north > n;
}

export class Look {
  /** The view that the board's position was taken with; null while that is not sure. */
  #taken: View | null = null;
  /** In the watch that is on its way: the snapshot that answers it is of this view. */
  #asked: View | null = null;
  /** Sent by itself, and not answered yet; null when several were, so that an answer may be of either. */
  #sent: View | null = null;

  constructor(public now: View) {}

  /** A place of a watch: from the board's position when that is safe. */
  place(channel: string, board: Board | undefined, fresh: boolean): Position {
    this.#sent = null;
    if (fresh || board === undefined || board.epoch === null || this.#taken === null) {
      this.#taken = null;
      this.#asked = this.now;
      return { channel, view: this.now };
    }
    this.#asked = null;
    return { channel, epoch: board.epoch, offset: board.offset, view: this.#taken };
  }

  /** Whether the board's position is of another view than what is looked at now. */
  get turned(): boolean {
    return (this.#taken ?? this.#asked) !== this.now;
  }

  /** The view was sent by itself. */
  sent(): void {
    this.#sent = this.#taken === null ? null : this.now;
    this.#taken = this.#asked = null;
  }

  /** A frame was folded into the board. */
  folded(frame: { type: string }, change: Change): void {
    if (change.kind === 'all' && this.#asked !== null) {
      this.#taken = this.#asked;
      this.#asked = null;
    }
    const delta = frame as Delta;
    // Only the answer to a view changes items and leaves the position; an empty one may be of the quality alone.
    if (change.kind === 'items' && this.#sent !== null && delta.type === 'delta' && delta.after === delta.offset) {
      this.#taken = this.#sent;
      this.#sent = null;
    }
  }
}
