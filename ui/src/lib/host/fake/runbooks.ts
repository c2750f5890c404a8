// The recorded catalogue.

import type { InputView, RunbookRow, RunbookView, StepView } from '../../wire/types';
import { findings } from './check';
import { restartText } from './texts';
import { ago } from './time';

const day = 86_400;

function row(name: string, title: string, summary: string, more: Partial<RunbookRow>): RunbookRow {
  return {
    name,
    title,
    summary,
    kind: 'operation',
    owner: 'platform',
    stewardship: 'central',
    reviewed: '2026-11-12',
    overdue: null,
    last_green: null,
    file: `runbooks/${name}.yaml`,
    broken: null,
    ...more,
  };
}

export const shipped: readonly RunbookRow[] = [
  row(
    'adjust-token-limit',
    'Adjust a token limit',
    'Changes the tokens per minute of one key at the gateways and reads the value back.',
    { stewardship: 'shared', last_green: ago(3 * day), reviewed: '2026-10-02' },
  ),
  row(
    'back-up',
    'Back up application data',
    'Writes a dated archive of /var/lib/app on each host, and proves that it can be listed.',
    {
      last_green: ago(79_000),
      reviewed: '2025-06-14',
      overdue: 'last reviewed 17 months ago; a review is due every 12 months',
    },
  ),
  row('fetch-logs', 'Fetch recent logs', 'Reads the newest lines of one unit’s journal. Changes nothing.', {
    kind: 'diagnostic',
    owner: 'support',
    last_green: ago(2_900),
  }),
  row(
    'restart-service',
    'Restart a service',
    'Restarts one systemd unit, batch by batch, and proves that it serves again.',
    { stewardship: 'customer', last_green: ago(11_200) },
  ),
  row(
    'roll-back',
    'Roll back a release',
    'Points /srv/app/current at an earlier release, atomically, and proves that it is healthy.',
    { kind: 'rollback', reviewed: null, overdue: 'nobody has said when it was last reviewed' },
  ),
  row('rotate-certificates', 'rotate-certificates', '', {
    owner: null,
    reviewed: null,
    stewardship: 'customer',
    broken: 'line 12, column 5: a step has no field `verfy`; did you mean `verify`?',
  }),
];

function input(name: string, title: string, more: Partial<InputView>): InputView {
  return { name, title, help: null, default: null, required: false, control: { control: 'switch' }, ...more };
}

const inputs: readonly InputView[] = [
  input('unit', 'systemd unit', {
    help: 'The unit as systemctl names it.',
    default: 'nginx.service',
    required: true,
    control: { control: 'text', expects: 'letters, digits and @ : . _ -' },
  }),
  input('settle', 'Settle', {
    help: 'How long the service may take to serve again.',
    default: '10s',
    required: true,
    control: { control: 'text', expects: 'a duration such as 30s' },
  }),
  input('mode', 'How', {
    default: 'restart',
    required: true,
    control: { control: 'choice', choices: ['restart', 'reload'] },
  }),
  input('release', 'Release', {
    help: 'The releases that the registry has now.',
    control: { control: 'asked_choice' },
  }),
  input('paths', 'Paths to keep', {
    control: { control: 'list', expects: 'an absolute path', choices: [] },
  }),
  input('tell', 'Tell', {
    default: 'on-call',
    control: { control: 'list', expects: null, choices: ['on-call', 'owner', 'customers'] },
  }),
  input('jump', 'Through', { help: 'The host that requests go through.', control: { control: 'host' } }),
  input('notes', 'Notes', { control: { control: 'file' } }),
  input('drain', 'Drain connections first', { default: 'true' }),
];

function step(id: string, title: string, text: string, more: Partial<StepView>): StepView {
  return {
    id,
    title,
    phase: 'main',
    changes: false,
    kind: 'run',
    notes: [],
    text,
    verify: null,
    way_back: 'not needed',
    ...more,
  };
}

const steps: readonly StepView[] = [
  step('before', 'Note the process', 'systemctl show -p MainPID --value {{ unit }}', {
    notes: ['captures old_pid from standard output'],
  }),
  step('drain', 'Drain connections', 'touch /run/drain && sleep {{ settle }}', {
    changes: true,
    notes: ['only when drain'],
    verify: 'test -e /run/drain',
    way_back: 'rm -f /run/drain',
  }),
  step('restart', 'Restart the unit', 'systemctl restart {{ unit }}', {
    changes: true,
    notes: ['tried up to 2 times, 5 s apart'],
    verify: 'systemctl is-active {{ unit }} says active within 30 s',
    way_back: 'no way back',
  }),
  step('serve', 'Serve again', 'GET {{ host.vars.health_url }}', { kind: 'http', verify: 'status 200 within 30 s' }),
  step('collect', 'Collect the journal', 'journalctl -u {{ unit }} -n 200 --no-pager', { phase: 'on_failure' }),
  step('undrain', 'Take the host back in', 'rm -f /run/drain', { phase: 'always', changes: true }),
];

const editing = { customer: 'save', shared: 'propose', central: 'copy' } as const;

/** The reading view of a row, with this text in its file. */
export function reading(found: RunbookRow, digest: string, text: string): RunbookView {
  const targets =
    found.name === 'fetch-logs' ? null : found.name === 'adjust-token-limit' ? 'role=gateway' : 'role=web';
  return {
    row: found,
    digest,
    text,
    targets,
    inputs: [...inputs],
    steps: [...steps],
    rollout: [
      'batches: 1 host, then 10 %, 50 %, 100 %',
      'one batch never takes all of a site',
      'stops above 1 failed host or 10 % without answer',
      'holds 30 s between batches',
    ],
    findings: findings(text),
    editing: editing[found.stewardship as keyof typeof editing],
    source: 'git 1f3a9c2b7d10',
  };
}

/** What the file of a shipped runbook holds. */
export function shippedText(name: string): string {
  if (name !== 'rotate-certificates') return restartText.replaceAll('restart-service', name);
  return restartText.replaceAll('restart-service', name).replace('    verify:', '    verfy:');
}
