import { describe, expect, it } from 'vitest';

import { blocks, pieces } from './markdown';

describe('a page of the console', () => {
  it('becomes headings, paragraphs, lists and code, in order and complete', () => {
    const page =
      '# One\n\nSome words\nand more.\n\n## Two\n\nText.\n- a\n  goes on\n- b\n\n1. first\n\n```yaml\n- id: x\n\n  run: y\n```\nend';
    expect(blocks(page)).toEqual([
      { kind: 'heading', text: 'One' },
      { kind: 'paragraph', text: 'Some words and more.' },
      { kind: 'heading', text: 'Two' },
      { kind: 'paragraph', text: 'Text.' },
      { kind: 'list', ordered: false, items: ['a goes on', 'b'] },
      { kind: 'list', ordered: true, items: ['first'] },
      { kind: 'code', text: '- id: x\n\n  run: y' },
      { kind: 'paragraph', text: 'end' },
    ]);
  });

  it('keeps markup that it does not know as text', () => {
    expect(blocks('<b>x</b> [a](b)')).toEqual([{ kind: 'paragraph', text: '<b>x</b> [a](b)' }]);
    expect(blocks('```\nopen')).toEqual([{ kind: 'code', text: 'open' }]);
  });
});

it('a line tells code and bold from the rest', () => {
  expect(pieces('use `a**b` **now**')).toEqual([
    { kind: 'text', text: 'use ' },
    { kind: 'code', text: 'a**b' },
    { kind: 'text', text: ' ' },
    { kind: 'strong', text: 'now' },
  ]);
});
