// What differs between two texts: the lines between their common beginning and their common end.

export interface Difference {
  /** The first line that differs, from 1. */
  line: number;
  theirs: string;
  mine: string;
}

export function difference(theirs: string, mine: string): Difference {
  const [a, b] = [theirs.split('\n'), mine.split('\n')];
  const least = Math.min(a.length, b.length);
  let start = 0;
  while (start < least && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < least - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end += 1;
  const between = (lines: readonly string[]) => lines.slice(start, lines.length - end).join('\n');
  return { line: start + 1, theirs: between(a), mine: between(b) };
}
