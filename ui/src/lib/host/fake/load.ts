// A recorded run as large as they get, moving as fast as it can: to measure what the window bears.

import type { Cell, Push, RunDelta, RunHost, RunView } from '../../wire/types';
import { deltaOf } from './delta';
import { cell, row } from './runs';
import { ago, noise } from './time';

export interface Load {
  hosts: number;
  steps: number;
  deltasPerSecond: number;
}

/** The load that an address asks for: `?load=1000,10,5000` are hosts, steps, deltas per second. */
export function loadFrom(search: string): { load?: Load } {
  const [hosts, steps, deltasPerSecond] = (new URLSearchParams(search).get('load') ?? '').split(',').map(Number);
  return hosts && steps && deltasPerSecond ? { load: { hosts, steps, deltasPerSecond } } : {};
}

export const loadId = '01KAM3X0000000000000000000';

/** Deltas are pushed this often, as many at once as are due by then. */
const tickMs = 4;
/** What is overdue longer than this is not made up for: a machine that cannot keep up is measured, not buried. */
const overdueMs = 50;

export class LoadRun {
  readonly #view: RunView;
  readonly #hosts: RunHost[];
  readonly #progress: Uint8Array;
  readonly #load: Load;
  /** Deltas that were pushed. */
  pushed = 0;

  constructor(load: Load) {
    this.#load = load;
    this.#progress = new Uint8Array(load.hosts);
    this.#hosts = Array.from({ length: load.hosts }, (_, at) => this.host(at));
    const bands = [1, 9, 90].concat(Array.from({ length: 9 }, () => Math.ceil((load.hosts - 100) / 9)));
    let from = 0;
    this.#view = {
      row: {
        ...row(loadId, { status: 'running', mark: 'running', active: true, ended_at: null, hosts: load.hosts }),
        title: 'A large run',
        started_at: ago(0),
        standings: { working: load.hosts },
      },
      index: 1,
      steps: Array.from({ length: load.steps }, (_, at) => ({
        id: `step-${String(at)}`,
        title: `Step ${String(at + 1)}`,
        phase: 'main',
        changes: at % 2 === 1,
      })),
      batches: bands.map((size) => {
        const hosts = Array.from({ length: Math.min(size, load.hosts - from) }, (_, at) => from + at);
        from += hosts.length;
        return { hosts, state: 'running' };
      }),
      hosts: this.#hosts,
      budgets: ['failed 0 of at most 20', 'no answer 0 of at most 100'],
      pace: null,
      inputs: {},
      decisions: [],
      offers: ['cancel_starts', 'cancel', 'kill'],
      questions: [],
      waiting: [],
      part_of: null,
      resumed_by: [],
    };
  }

  view(): RunView {
    return { ...this.#view, hosts: [...this.#hosts], index: 1 + this.pushed };
  }

  /** Pushes until the returned function is called. */
  start(push: (push: Push) => void): () => void {
    let before = performance.now();
    let due = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      due += (Math.min(now - before, overdueMs) / 1000) * this.#load.deltasPerSecond;
      before = now;
      for (; due >= 1; due -= 1) push({ push: 'run', delta: this.next() });
    }, tickMs);
    return () => {
      clearInterval(timer);
    };
  }

  private next(): RunDelta {
    const at = Math.floor(noise(this.pushed + 1) * this.#load.hosts);
    this.#progress[at] = ((this.#progress[at] ?? 0) + 1) % (2 * this.#load.steps + 1);
    this.#hosts[at] = this.host(at);
    this.pushed += 1;
    const index = 1 + this.pushed;
    return { ...deltaOf({ ...this.#view, index }), hosts: [[at, this.#hosts[at]]] };
  }

  private host(at: number): RunHost {
    const done = this.#progress[at] ?? 0;
    const cells = Array.from({ length: this.#load.steps }, (_, step): Cell => {
      const attempt = `${loadId}-${String(at)}-${String(step)}`;
      if (2 * step + 1 < done) return cell('ok', 'verified', `exit 0 in ${String(step + 1)} s`, attempt);
      if (2 * step < done) return cell('running', 'running', `pid ${String(4000 + at)}`, attempt);
      return cell('waiting', 'planned', '', null);
    });
    return { name: `host-${String(at).padStart(4, '0')}`, mark: 'running', word: 'working', cells };
  }
}
