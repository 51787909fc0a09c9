// A screen's description (frontend/screens/*.toml), as `GET /api/screens/{name}` tells it, and the first steps of a page.

import type { FeatureCollection } from 'geojson';
import type { Lang } from './format';
import type { Text } from './protocol';

export type Box = [west: number, south: number, east: number, north: number];

export interface TilePanel {
  tile: string;
  label: Text | null;
  decimals: number;
  /** What the value is out of: a number that never changes, else the item's own `of`. */
  of: number | null;
  /** Shown small after the value instead of the item's unit. */
  unit: Text | null;
  /** What coverage counts: `điểm`, `xã`. */
  coverage: Text | null;
  /** What the source strip would call it, when the source's own name is too long. */
  source: Text | null;
}

export interface Shade {
  tile: string;
  /** Four, ascending: between them lie five classes. */
  limits: number[];
  decimals: number;
  label: Text | null;
}

export interface MapPanel {
  layers: string[];
  bbox: Box | null;
  /** The tile whose figures by commune hatch the communes that have none. */
  areas: string | null;
  /** The tile whose figures by commune fill the communes. */
  shade?: Shade | null;
  inset: { title: Text; bbox: Box; layers: string[] } | null;
  basemap: string | null;
}

/** A panel of data quality: so many rows, then the rest in one. */
export interface Rows {
  title: Text;
  most: number;
  /** Of the link matrix: the good ones have rows of their own, as long as there is room. */
  whole?: boolean;
}

export const QUALITY = ['links', 'ledger', 'checks', 'reminders'] as const;

export interface Scene {
  title: Text;
  seconds: number;
  tiles: string[];
  show: 'map' | 'sources' | 'quality';
  bbox: Box | null;
  sources: string[];
}

export interface Screen {
  name: string;
  kind: 'wall' | 'tablet';
  title: Text;
  language: Lang;
  density: 'normal' | 'far';
  /** Panels that make the wall: tiles are laid between their bezels. */
  seams: { columns: number; rows: number } | null;
  blank_after_s: number;
  night: { from: number; to: number; brightness: number } | null;
  words: { title: Text; tiles: string[]; form?: 'rows' | 'band' } | null;
  map: MapPanel | null;
  tiles: TilePanel[];
  alerts: { title: Text; most: number } | null;
  sources: { most: number } | null;
  links?: Rows | null;
  ledger?: Rows | null;
  checks?: Rows | null;
  reminders?: Rows | null;
  scenes: Scene[];
  province: { name: Text; where: Text | null };
  demo: boolean;
  beat: number;
  /** The channel by which a wall proves that it draws what is new; null: there is none. */
  canary: string | null;
}

export interface Units extends FeatureCollection {
  approximate?: boolean;
  as_of?: string;
}

/** The channels of the panels of data quality that the screen has. */
export function channelsOfQuality(screen: Screen): string[] {
  return QUALITY.filter((name) => screen[name] != null);
}

/** Every channel that the screen's figures come from; a map, and a tablet's page of quality, ask when they are drawn. */
export function channelsOf(screen: Screen): string[] {
  const tiles = [...(screen.words?.tiles ?? []), ...screen.tiles.map((panel) => panel.tile)];
  const all = [...tiles.map((name) => `tile/${name}`), 'sources', 'alerts'];
  if (screen.kind === 'wall') all.push(...channelsOfQuality(screen));
  if (screen.kind === 'wall' && screen.canary !== null) all.push(screen.canary);
  return [...new Set(all)];
}

export function channelsOfMap(map: MapPanel): string[] {
  const layers = [...map.layers, ...(map.inset?.layers ?? [])].map((name) => `layer/${name}`);
  const tiles = [map.areas, map.shade?.tile].flatMap((name) => (name == null ? [] : [`tile/${name}`]));
  return [...tiles, ...layers];
}

/** Why a page can't begin: 401, 403 or 404 of the server; 0 when it was not reached. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly codeUsed: boolean,
  ) {
    super(`The server answered ${status}.`);
  }
}

async function ask(path: string, init?: RequestInit): Promise<Response> {
  try {
    return await fetch(path, { credentials: 'same-origin', signal: AbortSignal.timeout(15_000), ...init });
  } catch {
    throw new Refused(0, false);
  }
}

/** Exchanges the one-time code after `#` for the session cookie, and takes it out of the address. */
async function useCode(): Promise<boolean> {
  const code = new URLSearchParams(location.hash.slice(1)).get('code');
  if (code === null) return true;
  const answer = await ask('/api/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code }),
  });
  if (answer.status >= 500) throw new Refused(0, false);
  history.replaceState(null, '', location.pathname + location.search);
  return answer.ok;
}

/** The screen's description. Throws Refused. */
export async function fetchScreen(name: string): Promise<Screen> {
  const codeTaken = await useCode();
  const answer = await ask(`/api/screens/${encodeURIComponent(name)}`);
  if (answer.status >= 500) throw new Refused(0, false);
  // A used code is no harm where an older cookie still opens the door.
  if (!answer.ok) throw new Refused(answer.status, !codeTaken);
  return (await answer.json()) as Screen;
}

export async function fetchUnits(): Promise<Units> {
  const answer = await ask('/api/units');
  if (!answer.ok) throw new Refused(answer.status, false);
  return (await answer.json()) as Units;
}

/** The layers that come as vector tiles from afar, by name, and the tiles' address. */
export async function fetchVectors(): Promise<Map<string, string>> {
  const answer = await ask('/api/layers');
  if (answer.status === 404) return new Map();
  if (!answer.ok) throw new Refused(answer.status, false);
  const layers = (await answer.json()) as { name: string; far: string | null; vector: string | null }[];
  return new Map(layers.flatMap(({ name, far, vector }): [string, string][] => (far === 'tiles' && vector !== null ? [[name, vector]] : [])));
}

/** West, south, east, north of all communes. */
export function boundsOf(units: Units): Box {
  const box: Box = [180, 90, -180, -90];
  const walk = (part: unknown): void => {
    if (!Array.isArray(part)) return;
    if (typeof part[0] === 'number' && typeof part[1] === 'number') {
      box[0] = Math.min(box[0], part[0]);
      box[1] = Math.min(box[1], part[1]);
      box[2] = Math.max(box[2], part[0]);
      box[3] = Math.max(box[3], part[1]);
    } else part.forEach(walk);
  };
  for (const unit of units.features) if (unit.geometry && 'coordinates' in unit.geometry) walk(unit.geometry.coordinates);
  return box[0] > box[2] ? [102, 8, 118, 24] : box;
}
