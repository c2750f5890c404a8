import { describe, expect, it } from 'vitest';

import { best, score } from './palette';

const entries = [
  'Fleet',
  'Restart a service restart-service',
  'Roll back a release roll-back',
  'web-ams-1 live web ams',
  'web-fra-1 live web fra',
  'Fetch recent logs fetch-logs',
];
const first = (query: string) => best(query, entries, (entry) => entry, 5)[0];

describe('the palette', () => {
  it.each([
    ['rest', 'Restart a service restart-service'],
    ['rs', 'Restart a service restart-service'],
    ['rb', 'Roll back a release roll-back'],
    ['log fetch', 'Fetch recent logs fetch-logs'],
    ['wfra', 'web-fra-1 live web fra'],
    ['FLEET', 'Fleet'],
  ])('finds by “%s”', (query, found) => {
    expect(first(query)).toBe(found);
  });

  it('finds nothing by letters that are not there, and does not guess from strewn ones', () => {
    expect(score('xyzzy', 'Restart a service')).toBeNull();
    expect(score('eae', 'Restart a service')).toBeNull();
  });

  it('shows everything in its order while nothing is typed', () => {
    expect(best('', entries, (entry) => entry, 3)).toEqual(entries.slice(0, 3));
  });
});
