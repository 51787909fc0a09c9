// Open alerts in the order that people must take them: bad before warn, unclaimed first, the newest of equals first.

import type { AlertItem } from './protocol';

export function orderAlerts(items: Iterable<unknown>): AlertItem[] {
  const rank = (alert: AlertItem) => (alert.level === 'bad' ? 0 : 2) + (alert.claimed ? 1 : 0);
  const began = (alert: AlertItem) => (alert.since === null ? 0 : Date.parse(alert.since));
  return ([...items] as AlertItem[]).sort(
    (a, b) => rank(a) - rank(b) || began(b) - began(a) || (a.id < b.id ? -1 : 1),
  );
}
