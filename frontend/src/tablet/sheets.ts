// The sheets of data quality, fetched together when the first of them is opened.

import './quality.css';
import './sheets.css';

export { default as LedgerSheet } from './LedgerSheet.svelte';
export { default as ScoreSheet } from './ScoreSheet.svelte';
export { default as SourceSheet } from './SourceSheet.svelte';
