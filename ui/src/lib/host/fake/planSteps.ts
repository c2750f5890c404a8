// The steps of a recorded plan: one of each thing that a plan can say of a step.

import type { PlanStepView, RenderedGroup } from '../../wire/types';
import { ago } from './time';

export function planSteps(names: string[], unit: string): PlanStepView[] {
  const on = (hosts: string[], text: string, kind = 'run', meaning: string | null = null): RenderedGroup[] =>
    hosts.length === 0 ? [] : [{ hosts, text, kind, meaning }];
  const all = (text: string, kind?: string, meaning?: string) => on(names, text, kind, meaning);
  const canary = names.filter((name) => name.endsWith('-1'));
  const rest = names.filter((name) => !name.endsWith('-1'));
  const off = rest.slice(0, 2);
  const doing = names.filter((name) => !off.includes(name));
  const step = (id: string, title: string, more: Partial<PlanStepView>): PlanStepView => ({
    id,
    title,
    phase: 'main',
    changes: false,
    timeout: '30 s',
    notes: [],
    not_on: [],
    check: [],
    asked: [],
    actions: [],
    verify: [],
    way_back: 'not needed',
    inverse: [],
    ...more,
  });
  return [
    step('before', 'Note the process', {
      notes: ['captures old_pid from standard output'],
      actions: all(`systemctl show -p MainPID --value ${unit}`),
    }),
    step('drain', 'Drain connections', {
      changes: true,
      timeout: '1 min',
      notes: ['only where drain holds'],
      not_on: off,
      check: on(doing, 'test ! -e /run/drain'),
      asked: [
        { hosts: canary, verdict: 'needed', said: 'exit code 0', at: ago(12) },
        { hosts: rest.slice(2), verdict: 'no answer', said: 'no answer within 5 s', at: ago(9) },
      ].filter((group) => group.hosts.length > 0),
      actions: on(doing, 'touch /run/drain && sleep 10', 'run as root'),
      verify: on(doing, 'test -e /run/drain'),
      way_back: 'this inverse',
      inverse: on(doing, 'rm -f /run/drain', 'run as root'),
    }),
    step('link', 'Point at the release', {
      changes: true,
      timeout: '20 s',
      actions: all(
        'set -eu\nold=$(readlink /srv/app/current)\nln -sfn releases/4.12.0 /srv/app/.next\nmv -T /srv/app/.next /srv/app/current\necho "$old"',
        'link, as root',
        '/srv/app/current points at releases/4.12.0',
      ),
      verify: all('readlink /srv/app/current says releases/4.12.0'),
      way_back: 'this inverse',
      inverse: all(
        'ln -sfn {{ old }} /srv/app/current',
        'run as root',
        '/srv/app/current points where it pointed before',
      ),
    }),
    step('restart', 'Restart the unit', {
      changes: true,
      timeout: '1 min',
      notes: ['tried up to 2 times, 5 s apart'],
      actions: all(`systemctl restart ${unit}`, 'run as root'),
      verify: all(`systemctl is-active ${unit}\nexpect stdout: active, within 30 s`),
      way_back: 'no way back',
    }),
    step('serve', 'Serve again', {
      actions: [
        ...on(canary, 'GET http://127.0.0.1:8080/healthz?release=4.12.0', 'http'),
        ...on(rest, 'GET http://127.0.0.1:8080/healthz?release=4.11.3', 'http'),
      ],
      verify: all('status 200', 'http'),
    }),
    step('collect', 'Collect the journal', {
      phase: 'on_failure',
      actions: all(`journalctl -u ${unit} -n 200 --no-pager`),
    }),
    step('undrain', 'Take the host back in', {
      phase: 'always',
      changes: true,
      actions: all('rm -f /run/drain', 'run as root'),
      verify: all('test ! -e /run/drain'),
    }),
  ];
}
