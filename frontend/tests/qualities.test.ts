import { describe, expect, test } from 'vitest';
import type { CheckItem, LedgerCell, LedgerItem, LinkItem, Proof, ReminderItem, ScoreItem, SourceItem } from '../src/lib/protocol';
import { cellFace, checkRows, folded, ledgerRows, linkRest, linkRows, linkSum, listWords, periodName, reminderLines, reminderRows, scoreRows, when } from '../src/lib/qualities';
import { reason } from '../src/lib/reasons';
import { channelsOf, type Screen } from '../src/lib/screen';
import { howLong, lookOf } from '../src/lib/sources';
import { spark } from '../src/lib/spark';
import { dutyWords } from '../src/tablet/ask';

const NOW = Date.parse('2026-03-10T14:32:06+07:00');
const yes: Proof = { ok: true, say: null, since: null };
const untried: Proof = { ok: null, say: null, since: null };
const no = (say: string | null = null, since: string | null = null): Proof => ({ ok: false, say, since });
const link = (id: string, connected: Proof, shared: Proof = untried, synced: Proof = untried): LinkItem => ({ id, name: id, sources: [], tried: '2026-03-10T14:30:00+07:00', connected, shared, synced });

describe('the link matrix', () => {
  const items = [
    link('Xây dựng', yes, yes, yes),
    link('Y tế', yes, yes, { ok: false, say: 'trễ 26 giờ', since: null, level: 'warn', source: 'beds' }),
    link('Tư pháp', yes, yes, no('lệch 86')),
    link('Thuế', untried),
    link('Tài chính', yes, yes, yes),
    link('Công an', no()),
    link('Khí tượng', no('mất 40 phút', '2026-03-10T13:52:00+07:00')),
  ];
  const rows = linkRows(items, 'vi');

  test('the worst come first: not connected, not synced, late, not probed, good', () => {
    expect(rows.map((row) => row.label)).toEqual(['Khí tượng', 'Công an', 'Tư pháp', 'Y tế', 'Thuế', 'Tài chính', 'Xây dựng']);
  });
  test('yes is a disc, no a cross with its reason, late a half disc, and nobody tried is said', () => {
    expect(rows[0]!.cells[0]).toEqual({ mark: 'down', say: 'mất 40 phút' });
    expect(rows[1]!.cells).toEqual([{ mark: 'down', say: 'không' }, { mark: null, say: 'chưa thử' }, { mark: null, say: 'chưa thử' }]);
    expect(rows[3]!.cells[2]).toEqual({ mark: 'late', say: 'trễ 26 giờ' });
    expect(rows[5]!.cells[0]).toEqual({ mark: 'live', say: 'có' });
    expect(linkRows([link('x', { ok: true, say: { vi: 'có', en: 'yes' }, since: null })], 'en')[0]!.cells[0]).toEqual({ mark: 'live', say: 'yes' });
  });
  test('a tap leads to the source whose proof failed', () => {
    expect(rows[3]!.source).toBe('beds');
    expect(rows[0]!.source).toBeNull();
  });
  test('all good rows fold into one, which was tried when the first of them was', () => {
    const { shown, rest } = folded(rows, 11, (row) => row.quiet);
    expect(shown).toHaveLength(5);
    expect(linkRest(rest, rows.length, 'vi')).toMatchObject({ label: '2 ngành còn lại', quiet: true, tried: Date.parse('2026-03-10T14:30:00+07:00') });
  });
  test('what does not fit is folded with the worst that it hides', () => {
    const { shown, rest } = folded(rows, 3, (row) => row.quiet);
    expect(shown).toHaveLength(2);
    const row = linkRest(rest, rows.length, 'vi');
    expect(row.label).toBe('và 5 ngành nữa');
    expect(row.cells[2]).toEqual({ mark: 'down', say: 'lệch 86' });
  });
  test('the sums count what was proved', () => expect(linkSum(rows, 'vi')).toBe('kết nối 4, chia sẻ 4, đồng bộ 3'));
  test('one good row alone is not folded', () => expect(folded([1, 2, 9], 11, (n) => n === 9).rest).toEqual([]));
});

