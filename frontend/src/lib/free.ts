// What of a map's box is free: the province is fitted into that, and names keep out of the rest. Pure.

import type { LayerSpecification } from 'maplibre-gl';
import type { Units } from './screen';

/** In page pixels from the box's upper left corner. */
export interface Rect {
  left: number;
  top: number;
  right: number;
  bottom: number;
}
export interface Padding {
  top: number;
  right: number;
  bottom: number;
  left: number;
}
export type Point = [x: number, y: number];

/** Canvas pixels of the squares that keep names away from what lies over the map. */
export const TAKEN = 28;
const STEPS = 16;

/** The corners of all communes, and points between those that lie far apart, in Mercator's plane (0 to 1, y down). */
export function corners(units: Units): Point[] {
  const found: Point[] = [];
  const put = (at: number[]): Point => {
    const y = Math.log(Math.tan(Math.PI / 4 + ((at[1] ?? 0) * Math.PI) / 360));
    return [((at[0] ?? 0) + 180) / 360, (1 - y / Math.PI) / 2];
  };
  const walk = (part: unknown): void => {
    if (!Array.isArray(part) || part.length === 0) return;
    if (!Array.isArray(part[0]) || typeof part[0][0] !== 'number') return part.forEach(walk);
    const ring = (part as number[][]).map(put);
    ring.forEach((to, i) => {
      const from = ring[i - 1] ?? to;
      // Long straight edges, as approximate boundaries have: a legend could lie across one.
      const parts = Math.min(8, Math.max(1, Math.ceil(Math.hypot(to[0] - from[0], to[1] - from[1]) / 1e-4)));
      for (let n = 1; n <= parts; n += 1) found.push([from[0] + ((to[0] - from[0]) * n) / parts, from[1] + ((to[1] - from[1]) * n) / parts]);
    });
  };
  for (const unit of units.features) if (unit.geometry !== null && 'coordinates' in unit.geometry) walk(unit.geometry.coordinates);
  return found;
}

/**
 * The padding with which the points are drawn largest and none lies under what is taken; of equals the one that moves
 * the picture least. `least`: the padding that it has anyhow. When nothing is free, that is what it keeps.
 */
export function fitted(points: Point[], width: number, height: number, least: Padding, taken: Rect[]): Padding {
  if (points.length === 0 || taken.length === 0) return least;
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const span = (all: number[]) => all.reduce(([a, b], one): Point => [Math.min(a, one), Math.max(b, one)], [Infinity, -Infinity] as Point);
  const [[west, east], [north, south]] = [span(xs), span(ys)];
  const most = { right: Math.max(...taken.map((one) => width - one.left)), bottom: Math.max(...taken.map((one) => height - one.top)), left: Math.max(...taken.map((one) => one.right)) };
  let best: { padding: Padding; scale: number; moved: number } | null = null;
  const tries = (from: number, to: number) => Array.from({ length: STEPS + 1 }, (_, n) => from + (Math.max(0, to - from) * n) / STEPS);
  for (const bottom of tries(least.bottom, Math.min(most.bottom, height / 3))) {
    for (const right of tries(least.right, Math.min(most.right, width / 2))) {
      const padding = { ...least, right, bottom };
      const free = { x: width - padding.left - right, y: height - padding.top - bottom };
      const scale = Math.min(free.x / (east - west), free.y / (south - north));
      const moved = right - least.right + bottom - least.bottom;
      if (!(scale > 0) || (best !== null && (scale < best.scale * 0.999 || (scale < best.scale * 1.001 && moved >= best.moved)))) continue;
      const [x, y] = [padding.left + free.x / 2 - (scale * (west + east)) / 2, padding.top + free.y / 2 - (scale * (north + south)) / 2];
      const under = points.some(([px, py]) => taken.some((one) => within(one, x + scale * px, y + scale * py)));
      if (!under) best = { padding, scale, moved };
    }
  }
  return best?.padding ?? least;
}

function within(one: Rect, x: number, y: number): boolean {
  return x > one.left && x < one.right && y > one.top && y < one.bottom;
}

/** Middles of the squares of one side that cover what is taken, and a frame around the box that a name may not cross. */
export function covered(width: number, height: number, taken: Rect[], side: number): Point[] {
  const along = (from: number, to: number): number[] => {
    const many = Math.max(1, Math.ceil((to - from) / side));
    if (many === 1) return [(from + to) / 2];
    return Array.from({ length: many }, (_, n) => from + side / 2 + ((to - from - side) * n) / (many - 1));
  };
  const out = side / 2 - 2;
  const frame: Rect[] = [
    { left: -side, top: -out - side / 2, right: width + side, bottom: side / 2 - out },
    { left: -side, top: height - side / 2 + out, right: width + side, bottom: height + side / 2 + out },
    { left: -out - side / 2, top: 0, right: side / 2 - out, bottom: height },
    { left: width - side / 2 + out, top: 0, right: width + side / 2 + out, bottom: height },
  ];
  return [...taken, ...frame].flatMap((one) => along(one.left, one.right).flatMap((x) => along(one.top, one.bottom).map((y): Point => [x, y])));
}

/** Nothing to see: placed before all words, so that none lies under a legend or an inset, or is cut by the frame. */
export function takenLayer(): LayerSpecification {
  return { id: 'taken', type: 'symbol', source: 'taken', layout: { 'icon-image': 'taken', 'icon-allow-overlap': true, 'icon-padding': 0 } };
}
