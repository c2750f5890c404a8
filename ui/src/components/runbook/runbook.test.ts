import { describe, expect, it } from 'vitest';

import { shipped } from '../../lib/host/fake/runbooks';
import { matching } from './catalogue';
import { lines, toggled } from './controls/control';
import { inPhases } from '../../lib/state/phases';

describe('the catalogue', () => {
  const names = (query: string) => matching(shipped, query).map((row) => row.name);

  it('finds rows that hold every word, wherever it stands', () => {
    expect(names('RESTART platform')).toEqual(['restart-service']);
    expect(names('overdue')).toEqual(['back-up', 'roll-back']);
    expect(names('  ')).toHaveLength(shipped.length);
    expect(names('nothing has this')).toEqual([]);
  });
});

describe('the phases', () => {
  it('stand in the order in which they can happen, and are numbered through', () => {
    const steps = ['always', 'main', 'on_failure', 'main', 'later'].map((phase, at) => ({ id: at, phase }));
    expect(
      inPhases(steps).map((phase) => [phase.id, phase.steps.map(({ step, number }) => [step.id, number])]),
    ).toEqual([
      [
        'main',
        [
          [1, 1],
          [3, 2],
        ],
      ],
      ['on_failure', [[2, 3]]],
      ['always', [[0, 4]]],
      ['later', [[4, 5]]],
    ]);
  });
});

describe('a list input', () => {
  it('is one value per line, in the order of its choices, and keeps a value that is no choice', () => {
    expect(lines(' a \n\n b')).toEqual(['a', 'b']);
    expect(toggled('b\nown', 'a', true, ['a', 'b'])).toBe('a\nb\nown');
    expect(toggled('a\nb', 'a', false, ['a', 'b'])).toBe('b');
  });
});