const cell = (over: Partial<LedgerCell> = {}): LedgerCell => ({ period: '2026-03-09', due: null, expect: 10, on_time: 10, late: 0, missing: 0, excused: 0, awaited: 0, never: false, ...over });
const entry = (id: string, over: Partial<LedgerItem> = {}): LedgerItem => ({ id, name: id, owner: 'Sở Y tế', method: 'machine', each: 'day', period: '2026-03-09', due: null, have: 34, expect: 34, late: 0, missing: 0, excused: 0, awaited: 0, cells: [], ...over });

describe('the ledger', () => {
  test('a cell is grey on time, hatched late, and has a hole where somebody is missing', () => {
    expect(cellFace(cell({ on_time: 5, late: 2, missing: 3 }), 'vi')).toMatchObject({ kind: 'told', grey: 0.5, hatch: 0.2, hole: true });
    expect(cellFace(cell(), 'vi')).toMatchObject({ kind: 'told', grey: 1, hatch: 0, hole: false });
  });
  test('the excused owe nothing: the rest is the whole, and where all are excused there is no bar', () => {
    expect(cellFace(cell({ on_time: 8, excused: 2 }), 'vi')).toMatchObject({ kind: 'told', grey: 1 });
    expect(cellFace(cell({ on_time: 0, excused: 10 }), 'vi')).toMatchObject({ kind: 'excused', grey: 0 });
  });
  test('nothing ever is not the same as missing', () => expect(cellFace(cell({ on_time: 0, missing: 10, never: true }), 'vi')).toMatchObject({ kind: 'never', hole: false }));
  test('what is awaited is no hole', () => expect(cellFace(cell({ on_time: 4, awaited: 6 }), 'vi')).toMatchObject({ grey: 0.4, hole: false }));
  test('one of many is still seen', () => {
    const face = cellFace(cell({ expect: 1000, on_time: 998, late: 1, missing: 1 }), 'vi');
    expect(face.hatch).toBeGreaterThanOrEqual(0.05);
    expect(face.grey + face.hatch).toBeLessThanOrEqual(0.95 + 1e-9);
  });
  test('a cell is read as a sentence', () => expect(cellFace(cell({ on_time: 5, late: 2, missing: 3 }), 'vi').say).toBe('09/03/2026: đúng hạn 5, trễ 2, thiếu 3'));

  test('worst first, by the share that is missing', () => {
    const rows = ledgerRows([entry('good'), entry('few', { have: 33, missing: 1 }), entry('half', { have: 7, expect: 9, missing: 2 }), entry('none', { have: 0, missing: 34 })], null, 'vi');
    expect(rows.map((row) => [row.id, row.level])).toEqual([['none', 'bad'], ['half', 'warn'], ['few', null], ['good', null]]);
  });
  test('a period that is not due yet lacks nobody', () => {
    const [row] = ledgerRows([entry('soon', { have: 0, awaited: 34 })], null, 'vi');
    expect(row).toMatchObject({ level: null, awaited: true });
  });
  test('reminders are summed by source, and unknown while nobody counts them', () => {
    const reminders = [{ sources: { beds: 3 } }, { sources: { beds: 1, jobs: 2 } }] as unknown as ReminderItem[];
    expect(ledgerRows([entry('beds')], reminders, 'vi')[0]!.reminded).toBe(4);
    expect(ledgerRows([entry('beds')], null, 'vi')[0]!.reminded).toBeNull();
  });
  test.each([['2026-03-10', '10/03/2026'], ['2026-03', '03/2026'], ['2026-Q1', 'quý 1/2026'], ['2026-W10', 'tuần 10/2026'], ['2026', '2026'], ['2026-02-15/2026-03-14', '15/02 – 14/03/2026'], ['2026-03-10T14:30:00+07:00', '14:30'], ['2026-03-10T18:40:00/PT100S', '18:40:00 – 18:41:40'], ['?', '?']])('%s is written %s', (period, words) => {
    expect(periodName(period, 'vi')).toBe(words);
  });
  test('the list of reporters says its date, its source, and that its names are made up', () => {
    const list = { as_of: '2025-07-01', invented: true, source: 'Sở Nội vụ' };
    expect(listWords(list, 'vi')).toBe('danh sách ngày 01/07/2025 (Sở Nội vụ), tên đặt ra cho bản mẫu');
    expect(listWords({ ...list, invented: false, source: '' }, 'en')).toBe('list of 01/07/2025');
    expect(listWords(null, 'vi')).toBe('');
  });
});

