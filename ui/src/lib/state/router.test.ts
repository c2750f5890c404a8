import { describe, expect, it } from 'vitest';

import { fromLink, href, parse, placeOf, runLink, type Route } from './router';

const routes: Route[] = [
  { view: 'fleet' },
  { view: 'fleet', host: 'web-ams-1' },
  { view: 'runbooks' },
  { view: 'runbooks', runbook: 'restart-service' },
  { view: 'plan', runbook: 'restart-service' },
  { view: 'edit', runbook: 'restart-service' },
  { view: 'undo', run: '01K' },
  { view: 'resume', run: '01K' },
  { view: 'resume', run: '01K', part: 'failed_and_not_reached' },
  { view: 'runs' },
  { view: 'run', from: 'runs', run: '01K' },
  { view: 'run', from: 'history', run: '01K', step: 'restart' },
  { view: 'run', from: 'runs', run: '01K', step: 'a/b', host: 'web 1#2' },
  { view: 'history' },
  { view: 'settings' },
];

describe('an address', () => {
  it.each(routes)('leads back to the route that it was made of: $view', (route) => {
    expect(parse(href(route)).route).toEqual(route);
  });

  it('carries a selector whatever is in it', () => {
    const selection = 'role=web and site in (ams, fra) and not host~"*-1?&#"';
    expect(parse(href({ view: 'plan', runbook: 'x' }, selection)).selection).toBe(selection);
  });

  it('that names nothing leads to the fleet', () => {
    expect(parse('').route).toEqual({ view: 'fleet' });
    expect(parse('#/%E0%A4%A').route).toEqual({ view: 'fleet' });
    expect(parse('#/resume/01K/half').route).toEqual({ view: 'resume', run: '01K' });
  });

  it('lights the place that the view belongs to', () => {
    expect(placeOf({ view: 'plan', runbook: 'x' })).toBe('runbooks');
    expect(placeOf({ view: 'run', from: 'history', run: 'x' })).toBe('history');
  });
});

describe('a pasted link', () => {
  it('opens the very cell that it was copied from', () => {
    expect(fromLink(` ${runLink('01K', 'restart', 'web-ams-1')} `)).toEqual({
      view: 'run',
      from: 'runs',
      run: '01K',
      step: 'restart',
      host: 'web-ams-1',
    });
    expect(fromLink(runLink('01K'))).toEqual({ view: 'run', from: 'runs', run: '01K' });
  });

  it('of another kind is no route', () => {
    expect(fromLink('https://example.org/run/01K')).toBeNull();
  });
});
