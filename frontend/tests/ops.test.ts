// The console's own rules: time left, the clock bar, whose claim, keys, filters, and what the list finds.

import { describe, expect, test } from 'vitest';
import type { Passed, Row } from '../src/ops/ask';
import { clockBar, fitting, fold, heldBy, leftOf, leftWords, passedWords, photoWords, shortNumber } from '../src/ops/faces';
import { queryOf, readSaved, withSaved, writeSaved, type Known, type Saved } from '../src/ops/filters';
import { actOf, backStep, KEYS, stepOf, tabOf } from '../src/ops/keys';
import { said, sayOf, STATES } from '../src/ops/words';

const NOW = Date.parse('2026-11-26T14:32:06+07:00');
const at = (minutes: number) => new Date(NOW + minutes * 60_000).toISOString();
const press = (key: string, more: Partial<Record<'ctrlKey' | 'metaKey' | 'altKey', boolean>> = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, ...more });

describe('time left', () => {
  test('reads as the picture has it, in both languages', () => {
    expect(leftWords(-190 * 60, 'vi')).toBe('−3 giờ 10');
    expect(leftWords(-48 * 60, 'vi')).toBe('−48 phút');
    expect(leftWords(65 * 60, 'vi')).toBe('1 giờ 05');
    expect(leftWords(180 * 60, 'vi')).toBe('3 giờ');
    expect(leftWords(52 * 3600, 'en')).toBe('2 d 4 h');
    expect(leftWords(-20, 'vi')).toBe('0 phút');
  });

  test('grows late by itself, and the desk says what is soon', () => {
    const row = (due: number, level: Row['level']) => ({ step_due: at(due), due: at(600), level });
    expect(leftOf(row(-1, null), NOW, 'vi').level).toBe('bad');
    expect(leftOf(row(300, 'warn'), NOW, 'vi').level).toBe('warn');
    expect(leftOf(row(300, null), NOW, 'vi').level).toBeNull();
    expect(leftOf(row(300, null), NOW + 301 * 60_000, 'vi').level).toBe('bad');
    expect(leftOf({ step_due: null, due: null, level: null }, NOW, 'vi').words).toBe('—');
  });

  test('the bar runs from receipt to now, or to the due time while that lies ahead', () => {
    expect(clockBar(0, 50, 100)).toEqual({ due: 50, now: 100, late: true });
    expect(clockBar(0, 100, 25)).toEqual({ due: 100, now: 25, late: false });
    expect(clockBar(0, null, 25).due).toBeNull();
    expect(clockBar(100, 50, 60)).toEqual({ due: 0, now: 0, late: true });
  });
});

test('a claim holds another out until its time, and never its own holder', () => {
  expect(heldBy({ by: 'Lan', until: at(1) }, 'Hùng', NOW)).toBe('Lan');
  expect(heldBy({ by: 'Lan', until: at(-1) }, 'Hùng', NOW)).toBeNull();
  expect(heldBy({ by: 'Hùng', until: at(1) }, 'Hùng', NOW)).toBeNull();
  expect(heldBy(null, 'Hùng', NOW)).toBeNull();
});

test('steps are told in both languages, the server’s sentence first', () => {
  const step: Passed = { at: at(0), step: 'assign', who: 'operator', name: 'Lan', agency_title: 'Cấp nước' };
  expect(passedWords(step, 'vi', NOW)).toBe('Lan giao Cấp nước');
  expect(passedWords({ ...step, step: 'file', who: 'citizen', name: null }, 'en', NOW)).toBe('The citizen filed it');
  expect(passedWords({ ...step, who: 'clock', name: 'ioc' }, 'vi', NOW)).toBe('Hệ thống giao Cấp nước');
  expect(passedWords({ ...step, say: { vi: 'Xong rồi', en: 'All done' } }, 'vi', NOW)).toBe('Xong rồi');
  expect(passedWords({ ...step, step: 'unheard', name: null, who: 'nobody' }, 'vi', NOW)).toBe('nobody unheard');
});

test('photos are counted, and only those that are here', () => {
  expect(photoWords([{ kind: 'photo', state: 'taken' }, { kind: 'after', state: 'taken' }, { kind: 'video', state: 'taken' }, { kind: 'photo', state: 'planned' }], 'vi')).toBe('2 ảnh và 1 phim');
  expect(photoWords([], 'en')).toBe('no photo');
  expect(shortNumber('PY-2026-1126-0417')).toBe('0417');
});