describe('checks and reminders', () => {
  const check = (id: string, ok: boolean | null, since: string | null = null): CheckItem => ({ id, name: id, ok, left: { label: '487 + 905 =', value: 1392 }, right: { label: 'công bố', value: '“hơn 1.500”' }, say: null, source: null, owner: 'Sở KH&CN', since });
  test('both figures stand, and no mean of them', () => {
    expect(checkRows([check('a', false)], 'vi').failed[0]).toMatchObject({ left: { label: '487 + 905 =', value: '1.392' }, right: { label: 'công bố', value: '“hơn 1.500”' } });
  });
  test('what was added up is shown, and a figure that the label says itself is not said twice', () => {
    const made = { ...check('a', false), left: { label: 'Tổ chức + Cá nhân', value: 1392, parts: [487, 905] }, right: { label: 'hơn 1.500', value: 1500 } };
    expect(checkRows([made], 'vi').failed[0]).toMatchObject({ left: { label: '487 + 905 =', value: '1.392' }, right: { label: '', value: 'hơn 1.500' } });
  });
  test('the oldest failure first; what gave no verdict is not counted', () => {
    const found = checkRows([check('new', false, '2026-03-09T00:00:00Z'), check('old', false, '2026-03-01T00:00:00Z'), check('good', true), check('unknown', null)], 'vi');
    expect(found.failed.map((row) => row.id)).toEqual(['old', 'new']);
    expect(found.made).toBe(3);
  });
  const reminded = (agency: string, count: number): ReminderItem => ({ id: agency, agency, year: 2026, count, thresholds: [3, 6], level: null, last: null, say: null, sources: {} });
  test('dots stand between the lines, the most reminded first, who never was not at all', () => {
    const rows = reminderRows([reminded('Phú Mỡ', 4), reminded('Không', 0), reminded('Lao động', 9)], 'vi');
    expect(rows.map((row) => [row.agency, row.count])).toEqual([['Lao động', 9], ['Phú Mỡ', 4]]);
    expect(rows[1]!.groups).toEqual([[true, true, true], [true, false, false]]);
    expect(rows[0]!.groups.flat().every(Boolean)).toBe(true);
  });
  test('the lines are named', () => expect(reminderLines([reminded('x', 1)], 'vi')).toBe('vạch: 3 xem xét, 6 kỷ luật'));
  test('many thresholds draw no thousand dots', () => expect(reminderRows([{ ...reminded('x', 1), thresholds: [3, 6000] }], 'vi')[0]!.groups.flat()).toHaveLength(3));
});

describe('scores', () => {
  const share = (good: number, of: number) => ({ value: of ? (100 * good) / of : null, good, of, level: null });
  const item = (good: number, of: number): ScoreItem => ({ sources: [], dung: share(good, of), du: share(good, of), sach: share(good, of), song: share(good, of) });
  test('worst first; what nothing was counted for is left out; sectors and sources apart', () => {
    const items: [string, ScoreItem][] = [['all', item(1, 1)], ['source/a', item(9, 10)], ['source/b', item(1, 10)], ['source/c', item(0, 0)], ['sector/s', item(10, 20)]];
    expect(scoreRows(items, 'source', 'du', (id) => id).map((row) => row.id)).toEqual(['b', 'a']);
    expect(scoreRows(items, 'sector', 'du', (id) => id.toUpperCase())).toMatchObject([{ id: 's', label: 'S' }]);
  });
});

