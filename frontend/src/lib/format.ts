// Numbers, ages, clock times and dates as people here write them. Times in are milliseconds since 1970; times
// out are in the province's zone (+07:00, no summer time).

export type Lang = 'vi' | 'en';

const ZONE_MS = 7 * 3_600_000;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const UNITS = {
  vi: { s: 'giây', m: 'phút', h: 'giờ', d: 'ngày', w: 'tuần', mo: 'tháng', y: 'năm' },
  en: { s: 's', m: 'min', h: 'h', d: 'd', w: 'wk', mo: 'mo', y: 'y' },
} as const;

const WEEKDAYS = {
  vi: ['Chủ Nhật', 'Thứ Hai', 'Thứ Ba', 'Thứ Tư', 'Thứ Năm', 'Thứ Sáu', 'Thứ Bảy'],
  en: ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'],
} as const;

const numbers = new Map<string, Intl.NumberFormat>();

/** A number with at most `decimals` places (vi: 1.392 and 94,2); `—` for what is absent. */
export function figure(value: number | null | undefined, decimals: number, lang: Lang): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '—';
  const key = `${lang}${decimals}`;
  let format = numbers.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat(lang === 'vi' ? 'vi-VN' : 'en-GB', { maximumFractionDigits: decimals });
    numbers.set(key, format);
  }
  return format.format(value);
}

function local(at: number): Date {
  return new Date(at + ZONE_MS);
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}

/** `14:32` */
export function clock(at: number): string {
  const t = local(at);
  return `${two(t.getUTCHours())}:${two(t.getUTCMinutes())}`;
}

/** `14:32:06` */
export function clockSeconds(at: number): string {
  return `${clock(at)}:${two(local(at).getUTCSeconds())}`;
}

/** `10/03/2026` */
export function date(at: number): string {
  const t = local(at);
  return `${two(t.getUTCDate())}/${two(t.getUTCMonth() + 1)}/${t.getUTCFullYear()}`;
}

/** `10/03` */
export function dayMonth(at: number): string {
  return date(at).slice(0, 5);
}

export function weekday(at: number, lang: Lang): string {
  return WEEKDAYS[lang][local(at).getUTCDay()] ?? '';
}

/** Hour of the day, 0 to 24, with its fraction. */
export function hourOf(at: number): number {
  return ((at + ZONE_MS) % DAY) / HOUR;
}

export function sameDay(a: number, b: number): boolean {
  return Math.floor((a + ZONE_MS) / DAY) === Math.floor((b + ZONE_MS) / DAY);
}

/** An age in its one fitting unit: 12 giây, 42 phút, 26 giờ, 3 ngày. A clock slightly ahead counts as 0. */
export function age(ms: number, lang: Lang): string {
  const u = UNITS[lang];
  const t = Math.max(0, ms);
  if (t < MINUTE) return `${Math.floor(t / SECOND)} ${u.s}`;
  if (t < HOUR) return `${Math.floor(t / MINUTE)} ${u.m}`;
  if (t < 2 * DAY) return `${Math.floor(t / HOUR)} ${u.h}`;
  return `${figure(Math.floor(t / DAY), 0, lang)} ${u.d}`;
}

/** A counting time in its two largest units: 1 phút 47 giây. */
export function counting(ms: number, lang: Lang): string {
  const u = UNITS[lang];
  const s = Math.floor(Math.max(0, ms) / SECOND);
  if (s < 60) return `${s} ${u.s}`;
  if (s < 3600) return `${Math.floor(s / 60)} ${u.m} ${s % 60} ${u.s}`;
  if (s < 86_400) return `${Math.floor(s / 3600)} ${u.h} ${Math.floor(s / 60) % 60} ${u.m}`;
  return `${Math.floor(s / 86_400)} ${u.d} ${Math.floor(s / 3600) % 24} ${u.h}`;
}

/** When something began: a clock time today, a day before that. */
export function since(at: number, now: number): string {
  return sameDay(at, now) ? clock(at) : dayMonth(at);
}

const ISO_PERIOD = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;

/** A period (seconds, or ISO 8601 such as P1W) in words: 30 giây, 1 tuần. Other text is given back. */
export function period(over: number | string, lang: Lang): string {
  const u = UNITS[lang];
  if (typeof over === 'string') {
    const found = ISO_PERIOD.exec(over);
    if (found === null || over === 'P') return over;
    const names = [u.y, u.mo, u.w, u.d, u.h, u.m, u.s];
    return names.flatMap((name, i) => (found[i + 1] === undefined ? [] : [`${found[i + 1]} ${name}`])).join(' ');
  }
  // A year may be a leap year.
  if (over >= 365 * 86_400 && over <= 366 * 86_400) return `1 ${u.y}`;
  const steps: [number, string][] = [[604_800, u.w], [86_400, u.d], [3600, u.h], [60, u.m], [1, u.s]];
  for (const [seconds, name] of steps) {
    if (over >= seconds && over % seconds === 0) return `${over / seconds} ${name}`;
  }
  return `${over} ${u.s}`;
}

/** When the next is due: `30 giây` for what comes often, `17:00 mỗi ngày`, `ngày 5` of a month, else the time itself. */
export function due(cadenceS: number | null | undefined, at: number | null, now: number, lang: Lang): string | null {
  if (cadenceS !== null && cadenceS !== undefined && cadenceS < 43_200) return period(cadenceS, lang);
  if (at === null) return cadenceS ? period(cadenceS, lang) : null;
  if (cadenceS === 86_400) return lang === 'vi' ? `${clock(at)} mỗi ngày` : `${clock(at)} daily`;
  if (cadenceS !== null && cadenceS !== undefined && cadenceS >= 28 * 86_400) {
    return lang === 'vi' ? `ngày ${local(at).getUTCDate()}` : `day ${local(at).getUTCDate()}`;
  }
  return since(at, now);
}
