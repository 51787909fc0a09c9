// The law of boards: old snapshot + deltas = new snapshot. No input or output here; the cases in
// tests/vectors/*.json are read by this module's test and by the server's.

import type { Delta, Quality, Snapshot } from './protocol';

interface Coming {
  epoch: string;
  offset: number;
  parts: number;
  next: number;
  items: Map<string, unknown>;
}

/** What is known of one channel, at a position. `epoch` is null before the first whole snapshot. */
export interface Board {
  epoch: string | null;
  offset: number;
  items: Map<string, unknown>;
  quality: Quality | null;
  /** A snapshot whose last part has not come: the old picture stays until then. */
  coming: Coming | null;
  /** Frames of a step that said `more`: they count when the step's last frame comes. */
  step: Delta[];
}

/**
 * What a frame did: `none` (nothing to see yet), `quality`, `items` (these ids were put or dropped; a key of
 * `touched` that the board no longer has was dropped), `all` (the items were replaced), `gap` (take a fresh snapshot).
 */
export type Change =
  | { kind: 'none' }
  | { kind: 'quality' }
  | { kind: 'items'; touched: Set<string> }
  | { kind: 'all' }
  | { kind: 'gap'; why: string };

export function emptyBoard(): Board {
  return { epoch: null, offset: 0, items: new Map(), quality: null, coming: null, step: [] };
}

/** Takes one frame into the board, and says what changed. A `gap` leaves items and position as they were. */
export function fold(board: Board, frame: Snapshot | Delta): Change {
  return frame.type === 'snapshot' ? takePart(board, frame) : takeDelta(board, frame);
}

function takePart(board: Board, part: Snapshot): Change {
  board.step = [];
  if (part.part === 1) {
    board.coming = { epoch: part.epoch, offset: part.offset, parts: part.parts, next: 1, items: new Map() };
  }
  const coming = board.coming;
  if (
    coming === null ||
    coming.next !== part.part ||
    coming.epoch !== part.epoch ||
    coming.offset !== part.offset ||
    coming.parts !== part.parts
  ) {
    board.coming = null;
    return { kind: 'gap', why: `part ${part.part} of ${part.parts} does not follow` };
  }
  for (const [id, item] of Object.entries(part.items)) coming.items.set(id, item);
  coming.next += 1;
  if (coming.next <= coming.parts) return { kind: 'none' };
  board.epoch = coming.epoch;
  board.offset = coming.offset;
  board.items = coming.items;
  board.quality = part.quality;
  board.coming = null;
  return { kind: 'all' };
}

function takeDelta(board: Board, delta: Delta): Change {
  if (board.coming !== null) {
    board.coming = null;
    return { kind: 'gap', why: 'a delta came between the parts of a snapshot' };
  }
  if (board.epoch !== delta.epoch || board.offset !== delta.after) {
    board.step = [];
    return { kind: 'gap', why: `at ${board.epoch}/${board.offset}, the delta starts at ${delta.epoch}/${delta.after}` };
  }
  board.step.push(delta);
  if (delta.more === true) return { kind: 'none' };
  const step = board.step;
  board.step = [];
  const touched = new Set<string>();
  for (const one of step) {
    for (const id of one.drop) if (board.items.delete(id)) touched.add(id);
    for (const [id, item] of Object.entries(one.put)) {
      board.items.set(id, item);
      touched.add(id);
    }
    if (one.quality !== undefined) board.quality = one.quality;
  }
  board.offset = delta.offset;
  if (touched.size > 0) return { kind: 'items', touched };
  return step.some((one) => one.quality !== undefined) ? { kind: 'quality' } : { kind: 'none' };
}
