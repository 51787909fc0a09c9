// The map's style: no tiles, no glyph server; colours from the page's tokens, sizes in canvas pixels times `u`.

import type { ExpressionSpecification, LayerSpecification, StyleImageMetadata, StyleSpecification } from 'maplibre-gl';
import { TAKEN } from './free';
import { hatchImage, markImage, type MarkName } from './marks';
import type { Units } from './screen';
import { RAMP, shadeLayers } from './shade';
import { AREAS, TRACKED } from './shapes';
import type { Lang } from './format';

export type Tokens = Record<'sea' | 'land' | 'province' | 'border' | 'edge' | 'muted' | 'text' | 'live' | 'late' | 'stale' | 'down' | 'never' | 'bad' | 'bg' | (typeof RAMP)[number], string>;

/** Families of map.css: the same files under one name a weight, because the map reads the weight from the name. */
export const REGULAR = 'Be Vietnam Pro Map Medium';
export const STRONG = 'Be Vietnam Pro Map Semibold';

export function readTokens(): Tokens {
  const css = getComputedStyle(document.documentElement);
  const names = ['sea', 'land', 'province', 'border', 'edge', 'muted', 'text', 'live', 'late', 'stale', 'down', 'never', 'bad', 'bg', ...RAMP] as const;
  return Object.fromEntries(names.map((name) => [name, css.getPropertyValue(`--${name}`).trim()])) as Tokens;
}

interface Icon {
  mark: MarkName;
  colour: keyof Tokens;
  /** Canvas pixels. */
  size: number;
  halo: boolean;
}

const ICONS: Record<string, Icon> = {
  live: { mark: 'live', colour: 'muted', size: 11, halo: false },
  square: { mark: 'square', colour: 'muted', size: 12, halo: false },
  triangle: { mark: 'triangle', colour: 'muted', size: 14, halo: false },
  stationWarn: { mark: 'triangleFull', colour: 'late', size: 22, halo: true },
  stationBad: { mark: 'triangleFull', colour: 'bad', size: 26, halo: true },
  arrow: { mark: 'arrow', colour: 'muted', size: 16, halo: false },
  arrowBad: { mark: 'arrow', colour: 'bad', size: 24, halo: true },
  arrowOpen: { mark: 'arrowOpen', colour: 'late', size: 20, halo: true },
  bad: { mark: 'bad', colour: 'bad', size: 20, halo: true },
  late: { mark: 'late', colour: 'late', size: 18, halo: true },
  stale: { mark: 'stale', colour: 'stale', size: 18, halo: true },
  frozen: { mark: 'frozen', colour: 'stale', size: 22, halo: true },
  down: { mark: 'down', colour: 'down', size: 19, halo: true },
  never: { mark: 'never', colour: 'never', size: 16, halo: true },
  squareFull: { mark: 'squareFull', colour: 'bad', size: 20, halo: true },
  ring: { mark: 'stale', colour: 'muted', size: 13, halo: false },
  oldRing: { mark: 'stale', colour: 'stale', size: 13, halo: false },
  hot: { mark: 'hot', colour: 'late', size: 24, halo: true },
  oldSquare: { mark: 'square', colour: 'stale', size: 14, halo: false },
};

/** How MapLibre is to take an image: of one that stretches, the middle does, and its edge stays as thick as it is. */
export function taken(image: { data: ImageData; ratio: number; stretch?: boolean }): Partial<StyleImageMetadata> {
  if (image.stretch !== true) return { pixelRatio: image.ratio };
  const [from, to] = [image.data.width / 4, (3 * image.data.width) / 4];
  return { pixelRatio: image.ratio, stretchX: [[from, to]], stretchY: [[from, to]] };
}

