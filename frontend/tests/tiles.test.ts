import { describe, expect, test } from 'vitest';
import { orderAlerts } from '../src/lib/alerts';
import { areaStates, gone, paint, tally } from '../src/lib/paint';
import type { Quality, SourceItem, TileItem } from '../src/lib/protocol';
import type { TilePanel } from '../src/lib/screen';
import { reason, silent } from '../src/lib/reasons';
import { howLong, orderSources } from '../src/lib/sources';
import { bornAt, cause, face, narrowed, partWords, type Around } from '../src/lib/tiles';
import { readPast } from '../src/tablet/history';

const NOW = Date.parse('2026-03-10T14:32:06+07:00');
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString();

function quality(over: Partial<Quality> = {}): Quality {
  return { state: 'live', why: null, observed: ago(3600), received: ago(12), due: ago(-18), have: 105, expect: 105, refused: 0, method: 'machine', sources: { cam: 'live' }, ...over };
}
function item(over: Partial<TileItem> = {}): TileItem {
  return { value: 241, unit: null, label: { vi: 'Camera sống', en: 'Cameras live' }, have: 105, expect: 105, observed: ago(3600), method: 'machine', sources: ['cam'], ...over };
}
const panel: TilePanel = { tile: 'cameras_live', label: null, decimals: 0, of: null, unit: null, coverage: { vi: 'điểm', en: 'places' }, source: null };
const source = { id: 'cam', name: 'Sổ camera Tuy Hoà', state: 'live', why: null, observed: null, received: ago(12), due: null, owner: null, have: 1, expect: 1, refused: 0, method: 'machine', last_error: null, cadence_s: 30 } satisfies SourceItem;
const around = (over: Partial<Around> = {}): Around => ({ quality: quality(), sources: new Map([['cam', source]]), now: NOW, lang: 'vi', blindOf: null, blank: false, problem: null, ...over });

describe('the bar of a percentage', () => {
  const bar = (value: number, target: number | null) => face(panel, item({ value, target, unit: '%' }), around()).bar;
  test('is a part of a hundred', () => expect(bar(9.12, 9.5)).toEqual({ width: 9.12, target: 9.5 }));
  test('of an index over a hundred does not look as if it had reached its target', () => {
    const made = bar(109.7, 111);
    expect(made?.width).toBeCloseTo((100 * 109.7) / (111 * 1.25));
    expect(made?.target).toBeCloseTo(80);
  });
});

describe('how old a figure is', () => {
  test('a machine’s live figure is as old as its last confirmation', () => expect(bornAt(quality(), item())).toBe(NOW - 12_000));
  test('what is typed is as old as when it became true', () => expect(bornAt(quality({ method: 'typed' }), item({ method: 'typed' }))).toBe(NOW - 3_600_000));
  test('a source that answers with old data does not look young', () => {
    expect(bornAt(quality({ state: 'stale', due: ago(600) }), item())).toBe(NOW - 3_600_000);
  });
  test('a silent source is as old as its last answer', () => {
    expect(bornAt(quality({ state: 'down', received: ago(2400), due: ago(2370) }), item())).toBe(NOW - 2_400_000);
  });
  test('what we work out of a machine’s data is as old as those', () => expect(bornAt(quality({ method: 'computed' }), item({ method: 'computed' }))).toBe(NOW - 12_000));
  test('a machine that owes changes, or lags behind its own book, is as old as its newest change, though it answers', () => {
    expect(bornAt(quality({ age: 'observed' }), item())).toBe(NOW - 3_600_000);
    expect(bornAt(quality({ age: 'observed', observed: null }), item({ observed: null }))).toBe(NOW - 12_000);
    expect(howLong({ ...source, observed: ago(93_600), age: 'observed' }, NOW, 'vi')).toContain('26 giờ');
    expect(howLong({ ...source, observed: ago(93_600) }, NOW, 'vi')).toContain('12 giây');
  });
  test('of two sources, the figure counts by that which it is worked out of', () => {
    const both = quality({ sources: { cam: 'live', old: 'live' }, age: 'observed' });
    const known = new Map<string, unknown>([['cam', source], ['old', { ...source, id: 'old', age: 'observed' }]]);
    expect(narrowed(both, item({ sources: ['cam'] }), known)?.age).toBe('received');
    expect(narrowed(both, item({ sources: ['old'] }), known)?.age).toBe('observed');
  });
  test('nothing known: no age', () => expect(bornAt(null, undefined)).toBeNull());
});

