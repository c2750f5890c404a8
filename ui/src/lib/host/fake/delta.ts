// What changed in a recorded run.

import type { RunDelta, RunView } from '../../wire/types';

/** The run as one delta, right after the record before it; `all` tells every host anew. */
export function deltaOf(view: RunView, all = false): RunDelta {
  const { index, row, batches, budgets, pace, decisions, offers, questions, waiting } = view;
  return {
    run: row.id,
    from: index,
    index,
    row,
    hosts: all ? view.hosts.map((host, at) => [at, host]) : [],
    batches,
    budgets,
    pace,
    decisions,
    offers,
    questions,
    waiting,
  };
}
