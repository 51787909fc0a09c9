import { mount } from 'svelte';
import '../lib/fonts/fonts.css';
import '../lib/tokens.css';
import './frame.css';
import './words.css';
import './alerts.css';
import './tiles.css';
import './strip.css';
import './map.css';
import './sources.css';
import './band.css';
import './quality.css';
import './blind.css';
import Page from './Page.svelte';

const target = document.getElementById('page');
if (target !== null) mount(Page, { target });
