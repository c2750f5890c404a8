import { describe, expect, it } from 'vitest';

import { liveRow, runView } from '../host/fake/runs';
import type { RunQuestion } from '../wire/types';
import { between, followed, hostOrder, matrixRows, moved, nextMarked } from './matrix';

const view = runView({ ...liveRow(), active: false, status: 'failed' }, 32);
const rows = matrixRows(view.batches, view.hosts.length);
const order = hostOrder(rows);
const nameOf = (host: number | null) => (host === null ? null : view.hosts[host]?.name);

describe('the matrix of a run', () => {
  it('has a band per batch and every host once', () => {
    expect(rows.filter((row) => row.kind === 'band')).toHaveLength(3);
    expect([...order].sort((a, b) => a - b)).toEqual(view.hosts.map((_, at) => at));
  });

  it('shows a host that no batch has rather than leaving it out', () => {
    const [first] = view.batches;
    expect(hostOrder(matrixRows(first === undefined ? [] : [first], view.hosts.length))).toHaveLength(
      view.hosts.length,
    );
  });

  it('goes from failure to failure and starts over at the end', () => {
    const one = nextMarked(view, order, { step: 0, host: null }, ['failed', 'changed']);
    const two = one === null ? null : nextMarked(view, order, one, ['failed', 'changed']);
    const three = two === null ? null : nextMarked(view, order, two, ['failed', 'changed']);
    expect([one, two, three].map((focus) => nameOf(focus?.host ?? null))).toEqual([
      'web-ams-2',
      'web-iad-2',
      'web-ams-2',
    ]);
  });

  it('finds nothing where nothing is', () => {
    expect(nextMarked(view, order, { step: 0, host: null }, ['running'])).toBeNull();
  });

  it('looks at the failure first while nobody has chosen', () => {
    expect(nameOf(followed(view).host)).toBe('web-iad-2');
    const asks: RunQuestion = {
      step: 1,
      hosts: [2],
      text: '',
      answers: [],
      otherwise: 'stop',
      until: '',
      since: '',
      attempt: null,
    };
    expect(followed({ ...view, questions: [asks] }), 'what waits for a person comes before it').toEqual({
      step: 1,
      host: 2,
    });
  });

  it('moves the focus within its edges, and up to the whole step', () => {
    const top = moved(view, order, { step: 0, host: null }, 'ArrowDown');
    expect(nameOf(top?.host ?? null)).toBe('web-ams-1');
    expect(moved(view, order, { step: 0, host: order[0] ?? 0 }, 'ArrowUp')).toEqual({ step: 0, host: null });
    expect(moved(view, order, { step: view.steps.length - 1, host: null }, 'ArrowRight')?.step).toBe(
      view.steps.length - 1,
    );
    expect(moved(view, order, { step: 0, host: null }, 'q')).toBeNull();
  });

  it('takes the hosts between two others as they are drawn, whichever comes first', () => {
    expect(between([4, 2, 0, 1], 1, 2)).toEqual([2, 0, 1]);
    expect(between([4, 2, 0, 1], 2, 1)).toEqual([2, 0, 1]);
    expect(between([4, 2], 4, 9)).toEqual([]);
  });
});