describe('what a word was', () => {
  const day = 86_400_000;
  const points = Array.from({ length: 8 }, (_, i) => ({ at: NOW - (7 - i) * day, value: 90 + i }));
  test('one line over seven days, and by how much it changed', () => {
    const line = spark(points, 95, NOW);
    expect(line.lines).toHaveLength(1);
    expect([line.by, line.over]).toEqual([7, 7 * day]);
    expect(line.lines[0]).toMatch(/^6,\S+ .* 234,\S+$/);
  });
  test('a gap stays a gap', () => {
    const minutes = Array.from({ length: 60 }, (_, i) => ({ at: NOW - (59 - i) * 60_000, value: 90 })).filter((_, i) => i < 10 || i > 40);
    expect(spark(minutes, null, NOW).lines).toHaveLength(2);
  });
  test('a day that was asked for alone joins the next', () => {
    const line = spark([{ at: NOW - 2 * day, value: 90, daily: true }, { at: NOW - day, value: 91, daily: true }, { at: NOW - 600_000, value: 92 }, { at: NOW - 540_000, value: 92 }, { at: NOW - 480_000, value: 92 }], null, NOW);
    expect(line.lines).toHaveLength(1);
  });
  test('one point is no line', () => expect(spark(points.slice(0, 1), 95, NOW)).toMatchObject({ lines: [], by: null }));
  test('a line that does not move is drawn in the middle', () => expect(spark(points.map((one) => ({ ...one, value: 98 })), null, NOW).lines[0]).toContain(',36'));
});

describe('sources', () => {
  const source = { id: 'cam', name: 'Camera', state: 'stale', frozen: true, why: null, observed: null, received: '2026-03-10T14:02:06+07:00', due: null, owner: null, have: 1, expect: 1, refused: 0, method: 'machine', last_error: null, cadence_s: 30 } satisfies SourceItem;
  test('one that answers and does not move is frozen, not merely old', () => {
    expect(lookOf(source)).toBe('frozen');
    expect(howLong(source, NOW, 'vi')).toBe('đứng hình 30 phút');
    expect(lookOf({ ...source, state: 'down' })).toBe('down');
  });
  test('and it says why in the reader’s language', () => {
    expect(reason('It answers, but has said the same 5 times in a row.', 'vi')).toBe('5 lần liền trả lời y như nhau');
  });
  test('what it owes is said in words', () => {
    expect(dutyWords({ owner: 'x', cadence: 30 }, 'vi')).toBe('trả lời mỗi 30 giây');
    expect(dutyWords({ owner: 'x', cadence: 30, due: { each: 'month', by: '17:00', after: 5, working: true, starts: 1 } }, 'vi')).toBe('mỗi tháng, hạn 17:00, 5 ngày làm việc sau kỳ');
    expect(dutyWords({ owner: 'x', cadence: 30, due: { each: 'stretch', by: '17:00', after: 0, working: false, starts: 1, seconds: 120 } }, 'vi')).toBe('mỗi 2 phút, hạn khi hết kỳ');
  });
});

describe('times and channels', () => {
  test('a time today, a day before that, nothing never', () => {
    expect([when('2026-03-10T09:05:00+07:00', NOW), when('2026-03-02T09:05:00+07:00', NOW), when(null, NOW)]).toEqual(['09:05', '02/03', '—']);
  });
  test('a wall watches the channels of its panels; a tablet asks when the page is opened', () => {
    const screen = { kind: 'wall', words: null, tiles: [], canary: null, links: { title: '', most: 11 }, ledger: null } as unknown as Screen;
    expect(channelsOf(screen)).toContain('links');
    expect(channelsOf(screen)).not.toContain('ledger');
    expect(channelsOf({ ...screen, kind: 'tablet' })).not.toContain('links');
  });
});
