import { describe, expect, it } from 'vitest';
import { corners, covered, fitted, type Point, type Rect } from '../src/lib/free';
import { period } from '../src/lib/format';
import { cellsThatFit, cellWidth } from '../src/lib/sources';
import { tight } from '../src/lib/tiles';

const LEAST = { top: 18, right: 60, bottom: 48, left: 18 };
const LEGEND: Rect = { left: 540, top: 540, right: 950, bottom: 620 };

/** Where the points come to lie with that padding, as the map does it. */
function laid(points: Point[], padding: typeof LEAST): Point[] {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [west, east, north, south] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const [x, y] = [950 - padding.left - padding.right, 620 - padding.top - padding.bottom];
  const scale = Math.min(x / (east - west), y / (south - north));
  return points.map(([px, py]) => [padding.left + x / 2 + scale * (px - (west + east) / 2), padding.top + y / 2 + scale * (py - (north + south) / 2)]);
}
const under = (points: Point[]) => points.filter(([x, y]) => x > LEGEND.left && x < LEGEND.right && y > LEGEND.top && y < LEGEND.bottom);

describe('a province', () => {
  const narrow: Point[] = Array.from({ length: 60 }, (_, n) => [0.5 + 0.35 * Math.cos(n / 9.55), 0.5 + 0.5 * Math.sin(n / 9.55)]);
  narrow.push([0.85, 0.98]);

  it('is fitted into what the legend leaves free, as large as it was', () => {
    const padding = fitted(narrow, 950, 620, LEAST, [LEGEND]);
    expect(under(laid(narrow, LEAST)).length).toBeGreaterThan(0);
    expect(under(laid(narrow, padding))).toEqual([]);
    expect(padding.bottom).toBe(LEAST.bottom);
    expect(padding.right).toBeLessThanOrEqual(410);
  });
  it('stays where it is when nothing lies over it, or nothing is free', () => {
    const small: Point[] = [[0, 0], [0.2, 1]];
    expect(fitted(small, 950, 620, LEAST, [LEGEND])).toEqual(LEAST);
    expect(fitted(narrow, 950, 620, LEAST, [{ left: 0, top: 0, right: 950, bottom: 620 }])).toEqual(LEAST);
  });
  it('has points between far corners', () => {
    const square = { type: 'Polygon' as const, coordinates: [[[106, 11], [107, 11], [107, 12], [106, 11]]] };
    const found = corners({ type: 'FeatureCollection', features: [{ type: 'Feature', properties: {}, geometry: square }] });
    expect(found.length).toBe(1 + 3 * 8);
  });
});

it('covers what is taken, and a frame that no name crosses', () => {
  const at = covered(950, 620, [LEGEND], 28);
  const near = (x: number, y: number) => at.some(([px, py]) => Math.abs(px - x) <= 14 && Math.abs(py - y) <= 14);
  for (const [x, y] of [[541, 541], [700, 580], [949, 619], [300, 1], [1, 300], [949, 200], [200, 619]]) expect(near(x!, y!)).toBe(true);
  expect(near(400, 300)).toBe(false);
});

describe('what stands on a strip or a tile', () => {
  it('names those in trouble as far as they fit, and counts the rest', () => {
    expect(cellsThatFit([200, 200, 200], [200, 200], 1000, 6, 150)).toEqual({ troubled: 3, quiet: 2 });
    expect(cellsThatFit([200, 200, 200], [200, 200], 900, 6, 150)).toEqual({ troubled: 3, quiet: 1 });
    expect(cellsThatFit([300, 300, 300], [200], 800, 6, 150)).toEqual({ troubled: 2, quiet: 0 });
    expect(cellsThatFit([100, 100, 100], [], 1000, 2, 150)).toEqual({ troubled: 1, quiet: 0 });
    expect(cellWidth('Đếm xe', 'chưa có')).toBeGreaterThan(cellWidth('Đếm xe', ''));
  });
  it('makes a long figure with its unit smaller', () => {
    const face = { value: '650.848', unit: 'người', level: null, trend: null, others: [] };
    expect(tight(face)).toBe('tight');
    expect(tight({ ...face, value: '20.226' })).toBe('tight');
    expect(tight({ ...face, value: '2.629.543', unit: 'văn bản' })).toBe('tight bare');
    expect(tight({ ...face, value: '135', unit: 'lượt hôm nay' })).toBe('');
    expect(tight({ ...face, value: '2.611', unit: 'mũi' })).toBe('');
    expect(tight({ ...face, value: '94,2', unit: '%', level: 'warn', trend: { way: 'dn', by: '0,6', over: '1 tuần' } })).toBe('');
  });
  it('calls a leap year a year', () => expect(period(366 * 86_400, 'vi')).toBe('1 năm'));
});
