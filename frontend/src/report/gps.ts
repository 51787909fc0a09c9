// Where the phone stands. Satellites need no signal, only time: the first fix is told at once, better ones follow.

import type { Place } from './shapes';

/** Why there is no place; `gps_plain`: pages without TLS are told none. */
export type NoPlace = 'gps_denied' | 'gps_late' | 'gps_plain';

const GOOD_M = 15;
const PATIENCE_MS = 20_000;

/** Tells each better place; ends when one is good enough, or with why there is none. */
export function ask(tell: (place: Place) => void): Promise<NoPlace | null> {
  return new Promise((done) => {
    if (!isSecureContext || !('geolocation' in navigator)) {
      done(isSecureContext ? 'gps_denied' : 'gps_plain');
      return;
    }
    let best = Infinity;
    const end = (said: NoPlace | null): void => {
      clearTimeout(late);
      navigator.geolocation.clearWatch(watch);
      done(said);
    };
    const late = setTimeout(() => end(best === Infinity ? 'gps_late' : null), PATIENCE_MS);
    const watch = navigator.geolocation.watchPosition(
      ({ coords }) => {
        if (coords.accuracy >= best) return;
        best = coords.accuracy;
        tell({ lon: coords.longitude, lat: coords.latitude, accuracy: coords.accuracy, at: Date.now(), how: 'gps' });
        if (best <= GOOD_M) end(null);
      },
      (error) => {
        if (error.code === error.PERMISSION_DENIED) end('gps_denied');
      },
      { enableHighAccuracy: true, maximumAge: 5000, timeout: PATIENCE_MS },
    );
  });
}
