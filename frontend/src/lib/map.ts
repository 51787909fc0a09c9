// One map: communes below, items above; a change of a board becomes the smallest change of a source.

import type { Feature, Point } from 'geojson';
import { MapLibreMap, type GeoJSONSource, type LayerSpecification, type StyleSpecification } from 'maplibre-gl';
import { addBasemap } from './basemap';
import { addFar, Far } from './far';
import type { Lang } from './format';
import { covered, TAKEN, takenLayer, type Rect } from './free';
import type { Touched } from './live.svelte';
import { faces } from './maplibre';
import { gone, kindOf, paint, tallied, type AreaState } from './paint';
import { addRegions, dimRegions, paintRegions, REGIONS } from './regions';
import { boundsOf, type Box, type Units } from './screen';
import { paintShade } from './shade';
import { area, AREAS, track, TRACKED } from './shapes';
import type { Board } from './store';
import { around, beyond, type View } from './view';
import { areal, areaNames, ground, images, itemLayers, PLACES, readTokens, shortName, SUMS, taken, type Tokens } from './style';

const PAINT_EVERY_MS = 200;
const LOOK_AFTER_MS = 250;

export interface MapSpec {
  /** How one who listens tells it from the other maps of the page. */
  title: string;
  box: HTMLElement;
  units: Units;
  layers: string[];
  fit: Box | null;
  padding: { top: number; right: number; bottom: number; left: number };
  /** Page pixels a canvas pixel. */
  u: number;
  lang: Lang;
  names: boolean;
  /** Things near each other become one square with their count. */
  grouped: boolean;
  touch: { move: string; zoom: string } | null;
  basemap: string | null;
  /** Layers that come as vector tiles from afar, and the tiles' address. */
  vectors: Map<string, string>;
}

function looked(map: MapLibreMap): { seen: Box; view: View } {
  const bounds = map.getBounds();
  const seen: Box = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  return { seen, view: { bbox: around(seen), zoom: Math.round(map.getZoom() * 100) / 100 } };
}

interface Waiting {
  all: boolean;
  ids: Set<string>;
  board: Board;
}

export class MapView {
  readonly map: MapLibreMap;
  #spec: MapSpec;
  #waiting = new Map<string, Waiting>();
  #timer = 0;
  #ready = false;
  #blind = false;
  #areas: Map<string, AreaState> = new Map();
  #said: Map<string, string> = new Map();
  #shade: { found: Map<string, number | null>; old: boolean } | null = null;
  #old: Set<string> = new Set();
  #onMove: (() => void) | null = null;
  readonly far: Far;
  readonly #tokens: Tokens;

  private constructor(spec: MapSpec, style: StyleSpecification, tokens: Tokens) {
    this.#spec = spec;
    this.#tokens = tokens;
    this.map = new MapLibreMap({
      container: spec.box,
      style,
      bounds: spec.fit ?? boundsOf(spec.units),
      fitBoundsOptions: { padding: spec.padding },
      interactive: spec.touch !== null,
      cooperativeGestures: spec.touch !== null,
      attributionControl: spec.basemap === null ? false : { compact: true },
      dragRotate: false,
      pitchWithRotate: false,
      touchPitch: false,
      fadeDuration: 0,
      refreshExpiredTiles: false,
      locale: {
        'Map.Title': spec.title,
        ...(spec.touch === null ? {} : { 'CooperativeGesturesHandler.MobileHelpText': spec.touch.move, 'CooperativeGesturesHandler.WindowsHelpText': spec.touch.zoom, 'CooperativeGesturesHandler.MacHelpText': spec.touch.zoom }),
      },
    });
    this.map.touchZoomRotate.disableRotation();
    this.far = new Far(this.map, spec.vectors);
  }

