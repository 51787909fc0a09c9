// The panels of data quality as rows: worst first, the good ones folded. Pure, so that wall and tablet say the same.

import { clock, clockSeconds, dayMonth, figure, sameDay, type Lang } from './format';
import type { CheckItem, CheckSide, LedgerCell, LedgerItem, LinkItem, Method, Proof, ReminderItem, RosterMark, ScoreItem, Share } from './protocol';
import { pair, text, word } from './words';

function at(of: string | null | undefined): number | null {
  const found = of ? Date.parse(of) : NaN;
  return Number.isNaN(found) ? null : found;
}

/** A clock time today, a day before that; `—` when it never was. */
export function when(of: string | number | null, now: number): string {
  const moment = typeof of === 'number' ? of : at(of);
  return moment === null ? '—' : sameDay(moment, now) ? clock(moment) : dayMonth(moment);
}

/**
 * The first rows of a list in order, and those that one last row stands for: the quiet ones at its end (when there are
 * two or more), and what does not fit `most`.
 */
export function folded<T>(rows: T[], most: number, quiet: (row: T) => boolean = () => false): { shown: T[]; rest: T[] } {
  const loud = rows.findLastIndex((row) => !quiet(row)) + 1;
  const fits = rows.length - loud > 1 ? loud : rows.length;
  const cut = fits + (fits < rows.length ? 1 : 0) <= most ? fits : most - 1;
  return { shown: rows.slice(0, cut), rest: rows.slice(cut) };
}

// The link matrix

export type Mark = 'live' | 'late' | 'down' | null;
export interface LinkCell {
  /** Disc: proved; half disc: not quite in step; cross: disproved; null: nobody tried. */
  mark: Mark;
  say: string;
}
export interface LinkRow {
  id: string;
  label: string;
  /** Whose proof failed, else the first that the sector has. */
  source: string | null;
  cells: [LinkCell, LinkCell, LinkCell];
  tried: number | null;
  quiet: boolean;
}

const PROOFS = ['connected', 'shared', 'synced'] as const;

function linkCell(proof: Proof | undefined, lang: Lang): LinkCell {
  const say = text(proof?.say, lang);
  if (proof?.ok === true) return { mark: 'live', say: say || word('yes', lang) };
  if (proof?.ok === false) return { mark: proof.level === 'warn' ? 'late' : 'down', say: say || word('no', lang) };
  return { mark: null, say: say || word('untried', lang) };
}

/** Where a sector breaks: the earlier the step, the worse; then what is late, then what nobody tried. */
function linkRank(row: LinkRow): number {
  const broken = row.cells.findIndex((cell) => cell.mark === 'down');
  if (broken >= 0) return broken;
  if (row.cells.some((cell) => cell.mark === 'late')) return 3;
  return row.cells.some((cell) => cell.mark === null) ? 4 : 5;
}

export function linkRows(items: Iterable<unknown>, lang: Lang): LinkRow[] {
  const rows = ([...items] as LinkItem[]).map((item) => {
    const cells = PROOFS.map((proof) => linkCell(item[proof], lang)) as LinkRow['cells'];
    const broken = PROOFS.map((proof) => item[proof]).find((proof) => proof?.ok === false);
    const row = { id: item.id, label: pair(item.name, item.name_en, lang) || item.id, source: broken?.source ?? item.sources?.[0] ?? null, cells, tried: at(item.tried), quiet: cells.every((cell) => cell.mark === 'live') };
    return { row, rank: linkRank(row), since: at(broken?.since) ?? Infinity };
  });
  rows.sort((a, b) => a.rank - b.rank || (a.since === b.since ? 0 : a.since - b.since) || a.row.label.localeCompare(b.row.label, 'vi'));
  return rows.map(({ row }) => row);
}

/** The row that stands for several: each cell the worst of theirs, tried when the first of them was. */
export function linkRest(rest: LinkRow[], all: number, lang: Lang): LinkRow {
  const order: Mark[] = ['down', 'late', null, 'live'];
  const cells = [0, 1, 2].map((i) => rest.map((row) => row.cells[i]!).reduce((a, b) => (order.indexOf(a.mark) <= order.indexOf(b.mark) ? a : b)));
  const quiet = rest.every((row) => row.quiet);
  const tried = rest.map((row) => row.tried).filter((one) => one !== null);
  const label = rest.length === all ? `${word('sectors_all', lang)} ${all} ${word('sector', lang)}` : quiet ? `${rest.length} ${word('sectors_left', lang)}` : `${word('sources_more', lang)} ${rest.length} ${word('sectors_more', lang)}`;
  return { id: '', label, source: null, cells: cells as LinkRow['cells'], tried: tried.length > 0 ? Math.min(...tried) : null, quiet };
}

/** `kết nối 12, chia sẻ 12, đồng bộ 9` */
export function linkSum(rows: LinkRow[], lang: Lang): string {
  const names = ['link_connected', 'link_shared', 'link_synced'] as const;
  const good = (i: number) => rows.filter((row) => row.cells[i]!.mark === 'live' || row.cells[i]!.mark === 'late').length;
  return names.map((name, i) => `${word(name, lang).toLowerCase()} ${good(i)}`).join(', ');
}

