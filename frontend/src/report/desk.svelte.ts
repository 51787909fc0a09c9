// What the app knows: the draft, what this phone keeps, whether there is signal, and where the reader stands.

import { answers } from '../lib/answers';
import type { Lang } from '../lib/format';
import { fresh } from '../lib/fresh';
import type { Units } from '../lib/screen';
import { askForm, askUnits } from './ask';
import { CHANGES, Keep } from './keep';
import { alone, pause } from './outbox';
import type { Category, Draft, Filing, Form, Mine, Photo, Support } from './shapes';

const SAVE_AFTER_MS = 250;
const LANG = 'ioc-report-lang';

export type View =
  | { name: 'what' }
  | { name: 'where' }
  | { name: 'kept'; client: string }
  | { name: 'follow'; secret: string }
  | { name: 'mine' }
  | { name: 'map' };

/** Where an address's fragment leads; it never reaches the server, so that a secret stands in no log. */
export function viewOf(hash: string): View {
  const [name = '', value = ''] = hash.replace(/^#/, '').split('=', 2);
  if (name === 'o-dau') return { name: 'where' };
  if (name === 'giu' && value !== '') return { name: 'kept', client: decodeURIComponent(value) };
  if (name === 'theo-doi' && value !== '') return { name: 'follow', secret: decodeURIComponent(value) };
  if (name === 'cua-toi') return { name: 'mine' };
  if (name === 'ban-do') return { name: 'map' };
  return { name: 'what' };
}

function blank(): Draft {
  return { client: fresh(), category: null, words: '', place: null, address: '', name: '', phone: '', attributes: {}, others: [], at: Date.now() };
}

export class Desk {
  lang: Lang = $state(localStorage.getItem(LANG) === 'en' ? 'en' : 'vi');
  view: View = $state(viewOf(location.hash));
  form: Form | null = $state(null);
  units: Units | null = $state.raw(null);
  draft: Draft = $state(blank());
  /** The draft was begun on an earlier visit. */
  resumed: number | null = $state(null);
  reports: Mine[] = $state.raw([]);
  supports: Support[] = $state.raw([]);
  photos: Photo[] = $state.raw([]);
  wire: boolean = $state(navigator.onLine);
  /** The last try reached the province; null before the first. */
  heard: boolean | null = $state(null);
  sending: boolean = $state(false);
  /** False when this browser keeps nothing. */
  keeps: boolean = $state(true);
  ready: boolean = $state(false);

  keep: Keep | null = null;
  #device = '';
  #save = 0;
  #next = 0;
  #formTries = 0;

  /** The category that the draft has. */
  readonly category: Category | null = $derived(this.form?.categories.find((one) => one.code === this.draft.category) ?? null);
  readonly online: boolean = $derived(this.wire && this.heard !== false);

  async open(): Promise<void> {
    try {
      this.keep = await Keep.open();
      await this.#recall(this.keep);
    } catch {
      this.keeps = false;
    }
    this.ready = true;
    this.#listen();
    void this.#refresh();
    void this.push(true);
  }

  async #recall(keep: Keep): Promise<void> {
    const [drafts, form, units, device] = await Promise.all([keep.drafts(), keep.recall<Form>('form'), keep.recall<Units>('units'), keep.recall<string>('device')]);
    this.form = form?.value ?? null;
    this.units = units?.value ?? null;
    this.#device = device?.value ?? fresh();
    if (device === null) await keep.hold('device', this.#device);
    const begun = drafts.sort((a, b) => b.at - a.at)[0];
    if (begun !== undefined) {
      this.draft = begun;
      this.resumed = begun.at;
    }
    await this.reload();
  }

  #listen(): void {
    addEventListener('hashchange', () => void (this.view = viewOf(location.hash)));
    addEventListener('online', () => {
      this.wire = true;
      this.heard = null;
      void this.#refresh();
      void this.push(true);
    });
    addEventListener('offline', () => void (this.wire = false));
    addEventListener('pagehide', () => void this.save());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'hidden') void this.save();
      else void this.push(true);
    });
    if (this.keep !== null) new BroadcastChannel(CHANGES).onmessage = () => void this.reload();
  }

  /** Form and communes, asked anew at each visit; until then those of the last one serve. */
  async #refresh(): Promise<void> {
    try {
      this.form = await askForm();
      this.heard = true;
      await this.keep?.hold('form', $state.snapshot(this.form));
      if (this.units === null || this.#formTries === 0) {
        this.units = await askUnits();
        await this.keep?.hold('units', this.units);
      }
      this.#formTries = 1;
    } catch {
      if (this.form === null || this.units === null) {
        setTimeout(() => void this.#refresh(), pause((this.#formTries += 1), Math.random()));
      }
    }
  }

  async reload(): Promise<void> {
    if (this.keep === null) return;
    const [reports, supports, photos] = await Promise.all([this.keep.reports(), this.keep.supports(), this.keep.allPhotos()]);
    this.reports = reports.sort((a, b) => b.kept - a.kept);
    this.supports = supports.sort((a, b) => b.kept - a.kept);
    this.photos = photos;
  }

  photosOf(client: string): Photo[] {
    return this.photos.filter((one) => one.client === client).sort((a, b) => a.position - b.position);
  }

  /** The draft has changed: it is kept in a moment. */
  touch(): void {
    clearTimeout(this.#save);
    this.#save = window.setTimeout(() => void this.save(), SAVE_AFTER_MS);
  }

  async save(): Promise<void> {
    clearTimeout(this.#save);
    if (this.keep === null || this.reports.some((one) => one.client === this.draft.client)) return;
    const draft = $state.snapshot(this.draft);
    const begun = draft.category !== null || draft.words !== '' || draft.place !== null || this.photosOf(draft.client).length > 0;
    if (begun) await this.keep.putDraft({ ...draft, at: Date.now() });
  }

  go(hash: string): void {
    void this.save();
    if (location.hash === hash) return;
    location.hash = hash;
  }

  speak(lang: Lang): void {
    this.lang = lang;
    localStorage.setItem(LANG, lang);
  }

  #filing(website: string): Filing {
    const d = $state.snapshot(this.draft);
    const attributes = answers(this.category?.attributes ?? [], d.attributes);
    const place = d.place === null ? {} : { lon: d.place.lon, lat: d.place.lat, ...(d.place.accuracy === null ? {} : { accuracy_m: d.place.accuracy }) };
    return {
      client: d.client,
      category: d.category ?? '',
      words: d.words.trim().normalize('NFC'),
      ...place,
      ...(d.address.trim() === '' ? {} : { address: d.address.trim().normalize('NFC') }),
      made: new Date().toISOString(),
      lang: this.lang,
      ...(this.form?.person && d.name.trim() !== '' ? { name: d.name.trim().normalize('NFC') } : {}),
      ...(this.form?.person && d.phone.trim() !== '' ? { phone: d.phone.trim() } : {}),
      photos: this.photosOf(d.client).map(({ hash, kind, bytes, type }) => ({ hash, kind, bytes, type })),
      ...(this.#device === '' ? {} : { device: this.#device }),
      ...(Object.keys(attributes).length === 0 ? {} : { attributes }),
      website,
    };
  }

  /** The draft is done: it goes into the outbox, and a blank one takes its place. */
  async send(website: string): Promise<void> {
    clearTimeout(this.#save);
    const draft = $state.snapshot(this.draft);
    const category = this.category;
    if (category === null || this.keep === null) return;
    const mine: Mine = {
      client: draft.client, category: category.code, title: $state.snapshot(category.title), hours: $state.snapshot(category.hours),
      words: draft.words.trim(), place: draft.place, kept: Date.now(), filing: this.#filing(website),
      state: 'waiting', filed: null, id: null, number: null, follow: null, why: null, tries: 0, next: 0,
    };
    await this.keep.send(mine);
    this.draft = blank();
    this.resumed = null;
    await this.reload();
    this.go(`#giu=${mine.client}`);
    void navigator.storage?.persist?.().catch(() => false);
    void this.push(true);
    void this.#sync();
  }

  /** What the province refused goes back to the desk, as it was. */
  async mend(mine: Mine): Promise<void> {
    if (this.keep === null || mine.filing === null) return;
    const f = mine.filing;
    const draft: Draft = { ...blank(), client: mine.client, category: f.category, words: f.words, place: mine.place, address: f.address ?? '', name: f.name ?? '', phone: f.phone ?? '', attributes: f.attributes ?? {} };
    await this.keep.unsend(mine, draft);
    await this.reload();
    this.draft = draft;
    this.go('#bao');
  }

  /** One more voice for another's report, in place of this draft. */
  async support(id: string, number: string, words: string): Promise<void> {
    if (this.keep === null) return;
    const client = fresh();
    await this.keep.putSupport({ client, id, number, words, kept: Date.now(), state: 'waiting', why: null, tries: 0, next: 0 });
    await this.keep.forget(this.draft.client);
    this.draft = blank();
    this.resumed = null;
    await this.reload();
    this.go(`#giu=${client}`);
    void this.push(true);
    void this.#sync();
  }

  async forget(client: string): Promise<void> {
    await this.keep?.forget(client, this.reports.find((one) => one.client === client)?.id ?? null);
    await this.reload();
  }

  /** Sends what waits; tries again by itself, later and later. */
  async push(eager: boolean): Promise<void> {
    if (this.keep === null || this.sending) return;
    clearTimeout(this.#next);
    this.sending = true;
    try {
      const told = await alone({ shelf: this.keep, base: '', fetch: (...all) => fetch(...all), now: Date.now, chance: Math.random }, eager);
      if (told?.heard != null) this.heard = told.heard;
      const wait = told === null ? pause(1, Math.random()) : told.next === null ? null : Math.max(1000, told.next - Date.now());
      if (wait !== null) this.#next = window.setTimeout(() => void this.push(false), wait);
    } finally {
      this.sending = false;
      await this.reload();
    }
  }

  /** Asks the browser to send when there is signal, though the page be closed; iPhones can't. */
  async #sync(): Promise<void> {
    try {
      const worker = (await navigator.serviceWorker?.ready) as (ServiceWorkerRegistration & { sync?: { register(tag: string): Promise<void> } }) | undefined;
      await worker?.sync?.register('ioc-report');
    } catch {
      // The page's own tries remain.
    }
  }
}
