// An error as the console rejects with it.

import type { UiError } from '../../wire/types';

export function error(code: UiError['code'], message: string, hint: string | null): Error {
  const shape: UiError = { code, message, hint, causes: ['recorded data'] };
  return Object.assign(new Error(message), shape);
}
