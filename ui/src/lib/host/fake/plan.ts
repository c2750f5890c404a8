// Plans over the recorded fleet.

import type { PlanAnswer, PlanProblem, PlanRequest, PlanView, PlanWaits } from '../../wire/types';
import { findings } from './check';
import { hosts } from './fleet';
import { planSteps } from './planSteps';
import { shipped } from './runbooks';
import { select } from './select';
import { ago } from './time';

export function plan(request: PlanRequest): PlanAnswer {
  const targets = request.runbook === 'fetch-logs' ? '' : 'role=web';
  const unsaid = targets === '' && request.selection.trim() === '';
  const chosen = select(
    [targets, request.selection]
      .filter((part) => part.trim() !== '')
      .map((part, _, all) => (all.length > 1 ? `(${part})` : part))
      .join(' and '),
  );
  const problems: PlanProblem[] = [];
  const unit = request.inputs['unit'] ?? 'nginx.service';
  if (!/^[A-Za-z0-9@:._-]+$/.test(unit)) {
    problems.push(
      problem(
        'unit',
        `“${unit}” is not letters, digits and @ : . _ -`,
        'Write the unit as systemctl names it, such as nginx.service.',
      ),
    );
  }
  if (!/^\d+(s|min)$/.test(request.inputs['settle'] ?? '10s')) {
    problems.push(problem('settle', 'expected a duration such as 30s', null));
  }
  for (const found of findings(request.text ?? '').filter((one) => one.error)) {
    problems.push({ ...problem('', found.message, found.hint), input: null });
  }
  if (unsaid) {
    const problemOf = problem('', 'neither the runbook nor you say for which hosts', 'pick some, for example role=web');
    return { plan: null, problems: [...problems, { ...problemOf, input: null }], selected: 0, undecided: [] };
  }
  if (chosen.error !== null) problems.push(problem('selection', chosen.error.message, null));
  else if (chosen.hosts.length === 0) {
    problems.push(problem('selection', 'no host is picked', 'The runbook is for role=web; widen the selection.'));
  }
  const { undecided } = chosen;
  if (problems.length > 0) return { plan: null, problems, selected: chosen.hosts.length, undecided };
  const made = planView(request.runbook, chosen.hosts, unit, null);
  const unsaved = request.text === null ? [] : ['its text is not saved'];
  return {
    plan: { ...made, undecided, cannot_start: unsaved, waits: waits(request.when_reachable ?? '') },
    problems: [],
    selected: chosen.hosts.length,
    undecided,
  };
}

/** The recorded runbooks let no host wait; whoever plans may. */
function waits(typed: string): PlanWaits | null {
  if (typed === '' || typed === 'never') return null;
  const days = /^(\d+)d$/.exec(typed)?.[1];
  return {
    until: days === undefined ? typed : ago(-Number(days) * 86_400),
    words: [
      'a host that cannot be reached waits, and gets its part as a run of its own once it answers',
      'it is delivered only while Daytwo is open: a closed console delivers nothing',
    ],
  };
}

function problem(input: string, message: string, hint: string | null): PlanProblem {
  return { input, step: null, host: null, message, hint };
}

export function planView(runbook: string, names: string[], unit: string, undoOf: string | null): PlanView {
  const title = shipped.find((row) => row.name === runbook)?.title ?? runbook;
  const where = `on ${String(names.length)} ${names.length === 1 ? 'host' : 'hosts'}`;
  const steps = planSteps(names, unit);
  const batches = [names.slice(0, 1), names.slice(1, 4), names.slice(4)].filter((batch) => batch.length > 0);
  return {
    digest: '9f2c41d07be35a86c1d4e9f00a7b63528d1c0e4f97a2b85361c8d7e6f5a4b392',
    runbook,
    title: undoOf === null ? title : `Undo: ${title}`,
    undo_of: undoOf,
    hosts: names.map((name) => {
      const host = hosts.find((one) => one.name === name);
      return { name, address: host?.address ?? '', labels: host?.labels ?? {} };
    }),
    changes: steps.filter((step) => step.changes).length,
    without_way_back: undoOf === null ? 1 : 0,
    batches: batches.map((batch, at) => ({
      hosts: batch,
      words: `batch ${String(at + 1)} of ${String(batches.length)}${at === 0 ? ', canary' : ''}: ${String(batch.length)} ${batch.length === 1 ? 'host' : 'hosts'}, ${String(Math.round((batch.length / names.length) * 100))} % of the selection`,
    })),
    waits: null,
    limits: [
      'stops above 1 failed host',
      'stops above 1 host without answer',
      'holds 30 s between batches',
      'at most 32 hosts at a time',
    ],
    steps,
    undecided: [],
    source: 'git 1f3a9c2b7d10',
    calls: runbook === 'roll-back' ? ['restart-service'] : [],
    approvals: names.length > 6 ? [`the number of hosts, ${String(names.length)}, is typed before the start`] : [],
    cannot_start: [],
    warnings: names.includes('web-sgp-2')
      ? [
          { words: 'one host has not answered for 1 h 47 min; it counts against the budget', hosts: ['web-sgp-2'] },
          { words: '2 hosts failed in the last run of this runbook, 3 h ago', hosts: ['web-iad-1', 'web-iad-2'] },
        ]
      : [],
    left_out:
      undoOf === null
        ? []
        : [
            'restart on 5 hosts: the step has no way back',
            'web-iad-2, step restart: its end is unknown; look at the host first',
          ],
    start_words: undoOf === null ? `${title} ${where}` : `Undo on ${String(names.length)} hosts`,
    type_to_start: names.length > 6 ? names.length : null,
    planned_at: ago(0),
  };
}