  /** Draws the map; resolves when the communes are on it. Throws when the machine has no WebGL. */
  static async open(spec: MapSpec): Promise<MapView> {
    await faces();
    const tokens = readTokens();
    const style = ground(spec.units, tokens, spec.u, spec.lang, spec.names);
    const tops: LayerSpecification[] = [];
    for (const layer of spec.layers) {
      if (REGIONS.has(layer)) {
        addRegions(style, layer, tokens, spec.u);
        continue;
      }
      const { under, calm, over, top } = itemLayers(layer, tokens, spec.u, spec.grouped);
      const at = style.layers.findIndex((one) => one.id === 'names');
      if (at >= 0) style.layers.splice(at, 1, ...under, style.layers[at]!, ...calm);
      else style.layers.push(...under, ...calm);
      style.layers.push(...over);
      tops.push(...(top ?? []));
      const empty = { type: 'FeatureCollection' as const, features: [] };
      const cluster = { cluster: true, clusterRadius: 34 * spec.u, clusterMaxZoom: 13, clusterProperties: SUMS };
      const grouped = spec.grouped && !areal(layer) ? { ...cluster, clusterMaxZoom: 11 } : {};
      style.sources[layer] = { type: 'geojson', data: empty, ...(layer === 'reports' ? cluster : grouped) };
      if (TRACKED.has(layer)) style.sources[`${layer}-tracks`] = { type: 'geojson', data: empty };
      if (AREAS.has(layer)) style.sources[`${layer}-shapes`] = { type: 'geojson', data: empty };
      if (layer === 'reports') style.sources['reports-bad'] = { type: 'geojson', data: empty, ...cluster, clusterRadius: 44 * spec.u };
    }
    style.layers.push(...tops);
    if (spec.names) {
      style.sources['taken'] = { type: 'geojson', data: { type: 'FeatureCollection', features: [] } };
      style.layers.push(areaNames(tokens, spec.u), takenLayer());
    }
    if (spec.basemap !== null) await addBasemap(style, spec.basemap, tokens, spec.u);
    addFar(style, spec.vectors);
    const view = new MapView(spec, style, tokens);
    const ratio = view.map.getPixelRatio();
    const all = images(tokens, spec.u, ratio);
    for (const [name, image] of all) view.map.addImage(name, image.data, taken(image));
    await new Promise<void>((done) => void view.map.once('load', () => done()));
    view.#ready = true;
    view.#restate();
    view.#flush();
    return view;
  }

