// A basemap under the communes, when a setting names one: a style's address, or a PMTiles file (raster tiles, or
// vector tiles in the Protomaps schema, of which land, water and roads are drawn, and no frontiers).

import { addProtocol, type LayerSpecification, type StyleSpecification } from 'maplibre-gl';
import type { Tokens } from './style';

const MVT = 1;
const TIMEOUT_MS = 15_000;
let protocolKnown = false;

/** Puts the basemap over the sea and under everything else. Throws when it can't be had. */
export async function addBasemap(style: StyleSpecification, address: string, tokens: Tokens, u: number): Promise<void> {
  const under = /\.pmtiles$|^pmtiles:/.test(address) ? await pmtiles(style, address, tokens, u) : await foreign(style, address);
  style.layers.splice(1, 0, ...under);
  const land = style.layers.find((layer) => layer.id === 'land');
  if (land?.type === 'fill') land.paint = { ...land.paint, 'fill-opacity': 0.35 };
}

async function foreign(style: StyleSpecification, address: string): Promise<LayerSpecification[]> {
  const answer = await fetch(address, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!answer.ok) throw new Error(`The basemap at ${address} answered ${answer.status}.`);
  const other = (await answer.json()) as StyleSpecification;
  Object.assign(style.sources, other.sources);
  if (other.glyphs !== undefined) style.glyphs = other.glyphs;
  if (other.sprite !== undefined) style.sprite = other.sprite;
  return other.layers.filter((layer) => layer.type !== 'background');
}

async function pmtiles(style: StyleSpecification, address: string, tokens: Tokens, u: number): Promise<LayerSpecification[]> {
  const { PMTiles, Protocol } = await import('pmtiles');
  const url = new URL(address.replace(/^pmtiles:\/\//, ''), location.href).href;
  if (!protocolKnown) {
    addProtocol('pmtiles', new Protocol().tile);
    protocolKnown = true;
  }
  const header = await new PMTiles(url).getHeader();
  if (header.tileType !== MVT) {
    style.sources['basemap'] = { type: 'raster', url: `pmtiles://${url}`, tileSize: 256 };
    return [{ id: 'basemap', type: 'raster', source: 'basemap', paint: { 'raster-saturation': -1, 'raster-opacity': 0.5 } }];
  }
  style.sources['basemap'] = { type: 'vector', url: `pmtiles://${url}` };
  const of = { source: 'basemap' } as const;
  return [
    { id: 'basemap-earth', type: 'fill', ...of, 'source-layer': 'earth', paint: { 'fill-color': tokens.land } },
    { id: 'basemap-water', type: 'fill', ...of, 'source-layer': 'water', filter: ['==', ['geometry-type'], 'Polygon'], paint: { 'fill-color': tokens.sea } },
    { id: 'basemap-roads', type: 'line', ...of, 'source-layer': 'roads', paint: { 'line-color': tokens.border, 'line-width': 1.2 * u } },
  ];
}