describe('what a figure is worked out of', () => {
  const parts = [{ label: 'doanh nghiệp', value: 487 }, { label: 'cá nhân', value: 905 }];
  test('each part is named, also beside a sentence of its own', () => {
    expect(partWords(item({ parts, why: 'cộng hai nhóm' }), 'vi')).toEqual(['doanh nghiệp 487', 'cá nhân 905']);
    expect(cause(item({ parts, why: 'cộng hai nhóm' }), 'vi')).toBe('cộng hai nhóm');
  });
  test('a tile that is a sum shows its parts; another does not', () => {
    expect(face(panel, item({ value: 1392, method: 'computed', parts }), around()).source).toBe('Sổ camera Tuy Hoà, 487 + 905');
    expect(face(panel, item({ value: 1500, method: 'computed', parts }), around()).source).toBe('Sổ camera Tuy Hoà');
  });
  test('a revision of yesterday evening says the day', () => {
    const revised = { from: 230, at: '2026-03-09T20:00:00+07:00', why: null };
    expect(face(panel, item({ revised }), around()).revised).toEqual({ at: '09/03', from: '230' });
  });
});

describe('the face of a tile', () => {
  test('carries age, coverage, source and due', () => {
    const made = face(panel, item({ of: 268, target: 255, trend: { by: -6, over: 'P1D' } }), around());
    expect(made).toMatchObject({ value: '241', unit: '/ 268', stateWord: 'sống', age: '12 giây', coverage: { full: '105/105 điểm', figures: '105/105', of: 'điểm' }, source: 'Sổ camera Tuy Hoà', due: 'hạn 30 giây' });
    expect(made.trend).toEqual({ way: 'dn', by: '6', over: '1 ngày' });
    expect(made.bar?.target).toBeCloseTo((100 * 255) / 268);
    expect(made.sentence).toBe('Camera sống: 241 / 268, sống 12 giây, 105/105 điểm, máy, Sổ camera Tuy Hoà, hạn 30 giây');
  });
  test('absent is a dash and says so', () => {
    const made = face(panel, item({ value: null, have: 0, expect: 34 }), around({ quality: quality({ state: 'live', have: 0, why: 'chưa kết nối' }) }));
    expect(made).toMatchObject({ value: '—', state: 'never', stateWord: 'chưa có', age: '', bar: null, level: null, coverage: { full: '0/34 điểm' } });
  });
  test('before anything came it is never, not zero', () => expect(face(panel, undefined, around({ quality: null })).value).toBe('—'));
  test('blind: the time of the picture, no relative age', () => {
    expect(face(panel, item(), around({ blindOf: NOW }))).toMatchObject({ stateWord: 'của', age: '14:32', value: '241' });
    expect(face(panel, item(), around({ blindOf: NOW, blank: true })).value).toBe('—');
  });
  test('figures that disagree stand side by side; a revision shows for one day', () => {
    expect(face(panel, item({ other: [{ value: 1500, source: 'báo cáo' }] }), around()).others).toEqual(['1.500']);
    expect(face(panel, item({ revised: { from: 405, at: ago(3600), why: null } }), around()).revised).toEqual({ at: '13:32', from: '405' });
    expect(face(panel, item({ revised: { from: 405, at: ago(90_000), why: null } }), around()).revised).toBeNull();
  });
  test('a cause is the item’s own sentence, else its parts', () => {
    expect(cause(item({ why: '3 trên 41 phép kiểm trượt' }), 'vi')).toBe('3 trên 41 phép kiểm trượt');
    expect(cause(item({ parts: [{ label: { vi: 'quá hạn', en: 'overdue' }, value: 37 }] }), 'en')).toBe('overdue 37');
    const failed = { label: 'phép kiểm trượt', label_en: 'checks failed', value: 3, of: 41 };
    expect([cause(item({ parts: [failed] }), 'vi'), cause(item({ parts: [failed] }), 'en')]).toEqual(['3 trên 41 phép kiểm trượt', '3 of 41 checks failed']);
  });

  test('what must be known of a figure goes with it to eye and ear, and not with one that is absent', () => {
    const why = 'Từ năm 2022 tính theo bộ chỉ số 922, không so được với bộ 1726.';
    const made = face(panel, item({ why }), around());
    expect(made.note).toBe(why);
    expect(made.sentence).toContain(why);
    expect(face(panel, item({ why, value: null }), around()).note).toBe('');
    expect(face(panel, item({}), around()).note).toBe('');
  });
});

