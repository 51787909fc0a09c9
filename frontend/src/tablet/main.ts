import { mount } from 'svelte';
import '../lib/fonts/fonts.css';
import '../lib/tokens.css';
import './tablet.css';
import Page from './Page.svelte';

const target = document.getElementById('page');
if (target !== null) mount(Page, { target });
