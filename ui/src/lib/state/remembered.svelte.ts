// Small preferences of this window, kept between starts: widths, chosen columns, the rail. Never data.

const prefix = 'daytwo.';

/** A value kept under `name`; what was stored is taken only if `valid` accepts it. */
export class Remembered<T> {
  #value: T;
  readonly #name: string;

  constructor(name: string, initial: T, valid: (value: unknown) => value is T) {
    this.#name = prefix + name;
    this.#value = $state.raw(read(this.#name, initial, valid));
  }

  get value(): T {
    return this.#value;
  }

  set value(value: T) {
    this.#value = value;
    try {
      localStorage.setItem(this.#name, JSON.stringify(value));
    } catch {
      // A full or forbidden store costs the preference, nothing else.
    }
  }
}

function read<T>(name: string, initial: T, valid: (value: unknown) => value is T): T {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(name) ?? 'null');
    return valid(stored) ? stored : initial;
  } catch {
    return initial;
  }
}

export const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);
export const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean';
export const isString = (value: unknown): value is string => typeof value === 'string';
export const isStrings = (value: unknown): value is string[] => Array.isArray(value) && value.every(isString);
