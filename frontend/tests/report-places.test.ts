import { describe, expect, test } from 'vitest';
import type { Units } from '../src/lib/screen';
import { boundsOf } from '../src/lib/screen';
import { distance, metres, nameOf, unitAt } from '../src/report/places';
import { say, sayState } from '../src/report/say';

const square = (x: number, y: number): [number, number][] => [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]];
const HOLE: [number, number][] = [[109.4, 13.4], [109.6, 13.4], [109.6, 13.6], [109.4, 13.6], [109.4, 13.4]];
const UNITS: Units = {
  type: 'FeatureCollection',
  features: [
    { type: 'Feature', properties: { code: '1', name: 'Phường Tuy Hoà', name_en: 'Tuy Hoa Ward' }, geometry: { type: 'Polygon', coordinates: [square(109, 13), HOLE] } },
    { type: 'Feature', properties: { code: '2', name: 'Xã đảo' }, geometry: { type: 'MultiPolygon', coordinates: [[square(111, 13)], [HOLE]] } },
  ],
};

describe('places', () => {
  test.each([
    [109.1, 13.1, 'Phường Tuy Hoà'],
    [111.5, 13.5, 'Xã đảo'],
    [109.5, 13.5, 'Xã đảo'],
    [108.9, 13.1, null],
  ])('%s, %s lies in %s', (lon, lat, name) => {
    const unit = unitAt(UNITS, { lon, lat });
    expect(unit === null ? null : nameOf(unit, 'vi')).toBe(name);
  });

  test('a name without English is told in Vietnamese', () => {
    expect(UNITS.features.map((unit) => nameOf(unit, 'en'))).toEqual(['Tuy Hoa Ward', 'Xã đảo']);
  });

  test('metres, and how they are said', () => {
    expect(metres({ lon: 109, lat: 13 }, { lon: 109, lat: 13.001 })).toBeCloseTo(111.2, 0);
    expect([3, 44, 994, 1240].map((m) => distance(m, 'vi'))).toEqual(['10 m', '40 m', '990 m', '1,2 km']);
    expect(distance(1240, 'en')).toBe('1.2 km');
  });

  test('the frame of all communes; Việt Nam without any', () => {
    expect(boundsOf(UNITS)).toEqual([109, 13, 112, 14]);
    expect(boundsOf({ type: 'FeatureCollection', features: [] })).toEqual([102, 8, 118, 24]);
  });
});

test('words take what they are given; an unknown state is told as it came', () => {
  expect(say('part_of', 'vi', 0, 3)).toBe('0 trên 3 phần');
  expect(say('part_of', 'en', 0, 3)).toBe('0 of 3 parts');
  expect([sayState('done', 'vi'), sayState('moved', 'vi')]).toEqual(['đã xử lý', 'moved']);
});
