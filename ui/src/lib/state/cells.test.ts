import { describe, expect, it } from 'vitest';

import { cell } from '../host/fake/runs';
import { cellTitle, isSpent, noteOf } from './cells';

describe('a cell of the matrix', () => {
  it('says beside its state what is known, briefly, and all of it on hover', () => {
    const silent = cell('running', 'running', 'pid 7', 'a', { note: 'silent for 2 min, 1 process alive' });
    expect(noteOf(silent)).toEqual({ mark: 'waiting', brief: 'silent for 2 min' });
    expect(cellTitle(silent)).toBe('running: pid 7 · silent for 2 min, 1 process alive');
    expect(
      noteOf(cell('running', 'running', '', 'a', { note: 'out of sight for 40 s, asked again in 4 s' }))?.mark,
    ).toBe('unreachable');
    expect(noteOf(cell('ok', 'verified', '', 'a'))).toBeNull();
  });

  it('tells its undo apart from itself', () => {
    const inverse = cell('failed', 'stuck', 'exit 1', 'b');
    expect(cellTitle(cell('failed', 'failed', 'exit 7', 'a', { inverse }))).toBe(
      'failed: exit 7 · undo: stuck: exit 1',
    );
  });
});

describe('a budget', () => {
  it.each([
    ['failed 2 of at most 2', true],
    ['batch 2: no answer 3 of at most 2', true],
    ['failed 1 of at most 2', false],
    ['failed 0 of at most 0', false],
    ['hold 30 s after each batch', false],
  ])('%s: spent is %s', (words, spent) => {
    expect(isSpent(words)).toBe(spent);
  });
});
