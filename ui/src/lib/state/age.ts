// Age as text with meaning. Under a minute it moves in steps of ten seconds: a number that ticks is noise at 03:00.

import { locale } from '../../locale';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** `now`, `40 s`, `12 min`, `3 h`, `2 d`. A moment in the future (a clock that is off) counts as now. */
export function ageWords(at: string, now: number): string {
  const age = now - Date.parse(at);
  if (Number.isNaN(age)) return '';
  if (age < 10 * second) return 'now';
  if (age < minute) return `${String(Math.floor(age / (10 * second)) * 10)} s`;
  if (age < hour) return `${String(Math.floor(age / minute))} min`;
  if (age < 2 * day) return `${String(Math.floor(age / hour))} h`;
  return `${String(Math.floor(age / day))} d`;
}

/** What is left until then: `less than 1 min`, `12 min`, `3 h`, `2 d`; empty once it is over. */
export function leftWords(at: string, now: number): string {
  const left = Date.parse(at) - now;
  if (Number.isNaN(left) || left <= 0) return '';
  if (left < minute) return 'less than 1 min';
  if (left < hour) return `${String(Math.floor(left / minute))} min`;
  if (left < 2 * day) return `${String(Math.floor(left / hour))} h`;
  // What is nearer: three days are said to be three until they are less than two and a half.
  return `${String(Math.round(left / day))} d`;
}

/** A span: `8 s`, `3 min 20 s`, `2 h 5 min`, `12 d 3 h`. */
export function spanWords(ms: number): string {
  const total = Math.max(0, Math.floor(ms / second));
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ];
  const words: string[] = [];
  let rest = total;
  for (const [size, unit] of units) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && words.length < 2) words.push(`${String(count)} ${unit}`);
    else if (words.length > 0) break;
  }
  return words.length === 0 ? '0 s' : words.join(' ');
}

const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' });
const clock = new Intl.DateTimeFormat(locale, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const dayClock = new Intl.DateTimeFormat(locale, {
  day: '2-digit',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hourCycle: 'h23',
});

/** The exact local time, for the hover. */
export function exactTime(at: string): string {
  const time = Date.parse(at);
  return Number.isNaN(time) ? at : exact.format(time);
}

/** `01:12`, or with the date when it was another day. */
export function clockTime(at: string, now: number): string {
  const time = Date.parse(at);
  if (Number.isNaN(time)) return at;
  return new Date(time).toDateString() === new Date(now).toDateString() ? clock.format(time) : dayClock.format(time);
}
