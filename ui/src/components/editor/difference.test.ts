import { Text } from '@codemirror/state';
import { describe, expect, it } from 'vitest';

import { difference } from './difference';
import { rangeOf } from './extensions';

describe('a conflict', () => {
  it.each([
    ['a\nb\nc', 'a\nx\nc', { line: 2, theirs: 'b', mine: 'x' }],
    ['a\nc', 'a\nb\nc', { line: 2, theirs: '', mine: 'b' }],
    ['a\na', 'a\na\na', { line: 3, theirs: '', mine: 'a' }],
    ['a', 'a', { line: 2, theirs: '', mine: '' }],
  ])('shows only the lines that differ', (theirs, mine, expected) => {
    expect(difference(theirs, mine)).toEqual(expected);
  });
});

describe('a finding', () => {
  const finding = { code: 'x', error: true, message: '', hint: null };
  const doc = Text.of(['title: a', 'owner: 👩‍💻 x']);

  it('is marked where it is, counted in characters whatever they take', () => {
    const person = [...'👩‍💻'].length;
    const { from, to } = rangeOf({ ...finding, line: 2, column: 9 + person, width: 1 }, doc);
    expect(doc.sliceString(from, to)).toBe('x');
  });

  it('of an older, longer text is marked at the end rather than nowhere', () => {
    expect(rangeOf({ ...finding, line: 9, column: 1, width: 3 }, doc)).toEqual({ from: doc.length, to: doc.length });
    expect(rangeOf({ ...finding, line: 1, column: 99, width: 3 }, doc)).toEqual({ from: 8, to: 8 });
  });
});
