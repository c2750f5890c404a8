// Whatever a call rejects with becomes one shape: what happened, what to do next, and the causes.

import type { UiError } from '../wire/types';

/** The error as the window shows it; a thing that is no `UiError` keeps its text and says that it was unexpected. */
export function asUiError(thrown: unknown): UiError {
  if (isUiError(thrown)) {
    return thrown;
  }
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return {
    code: 'internal',
    message: message === '' ? 'Something unexpected happened in the window.' : message,
    hint: 'What a run does on its hosts does not depend on this window; Runs shows where it stands. If this happens again, copy the details into a report.',
    causes: thrown instanceof Error && thrown.stack !== undefined ? [thrown.stack] : [],
  };
}

function isUiError(thrown: unknown): thrown is UiError {
  return typeof thrown === 'object' && thrown !== null && 'code' in thrown && 'message' in thrown && 'causes' in thrown;
}

/** The whole error as text, for a report. */
export function errorText(error: UiError): string {
  return [error.message, error.hint ?? '', `code: ${error.code}`, ...error.causes.map((cause) => `caused by: ${cause}`)]
    .filter((line) => line !== '')
    .join('\n');
}