describe('a channel that speaks for more sources than the figure has', () => {
  const beds = { ...source, id: 'beds', state: 'stale', method: 'typed', why: 'tới hạn', received: ago(9000), observed: ago(9999) } satisfies SourceItem;
  const sources = new Map<string, unknown>([['cam', source], ['beds', beds]]);
  const joined = quality({ state: 'never', why: 'labour: no', sources: { cam: 'live', beds: 'stale', labour: 'never' } });
  test('what another source lacks says nothing about it', () => {
    expect(narrowed(joined, item({ sources: ['cam'] }), sources)).toMatchObject({ state: 'live', why: null, received: source.received });
    expect(narrowed(joined, item({ sources: ['beds'] }), sources)).toMatchObject({ state: 'stale', method: 'typed', why: 'tới hạn' });
    expect(narrowed(joined, item({ sources: ['cam', 'beds'] }), sources)).toMatchObject({ state: 'stale', received: beds.received });
  });
  test('a state that no source explains stays: the server lowered it', () => {
    const lowered = quality({ state: 'stale', why: 'Redis gives no sign of life; what is shown may be old.', sources: { cam: 'live', labour: 'live' } });
    expect(narrowed(lowered, item({ sources: ['cam'] }), sources)).toBe(lowered);
    const alike = { ...lowered, sources: { cam: 'live', beds: 'stale' } as const };
    expect(narrowed(alike, item({ sources: ['cam'] }), sources)).toBe(alike);
  });
});

describe('reasons', () => {
  test('are said in Vietnamese, without the source’s technical name', () => {
    expect(reason('cameras_city: The answer that was due has not come.', 'vi')).toBe('tới hạn mà chưa có trả lời');
    expect(reason('10.0.0.7 answered HTTP 500; it is asked again later.', 'vi')).toBe('10.0.0.7 trả lời lỗi HTTP 500');
    expect(reason('The projector and Redis give no sign of life; what is shown may be old.', 'vi')).toBe('bộ tính số và kho Redis im lặng, số này có thể đã cũ');
    expect(reason("labour: The file labour.db can't be opened or is locked; check that it is there.", 'vi')).toBe('không mở được tệp labour.db');
    expect(reason('Something new.', 'vi')).toBe('Something new.');
    expect(reason("The file y-te.db did not answer the statement: no such table. Something new.", 'vi')).toBe('tệp y-te.db không trả lời câu hỏi dữ liệu; Something new.');
    const books = '2026-q1.xlsx has no column Kỳ, Số; correct the table, or the book. 2026-q2.xlsx names no period in title, sheet or name; write period = "2026-09", say.';
    expect(reason(books, 'vi')).toBe('2026-q1.xlsx không có cột Kỳ, Số; 2026-q2.xlsx không ghi kỳ số liệu');
    const gone = '9 of 20 known records were missing at once; the answer was not believed, and the last picture stays. If they really ended, remove the source\'s records in steps.';
    expect(reason(gone, 'vi')).toBe('thiếu cùng lúc 9 trên 20 bản ghi đã biết, không tin, giữ hình trước');
    const form = 'dti.csv has none of the forms of this source. It has no column Điểm. Correct the file, or add a form.';
    expect(reason(form, 'vi')).toBe('tệp dti.csv không theo mẫu nào đã biết; thiếu cột Điểm');
    expect(reason('The file e.db did not answer the statement: no such table. Correct it, or ask what changed.', 'vi')).toBe('tệp e.db không trả lời câu hỏi dữ liệu');
    expect(reason(null, 'vi')).toBeNull();
    expect([silent('Redis gives no sign of life; what is shown may be old.'), silent('late')]).toEqual([true, false]);
  });
});

