// The keyboard model that every list shares: arrows and j/k move, Enter opens, Space selects, Shift extends, x acts.
// It knows ids only; the list that draws it owns rows and focus.

export type ListEvent = 'moved' | 'selected' | 'open' | 'act' | 'cleared' | null;

export interface ListKey {
  key: string;
  shiftKey: boolean;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** Rows that a page key moves by. */
const pageRows = 12;

export class ListModel {
  #ids = $state.raw<readonly string[]>([]);
  #cursor = $state<string | null>(null);
  #selected = $state.raw<ReadonlySet<string>>(new Set());
  #anchor: string | null = null;

  get ids(): readonly string[] {
    return this.#ids;
  }

  get cursor(): string | null {
    return this.#cursor;
  }

  get selected(): ReadonlySet<string> {
    return this.#selected;
  }

  /** Replaces the rows. The cursor stays on its row; if that is gone, on the row that took its place. */
  setIds(ids: readonly string[]): void {
    const before = this.#cursor === null ? -1 : this.#ids.indexOf(this.#cursor);
    this.#ids = ids;
    const present = new Set(ids);
    if (this.#cursor !== null && !present.has(this.#cursor)) {
      this.#cursor = ids[Math.min(before, ids.length - 1)] ?? null;
    }
    if ([...this.#selected].some((id) => !present.has(id))) {
      this.#selected = new Set([...this.#selected].filter((id) => present.has(id)));
    }
  }

  /** Puts the cursor on a row, as a click does. */
  moveTo(id: string, extend = false): void {
    if (!this.#ids.includes(id)) return;
    if (extend) this.extend(id);
    else this.#anchor = id;
    this.#cursor = id;
  }

  toggle(id: string): void {
    const next = new Set(this.#selected);
    if (!next.delete(id)) next.add(id);
    this.#selected = next;
    this.#anchor = id;
  }

  clear(): void {
    this.#selected = new Set();
    this.#anchor = null;
  }

  /** Handles a key; says what came of it, null when the key is not the list's. */
  key(event: ListKey): ListEvent {
    if (event.ctrlKey || event.metaKey || event.altKey) return null;
    const step = steps[event.shiftKey && event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (step !== undefined) return this.move(step, event.shiftKey);
    if (event.key === 'Escape') {
      if (this.#selected.size === 0) return null;
      this.clear();
      return 'cleared';
    }
    if (this.#cursor === null) return null;
    if (event.key === 'Enter') return 'open';
    if (event.key === ' ') {
      this.toggle(this.#cursor);
      return 'selected';
    }
    return event.key === 'x' ? 'act' : null;
  }

  private move(step: number, extend: boolean): ListEvent {
    if (this.#ids.length === 0) return null;
    const last = this.#ids.length - 1;
    const at = this.#cursor === null ? (step > 0 ? -1 : last + 1) : this.#ids.indexOf(this.#cursor);
    const to = this.#ids[Math.max(0, Math.min(last, at + step))];
    if (to === undefined) return null;
    if (extend) this.extend(to);
    else this.#anchor = to;
    this.#cursor = to;
    return 'moved';
  }

  private extend(to: string): void {
    const anchor = this.#anchor ?? this.#cursor ?? to;
    this.#anchor = anchor;
    const [a, b] = [this.#ids.indexOf(anchor), this.#ids.indexOf(to)].sort((x, y) => x - y);
    this.#selected = new Set([...this.#selected, ...this.#ids.slice(a, (b ?? 0) + 1)]);
  }
}

const steps: Partial<Record<string, number>> = {
  ArrowDown: 1,
  j: 1,
  ArrowUp: -1,
  k: -1,
  PageDown: pageRows,
  PageUp: -pageRows,
  Home: -Number.MAX_SAFE_INTEGER,
  End: Number.MAX_SAFE_INTEGER,
};
