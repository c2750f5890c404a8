// One watched run as a fold: snapshot plus deltas with a gap-free index. A delta carries the changed rows whole, so an
// overlap is harmless; a gap asks for the snapshot again.

import * as api from '../host/api';
import { asUiError } from '../host/errors';
import type { AttemptId, RunDelta, RunId, RunView, UiError } from '../wire/types';

export class RunState {
  readonly id: RunId;
  view = $state.raw<RunView | null>(null);
  error = $state.raw<UiError | null>(null);
  /** Grows when output of an attempt arrived: by attempt. */
  grown = $state.raw<{ attempt: AttemptId; count: number }>({ attempt: '', count: 0 });

  #asking: Promise<void> | null = null;
  #early: RunDelta[] = [];

  constructor(id: RunId) {
    this.id = id;
  }

  load(): Promise<void> {
    this.#asking ??= api.run(this.id).then(
      (view) => {
        this.#asking = null;
        this.view = view;
        this.error = null;
        const early = this.#early;
        this.#early = [];
        for (const delta of early) this.push(delta);
      },
      (thrown: unknown) => {
        this.#asking = null;
        this.#early = [];
        this.error = asUiError(thrown);
      },
    );
    return this.#asking;
  }

  push(delta: RunDelta): void {
    if (delta.run !== this.id) return;
    if (this.#asking !== null) {
      this.#early.push(delta);
      return;
    }
    const view = this.view;
    if (view === null || delta.index <= view.index) return;
    if (delta.from > view.index + 1) {
      void this.load();
      return;
    }
    this.view = fold(view, delta);
  }

  outputGrew(attempt: AttemptId): void {
    this.grown = { attempt, count: this.grown.count + 1 };
  }

  /** Ends the console's pushes for this run. */
  async leave(): Promise<void> {
    try {
      await api.unwatch(this.id);
    } catch {
      // A run that cannot be left costs a few unread messages; the next subscription replaces it.
    }
  }
}

/** The view after the delta. */
export function fold(view: RunView, delta: RunDelta): RunView {
  const hosts = [...view.hosts];
  for (const [at, host] of delta.hosts) hosts[at] = host;
  return {
    ...view,
    hosts,
    index: delta.index,
    row: delta.row,
    batches: delta.batches,
    budgets: delta.budgets,
    decisions: delta.decisions,
    offers: delta.offers,
  };
}
