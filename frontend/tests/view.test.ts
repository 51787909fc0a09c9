import { describe, expect, test } from 'vitest';
import { paint, tallied } from '../src/lib/paint';
import { middle, region } from '../src/lib/regions';
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

test('a station is painted by its alarm level before its silence', () => {
  const icons = [0, 1, 2, 3].map((alarm) => paint('stations', { alarm, state: 'live' }).icon);
  expect(icons).toEqual(['triangle', 'stationWarn', 'stationBad', 'stationBad']);
  expect(paint('stations', { alarm: 2, state: 'stale' })).toMatchObject({ icon: 'stationBad', trouble: true });
  expect(paint('stations', { alarm: null, state: 'down' })).toMatchObject({ icon: 'down', trouble: true });
  expect(paint('cameras', { alarm: 2, state: 'live' }).trouble).toBe(false);
});

test('a warning is an area while it is open and has a place', () => {
  const item = (told: object, geometry: object | null = { type: 'Point', coordinates: [108, 15] }) => ({ geometry, properties: { open: true, event: 'Lũ', ...told } });
  const levels = ['Extreme', 'Severe', 'Moderate', 'Minor'].map((severity) => region('a', item({ severity }))?.properties?.['level']);
  expect(levels).toEqual(['bad', 'bad', 'warn', 'calm']);
  expect(region('a', item({ open: false }))).toBeNull();
  expect(region('a', item({}, null))).toBeNull();
  const ring = [[107, 15], [108, 15], [108, 16], [107, 15]];
  expect(middle({ type: 'MultiPolygon', coordinates: [[ring]] })).toEqual([107.5, 15.5]);
});
