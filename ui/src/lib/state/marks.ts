// The nine marks: their words, and which is worse.

import type { Mark } from '../wire/types';

/** Worst first: lists of counts, and the state of a group, follow this. */
export const marksWorstFirst: readonly Mark[] = [
  'failed',
  'unknown',
  'unreachable',
  'changed',
  'running',
  'waiting',
  'skipped',
  'undone',
  'ok',
];

/** What a mark says of a host in the fleet. */
export const hostWords: Record<Mark, string> = {
  ok: 'live',
  running: 'asking',
  changed: 'changed',
  failed: 'refused',
  unknown: 'unknown',
  unreachable: 'no answer',
  waiting: 'not asked yet',
  skipped: 'skipped',
  undone: 'undone',
};

/** What a mark says of a step on a host. */
export const cellWords: Record<Mark, string> = {
  ok: 'ok',
  running: 'running',
  changed: 'not verified',
  failed: 'failed',
  unknown: 'unknown',
  unreachable: 'no answer',
  waiting: 'waiting',
  skipped: 'skipped',
  undone: 'undone',
};

export function worst(marks: Iterable<Mark>): Mark {
  let at = marksWorstFirst.length - 1;
  for (const mark of marks) at = Math.min(at, marksWorstFirst.indexOf(mark));
  return marksWorstFirst[at] ?? 'ok';
}

export function countMarks(marks: Iterable<Mark>): [Mark, number][] {
  const counts = new Map<Mark, number>();
  for (const mark of marks) counts.set(mark, (counts.get(mark) ?? 0) + 1);
  return marksWorstFirst.flatMap((mark) => {
    const count = counts.get(mark);
    return count === undefined ? [] : [[mark, count] satisfies [Mark, number]];
  });
}

/** The mark that a word of `standings` belongs to. */
export function standingMark(word: string): Mark {
  const known: Partial<Record<string, Mark>> = {
    succeeded: 'ok',
    done: 'ok',
    verified: 'ok',
    failed: 'failed',
    stuck: 'failed',
    refused: 'failed',
    'timed out': 'failed',
    'not verified': 'changed',
    unknown: 'unknown',
    lost: 'unknown',
    interrupted: 'unknown',
    'no answer': 'unreachable',
    unreachable: 'unreachable',
    'not started': 'unreachable',
    waiting: 'waiting',
    'waiting for a decision': 'waiting',
    running: 'running',
    working: 'running',
    undoing: 'running',
    'out of sight': 'unknown',
    cancelled: 'skipped',
    excluded: 'skipped',
    stopped: 'skipped',
    skipped: 'skipped',
    abandoned: 'unknown',
    undone: 'undone',
    'rolled back': 'undone',
  };
  return known[word] ?? 'waiting';
}

/** `1 host`, `12 hosts`. */
export function count(n: number, one: string, many = `${one}s`): string {
  return `${String(n)} ${n === 1 ? one : many}`;
}
