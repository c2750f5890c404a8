// What the whole window shares: the start, the one stream and where its messages go, the runs that are active, and
// counters that say that a list is no longer what was shown.

import * as api from '../host/api';
import { asUiError } from '../host/errors';
import type { Push, Recovered, RunId, RunRow, Stale, StartInfo, UiError, WaitingHost } from '../wire/types';
import { FleetState } from './fleet.svelte';
import { RunState } from './run.svelte';
import { themes } from './theme.svelte';

/** While the hosts of a run that was found are still asked, what is known of it is read again at this pace. */
const recoveredPaceMs = 1000;

class App {
  readonly fleet = new FleetState();
  info = $state.raw<StartInfo | null>(null);
  error = $state.raw<UiError | null>(null);
  active = $state.raw<readonly RunRow[]>([]);
  /** The run that is looked at. */
  watched = $state.raw<RunState | null>(null);
  /** Runs that were found without their process at this start, until they are put aside. */
  recovered = $state.raw<readonly Recovered[]>([]);
  /** Hosts that get their part of a run when they can be reached, and those that got it or never will. */
  waiting = $state.raw<readonly WaitingHost[]>([]);
  waitingError = $state.raw<UiError | null>(null);
  /** Runs that would be left if the window closed now, once that was asked. */
  closing = $state.raw<readonly RunRow[]>([]);
  /** Grow when the list of that name is stale: a view that reads one asks again. */
  readonly stale = $state<Record<Stale, number>>({ fleet: 0, catalogue: 0, history: 0, settings: 0 });

  #aside = false;
  #reading: ReturnType<typeof setTimeout> | undefined;

  /** Opens the stream first, so that nothing falls between snapshot and deltas. */
  async start(): Promise<void> {
    this.error = null;
    this.#aside = false;
    try {
      await api.subscribe((push) => {
        this.push(push);
      });
      const info = await api.startInfo();
      this.info = info;
      this.setRecovered(info.recovered);
      void this.loadWaiting();
      themes.chosen = info.settings.theme;
      await Promise.all([this.fleet.load(), this.loadActive()]);
    } catch (thrown) {
      this.error = asUiError(thrown);
    }
  }

  push(push: Push): void {
    switch (push.push) {
      case 'fleet':
        this.fleet.push(push);
        break;
      case 'run':
        this.watched?.push(push.delta);
        break;
      case 'output_grew':
        if (this.watched?.id === push.run) this.watched.outputGrew(push.attempt);
        break;
      case 'close_asked':
        this.closing = push.runs;
        break;
      case 'active':
        this.setActive(push.runs);
        break;
      case 'stale':
        this.stale[push.what] += 1;
        if (push.what === 'fleet') void this.fleet.load();
        if (push.what === 'history') void this.loadWaiting();
        break;
    }
  }

  /** Looks at a run, leaving the one before. */
  watch(id: RunId): RunState {
    const before = this.watched;
    if (before?.id === id) return before;
    void before?.leave();
    const state = new RunState(id);
    this.watched = state;
    void state.load();
    return state;
  }

  unwatch(id: RunId): void {
    if (this.watched?.id !== id) return;
    void this.watched.leave();
    this.watched = null;
  }

  putAside(): void {
    this.#aside = true;
    clearTimeout(this.#reading);
    this.recovered = [];
  }

  async loadWaiting(): Promise<void> {
    try {
      this.waiting = await api.waiting();
      this.waitingError = null;
    } catch (thrown) {
      this.waitingError = asUiError(thrown);
    }
  }

  private setRecovered(found: readonly Recovered[]): void {
    if (this.#aside) return;
    this.recovered = found;
    clearTimeout(this.#reading);
    if (found.some((one) => one.asking)) this.#reading = setTimeout(() => void this.readRecovered(), recoveredPaceMs);
  }

  private async readRecovered(): Promise<void> {
    try {
      this.setRecovered((await api.startInfo()).recovered);
    } catch (thrown) {
      this.error = asUiError(thrown);
    }
  }

  private async loadActive(): Promise<void> {
    this.active = await api.runsActive();
  }

  private setActive(runs: readonly RunRow[]): void {
    // A run that left the list has ended: its place in History is new.
    const still = new Set(runs.map((row) => row.id));
    if (this.active.some((row) => !still.has(row.id))) {
      this.stale.history += 1;
      void this.loadWaiting();
    }
    this.active = runs;
  }
}

export const app = new App();
