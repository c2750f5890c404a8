import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { planView } from '../host/fake/plan';
import { reading, shipped } from '../host/fake/runbooks';
import type { PlanAnswer, PlanRequest, RunbookRow } from '../wire/types';
import { Planning } from './planning.svelte';

interface Asked {
  request: PlanRequest;
  answer: (selected: number) => Promise<void>;
  fail: () => Promise<void>;
}

let asked: Asked[] = [];

function ask(request: PlanRequest): Promise<PlanAnswer> {
  return new Promise((resolve, reject) => {
    asked.push({
      request,
      answer: async (selected) => {
        resolve({
          plan: null,
          problems: [{ input: 'unit', step: null, host: null, message: 'no', hint: null }],
          selected,
          undecided: [],
        });
        await vi.advanceTimersByTimeAsync(0);
      },
      fail: async () => {
        reject(new Error('gone'));
        await vi.advanceTimersByTimeAsync(0);
      },
    });
  });
}

beforeEach(() => {
  asked = [];
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

async function type(planning: Planning, unit: string, pauseMs: number) {
  planning.inputs['unit'] = unit;
  planning.asked.put(planning.request());
  await vi.advanceTimersByTimeAsync(pauseMs);
}

describe('a plan that follows what is typed', () => {
  it('asks once when typing pauses', async () => {
    const planning = new Planning('restart-service', { selection: '', inputs: {}, whenReachable: '' }, ask);
    for (const unit of ['n', 'ng', 'ngi']) await type(planning, unit, 50);
    expect(asked).toHaveLength(0);
    expect(planning.asked.pending).toBe(true);
    await vi.advanceTimersByTimeAsync(300);
    expect(asked.map((one) => one.request.inputs['unit'])).toEqual(['ngi']);
  });

  it('never shows the answer to an older question, in whatever order answers come', async () => {
    const planning = new Planning('restart-service', { selection: '', inputs: {}, whenReachable: '' }, ask);
    await type(planning, 'a', 300);
    await type(planning, 'b', 300);
    await asked[1]?.answer(2);
    await asked[0]?.answer(1);
    expect(planning.asked.answer?.selected).toBe(2);
    expect(planning.asked.pending).toBe(false);
  });

  it('is pending until the latest question is answered, so that an older plan cannot be started', async () => {
    const planning = new Planning('restart-service', { selection: '', inputs: {}, whenReachable: '' }, ask);
    await type(planning, 'a', 300);
    await type(planning, 'b', 300);
    await asked[0]?.answer(1);
    expect(planning.asked.answer).toBeNull();
    expect(planning.asked.pending).toBe(true);
    await asked[1]?.fail();
    expect(planning.asked.error?.message).toBe('gone');
  });

  it('puts a problem at its input, and leaves empty fields to their defaults', async () => {
    const planning = new Planning('restart-service', { selection: 'site=ams', inputs: {}, whenReachable: '' }, ask);
    planning.inputs['settle'] = '';
    await type(planning, 'b!', 300);
    expect(asked[0]?.request).toEqual({
      runbook: 'restart-service',
      inputs: { unit: 'b!' },
      selection: 'site=ams',
      text: null,
      when_reachable: null,
    });
    await asked[0]?.answer(3);
    expect(planning.problemsOf('unit')).toHaveLength(1);
    expect(planning.elsewhere).toHaveLength(0);
  });

  it('says how long a silent host waits only where somebody chose it', () => {
    const planning = new Planning('restart-service', { selection: '', inputs: {}, whenReachable: '' }, ask);
    expect(planning.request().when_reachable).toBeNull();
    planning.whenReachable = 'never';
    expect(planning.request().when_reachable).toBe('never');
  });
});

describe('what a plan was made with', () => {
  const view = reading(shipped[3] as RunbookRow, '1', '');
  const fewer = { ...view, inputs: view.inputs.filter((input) => input.name !== 'unit') };

  it('is gone on with later: what was typed, not what the runbook offers', () => {
    const first = new Planning('restart-service', { selection: '', inputs: {}, whenReachable: '' }, ask);
    first.offer(view);
    first.inputs['unit'] = 'caddy.service';
    first.selection = 'role=web';
    expect(first.plannedWith()).toEqual({
      selection: 'role=web',
      inputs: { unit: 'caddy.service' },
      whenReachable: '',
    });
    first.whenReachable = '3d';
    const next = new Planning('restart-service', first.plannedWith(), ask);
    next.offer(fewer);
    expect(next.request().inputs).not.toHaveProperty('unit');
    next.offer(view);
    expect(next.request()).toMatchObject({
      selection: 'role=web',
      inputs: { unit: 'caddy.service', settle: '10s' },
      when_reachable: '3d',
    });
    next.inputs['unit'] = 'nginx.service';
    expect(next.plannedWith().inputs).toEqual({});
  });

  it('stays as the latest plan while what is typed makes none', async () => {
    const plan = planView('restart-service', ['web-ams-1'], 'nginx.service', null);
    const answers: PlanAnswer[] = [
      { plan, problems: [], selected: 1, undecided: [] },
      { plan: null, problems: [], selected: 1, undecided: [] },
    ];
    const planning = new Planning('restart-service', { selection: '', inputs: {}, whenReachable: '' }, () =>
      Promise.resolve(answers.shift() as PlanAnswer),
    );
    await type(planning, 'nginx.service', 300);
    await type(planning, 'not a unit;', 300);
    expect(planning.asked.answer?.plan).toBeNull();
    expect(planning.last).toBe(plan);
  });
});
