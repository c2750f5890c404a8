// A plan in the making: inputs as typed, the answer to the latest of them, and what was complained about where.

import * as api from '../host/api';
import type { PlanAnswer, PlanProblem, PlanRequest, RunbookView } from '../wire/types';
import { Debounced } from './debounced.svelte';

const pauseMs = 200;

export class Planning {
  readonly runbook: string;
  inputs = $state<Record<string, string>>({});
  selection = $state('');

  readonly asked: Debounced<PlanRequest, PlanAnswer>;

  /** Problems that belong to no field of the form. */
  readonly elsewhere: PlanProblem[] = $derived.by(() => {
    const fields = new Set(['selection', ...Object.keys(this.inputs)]);
    return (this.asked.answer?.problems ?? []).filter(
      (problem) => problem.input === null || !fields.has(problem.input),
    );
  });

  constructor(runbook: string, selection: string, ask: (request: PlanRequest) => Promise<PlanAnswer> = api.plan) {
    this.runbook = runbook;
    this.selection = selection;
    this.asked = new Debounced(ask, pauseMs);
  }

  /** Fills in what the runbook offers; what was typed already stays. */
  offer(view: RunbookView): void {
    for (const input of view.inputs) this.inputs[input.name] ??= input.default ?? '';
  }

  request(): PlanRequest {
    // An empty field is an absent input: it takes its default or is named as missing.
    const given = Object.entries(this.inputs).filter(([, value]) => value !== '');
    return { runbook: this.runbook, inputs: Object.fromEntries(given), selection: this.selection };
  }

  problemsOf(input: string): PlanProblem[] {
    return (this.asked.answer?.problems ?? []).filter((problem) => problem.input === input);
  }
}
