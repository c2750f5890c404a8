// Places and their addresses. Hash routes: they survive a reload, work from a file, and can be pasted.

import type { ResumePart } from '../wire/types';

export type Place = 'fleet' | 'runbooks' | 'runs' | 'history' | 'settings';

/** What is shown. Optional parts are absent rather than empty. */
export type Route =
  | { view: 'fleet'; host?: string }
  | { view: 'runbooks'; runbook?: string }
  | { view: 'plan'; runbook: string }
  | { view: 'edit'; runbook: string }
  | { view: 'undo'; run: string }
  | { view: 'resume'; run: string; part?: ResumePart }
  | { view: 'runs' }
  | { view: 'history' }
  | { view: 'run'; from: 'runs' | 'history'; run: string; step?: string; host?: string }
  | { view: 'settings' };

/** The parts of a run that can be done again, in the order in which they are offered. */
export const resumeParts: readonly ResumePart[] = ['failed_from_their_step', 'failed_and_not_reached', 'everything'];

export interface Location {
  route: Route;
  /** The selector carried along, in fleet, runbooks, plan and editor. */
  selection: string;
}

/** The address of a route. */
export function href(route: Route, selection = ''): string {
  const path = parts(route).map(encodeURIComponent).join('/');
  return `#/${path}${selection === '' ? '' : `?selection=${encodeURIComponent(selection)}`}`;
}

function parts(route: Route): string[] {
  switch (route.view) {
    case 'fleet':
      return route.host === undefined ? ['fleet'] : ['fleet', route.host];
    case 'runbooks':
      return route.runbook === undefined ? ['runbooks'] : ['runbooks', route.runbook];
    case 'plan':
      return ['runbooks', route.runbook, 'plan'];
    case 'edit':
      return ['runbooks', route.runbook, 'edit'];
    case 'undo':
      return ['undo', route.run];
    case 'resume':
      return route.part === undefined ? ['resume', route.run] : ['resume', route.run, route.part];
    case 'run': {
      const focus = route.step === undefined ? [] : route.host === undefined ? [route.step] : [route.step, route.host];
      return [route.from, route.run, ...focus];
    }
    default:
      return [route.view];
  }
}

/** Reads an address; one that names nothing leads to the fleet. */
export function parse(hash: string): Location {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2);
  const [first = '', second, third, fourth] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const selection = new URLSearchParams(query).get('selection') ?? '';
  return { route: routeOf(first, second, third, fourth), selection };
}

function routeOf(first: string, second?: string, third?: string, fourth?: string): Route {
  switch (first) {
    case 'runbooks':
      if (second === undefined) return { view: 'runbooks' };
      return { view: third === 'plan' || third === 'edit' ? third : 'runbooks', runbook: second };
    case 'undo':
      return second === undefined ? { view: 'runs' } : { view: 'undo', run: second };
    case 'resume': {
      if (second === undefined) return { view: 'runs' };
      const part = resumeParts.find((one) => one === third);
      return { view: 'resume', run: second, ...(part === undefined ? {} : { part }) };
    }
    case 'runs':
    case 'history':
      if (second === undefined) return { view: first };
      return {
        view: 'run',
        from: first,
        run: second,
        ...(third === undefined ? {} : { step: third }),
        ...(fourth === undefined ? {} : { host: fourth }),
      };
    case 'settings':
      return { view: 'settings' };
    default:
      return second === undefined ? { view: 'fleet' } : { view: 'fleet', host: second };
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The place whose mark in the rail is lit. */
export function placeOf(route: Route): Place {
  switch (route.view) {
    case 'plan':
    case 'edit':
      return 'runbooks';
    case 'undo':
    case 'resume':
      return 'runs';
    case 'run':
      return route.from;
    default:
      return route.view;
  }
}

/** The link that people paste to each other: `daytwo://run/ID#step/host`. */
export function runLink(run: string, step?: string, host?: string): string {
  const focus = [step, host].filter((part) => part !== undefined).map(encodeURIComponent);
  return `daytwo://run/${encodeURIComponent(run)}${focus.length === 0 ? '' : `#${focus.join('/')}`}`;
}

/** The route that a pasted link leads to, if it is one. */
export function fromLink(text: string): Route | null {
  const match = /^daytwo:\/\/run\/([^#/\s]+)(?:#([^/\s]+)(?:\/([^/\s]+))?)?$/.exec(text.trim());
  if (match?.[1] === undefined) return null;
  return routeOf('runs', decode(match[1]), match[2] && decode(match[2]), match[3] && decode(match[3]));
}
