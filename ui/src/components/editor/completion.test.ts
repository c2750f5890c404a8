import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

import { schema as recorded } from '../../lib/host/fake/schema';
import { aboutAt, offersAt } from './completion';
import { yamlPlace } from './place';
import { RunbookSchema } from './schema';

const schema = new RunbookSchema(recorded);

/** A text with `^` where the cursor is. */
function cursor(marked: string): [string, number] {
  const at = marked.indexOf('^');
  return [marked.slice(0, at) + marked.slice(at + 1), at];
}

const labels = (marked: string) => offersAt(...cursor(marked), schema)?.offers.map((offer) => offer.label) ?? [];
const place = (marked: string) => yamlPlace(...cursor(marked));

describe('where the cursor is', () => {
  it.each([
    ['a field at the top', 'runbook: a\nti^', 'key', []],
    ['a field of an item', 'steps:\n  - id: a\n    ti^', 'key', ['steps', '-']],
    ['the first field of an item', 'steps:\n  - i^', 'key', ['steps', '-']],
    ['a list in the column of its key', 'steps:\n- id: a\n  ti^', 'key', ['steps', '-']],
    ['a field after such a list', 'steps:\n- id: a\nal^', 'key', []],
    ['a field two levels in', 'steps:\n  - verify:\n      wi^', 'key', ['steps', '-', 'verify']],
    ['a value', 'steps:\n  - effect: re^', 'value', ['steps', '-', 'effect']],
    ['a field in braces', 'inputs:\n  unit: { type: string, pa^', 'key', ['inputs', 'unit']],
    ['a value in braces', 'inputs:\n  unit: { type: ^', 'value', ['inputs', 'unit', 'type']],
    ['braces over two lines', 'inputs:\n  unit: { type: string,\n    ti^', 'key', ['inputs', 'unit']],
    ['a script', 'steps:\n  - run: |\n      ti^', 'none', []],
    ['after a script', 'steps:\n  - run: |\n      echo a: b\n    ti^', 'key', ['steps', '-']],
    ['a comment', 'steps: # ti^', 'none', []],
  ] as const)('knows %s', (_, marked, kind, path) => {
    expect(place(marked)).toMatchObject({ kind, path });
  });

  it('knows the fields beside it, above and below, and those of no other item', () => {
    const { siblings } = place(
      'steps:\n  - id: a\n    run: x\n  - id: b\n    ^\n    timeout: 3s\n    verify:\n      run: y\n  - sudo: true',
    );
    expect([...siblings.keys()]).toEqual(['id', 'timeout', 'verify']);
  });
});

describe('completion from the schema', () => {
  it('offers the fields that are not there yet, those of this mapping only', () => {
    const offered = labels('steps:\n  - id: a\n    run: x\n    ^');
    expect(offered).toContain('timeout');
    expect(offered).not.toContain('id');
    expect(offered).not.toContain('rollout');
  });

  it('offers the words that a field takes', () => {
    expect(labels('kind: ^')).toEqual(['diagnostic', 'operation', 'deploy', 'rollback']);
    expect(labels('steps:\n  - id: a\n    sudo: ^')).toEqual(['true', 'false']);
    expect(labels('steps:\n  - id: a\n    undo: ^')).toEqual(['none']);
  });

  it('follows the type of an input', () => {
    expect(labels('inputs:\n  unit:\n    type: string\n    ^')).toContain('pattern');
    expect(labels('inputs:\n  settle:\n    type: duration\n    ^')).not.toContain('pattern');
  });

  it('puts a mapping on the next line, and a value on the same', () => {
    const [text, at] = cursor('steps:\n  - id: a\n    ve^');
    const found = offersAt(text, at, schema)?.offers;
    expect(found?.find((offer) => offer.label === 'verify')?.insert).toBe('verify:\n      ');
    expect(found?.find((offer) => offer.label === 'timeout')?.insert).toBe('timeout: ');
  });

  it('offers the names of inputs inside a template, and nothing else inside a script', () => {
    const head = 'inputs:\n  unit: { type: string }\n  settle:\n    type: duration\nsteps:\n  - run: |\n      ';
    expect(labels(`${head}sleep {{ ^`)).toEqual(['unit', 'settle']);
    expect(labels(`${head}ver^`)).toEqual([]);
  });

  it('offers nothing for a schema that it cannot read', () => {
    for (const odd of [null, 'x', { $ref: '#/$defs/none' }, { $ref: '#' }]) {
      expect(offersAt('ti', 2, new RunbookSchema(odd))).toBeNull();
    }
  });
});

describe('with the schema that is checked in', () => {
  const file = resolve(import.meta.dirname, '../../../../runbooks/runbook.schema.json');
  const real = new RunbookSchema(JSON.parse(readFileSync(file, 'utf8')));
  const offered = (marked: string) => offersAt(...cursor(marked), real)?.offers.map((offer) => offer.label) ?? [];

  it.each([
    ['^', ['runbook', 'title', 'inputs', 'rollout', 'steps', 'always', 'on_failure'], ['run', 'timeout']],
    ['steps:\n  - id: a\n    ^', ['run', 'file', 'verify', 'undo', 'timeout', 'when'], ['id', 'rollout']],
    ['steps:\n  - id: a\n    verify:\n      ^', ['run', 'expect', 'within', 'samples'], ['undo']],
    ['inputs:\n  unit:\n    ^', ['type', 'title', 'help'], []],
    ['inputs:\n  unit: { type: string, ^', ['pattern', 'default'], ['min', 'type']],
    ['inputs:\n  n: { type: integer, ^', ['min', 'max'], ['pattern']],
    ['inputs:\n  n: { type: ^', ['string', 'integer', 'choice', 'secret'], []],
    ['kind: ^', ['diagnostic', 'operation', 'deploy', 'rollback'], []],
    ['steps:\n  - id: a\n    effect: ^', ['read', 'change'], []],
    ['steps:\n  - id: a\n    sudo: ^', ['true', 'false'], []],
  ])('offers at %j what belongs there', (marked, there, notThere) => {
    const labels = offered(marked);
    expect(labels).toEqual(expect.arrayContaining(there));
    expect(labels.filter((label) => notThere.includes(label))).toEqual([]);
  });

  it('says something about every field that it offers', () => {
    for (const path of [[], ['steps', '-'], ['rollout'], ['steps', '-', 'verify'], ['inputs', 'x']]) {
      expect(real.fields(path).filter((field) => field.doc === '')).toEqual([]);
    }
  });
});

it('says what the field under the pointer is about', () => {
  const [text, at] = cursor('steps:\n  - id: a\n    time^out: 3s');
  expect(aboutAt(text, at, schema)).toMatchObject({ title: 'timeout', doc: 'How long one attempt may take: `60s`.' });
  expect(text.slice(aboutAt(text, at, schema)?.from, aboutAt(text, at, schema)?.to)).toBe('timeout');
});
