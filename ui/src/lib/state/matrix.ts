// The matrix of a run as rows to draw, and how the focus moves over it. Pure.

import type { Cell, Mark, RunBatch, RunView } from '../wire/types';
import { count } from './marks';

export type MatrixRow = { kind: 'band'; words: string; state: string } | { kind: 'host'; host: number };

/** Where the focus is: a step, and a host unless the whole step is meant. Indices into the run. */
export interface Focus {
  step: number;
  host: number | null;
}

/** Bands and hosts from top to bottom. A host that no batch has comes last. */
export function matrixRows(batches: readonly RunBatch[], hosts: number): MatrixRow[] {
  const rows: MatrixRow[] = [];
  const seen = new Set<number>();
  batches.forEach((batch, at) => {
    rows.push({
      kind: 'band',
      words: `batch ${String(at + 1)} of ${String(batches.length)}, ${count(batch.hosts.length, 'host')}`,
      state: batch.state,
    });
    for (const host of batch.hosts) {
      seen.add(host);
      rows.push({ kind: 'host', host });
    }
  });
  const others = Array.from({ length: hosts }, (_, at) => at).filter((at) => !seen.has(at));
  if (others.length > 0) {
    rows.push({ kind: 'band', words: `in no batch, ${count(others.length, 'host')}`, state: '' });
    rows.push(...others.map((host): MatrixRow => ({ kind: 'host', host })));
  }
  return rows;
}

/** Hosts in the order in which they are drawn. */
export function hostOrder(rows: readonly MatrixRow[]): number[] {
  return rows.flatMap((row) => (row.kind === 'host' ? [row.host] : []));
}

export function cellAt(view: RunView, focus: Focus): Cell | null {
  return focus.host === null ? null : (view.hosts[focus.host]?.cells[focus.step] ?? null);
}

/** What is looked at first. */
const bad: Partial<Record<Mark, number>> = { failed: 0, unknown: 1, changed: 2 };

/** Where to look when nobody has chosen: what is asked, the worst cell, or the last step that began. Every cell is looked at with every
    frame of a run that moves. */
export function followed(view: RunView): Focus {
  const [asked] = view.questions;
  if (asked !== undefined) return { step: asked.step, host: asked.hosts[0] ?? null };
  let worst = Infinity;
  let found: Focus | null = null;
  let begun = 0;
  for (let host = 0; host < view.hosts.length; host += 1) {
    const cells = view.hosts[host]?.cells ?? [];
    for (let step = 0; step < cells.length; step += 1) {
      const cell = cells[step];
      if (cell === undefined) continue;
      if (cell.attempt !== null && step > begun) begun = step;
      const at = bad[cell.mark];
      if (at !== undefined && at < worst) {
        worst = at;
        found = { step, host };
      }
    }
    // Nothing is worse than a failure, and the first one is where to look.
    if (worst === 0) break;
  }
  return found ?? { step: begun, host: null };
}

/** The next cell with one of these marks after the focus, reading host by host and starting over at the end. */
export function nextMarked(view: RunView, order: readonly number[], from: Focus, marks: readonly Mark[]): Focus | null {
  const steps = view.steps.length;
  const total = order.length * steps;
  const start = from.host === null ? -1 : order.indexOf(from.host) * steps + from.step;
  for (let ahead = 1; ahead <= total; ahead += 1) {
    const at = (start + ahead + total) % total;
    const host = order[Math.floor(at / steps)];
    const step = at % steps;
    const cell = host === undefined ? undefined : view.hosts[host]?.cells[step];
    if (host !== undefined && cell !== undefined && marks.includes(cell.mark)) return { step, host };
  }
  return null;
}

/** The focus after an arrow; null when the key is none. */
export function moved(view: RunView, order: readonly number[], from: Focus, key: string): Focus | null {
  const row = from.host === null ? -1 : order.indexOf(from.host);
  const lastStep = view.steps.length - 1;
  const hostAt = (at: number) => (at < 0 ? null : (order[Math.min(at, order.length - 1)] ?? null));
  switch (key) {
    case 'ArrowDown':
    case 'j':
      return { ...from, host: hostAt(row + 1) };
    case 'ArrowUp':
    case 'k':
      return { ...from, host: hostAt(row - 1) };
    case 'ArrowRight':
      return { ...from, step: Math.min(lastStep, from.step + 1) };
    case 'ArrowLeft':
      return { ...from, step: Math.max(0, from.step - 1) };
    case 'Home':
      return { ...from, host: hostAt(0) };
    case 'End':
      return { ...from, host: hostAt(order.length - 1) };
    default:
      return null;
  }
}

/** How many hosts a cancel still reaches: those that wait or run, of these or of all. */
export function unsettled(view: RunView, of: ReadonlySet<number> | null = null): number {
  return view.hosts.filter(
    (host, at) =>
      (of === null || of.has(at)) &&
      host.cells.some((cell) => cell.mark === 'running' || cell.mark === 'waiting' || cell.inverse?.mark === 'running'),
  ).length;
}

/** The hosts from one to another as they are drawn, both of them included. */
export function between(order: readonly number[], a: number, b: number): number[] {
  const [from, to] = [order.indexOf(a), order.indexOf(b)].sort((x, y) => x - y);
  return from === undefined || to === undefined || from < 0 ? [] : order.slice(from, to + 1);
}
