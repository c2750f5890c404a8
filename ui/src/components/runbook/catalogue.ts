// Finding a runbook in the catalogue.

import type { RunbookRow } from '../../lib/wire/types';

/** The rows that hold every word somewhere in title, name, summary, owner, kind or stewardship. */
export function matching(rows: readonly RunbookRow[], query: string): readonly RunbookRow[] {
  const words = query
    .toLowerCase()
    .split(/\s+/)
    .filter((word) => word !== '');
  return rows.filter((row) => {
    const { title, name, summary, owner, kind, stewardship, overdue } = row;
    const text = [title, name, summary, owner, kind, stewardship, overdue === null ? '' : 'overdue']
      .join(' ')
      .toLowerCase();
    return words.every((word) => text.includes(word));
  });
}
