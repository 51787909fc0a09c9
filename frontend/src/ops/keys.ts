// The keys of the console: one list from which the buttons, the footer, the help and the keyboard all read.

import type { Step } from './ask';
import type { Said } from './words';

/** What a key does. Steps are the life's own; the rest belongs to the screen. */
export type Act =
  | 'down' | 'up' | 'open' | 'find' | 'map' | 'help' | 'new' | 'claim' | 'assign' | 'answer' | 'merge' | 'person' | 'template' | 'back'
  | 'ask' | 'split' | 'finish' | 'refuse' | 'verify' | 'accept' | 'start' | 'tell' | 'close' | 'reopen' | 'hide' | 'photo';

export interface Key {
  act: Act;
  /** As it stands on the keyboard and on the screen. */
  key: string;
  say: Said;
  /** The steps that it may take, the first allowed one is meant. */
  steps?: Step[];
  /** Stands in the footer. */
  foot?: boolean;
}

export const KEYS: Key[] = [
  { act: 'down', key: 'J', say: 'down' },
  { act: 'up', key: 'K', say: 'up' },
  { act: 'open', key: 'Enter', say: 'open', foot: true },
  { act: 'claim', key: 'C', say: 'claim', foot: true },
  { act: 'assign', key: 'A', say: 'assign', steps: ['assign'], foot: true },
  { act: 'answer', key: 'R', say: 'answer', steps: ['answer'], foot: true },
  { act: 'merge', key: 'M', say: 'merge', steps: ['merge', 'duplicate'], foot: true },
  { act: 'find', key: '/', say: 'find', foot: true },
  { act: 'map', key: 'G', say: 'to_map', foot: true },
  { act: 'back', key: 'Z', say: 'step_back', foot: true },
  { act: 'new', key: 'N', say: 'new_report', foot: true },
  { act: 'help', key: '?', say: 'all_keys', foot: true },
  { act: 'verify', key: 'V', say: 'verify', steps: ['verify'] },
  { act: 'accept', key: 'U', say: 'accept', steps: ['accept'] },
  { act: 'start', key: 'B', say: 'start', steps: ['start'] },
  { act: 'ask', key: 'H', say: 'ask', steps: ['ask'] },
  { act: 'split', key: 'S', say: 'split', steps: ['split'] },
  { act: 'finish', key: 'D', say: 'finish', steps: ['finish'] },
  { act: 'refuse', key: 'X', say: 'refuse', steps: ['refuse', 'reject'] },
  { act: 'tell', key: 'I', say: 'tell', steps: ['tell'] },
  { act: 'close', key: 'E', say: 'close', steps: ['close'] },
  { act: 'reopen', key: 'O', say: 'reopen', steps: ['reopen'] },
  { act: 'hide', key: 'W', say: 'hide', steps: ['hide', 'unhide'] },
  { act: 'photo', key: 'F', say: 'after_photo', steps: ['finish'] },
  { act: 'person', key: 'P', say: 'hold_to_see' },
  { act: 'template', key: 'T', say: 'template' },
];

const BY_KEY = new Map(KEYS.map((one) => [one.key.toLowerCase(), one]));
const ARROWS: Record<string, string> = { arrowdown: 'j', arrowup: 'k' };

/** What is meant by a pressed key; null when it means nothing here, or belongs to the browser. */
export function actOf(pressed: { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean }): Act | null {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey) return null;
  const key = pressed.key.toLowerCase();
  return BY_KEY.get(ARROWS[key] ?? key)?.act ?? null;
}

/** The tab of a digit, counted from 0; null for another key. */
export function tabOf(pressed: { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean }, tabs: number): number | null {
  if (pressed.ctrlKey || pressed.metaKey || pressed.altKey || !/^[1-9]$/.test(pressed.key)) return null;
  const at = Number(pressed.key) - 1;
  return at < tabs ? at : null;
}

export function keyOf(act: Act): Key {
  return KEYS.find((one) => one.act === act)!;
}

/** The step that a key would take now; null when the life or the role does not allow it. */
export function stepOf(act: Act, may: Step[]): Step | null {
  return keyOf(act).steps?.find((step) => may.includes(step)) ?? null;
}

/** The way back from where a report stands; null when there is none: what was told is not untold. */
export function backStep(state: string, hidden: boolean, may: Step[]): Step | null {
  if (hidden && may.includes('unhide')) return 'unhide';
  const ways: Record<string, Step[]> = { done: ['reopen'], closed: ['reopen'], refused: ['reopen'], more_info: ['tell'], assigned: ['reject', 'assign'], accepted: ['reject', 'assign'], in_progress: ['assign'] };
  return ways[state]?.find((step) => may.includes(step)) ?? null;
}
