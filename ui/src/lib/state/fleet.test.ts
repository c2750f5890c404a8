import { beforeEach, describe, expect, it } from 'vitest';

import { useHost } from '../host';
import type { CommandName, Commands, Host } from '../host/commands';
import type { FleetSummary, FleetView, HostRow, Push } from '../wire/types';
import { FleetState } from './fleet.svelte';

type FleetPush = Extract<Push, { push: 'fleet' }>;

const summary = (words: string): FleetSummary => ({ words, offline_since: null, counts: {}, demo: true });
const host = (name: string, word: string): HostRow => ({
  name,
  labels: {},
  address: '',
  source: '',
  mark: 'ok',
  word,
  why: null,
  as_of: null,
  last_answer: null,
  stale: false,
  facts_at: null,
  facts: null,
});
const delta = (index: number, ...hosts: HostRow[]): FleetPush => ({
  push: 'fleet',
  index,
  hosts,
  summary: summary(`after ${String(index)}`),
});

let asked = 0;
let answer: (view: FleetView) => void = () => undefined;

/** A console that answers `fleet` only when the test says so. */
const console: Host = {
  call: <Name extends CommandName>() => {
    asked += 1;
    return new Promise<Commands[Name]['reply']>((resolve) => {
      answer = resolve as (view: FleetView) => void;
    });
  },
  subscribe: () => Promise.resolve(),
};

async function loaded(index: number, ...hosts: HostRow[]): Promise<FleetState> {
  const state = new FleetState();
  const loading = state.load();
  answer({ index, hosts, summary: summary('snapshot') });
  await loading;
  return state;
}

beforeEach(() => {
  asked = 0;
  useHost(console);
});

describe('the fold of the fleet', () => {
  it('takes the next delta without asking again', async () => {
    const state = await loaded(7, host('a', 'live'), host('b', 'live'));
    state.push(delta(8, host('b', 'no answer')));
    expect(state.hosts.get('a')?.word).toBe('live');
    expect(state.hosts.get('b')?.word).toBe('no answer');
    expect(state.summary?.words).toBe('after 8');
    expect(asked).toBe(1);
  });

  it('asks again on a gap, shows nothing of what lies beyond it before the answer, and folds that in afterwards', async () => {
    const state = await loaded(7, host('a', 'live'));
    state.push(delta(9, host('a', 'no answer')));
    expect(asked).toBe(2);
    expect(state.hosts.get('a')?.word).toBe('live');
    state.push(delta(10, host('a', 'refused')));
    answer({ index: 9, hosts: [host('a', 'no answer')], summary: summary('snapshot') });
    await state.load();
    await Promise.resolve();
    expect(state.hosts.get('a')?.word).toBe('refused');
  });

  it('ignores a delta that the snapshot already holds', async () => {
    const state = await loaded(7, host('a', 'live'));
    state.push(delta(6, host('a', 'waiting')));
    state.push(delta(7, host('a', 'waiting')));
    expect(state.hosts.get('a')?.word).toBe('live');
    expect(asked).toBe(1);
  });

  it('keeps deltas that come before the first answer', async () => {
    const state = new FleetState();
    const loading = state.load();
    state.push(delta(8, host('a', 'no answer')));
    answer({ index: 7, hosts: [host('a', 'live')], summary: summary('snapshot') });
    await loading;
    expect(state.hosts.get('a')?.word).toBe('no answer');
    expect(asked).toBe(1);
  });
});
