import { mount } from 'svelte';
import '../lib/tokens.css';
import './tablet.css';
import Page from './Page.svelte';

const target = document.getElementById('page');
if (target !== null) mount(Page, { target });
