// The output of one host against that of the largest group, read in full up to a bound.

import * as api from '../../lib/host/api';
import { asUiError } from '../../lib/host/errors';
import type { AttemptId, OutputGroup, UiError } from '../../lib/wire/types';
import { addPieces, type Line } from './lines';
import { unified, type Unified } from './unified';

/** Lines of each side that are compared; beyond this the difference says that it is of the beginning only. */
const comparedMost = 5000;

export class Majority {
  result = $state.raw<(Unified & { cut: boolean }) | null>(null);
  error = $state.raw<UiError | null>(null);

  #wanted = '';

  /** Compares; a newer question replaces an older one. */
  async compare(most: AttemptId, host: AttemptId): Promise<void> {
    const key = `${most}/${host}`;
    if (key === this.#wanted) return;
    this.#wanted = key;
    this.result = null;
    this.error = null;
    try {
      const [a, b] = await Promise.all([readAll(most), readAll(host)]);
      if (key !== this.#wanted) return;
      this.result = { ...unified(a.lines, b.lines), cut: a.cut || b.cut };
    } catch (thrown) {
      if (key === this.#wanted) this.error = asUiError(thrown);
    }
  }
}

/** What most said: the group with the most hosts, the first of those that are equally large. */
export function largest(groups: readonly OutputGroup[]): OutputGroup | null {
  return groups.reduce<OutputGroup | null>(
    (best, group) => (best === null || group.hosts.length > best.hosts.length ? group : best),
    null,
  );
}

async function readAll(attempt: AttemptId): Promise<{ lines: string[]; cut: boolean }> {
  let lines: Line[] = [];
  let open = false;
  let from = 0;
  for (;;) {
    const page = await api.output(attempt, from, false);
    ({ lines, open } = addPieces(lines, page.pieces, open));
    const stuck = page.next <= from;
    from = page.next;
    if (!page.more || stuck || lines.length >= comparedMost)
      return {
        lines: lines.slice(0, comparedMost).map((line) => line.text),
        cut: page.more || lines.length > comparedMost || page.dropped_bytes > 0,
      };
  }
}
