// Names of runbooks, as the console takes them; said here earlier, while one types.

/** The longest name that the console takes. */
const longest = 253;

/** What is wrong with a name for a copy; null when nothing is. */
export function copyNameProblem(name: string, taken: readonly string[]): string | null {
  if (name === '') return 'A name is needed.';
  if (!/^[\p{Alphabetic}\p{N}_]/u.test(name)) return 'A name begins with a letter, a digit or _.';
  if (!/^[\p{Alphabetic}\p{N}_.-]+$/u.test(name)) return 'A name is letters, digits and - _ .';
  if (name.length > longest) return `A name has at most ${String(longest)} characters.`;
  return taken.includes(name) ? `There is a runbook ${name} already.` : null;
}
