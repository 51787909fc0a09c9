// The map of /report: communes without tiles; one that moves under a pin, and one with marks of reports.

import type { FeatureCollection } from 'geojson';
import { MapLibreMap, type GeoJSONSource } from 'maplibre-gl';
import type { Lang } from '../lib/format';
import { faces } from '../lib/maplibre';
import { boundsOf, type Units } from '../lib/screen';
import { ground, images, readTokens } from '../lib/style';

/** Names on a phone: 15 pixels of the style's 19. */
const U = 0.8;
const NEAR_ZOOM = 15;

export interface Around {
  lon: number;
  lat: number;
  zoom?: number;
}

/** Opens a map in `box`; resolves when the communes are drawn. Throws when the machine has no WebGL. */
export async function openMap(box: HTMLElement, units: Units, lang: Lang, at: Around | null, marks: boolean): Promise<MapLibreMap> {
  await faces();
  const tokens = readTokens();
  const style = ground(units, tokens, U, lang, true);
  if (marks) {
    style.sources['reports'] = { type: 'geojson', data: { type: 'FeatureCollection', features: [] } };
    style.layers.push({
      id: 'reports', type: 'symbol', source: 'reports',
      layout: { 'icon-image': ['case', ['get', 'over'], 'square', 'squareDark'], 'icon-allow-overlap': true, 'symbol-sort-key': ['case', ['get', 'over'], 0, 1] },
    });
  }
  const map = new MapLibreMap({
    container: box, style, attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false, fadeDuration: 0,
    maxZoom: 19,
    ...(at === null ? { bounds: boundsOf(units), fitBoundsOptions: { padding: 16 } } : { center: [at.lon, at.lat], zoom: at.zoom ?? NEAR_ZOOM }),
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  for (const [name, image] of images(tokens, U, map.getPixelRatio())) map.addImage(name, image.data, { pixelRatio: image.ratio });
  if (marks) {
    const dark = images({ ...tokens, bad: tokens.live }, U, map.getPixelRatio()).get('squareFull');
    if (dark !== undefined) map.addImage('squareDark', dark.data, { pixelRatio: dark.ratio });
  }
  await new Promise<void>((done) => void map.once('load', () => done()));
  return map;
}

export function move(map: MapLibreMap, at: Around): void {
  const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
  const zoom = Math.max(map.getZoom(), at.zoom ?? NEAR_ZOOM);
  if (still) map.jumpTo({ center: [at.lon, at.lat], zoom });
  else map.easeTo({ center: [at.lon, at.lat], zoom, duration: 300 });
}

/** Page pixels that a metre takes at the map's middle. */
export function pixelsPerMetre(map: MapLibreMap): number {
  const { lat } = map.getCenter();
  return (512 * 2 ** map.getZoom()) / (40_075_016.7 * Math.cos((lat * Math.PI) / 180));
}

export function show(map: MapLibreMap, reports: FeatureCollection): void {
  map.getSource<GeoJSONSource>('reports')?.setData(reports);
}