// The ledger

export interface CellFace {
  period: string;
  kind: 'never' | 'excused' | 'told';
  /** Shares of the cell's height, from below: on time, then late. */
  grey: number;
  hatch: number;
  /** Somebody who owed it did not tell. */
  hole: boolean;
  say: string;
}
export interface LedgerRow {
  id: string;
  label: string;
  owner: string;
  method: Method;
  have: number;
  expect: number;
  missing: number;
  level: 'bad' | 'warn' | null;
  awaited: boolean;
  due: number | null;
  cells: CellFace[];
  /** Reminders sent this year; null when nobody counts them. */
  reminded: number | null;
}

/** What is there must be seen, however few it is. */
const LEAST_SEEN = 0.05;
/** Below half of what was due it is bad, below 95 % it is to be looked at. */
const HALF = 0.5;
const NEARLY = 0.95;

export function cellFace(cell: LedgerCell, lang: Lang): CellFace {
  const owed = cell.expect - cell.excused;
  const told = cell.on_time + cell.late;
  const kind = cell.never && told === 0 ? 'never' : owed <= 0 ? 'excused' : 'told';
  const seen = (n: number) => (n > 0 ? Math.max(LEAST_SEEN, n / owed) : 0);
  const hatch = kind === 'told' ? Math.min(1, seen(cell.late)) : 0;
  const room = 1 - hatch - (cell.missing > 0 ? LEAST_SEEN : 0);
  const grey = kind === 'told' ? Math.max(0, Math.min(cell.on_time / owed, room)) : 0;
  const counts = [['on_time', cell.on_time], ['is_late', cell.late], ['is_missing', cell.missing], ['is_excused', cell.excused], ['is_awaited', cell.awaited]] as const;
  const said = kind === 'never' ? word('is_never', lang) : counts.filter(([, n]) => n > 0).map(([name, n]) => `${word(name, lang)} ${figure(n, 0, lang)}`).join(', ');
  return { period: cell.period, kind, grey, hatch, hole: kind === 'told' && cell.missing > 0, say: `${periodName(cell.period, lang)}: ${said || '—'}` };
}

const SPANS = {
  vi: { Q: 'quý', W: 'tuần' },
  en: { Q: 'quarter', W: 'week' },
} as const;

/** A period as people write it: `10/03/2026`, `03/2026`, `quý 1/2026`, `15/02 – 14/03/2026`; a moment, or a stretch of a day, by the clock. */
export function periodName(period: string, lang: Lang): string {
  const stretch = /^(.+)\/PT(\d+)S$/.exec(period);
  const begins = stretch ? at(`${stretch[1]}+07:00`) : null;
  if (begins !== null) return `${clockSeconds(begins)} – ${clockSeconds(begins + 1000 * Number(stretch![2]))}`;
  const [from, to] = period.split('/');
  if (from && to) return `${periodName(from, lang).slice(0, 5)} – ${periodName(to, lang)}`;
  const found = /^(\d{4})(?:-(?:([QW])(\d{1,2})|(\d\d)(?:-(\d\d))?))?$/.exec(period);
  if (found === null) {
    const moment = at(period);
    return moment === null ? period : clock(moment);
  }
  const [, year, span, number, month, day] = found;
  if (span) return `${SPANS[lang][span as 'Q' | 'W']} ${Number(number)}/${year}`;
  return [day, month, year].filter(Boolean).join('/');
}

/** Where the reporters' names come from: `danh sách ngày 01/07/2025 (Sở Nội vụ), tên đặt ra cho bản mẫu`. */
export function listWords(list: RosterMark | null | undefined, lang: Lang): string {
  if (!list) return '';
  const dated = `${word('list_as_of', lang)} ${periodName(list.as_of, lang)}${list.source ? ` (${list.source})` : ''}`;
  return list.invented ? `${dated}, ${word('list_invented', lang)}` : dated;
}

function share(part: number, of: number): number {
  return of > 0 ? part / of : 0;
}

function levelOf(missing: number, owed: number): LedgerRow['level'] {
  const told = 1 - share(missing, owed);
  return missing <= 0 ? null : told < HALF ? 'bad' : told < NEARLY ? 'warn' : null;
}

export function ledgerRows(items: Iterable<unknown>, reminders: ReminderItem[] | null, lang: Lang): LedgerRow[] {
  const ranked = ([...items] as LedgerItem[]).map((item) => {
    const owed = item.expect - item.excused - item.awaited;
    const counted = reminders?.reduce((sum, one) => sum + (one.sources?.[item.id] ?? 0), 0) ?? null;
    const row: LedgerRow = {
      id: item.id,
      label: pair(item.name, item.name_en, lang) || item.id,
      owner: item.owner ?? '',
      method: item.method,
      have: item.have,
      expect: item.expect,
      missing: item.missing,
      level: levelOf(item.missing, owed),
      awaited: item.awaited > 0,
      due: at(item.due),
      cells: (item.cells ?? []).map((cell) => cellFace(cell, lang)),
      reminded: counted,
    };
    const before = (item.cells ?? []).reduce((sum, cell) => sum + share(cell.missing + cell.late / 2, cell.expect), 0);
    return { row, key: [['bad', 'warn', null].indexOf(row.level), -share(item.missing, owed), -share(item.late, item.expect), -before] };
  });
  ranked.sort((a, b) => a.key.map((one, i) => one - b.key[i]!).find((by) => by !== 0) ?? a.row.label.localeCompare(b.row.label, 'vi'));
  return ranked.map(({ row }) => row);
}

