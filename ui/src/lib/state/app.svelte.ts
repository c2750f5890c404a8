// What the whole window shares: the start, the one stream and where its messages go, the runs that are active, and
// counters that say that a list is no longer what was shown.

import * as api from '../host/api';
import { asUiError } from '../host/errors';
import type { Push, RunId, RunRow, Stale, StartInfo, UiError } from '../wire/types';
import { FleetState } from './fleet.svelte';
import { RunState } from './run.svelte';
import { themes } from './theme.svelte';

class App {
  readonly fleet = new FleetState();
  info = $state.raw<StartInfo | null>(null);
  error = $state.raw<UiError | null>(null);
  active = $state.raw<readonly RunRow[]>([]);
  /** The run that is looked at. */
  watched = $state.raw<RunState | null>(null);
  /** Interrupted runs that were found at this start and not yet put aside. */
  interrupted = $state.raw<readonly RunRow[]>([]);
  /** Runs that would be left if the window closed now, once that was asked. */
  closing = $state.raw<readonly RunRow[]>([]);
  /** Grow when the list of that name is stale: a view that reads one asks again. */
  readonly stale = $state<Record<Stale, number>>({ fleet: 0, catalogue: 0, history: 0, settings: 0 });

  /** Opens the stream first, so that nothing falls between snapshot and deltas. */
  async start(): Promise<void> {
    this.error = null;
    try {
      await api.subscribe((push) => {
        this.push(push);
      });
      const info = await api.startInfo();
      this.info = info;
      this.interrupted = info.interrupted;
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

  private async loadActive(): Promise<void> {
    this.active = await api.runsActive();
  }

  private setActive(runs: readonly RunRow[]): void {
    // A run that left the list has ended: its place in History is new.
    const still = new Set(runs.map((row) => row.id));
    if (this.active.some((row) => !still.has(row.id))) this.stale.history += 1;
    this.active = runs;
  }
}

export const app = new App();
