// What the console knows and does: the queue, the report that is open, what was typed for each, and what was refused.

import { SvelteMap } from 'svelte/reactivity';
import { answers, type Given } from '../lib/answers';
import type { Lang } from '../lib/format';
import { fresh } from '../lib/fresh';
import { fetchUnits, type Units } from '../lib/screen';
import type { Live } from '../lib/live.svelte';
import { text } from '../lib/words';
import {
  claim, claimAlert, fetchPerson, fetchQueue, fetchReport, Refusal, sendAfter, takeStep, unclaim, fileReport,
  type Asked, type Counts, type Form, type Me, type Person, type Report, type Row, type Step, type Called,
} from './ask';
import { heldBy, shortNumber } from './faces';
import { queryOf, readSaved, withSaved, writeSaved, type Filter, type Known, type Saved } from './filters';
import { backStep, stepOf, type Act } from './keys';
import { said, sayOf, type Said } from './words';

/** What stands over the report until it is dismissed. Words that were typed are never taken away with it. */
export interface Notice {
  level: 'bad' | 'warn' | 'live';
  title: string;
  say: string;
}
/** A step whose words or choice are asked for. */
export interface Asking {
  step: Step;
  title: Said;
  /** What the step is taken on; it may have moved on by the time it is sent. */
  report: string;
}

/** What was written of a call so far. `client`: the same form sent twice is one report. */
type Call = Required<Omit<Called, 'lon' | 'lat' | 'attributes'>> & { attributes: Given };

function blankCall(): Call {
  return { client: fresh(), channel: 'phone', category: '', words: '', address: '', unit: '', name: '', phone: '', attributes: {} };
}

const SETTLE_MS = 120;
const REFETCH_MS = 400;
/** No channel tells of claims, nor of anything to a key without it: the queue is asked for so often. */
const POLL_MS = 10_000;
const RENEW_MS = 50_000;
const PAGE = '100';
const ASK_TITLES: Partial<Record<Step, Said>> = {
  verify: 'choose_category', assign: 'choose_agency', merge: 'choose_twin', duplicate: 'choose_twin', refuse: 'choose_why', reject: 'choose_why', reopen: 'choose_why', hide: 'choose_why', unhide: 'choose_why',
  split: 'words_of_new', ask: 'words_asked', tell: 'words_told', finish: 'words_done',
};

export class Desk {
  lang = $state<Lang>('vi');
  tab = $state(0);
  filter = $state.raw<Filter>({ view: 'all', typed: '' });
  saved = $state.raw<Saved[]>([]);
  rows = $state.raw<Row[]>([]);
  counts = $state.raw<Counts | null>(null);
  next = $state<string | null>(null);
  /** Why the queue on the screen is not today's, as a sentence. */
  failed = $state<string | null>(null);
  picked = $state<string | null>(null);
  report = $state.raw<Report | null>(null);
  notice = $state.raw<Notice | null>(null);
  asking = $state.raw<Asking | null>(null);
  choosing = $state(false);
  calling = $state(false);
  helping = $state(false);
  busy = $state(false);
  person = $state.raw<Person | null>(null);
  /** Where the map was clicked while a new report is written. */
  placed = $state.raw<[lon: number, lat: number] | null>(null);
  units = $state.raw<Units | null>(null);
  /** Counts up when the map is to be shown. */
  mapped = $state(0);
  drafts = new SvelteMap<string, string>();
  call = $state(blankCall());

  #queued: AbortController | null = null;
  #opening: AbortController | null = null;
  #timers = new Set<number>();
  #soon = 0;
  #settling = 0;
  #holding = false;
  #stop: (() => void)[] = [];

