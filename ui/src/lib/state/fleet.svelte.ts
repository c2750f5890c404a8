// The fleet as a fold: a snapshot, then deltas whose index grows by one. On a gap the snapshot is asked for again;
// nothing is guessed.

import * as api from '../host/api';
import { asUiError } from '../host/errors';
import type { FleetSummary, FleetView, HostName, HostRow, Push, UiError } from '../wire/types';

type FleetPush = Extract<Push, { push: 'fleet' }>;

export class FleetState {
  hosts = $state.raw<ReadonlyMap<HostName, HostRow>>(new Map());
  summary = $state.raw<FleetSummary | null>(null);
  error = $state.raw<UiError | null>(null);
  loaded = $state(false);

  #index = -1;
  #asking: Promise<void> | null = null;
  #early: FleetPush[] = [];

  readonly rows = $derived([...this.hosts.values()]);

  /** Asks for the snapshot; deltas that arrive meanwhile are folded in afterwards. */
  load(): Promise<void> {
    this.#asking ??= api.fleet().then(
      (view) => {
        this.#asking = null;
        this.replace(view);
      },
      (thrown: unknown) => {
        this.#asking = null;
        this.#early = [];
        this.error = asUiError(thrown);
      },
    );
    return this.#asking;
  }

  /** Folds a delta in. */
  push(delta: FleetPush): void {
    if (this.#asking !== null) {
      this.#early.push(delta);
      return;
    }
    if (delta.index <= this.#index) return;
    if (delta.index !== this.#index + 1) {
      void this.load();
      return;
    }
    this.#index = delta.index;
    this.summary = delta.summary;
    if (delta.hosts.length > 0) {
      const hosts = new Map(this.hosts);
      for (const row of delta.hosts) hosts.set(row.name, row);
      this.hosts = hosts;
    }
  }

  private replace(view: FleetView): void {
    this.#index = view.index;
    this.hosts = new Map(view.hosts.map((row) => [row.name, row]));
    this.summary = view.summary;
    this.error = null;
    this.loaded = true;
    const early = this.#early;
    this.#early = [];
    for (const delta of early) this.push(delta);
  }
}
