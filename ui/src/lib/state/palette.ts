// Matching of the command palette: every letter in order, with words, starts and runs of letters worth more.

/** How well `text` matches; null when it does not. Higher is better. */
export function score(query: string, text: string): number | null {
  const wanted = query.trim().toLowerCase().replace(/\s+/g, ' ');
  if (wanted === '') return 0;
  const at = text.toLowerCase();
  const whole = at.indexOf(wanted);
  if (whole >= 0) return 100 - Math.min(whole, 40) + (isStart(at, whole) ? 40 : 0);
  let total = 0;
  for (const word of wanted.split(' ')) {
    const one = scattered(word, at);
    if (one === null) return null;
    total += one;
  }
  return total;
}

function scattered(word: string, text: string): number | null {
  const direct = text.indexOf(word);
  if (direct >= 0) return 30 + (isStart(text, direct) ? 20 : 0);
  let from = 0;
  let points = 0;
  let last = -2;
  for (const letter of word) {
    const found = text.indexOf(letter, from);
    if (found < 0) return null;
    points += found === last + 1 ? 3 : isStart(text, found) ? 4 : 0;
    last = found;
    from = found + 1;
  }
  // Letters strewn over a long text are no match that anybody meant.
  return points >= word.length * 2 ? points : null;
}

function isStart(text: string, at: number): boolean {
  return at === 0 || /[\s\-_./:]/.test(text[at - 1] ?? '');
}

/** The best entries, best first; among equals the given order holds. */
export function best<T>(query: string, entries: readonly T[], text: (entry: T) => string, most: number): T[] {
  return entries
    .map((entry, at) => ({ entry, at, points: score(query, text(entry)) }))
    .filter((one): one is typeof one & { points: number } => one.points !== null)
    .sort((a, b) => b.points - a.points || a.at - b.at)
    .slice(0, most)
    .map((one) => one.entry);
}
