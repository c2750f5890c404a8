import { beforeEach, describe, expect, it, vi } from 'vitest';

import { useHost } from '../host';
import { fakeHost, type FakeHost } from '../host/fake';
import { liveId } from '../host/fake/runs';
import type { Cell, RunDelta, RunView } from '../wire/types';
import { RunState } from './run.svelte';
import { RunFold } from './runFold';

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
    batches: structuredClone(batches),
    budgets: ['failed 0 of at most 1'],
    pace: null,
    decisions,
    offers: ['undo'],
    questions: [],
    waiting: [],
  };
}

const told = (state: RunState, word: string) =>
  vi.waitFor(() => {
    expect(state.view?.hosts[0]?.word).toBe(word);
  });

describe('the fold of a run', () => {
  it('replaces exactly what a delta names, and nothing of a view that was handed out', async () => {
    const { view } = await loaded();
    const fold = new RunFold(view);
    const before = view.hosts[0]?.word;
    expect(fold.take(delta(view, view.index + 1, view.index + 3))).toBe('taken');
    const after = fold.view();
    expect(after.index).toBe(view.index + 3);
    expect(after.hosts[0]?.word).toBe('told by delta');
    expect(after.hosts.slice(1)).toEqual(view.hosts.slice(1));
    expect(after.offers).toEqual(['undo']);
    expect(after.steps).toBe(view.steps);
    expect(after.batches, 'batches that are the same are kept').toBe(view.batches);
    expect(view.hosts[0]?.word).toBe(before);
    fold.take(delta(after, after.index + 1, after.index + 1));
    expect(fold.view().hosts).not.toBe(after.hosts);
  });

  it('keeps a cell that is as it was, so that nothing is drawn anew for it', async () => {
    const { view } = await loaded();
    const first = view.hosts[0];
    const fold = new RunFold(view);
    const [one, ...others] = structuredClone(first?.cells ?? []);
    if (first === undefined || one === undefined) throw new Error('the recorded run has no cells');
    const undone: Cell = { ...one, inverse: { ...one, mark: 'undone', inverse: null } };
    fold.take({
      ...delta(view, view.index + 1, view.index + 1),
      hosts: [[0, { ...first, cells: [undone, ...others] }]],
    });
    const now = fold.view().hosts[0]?.cells;
    expect(now?.[0]).toBe(undone);
    expect(now?.slice(1)).toHaveLength(others.length);
    others.forEach((_, at) => {
      expect(now?.[at + 1]).toBe(first.cells[at + 1]);
    });
  });

  it('copies the hosts once per view that is shown, however many deltas come between', async () => {
    const { view } = await loaded();
    const fold = new RunFold(view);
    let copies = 0;
    const hosts = new Proxy(view.hosts, {
      get(of, name) {
        if (name === Symbol.iterator) copies += 1;
        return Reflect.get(of, name) as unknown;
      },
    });
    const counted = new RunFold({ ...view, hosts });
    for (let at = 1; at <= 1000; at += 1) {
      counted.take(delta(view, view.index + at, view.index + at));
      fold.take(delta(view, view.index + at, view.index + at));
    }
    expect(copies).toBe(1);
    expect(counted.view()).toEqual(fold.view());
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
    await told(state, 'told by delta');
    expect(call).not.toHaveBeenCalled();
  });

  it('shows what came between two frames once', async () => {
    const { state, view } = await loaded();
    let frame: FrameRequestCallback = () => undefined;
    const ask = vi.spyOn(globalThis, 'requestAnimationFrame').mockImplementation((draw) => {
      frame = draw;
      return 1;
    });
    for (let at = 1; at <= 50; at += 1) state.push(delta(view, view.index + at, view.index + at));
    expect(ask).toHaveBeenCalledTimes(1);
    expect(state.view).toBe(view);
    frame(0);
    expect(state.view?.index).toBe(view.index + 50);
  });

  it('loses nothing that arrives while the snapshot is asked for', async () => {
    const state = new RunState(liveId);
    const loading = state.load();
    const view = await host.call('run', { run: liveId });
    state.push(delta(view, view.index + 1, view.index + 1));
    await loading;
    await told(state, 'told by delta');
  });
});
