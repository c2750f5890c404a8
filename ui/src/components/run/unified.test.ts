import { describe, expect, it } from 'vitest';

import { unified, type Row } from './unified';

const lines = (text: string) => text.split('\n');
const signs = { same: ' ', most: '-', host: '+' };
const drawn = (rows: readonly Row[]) =>
  rows.map((row) => (row.side === 'gap' ? `@${String(row.lines)}` : signs[row.side] + row.text));

describe('an output against what most said', () => {
  it('shows what differs with three equal lines around it, and counts the rest', () => {
    const most = Array.from({ length: 20 }, (_, at) => `line ${String(at)}`);
    const host = most.with(10, 'something else');
    expect(drawn(unified(most, host).rows)).toEqual([
      '@7',
      ' line 7',
      ' line 8',
      ' line 9',
      '-line 10',
      '+something else',
      ' line 11',
      ' line 12',
      ' line 13',
      '@6',
    ]);
  });

  it('finds the shortest difference', () => {
    const { rows, differing } = unified([...'abcabba'], [...'cbabac']);
    expect(differing).toBe(5);
    expect(rows.flatMap((row) => (row.side === 'same' || row.side === 'most' ? row.text : [])).join('')).toBe(
      'abcabba',
    );
    expect(rows.flatMap((row) => (row.side === 'same' || row.side === 'host' ? row.text : [])).join('')).toBe('cbabac');
  });

  it.each([
    ['', ''],
    ['a', ''],
    ['a\nb\nc', 'a\nx\nb\nc\nc'],
    ['x\ny\nz\nq', 'y\nq\nx\nz'],
    ['one\none\none', 'one'],
  ])('loses no line of either side: %j and %j', (most, host) => {
    const { rows } = unified(lines(most), lines(host));
    const of = (side: 'most' | 'host') =>
      rows.flatMap((row) => (row.side === 'same' || row.side === side ? [row.text] : [])).join('\n');
    expect([of('most'), of('host')]).toEqual([most, host]);
  });

  it('has nothing to show where nothing differs', () => {
    expect(unified(lines('a\nb'), lines('a\nb'))).toEqual({
      rows: [{ side: 'gap', lines: 2 }],
      differing: 0,
      coarse: false,
    });
  });

  it('gives up on two outputs that share nothing, and says so', () => {
    const many = (word: string) => Array.from({ length: 1500 }, (_, at) => `${word} ${String(at)}`);
    const { coarse, differing } = unified(many('a'), many('b'));
    expect([coarse, differing]).toEqual([true, 3000]);
  });
});
