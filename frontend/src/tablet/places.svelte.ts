// Which sheet lies over the page, and which ones it was opened from.

export interface Place {
  kind: 'tile' | 'word' | 'source' | 'ledger';
  id: string;
}

const DEEPEST = 8;

export class Places {
  #all = $state<Place[]>([]);

  get here(): Place | null {
    return this.#all.at(-1) ?? null;
  }

  /** Leads to the sheet before; null: there is none. */
  get back(): (() => void) | null {
    return this.#all.length > 1 ? () => (this.#all = this.#all.slice(0, -1)) : null;
  }

  open(kind: Place['kind'], id: string): void {
    this.#all = [...this.#all, { kind, id }].slice(-DEEPEST);
  }

  close(): void {
    this.#all = [];
  }
}