  constructor(
    readonly me: Me,
    readonly form: Form | null,
    readonly live: Live,
  ) {
    this.saved = readSaved(localStorage);
    fetchUnits().then(
      (found) => (this.units = found),
      () => undefined,
    );
    this.#stop.push(live.follow('layer/reports', (touched) => (touched.all || touched.ids.size > 0) && this.#later()));
    const every = (ms: number, then: () => void) => {
      const id = window.setInterval(then, ms);
      this.#stop.push(() => window.clearInterval(id));
    };
    every(POLL_MS, () => document.visibilityState === 'visible' && this.#later());
    every(RENEW_MS, () => void this.#renew());
    void this.refetch();
  }

  stop(): void {
    for (const one of this.#stop) one();
    for (const one of this.#timers) window.clearTimeout(one);
  }

  known = $derived.by((): Known => {
    const named = (all: { code: string; title: Parameters<typeof text>[0] }[]) => all.map((one) => ({ code: one.code, name: text(one.title, this.lang) }));
    const units = (this.units?.features ?? []).map((one) => ({ code: String(one.properties?.['code']), name: String(one.properties?.['name']) }));
    return { units, categories: named(this.me.categories), agencies: named(this.me.agencies) };
  });

  query = $derived(queryOf(this.filter, this.known));
  row = $derived(this.rows.find((row) => row.id === this.picked) ?? null);
  draft = $derived(this.report === null ? '' : (this.drafts.get(this.report.id) ?? ''));
  held = $derived.by(() => (this.report === null ? null : heldBy(this.report.claim, this.me.name, this.live.now)));
  mine = $derived.by(() => this.report?.claim?.by === this.me.name && Date.parse(this.report.claim.until) > this.live.now);

  write(words: string): void {
    if (this.report !== null) this.drafts.set(this.report.id, words);
  }

  show(filter: Partial<Filter>): void {
    this.filter = { ...this.filter, ...filter };
    void this.refetch();
  }

  keep(name: string): void {
    const trimmed = name.normalize('NFC').trim();
    if (trimmed === '') return;
    this.saved = withSaved(this.saved, { ...this.filter, name: trimmed });
    writeSaved(localStorage, this.saved);
  }

  forget(name: string): void {
    this.saved = this.saved.filter((one) => one.name !== name);
    writeSaved(localStorage, this.saved);
  }

  #later(): void {
    if (this.#soon !== 0) return;
    this.#soon = window.setTimeout(() => {
      this.#soon = 0;
      void this.refetch();
    }, REFETCH_MS);
    this.#timers.add(this.#soon);
  }

  /** The queue anew, and the open report when it moved on. */
  async refetch(): Promise<void> {
    this.#queued?.abort();
    const mine = (this.#queued = new AbortController());
    try {
      const found = await fetchQueue(queryOf(this.filter, this.known, { limit: PAGE }), mine.signal);
      this.rows = found.items;
      this.counts = found.counts;
      this.next = found.next;
      this.failed = null;
    } catch (error) {
      if (!(error instanceof Refusal)) return;
      this.failed = error.status === 0 ? said('unreachable', this.lang) : error.say;
      return;
    }
    if (this.picked === null && this.rows[0] !== undefined) this.pick(this.rows[0].id);
    else if (this.picked !== null) await this.#open(this.picked, true);
  }

  /** The next page, below what is there. */
  async more(): Promise<void> {
    if (this.next === null) return;
    const after = this.next;
    const found = await this.#try(() => fetchQueue(queryOf(this.filter, this.known, { limit: PAGE, after })));
    if (found === null || this.next !== after) return;
    const have = new Set(this.rows.map((row) => row.id));
    this.rows = [...this.rows, ...found.items.filter((row) => !have.has(row.id))];
    this.next = found.next;
  }

  pick(id: string): void {
    if (id !== this.picked) {
      this.notice = null;
      this.person = null;
      this.#holding = false;
    }
    this.picked = id;
    this.calling = false;
    window.clearTimeout(this.#settling);
    // Who holds J down passes many reports, and reads none of them.
    this.#settling = window.setTimeout(() => void this.#open(id, false), this.report === null ? 0 : SETTLE_MS);
  }

  move(by: number): void {
    const at = this.rows.findIndex((row) => row.id === this.picked);
    const to = this.rows[Math.min(this.rows.length - 1, Math.max(0, at + by))];
    if (to !== undefined && to.id !== this.picked) this.pick(to.id);
  }

  async #open(id: string, quietly: boolean): Promise<void> {
    this.#opening?.abort();
    const mine = (this.#opening = new AbortController());
    try {
      const found = await fetchReport(id, mine.signal);
      if (this.picked === id) this.report = found;
    } catch (error) {
      if (!(error instanceof Refusal) || this.picked !== id) return;
      // What an agency gave back is no longer there for it: that is no refusal.
      if (error.status === 404) this.report = null;
      if (error.status === 404 && quietly) this.picked = null;
      else if (!quietly) this.#refused(error);
    }
  }

  /** Does what was asked; a refusal becomes a notice, and null. */
  async #try<T>(doing: () => Promise<T>): Promise<T | null> {
    this.busy = true;
    try {
      return await doing();
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.#refused(error);
      return null;
    } finally {
      this.busy = false;
    }
  }

  #refused(error: Refusal): void {
    const lang = this.lang;
    if (error.status === 0) this.notice = { level: 'bad', title: said('refused', lang), say: said('unreachable', lang) };
    else if (error.status === 409) {
      const did = error.what === 'claim' ? said('held', lang) : (sayOf(`did_${error.what}`, lang) ?? error.what ?? '');
      const who = error.who === null ? error.say.replace(/\.$/u, '') : `${error.who} ${did}`.trim();
      this.notice = { level: 'warn', title: said('quicker', lang), say: `${who}. ${said('kept_words', lang)}` };
    } else this.notice = { level: 'bad', title: said('refused', lang), say: error.say };
  }

  /** Takes a step on the open report; true when it was taken. What was typed stays until then. */
  async step(asked: Omit<Asked, 'version'>): Promise<boolean> {
    const report = this.report;
    if (report === null) return false;
    const done = await this.#try(async () => (await takeStep(report.id, { ...asked, version: report.version })) ?? true);
    if (done !== null) {
      if (asked.text !== undefined && asked.text === this.drafts.get(report.id)?.trim()) this.drafts.delete(report.id);
      this.asking = null;
      const did = sayOf(`did_${asked.step}`, this.lang) ?? asked.step;
      this.notice = { level: 'live', title: `${said('did_it', this.lang)} ${did}`, say: shortNumber(report.number) };
    }
    await this.refetch();
    return done !== null;
  }

  /** Files the call; what was written stays until the desk has it. */
  async fileCall(): Promise<void> {
    const { client, channel, category, attributes, ...texts } = $state.snapshot(this.call);
    const written = Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, value.normalize('NFC').trim()]).filter(([, value]) => value !== ''));
    const where = this.placed === null ? {} : { lon: this.placed[0], lat: this.placed[1] };
    const asked = { attributes: answers(this.form?.asked[category] ?? [], attributes) };
    const filed = await this.#try(() => fileReport({ client, channel, category, words: '', ...written, ...where, ...asked }));
    if (filed === null) return;
    this.placed = null;
    this.call = blankCall();
    this.pick(filed.id);
    this.notice = { level: 'live', title: said('call_filed', this.lang), say: filed.number };
    await this.refetch();
  }

  async after(file: File): Promise<void> {
    const report = this.report;
    if (report === null) return;
    await this.#try(() => sendAfter(report.id, file));
    await this.refetch();
  }

  async #toggleClaim(): Promise<void> {
    const report = this.report;
    if (report === null) return;
    await this.#try(async () => void (await (this.mine ? unclaim(report.id) : claim(report.id))));
    await this.refetch();
  }

  /** Takes an alert, or gives back one that is ours; every screen shows who has it within a beat. */
  async takeAlert(id: string, back: boolean): Promise<void> {
    await this.#try(() => claimAlert(id, back));
  }

  async #renew(): Promise<void> {
    if (!this.mine || this.report === null || document.visibilityState !== 'visible') return;
    const { id } = this.report;
    await claim(id).catch(() => undefined);
  }

  /** Shows who filed the report while a key is held; each look is written down by the server. */
  async look(): Promise<void> {
    const report = this.report;
    if (report === null || !report.person.has || this.#holding) return;
    this.#holding = true;
    const found = await this.#try(() => fetchPerson(report.id));
    if (this.#holding && this.report?.id === report.id) this.person = found;
  }

  unlook(): void {
    this.#holding = false;
    this.person = null;
  }

  /** What a key means for the open report. `write`: puts the cursor into the answer. */
  act(act: Act, write: () => void): void {
    const report = this.report;
    if (report === null || report.id !== this.picked) {
      this.notice = { level: 'warn', title: said('not_open', this.lang), say: said('pick_one', this.lang) };
      return;
    }
    if (act === 'claim') return void this.#toggleClaim();
    if (act === 'template') return void (this.choosing = true);
    const step = act === 'back' ? backStep(report.state, report.hidden != null, report.may) : stepOf(act, report.may);
    if (step === null) {
      const state = said(`state_${report.state}`, this.lang);
      const say = act === 'back' ? said('no_back', this.lang) : `${said('not_allowed', this.lang)}: ${state}.`;
      this.notice = { level: 'warn', title: said('refused', this.lang), say };
      return;
    }
    if (step === 'answer') {
      const words = this.draft.trim();
      if (words === '') return write();
      return void this.step({ step, text: words });
    }
    const title = ASK_TITLES[step];
    if (title === undefined) return void this.step({ step });
    this.asking = { step, title, report: report.id };
  }
}
