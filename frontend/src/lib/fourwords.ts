// The four words as rows: value, cause, level, target. In fixed order; no mean of them is ever made.

import { figure, type Lang } from './format';
import type { Live } from './live.svelte';
import type { Level, State, TileItem } from './protocol';
import type { Screen } from './screen';
import { bornAt, cause } from './tiles';
import { pair, text } from './words';

export interface WordRow {
  name: string;
  label: string;
  value: number | null;
  shown: string;
  level: Exclude<Level, 'good'> | null;
  target: number | null;
  /** `3 trên 41`, which is shown brighter than the rest of the cause. */
  count: string;
  rest: string;
  born: number | null;
  state: State;
}

const COUNT = /^[\d.,]+ ?(?:trên|of|\/) ?[\d.,]+/;

/** `3 trên 41` is `3/41` where there is little room. */
export function shortCount(count: string): string {
  return count.replace(/ (trên|of) /, '/');
}

const LABELS: Record<string, { vi: string; en: string }> = {
  dung: { vi: 'Đúng', en: 'Correct' },
  du: { vi: 'Đủ', en: 'Complete' },
  sach: { vi: 'Sạch', en: 'Clean' },
  song: { vi: 'Sống', en: 'Alive' },
};

// The formulas of ioc/score.py, in words.
const FORMULAS: Record<string, { vi: string; en: string }> = {
  dung: { vi: 'phép kiểm đạt ÷ phép kiểm đã làm', en: 'checks passed ÷ checks made' },
  du: { vi: 'đã nộp ÷ phải nộp (được miễn thì không phải nộp)', en: 'told ÷ owed (who is excused owes nothing)' },
  sach: { vi: 'bản ghi nhận được ÷ (nhận được + để riêng)', en: 'records taken ÷ (taken + set aside)' },
  song: { vi: 'nguồn sống ÷ mọi nguồn', en: 'live sources ÷ all sources' },
};

export function wordLabel(name: string, lang: Lang): string {
  return text(LABELS[name], lang) || name;
}

export function wordFormula(name: string, lang: Lang): string {
  return text(FORMULAS[name], lang);
}

export function wordRows(live: Live, screen: Screen, lang: Lang): WordRow[] {
  return (screen.words?.tiles ?? []).map((name) => {
    const item = live.item<TileItem>(`tile/${name}`, 'all');
    const quality = live.quality(`tile/${name}`);
    const value = typeof item?.value === 'number' && !live.blank ? item.value : null;
    const why = cause(item, lang);
    const count = COUNT.exec(why)?.[0] ?? '';
    return {
      name,
      label: text(LABELS[name], lang) || pair(item?.label, item?.label_en, lang) || name,
      value,
      // Only what is whole says 100.
      shown: figure(value !== null && value < 100 ? Math.min(99, Math.round(value)) : value, 0, lang),
      level: value === null || item?.level === 'good' ? null : (item?.level ?? null),
      target: item?.target ?? null,
      count,
      rest: why.slice(count.length).trim(),
      born: bornAt(quality, item),
      state: quality?.state ?? 'never',
    };
  });
}
