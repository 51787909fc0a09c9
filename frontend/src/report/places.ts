// Distances, and in which commune a place lies.

import type { Feature, Position } from 'geojson';
import type { Units } from '../lib/screen';

const EARTH_M = 6_371_000;
const RAD = Math.PI / 180;

export interface Spot {
  lon: number;
  lat: number;
}

/** Metres between two places (haversine). */
export function metres(a: Spot, b: Spot): number {
  const [dy, dx] = [(b.lat - a.lat) * RAD, (b.lon - a.lon) * RAD];
  const h = Math.sin(dy / 2) ** 2 + Math.cos(a.lat * RAD) * Math.cos(b.lat * RAD) * Math.sin(dx / 2) ** 2;
  return 2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(h)));
}

/** Even-odd rule over all rings, holes included. */
function within(rings: Position[][], { lon, lat }: Spot): boolean {
  let inside = false;
  for (const ring of rings) {
    for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
      const [xi = 0, yi = 0] = ring[i] ?? [];
      const [xj = 0, yj = 0] = ring[j] ?? [];
      if (yi > lat !== yj > lat && lon < ((xj - xi) * (lat - yi)) / (yj - yi) + xi) inside = !inside;
    }
  }
  return inside;
}

/** The commune that holds the place; null outside the province. */
export function unitAt(units: Units, spot: Spot): Feature | null {
  for (const unit of units.features) {
    const shape = unit.geometry;
    if (shape?.type === 'Polygon' && within(shape.coordinates, spot)) return unit;
    if (shape?.type === 'MultiPolygon' && shape.coordinates.some((rings) => within(rings, spot))) return unit;
  }
  return null;
}

export function nameOf(unit: Feature, lang: 'vi' | 'en'): string {
  const p = unit.properties ?? {};
  return String((lang === 'en' ? p['name_en'] : p['name']) ?? p['name'] ?? '');
}

/** `40 m`, `1,2 km`: rounded so far as a phone can know. */
export function distance(m: number, lang: 'vi' | 'en'): string {
  if (m < 1000) return `${Math.max(10, Math.round(m / 10) * 10)} m`;
  return `${(m / 1000).toFixed(1).replace('.', lang === 'vi' ? ',' : '.')} km`;
}
