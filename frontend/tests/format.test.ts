import { describe, expect, test } from 'vitest';
import { age, clock, clockSeconds, counting, date, dayMonth, due, figure, hourOf, period, since, weekday } from '../src/lib/format';

const NOON = Date.parse('2026-03-10T14:32:06+07:00');
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

describe('numbers', () => {
  test.each([
    [1392, 0, '1.392'],
    [94.2, 1, '94,2'],
    [94, 1, '94'],
    [94.25, 1, '94,3'],
    [0, 0, '0'],
    [-6, 0, '-6'],
    [3359.8, 2, '3.359,8'],
  ])('%s is %s places: %s', (value, decimals, said) => expect(figure(value, decimals, 'vi')).toBe(said));

  test('absent is a dash, never zero', () => {
    for (const absent of [null, undefined, NaN]) expect(figure(absent, 0, 'vi')).toBe('—');
  });

  test('in English', () => expect(figure(14862.5, 1, 'en')).toBe('14,862.5'));
});

describe('times', () => {
  test('clock and date are the province’s, wherever the machine is', () => {
    expect(clockSeconds(NOON)).toBe('14:32:06');
    expect(clock(Date.parse('2026-03-09T17:05:00Z'))).toBe('00:05');
    expect(date(Date.parse('2026-03-09T17:05:00Z'))).toBe('10/03/2026');
    expect(dayMonth(NOON)).toBe('10/03');
    expect(weekday(NOON, 'vi')).toBe('Thứ Ba');
    expect(hourOf(Date.parse('2026-03-09T17:30:00Z'))).toBeCloseTo(0.5);
  });

  test.each([
    [0, '0 giây'],
    [-3000, '0 giây'],
    [12_000, '12 giây'],
    [59_999, '59 giây'],
    [MINUTE, '1 phút'],
    [42 * MINUTE, '42 phút'],
    [HOUR, '1 giờ'],
    [26 * HOUR, '26 giờ'],
    [48 * HOUR, '2 ngày'],
    [72 * HOUR, '3 ngày'],
  ])('an age of %s ms is %s', (ms, said) => expect(age(ms, 'vi')).toBe(said));

  test.each([
    [7000, '7 giây'],
    [107_000, '1 phút 47 giây'],
    [3 * HOUR + 5 * MINUTE, '3 giờ 5 phút'],
    [50 * HOUR, '2 ngày 2 giờ'],
  ])('counting %s ms says %s', (ms, said) => expect(counting(ms, 'vi')).toBe(said));

  test('since: a clock time today, a date before', () => {
    expect(since(Date.parse('2026-03-10T13:52:00+07:00'), NOON)).toBe('13:52');
    expect(since(Date.parse('2026-03-09T23:59:00+07:00'), NOON)).toBe('09/03');
  });

  test.each([
    ['P1D', '1 ngày'],
    ['P1W', '1 tuần'],
    ['PT1H', '1 giờ'],
    ['P1M', '1 tháng'],
    ['7 ngày', '7 ngày'],
    [30, '30 giây'],
    [86_400, '1 ngày'],
    [604_800, '1 tuần'],
    [5400, '90 phút'],
  ])('the period %s is %s', (over, said) => expect(period(over, 'vi')).toBe(said));

  test('due: a cadence, a daily hour, a day of the month', () => {
    const at = Date.parse('2026-03-10T17:00:00+07:00');
    expect(due(30, at, NOON, 'vi')).toBe('30 giây');
    expect(due(86_400, at, NOON, 'vi')).toBe('17:00 mỗi ngày');
    expect(due(30 * 86_400, Date.parse('2026-04-05T00:00:00+07:00'), NOON, 'vi')).toBe('ngày 5');
    expect(due(null, null, NOON, 'vi')).toBeNull();
    expect(due(null, at, NOON, 'vi')).toBe('17:00');
  });
});
