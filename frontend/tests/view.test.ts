import { describe, expect, test } from 'vitest';
import { tallied } from '../src/lib/paint';
import { around, beyond } from '../src/lib/view';

describe('what is asked for', () => {
  test('is what is seen and some of what lies around it', () => {
    const [west, south, east, north] = around([108, 12, 109, 13]);
    expect([west, south, east, north].map((one) => Math.round(one * 10) / 10)).toEqual([107.8, 11.8, 109.2, 13.2]);
  });

  test('ends where the earth ends, and goes over the date line', () => {
    expect(around([-200, -95, 200, 95])).toEqual([-180, -90, 180, 90]);
    const [west, , east] = around([170, 0, 185, 10]);
    expect([west, east]).toEqual([167, -172]);
    expect(around([530, 0, 531, 1])[0], 'a map that was turned around the earth').toBeCloseTo(169.8);
  });

  test('serves until what is seen leaves it, or is of another zoom', () => {
    const asked = { bbox: around([108, 12, 109, 13]), zoom: 11.2 };
    expect(beyond([108.1, 12.1, 109.1, 13.1], 11.9, asked)).toBe(false);
    expect(beyond([108.3, 12, 109.3, 13], 11.2, asked)).toBe(true);
    expect(beyond([108.1, 12.1, 109, 13], 12, asked)).toBe(true);
  });
});

test('a cluster of the server counts for all that is in it, any other item for one', () => {
  expect(tallied('cameras', { cluster: true, count: 12, bad: 3, state: 'down' })).toEqual({ many: 12, bad: 3 });
  expect(tallied('cameras', { state: 'down' })).toEqual({ many: 1, bad: 1 });
  expect(tallied('reports', { overdue: false })).toEqual({ many: 1, bad: 0 });
});
