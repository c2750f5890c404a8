// Recorded data in the place of the console: for developing in a browser and for tests. Never part of a production
// build.

import type { KeyRow, Push, RunRow, RunView, Settings } from '../../wire/types';
import type { CommandName, Commands, Host } from '../commands';
import { AskingRun, askingId } from './asking';
import { files } from './authoring';
import { deltaOf } from './delta';
import { error } from './errors';
import { loadId, LoadRun, type Load } from './load';
import { hostDetail, hosts, summary } from './fleet';
import { plan, planView } from './plan';
import { recovered, resumeChoices, touches } from './recorded';
import { history, liveId, liveRow, outputGroups, outputPage, runView } from './runs';
import { select } from './select';
import { ago } from './time';
import { waitingRows } from './waiting';

type Answers = { [Name in CommandName]: (args: Commands[Name]['args']) => Commands[Name]['reply'] };

const stepsOfLiveRun = 48;
const tickMs = 1500;

export interface FakeOptions {
  /** Whether the recorded run moves on by itself. */
  live: boolean;
  /** A large run beside the recorded ones. */
  load?: Load;
}

export interface FakeHost extends Host {
  /** Sends a message as the console would. */
  push(push: Push): void;
  /** Changes a runbook's file as somebody else would. */
  changeBehind(name: string, text: string): void;
}

