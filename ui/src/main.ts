import './locale';

import './styles/tokens.css';
import './styles/base.css';

import { mount } from 'svelte';

import App from './App.svelte';
import { openHost } from './lib/host';
import { themes } from './lib/state/theme.svelte';

themes.follow();

const target = document.getElementById('app');
if (target === null) throw new Error('index.html has no #app');

await openHost();
mount(App, { target });
