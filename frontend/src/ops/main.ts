import { mount } from 'svelte';
import '../lib/tokens.css';
import '../lib/fonts/fonts.css';
import './frame.css';
import './queue.css';
import './case.css';
import './side.css';
import './sheets.css';
import './synthesis.css';
import Page from './Page.svelte';

const target = document.getElementById('page');
if (target !== null) mount(Page, { target });