  onmove(then: () => void): void {
    if (this.#onMove !== null) this.map.off('move', this.#onMove);
    this.#onMove = then;
    this.map.on('move', then);
    this.map.on('resize', then);
    then();
  }

  /**
   * Tells what is looked at, with some of what lies around it: now, and when the map has come to rest beyond that. Returns
   * how to stop.
   */
  onlook(then: (view: View) => void): () => void {
    let told: View | null = null;
    let timer = 0;
    const tell = () => {
      const next = looked(this.map);
      if (told !== null && !beyond(next.seen, next.view.zoom, told)) return;
      told = next.view;
      then(next.view);
    };
    const soon = () => {
      window.clearTimeout(timer);
      timer = window.setTimeout(tell, LOOK_AFTER_MS);
    };
    this.map.on('moveend', soon);
    this.map.on('resize', soon);
    tell();
    return () => {
      window.clearTimeout(timer);
      this.map.off('moveend', soon);
      this.map.off('resize', soon);
    };
  }

  /** A board's change, to be painted with the others at most five times a second. */
  touch(layer: string, board: Board, touched: Touched): void {
    const waiting = this.#waiting.get(layer) ?? { all: false, ids: new Set<string>(), board };
    waiting.board = board;
    waiting.all ||= touched.all;
    if (!waiting.all) for (const id of touched.ids) waiting.ids.add(id);
    this.#waiting.set(layer, waiting);
    if (this.#timer === 0) this.#timer = window.setTimeout(() => this.#flush(), PAINT_EVERY_MS);
  }

  /** Hatches the communes that need it; `said` is written over those that are past their limit. */
  areas(states: Map<string, AreaState>, said: Map<string, string>): void {
    this.#areas = states;
    this.#said = said;
    if (this.#ready) this.#restate();
  }

  /** Fills the communes by their class; null has no figure. `old`: the figures are. */
  shade(found: Map<string, number | null>, old: boolean): void {
    this.#shade = { found, old };
    if (this.#ready) this.#reshade();
  }

  /** Names keep out of these rectangles of the page, and are not cut by the frame. */
  taken(rects: Rect[]): void {
    const { clientWidth, clientHeight } = this.#spec.box;
    const features = covered(clientWidth, clientHeight, rects, TAKEN * this.#spec.u).map((at): Feature<Point> => ({ type: 'Feature', properties: {}, geometry: { type: 'Point', coordinates: this.map.unproject(at).toArray() } }));
    this.map.getSource<GeoJSONSource>('taken')?.setData({ type: 'FeatureCollection', features });
  }

  /** Blind: every mark becomes a ring. */
  blind(on: boolean): void {
    if (this.#blind === on) return;
    this.#blind = on;
    if (this.#ready) this.#restate();
  }

  /** Layers whose picture is old: what was live in them is drawn empty. */
  old(layers: Set<string>): void {
    this.#old = layers;
    if (this.#ready) this.#restate();
  }

  fit(box: Box | null): void {
    const to = box ?? this.#spec.fit ?? boundsOf(this.#spec.units);
    this.map.fitBounds(to, { padding: this.#spec.padding, duration: 0 });
  }

  close(): void {
    window.clearTimeout(this.#timer);
    this.#waiting.clear();
    this.map.remove();
  }

  #reshade(): void {
    if (this.#shade !== null) paintShade(this.map, this.#shade.found, this.#tokens, this.#blind || this.#shade.old);
  }

  #restate(): void {
    this.#reshade();
    for (const state of ['bad', 'stale'] as const) {
      const codes = [...this.#areas].filter(([, is]) => is === state).map(([code]) => code);
      for (const id of [`area-${state}`, `area-${state}-edge`]) this.map.setFilter(id, ['in', ['get', 'code'], ['literal', codes]]);
    }
    if (this.#spec.names) {
      const features = this.#spec.units.features.flatMap((unit): Feature<Point>[] => {
        const p = unit.properties ?? {};
        const say = this.#said.get(String(p['code']));
        if (say === undefined) return [];
        return [{ type: 'Feature', properties: { say: `${shortName(p, this.#spec.lang)}\n${say}` }, geometry: { type: 'Point', coordinates: [Number(p['lon']), Number(p['lat'])] } }];
      });
      this.map.getSource<GeoJSONSource>('areas')?.setData({ type: 'FeatureCollection', features });
      this.map.setFilter('names', ['!', ['in', ['get', 'code'], ['literal', [...this.#said.keys()]]]]);
    }
    for (const layer of this.#spec.layers) this.#reimage(layer);
  }

  #reimage(layer: string): void {
    if (AREAS.has(layer)) return;
    const old = this.#old.has(layer);
    if (REGIONS.has(layer)) return dimRegions(this.map, layer, old || this.#blind);
    this.far.reimage(layer, this.#blind ? 'ring' : old ? 'oldRing' : null);
    if (areal(layer)) return this.#recolour(layer, old);
    const image = (id: string, name: string | ['get', 'icon']) => void this.map.setLayoutProperty(id, 'icon-image', this.#blind ? 'ring' : name);
    if (layer === 'reports') {
      image('reports', old ? 'oldSquare' : 'square');
      image('reports-bad', old ? 'oldSquare' : 'squareFull');
    } else {
      image(layer, old ? 'oldRing' : ['get', 'icon']);
      image(`${layer}-trouble`, ['get', 'icon']);
    }
  }

  /** Areas of an old picture are drawn as old, those of a dead server without colour. */
  #recolour(layer: string, old: boolean): void {
    const name = this.#blind ? 'muted' : old ? 'stale' : 'late';
    const colour = this.#tokens[name];
    this.map.setPaintProperty(layer, 'fill-pattern', `hatch-${name}`);
    for (const id of [`${layer}-new`, `${layer}-lasting`]) this.map.setPaintProperty(id, 'line-color', colour);
    this.map.setPaintProperty(`${layer}-count`, 'text-color', colour);
    this.map.setLayoutProperty(`${layer}-far`, 'icon-image', this.#blind ? 'ring' : old ? 'oldSquare' : 'hot');
  }

  #flush(): void {
    this.#timer = 0;
    if (!this.#ready) return;
    for (const [layer, waiting] of this.#waiting) this.#paint(layer, waiting);
    this.#waiting.clear();
  }

  #paint(layer: string, waiting: Waiting): void {
    if (REGIONS.has(layer)) return paintRegions(this.map, layer, waiting.board);
    if (TRACKED.has(layer)) this.#draw(`${layer}-tracks`, waiting, track);
    if (AREAS.has(layer)) this.#draw(`${layer}-shapes`, waiting, area);
    const split = layer === 'reports';
    const main = this.map.getSource<GeoJSONSource>(layer);
    const bad = split ? this.map.getSource<GeoJSONSource>('reports-bad') : undefined;
    if (main === undefined) return;
    if (areal(layer)) {
      // A few cells: all of them at once.
      main.setData({ type: 'FeatureCollection', features: [...waiting.board.items.values()].filter((one): one is Feature => (one as Feature).geometry?.type === 'Polygon') });
      return;
    }
    const ids = waiting.all ? waiting.board.items.keys() : waiting.ids;
    const quiet: Feature<Point>[] = [];
    const trouble: Feature<Point>[] = [];
    const lost: string[] = [];
    for (const id of ids) {
      const { calm, bad: alarmed } = features(layer, id, waiting.board.items.get(id), split);
      if (calm === null && alarmed === null) lost.push(id);
      if (calm !== null) quiet.push(calm);
      if (alarmed !== null) trouble.push(alarmed);
    }
    if (waiting.all) {
      main.setData({ type: 'FeatureCollection', features: quiet });
      bad?.setData({ type: 'FeatureCollection', features: trouble });
      return;
    }
    // Removals come before additions, so that one in both sources stays in both.
    const leave = (others: Feature<Point>[]) => [...lost, ...(split ? others.map((one) => String(one.id)) : [])];
    void main.updateData({ remove: leave(trouble), add: quiet });
    void bad?.updateData({ remove: leave(quiet), add: trouble });
  }

  /** Lines or areas of the items that changed; `made` gives null for one that has none. */
  #draw(source: string, waiting: Waiting, made: (id: string, item: unknown) => Feature | null): void {
    const ids = [...(waiting.all ? waiting.board.items.keys() : waiting.ids)];
    const features = ids.flatMap((id) => made(id, waiting.board.items.get(id)) ?? []);
    const to = this.map.getSource<GeoJSONSource>(source);
    if (waiting.all) to?.setData({ type: 'FeatureCollection', features });
    else void to?.updateData({ remove: ids, add: features });
  }
}

/**
 * The few properties that the style reads; null when the item is gone or has no place. `split`: what is in trouble has
 * a source of its own, and a cluster of the server with some of it stands in both.
 */
function features(layer: string, id: string, item: unknown, split: boolean): { calm: Feature<Point> | null; bad: Feature<Point> | null } {
  const given = item as Feature | undefined;
  const properties = given?.properties ?? {};
  if (given === undefined || given.geometry?.type !== 'Point' || gone(layer, properties)) return { calm: null, bad: null };
  const geometry = given.geometry;
  const made = (many: number, bad: number, trouble: boolean): Feature<Point> => ({
    type: 'Feature', id, geometry, properties: { id, place: TRACKED.has(layer) ? -1 : kindOf(layer) === 'stations' ? PLACES : place(id), ...paint(layer, properties), trouble, many, bad },
  });
  const { many, bad } = tallied(layer, properties);
  if (!split) return { calm: made(many, bad, paint(layer, properties).trouble), bad: null };
  return { calm: many > bad ? made(many - bad, 0, false) : null, bad: bad > 0 ? made(bad, bad, true) : null };
}

/** Several things at one pole lie beside each other: one of the places around it, the same one for ever. */
function place(id: string): number {
  let hash = 2166136261;
  for (let i = 0; i < id.length; i += 1) hash = Math.imul(hash ^ id.charCodeAt(i), 16777619);
  return (hash >>> 0) % PLACES;
}