// Failed checks

/** A figure is never cut; what it is called may be, where there is little room. */
export interface SideFace {
  label: string;
  value: string;
}
export interface CheckRow {
  id: string;
  label: string;
  left: SideFace;
  right: SideFace;
  owner: string;
  source: string | null;
  say: string;
  since: number | null;
}

function side(of: CheckSide, lang: Lang): SideFace {
  const number = typeof of.value === 'number' ? figure(of.value, 2, lang) : null;
  if (number !== null && (of.parts?.length ?? 0) > 1) return { label: `${of.parts!.map((part) => figure(part, 2, lang)).join(' + ')} =`, value: number };
  // `hơn 1.500` says its figure itself.
  const named = pair(of.label, of.label_en, lang);
  if (number !== null && named.split(' ').includes(number)) return { label: '', value: named };
  return { label: pair(of.label, of.label_en, lang), value: typeof of.value === 'string' ? of.value : figure(of.value, 2, lang) };
}

/** Those that failed, the oldest first; `made`: how many gave a verdict. */
export function checkRows(items: Iterable<unknown>, lang: Lang): { failed: CheckRow[]; made: number } {
  const all = [...items] as CheckItem[];
  const failed = all
    .filter((item) => item.ok === false)
    .map((item) => ({ id: item.id, label: pair(item.name, item.name_en, lang) || item.id, left: side(item.left, lang), right: side(item.right, lang), owner: item.owner ?? '', source: item.source, say: text(item.say, lang), since: at(item.since) }))
    .sort((a, b) => (a.since ?? Infinity) - (b.since ?? Infinity) || a.id.localeCompare(b.id));
  return { failed, made: all.filter((item) => item.ok !== null).length };
}

// Reminders

export interface ReminderRow {
  id: string;
  agency: string;
  count: number;
  level: 'warn' | 'bad' | null;
  /** Dots between one threshold and the next, each sent or not. */
  groups: boolean[][];
  /** What the level means, in a few words; and as the server says it. */
  short: string;
  say: string;
}

/** More dots than this are no longer counted by eye. */
const MOST_DOTS = 12;

export function reminderRows(items: Iterable<unknown>, lang: Lang): ReminderRow[] {
  return ([...items] as ReminderItem[])
    .filter((item) => item.count > 0)
    .sort((a, b) => b.count - a.count || a.agency.localeCompare(b.agency, 'vi'))
    .map((item) => {
      const lines = [...item.thresholds].sort((a, b) => a - b).filter((line) => line <= MOST_DOTS);
      const groups = lines.map((line, i) => Array.from({ length: line - (lines[i - 1] ?? 0) }, (_, k) => (lines[i - 1] ?? 0) + k < item.count));
      return { id: item.id, agency: item.agency, count: item.count, level: item.level, groups, short: item.level === null ? '' : word(item.level === 'bad' ? 'at_discipline' : 'at_review', lang), say: text(item.say, lang) };
    });
}

/** `vạch: 3 xem xét, 6 kỷ luật`; thresholds that have no such meaning stand as numbers. */
export function reminderLines(items: Iterable<unknown>, lang: Lang): string {
  const [first] = [...items] as ReminderItem[];
  if (first === undefined || first.thresholds.length === 0) return '';
  const lines = [...first.thresholds].sort((a, b) => a - b);
  const names = lines.length === 2 ? [word('may_review', lang), word('may_discipline', lang)] : [];
  return `${word('lines', lang)}: ${lines.map((line, i) => `${line} ${names[i] ?? ''}`.trim()).join(', ')}`;
}

// The scores

export interface ScoreRow {
  id: string;
  label: string;
  share: Share;
  sources: string[];
}

/** One word's score of each sector or source for which something was counted, the worst first. */
export function scoreRows(items: Iterable<[string, unknown]>, kind: 'sector' | 'source', name: keyof Omit<ScoreItem, 'sources'>, label: (id: string) => string): ScoreRow[] {
  return ([...items] as [string, ScoreItem][])
    .filter(([id, item]) => id.startsWith(`${kind}/`) && (item[name]?.of ?? 0) > 0)
    .map(([id, item]) => ({ id: id.slice(kind.length + 1), label: label(id.slice(kind.length + 1)), share: item[name], sources: item.sources }))
    .sort((a, b) => (a.share.value ?? 0) - (b.share.value ?? 0) || b.share.of - b.share.good - (a.share.of - a.share.good) || a.label.localeCompare(b.label, 'vi'));
}
