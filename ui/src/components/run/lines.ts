// Pieces of output as lines. A piece may end in the middle of a line, and the two streams are kept apart.

import type { OutputPiece } from '../../lib/wire/types';

export interface Line {
  text: string;
  stderr: boolean;
  at: string;
}

/** Adds pieces to lines; a line that was not ended goes on when the same stream goes on. */
export function addPieces(
  lines: readonly Line[],
  pieces: readonly OutputPiece[],
  open: boolean,
): { lines: Line[]; open: boolean } {
  const all = [...lines];
  let unfinished = open;
  for (const piece of pieces) {
    const parts = piece.text.split('\n');
    const ended = parts.at(-1) === '';
    if (ended) parts.pop();
    parts.forEach((text, at) => {
      const last = all.at(-1);
      if (at === 0 && unfinished && last?.stderr === piece.stderr)
        all[all.length - 1] = { ...last, text: last.text + text };
      else all.push({ text, stderr: piece.stderr, at: piece.at });
    });
    if (piece.text !== '') unfinished = !ended;
  }
  return { lines: all, open: unfinished };
}
