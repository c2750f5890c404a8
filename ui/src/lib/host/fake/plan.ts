// Plans over the recorded fleet.

import type { PlanAnswer, PlanProblem, PlanRequest, PlanView, RenderedGroup } from '../../wire/types';
import { hosts } from './fleet';
import { catalogue } from './runbooks';
import { select } from './select';
import { ago } from './time';

export function plan(request: PlanRequest): PlanAnswer {
  const targets = request.runbook === 'fetch-logs' ? '' : 'role=web';
  const chosen = select([targets, request.selection].filter((part) => part.trim() !== '').join(' and '));
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
  if (chosen.error !== null) problems.push(problem('selection', chosen.error.message, null));
  else if (chosen.hosts.length === 0) {
    problems.push(problem('selection', 'no host is picked', 'The runbook is for role=web; widen the selection.'));
  }
  if (problems.length > 0) return { plan: null, problems, selected: chosen.hosts.length };
  return { plan: planView(request.runbook, chosen.hosts, unit, null), problems: [], selected: chosen.hosts.length };
}

function problem(input: string, message: string, hint: string | null): PlanProblem {
  return { input, step: null, host: null, message, hint };
}

export function planView(runbook: string, names: string[], unit: string, undoOf: string | null): PlanView {
  const title = catalogue.find((row) => row.name === runbook)?.title ?? runbook;
  const where = `on ${String(names.length)} ${names.length === 1 ? 'host' : 'hosts'}`;
  const all = (text: string, kind = 'run'): RenderedGroup[] => [{ hosts: names, text, kind }];
  const canary = names.filter((name) => name.endsWith('-1'));
  const rest = names.filter((name) => !name.endsWith('-1'));
  const serve = [
    { hosts: canary, text: 'GET http://127.0.0.1:8080/healthz?release=4.12.0', kind: 'http' },
    { hosts: rest, text: 'GET http://127.0.0.1:8080/healthz?release=4.11.3', kind: 'http' },
  ].filter((group) => group.hosts.length > 0);
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
    changes: 2,
    without_way_back: undoOf === null ? 1 : 0,
    batches: batches.map((batch, at) => ({
      hosts: batch,
      words: `batch ${String(at + 1)} of ${String(batches.length)}${at === 0 ? ', canary' : ''}: ${String(batch.length)} ${batch.length === 1 ? 'host' : 'hosts'}, ${String(Math.round((batch.length / names.length) * 100))} % of the selection`,
    })),
    limits: [
      'stops above 1 failed host',
      'stops above 1 host without answer',
      'holds 30 s between batches',
      'at most 32 hosts at a time',
    ],
    steps: [
      {
        id: 'before',
        title: 'Note the process',
        changes: false,
        timeout: '30 s',
        actions: all(`systemctl show -p MainPID --value ${unit}`),
        verify: [],
        way_back: 'not needed',
        inverse: [],
      },
      {
        id: 'drain',
        title: 'Drain connections',
        changes: true,
        timeout: '1 min',
        actions: all('touch /run/drain && sleep 10', 'run as root'),
        verify: all('test -e /run/drain'),
        way_back: 'this inverse',
        inverse: all('rm -f /run/drain', 'run as root'),
      },
      {
        id: 'restart',
        title: 'Restart the unit',
        changes: true,
        timeout: '1 min',
        actions: all(`systemctl restart ${unit}`, 'run as root'),
        verify: all(`systemctl is-active ${unit}\nexpect stdout: active, within 30 s`),
        way_back: 'no way back',
        inverse: [],
      },
      {
        id: 'serve',
        title: 'Serve again',
        changes: false,
        timeout: '30 s',
        actions: serve,
        verify: all('status 200', 'http'),
        way_back: 'not needed',
        inverse: [],
      },
    ],
    warnings: [
      'web-sgp-2: no answer for 1 h 47 min; it counts against the budget of hosts without answer',
      'web-iad-2 failed in the last run of this runbook, 3 h ago',
    ].slice(0, names.includes('web-sgp-2') ? 2 : 0),
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
