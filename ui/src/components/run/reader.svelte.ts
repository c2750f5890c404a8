// Reads one attempt's output page by page. The window keeps a bounded number of lines; the store keeps all of it.

import * as api from '../../lib/host/api';
import { asUiError } from '../../lib/host/errors';
import type { AttemptId, UiError } from '../../lib/wire/types';
import { addPieces, type Line } from './lines';

/** More lines than this are not held by the window at one time; reading on lets the oldest go. */
export const linesMost = 50_000;

export class OutputReader {
  lines = $state.raw<Line[]>([]);
  more = $state(false);
  loaded = $state(false);
  droppedBytes = $state(0);
  /** Lines that the window let go while reading on. */
  letGo = $state(0);
  /** Whether the first line held is a known one: after a jump to the end it is not. */
  numbered = $state(true);
  error = $state.raw<UiError | null>(null);

  readonly #attempt: AttemptId;
  #next = 0;
  #open = false;
  #busy = false;
  #again = false;

  constructor(attempt: AttemptId) {
    this.#attempt = attempt;
  }

  /** Reads the next page; asked again while one is under way, it reads once more afterwards. */
  async readOn(): Promise<void> {
    if (this.#busy) {
      this.#again = true;
      return;
    }
    await this.page(this.#next, false);
    if (this.#again) {
      this.#again = false;
      await this.readOn();
    }
  }

  /** Starts over at the last page. */
  async toEnd(): Promise<void> {
    if (this.#busy) return;
    this.lines = [];
    this.numbered = false;
    this.#open = false;
    await this.page(0, true);
  }

  private async page(from: number, fromEnd: boolean): Promise<void> {
    this.#busy = true;
    try {
      const page = await api.output(this.#attempt, from, fromEnd);
      const added = addPieces(this.lines, page.pieces, this.#open);
      const over = Math.max(0, added.lines.length - linesMost);
      this.lines = over > 0 ? added.lines.slice(over) : added.lines;
      this.letGo += over;
      this.#open = added.open;
      this.#next = page.next;
      this.more = page.more;
      this.droppedBytes = page.dropped_bytes;
      this.error = null;
    } catch (thrown) {
      this.error = asUiError(thrown);
    }
    this.loaded = true;
    this.#busy = false;
  }
}
