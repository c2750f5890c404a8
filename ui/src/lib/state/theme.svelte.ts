// Resolves `system` to light or dark and writes `data-theme`, from which the tokens follow.

import type { Theme } from '../wire/types';
import { Remembered } from './remembered.svelte';

const isTheme = (value: unknown): value is Theme => value === 'system' || value === 'light' || value === 'dark';

class Themes {
  // Kept here as well as in the settings, so that the first paint already has it.
  readonly #chosen = new Remembered<Theme>('theme', 'system', isTheme);
  #systemDark = $state(false);

  readonly shown: 'light' | 'dark' = $derived(
    this.#chosen.value === 'system' ? (this.#systemDark ? 'dark' : 'light') : this.#chosen.value,
  );

  get chosen(): Theme {
    return this.#chosen.value;
  }

  set chosen(theme: Theme) {
    this.#chosen.value = theme;
    this.apply();
  }

  /** Follows the system's preference. */
  follow(): void {
    const query = window.matchMedia('(prefers-color-scheme: dark)');
    const read = () => {
      this.#systemDark = query.matches;
      this.apply();
    };
    query.addEventListener('change', read);
    read();
  }

  private apply(): void {
    document.documentElement.dataset['theme'] = this.shown;
  }
}

export const themes = new Themes();
