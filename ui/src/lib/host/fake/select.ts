// Enough of the selector language for recorded data: labels and globs on names, `=`, `!=`, `~`, `in (…)`, comparisons of
// recorded facts, and `and`, `or`, `not`, `-`, `&`, `|` and parentheses over them. What a stale host's facts would
// decide is undecided, as in the console, unless the rest of the selector decides without it.

import type { HostRow, SelectionView } from '../../wire/types';
import { hosts } from './fleet';

/** Whether a host is picked; null: that cannot be said. */
type Verdict = boolean | null;
type Test = (host: HostRow) => Verdict;

interface Token {
  text: string;
  /** Where it begins, from 0. */
  at: number;
}

class NotASelector extends Error {
  readonly token: Token;

  constructor(token: Token) {
    super('expected a label, `not`, `(` or a host pattern');
    this.token = token;
  }
}

const facts: Partial<Record<string, (host: HostRow) => number | null | undefined>> = {
  'load.1m': (host) => host.facts?.load1,
  'disk.root.used': (host) => host.facts?.disk_used_percent,
  'disk.root.free': (host) => (host.facts?.disk_used_percent == null ? null : 100 - host.facts.disk_used_percent),
  'memory.used': (host) => host.facts?.memory_used_percent,
};

export function select(text: string): SelectionView {
  const of = hosts.length;
  if (text.trim() === '') return { hosts: hosts.map((host) => host.name), undecided: [], of, error: null };
  let test: Test;
  try {
    test = new Reader(text).read();
  } catch (thrown) {
    if (!(thrown instanceof NotASelector)) throw thrown;
    const { token, message } = thrown;
    const error = {
      column: token.at + 1,
      width: Math.max(1, token.text.length),
      message,
      hint: 'for example role=web and site in (ams, fra)',
    };
    return { hosts: [], undecided: [], of, error };
  }
  const fact = Object.keys(facts).find((name) => text.includes(name)) ?? 'a fact';
  return {
    hosts: hosts.filter((host) => test(host) === true).map((host) => host.name),
    undecided: hosts
      .filter((host) => test(host) === null)
      .map(({ name }) => ({ name, why: `${fact} was last read 1 h 47 min ago; at most 5 min count` })),
    of,
    error: null,
  };
}

const not = (value: Verdict): Verdict => (value === null ? null : !value);
const and = (a: Verdict, b: Verdict): Verdict =>
  a === false || b === false ? false : a === null || b === null ? null : true;
const or = (a: Verdict, b: Verdict): Verdict => not(and(not(a), not(b)));

class Reader {
  readonly #tokens: Token[];
  #next = 0;

  constructor(text: string) {
    this.#tokens = [...text.matchAll(/"[^"]*"|!=|[<>]=?|[=~(),&|]|-(?=\s)|[\w.:/@*?[\]{}+%-]+|\S/g)].map((found) => ({
      text: found[0],
      at: found.index,
    }));
    this.#tokens.push({ text: '', at: text.length });
  }

  read(): Test {
    const test = this.either();
    if (this.peek().text !== '') throw new NotASelector(this.peek());
    return test;
  }

  private either(): Test {
    let test = this.both();
    while (this.took('or', '|')) {
      const [left, right] = [test, this.both()];
      test = (host) => or(left(host), right(host));
    }
    return test;
  }

  private both(): Test {
    let test = this.without();
    while (this.took('and', '&')) {
      const [left, right] = [test, this.without()];
      test = (host) => and(left(host), right(host));
    }
    return test;
  }

  private without(): Test {
    let test = this.one();
    while (this.took('-')) {
      const [left, right] = [test, this.one()];
      test = (host) => and(left(host), not(right(host)));
    }
    return test;
  }

  private one(): Test {
    if (this.took('not')) {
      const test = this.one();
      return (host) => not(test(host));
    }
    if (this.took('(')) {
      const test = this.either();
      this.expect(')');
      return test;
    }
    return this.term();
  }

  private term(): Test {
    const name = this.word();
    if (this.took('=')) return equals(name, [this.word()]);
    if (this.took('!=')) return negated(equals(name, [this.word()]));
    if (this.took('~')) return matches(name, this.word());
    const sign = ['<', '<=', '>', '>='].find((one) => this.took(one));
    if (sign !== undefined) return this.compared(name, sign);
    if (this.peek().text === 'not' && this.peek(1).text === 'in') {
      this.#next += 2;
      return negated(equals(name, this.list()));
    }
    return this.took('in') ? equals(name, this.list()) : matches('host', name);
  }

  private list(): string[] {
    this.expect('(');
    const values = [this.word()];
    while (this.took(',')) values.push(this.word());
    this.expect(')');
    return values;
  }

  private compared(name: string, sign: string): Test {
    const at = this.peek();
    const limit = Number(this.word().replace(/%$/, ''));
    const fact = facts[name];
    if (fact === undefined || Number.isNaN(limit)) throw new NotASelector(at);
    return (host) => {
      const value = fact(host);
      if (host.stale || value == null) return null;
      return sign.startsWith('<')
        ? value < limit || (sign === '<=' && value === limit)
        : value > limit || (sign === '>=' && value === limit);
    };
  }

  private word(): string {
    const { text } = this.peek();
    if (!/^["\w*?[{]/.test(text) || ['and', 'or', 'not', 'in'].includes(text)) throw new NotASelector(this.peek());
    this.#next += 1;
    return text.replaceAll('"', '');
  }

  private expect(text: string): void {
    if (!this.took(text)) throw new NotASelector(this.peek());
  }

  private took(...texts: string[]): boolean {
    if (!texts.includes(this.peek().text)) return false;
    this.#next += 1;
    return true;
  }

  private peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#next + ahead, this.#tokens.length - 1)] ?? { text: '', at: 0 };
  }
}

const negated =
  (test: Test): Test =>
  (host) =>
    not(test(host));

const equals =
  (name: string, values: readonly string[]): Test =>
  (host) =>
    values.includes(label(host, name));

function matches(name: string, glob: string): Test {
  const pattern = new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*').replaceAll('?', '.')}$`);
  return (host) => pattern.test(label(host, name));
}

function label(host: HostRow, name: string): string {
  return name === 'host' ? host.name : (host.labels[name] ?? '');
}
