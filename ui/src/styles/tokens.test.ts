import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { describe, expect, it } from 'vitest';

type Theme = 'light' | 'dark';
type Rgb = [number, number, number];

const css = readFileSync(resolve(import.meta.dirname, 'tokens.css'), 'utf8');

function tokens(theme: Theme): Map<string, string> {
  const block = new RegExp(`:root\\[data-theme='${theme}'\\] \\{([^}]*)\\}`).exec(css)?.[1] ?? '';
  return new Map([...block.matchAll(/--([\w-]+):\s*([^;]+);/g)].map(([, name = '', value = '']) => [name, value]));
}

function colour(of: Map<string, string>, name: string): Rgb {
  const value = of.get(name) ?? '';
  const alias = /^var\(--([\w-]+)\)$/.exec(value)?.[1];
  if (alias !== undefined) return colour(of, alias);
  const hex = /^#([0-9a-f]{6})$/.exec(value)?.[1];
  if (hex === undefined) throw new Error(`--${name} is no colour: “${value}”`);
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as Rgb;
}

/** Relative luminance as WCAG 2.2 defines it. */
function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(of: Map<string, string>, a: string, b: string): number {
  const [x, y] = [luminance(colour(of, a)), luminance(colour(of, b))];
  return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05);
}

const surfaces = ['surface-0', 'surface-1', 'surface-2', 'surface-3'];
const states = ['ok', 'change', 'warn', 'fail', 'unknown', 'waiting', 'running'].map((state) => `state-${state}`);
const softs = ['ok', 'change', 'warn', 'fail', 'unknown', 'running'].map((state) => `soft-${state}`);

const text: [string, string][] = [
  ...surfaces.flatMap((surface) => ['text-1', 'text-2', 'text-3'].map((name): [string, string] => [name, surface])),
  ...softs.flatMap((soft) => ['text-1', 'text-2'].map((name): [string, string] => [name, soft])),
  // Words in the colour of a state stand on the plain surfaces and on their own tint.
  ...states.flatMap((state) =>
    ['surface-0', 'surface-1', 'surface-2'].map((surface): [string, string] => [state, surface]),
  ),
  // Code in the editor, on its ground, on the line of the cursor and on selected text.
  ...['code-key', 'code-string', 'code-literal', 'text-3'].flatMap((name) =>
    ['surface-0', 'surface-1', 'accent-soft'].map((under): [string, string] => [name, under]),
  ),
  ['state-fail', 'soft-fail'],
  ['state-change', 'soft-change'],
  ['accent-text', 'surface-0'],
  ['accent-text', 'surface-1'],
  ['accent-text', 'surface-2'],
  ['accent-text', 'accent-soft'],
  ['text-1', 'accent-soft'],
  ['text-2', 'accent-soft'],
  ['accent-on', 'accent'],
  ['accent-on', 'accent-hover'],
];

const marks: [string, string][] = [
  ...states.flatMap((state) => [...surfaces, ...softs, 'accent-soft'].map((under): [string, string] => [state, under])),
  ...surfaces.flatMap((surface) =>
    ['focus', 'control-line', 'accent'].map((name): [string, string] => [name, surface]),
  ),
];

describe.each<Theme>(['light', 'dark'])('in the %s theme', (theme) => {
  const of = tokens(theme);

  it.each(text)('%s on %s can be read (4.5:1)', (name, under) => {
    expect(contrast(of, name, under)).toBeGreaterThanOrEqual(4.5);
  });

  it.each(marks)('%s on %s can be seen (3:1)', (name, under) => {
    expect(contrast(of, name, under)).toBeGreaterThanOrEqual(3);
  });
});

it('both themes define the same tokens', () => {
  expect([...tokens('light').keys()].sort()).toEqual([...tokens('dark').keys()].sort());
});
