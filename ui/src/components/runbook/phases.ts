// The phases of a runbook or plan, in the order in which they can happen. Numbers go on from phase to phase.

interface Phased {
  phase: string;
}

export interface Phase<Step> {
  id: string;
  title: string;
  steps: { step: Step; number: number }[];
}

const titles: readonly (readonly [string, string])[] = [
  ['main', 'Steps'],
  ['on_failure', 'If a step fails on a host'],
  ['always', 'Always, at the end'],
];

/** The steps by phase; a phase without steps is left out, one that is not known stands last under its own name. */
export function inPhases<Step extends Phased>(steps: readonly Step[]): Phase<Step>[] {
  const unknown = [...new Set(steps.map((step) => step.phase))].filter(
    (phase) => !titles.some(([known]) => known === phase),
  );
  let number = 0;
  return [...titles, ...unknown.map((phase) => [phase, phase] as const)].flatMap(([id, title]) => {
    const own = steps.filter((step) => step.phase === id);
    if (own.length === 0) return [];
    return [{ id, title, steps: own.map((step) => ({ step, number: (number += 1) })) }];
  });
}