/** All images the style uses, drawn for `u` (page pixels a canvas pixel) and the glass's own ratio. */
export function images(tokens: Tokens, u: number, ratio: number): Map<string, { data: ImageData; ratio: number; stretch?: boolean }> {
  const all = new Map<string, { data: ImageData; ratio: number; stretch?: boolean }>();
  for (const [name, icon] of Object.entries(ICONS)) {
    all.set(name, { data: markImage(icon.mark, icon.size * u, tokens[icon.colour], icon.halo ? tokens.province : null, ratio), ratio });
  }
  all.set('cluster-bad', { data: markImage('squareFull', 46 * u, tokens.bad, tokens.province, ratio), ratio });
  all.set('cluster', { data: clusterImage(28 * u * ratio, tokens.province, tokens.edge), ratio });
  all.set('cluster-fit', { data: clusterImage(28 * u * ratio, tokens.province, tokens.edge), ratio, stretch: true });
  const blank = Math.round(TAKEN * u * ratio);
  all.set('taken', { data: new ImageData(blank, blank), ratio });
  const side = Math.max(6, Math.round(13 * u * ratio));
  for (const name of ['bad', 'stale', 'late', 'muted', 'never'] as const) {
    all.set(`hatch-${name}`, { data: hatchImage(side, tokens[name], Math.max(1, side / 7)), ratio });
  }
  return all;
}

function clusterImage(pixels: number, fill: string, line: string): ImageData {
  const side = Math.round(pixels);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = side;
  const pen = canvas.getContext('2d');
  if (pen === null) throw new Error('This browser draws no 2d canvas.');
  const edge = Math.max(1, side / 15);
  pen.fillStyle = fill;
  pen.strokeStyle = line;
  pen.lineWidth = edge;
  pen.beginPath();
  pen.roundRect(edge, edge, side - 2 * edge, side - 2 * edge, side / 12);
  pen.fill();
  pen.stroke();
  return pen.getImageData(0, 0, side, side);
}

const NONE: ExpressionSpecification = ['in', ['get', 'code'], ['literal', []]];

/** The communes, their outlines and names. Names make way for every mark. */
export function ground(units: Units, tokens: Tokens, u: number, lang: Lang, names: boolean): StyleSpecification {
  const points: Units = {
    type: 'FeatureCollection',
    features: units.features.flatMap((unit) => {
      const p = unit.properties;
      if (p === null || typeof p['lon'] !== 'number' || typeof p['lat'] !== 'number') return [];
      return [{ type: 'Feature' as const, properties: { code: p['code'], short: shortName(p, lang), rank: /^(Phường|Thị)/u.test(String(p['name'])) ? 0 : 1 }, geometry: { type: 'Point' as const, coordinates: [p['lon'], p['lat']] } }];
    }),
  };
  const layers: LayerSpecification[] = [
    { id: 'sea', type: 'background', paint: { 'background-color': tokens.sea } },
    { id: 'edge', type: 'line', source: 'units', layout: { 'line-join': 'round' }, paint: { 'line-color': tokens.edge, 'line-width': 4 * u } },
    { id: 'land', type: 'fill', source: 'units', paint: { 'fill-color': tokens.province, 'fill-antialias': false } },
    ...shadeLayers(),
    { id: 'borders', type: 'line', source: 'units', layout: { 'line-join': 'round' }, paint: { 'line-color': tokens.border, 'line-width': 1.5 * u } },
    ...(['stale', 'bad'] as const).flatMap((state): LayerSpecification[] => [
      { id: `area-${state}`, type: 'fill', source: 'units', filter: NONE, paint: { 'fill-pattern': `hatch-${state}`, 'fill-opacity': 0.5 } },
      { id: `area-${state}-edge`, type: 'line', source: 'units', filter: NONE, layout: { 'line-join': 'round' }, paint: { 'line-color': tokens[state], 'line-width': 2.2 * u } },
    ]),
  ];
  if (names) {
    layers.push({
      id: 'names',
      type: 'symbol',
      source: 'names',
      layout: {
        'text-field': ['get', 'short'],
        'text-font': [REGULAR],
        'text-size': 19 * u,
        'text-padding': 4 * u,
        'text-max-width': 7,
        'text-variable-anchor': ['center', 'top', 'bottom', 'left', 'right'],
        'text-radial-offset': 0.8,
        'symbol-sort-key': ['get', 'rank'],
      },
      paint: { 'text-color': tokens.muted, 'text-halo-color': tokens.province, 'text-halo-width': 2.4 * u, 'text-opacity': 0.95 },
    });
  }
  return {
    version: 8,
    sources: {
      units: { type: 'geojson', data: units, tolerance: 0.2 },
      names: { type: 'geojson', data: points },
      areas: { type: 'geojson', data: { type: 'FeatureCollection', features: [] } },
    },
    layers,
  };
}

