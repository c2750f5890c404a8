// A column of a list, and its order.

export interface Column<Row> {
  id: string;
  title: string;
  /** A CSS grid track: `minmax(160px, 2fr)`, `72px`. */
  width: string;
  /** How rows compare; a column without it cannot be sorted by. */
  compare?: (a: Row, b: Row) => number;
  end?: boolean;
}

export interface Sorting {
  column: string;
  descending: boolean;
}

/** The rows in order; equal ones keep theirs. */
export function sorted<Row>(
  rows: readonly Row[],
  columns: readonly Column<Row>[],
  sorting: Sorting | null,
): readonly Row[] {
  const compare = columns.find((column) => column.id === sorting?.column)?.compare;
  if (compare === undefined) return rows;
  const sign = sorting?.descending === true ? -1 : 1;
  return rows.toSorted((a, b) => sign * compare(a, b));
}

/** Compares what may be absent: absent comes last. */
export function byValue<Row>(read: (row: Row) => string | number | null | undefined): (a: Row, b: Row) => number {
  return (a, b) => {
    const [x, y] = [read(a), read(b)];
    if (x == null || y == null) return x == null ? (y == null ? 0 : 1) : -1;
    if (typeof x === 'number' && typeof y === 'number') return x - y;
    return String(x).localeCompare(String(y), undefined, { numeric: true });
  };
}
