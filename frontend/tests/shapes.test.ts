import { describe, expect, test } from 'vitest';
import { paint } from '../src/lib/paint';
import { area, track } from '../src/lib/shapes';

describe('what a layer draws beside its marks', () => {
  test('a track is drawn as the server cut it: a lone place makes no line, and nothing is joined', () => {
    const tracks = [[[109, 15.5, 1], [109.1, 15.5, 61, { zones: ['cam-1'] }]], [[112, 18, 30]], [[110, 16, 90], [110.1, 16, 150], [110.2, 16, 210]]];
    const drawn = track('mmsi/574900001', { properties: { tracks } });
    expect(drawn?.id).toBe('mmsi/574900001');
    expect(drawn?.geometry.coordinates).toEqual([[[109, 15.5], [109.1, 15.5]], [[110, 16], [110.1, 16], [110.2, 16]]]);
  });
  test('without two places in a row there is none', () => {
    expect(track('a', { properties: { tracks: [[[109, 15.5, 1]], []] } })).toBeNull();
    expect(track('a', { properties: { tracks: 'no' } })).toBeNull();
    expect(track('a', undefined)).toBeNull();
  });
  test('an area has its name, and whether nobody may enter', () => {
    const geometry = { type: 'Polygon', coordinates: [[[109, 15], [110, 15], [110, 16], [109, 15]]] };
    expect(area('cam-1', { type: 'Feature', geometry, properties: { name: 'Vùng cấm', closed: true } })).toMatchObject({ id: 'cam-1', geometry, properties: { name: 'Vùng cấm', closed: true } });
    expect(area('a', { type: 'Feature', geometry: { type: 'Point', coordinates: [109, 15] }, properties: {} })).toBeNull();
    expect(area('a', undefined)).toBeNull();
  });
});

describe('vessels', () => {
  test('who sails is an arrow along the course, who lies a dot', () => {
    expect(paint('vessels', { state: 'live', course: 47.5, speed: 9.5 })).toEqual({ icon: 'arrow', sort: 0, trouble: false, turn: 47.5 });
    expect(paint('vessels', { state: 'live', course: 47.5, speed: 0.2 })).toEqual({ icon: 'live', sort: 0, trouble: false });
    expect(paint('vessels', { state: 'live' })).toEqual({ icon: 'live', sort: 0, trouble: false });
  });
  test('a closed zone comes before silence, silence before doubt', () => {
    expect(paint('vessels', { state: 'down', course: 10, speed: 5, in_closed: true })).toMatchObject({ icon: 'arrowBad', trouble: true, turn: 10 });
    expect(paint('vessels', { state: 'live', in_closed: true, name: 'QNa-90001-TS' })).toMatchObject({ icon: 'bad', trouble: true, label: 'QNa-90001-TS' });
    expect(paint('vessels', { state: 'down', course: 10, speed: 5, doubt: 'jump' })).toMatchObject({ icon: 'down', trouble: true });
    expect(paint('vessels', { state: 'live', course: 10, speed: 5, doubt: 'two_boats' })).toMatchObject({ icon: 'arrowOpen', trouble: true });
  });
  test('who must be reported is named, who is only late is not', () => {
    expect(paint('vessels', { state: 'down', name: 'QNa-90001-TS' }).label).toBe('QNa-90001-TS');
    expect(paint('vessels', { state: 'late', name: 'QNa-90001-TS' }).label).toBeUndefined();
  });
  test('a silent boat is drawn upright: its course is of long ago', () => expect(paint('vessels', { state: 'late', course: 90, speed: 5 }).turn).toBeUndefined());
});
