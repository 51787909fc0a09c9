import { mount } from 'svelte';
import '../lib/tokens.css';
import './frame.css';
import './words.css';
import './tiles.css';
import './lists.css';
import './map.css';
import './sources.css';
import './blind.css';
import './sheet.css';
import './narrow.css';
import Page from './Page.svelte';

const target = document.getElementById('page');
if (target !== null) mount(Page, { target });
