// Layers whose items are areas (warnings): outlines with their name, over the communes and under every mark.

import type { Feature, Geometry } from 'geojson';
import type { ExpressionSpecification, GeoJSONSource, LayerSpecification, MapLibreMap, StyleSpecification } from 'maplibre-gl';
import { STRONG, type Tokens } from './style';
import type { Board } from './store';

/** Layers that are drawn as areas. */
export const REGIONS = new Set(['warnings']);

const WORST = ['Extreme', 'Severe'];

/** How an area is drawn: by how bad it is; null when it is over, or has no place. */
export function region(id: string, item: unknown): Feature<Geometry> | null {
  const given = item as Feature | undefined;
  const told = given?.properties ?? {};
  if (given === undefined || given.geometry === null || told['open'] === false) return null;
  const severity = String(told['severity']);
  const level = WORST.includes(severity) ? 'bad' : severity === 'Moderate' ? 'warn' : 'calm';
  return { type: 'Feature', id, geometry: given.geometry, properties: { level, say: String(told['event'] ?? '') } };
}

/** Adds one layer of areas to a style. */
export function addRegions(style: StyleSpecification, layer: string, tokens: Tokens, u: number): void {
  style.sources[layer] = { type: 'geojson', data: { type: 'FeatureCollection', features: [] } };
  const colour: ExpressionSpecification = ['match', ['get', 'level'], 'bad', tokens.bad, 'warn', tokens.late, tokens.muted];
  const under: LayerSpecification[] = [
    { id: layer, type: 'fill', source: layer, paint: { 'fill-color': colour, 'fill-opacity': 0.1 } },
    { id: `${layer}-edge`, type: 'line', source: layer, layout: { 'line-join': 'round' }, paint: { 'line-color': colour, 'line-width': 2.4 * u, 'line-dasharray': [3, 2] } },
  ];
  const at = style.layers.findIndex((one) => one.id === 'names');
  style.layers.splice(at >= 0 ? at : style.layers.length, 0, ...under);
  style.sources[`${layer}-names`] = { type: 'geojson', data: { type: 'FeatureCollection', features: [] } };
  style.layers.push({
    id: `${layer}-names`,
    type: 'symbol',
    source: `${layer}-names`,
    layout: { 'text-field': ['get', 'say'], 'text-font': [STRONG], 'text-size': 19 * u },
    paint: { 'text-color': colour, 'text-halo-color': tokens.province, 'text-halo-width': 2.4 * u },
  });
}

/** The middle of what a geometry spans; null when it spans nothing. */
export function middle(geometry: Geometry): [number, number] | null {
  const box: [number, number, number, number] = [Infinity, Infinity, -Infinity, -Infinity];
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    const [x, y] = part as unknown[];
    if (typeof x === 'number' && typeof y === 'number') {
      box[0] = Math.min(box[0], x);
      box[1] = Math.min(box[1], y);
      box[2] = Math.max(box[2], x);
      box[3] = Math.max(box[3], y);
    } else part.forEach(walk);
  };
  if ('coordinates' in geometry) walk(geometry.coordinates);
  return box[0] === Infinity ? null : [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
}

/** Puts the areas of a board on the map; they are few, so all at once. */
export function paintRegions(map: MapLibreMap, layer: string, board: Board): void {
  const features = [...board.items].flatMap(([id, item]) => region(id, item) ?? []);
  map.getSource<GeoJSONSource>(layer)?.setData({ type: 'FeatureCollection', features });
  // At one point each: an area that lies in two of the map's own tiles would be named in both.
  const named = features.flatMap((one) => {
    const at = middle(one.geometry);
    return at === null ? [] : [{ ...one, geometry: { type: 'Point' as const, coordinates: at } }];
  });
  map.getSource<GeoJSONSource>(`${layer}-names`)?.setData({ type: 'FeatureCollection', features: named });
}

/** Old or blind, an area keeps its outline and loses its colour. */
export function dimRegions(map: MapLibreMap, layer: string, dim: boolean): void {
  map.setPaintProperty(layer, 'fill-opacity', dim ? 0 : 0.1);
  map.setPaintProperty(`${layer}-edge`, 'line-opacity', dim ? 0.45 : 1);
}
