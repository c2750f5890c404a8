// What the command palette finds.

import * as api from '../host/api';
import type { RunbookRow, RunRow } from '../wire/types';
import { app } from './app.svelte';
import { where } from './location.svelte';
import { keys } from './keys.svelte';
import { fromLink, type Route } from './router';
import { themes } from './theme.svelte';

export interface PaletteEntry {
  id: string;
  kind: string;
  title: string;
  /** Found as well, and shown behind the title. */
  words: string;
  run: () => void;
}

const to = (route: Route) => () => {
  where.go(route);
};

const fixed: PaletteEntry[] = [
  { id: 'place-fleet', kind: 'place', title: 'Fleet', words: 'g f', run: to({ view: 'fleet' }) },
  { id: 'place-runbooks', kind: 'place', title: 'Runbooks', words: 'g b', run: to({ view: 'runbooks' }) },
  { id: 'place-runs', kind: 'place', title: 'Runs', words: 'g r', run: to({ view: 'runs' }) },
  { id: 'place-history', kind: 'place', title: 'History', words: 'g h', run: to({ view: 'history' }) },
  { id: 'place-settings', kind: 'place', title: 'Settings', words: 'g s', run: to({ view: 'settings' }) },
  {
    id: 'probe',
    kind: 'action',
    title: 'Look at all hosts now',
    words: 'probe, refresh',
    run: () => void api.probeNow(null).catch(() => undefined),
  },
  { id: 'theme', kind: 'action', title: 'Switch between light and dark', words: 'theme', run: switchTheme },
  { id: 'keys', kind: 'action', title: 'Show the keys', words: '?', run: () => (keys.help = true) },
];

function switchTheme(): void {
  const theme = themes.shown === 'dark' ? 'light' : 'dark';
  themes.chosen = theme;
  // The choice holds in this window either way; failing to keep it in the settings costs it at another start only.
  void api
    .settings()
    .then((view) => api.saveSettings({ ...view.settings, theme }))
    .catch(() => undefined);
}

class Entries {
  #runbooks = $state.raw<RunbookRow[]>([]);
  #runs = $state.raw<RunRow[]>([]);

  readonly entries = $derived<PaletteEntry[]>([
    ...fixed,
    ...app.active.map((row) => runEntry(row)),
    ...this.#runbooks.map(runbookEntry),
    ...this.#runbooks.filter((row) => row.broken === null).map(planEntry),
    ...this.#runbooks.filter((row) => row.stewardship !== 'central').map(editEntry),
    ...app.fleet.rows.map((row) => ({
      id: `host-${row.name}`,
      kind: 'host',
      title: row.name,
      words: `${row.word} · ${Object.values(row.labels).join(' ')}`,
      run: to({ view: 'fleet', host: row.name }),
    })),
    ...this.#runs.filter((row) => !row.active).map(runEntry),
  ]);

  /** Reads what is not at hand. What cannot be read is left out: the palette still finds everything else. */
  load(): void {
    api.catalogue().then(
      (rows) => (this.#runbooks = rows),
      () => undefined,
    );
    api.history({ text: '', status: '', before: null }).then(
      (rows) => (this.#runs = rows),
      () => undefined,
    );
  }
}

function runbookEntry(row: RunbookRow): PaletteEntry {
  return {
    id: `runbook-${row.name}`,
    kind: 'runbook',
    title: row.title,
    words: row.name,
    run: to({ view: 'runbooks', runbook: row.name }),
  };
}

function planEntry(row: RunbookRow): PaletteEntry {
  return {
    id: `plan-${row.name}`,
    kind: 'action',
    title: `Plan: ${row.title}`,
    words: row.name,
    run: to({ view: 'plan', runbook: row.name }),
  };
}

function editEntry(row: RunbookRow): PaletteEntry {
  return {
    id: `edit-${row.name}`,
    kind: 'action',
    title: `Edit: ${row.title}`,
    words: row.name,
    run: to({ view: 'edit', runbook: row.name }),
  };
}

function runEntry(row: RunRow): PaletteEntry {
  return {
    id: `run-${row.id}`,
    kind: 'run',
    title: row.title,
    words: `${row.status} · ${row.id}`,
    run: to({ view: 'run', from: row.active ? 'runs' : 'history', run: row.id }),
  };
}

export function paletteEntries(): Entries {
  const entries = new Entries();
  entries.load();
  return entries;
}

/** A pasted link as the one entry that it leads to. */
export function linkEntry(text: string): PaletteEntry | null {
  const route = fromLink(text);
  return route === null ? null : { id: 'link', kind: 'link', title: text.trim(), words: '', run: to(route) };
}
