// The recorded catalogue.

import type { RunbookRow, RunbookView } from '../../wire/types';
import { ago } from './time';

function row(
  name: string,
  title: string,
  summary: string,
  kind: string,
  green: number | null,
  reviewed: string | null,
): RunbookRow {
  return {
    name,
    title,
    summary,
    kind,
    owner: kind === 'diagnostic' ? 'support' : 'platform',
    stewardship: name === 'adjust-token-limit' ? 'shared' : 'central',
    reviewed,
    last_green: green === null ? null : ago(green),
    file: `runbooks/${name}.yaml`,
    broken: null,
  };
}

export const catalogue: RunbookRow[] = [
  row(
    'adjust-token-limit',
    'Adjust a token limit',
    'Changes the tokens per minute of one key at the gateways and reads the value back.',
    'operation',
    86_400 * 3,
    '2026-10-02',
  ),
  row(
    'back-up',
    'Back up application data',
    'Writes a dated archive of /var/lib/app on each host, and proves that it can be listed.',
    'operation',
    79_000,
    '2026-09-14',
  ),
  row(
    'fetch-logs',
    'Fetch recent logs',
    'Reads the newest lines of one unit’s journal. Changes nothing.',
    'diagnostic',
    2_900,
    '2026-11-03',
  ),
  row(
    'restart-service',
    'Restart a service',
    'Restarts one systemd unit, batch by batch, and proves that it serves again.',
    'operation',
    11_200,
    '2026-11-12',
  ),
  row(
    'roll-back',
    'Roll back a release',
    'Points /srv/app/current at an earlier release, atomically, and proves that it is healthy.',
    'rollback',
    null,
    null,
  ),
  {
    ...row('rotate-certificates', 'rotate-certificates', '', 'operation', null, null),
    owner: null,
    stewardship: 'customer',
    broken: 'line 12, column 5: unknown field `verfy`, did you mean `verify`?',
  },
];

const restartText = `runbook: restart-service
title: Restart a service
summary: Restarts one systemd unit, batch by batch, and proves that it serves again.
kind: operation
owner: platform
stewardship: central
targets: role=web
inputs:
  unit:   { type: string, pattern: '[A-Za-z0-9@:._-]+', default: nginx.service, title: systemd unit }
  settle: { type: duration, default: 10s }
steps:
  - id: before
    run: systemctl show -p MainPID --value {{ unit }}
`;

export function runbookView(name: string): RunbookView | null {
  const found = catalogue.find((one) => one.name === name);
  if (found === undefined) return null;
  return {
    row: found,
    digest: '4be1c0ffee5d3c2a9b7f10d2e8a6c4417f0b9d2c3e5a6f708192a3b4c5d6e7f8',
    text: restartText,
    targets: name === 'fetch-logs' ? null : name === 'adjust-token-limit' ? 'role=gateway' : 'role=web',
    inputs: [
      {
        name: 'unit',
        title: 'systemd unit',
        help: 'The unit as systemctl names it.',
        default: 'nginx.service',
        required: true,
        control: { control: 'text', expects: 'letters, digits and @ : . _ -' },
      },
      {
        name: 'settle',
        title: 'Settle',
        help: 'How long the service may take to serve again.',
        default: '10s',
        required: true,
        control: { control: 'text', expects: 'a duration such as 30s' },
      },
      {
        name: 'mode',
        title: 'How',
        help: null,
        default: 'restart',
        required: true,
        control: { control: 'choice', choices: ['restart', 'reload'] },
      },
      {
        name: 'drain',
        title: 'Drain connections first',
        help: null,
        default: 'true',
        required: false,
        control: { control: 'switch' },
      },
    ],
    steps: [
      {
        id: 'before',
        title: 'Note the process',
        changes: false,
        kind: 'run',
        text: 'systemctl show -p MainPID --value {{ unit }}',
        verify: null,
        way_back: 'not needed',
      },
      {
        id: 'drain',
        title: 'Drain connections',
        changes: true,
        kind: 'run',
        text: 'touch /run/drain && sleep {{ settle }}',
        verify: 'test -e /run/drain',
        way_back: 'rm -f /run/drain',
      },
      {
        id: 'restart',
        title: 'Restart the unit',
        changes: true,
        kind: 'run',
        text: 'systemctl restart {{ unit }}',
        verify: 'systemctl is-active {{ unit }} says active within 30 s',
        way_back: 'no way back',
      },
      {
        id: 'serve',
        title: 'Serve again',
        changes: true,
        kind: 'http',
        text: 'GET {{ host.vars.health_url }}',
        verify: 'status 200 within 30 s',
        way_back: 'not needed',
      },
    ],
    rollout: [
      'batches: 1 host, then 10 %, 50 %, 100 %',
      'one batch never takes all of a site',
      'stops above 1 failed host or 10 % without answer',
      'holds 30 s between batches',
    ],
    warnings: ['step restart changes the host and has no way back'],
  };
}
