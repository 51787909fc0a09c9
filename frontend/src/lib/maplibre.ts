// MapLibre as each map of ours needs it: its worker named, its styles, and the faces that labels are drawn in.

import { setWorkerUrl } from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import 'maplibre-gl/dist/maplibre-gl.css';
import './map.css';
import { REGULAR, STRONG } from './style';

setWorkerUrl(workerUrl);

const VIETNAMESE = 'Ngã tư Sở, Ầ Ộ ữ đ';

/** Loads the faces of the labels, so that no label is drawn in another; one that can't be had is drawn in the next. */
export async function faces(): Promise<void> {
  await Promise.all([REGULAR, STRONG].map((family) => document.fonts.load(`500 16px "${family}"`, VIETNAMESE).catch(() => [])));
}
