// One watched run: its fold, shown at the pace of the screen. A delta carries the changed rows whole, so an overlap is
// harmless; a gap asks for the snapshot again.

import * as api from '../host/api';
import { asUiError } from '../host/errors';
import type { AttemptId, RunDelta, RunId, RunView, UiError } from '../wire/types';
import { NextFrame } from './frame';
import { RunFold } from './runFold';

/** Deltas that are kept while the snapshot is asked for. Further ones are let go: the gap then asks once more. */
const earlyMost = 10_000;

export class RunState {
  readonly id: RunId;
  view = $state.raw<RunView | null>(null);
  error = $state.raw<UiError | null>(null);
  /** The attempts of which output arrived last. Another set each time. */
  grown = $state.raw<ReadonlySet<AttemptId>>(new Set());

  #fold: RunFold | null = null;
  #asking: Promise<void> | null = null;
  #early: RunDelta[] = [];
  #growing = new Set<AttemptId>();
  readonly #shown = new NextFrame(() => {
    this.show();
  });

  constructor(id: RunId) {
    this.id = id;
  }

  load(): Promise<void> {
    this.#asking ??= api.run(this.id).then(
      (view) => {
        this.#asking = null;
        this.#fold = new RunFold(view);
        this.error = null;
        const early = this.#early;
        this.#early = [];
        for (const delta of early) this.push(delta);
        this.show();
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
      if (this.#early.length < earlyMost) this.#early.push(delta);
      return;
    }
    const taken = this.#fold?.take(delta) ?? 'behind';
    if (taken === 'gap') void this.load();
    else if (taken === 'taken') this.#shown.ask();
  }

  outputGrew(attempt: AttemptId): void {
    this.#growing.add(attempt);
    this.#shown.ask();
  }

  /** Ends the console's pushes for this run. */
  async leave(): Promise<void> {
    this.#shown.stop();
    try {
      await api.unwatch(this.id);
    } catch {
      // A run that cannot be left costs a few unread messages; the next subscription replaces it.
    }
  }

  private show(): void {
    if (this.#fold !== null) this.view = this.#fold.view();
    if (this.#growing.size > 0) {
      this.grown = this.#growing;
      this.#growing = new Set();
    }
  }
}