/** `Phường Tuy Hoà` is `Tuy Hoà` on the map. */
export function shortName(properties: Record<string, unknown>, lang: Lang): string {
  const name = String((lang === 'en' ? properties['name_en'] : properties['name']) ?? properties['name'] ?? '');
  return name.replace(/^(Phường|Xã|Đặc khu|Thị trấn|Commune) /u, '').replace(/ (Ward|Commune|Special Zone)$/u, '');
}

export interface ItemLayers {
  under: LayerSpecification[];
  /** Marks of what is well: names make way for them too. */
  calm: LayerSpecification[];
  over: LayerSpecification[];
  /** Above the marks of every layer. */
  top?: LayerSpecification[];
}

/** How many things a mark stands for: grouped here, by the server, or both. */
const COUNT: ExpressionSpecification = ['coalesce', ['get', 'many'], 1];
const MANY: ExpressionSpecification = ['>', COUNT, 1];
const SINGLE: ExpressionSpecification = ['!', MANY];
/** Three figures need a wider square. */
const WIDE: ExpressionSpecification = ['step', COUNT, 1, 100, 1.32];
const COUNTED: ExpressionSpecification = [
  'step', COUNT,
  ['to-string', COUNT],
  1_000, ['concat', ['to-string', ['/', ['round', ['/', COUNT, 100]], 10]], 'k'],
  10_000, ['concat', ['to-string', ['round', ['/', COUNT, 1000]]], 'k'],
];

/** From this zoom on a cell of a kilometre is wide enough for its count. */
const HOT_COUNTS = 11;

/** What a square of a map's own grouping tells of the things in it. */
export const SUMS: Record<string, ExpressionSpecification> = { many: ['+', ['get', 'many']], bad: ['+', ['get', 'bad']] };

/**
 * Layers that paint one layer's items; `under` lie below names, `over` above them. `grouped`: things near each other
 * become a square with their count, those in trouble counted apart (for a map that shows a whole province).
 */
export function itemLayers(layer: string, tokens: Tokens, u: number, grouped: boolean): ItemLayers {
  if (layer === 'reports') return reportLayers(tokens, u);
  if (layer === 'hotspots') return hotLayers(tokens, u);
  if (AREAS.has(layer)) return zoneLayers(layer, tokens, u);
  const icon = {
    'icon-image': ['get', 'icon'] as ExpressionSpecification,
    'icon-allow-overlap': true,
    'symbol-sort-key': ['get', 'sort'] as ExpressionSpecification,
    'icon-offset': around(6 * u),
    'icon-rotate': ['coalesce', ['get', 'turn'], 0] as ExpressionSpecification,
    'icon-rotation-alignment': 'map' as const,
  };
  const quiet: ExpressionSpecification = ['all', SINGLE, ['!', ['boolean', ['get', 'trouble'], false]]];
  const trouble: ExpressionSpecification = ['all', SINGLE, ['boolean', ['get', 'trouble'], false]];
  const above = { id: `${layer}-trouble`, type: 'symbol' as const, source: layer, filter: trouble };
  return {
    under: TRACKED.has(layer) ? [trackLayer(layer, tokens, u)] : [],
    calm: [{ id: layer, type: 'symbol', source: layer, filter: quiet, layout: { ...icon, 'icon-padding': 0 } }],
    over: [
      ...(grouped ? groupLayers(layer, tokens, u) : []),
      TRACKED.has(layer)
        ? { ...above, layout: { ...icon, ...called(u) }, paint: { 'text-color': tokens.text, 'text-halo-color': tokens.sea, 'text-halo-width': 2.4 * u } }
        : { ...above, layout: icon },
    ],
  };
}

/** What a thing in trouble is called, beside its mark where there is room. */
function called(u: number) {
  return {
    'text-field': ['coalesce', ['get', 'label'], ''] as ExpressionSpecification,
    'text-font': [REGULAR],
    'text-size': 19 * u,
    'text-variable-anchor': ['left' as const, 'right' as const, 'top' as const, 'bottom' as const],
    'text-radial-offset': 0.7,
    'text-optional': true,
  };
}

