// The service worker of /report: the page opens without signal, and what waits is sent though the page is closed.
// `FILES`, `LATER` and `VERSION` are put in by the build (vite.config.ts).
/// <reference lib="webworker" />

import { Keep } from './keep';
import { alone } from './outbox';

declare const self: ServiceWorkerGlobalScope;
declare const FILES: string[];
declare const LATER: string[];
declare const VERSION: string;

const SHELF = `ioc-report-${VERSION}`;
const PAGE = '/report';

/** The browser's own event of Background Sync, which TypeScript does not know. */
interface SyncEvent extends ExtendableEvent {
  tag: string;
}

self.addEventListener('install', (event) => {
  // `reload` goes past the HTTP cache: a page of yesterday must not be kept beside scripts of today.
  event.waitUntil(caches.open(SHELF).then((shelf) => shelf.addAll([PAGE, ...FILES].map((path) => new Request(path, { cache: 'reload' })))));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith('ioc-report-') && name !== SHELF).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

/** The map is three times as large as all else: it is fetched when the page is at rest. */
async function fetchLater(): Promise<void> {
  const shelf = await caches.open(SHELF);
  for (const path of LATER) if ((await shelf.match(path)) === undefined) await shelf.add(path).catch(() => undefined);
}

async function answer(request: Request, key: RequestInfo): Promise<Response> {
  const kept = await caches.match(key, { ignoreVary: true });
  return kept ?? fetch(request);
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== self.location.origin) return;
  if (request.mode === 'navigate' && url.pathname === PAGE) event.respondWith(answer(request, PAGE));
  else if (url.pathname.startsWith('/static/') || url.pathname === `${PAGE}/manifest.webmanifest`) event.respondWith(answer(request, request));
});

self.addEventListener('message', (event) => {
  if (event.data === 'later') event.waitUntil(fetchLater());
});

async function send(): Promise<void> {
  const shelf = await Keep.open();
  try {
    const told = await alone({ shelf, base: '', fetch: (...all) => fetch(...all), now: Date.now, chance: Math.random }, true);
    // A rejected sync is tried again by the browser, with its own patience.
    if (told !== null && told.next !== null) throw new Error('Something still waits.');
  } finally {
    shelf.close();
  }
}

self.addEventListener('sync', ((event: SyncEvent) => {
  if (event.tag === 'ioc-report') event.waitUntil(send());
}) as EventListener);
