// A plan in the making: inputs as typed, the answer to the latest of them, and what was complained about where.

import * as api from '../host/api';
import type { PlanAnswer, PlanProblem, PlanRequest, RunbookView } from '../wire/types';
import { Debounced } from './debounced.svelte';

const pauseMs = 200;

export class Planning {
  readonly runbook: string;
  inputs = $state<Record<string, string>>({});
  selection = $state('');
  /** The runbook's text where it is being edited; null: as its file holds it. */
  text: string | null = null;

  readonly asked: Debounced<PlanRequest, PlanAnswer>;

  /** Problems that belong to no field of the form. */
  readonly elsewhere: PlanProblem[] = $derived.by(() => {
    const fields = new Set(['selection', ...Object.keys(this.inputs)]);
    return (this.asked.answer?.problems ?? []).filter(
      (problem) => problem.input === null || !fields.has(problem.input),
    );
  });

  /** What the runbook offered for each input when it was last read. */
  #offered: Record<string, string> = {};

  constructor(runbook: string, selection: string, ask: (request: PlanRequest) => Promise<PlanAnswer> = api.plan) {
    this.runbook = runbook;
    this.selection = selection;
    this.asked = new Debounced(ask, pauseMs);
  }

  /** Fills in what the runbook offers; what was typed stays, and an input that is gone is asked for no longer. */
  offer(view: RunbookView): void {
    const before = this.#offered;
    this.#offered = Object.fromEntries(view.inputs.map((input) => [input.name, input.default ?? '']));
    for (const [name, value] of Object.entries(this.#offered)) {
      const typed = this.inputs[name];
      if (typed === undefined || typed === before[name]) this.inputs[name] = value;
    }
    for (const name of Object.keys(before)) if (!(name in this.#offered)) Reflect.deleteProperty(this.inputs, name);
  }

  request(): PlanRequest {
    // An empty field is an absent input: it takes its default or is named as missing.
    const given = Object.entries(this.inputs).filter(([, value]) => value !== '');
    return {
      runbook: this.runbook,
      inputs: Object.fromEntries(given),
      selection: this.selection,
      text: this.text,
    };
  }

  problemsOf(input: string): PlanProblem[] {
    return (this.asked.answer?.problems ?? []).filter((problem) => problem.input === input);
  }
}