function trackLayer(layer: string, tokens: Tokens, u: number): LayerSpecification {
  const round = { 'line-cap': 'round', 'line-join': 'round' } as const;
  return { id: `${layer}-tracks`, type: 'line', source: `${layer}-tracks`, layout: round, paint: { 'line-color': tokens.muted, 'line-width': 1.6 * u, 'line-opacity': 0.45 } };
}

/** Areas: those that are closed hatched, each with its name in it. */
function zoneLayers(layer: string, tokens: Tokens, u: number): ItemLayers {
  const closed: ExpressionSpecification = ['==', ['get', 'closed'], true];
  const source = `${layer}-shapes`;
  const colour: ExpressionSpecification = ['case', closed, tokens.bad, tokens.edge];
  return {
    under: [
      { id: `${layer}-closed`, type: 'fill', source, filter: closed, paint: { 'fill-pattern': 'hatch-bad', 'fill-opacity': 0.28 } },
      { id: `${layer}-edge`, type: 'line', source, layout: { 'line-join': 'round' }, paint: { 'line-color': colour, 'line-width': 1.8 * u, 'line-dasharray': [4, 2.5] } },
    ],
    calm: [],
    over: [
      {
        id: `${layer}-name`,
        type: 'symbol',
        source,
        layout: { 'text-field': ['get', 'name'], 'text-font': [REGULAR], 'text-size': 19 * u, 'text-max-width': 8, 'text-line-height': 1.25, 'text-variable-anchor': ['center', 'top', 'bottom', 'left', 'right'], 'text-radial-offset': 1.6 },
        paint: { 'text-color': tokens.muted, 'text-halo-color': tokens.sea, 'text-halo-width': 2.4 * u },
      },
    ],
  };
}

function groupLayers(layer: string, tokens: Tokens, u: number): LayerSpecification[] {
  const always = { 'text-allow-overlap': true, 'icon-allow-overlap': true };
  // Beside, not under, the groups of another layer in the same town.
  const away: [number, number] = [26 * u, -22 * u];
  const aside = { 'icon-translate': away, 'text-translate': away };
  return [
    {
      id: `${layer}-many`,
      type: 'symbol',
      source: layer,
      filter: MANY,
      layout: { ...always, 'icon-image': 'cluster', 'icon-size': WIDE, 'text-field': COUNTED, 'text-font': [REGULAR], 'text-size': 16 * u },
      paint: { 'text-color': tokens.muted, ...aside },
    },
    {
      id: `${layer}-many-bad`,
      type: 'symbol',
      source: layer,
      filter: ['all', MANY, ['>', ['get', 'bad'], 0]],
      layout: {
        ...always,
        'icon-image': 'down',
        'icon-offset': [20 * u, -14 * u],
        'text-field': ['to-string', ['get', 'bad']],
        'text-font': [STRONG],
        'text-size': 16 * u,
        'text-anchor': 'left',
        'text-offset': [1.8, -0.85],
      },
      paint: { 'text-color': tokens.bad, 'text-halo-color': tokens.province, 'text-halo-width': 2.4 * u, ...aside },
    },
  ];
}

/** Places around one point, in a ring, for things that stand at the same pole. */
export const PLACES = 7;

function around(far: number): ExpressionSpecification {
  const cases = Array.from({ length: PLACES }, (_, n): [number, ExpressionSpecification] => {
    const turn = (2 * Math.PI * n) / PLACES;
    return [n, ['literal', [Math.cos(turn) * far, Math.sin(turn) * far]]];
  });
  return ['match', ['get', 'place'], ...cases.flat(), ['literal', [0, 0]]] as unknown as ExpressionSpecification;
}

