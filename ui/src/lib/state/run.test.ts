import { beforeEach, describe, expect, it, vi } from 'vitest';

import { useHost } from '../host';
import { fakeHost, type FakeHost } from '../host/fake';
import { liveId } from '../host/fake/runs';
import type { RunDelta, RunView } from '../wire/types';
import { fold, RunState } from './run.svelte';

let host: FakeHost;

beforeEach(() => {
  host = fakeHost({ live: false });
  useHost(host);
});

async function loaded(): Promise<{ state: RunState; view: RunView }> {
  const state = new RunState(liveId);
  await state.load();
  if (state.view === null) throw new Error('the recorded run was not read');
  return { state, view: state.view };
}

function delta(view: RunView, from: number, index: number): RunDelta {
  const first = view.hosts[0];
  if (first === undefined) throw new Error('the recorded run has no host');
  const { row, batches, decisions } = view;
  return {
    run: liveId,
    from,
    index,
    row,
    hosts: [[0, { ...first, word: 'told by delta' }]],
    batches,
    budgets: ['failed 0 of at most 1'],
    decisions,
    offers: ['undo'],
  };
}

describe('the fold of a run', () => {
  it('replaces exactly what a delta names', async () => {
    const { view } = await loaded();
    const after = fold(view, delta(view, view.index + 1, view.index + 3));
    expect(after.index).toBe(view.index + 3);
    expect(after.hosts[0]?.word).toBe('told by delta');
    expect(after.hosts.slice(1)).toEqual(view.hosts.slice(1));
    expect(after.offers).toEqual(['undo']);
    expect(after.steps).toBe(view.steps);
  });

  it('asks for the snapshot again on a gap', async () => {
    const { state, view } = await loaded();
    const call = vi.spyOn(host, 'call');
    state.push(delta(view, view.index + 2, view.index + 2));
    expect(call).toHaveBeenCalledWith('run', { run: liveId });
    expect(state.view?.hosts[0]?.word).not.toBe('told by delta');
  });

  it('takes an overlapping delta, and ignores one that is behind or of another run', async () => {
    const { state, view } = await loaded();
    const call = vi.spyOn(host, 'call');
    state.push({ ...delta(view, view.index + 1, view.index + 1), run: 'another' });
    state.push(delta(view, view.index - 2, view.index));
    expect(state.view).toBe(view);
    state.push(delta(view, view.index - 1, view.index + 1));
    expect(state.view?.hosts[0]?.word).toBe('told by delta');
    expect(call).not.toHaveBeenCalled();
  });
});
