// Days as a person picks them, and the moments that the console takes. Pure, but for the day that today is.

/** The day so many days from now, as a date field has it: `2026-12-01`. */
export function inDays(days: number, now = new Date()): string {
  const day = new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${String(day.getFullYear())}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** The day of a moment here, as a date field has it. */
export function dayOf(moment: string): string {
  return inDays(0, new Date(moment));
}

/** The end of that day here, as a moment anywhere. */
export function endOfDay(day: string): string {
  return new Date(`${day}T23:59:59`).toISOString();
}
