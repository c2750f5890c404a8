import { describe, expect, it } from 'vitest';

import { addPieces } from './lines';

const piece = (text: string, stderr = false) => ({ text, stderr, at: '2026-11-21T03:00:00Z' });
const texts = (lines: { text: string }[]) => lines.map((line) => line.text);

describe('output as lines', () => {
  it('joins a line that was cut in two, also over a page', () => {
    const first = addPieces([], [piece('one\ntw')], false);
    const second = addPieces(first.lines, [piece('o\nthree\n')], first.open);
    expect(texts(second.lines)).toEqual(['one', 'two', 'three']);
    expect(second.open).toBe(false);
  });

  it('keeps the two streams apart, and empty lines', () => {
    const { lines } = addPieces([], [piece('out'), piece('err\n', true), piece('\nend\n')], false);
    expect(lines.map((line) => [line.text, line.stderr])).toEqual([
      ['out', false],
      ['err', true],
      ['', false],
      ['end', false],
    ]);
  });
});
