// Words about runs in lists.

import { spanWords } from '../../lib/state/age';
import { marksWorstFirst, standingMark } from '../../lib/state/marks';
import type { RunRow } from '../../lib/wire/types';

/** `2 failed, 1 no answer, 5 succeeded`: worst first. */
export function standings(row: RunRow): string {
  return Object.entries(row.standings)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => marksWorstFirst.indexOf(standingMark(a)) - marksWorstFirst.indexOf(standingMark(b)))
    .map(([word, count]) => `${String(count)} ${word}`)
    .join(', ');
}

/** How long an ended run took. */
export function tookWords(row: RunRow): string {
  return row.ended_at === null ? '' : spanWords(Date.parse(row.ended_at) - Date.parse(row.started_at));
}
