// Hosts with the same output of a step, asked for at a bounded pace while the run moves.

import * as api from '../../lib/host/api';
import { asUiError } from '../../lib/host/errors';
import type { OutputGroup, RunId, UiError } from '../../lib/wire/types';

/** While output grows, groups are read again at most this often. */
const paceMs = 500;

export class StepGroups {
  groups = $state.raw<OutputGroup[] | null>(null);
  error = $state.raw<UiError | null>(null);

  #wanted = '';
  #shown = '';
  #timer: ReturnType<typeof setTimeout> | undefined;
  #busy = false;
  #again = false;

  /** Asks for the groups of a step; a question while one is under way is asked once more afterwards. */
  ask(run: RunId, step: number): void {
    const key = `${run}/${String(step)}`;
    if (key !== this.#wanted) {
      this.#wanted = key;
      clearTimeout(this.#timer);
      this.#busy = false;
      void this.read(run, step, key);
    } else if (this.#busy) this.#again = true;
    else this.later(run, step, key);
  }

  private later(run: RunId, step: number, key: string): void {
    this.#busy = true;
    this.#timer = setTimeout(() => void this.read(run, step, key), paceMs);
  }

  private async read(run: RunId, step: number, key: string): Promise<void> {
    this.#busy = true;
    this.#again = false;
    if (this.#shown !== key) this.groups = null;
    try {
      const groups = await api.outputGroups(run, step);
      if (key !== this.#wanted) return;
      this.groups = groups;
      this.#shown = key;
      this.error = null;
    } catch (thrown) {
      if (key !== this.#wanted) return;
      this.error = asUiError(thrown);
    }
    this.#busy = false;
    if (this.#again) this.later(run, step, key);
  }
}
