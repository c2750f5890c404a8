// What a cell of the matrix says, in the room that it has. Pure.

import type { Cell, Mark } from '../wire/types';

export interface Note {
  mark: Mark;
  /** What fits beside the state. */
  brief: string;
}

/** What is known beside the state, briefly; null where nothing is. */
export function noteOf(cell: Cell): Note | null {
  if (cell.note === '') return null;
  const [brief = cell.note] = cell.note.split(/[,;]/, 1);
  return { mark: /out of sight|no answer|link/.test(brief) ? 'unreachable' : 'waiting', brief };
}

/** All that is known of a cell, in one line. */
export function cellTitle(cell: Cell): string {
  const own = [cell.word, cell.detail].filter((part) => part !== '').join(': ');
  const inverse = cell.inverse === null ? '' : `undo: ${cellTitle(cell.inverse)}`;
  return [own, cell.note, inverse].filter((part) => part !== '').join(' · ');
}

/** Whether all of a budget is spent: `failed 2 of at most 2`. */
export function isSpent(budget: string): boolean {
  const found = /(\d+) of at most (\d+)/.exec(budget);
  return found !== null && Number(found[1]) > 0 && Number(found[1]) >= Number(found[2]);
}
