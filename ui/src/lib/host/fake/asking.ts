// A recorded run that waits for decisions: two hosts failed alike, one asks what the runbook asks; around them a step
// that is silent, one that is out of sight, one that was never started, and an undo that got stuck.

import type { Answer, AnswerOffer, Cell, Mark, RunHost, RunQuestion, RunRow, RunView } from '../../wire/types';
import { cell, row, steps } from './runs';
import { ago } from './time';

export const askingId = '01KAM3VQ5C8E1G4J7M0P3R6T9W';

const restart = 2;
const waitsAt = 'waiting for a decision';

const offers: Record<Answer, AnswerOffer> = {
  retry: { answer: 'retry', label: 'Retry', means: 'The step is tried once more; its end was seen.' },
  skip: {
    answer: 'skip',
    label: 'Skip the step',
    means: 'The host goes on with the next step, and does not count as failed.',
  },
  exclude: {
    answer: 'exclude',
    label: 'Leave the host out',
    means: 'Nothing more is done there; it counts as failed.',
  },
  undo: {
    answer: 'undo',
    label: 'Undo',
    means: 'What was done there is taken back, last step first; restart has no way back.',
  },
  stop: { answer: 'stop', label: 'Stop the run', means: 'No further host starts; these hosts end here.' },
  continue: { answer: 'continue', label: 'Go on', means: 'The next step starts.' },
};

interface Given {
  answer: Answer;
  why: string;
}

export class AskingRun {
  readonly #given = new Map<string, Given>();
  readonly #since = ago(95);
  readonly #until = ago(-1705);
  #index = 20;

  answer(hosts: readonly string[], answer: Answer, why: string): void {
    for (const host of hosts) this.#given.set(host, { answer, why });
    this.#index += 1;
  }

  row(): RunRow {
    return this.view().row;
  }

