// Two outputs as one: the lines that they share, those only one of them has, and how many equal ones lie between. Pure.

export type Side = 'same' | 'most' | 'host';

export type Row =
  | { side: Side; text: string }
  /** Equal lines that are not shown. */
  | { side: 'gap'; lines: number };

export interface Unified {
  rows: Row[];
  /** Lines that only one of them has. */
  differing: number;
  /** Whether the two are too different to be compared line by line; all of both is shown then. */
  coarse: boolean;
}

/** Equal lines shown around a difference. */
const around = 3;
/** Beyond this many differing lines the search for the shortest difference costs more than it tells. */
const searchMost = 1000;

/** What the host said against what most said. */
export function unified(most: readonly string[], host: readonly string[]): Unified {
  const least = Math.min(most.length, host.length);
  let start = 0;
  while (start < least && most[start] === host[start]) start += 1;
  let end = 0;
  while (end < least - start && most[most.length - 1 - end] === host[host.length - 1 - end]) end += 1;
  const a = most.slice(start, most.length - end);
  const b = host.slice(start, host.length - end);
  const middle = shortest(a, b);
  const line = (side: Side) => (text: string) => ({ side, text });
  const rows = [
    ...most.slice(0, start).map(line('same')),
    ...(middle ?? [...a.map(line('most')), ...b.map(line('host'))]),
    ...most.slice(most.length - end).map(line('same')),
  ];
  return {
    rows: folded(rows),
    differing: rows.filter((row) => row.side !== 'same').length,
    coarse: middle === null,
  };
}

/** Myers' greedy search: the furthest points by number of differing lines, then the way back through them. */
function shortest(a: readonly string[], b: readonly string[]): { side: Side; text: string }[] | null {
  const most = Math.min(a.length + b.length, searchMost);
  const offset = most + 1;
  const furthest = new Int32Array(2 * offset + 1);
  const trace: Int32Array[] = [];
  for (let depth = 0; depth <= most; depth += 1) {
    trace.push(furthest.slice(offset - depth - 1, offset + depth + 2));
    for (let k = -depth; k <= depth; k += 2) {
      const x = slide(a, b, k, reached(furthest, offset, k, depth));
      furthest[offset + k] = x;
      if (x >= a.length && x - k >= b.length) return back(a, b, trace);
    }
  }
  return null;
}

/** Whether diagonal `k` is reached from above (a line of the host) rather than from the left (a line of most). */
function fromAbove(furthest: Int32Array, offset: number, k: number, depth: number): boolean {
  return k === -depth || (k !== depth && (furthest[offset + k - 1] ?? 0) < (furthest[offset + k + 1] ?? 0));
}

/** Where one gets on diagonal `k` with one more differing line. */
function reached(furthest: Int32Array, offset: number, k: number, depth: number): number {
  return fromAbove(furthest, offset, k, depth) ? (furthest[offset + k + 1] ?? 0) : (furthest[offset + k - 1] ?? 0) + 1;
}

function slide(a: readonly string[], b: readonly string[], k: number, from: number): number {
  let x = from;
  while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
  return x;
}

function back(a: readonly string[], b: readonly string[], trace: readonly Int32Array[]) {
  const rows: { side: Side; text: string }[] = [];
  let [x, y] = [a.length, b.length];
  for (let depth = trace.length - 1; depth >= 0; depth -= 1) {
    const before = trace[depth] ?? new Int32Array();
    const offset = depth + 1;
    const k = x - y;
    const from = reached(before, offset, k, depth);
    while (x > from && y > from - k) {
      x -= 1;
      y -= 1;
      rows.push({ side: 'same', text: a[x] ?? '' });
    }
    if (depth === 0) break;
    if (fromAbove(before, offset, k, depth)) {
      y -= 1;
      rows.push({ side: 'host', text: b[y] ?? '' });
    } else {
      x -= 1;
      rows.push({ side: 'most', text: a[x] ?? '' });
    }
  }
  return rows.reverse();
}

/** Leaves out equal lines that are far from a difference. */
function folded(rows: readonly { side: Side; text: string }[]): Row[] {
  const near = new Uint8Array(rows.length);
  rows.forEach((row, at) => {
    if (row.side !== 'same') near.fill(1, Math.max(0, at - around), at + around + 1);
  });
  const shown: Row[] = [];
  rows.forEach((row, at) => {
    const last = shown.at(-1);
    if (near[at] === 1) shown.push(row);
    else if (last?.side === 'gap') last.lines += 1;
    else shown.push({ side: 'gap', lines: 1 });
  });
  return shown;
}
