// Very large layers from afar: vector tiles of the server, asked for again when the layer's position moved.

import type { ExpressionSpecification, LayerSpecification, MapLibreMap, StyleSpecification, VectorTileSource } from 'maplibre-gl';
import { formOf, kindOf } from './paint';

/** From this zoom on, items come one by one (the server's FAR_ZOOM). */
const FAR_ZOOM = 11;
const MOST_TILE_ZOOM = 14;
const AGAIN_MS = 5_000;

/** The icon of a thing in a tile, by the properties that the server puts there. */
function icon(layer: string): ExpressionSpecification {
  if (kindOf(layer) === 'reports') return ['case', ['==', ['get', 'overdue'], true], 'squareFull', 'square'];
  const quiet = formOf(layer)?.mark ?? 'live';
  return ['match', ['get', 'state'], ['never', 'late', 'stale', 'frozen', 'down'], ['get', 'state'], quiet];
}

/** Adds the sources and layers of those that come as tiles, by layer's name and address; hidden until they are needed. */
export function addFar(style: StyleSpecification, vectors: Map<string, string>): void {
  for (const [layer, path] of vectors) {
    style.sources[`${layer}-far`] = { type: 'vector', tiles: [location.origin + path], maxzoom: MOST_TILE_ZOOM };
    const marks: LayerSpecification = {
      id: `${layer}-far`,
      type: 'symbol',
      source: `${layer}-far`,
      'source-layer': layer,
      maxzoom: FAR_ZOOM,
      filter: ['!=', ['get', 'open'], false],
      layout: { visibility: 'none', 'icon-image': icon(layer), 'icon-allow-overlap': true, 'icon-ignore-placement': true },
    };
    const at = style.layers.findIndex((one) => one.id === 'names');
    style.layers.splice(at >= 0 ? at : style.layers.length, 0, marks);
  }
}

/** The tiles of one map. */
export class Far {
  #shown = new Map<string, { offset: number; at: number }>();

  constructor(
    private readonly map: MapLibreMap,
    private readonly vectors: Map<string, string>,
  ) {}

  /** Shows the layer's tiles as they are at `offset`, or hides them (its items are on the map themselves). */
  show(layer: string, on: boolean, offset: number, now: number): void {
    const path = this.vectors.get(layer);
    if (path === undefined) return;
    const known = this.#shown.get(layer);
    if (on !== (known !== undefined)) this.map.setLayoutProperty(`${layer}-far`, 'visibility', on ? 'visible' : 'none');
    if (!on) this.#shown.delete(layer);
    else if (known === undefined) this.#shown.set(layer, { offset, at: now });
    else if (known.offset !== offset && now - known.at >= AGAIN_MS) {
      this.#shown.set(layer, { offset, at: now });
      this.map.getSource<VectorTileSource>(`${layer}-far`)?.setTiles([location.origin + path]);
    }
  }

  /** Old or blind, every mark is a ring; null: as its state says. */
  reimage(layer: string, image: string | null): void {
    if (this.vectors.has(layer)) this.map.setLayoutProperty(`${layer}-far`, 'icon-image', image ?? icon(layer));
  }
}