  view(): RunView {
    const hosts = names.map((name) => this.host(name));
    const standings: Record<string, number> = {};
    for (const host of hosts) standings[host.word] = (standings[host.word] ?? 0) + 1;
    const failed = hosts.filter((host) => host.mark === 'failed').length;
    return {
      row: {
        ...row(askingId, { status: 'running', mark: 'failed', active: true, ended_at: null }),
        title: 'Move the traffic',
        started_at: ago(310),
        hosts: hosts.length,
        standings,
      },
      index: this.#index,
      steps,
      batches: [
        { hosts: [0], state: 'ended' },
        { hosts: [1, 2, 3, 4, 5, 6, 7], state: 'running' },
        { hosts: [8, 9, 10, 11], state: 'waiting' },
      ],
      hosts,
      budgets: [
        `failed ${String(failed)} of at most 2`,
        'no answer 1 of at most 2',
        'hold 30 s after each batch, until the health check holds: error rate below 1 %',
      ],
      pace: null,
      inputs: { unit: 'nginx.service', drain: 'true' },
      decisions: [
        { at: ago(310), by: 'mira', what: 'started the run', why: '' },
        ...[...this.#given].map(([host, { answer, why }]) => ({
          at: ago(0),
          by: 'mira',
          what: `decided to ${answer} on ${host}`,
          why,
        })),
      ],
      offers: ['cancel_starts', 'cancel', 'kill'],
      questions: this.questions(),
      waiting: [],
      part_of: null,
      resumed_by: [],
    };
  }

  private questions(): RunQuestion[] {
    const open = (of: readonly string[]) =>
      of.filter((name) => !this.#given.has(name)).map((name) => names.indexOf(name));
    const ask = (step: number, of: readonly string[], text: string, answers: Answer[], otherwise: Answer) => {
      const hosts = open(of);
      if (hosts.length === 0) return [];
      const attempt = otherwise === 'stop' ? `${askingId}-${of[0] ?? ''}-restart` : null;
      const given = answers.map((one) => offers[one]);
      return [{ step, hosts, text, answers: given, otherwise, since: this.#since, until: this.#until, attempt }];
    };
    return [
      ...ask(restart, failing, 'exit 1 on Restart the unit', ['retry', 'skip', 'exclude', 'undo', 'stop'], 'stop'),
      ...ask(
        3,
        [standing],
        'is the standby serving? The next step takes this host in.',
        ['continue', 'stop'],
        'continue',
      ),
    ];
  }

  private host(name: string): RunHost {
    const at = names.indexOf(name);
    const story = stories[name];
    const given = this.#given.get(name);
    if (at >= 8) return host(name, 'waiting', 'waiting', () => cell('waiting', 'planned', '', null));
    if (failing.includes(name)) return this.failed(name, given);
    if (name === standing && given === undefined)
      return host(name, 'waiting', waitsAt, (step) =>
        step < 3
          ? good(name, step)
          : step === 3
            ? cell('waiting', waitsAt, '', null)
            : cell('waiting', 'planned', '', null),
      );
    if (story !== undefined)
      return host(name, story.mark, story.word, (step) =>
        step < story.step ? good(name, step) : step === story.step ? story.cell : cell('waiting', 'planned', '', null),
      );
    return host(name, 'ok', 'succeeded', (step) => good(name, step));
  }

  private failed(name: string, given: Given | undefined): RunHost {
    const failure = cell('failed', 'failed', 'exit 1', `${askingId}-${name}-restart`);
    const rest =
      (word: string, detail: string, mark: Mark = 'skipped') =>
      (step: number) =>
        step < restart ? good(name, step) : step === restart ? failure : cell(mark, word, detail, null);
    switch (given?.answer) {
      case undefined:
        return host(name, 'waiting', waitsAt, rest('planned', '', 'waiting'));
      case 'retry':
        return host(name, 'running', 'working', (step) =>
          step === restart
            ? cell('running', 'running', '2nd attempt', `${askingId}-${name}-restart`)
            : rest('planned', '', 'waiting')(step),
        );
      case 'undo':
        return host(name, 'undone', 'undone', (step) =>
          step === 1
            ? { ...good(name, 1), inverse: cell('undone', 'undone', '', `${askingId}-${name}-undrain`) }
            : rest('skipped', 'what was done here is being taken back')(step),
        );
      default:
        return host(
          name,
          given?.answer === 'skip' ? 'ok' : 'failed',
          given?.answer === 'skip' ? 'succeeded' : 'failed',
          rest('skipped', 'decided'),
        );
    }
  }
}

const names = [
  'web-ams-1',
  'web-ams-2',
  'web-fra-1',
  'web-fra-2',
  'web-iad-1',
  'web-iad-2',
  'web-sgp-1',
  'web-sgp-2',
  'gateway-ams-1',
  'gateway-fra-1',
  'gateway-iad-1',
  'gateway-sgp-1',
];
const failing = ['web-fra-1', 'web-iad-2'];
const standing = 'web-ams-2';

const stories: Partial<Record<string, { mark: Mark; word: string; step: number; cell: Cell }>> = {
  'web-fra-2': {
    mark: 'running',
    word: 'working',
    step: restart,
    cell: cell('running', 'running', 'pid 4711', `${askingId}-web-fra-2-restart`, {
      note: 'silent for 2 min, 1 process alive',
    }),
  },
  'web-iad-1': {
    mark: 'running',
    word: 'working',
    step: restart,
    cell: cell('running', 'running', 'pid 812', `${askingId}-web-iad-1-restart`, {
      note: 'out of sight for 40 s, asked again in 4 s',
    }),
  },
  'web-sgp-1': {
    mark: 'failed',
    word: 'stuck',
    step: 1,
    cell: cell('failed', 'failed', 'exit 7', `${askingId}-web-sgp-1-drain`, {
      inverse: cell('failed', 'stuck', 'exit 1: /run/drain is read-only', `${askingId}-web-sgp-1-undrain`),
    }),
  },
  'web-sgp-2': {
    mark: 'unreachable',
    word: 'not started',
    step: 0,
    cell: cell(
      'unreachable',
      'not started',
      'the host holds no folder of it, and never will',
      `${askingId}-web-sgp-2-before`,
    ),
  },
};

function good(name: string, step: number): Cell {
  const of = steps[step];
  if (of === undefined || of.phase === 'on_failure')
    return cell('skipped', 'skipped', 'it is for failures, and nothing failed here', null);
  return cell(
    'ok',
    of.changes ? 'verified' : 'done',
    `exit 0 in ${String(1 + step)} s`,
    `${askingId}-${name}-${of.id}`,
  );
}

function host(name: string, mark: Mark, word: string, at: (step: number) => Cell): RunHost {
  return { name, mark, word, cells: steps.map((_, step) => at(step)) };
}
