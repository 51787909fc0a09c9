// What a category asks: what counts as an answer, what is wrong with one, and how it reads.

import { describe, expect, test } from 'vitest';
import { answered, answers, attribute, ticked, wrongWith, type Attribute } from '../src/lib/answers';

const asked = (code: string, kind: Attribute['kind'], required = false): Attribute =>
  attribute({ code, kind, title: ['Cỡ', 'Size'], required, values: [['small', 'nhỏ'], { code: 'large', title: { vi: 'lớn', en: 'large' } }] });

describe('an answer', () => {
  test('is filed as the server reads it', () => {
    const all = [asked('one', 'singlevaluelist'), asked('many', 'multivaluelist'), asked('words', 'string'), asked('count', 'number'), asked('none', 'text')];
    const given = { one: 'small', many: ['large', 'small'], words: '  O\u0302 ', count: ' 0,5', none: '  ', other: 'of another category' };
    expect(answers(all, given)).toEqual({ one: 'small', many: ['large', 'small'], words: 'Ô', count: '0.5' });
  });

  test('that is no longer offered is none', () => {
    expect(answers([asked('one', 'singlevaluelist'), asked('many', 'multivaluelist')], { one: 'huge', many: ['huge'] })).toEqual({});
    expect(wrongWith(asked('one', 'singlevaluelist', true), { one: 'huge' })).toBe('required');
  });

  test.each([
    ['string', '', 'required'], ['string', ' ', 'required'], ['string', 'a', null], ['multivaluelist', [], 'required'], ['multivaluelist', ['small'], null],
    ['number', 'hai', 'number_wanted'], ['number', '0x1', 'number_wanted'], ['number', '1.000,5', 'number_wanted'], ['number', '-3', null], ['number', '2,5', null],
  ] as const)('of the kind %s: %j', (kind, told, wrong) => {
    expect(wrongWith(asked('a', kind, true), { a: told as string | string[] })).toBe(wrong);
  });

  test('may be left out where nothing is required', () => {
    expect(wrongWith(asked('a', 'number'), {})).toBeNull();
  });
});

test('a list keeps what was chosen before', () => {
  expect(ticked(['a'], 'b', true)).toEqual(['a', 'b']);
  expect(ticked(['a', 'b'], 'a', false)).toEqual(['b']);
  expect(ticked(undefined, 'a', true)).toEqual(['a']);
});

test('answers read by the titles of the form, in its order, in the reader’s language', () => {
  const all = [asked('one', 'singlevaluelist'), asked('many', 'multivaluelist'), asked('open', 'string')];
  expect(answered(all, { many: ['large', 'gone'], one: 'small' }, 'en')).toEqual([{ title: 'Size', say: 'nhỏ' }, { title: 'Size', say: 'large, gone' }]);
});
