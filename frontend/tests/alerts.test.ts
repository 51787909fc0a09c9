import { expect, test } from 'vitest';
import { onGlass } from '../src/lib/alerts';
import type { AlertItem } from '../src/lib/protocol';

const NOW = Date.parse('2026-03-10T14:30:00+07:00');
const alert = (id: string, minutes: number): AlertItem => ({
  id, level: 'warn', say: { vi: id, en: id }, since: new Date(NOW - 60_000 * minutes).toISOString(), source: null, owner: null, claimed: null,
});
const ids = (alerts: AlertItem[]) => alerts.map((one) => one.id);

test('alerts that fit all stand', () => {
  const all = [1, 2, 3, 4, 5].map((n) => alert(`${n}`, 60));
  expect(onGlass(all, 5, NOW)).toEqual(all);
});

test('the gravest stand, and each of the others is seen in turn, a new one soon', () => {
  const all = [...Array(12).keys()].map((n) => alert(`${n}`, n === 11 ? 1 : 60 + n));
  const seen = [...Array(40).keys()].map((turn) => ids(onGlass(all, 5, NOW + 5_000 * turn)));
  expect(seen.every((row) => row.length === 4 && row.slice(0, 3).join() === '0,1,2')).toBe(true);
  expect(new Set(seen.map((row) => row[3])).size).toBe(9);
  expect(seen.slice(0, 2).map((row) => row[3])).toContain('11');
});