describe('orders', () => {
  test('alerts: bad and unclaimed first, then the newest', () => {
    const alert = (id: string, level: 'warn' | 'bad', claimed: string | null, seconds: number) => ({ id, level, claimed, say: id, since: ago(seconds), source: null, owner: null });
    const given = [alert('w', 'warn', null, 5), alert('claimed', 'bad', 'Lan', 1), alert('old', 'bad', null, 500), alert('new', 'bad', null, 10)];
    expect(orderAlerts(given).map((one) => one.id)).toEqual(['new', 'old', 'claimed', 'w']);
  });
  test('sources: worst first, the longest silent first among equals', () => {
    const of = (id: string, state: SourceItem['state'], seconds: number): SourceItem => ({ ...source, id, state, received: ago(seconds) });
    const given = [of('l', 'live', 1), of('n', 'never', 9), of('d1', 'down', 100), of('s', 'stale', 5), of('d2', 'down', 900), of('t', 'late', 7)];
    expect(orderSources(given).map((one) => one.id)).toEqual(['d2', 'd1', 's', 't', 'n', 'l']);
    expect(orderSources(given, 'stale').map((one) => one.state), 'a silent watch knows of no living source').toEqual(['down', 'down', 'stale', 'stale', 'stale', 'never']);
    expect(howLong(of('d', 'down', 2400), NOW, 'vi')).toBe('mất 40 phút');
    expect(howLong(of('n', 'never', 2400), NOW, 'vi')).toBe('chưa có');
  });
});

describe('paint', () => {
  test('form is the layer, fill is liveness', () => {
    expect(paint('cameras', { state: 'frozen' })).toMatchObject({ icon: 'frozen', trouble: true });
    expect(paint('cameras', { state: 'live' })).toMatchObject({ icon: 'live', trouble: false });
    expect(paint('reports', { overdue: true })).toMatchObject({ icon: 'squareFull', trouble: true });
    expect(paint('stations', {})).toMatchObject({ icon: 'triangle', trouble: false });
    expect(gone('reports', { open: false })).toBe(true);
  });
  test('cameras are counted by their own state', () => {
    const of = (state: string) => ({ properties: { state } });
    expect(tally([of('live'), of('live'), of('frozen'), of('down'), of('late'), of('never')])).toEqual({ live: 2, frozen: 1, down: 1, never: 1, other: 1 });
  });
  test('a commune without its figure is hatched, one past its limit too', () => {
    const items = new Map<string, unknown>([['all', item()], ['22096', item({ level: 'bad' })], ['22192', item({ value: null, have: 0 })], ['22015', item({ level: 'good' })]]);
    expect([...areaStates(items)]).toEqual([['22096', 'bad'], ['22192', 'stale']]);
  });
});

describe('a tile’s past', () => {
  test('a silence stays a gap', () => {
    const days = [0, 1, 2, 3, 7, 8].map((day) => ({ at: new Date(Date.UTC(2026, 2, 1 + day)).toISOString(), value: day }));
    const past = readPast(days);
    expect(past.gaps).toEqual([[Date.UTC(2026, 2, 4) / 1000, Date.UTC(2026, 2, 8) / 1000]]);
    expect(past.value).toEqual([0, 1, 2, 3, null, 7, 8]);
  });
  test('nothing told, nothing drawn', () => expect(readPast([])).toEqual({ at: [], value: [], gaps: [] }));
});
