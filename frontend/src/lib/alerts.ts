// Open alerts in the order that people must take them: bad before warn, unclaimed first, the newest of equals first.

import type { Lang } from './format';
import type { AlertItem, SourceItem } from './protocol';
import { pair } from './words';

/** Whose matter it is: its owner, else its source; a score of all sources is nobody's alone. */
export function whose(alert: AlertItem, source: SourceItem | undefined, scores: string[], lang: Lang): string {
  if (alert.owner) return alert.owner;
  if (scores.some((name) => alert.id === `tile/${name}`)) return '';
  return pair(source?.name, source?.name_en, lang) || alert.source || '';
}

export function orderAlerts(items: Iterable<unknown>): AlertItem[] {
  const rank = (alert: AlertItem) => (alert.level === 'bad' ? 0 : 2) + (alert.claimed ? 1 : 0);
  const began = (alert: AlertItem) => (alert.since === null ? 0 : Date.parse(alert.since));
  return ([...items] as AlertItem[]).sort(
    (a, b) => rank(a) - rank(b) || began(b) - began(a) || (a.id < b.id ? -1 : 1),
  );
}

/** How long one of those that find no room has the place that changes, and for how long one is new. */
const TURN_MS = 5_000;
const NEW_MS = 600_000;
const NEWEST = 3;

/** What there is room for. The gravest stand; where there are more than `most`, the last place but one is for the
    others in turn, every other turn for one of the newest, and the last place counts them: each is seen some time. */
export function onGlass(all: AlertItem[], most: number, now: number): AlertItem[] {
  if (all.length <= most) return all;
  const stand = all.slice(0, Math.max(0, most - 2));
  const others = all.slice(stand.length);
  const fresh = others
    .filter((alert) => alert.since !== null && Date.parse(alert.since) > now - NEW_MS)
    .sort((x, y) => Date.parse(y.since!) - Date.parse(x.since!))
    .slice(0, NEWEST);
  const turn = Math.floor(now / TURN_MS);
  const some = turn % 2 === 0 && fresh.length > 0 ? fresh : others;
  return [...stand, some[Math.floor(turn / 2) % some.length]!];
}
