// Follows something that changes with every frame at a pace that can be read; the latest is always shown in the end.

export class Paced<Value> {
  value: Value = $state.raw() as Value;

  readonly #paceMs: number;
  #latest: Value;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(value: Value, paceMs: number) {
    this.value = value;
    this.#latest = value;
    this.#paceMs = paceMs;
  }

  /** Shows a value at once, or when the one before it has been there for long enough. */
  put(value: Value): void {
    this.#latest = value;
    if (this.#timer !== undefined || value === this.value) return;
    this.value = value;
    this.rest();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  private rest(): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.put(this.#latest);
    }, this.#paceMs);
  }
}
