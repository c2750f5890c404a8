// What the recorded console says after a crash, of who touched a host, and of how a run can be taken up again.

import type { Recovered, ResumeChoices, RunRow, RunView, Touches } from '../../wire/types';
import { ago } from './time';

/** The runs that were found; the first of them is still asked about. */
export function recovered(found: readonly RunRow[], asking: boolean): Recovered[] {
  return found.map((row, at) => ({
    row,
    found:
      asking && at === 0 ? [] : ['restart on web-ams-2 finished with exit 0', 'restart on web-fra-1 was never started'],
    unknown: ['restart on web-sgp-2: no answer since 22:05', ...(asking && at === 0 ? ['restart on web-ams-2'] : [])],
    asking: asking && at === 0,
  }));
}

export function touches(host: string, runs: readonly RunRow[]): Touches {
  return {
    host,
    at: ago(0),
    touches: [
      {
        at: ago(70),
        by: 'jonas on bastion-2',
        user: 'root',
        what: 'restart-service · Restart the unit',
        mark: 'running',
        state: 'running, lease until 03:12',
        run: null,
      },
      {
        at: ago(2900),
        by: 'mira',
        user: 'ops',
        what: 'fetch-logs · Collect the journal',
        mark: 'ok',
        state: 'exit 0',
        run: runs[0]?.id ?? null,
      },
      {
        at: ago(12_800),
        by: 'mira',
        user: 'root',
        what: 'roll-back · Point at the release',
        mark: 'unknown',
        state: 'lost: the host was started since',
        run: runs[2]?.id ?? null,
      },
    ],
    unread: host.startsWith('database') ? 'the folders of other users could not be read: sudo is not allowed here' : '',
  };
}

export function resumeChoices(view: RunView): ResumeChoices {
  const named = (...marks: string[]) => view.hosts.filter((host) => marks.includes(host.mark)).map((host) => host.name);
  const failed = named('failed', 'changed', 'unreachable');
  const unknown = named('unknown');
  const notReached = named('waiting');
  return {
    choices: [
      {
        part: 'failed_from_their_step',
        title: 'Failed hosts, from their failed step',
        means: `${String(failed.length)} hosts; what is behind them is not done again`,
        hosts: failed,
        not_now: failed.length === 0 ? 'no host failed' : null,
      },
      {
        part: 'failed_and_not_reached',
        title: 'Failed and not reached hosts, from the start',
        means: `${String(failed.length + notReached.length)} hosts; all steps`,
        hosts: [...failed, ...notReached],
        not_now: failed.length + notReached.length === 0 ? 'every host was reached, and none failed' : null,
      },
      {
        part: 'everything',
        title: 'The same plan again',
        means: `${String(view.hosts.length)} hosts; all steps, as if for the first time`,
        hosts: view.hosts.map((host) => host.name),
        not_now: unknown.length === 0 ? null : `an attempt may still be running on ${unknown.join(', ')}`,
      },
    ],
    unknown,
    changed: ['step restart: timeout was 1 min, is 2 min', 'input settle: default was 10s, is 30s'],
  };
}
