// Keys of the whole window: `g` and a letter goes to a place, `/` to the search field, `?` shows the keys, Escape
// closes the innermost thing. Lists and fields handle their own keys first.

import { where } from './location.svelte';
import type { Place } from './router';

const sequenceMs = 1200;

const placeKeys: Partial<Record<string, Place>> = {
  f: 'fleet',
  b: 'runbooks',
  r: 'runs',
  h: 'history',
  s: 'settings',
};

class Keys {
  palette = $state(false);
  help = $state(false);

  #closers: (() => void)[] = [];
  #sequenceUntil = 0;

  /** Registers what Escape closes next; the last registered is the innermost. Returns how to take it back. */
  onEscape(close: () => void): () => void {
    this.#closers.push(close);
    return () => {
      this.#closers = this.#closers.filter((other) => other !== close);
    };
  }

  handle(event: KeyboardEvent): void {
    if (event.key.toLowerCase() === 'k' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.palette = !this.palette;
      return;
    }
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    // An open sheet is the browser's own dialog: it closes itself, and nothing beneath it.
    if (this.palette || this.help) return;
    if (event.key === 'Escape') {
      this.escape(event);
      return;
    }
    if (isField(event.target)) return;
    this.plain(event);
  }

  private plain(event: KeyboardEvent): void {
    const inSequence = event.timeStamp < this.#sequenceUntil;
    this.#sequenceUntil = 0;
    const place = placeKeys[event.key];
    if (inSequence && place !== undefined) {
      event.preventDefault();
      where.go({ view: place });
    } else if (event.key === 'g') {
      this.#sequenceUntil = event.timeStamp + sequenceMs;
    } else if (event.key === '/') {
      event.preventDefault();
      focusSearch();
    } else if (event.key === '?') {
      event.preventDefault();
      this.help = true;
    }
  }

  private escape(event: KeyboardEvent): void {
    if (isField(event.target) && event.target instanceof HTMLElement) {
      // The field is the innermost thing: leaving it must not also close what it is in.
      event.target.blur();
      return;
    }
    const close = this.#closers.at(-1);
    if (close !== undefined) {
      event.preventDefault();
      close();
    }
  }
}

/** Puts the focus into the search field of the place. */
export function focusSearch(): void {
  const field = document.querySelector<HTMLInputElement>('[data-place-search]');
  field?.focus();
  field?.select();
}

/** Whether typing goes into this element. */
export function isField(target: EventTarget | null): boolean {
  if (target instanceof HTMLInputElement) return !['checkbox', 'radio', 'button', 'range'].includes(target.type);
  return target instanceof HTMLTextAreaElement || target instanceof HTMLSelectElement;
}

export const keys = new Keys();
