// Nothing moves under the pointer: while a list is held, known rows keep their places, vanished ones go, and new ones
// wait behind a marker.

export interface Order {
  ids: readonly string[];
  /** Rows that wait to be shown. */
  waiting: number;
}

/** The order to show, from the order wanted and the one shown so far. */
export function holdOrder(shown: readonly string[], wanted: readonly string[], held: boolean): Order {
  if (!held) return { ids: wanted, waiting: 0 };
  const exists = new Set(wanted);
  const kept = shown.filter((id) => exists.has(id));
  return { ids: kept, waiting: wanted.length - kept.length };
}
