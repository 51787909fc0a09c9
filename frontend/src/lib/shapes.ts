// What a layer draws beside its marks: the way that a vessel came, and areas. Pure; the server has cut tracks where no
// line may be drawn (a jump, a gap, the dateline), and nothing is joined again here.

import type { Feature, MultiLineString, MultiPolygon, Polygon, Position } from 'geojson';

/** Layers whose items have `tracks`, and layers whose items are areas. */
export const TRACKED = new Set(['vessels']);
export const AREAS = new Set(['zones']);

function isPlace(point: unknown): point is number[] {
  return Array.isArray(point) && typeof point[0] === 'number' && typeof point[1] === 'number';
}

/** The lines of an item's `tracks` (places with more than longitude and latitude); null when it has none to draw. */
export function track(id: string, item: unknown): Feature<MultiLineString> | null {
  const properties = (item as Feature | undefined)?.properties ?? {};
  const given: unknown = properties['tracks'];
  if (!Array.isArray(given)) return null;
  const lines = given.flatMap((line: unknown): Position[][] => {
    const places = Array.isArray(line) ? line.filter(isPlace).map((point): Position => [Number(point[0]), Number(point[1])]) : [];
    return places.length > 1 ? [places] : [];
  });
  if (lines.length === 0) return null;
  return { type: 'Feature', id, properties: { id }, geometry: { type: 'MultiLineString', coordinates: lines } };
}

/** An item that is an area, with what the style reads; null when it is none. */
export function area(id: string, item: unknown): Feature<Polygon | MultiPolygon> | null {
  const given = item as Feature | undefined;
  if (given?.geometry?.type !== 'Polygon' && given?.geometry?.type !== 'MultiPolygon') return null;
  const properties = given.properties ?? {};
  return { type: 'Feature', id, geometry: given.geometry, properties: { id, name: String(properties['name'] ?? ''), closed: properties['closed'] === true } };
}
