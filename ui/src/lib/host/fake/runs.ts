// Recorded runs: one in the middle with every kind of trouble, and a history of ended ones.

import type {
  Cell,
  Decision,
  Mark,
  Offer,
  OutputGroup,
  OutputPage,
  OutputPiece,
  RunHost,
  RunRow,
  RunStep,
  RunView,
} from '../../wire/types';
import { hosts } from './fleet';
import { ago } from './time';
import { lateId, waitingRows } from './waiting';

export const steps: RunStep[] = [
  { id: 'before', title: 'Note the process', phase: 'main', changes: false },
  { id: 'drain', title: 'Drain connections', phase: 'main', changes: true },
  { id: 'restart', title: 'Restart the unit', phase: 'main', changes: true },
  { id: 'serve', title: 'Serve again', phase: 'main', changes: false },
  { id: 'collect', title: 'Collect the journal', phase: 'on_failure', changes: false },
  { id: 'undrain', title: 'Take the host back in', phase: 'always', changes: true },
];

export const liveId = '01KAM3T0ZC7M4V0C8Q2N6X5R9E';

export function row(id: string, over: Partial<RunRow>): RunRow {
  return {
    id,
    runbook: 'restart-service',
    title: 'Restart a service',
    plan: '9f2c41d07be35a86c1d4e9f00a7b63528d1c0e4f97a2b85361c8d7e6f5a4b392',
    undo_of: null,
    undone_by: null,
    mark: 'ok',
    status: 'succeeded',
    active: false,
    started_at: ago(3000),
    started_by: 'mira',
    ended_at: ago(2880),
    hosts: 8,
    standings: { succeeded: 8 },
    ...over,
  };
}

export const history: RunRow[] = [
  row('01KAM1J6Q0R8H2D5Y7K3W9B4TN', {
    runbook: 'fetch-logs',
    title: 'Fetch recent logs',
    hosts: 24,
    started_at: ago(2900),
    ended_at: ago(2876),
    mark: 'unreachable',
    standings: { succeeded: 22, 'no answer': 2 },
  }),
  row(lateId, {
    runbook: 'fetch-logs',
    title: 'Fetch recent logs',
    hosts: 1,
    started_at: ago(1500),
    ended_at: ago(1488),
    standings: { succeeded: 1 },
  }),
  row('01KALZ8C5V1S6F9G2J4M7P0QXA', {
    started_at: ago(11_300),
    ended_at: ago(11_190),
    started_by: 'jonas',
    hosts: 4,
    standings: { succeeded: 4 },
  }),
  row('01KALYK2N8B3T5R7V9W1Z4C6DE', {
    runbook: 'roll-back',
    title: 'Roll back a release',
    status: 'interrupted',
    mark: 'unknown',
    started_at: ago(12_900),
    ended_at: ago(12_700),
    standings: { succeeded: 5, unknown: 2, waiting: 1 },
  }),
  row('01KALW0H4D9X2Q6S8F1G3J5KMN', {
    runbook: 'roll-back',
    title: 'Roll back a release',
    status: 'rolled back',
    mark: 'undone',
    started_at: ago(40_000),
    ended_at: ago(39_600),
    undone_by: '01KALW5P7R',
    standings: { undone: 8 },
  }),
  row('01KALTB3C6E8G0H2J4K7M9N1PQ', {
    runbook: 'adjust-token-limit',
    title: 'Adjust a token limit',
    started_at: ago(86_400 * 3),
    ended_at: ago(86_400 * 3 - 41),
    hosts: 4,
    standings: { succeeded: 4 },
  }),
  row('01KALRS9T1V3W5X7Y0Z2A4B6CD', {
    runbook: 'back-up',
    title: 'Back up application data',
    status: 'failed',
    mark: 'failed',
    started_at: ago(86_400 * 4),
    ended_at: ago(86_400 * 4 - 300),
    standings: { succeeded: 5, failed: 2, waiting: 1 },
  }),
  row('01KALPE8F0G2H4J6K9M1N3P5QR', {
    runbook: 'back-up',
    title: 'Back up application data',
    status: 'cancelled',
    mark: 'skipped',
    started_at: ago(86_400 * 5),
    ended_at: ago(86_400 * 5 - 30),
    started_by: 'jonas',
    standings: { succeeded: 1, cancelled: 7 },
  }),
];

export const decisions: Decision[] = [
  { at: ago(38), by: 'mira', what: 'started', why: 'canary answered 502 after the certificate change' },
  { at: ago(12), by: 'budget', what: 'batch 3 waits', why: '1 of at most 1 host failed' },
];

export function cell(mark: Mark, word: string, detail: string, attempt: string | null, more: Partial<Cell> = {}): Cell {
  return { mark, word, detail, attempt, note: '', inverse: null, ...more };
}

const trouble: Partial<Record<string, [number, Mark, string, string]>> = {
  'web-iad-2': [2, 'failed', 'failed', 'exit 1, 2nd attempt of at most 2'],
  'web-fra-1': [2, 'unknown', 'unknown', 'the link was lost before the exit code was seen'],
  'web-sgp-2': [0, 'unreachable', 'no answer', 'connection timed out after 5 s'],
  'web-ams-2': [2, 'changed', 'not verified', 'exit 0; is-active still said activating after 30 s'],
};

const standingWords: Partial<Record<Mark, string>> = {
  ok: 'succeeded',
  unreachable: 'no answer',
  changed: 'not verified',
};