export function fakeHost(options: FakeOptions): FakeHost {
  let listener: ((push: Push) => void) | null = null;
  let progress = 15;
  const cancelled = new Set<string>();
  const started = new Map<string, RunRow>();
  let trusted = false;
  let settings: Settings = { theme: 'system', type_to_start_above: 6, probe_interval_s: 15 };
  let names = ['gateway-master-key', 'grafana-token'];

  const live = (): RunRow => {
    const over = progress >= stepsOfLiveRun || cancelled.has(liveId);
    return over
      ? {
          ...liveRow(),
          active: false,
          status: cancelled.has(liveId) ? 'cancelled' : 'failed',
          ended_at: ago(0),
          standings: { succeeded: 4, failed: 1, unknown: 1, 'not verified': 1, 'no answer': 1 },
        }
      : liveRow();
  };
  const asking = new AskingRun();
  const load = options.load === undefined ? null : new LoadRun(options.load);
  let stopLoad: () => void = () => undefined;
  let stillAsked = 2;
  let waiting = waitingRows();
  const all = (): RunRow[] => [
    live(),
    asking.row(),
    ...(load === null ? [] : [load.view().row]),
    ...started.values(),
    ...history,
  ];
  const view = (id: string): RunView => {
    if (id === askingId) return asking.view();
    if (id === loadId && load !== null) return load.view();
    const row = all().find((one) => one.id === id);
    if (row === undefined)
      throw error('not_found', `there is no run ${id}`, 'It may have been started on another machine.');
    return runView(row, row.active ? progress : stepsOfLiveRun);
  };
  const keyRows = (): KeyRow[] => [
    key('web-ams-1', trusted ? 'known' : 'unknown', 'ED25519 SHA256:2yVn0W3aBGVk1vJr1m0x8u0vJqk2b5pJ4Nn0JtU8c1E', null),
    key('web-fra-1', trusted ? 'known' : 'unknown', 'ED25519 SHA256:Qm9aTn6Hk0s2xGd4Zb7Yw1LrPv3cEf5JiUo8NqXhK2M', null),
    key(
      'gateway-iad-1',
      'changed',
      'ED25519 SHA256:9qGpR4tYb1nVx7Lw2mZkC5sJd8fHa0eUo3iQvTyXpWk',
      'known_hosts line 14 says SHA256:c0fE7uYt3rW1qLk9mNbV5xZaS2dF4gHj6kOpIi8U2A',
    ),
    key('web-sgp-2', 'no answer', null, 'connection timed out after 5 s'),
    key('database-fra-1', 'known', 'ED25519 SHA256:Ld8sK2jFh4gQw6eRt1yUi3oPa5zXcVb7nMq9BvCxZ0L', null),
  ];

  const { changeBehind, ...written } = files();
  const answers: Answers = {
    start_info: () => ({
      settings,
      demo: true,
      version: '0.1.0',
      recovered: recovered(
        history.filter((row) => row.status === 'interrupted'),
        stillAsked-- > 0,
      ),
      first_start: false,
    }),
    fleet: () => ({ index: 0, hosts, summary: summary() }),
    select: ({ selection }) => select(selection),
    host: ({ name }) => {
      const detail = hostDetail(name);
      if (detail === null) throw error('not_found', `there is no host ${name}`, 'It may have left its source.');
      return { ...detail, runs: history.slice(0, 4) };
    },
    probe_now: () => null,
    ...written,
    plan: ({ request }) => plan(request),
    ask_checks: ({ digest }) => {
      const offered = plan({ runbook: 'restart-service', inputs: {}, selection: '', text: null, when_reachable: null });
      return { ...offered, plan: offered.plan === null ? null : { ...offered.plan, digest: `asked-${digest}` } };
    },
    plan_undo: ({ run }) => ({
      plan: planView(
        'restart-service',
        view(run).hosts.map((host) => host.name),
        'nginx.service',
        run,
      ),
      problems: [],
      selected: 8,
      undecided: [],
    }),
    start: () => {
      if (!trusted)
        throw error(
          'keys_to_review',
          'two hosts have keys that nobody has accepted yet',
          'Compare the fingerprints with what the hosts’ owner tells you, then accept them.',
        );
      const id = `01KAM4${String(started.size).padStart(20, '0')}`;
      started.set(id, {
        ...liveRow(),
        id,
        active: false,
        status: 'succeeded',
        mark: 'ok',
        ended_at: ago(0),
        standings: { succeeded: 8 },
      });
      return id;
    },
    runs_active: () => all().flatMap((row) => (row.active ? [view(row.id).row] : [])),
    run: ({ run }) => {
      if (run === loadId) stopLoad = load?.start((push) => listener?.(push)) ?? stopLoad;
      return view(run);
    },
    unwatch: ({ run }) => {
      if (run === loadId) stopLoad();
      return null;
    },
    cancel: ({ run, hosts }) => {
      if (hosts === null) cancelled.add(run);
      return null;
    },
    answer: ({ hosts: answered, answer, why }) => {
      asking.answer(answered, answer, why);
      listener?.({ push: 'run', delta: deltaOf(asking.view(), true) });
      return null;
    },
    ask_again: () => null,
    resume_choices: ({ run }) => resumeChoices(view(run)),
    plan_resume: ({ run, part }) => {
      const names = resumeChoices(view(run)).choices.find((one) => one.part === part)?.hosts ?? [];
      const made = planView('restart-service', names, 'nginx.service', null);
      return {
        plan: {
          ...made,
          title: `Resume: ${made.title}`,
          left_out: ['web-fra-1: the end of restart is unknown there'],
          start_words: `Resume on ${String(names.length)} hosts`,
        },
        problems: [],
        selected: names.length,
        undecided: [],
      };
    },
    waiting: () => waiting,
    withdraw: ({ run, host }) => {
      waiting = waiting.map((one) => (one.run === run && one.host === host ? { ...one, state: 'withdrawn' } : one));
      return null;
    },
    touched: ({ host }) => touches(host, history),
    output: ({ attempt, from, fromEnd }) => outputPage(attempt, fromEnd ? 200 : from),
    output_groups: ({ run, step }) => outputGroups(view(run), step),
    history: ({ filter }) =>
      all()
        .map((row) => (row.active ? view(row.id).row : row))
        .filter(
          (row) =>
            (filter.status === '' || row.status === filter.status) &&
            `${row.title} ${row.started_by} ${row.runbook}`.toLowerCase().includes(filter.text.toLowerCase()),
        ),
    settings: () => ({
      settings,
      sources: [
        { name: 'demo fleet', path: null, hosts: 24, read_at: ago(300), error: null },
        { name: 'ssh_config', path: '~/.ssh/config', hosts: 0, read_at: ago(300), error: null },
        {
          name: 'fleet file',
          path: '~/.config/daytwo/fleet.yaml',
          hosts: 0,
          read_at: null,
          error: 'line 3, column 1: expected `hosts`, found `host`',
        },
      ],
      paths: [
        ['History', '~/.local/share/daytwo/history.sqlite'],
        ['Logs', '~/.local/state/daytwo/daytwo.log'],
        ['Runbooks', '/usr/lib/Daytwo/runbooks'],
      ],
      version: '0.1.0',
      demo: true,
    }),
    save_settings: (args) => {
      settings = args.settings;
      return null;
    },
    survey_keys: ({ hosts: of }) => keyRows().filter((row) => of?.includes(row.host) ?? true),
    trust_keys: ({ keys }) => {
      trusted = true;
      return keyRows().filter((row) => keys.some((one) => one.host === row.host));
    },
    secrets: () => ({
      kept_in: 'the desktop keyring',
      passphrase: null,
      secrets: names.map((name) => ({ name, used_by: name === 'gateway-master-key' ? ['adjust-token-limit'] : [] })),
    }),
    set_secret: ({ name }) => {
      names = [...new Set([...names, name])].sort();
      return null;
    },
    delete_secret: ({ name }) => {
      names = names.filter((one) => one !== name);
      return null;
    },
    close_window: () => null,
    unlock_secrets: () => null,
    export_report: ({ run }) => `# Run ${run}\n\nRestart a service on 8 hosts: 4 succeeded, 1 failed, 1 unknown.`,
  };

  const tick = () => {
    if (listener === null || !live().active) return;
    const before = progress;
    progress += 1;
    listener({ push: 'run', delta: { ...deltaOf(view(liveId), true), from: before + 1 } });
    listener({ push: 'active', runs: answers.runs_active({}) });
  };
  if (options.live) setInterval(tick, tickMs);

  return {
    call: async (name, args) => {
      await new Promise((done) => setTimeout(done, options.live ? 30 : 0));
      return answers[name](args);
    },
    subscribe: (onPush) => {
      listener = onPush;
      return Promise.resolve();
    },
    push: (push) => listener?.(push),
    changeBehind,
  };
}

function key(host: string, status: string, fingerprint: string | null, detail: string | null): KeyRow {
  return { host, address: hosts.find((one) => one.name === host)?.address ?? '', status, fingerprint, detail };
}
