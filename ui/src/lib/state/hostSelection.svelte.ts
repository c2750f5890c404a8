// The hosts of a run that something is done to: Space and Shift over the matrix. It knows indices only.

import { between } from './matrix';

export class HostSelection {
  selected = $state.raw<ReadonlySet<number>>(new Set());

  #anchor: number | null = null;

  toggle(host: number): void {
    const next = new Set(this.selected);
    if (!next.delete(host)) next.add(host);
    this.selected = next;
    this.#anchor = host;
  }

  /** Adds all from where the selection began, or from `from`, to `to`, as they are drawn. */
  extend(order: readonly number[], from: number, to: number): void {
    this.#anchor ??= from;
    this.selected = new Set([...this.selected, ...between(order, this.#anchor, to)]);
  }

  clear(): void {
    this.selected = new Set();
    this.#anchor = null;
  }
}
