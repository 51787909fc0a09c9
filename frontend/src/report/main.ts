import { mount } from 'svelte';
import '../lib/tokens.css';
import '../lib/fonts/fonts.css';
import './frame.css';
import './form.css';
import './parts.css';
import Page from './Page.svelte';

const target = document.getElementById('page');
if (target !== null) mount(Page, { target });

/** The page's own files are kept first; the map's, three times as large, when the page is at rest. */
async function worker(): Promise<void> {
  await navigator.serviceWorker.register('/report/sw.js', { scope: '/report' });
  const { active } = await navigator.serviceWorker.ready;
  setTimeout(() => active?.postMessage('later'), 2000);
}

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // Without a worker the page still files; it only does not open without signal.
  addEventListener('load', () => void worker().catch(() => undefined));
}
