// Where the phone stands. Satellites need no signal, only time: the first fix is told at once, better ones follow.

import type { Place } from './shapes';

const GOOD_M = 15;
const PATIENCE_MS = 20_000;

/** Tells each better place; ends when one is good enough, or with why there is none. */
export function ask(tell: (place: Place) => void): Promise<'gps_denied' | 'gps_late' | null> {
  return new Promise((done) => {
    if (!('geolocation' in navigator)) {
      done('gps_denied');
      return;
    }
    let best = Infinity;
    const end = (said: 'gps_denied' | 'gps_late' | null): void => {
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
