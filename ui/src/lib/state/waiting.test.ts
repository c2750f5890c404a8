import { describe, expect, it } from 'vitest';

import { endOfDay, inDays } from './waiting';

describe('a day until which a host waits', () => {
  it('is counted over the end of a month and of a year', () => {
    expect(inDays(14, new Date(2026, 11, 25))).toBe('2027-01-08');
    expect(inDays(0, new Date(2026, 1, 3))).toBe('2026-02-03');
  });

  it('lasts to its end where the person is', () => {
    const end = new Date(endOfDay('2026-12-01'));
    expect([end.getDate(), end.getHours(), end.getMinutes()]).toEqual([1, 23, 59]);
  });
});