describe('keys', () => {
  test('no two acts share a key, and each has words in both languages', () => {
    expect(new Set(KEYS.map((one) => one.key.toLowerCase())).size).toBe(KEYS.length);
    for (const one of KEYS) for (const lang of ['vi', 'en'] as const) expect(said(one.say, lang)).not.toBe('');
    for (const state of STATES) expect(sayOf(`state_${state}`, 'vi')).not.toBeNull();
  });

  test('the browser keeps its own', () => {
    expect(actOf(press('r'))).toBe('answer');
    expect(actOf(press('R'))).toBe('answer');
    expect(actOf(press('r', { ctrlKey: true }))).toBeNull();
    expect(actOf(press('ArrowDown'))).toBe('down');
    expect(actOf(press('q'))).toBeNull();
    expect(tabOf(press('6'), 6)).toBe(5);
    expect(tabOf(press('7'), 6)).toBeNull();
  });

  test('a key takes the step that the life allows now', () => {
    expect(stepOf('refuse', ['reject'])).toBe('reject');
    expect(stepOf('merge', ['duplicate', 'merge'])).toBe('merge');
    expect(stepOf('merge', ['answer'])).toBeNull();
  });

  test('there is one way back, or none, and none is said', () => {
    expect(backStep('done', false, ['reopen', 'answer'])).toBe('reopen');
    expect(backStep('assigned', false, ['assign'])).toBe('assign');
    expect(backStep('assigned', false, ['reject', 'accept'])).toBe('reject');
    expect(backStep('verified', false, ['assign', 'refuse'])).toBeNull();
    expect(backStep('verified', true, ['unhide'])).toBe('unhide');
  });
});

describe('filters', () => {
  const known: Known = { units: [{ code: '22015', name: 'Phường Tuy Hoà' }], categories: [{ code: 'water', name: 'Cấp nước' }], agencies: [{ code: 'cap_nuoc', name: 'Công ty Cấp nước' }] };
  const asked = (typed: string, view: Saved['view'] = 'all') => Object.fromEntries(new URLSearchParams(queryOf({ view, typed }, known)));

  test('words, and names without their marks', () => {
    expect(asked('ống nước')).toEqual({ q: 'ống nước' });
    expect(asked('xa:"tuy hoa" loai:water vỡ', 'late')).toEqual({ late: '1', unit: '22015', category: 'water', q: 'vỡ' });
    expect(asked('bước:"đã giao" ai:cấp_nước')).toEqual({ state: 'assigned', agency: 'cap_nuoc' });
    expect(asked('state:in_progress')).toEqual({ state: 'in_progress' });
    expect(asked('http://x')).toEqual({ q: 'http://x' });
    expect(asked('', 'unassigned')).toEqual({ unassigned: '1' });
  });

  test('are kept by name, and rubbish is none', () => {
    const place = new Map<string, string>();
    const storage = { getItem: (key: string) => place.get(key) ?? null, setItem: (key: string, value: string) => void place.set(key, value) };
    const one: Saved = { name: 'Ca chiều', view: 'late', typed: 'xa:22015' };
    writeSaved(storage, withSaved(withSaved([], one), { ...one, view: 'mine' }));
    expect(readSaved(storage)).toEqual([{ ...one, view: 'mine' }]);
    for (const bad of ['{', '5', '[null,{"name":1}]', '[{"name":"x","typed":"","view":"unheard"}]']) {
      place.set('ioc.ops.filters', bad);
      expect(readSaved(storage)).toEqual([]);
    }
  });
});

test('a list finds begun words first, with or without marks', () => {
  const names = ['Môi trường', 'Công ty Cấp nước', 'Cấp nước Tuy Hoà', 'Thoát nước'];
  expect(fitting(names, 'cap', (one) => one)).toEqual(['Cấp nước Tuy Hoà', 'Công ty Cấp nước']);
  expect(fitting(names, 'trườ', (one) => one)).toEqual(['Môi trường']);
  expect(fitting(names, 'zzz', (one) => one)).toEqual([]);
  expect(fold('Đã Giao ')).toBe('da giao');
});
