import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Delta, Snapshot } from '../src/lib/protocol';
import { emptyBoard, fold } from '../src/lib/store';

interface Case {
  name: string;
  frames: (Snapshot | Delta)[];
  expect: { epoch: string | null; offset: number; items: Record<string, unknown>; state: string | null; gap?: boolean };
}

const { cases } = JSON.parse(readFileSync(new URL('../../tests/vectors/board.json', import.meta.url), 'utf8')) as { cases: Case[] };

describe('the law of boards', () => {
  test.each(cases.map((one) => [one.name, one] as const))('%s', (_, one) => {
    const board = emptyBoard();
    const gaps = one.frames.map((frame) => fold(board, frame)).filter((change) => change.kind === 'gap');
    expect(Object.fromEntries(board.items)).toEqual(one.expect.items);
    expect([board.epoch, board.offset]).toEqual([one.expect.epoch, one.expect.offset]);
    expect(board.quality?.state ?? null).toBe(one.expect.state);
    expect(gaps.length > 0).toBe(one.expect.gap ?? false);
  });

  test('a change names what it touched, and nothing else', () => {
    const board = emptyBoard();
    const first = cases[1]!.frames;
    expect(fold(board, first[0]!)).toEqual({ kind: 'all' });
    const change = fold(board, first[1]!);
    expect(change.kind === 'items' && [...change.touched].sort()).toEqual(['x', 'y', 'z']);
  });

  test('any cut of random deltas gives the board of one snapshot', () => {
    const next = (seed: number) => (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    for (let seed = 1; seed <= 60; seed += 1) {
      let s = seed;
      const truth = new Map<string, unknown>();
      const board = emptyBoard();
      const quality = cases[0]!.frames[0]!.quality!;
      fold(board, { type: 'snapshot', channel: 'c', epoch: 'e', offset: 0, items: {}, quality, part: 1, parts: 1 });
      let offset = 0;
      for (let step = 0; step < 40; step += 1) {
        const put: Record<string, unknown> = {};
        const drop: string[] = [];
        for (let n = 0; n < 3; n += 1) {
          s = next(s);
          const id = `i${s % 12}`;
          s = next(s);
          if (s % 3 === 0) drop.push(id);
          else put[id] = s;
        }
        for (const id of drop) truth.delete(id);
        for (const [id, item] of Object.entries(put)) truth.set(id, item);
        fold(board, { type: 'delta', channel: 'c', epoch: 'e', after: offset, offset: offset + 1, put, drop });
        offset += 1;
      }
      expect(Object.fromEntries(board.items)).toEqual(Object.fromEntries(truth));
    }
  });
});
