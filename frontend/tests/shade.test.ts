import { describe, expect, test } from 'vitest';
import { classes, classOf, classWords } from '../src/lib/shade';

const LIMITS = [30, 45, 60, 75];

describe('a map that is filled by a figure', () => {
  test('a figure at a limit is in the class above it, and five classes take all', () => {
    expect([-5, 0, 29.9, 30, 44.9, 45, 60, 75, 300].map((value) => classOf(value, LIMITS))).toEqual([0, 0, 0, 1, 1, 2, 3, 4, 4]);
  });
  test('no figure is no class, and never the lowest', () => {
    expect([null, undefined, 'cao', Number.NaN].map((value) => classOf(value, LIMITS))).toEqual([null, null, null, null]);
    const items = new Map<string, unknown>([['1', { value: 0 }], ['2', { value: null }], ['all', { value: 50 }]]);
    expect([...classes(items, ['1', '2', '3'], LIMITS)]).toEqual([['1', 0], ['2', null], ['3', null]]);
  });
  test('the legend says where the classes end', () => {
    expect(classWords({ limits: LIMITS, decimals: 0 }, 'vi')).toEqual(['< 30', '30–45', '45–60', '60–75', '≥ 75']);
    expect(classWords({ limits: [0.5, 1, 1.5, 2], decimals: 1 }, 'vi')[0]).toBe('< 0,5');
  });
});
