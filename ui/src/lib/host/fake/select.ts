// Just enough of the selector language for recorded data: `key=value`, `key in (a, b)`, `not`, `and`, globs on names, and
// comparisons of facts, of which stale hosts are undecided.

import type { HostRow, SelectionView } from '../../wire/types';
import { hosts } from './fleet';

export function select(text: string): SelectionView {
  const of = hosts.length;
  if (text.trim() === '') return { hosts: hosts.map((host) => host.name), undecided: [], of, error: null };
  let column = 1;
  const tests: ((host: HostRow) => boolean)[] = [];
  for (const part of text.split(/ and /)) {
    const test = term(part.trim());
    if (test === null) {
      const error = {
        column: column + part.search(/\S|$/),
        width: Math.max(1, part.trim().length),
        message: 'expected a label, `not`, `(` or a host pattern',
        hint: 'for example role=web and site in (ams, fra)',
      };
      return { hosts: [], undecided: [], of, error };
    }
    tests.push(test);
    column += part.length + 5;
  }
  const picked = hosts.filter((host) => tests.every((test) => test(host)));
  const unsure = /\b(?:disk|load|memory)\b/.test(text) ? picked.filter((host) => host.stale) : [];
  return {
    hosts: picked.filter((host) => !unsure.includes(host)).map((host) => host.name),
    undecided: unsure.map(({ name }) => ({
      name,
      why: 'disk.root.free was last read 1 h 47 min ago; at most 5 min count',
    })),
    of,
    error: null,
  };
}

function term(text: string): ((host: HostRow) => boolean) | null {
  const negated = /^not (.+)$/.exec(text)?.[1];
  if (negated !== undefined) {
    const inner = term(negated);
    return inner === null ? null : (host) => !inner(host);
  }
  const inner = /^\((.+)\)$/.exec(text)?.[1];
  if (inner !== undefined) return term(inner);
  const many = /^(\w+) in \(([^)]+)\)$/.exec(text);
  if (many?.[1] !== undefined && many[2] !== undefined) {
    const key = many[1];
    const values = many[2].split(',').map((value) => value.trim());
    return (host) => values.includes(read(host, key));
  }
  const is = /^(\w+)(!?=)([\w.*-]+)$/.exec(text);
  if (is?.[1] !== undefined) {
    const [, key = '', sign, value] = is;
    return (host) => (read(host, key) === value) === (sign === '=');
  }
  // A comparison of a fact holds wherever the fact is known.
  if (/^(?:disk|load|memory)[\w.]* *[<>]=? *[\d.]+ *%?$/.test(text)) return () => true;
  if (!/^[\w*-]+$/.test(text)) return null;
  const pattern = new RegExp(`^${text.replaceAll('*', '.*')}$`);
  return (host) => pattern.test(host.name);
}

function read(host: HostRow, key: string): string {
  return key === 'host' ? host.name : (host.labels[key] ?? '');
}
