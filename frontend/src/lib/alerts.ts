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
