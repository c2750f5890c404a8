// A plan in the making: inputs as typed, the answer to the latest of them, and what was complained about where.

import * as api from '../host/api';
import type { PlanAnswer, PlanProblem, PlanRequest, PlanView, RunbookView } from '../wire/types';
import { Debounced } from './debounced.svelte';
import type { PlannedWith } from './drafts.svelte';

const pauseMs = 200;

export class Planning {
  readonly runbook: string;
  inputs = $state<Record<string, string>>({});
  selection = $state('');
  /** How long a host that cannot be reached waits, as typed; empty: as the runbook says. */
  whenReachable = $state('');
  /** The runbook's text where it is being edited; null: as its file holds it. */
  text: string | null = null;

  readonly asked: Debounced<PlanRequest, PlanAnswer>;
  /** The latest plan that there was: it stays to be read while what is typed makes none. */
  last = $state.raw<PlanView | null>(null);
  /** Whether nobody has said for which hosts: the runbook names none, and none are picked. */
  readonly wantsHosts = $derived.by(() => this.#namesNoHosts && this.selection.trim() === '');

  /** Problems that belong to no field of the form. */
  readonly elsewhere: PlanProblem[] = $derived.by(() => {
    const fields = new Set(['selection', 'when_reachable', ...Object.keys(this.inputs)]);
    return (this.asked.answer?.problems ?? []).filter(
      (problem) => problem.input === null || !fields.has(problem.input),
    );
  });

  /** What the runbook offered for each input when it was last read. */
  #offered: Record<string, string> = {};
  /** Inputs that were typed earlier; each waits until the runbook asks for it. */
  #earlier: Record<string, string>;
  #namesNoHosts = $state(false);

  constructor(
    runbook: string,
    { selection, inputs, whenReachable }: PlannedWith,
    ask: (request: PlanRequest) => Promise<PlanAnswer> = api.plan,
  ) {
    this.runbook = runbook;
    this.selection = selection;
    this.whenReachable = whenReachable;
    this.#earlier = inputs;
    this.asked = new Debounced(ask, pauseMs, ({ plan }) => {
      if (plan !== null) this.last = plan;
    });
  }

  /** Fills in what the runbook offers; what was typed stays, and an input that is gone is asked for no longer. */
  offer(view: RunbookView): void {
    this.#namesNoHosts = view.targets === null;
    const before = this.#offered;
    this.#offered = Object.fromEntries(view.inputs.map((input) => [input.name, input.default ?? '']));
    for (const [name, value] of Object.entries(this.#offered)) {
      const typed = this.inputs[name];
      if (typed === undefined) this.inputs[name] = this.#earlier[name] ?? value;
      else if (typed === before[name]) this.inputs[name] = value;
    }
    for (const name of Object.keys(before)) if (!(name in this.#offered)) Reflect.deleteProperty(this.inputs, name);
  }

  /** The hosts, the inputs and the wait as typed, to go on with later. */
  plannedWith(): PlannedWith {
    const inputs = { ...this.#earlier };
    for (const [name, value] of Object.entries(this.inputs)) {
      if (value === this.#offered[name]) Reflect.deleteProperty(inputs, name);
      else inputs[name] = value;
    }
    return { selection: this.selection, inputs, whenReachable: this.whenReachable };
  }

  request(): PlanRequest {
    // An empty field is an absent input: it takes its default or is named as missing.
    const given = Object.entries(this.inputs).filter(([, value]) => value !== '');
    return {
      runbook: this.runbook,
      inputs: Object.fromEntries(given),
      selection: this.selection,
      text: this.text,
      when_reachable: this.whenReachable === '' ? null : this.whenReachable,
    };
  }

  problemsOf(input: string): PlanProblem[] {
    return (this.asked.answer?.problems ?? []).filter((problem) => problem.input === input);
  }
}