/** A run over the web hosts; `progress` counts finished steps over all hosts. */
export function runView(base: RunRow, progress: number): RunView {
  const web = hosts.filter((host) => host.labels['role'] === 'web');
  let left = progress;
  const rows: RunHost[] = web.map((host) => {
    let stopped = false;
    const cells = steps.map((step, at): Cell => {
      const attempt = `${base.id}-${host.name}-${step.id}`;
      const bad = trouble[host.name];
      const due = left > 0 && (step.phase === 'always' || (step.phase === 'on_failure' && stopped));
      if (step.phase === 'on_failure' && !stopped && left > 0) {
        left -= 1;
        return cell('skipped', 'skipped', 'it is for failures, and nothing failed here', null);
      }
      if (stopped && !due) return cell('skipped', 'skipped', 'an earlier step did not hold', null);
      if (left <= 0) return cell('waiting', 'waiting', '', null);
      left -= 1;
      if (bad?.[0] === at && !(base.status === 'succeeded')) {
        stopped = true;
        return cell(bad[1], bad[2], bad[3], attempt);
      }
      if (left === 0 && base.active) return cell('running', 'running', 'for 6 s', attempt);
      return cell('ok', step.changes ? 'verified' : 'done', `exit 0 in ${String(1 + at)} s`, attempt);
    });
    const marks = cells.map((one) => one.mark);
    const order: Mark[] = ['failed', 'unknown', 'unreachable', 'changed', 'running', 'waiting', 'ok'];
    const mark = order.find((one) => marks.includes(one)) ?? 'ok';
    return {
      name: host.name,
      mark,
      word: mark === 'waiting' && left <= 0 ? 'waiting' : (standingWords[mark] ?? mark),
      cells,
    };
  });
  const standings: Record<string, number> = {};
  for (const host of rows) standings[host.word] = (standings[host.word] ?? 0) + 1;
  const bands = [[0], [1, 2, 3], [4, 5, 6, 7]];
  return {
    row: base.active ? { ...base, standings, hosts: rows.length } : base,
    index: progress,
    steps,
    batches: bands.map((band) => {
      const marks = band.flatMap((at) => rows[at]?.cells.map((one) => one.mark) ?? []);
      const state = marks.every((mark) => mark === 'waiting')
        ? 'waiting'
        : marks.some((mark) => mark === 'running' || mark === 'waiting')
          ? 'running'
          : 'ended';
      return { hosts: band, state };
    }),
    hosts: rows,
    budgets: ['failed 1 of at most 1', 'no answer 1 of at most 1', 'unknown 1'],
    pace: null,
    inputs: { unit: 'nginx.service', settle: '10s', mode: 'restart', drain: 'true' },
    decisions,
    offers: base.active ? ['cancel_starts', 'cancel', 'kill'] : offersAfter(base),
    questions: [],
    waiting: base.runbook === 'roll-back' ? waitingRows().filter((one) => one.run === base.id) : [],
    part_of: base.id === lateId ? { run: history[0]?.id ?? '', part: 'late delivery to one host' } : null,
    resumed_by: base.id === history[0]?.id ? [lateId] : [],
  };
}

function offersAfter(base: RunRow): Offer[] {
  const back: Offer[] = base.undone_by === null ? ['undo'] : [];
  const again: Offer[] = base.status === 'succeeded' ? [] : ['resume'];
  return [...back, ...again, ...(base.standings['unknown'] === undefined ? [] : (['ask_again'] as const))];
}

export function liveRow(): RunRow {
  return row(liveId, {
    mark: 'failed',
    status: 'running',
    active: true,
    started_at: ago(46),
    ended_at: null,
    standings: {},
  });
}

const failure = [
  'Job for nginx.service failed because the control process exited with error code.',
  'See "systemctl status nginx.service" and "journalctl -xeu nginx.service" for details.',
];

function lines(attempt: string): OutputPiece[] {
  const failed = attempt.includes('web-iad-2') && attempt.endsWith('restart');
  if (attempt.endsWith('before')) return [piece(`${String(400 + attempt.length)}`, 0)];
  const body = failed ? failure : attempt.endsWith('serve') ? ['HTTP 200', '{"status":"ok","release":"4.12.0"}'] : [];
  const log = Array.from({ length: failed ? 260 : 0 }, (_, at) =>
    piece(
      `Nov 22 01:12:${String(at % 60).padStart(2, '0')} web-iad-2 nginx[${String(2200 + at)}]: ${at % 17 === 3 ? 'bind() to 0.0.0.0:443 failed (98: Address already in use)' : `worker process ${String(2200 + at)} exited with code 0`}`,
      at,
      at % 17 === 3,
    ),
  );
  return [...body.map((text, at) => piece(text, at, failed)), ...log];
}

function piece(text: string, at: number, stderr = false): OutputPiece {
  return { stderr, at: ago(40 - (at % 30)), text: `${text}\n` };
}

export function outputPage(attempt: string, from: number): OutputPage {
  const all = lines(attempt);
  return {
    attempt,
    pieces: all.slice(from, from + 200),
    next: Math.min(all.length, from + 200),
    more: all.length > from + 200,
    dropped_bytes: 0,
  };
}

export function outputGroups(view: RunView, step: number): OutputGroup[] {
  const groups = new Map<string, OutputGroup>();
  for (const host of view.hosts) {
    const at = host.cells[step];
    if (at?.attempt == null) continue;
    const pieces = lines(at.attempt);
    const text = pieces
      .map((one) => one.text)
      .join('')
      .replace(/^\d+\n$/, 'pid\n');
    const key = `${at.word}/${text}`;
    const known = groups.get(key);
    if (known === undefined) {
      groups.set(key, {
        hosts: [host.name],
        attempt: at.attempt,
        mark: at.mark,
        words: `${at.word} · ${at.detail}`,
        head: pieces.slice(0, 24),
        whole: pieces.length <= 24,
      });
    } else known.hosts.push(host.name);
  }
  return [...groups.values()];
}
