// What this phone keeps, in IndexedDB: drafts, photos, reports on their way, and the last answers of the province.

import type { Draft, Held, Mine, Photo, Support } from './shapes';

const NAME = 'ioc-report';
const STORES = { drafts: 'client', photos: ['client', 'hash'], bytes: ['client', 'hash'], reports: 'client', supports: 'client', held: 'key' } as const;
type Store = keyof typeof STORES;

interface Bytes {
  client: string;
  hash: string;
  body: ArrayBuffer;
}

function done<T>(asked: IDBRequest<T>): Promise<T> {
  return new Promise((good, bad) => {
    asked.onsuccess = () => good(asked.result);
    asked.onerror = () => bad(asked.error ?? new Error('The phone kept nothing.'));
  });
}

/** Pages and the service worker see each other's changes by this channel. */
export const CHANGES = 'ioc-report-changes';

export class Keep {
  readonly #db: IDBDatabase;
  readonly #tell: BroadcastChannel;

  private constructor(db: IDBDatabase) {
    this.#db = db;
    this.#tell = new BroadcastChannel(CHANGES);
    // A newer page wants a newer shape: this one lets go, and is loaded again by its reader.
    db.onversionchange = () => db.close();
  }

  /** Opens what the phone keeps. Throws when the browser keeps nothing (some private windows). */
  static async open(): Promise<Keep> {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      for (const [name, keyPath] of Object.entries(STORES)) {
        asked.result.createObjectStore(name, { keyPath: typeof keyPath === 'string' ? keyPath : [...keyPath] });
      }
    };
    return new Keep(await done(asked));
  }

  close(): void {
    this.#tell.close();
    this.#db.close();
  }

  /** One transaction over the named stores; all of it or none is kept. */
  async #write(stores: Store[], act: (store: (name: Store) => IDBObjectStore) => void, quiet = false): Promise<void> {
    const all = this.#db.transaction(stores, 'readwrite', { durability: 'strict' });
    const ended = new Promise<void>((good, bad) => {
      all.oncomplete = () => good();
      all.onerror = all.onabort = () => bad(all.error ?? new Error('The phone kept nothing.'));
    });
    act((name) => all.objectStore(name));
    await ended;
    if (!quiet) this.#tell.postMessage(stores);
  }

  #store(name: Store): IDBObjectStore {
    return this.#db.transaction(name, 'readonly').objectStore(name);
  }

  drafts(): Promise<Draft[]> {
    return done(this.#store('drafts').getAll() as IDBRequest<Draft[]>);
  }

  putDraft(draft: Draft): Promise<void> {
    return this.#write(['drafts'], (store) => void store('drafts').put(draft), true);
  }

  async photos(client: string): Promise<Photo[]> {
    const all = await done(this.#store('photos').getAll(IDBKeyRange.bound([client], [client, []])) as IDBRequest<Photo[]>);
    return all.sort((a, b) => a.position - b.position);
  }

  allPhotos(): Promise<Photo[]> {
    return done(this.#store('photos').getAll() as IDBRequest<Photo[]>);
  }

  addPhoto(photo: Photo, body: ArrayBuffer): Promise<void> {
    return this.#write(['photos', 'bytes'], (store) => {
      store('photos').put(photo);
      store('bytes').put({ client: photo.client, hash: photo.hash, body } satisfies Bytes);
    });
  }

  /** The photo as it stands now; its bytes go when nobody needs them any more. */
  putPhoto(photo: Photo): Promise<void> {
    const over = photo.state === 'taken' || photo.state === 'refused';
    return this.#write(over ? ['photos', 'bytes'] : ['photos'], (store) => {
      store('photos').put(photo);
      if (over) store('bytes').delete([photo.client, photo.hash]);
    });
  }

  dropPhoto(client: string, hash: string): Promise<void> {
    return this.#write(['photos', 'bytes'], (store) => {
      store('photos').delete([client, hash]);
      store('bytes').delete([client, hash]);
    });
  }

  async body(client: string, hash: string): Promise<ArrayBuffer | null> {
    const found = await done(this.#store('bytes').get([client, hash]) as IDBRequest<Bytes | undefined>);
    return found?.body ?? null;
  }

  reports(): Promise<Mine[]> {
    return done(this.#store('reports').getAll() as IDBRequest<Mine[]>);
  }

  putReport(mine: Mine): Promise<void> {
    return this.#write(['reports'], (store) => void store('reports').put(mine));
  }

  /** The draft becomes a report to be sent, in one step: never both, never none. */
  send(mine: Mine): Promise<void> {
    return this.#write(['drafts', 'reports'], (store) => {
      store('drafts').delete(mine.client);
      store('reports').put(mine);
    });
  }

  /** Back from the outbox to the desk, with the same client number: what was refused can be mended. */
  unsend(mine: Mine, draft: Draft): Promise<void> {
    return this.#write(['drafts', 'reports'], (store) => {
      store('reports').delete(mine.client);
      store('drafts').put(draft);
    });
  }

  /** Everything of one report leaves this phone. */
  async forget(client: string, id: string | null = null): Promise<void> {
    const range = IDBKeyRange.bound([client], [client, []]);
    await this.#write(['drafts', 'reports', 'supports', 'photos', 'bytes', 'held'], (store) => {
      if (id !== null) store('held').delete(`follow:${id}`);
      for (const name of ['drafts', 'reports', 'supports'] as const) store(name).delete(client);
      for (const name of ['photos', 'bytes'] as const) store(name).delete(range);
    });
  }

  supports(): Promise<Support[]> {
    return done(this.#store('supports').getAll() as IDBRequest<Support[]>);
  }

  putSupport(support: Support): Promise<void> {
    return this.#write(['supports'], (store) => void store('supports').put(support));
  }

  async recall<T>(key: string): Promise<Held<T> | null> {
    return (await done(this.#store('held').get(key) as IDBRequest<Held<T> | undefined>)) ?? null;
  }

  hold<T>(key: string, value: T, at: number = Date.now()): Promise<void> {
    return this.#write(['held'], (store) => void store('held').put({ key, at, value }), true);
  }
}