function reportLayers(tokens: Tokens, u: number): ItemLayers {
  const count = { 'text-field': COUNTED, 'text-allow-overlap': true, 'icon-allow-overlap': true };
  return {
    under: [],
    calm: [{ id: 'reports', type: 'symbol', source: 'reports', filter: SINGLE, layout: { 'icon-image': 'square', 'icon-allow-overlap': true, 'icon-padding': 0 } }],
    over: [
      {
        id: 'reports-many',
        type: 'symbol',
        source: 'reports',
        filter: MANY,
        layout: {
          ...count,
          'icon-image': 'cluster-fit',
          'icon-text-fit': 'both',
          'icon-text-fit-padding': [1.5 * u, 6 * u, 1.5 * u, 6 * u],
          'text-font': [REGULAR],
          'text-size': 17 * u,
          // The square steps aside for what is wrong: a red one, or the words over a commune.
          'text-variable-anchor': ['center', 'left', 'bottom', 'top', 'right', 'bottom-left', 'top-left'],
          'text-radial-offset': 1.9,
        },
        paint: { 'text-color': tokens.muted },
      },
      { id: 'reports-bad', type: 'symbol', source: 'reports-bad', filter: SINGLE, layout: { 'icon-image': 'squareFull', 'icon-allow-overlap': true } },
      {
        id: 'reports-bad-many',
        type: 'symbol',
        source: 'reports-bad',
        filter: MANY,
        layout: { ...count, 'icon-image': 'cluster-bad', 'icon-size': WIDE, 'text-font': [STRONG], 'text-size': 21 * u },
        paint: { 'text-color': tokens.bg },
      },
    ],
  };
}

/** Cells in which more is reported than chance would bring: hatched; a dashed edge where that lasts already. */
function hotLayers(tokens: Tokens, u: number): ItemLayers {
  const edge = { 'line-color': tokens.late, 'line-width': 2.2 * u };
  const lasting: ExpressionSpecification = ['==', ['get', 'kind'], 'lasting'];
  return {
    under: [
      { id: 'hotspots', type: 'fill', source: 'hotspots', paint: { 'fill-pattern': 'hatch-late', 'fill-opacity': 0.45 } },
      { id: 'hotspots-new', type: 'line', source: 'hotspots', filter: ['!', lasting], layout: { 'line-join': 'miter' }, paint: edge },
      { id: 'hotspots-lasting', type: 'line', source: 'hotspots', filter: lasting, paint: { ...edge, 'line-dasharray': [2.5, 2] } },
    ],
    calm: [],
    over: [
      {
        id: 'hotspots-count',
        type: 'symbol',
        source: 'hotspots',
        minzoom: HOT_COUNTS,
        layout: {
          'text-field': ['to-string', ['get', 'reports']],
          'text-font': [STRONG],
          'text-size': 21 * u,
          // It makes way for the reports' own marks, and stays in its cell.
          'text-variable-anchor': ['center', 'bottom-right', 'top-left', 'bottom-left', 'top-right'],
          'text-radial-offset': 0.4,
        },
        paint: { 'text-color': tokens.late, 'text-halo-color': tokens.province, 'text-halo-width': 2.6 * u },
      },
    ],
    // From afar cells are small, and lie under the marks of what was reported in them: one mark for cells that touch.
    top: [
      { id: 'hotspots-far', type: 'symbol', source: 'hotspots', maxzoom: HOT_COUNTS, layout: { 'icon-image': 'hot', 'icon-anchor': 'bottom-right', 'icon-offset': [-12 * u, -8 * u], 'icon-padding': 8 * u } },
    ],
  };
}

/** Whether a layer's items are areas: they are drawn as they lie, not as marks, and never grouped. */
export function areal(layer: string): boolean {
  return layer === 'hotspots';
}

/** What is wrong with a commune, written over it: above all marks, and placed before any other words. */
export function areaNames(tokens: Tokens, u: number): LayerSpecification {
  return {
    id: 'area-names',
    type: 'symbol',
    source: 'areas',
    layout: {
      'text-field': ['get', 'say'],
      'text-font': [STRONG],
      'text-size': 19 * u,
      'text-max-width': 9,
      'text-line-height': 1.25,
      'text-variable-anchor': ['center', 'top', 'bottom', 'right', 'left'],
      'text-radial-offset': 0.3,
    },
    paint: { 'text-color': tokens.bad, 'text-halo-color': tokens.province, 'text-halo-width': 2.6 * u },
  };
}
