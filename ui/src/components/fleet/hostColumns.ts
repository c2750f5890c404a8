// The columns of the fleet's table, and the words of facts.

import { spanWords } from '../../lib/state/age';
import { marksWorstFirst } from '../../lib/state/marks';
import type { HostFacts, HostRow } from '../../lib/wire/types';
import { byValue, type Column } from '../shared/columns';

export const fixedColumns: Column<HostRow>[] = [
  { id: 'name', title: 'Host', width: 'minmax(148px, 1.6fr)', compare: byValue((row) => row.name) },
  {
    id: 'state',
    title: 'State',
    width: 'minmax(128px, 1fr)',
    compare: byValue((row) => marksWorstFirst.indexOf(row.mark)),
  },
];

const facts: Column<HostRow>[] = [
  { id: 'age', title: 'Facts', width: '64px', end: true, compare: byValue((row) => row.facts_at) },
  { id: 'load', title: 'Load', width: '60px', end: true, compare: byValue((row) => row.facts?.load1) },
  { id: 'disk', title: 'Disk', width: '76px', end: true, compare: byValue((row) => row.facts?.disk_used_percent) },
  {
    id: 'memory',
    title: 'Memory',
    width: '72px',
    end: true,
    compare: byValue((row) => row.facts?.memory_used_percent),
  },
  { id: 'units', title: 'Failed units', width: '88px', end: true, compare: byValue((row) => row.facts?.failed_units) },
  { id: 'uptime', title: 'Uptime', width: '84px', end: true, compare: byValue((row) => row.facts?.uptime_s) },
  { id: 'version', title: 'Version', width: '72px', compare: byValue((row) => row.facts?.version) },
  { id: 'os', title: 'System', width: 'minmax(120px, 1fr)', compare: byValue((row) => row.facts?.os) },
  { id: 'address', title: 'Address', width: 'minmax(160px, 1fr)', compare: byValue((row) => row.address) },
  { id: 'source', title: 'Source', width: 'minmax(88px, 1fr)', compare: byValue((row) => row.source) },
];

/** All columns that can be chosen: one per label of the fleet, then the facts. */
export function choosable(labels: readonly string[]): Column<HostRow>[] {
  const ofLabels = labels.map((label) => ({
    id: `label:${label}`,
    title: label,
    width: 'minmax(80px, .6fr)',
    compare: byValue<HostRow>((row) => row.labels[label]),
  }));
  return [...ofLabels, ...facts];
}

export const chosenAtFirst = [
  'label:role',
  'label:site',
  'load',
  'disk',
  'memory',
  'units',
  'uptime',
  'version',
  'age',
];

/** A fact as text; null when the host did not tell. */
export function factText(from: HostFacts | null, fact: string): string | null {
  if (from === null) return null;
  switch (fact) {
    case 'load':
      return from.load1 === null ? null : from.load1.toFixed(2);
    case 'disk':
      return percent(from.disk_used_percent);
    case 'memory':
      return percent(from.memory_used_percent);
    case 'units':
      return from.failed_units === null ? null : String(from.failed_units);
    case 'uptime':
      return from.uptime_s === null ? null : spanWords(from.uptime_s * 1000);
    case 'version':
      return from.version;
    case 'os':
      return from.os;
    default:
      return null;
  }
}

function percent(value: number | null): string | null {
  return value === null ? null : `${String(Math.round(value))} %`;
}

/** The labels that hosts have, the most common first: what one can group by. */
export function labelsOf(rows: readonly HostRow[]): string[] {
  const counts = new Map<string, number>();
  for (const row of rows) for (const label of Object.keys(row.labels)) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([label]) => label);
}

export interface Group {
  value: string;
  hosts: HostRow[];
}

/** The hosts by the value of a label; those without it come last, under an empty value. */
export function grouped(rows: readonly HostRow[], label: string): Group[] {
  const groups = new Map<string, HostRow[]>();
  for (const row of rows) {
    const value = row.labels[label] ?? '';
    const group = groups.get(value);
    if (group === undefined) groups.set(value, [row]);
    else group.push(row);
  }
  return [...groups]
    .sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a.localeCompare(b, undefined, { numeric: true })))
    .map(([value, hosts]) => ({ value, hosts }));
}

/** A selector that narrows `selection` to one value of a label. */
export function narrowed(selection: string, label: string, value: string): string {
  const term =
    value === '' ? `not ${label}~"*"` : `${label}=${/^[\w.-]+$/.test(value) ? value : JSON.stringify(value)}`;
  const before = selection.trim();
  if (before === '') return term;
  if (before.split(/ and /).includes(term)) return before;
  return /\bor\b/.test(before) ? `(${before}) and ${term}` : `${before} and ${term}`;
}

/** A selector for exactly these hosts. */
export function exactly(names: readonly string[]): string {
  return names.length === 1 ? `host=${names[0] ?? ''}` : `host in (${names.join(', ')})`;
}
