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

/** Columns side by side that are of one phase. */
export interface ColumnPhase {
  id: string;
  title: string;
  /** The first of them, and how many. */
  from: number;
  count: number;
}

/** The phases of steps that stand in their own order, from left to right. */
export function columnPhases(steps: readonly Phased[]): ColumnPhase[] {
  const found: ColumnPhase[] = [];
  steps.forEach(({ phase }, at) => {
    const last = found.at(-1);
    if (last?.id === phase) last.count += 1;
    else found.push({ id: phase, title: titleOf(phase), from: at, count: 1 });
  });
  return found;
}

const titleOf = (phase: string) => titles.find(([known]) => known === phase)?.[1] ?? phase;
