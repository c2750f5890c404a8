// The history page by page, newest first, under one filter.

import * as api from '../../lib/host/api';
import { asUiError } from '../../lib/host/errors';
import { Debounced } from '../../lib/state/debounced.svelte';
import type { HistoryFilter, RunRow, UiError } from '../../lib/wire/types';

/** A page holds this many runs; a shorter one is the last. */
const pageRuns = 100;
const pauseMs = 120;

export class HistoryPages {
  #older = $state.raw<RunRow[]>([]);
  #olderError = $state.raw<UiError | null>(null);
  #ended = $state(false);
  busy = $state(false);

  readonly #first = new Debounced<HistoryFilter, { filter: HistoryFilter; rows: RunRow[] }>(
    async (filter) => ({ filter, rows: await api.history(filter) }),
    pauseMs,
  );

  readonly rows = $derived.by(() => {
    const first = this.#first.answer?.rows;
    if (first === undefined) return null;
    const known = new Set(first.map((row) => row.id));
    return [...first, ...this.#older.filter((row) => !known.has(row.id))];
  });

  readonly error = $derived(this.#first.error ?? this.#olderError);
  readonly more = $derived((this.#first.answer?.rows.length ?? 0) >= pageRuns && !this.#ended);
  /** The filter that the rows shown answer to. */
  readonly shown = $derived(`${this.#first.answer?.filter.text ?? ''}/${this.#first.answer?.filter.status ?? ''}`);

  #asked: HistoryFilter = { text: '', status: '', before: null };

  filter(text: string, status: string): void {
    if (text !== this.#asked.text || status !== this.#asked.status) {
      this.#older = [];
      this.#ended = false;
    }
    this.#asked = { text, status, before: null };
    this.#first.put(this.#asked);
  }

  /** Reads the page after the last one. */
  async next(): Promise<void> {
    const last = this.rows?.at(-1);
    if (last === undefined || this.busy) return;
    const asked = this.#asked;
    this.busy = true;
    try {
      const rows = await api.history({ ...asked, before: last.id });
      if (asked === this.#asked) {
        this.#older = [...this.#older, ...rows];
        this.#ended = rows.length < pageRuns;
        this.#olderError = null;
      }
    } catch (thrown) {
      this.#olderError = asUiError(thrown);
    }
    this.busy = false;
  }

  stop(): void {
    this.#first.stop();
  }
}
