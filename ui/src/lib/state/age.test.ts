import { describe, expect, it } from 'vitest';

import { ageWords, leftWords, spanWords } from './age';

const now = Date.parse('2026-11-21T03:00:00Z');
const before = (seconds: number) => new Date(now - seconds * 1000).toISOString();

describe('an age', () => {
  it.each([
    [0, 'now'],
    [9, 'now'],
    [44, '40 s'],
    [60, '1 min'],
    [12 * 60 + 59, '12 min'],
    [3 * 3600, '3 h'],
    [47 * 3600, '47 h'],
    [48 * 3600, '2 d'],
  ])('of %d s reads “%s”', (seconds, words) => {
    expect(ageWords(before(seconds), now)).toBe(words);
  });

  it('of a moment in the future is now, not a negative number', () => {
    expect(ageWords(before(-30), now)).toBe('now');
  });

  it('of something that is no time says nothing', () => {
    expect(ageWords('yesterday', now)).toBe('');
  });
});

describe('a span', () => {
  it.each([
    [0, '0 s'],
    [8_400, '8 s'],
    [200_000, '3 min 20 s'],
    [3_600_000, '1 h'],
    [1_047_600_000, '12 d 3 h'],
  ])('of %d ms reads “%s”', (ms, words) => {
    expect(spanWords(ms)).toBe(words);
  });
});

describe('what is left', () => {
  it.each([
    [-1, ''],
    [59, 'less than 1 min'],
    [29 * 60, '29 min'],
    [3 * 3600, '3 h'],
    [72 * 3600, '3 d'],
    [72 * 3600 - 1, '3 d'],
    [60 * 3600 - 1, '2 d'],
  ])('with %d s to go reads “%s”', (seconds, words) => {
    expect(leftWords(before(-seconds), now)).toBe(words);
  });
});
