// A run as a fold: snapshot plus deltas with a gap-free index. A delta costs what it changes, not what the run holds: the
// hosts are copied once per view that is handed out, not once per delta, and a cell that is as it was stays the same
// object, so that nothing is drawn anew for it. A view that was handed out never changes.

import type { Cell, RunBatch, RunDelta, RunHost, RunView } from '../wire/types';

/** `behind`: known already. `gap`: something between was missed, and the snapshot has to be asked for again. */
export type Taken = 'taken' | 'behind' | 'gap';

export class RunFold {
  #view: RunView;
  #hosts: RunHost[];
  /** Whether the hosts belong to a view that was handed out. */
  #lent = true;

  constructor(view: RunView) {
    this.#view = view;
    this.#hosts = view.hosts;
  }

  take(delta: RunDelta): Taken {
    const view = this.#view;
    if (delta.index <= view.index) return 'behind';
    if (delta.from > view.index + 1) return 'gap';
    if (this.#lent) {
      this.#hosts = [...this.#hosts];
      this.#lent = false;
    }
    for (const [at, host] of delta.hosts) this.#hosts[at] = keepingCells(this.#hosts[at], host);
    this.#view = {
      ...view,
      index: delta.index,
      row: delta.row,
      // Which hosts a batch has never changes; keeping the former ones keeps everything that was computed of them.
      batches: sameBatches(view.batches, delta.batches) ? view.batches : delta.batches,
      budgets: delta.budgets,
      pace: delta.pace,
      decisions: delta.decisions,
      offers: delta.offers,
      questions: delta.questions,
      waiting: delta.waiting,
    };
    return 'taken';
  }

  /** The run as it is now. */
  view(): RunView {
    if (!this.#lent) {
      this.#view = { ...this.#view, hosts: this.#hosts };
      this.#lent = true;
    }
    return this.#view;
  }
}

function keepingCells(before: RunHost | undefined, now: RunHost): RunHost {
  if (before === undefined) return now;
  return {
    ...now,
    cells: now.cells.map((cell, at) => {
      const known = before.cells[at];
      return known !== undefined && sameCell(known, cell) ? known : cell;
    }),
  };
}

/** All that a cell says of itself: a field that is added to it has to be named here. */
type Said = Exclude<keyof Cell, 'inverse'>;
const said = Object.keys({
  mark: true,
  word: true,
  detail: true,
  note: true,
  attempt: true,
} satisfies Record<Said, true>) as Said[];

function sameCell(a: Cell, b: Cell): boolean {
  if (said.some((field) => a[field] !== b[field])) return false;
  return a.inverse === null || b.inverse === null ? a.inverse === b.inverse : sameCell(a.inverse, b.inverse);
}

function sameBatches(a: readonly RunBatch[], b: readonly RunBatch[]): boolean {
  return (
    a.length === b.length &&
    a.every((batch, at) => batch.state === b[at]?.state && batch.hosts.length === b[at].hosts.length)
  );
}
