// Open alerts in the order that people must take them: bad before warn, unclaimed first, the newest of equals first.

import type { AlertItem } from './protocol';

export function orderAlerts(items: Iterable<unknown>): AlertItem[] {
  const rank = (alert: AlertItem) => (alert.level === 'bad' ? 0 : 2) + (alert.claimed === null ? 0 : 1);
  return ([...items] as AlertItem[]).sort(
    (a, b) => rank(a) - rank(b) || Date.parse(b.since) - Date.parse(a.since) || (a.id < b.id ? -1 : 1),
  );
}
