import { describe, expect, it } from 'vitest';

import { hosts } from '../../lib/host/fake/fleet';
import { exactly, grouped, labelsOf, narrowed } from './hostColumns';

describe('the fleet grouped by a label', () => {
  it('has every host in exactly one group', () => {
    const groups = grouped(hosts, 'role');
    expect(groups.map((group) => [group.value, group.hosts.length])).toEqual([
      ['database', 4],
      ['gateway', 4],
      ['inference', 8],
      ['web', 8],
    ]);
  });

  it('keeps hosts without the label in sight', () => {
    expect(grouped(hosts, 'ship').map((group) => [group.value, group.hosts.length])).toEqual([['', hosts.length]]);
    expect(labelsOf(hosts)).toEqual(['env', 'role', 'site', 'tier']);
  });
});

describe('a selector that a click writes', () => {
  it('narrows what is there and never widens it', () => {
    expect(narrowed('', 'site', 'ams')).toBe('site=ams');
    expect(narrowed('role=web', 'site', 'ams')).toBe('role=web and site=ams');
    expect(narrowed('role=web or role=gateway', 'site', 'ams')).toBe('(role=web or role=gateway) and site=ams');
    expect(narrowed('role=web and site=ams', 'site', 'ams')).toBe('role=web and site=ams');
    expect(narrowed('', 'site', 'new york')).toBe('site="new york"');
  });

  it('names exactly the hosts that were chosen', () => {
    expect(exactly(['a'])).toBe('host=a');
    expect(exactly(['a', 'b'])).toBe('host in (a, b)');
  });
});
