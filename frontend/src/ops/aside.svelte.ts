// What was set aside, by reason and source: asked of every source that has some, anew when its count changes.

import type { SourceItem, Text } from '../lib/protocol';
import { fetchSource } from '../tablet/ask';

export interface AsideRow {
  source: string;
  name: Text;
  reason: string;
  say: string;
  count: number;
  first: string;
  last: string;
}

export class Aside {
  rows = $state.raw<AsideRow[]>([]);
  total = $derived(this.rows.reduce((sum, row) => sum + row.count, 0));
  #known = new Map<string, number>();
  #of = new Map<string, AsideRow[]>();

  /** `shut`: the reader may not see what was set aside. */
  constructor(readonly shut: boolean) {}

  /** Follows the sources' own counts; a source that can't be asked now keeps what was known of it. */
  follow(sources: SourceItem[]): void {
    if (this.shut) return;
    for (const source of sources) {
      if ((this.#known.get(source.id) ?? 0) === source.refused) continue;
      this.#known.set(source.id, source.refused);
      if (source.refused === 0) this.#put(source.id, []);
      else void this.#ask(source);
    }
  }

  async #ask(source: SourceItem): Promise<void> {
    try {
      const about = await fetchSource(source.id);
      this.#put(source.id, about.set_aside.map((one) => ({ source: source.id, name: source.name, reason: one.reason, say: one.say, count: one.count, first: one.first, last: one.last })));
    } catch {
      this.#known.delete(source.id);
    }
  }

  #put(source: string, rows: AsideRow[]): void {
    this.#of.set(source, rows);
    this.rows = [...this.#of.values()].flat().sort((a, b) => b.count - a.count || a.source.localeCompare(b.source));
  }
}
