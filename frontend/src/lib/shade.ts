// A map whose communes are filled by a figure: in five classes, one ramp; what has no figure is hatched, never the lowest
// class. Pure, but for the last functions, which put it on a map.

import type { ExpressionSpecification, LayerSpecification, MapLibreMap } from 'maplibre-gl';
import { figure, type Lang } from './format';
import type { Shade } from './screen';
import type { Tokens } from './style';

export const CLASSES = 5;
export const RAMP = ['shade0', 'shade1', 'shade2', 'shade3', 'shade4'] as const;

/** The class (0 to 4) of a figure between the limits; null: there is none. */
export function classOf(value: unknown, limits: number[]): number | null {
  if (typeof value !== 'number' || !Number.isFinite(value)) return null;
  return limits.filter((limit) => value >= limit).length;
}

/** The class of each commune; one that the tile does not tell of has none. */
export function classes(items: Map<string, unknown>, codes: string[], limits: number[]): Map<string, number | null> {
  return new Map(codes.map((code) => [code, classOf((items.get(code) as { value?: unknown } | undefined)?.value, limits)]));
}

/** What each class is, lowest first: `< 20`, `20–40`, …, `≥ 80`. */
export function classWords(shade: Pick<Shade, 'limits' | 'decimals'>, lang: Lang): string[] {
  const said = shade.limits.map((limit) => figure(limit, shade.decimals, lang));
  const between = said.slice(1).map((limit, i) => `${said[i]}–${limit}`);
  return [`< ${said[0]}`, ...between, `≥ ${said.at(-1)}`];
}

const NONE: ExpressionSpecification = ['in', ['get', 'code'], ['literal', []]];

/** Under the borders: a fill for the classes, and the hatching of those without. */
export function shadeLayers(): LayerSpecification[] {
  return [
    { id: 'shade', type: 'fill', source: 'units', filter: NONE, paint: { 'fill-antialias': false } },
    { id: 'shade-none', type: 'fill', source: 'units', filter: NONE, paint: { 'fill-pattern': 'hatch-never', 'fill-opacity': 0.5 } },
  ];
}

/** Fills the communes. `dim`: the figures are old, or nobody knows how old they are. */
export function paintShade(map: MapLibreMap, found: Map<string, number | null>, tokens: Tokens, dim: boolean): void {
  const of = (wanted: number | null) => [...found].filter(([, is]) => is === wanted).map(([code]) => code);
  const told = RAMP.flatMap((name, at) => (of(at).length > 0 ? [of(at), tokens[name]] : []));
  const filled = [...found].filter(([, is]) => is !== null).map(([code]) => code);
  map.setFilter('shade', ['in', ['get', 'code'], ['literal', filled]]);
  map.setFilter('shade-none', ['in', ['get', 'code'], ['literal', of(null)]]);
  if (told.length > 0) map.setPaintProperty('shade', 'fill-color', ['match', ['get', 'code'], ...told, tokens.province] as unknown as ExpressionSpecification);
  map.setPaintProperty('shade', 'fill-opacity', dim ? 0.4 : 1);
}
