// Asks while somebody types: waits for a pause, and never shows the answer to an older question.

import { asUiError } from '../host/errors';
import type { UiError } from '../wire/types';

export class Debounced<Question, Answer> {
  answer = $state.raw<Answer | null>(null);
  error = $state.raw<UiError | null>(null);
  /** Whether the answer shown is not (yet) the answer to the latest question. */
  pending = $state(false);

  readonly #ask: (question: Question) => Promise<Answer>;
  readonly #pauseMs: number;
  readonly #onanswer: (answer: Answer) => void;
  #latest = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    ask: (question: Question) => Promise<Answer>,
    pauseMs: number,
    onanswer: (answer: Answer) => void = () => undefined,
  ) {
    this.#ask = ask;
    this.#pauseMs = pauseMs;
    this.#onanswer = onanswer;
  }

  /** Asks after a pause; a later question replaces this one. */
  put(question: Question): void {
    this.later(question, this.#pauseMs);
  }

  /** Asks at once. */
  now(question: Question): void {
    this.later(question, 0);
  }

  /** Forgets any question under way. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#latest += 1;
    this.pending = false;
  }

  private later(question: Question, ms: number): void {
    clearTimeout(this.#timer);
    this.#latest += 1;
    const mine = this.#latest;
    this.pending = true;
    this.#timer = setTimeout(() => {
      this.#ask(question).then(
        (answer) => {
          if (mine !== this.#latest) return;
          this.answer = answer;
          this.error = null;
          this.pending = false;
          this.#onanswer(answer);
        },
        (thrown: unknown) => {
          if (mine !== this.#latest) return;
          this.error = asUiError(thrown);
          this.pending = false;
        },
      );
    }, ms);
  }
}
