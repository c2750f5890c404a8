import { describe, expect, it } from 'vitest';

import { select } from './select';

describe('the recorded fleet’s selector', () => {
  it.each([
    ['role=web & site in (ams, fra)', 4],
    ['(role=web or role=gateway) and not site=ams', 9],
    ['role=web - web-ams-1', 7],
    ['host~"*"', 24],
    ['web-*', 8],
    ['role not in (web, inference)', 8],
  ])('picks for %s as many as the console would', (text, many) => {
    expect(select(text)).toMatchObject({ error: null, undecided: [] });
    expect(select(text).hosts).toHaveLength(many);
  });

  it('leaves undecided only what a stale fact decides', () => {
    const stale = ['gateway-iad-1', 'inference-iad-2', 'inference-sgp-2', 'web-sgp-2'];
    expect(select('disk.root.free < 10%').undecided.map((host) => host.name)).toEqual(stale);
    expect(select('disk.root.free < 10%').hosts).toEqual(['database-fra-1']);
    expect(select('role=web and disk.root.free < 10%').undecided.map((host) => host.name)).toEqual(['web-sgp-2']);
    expect(select('role=web or disk.root.free < 10%').undecided.map((host) => host.name)).toEqual(stale.slice(0, 3));
  });

  it.each([
    ['role=web and =', 14],
    ['role=', 6],
    ['(role=web', 10],
  ])('says where %s is no selector', (text, column) => {
    expect(select(text).error?.column).toBe(column);
  });
});
