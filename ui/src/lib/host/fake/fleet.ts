// A recorded fleet: 24 hosts in four sites; one unreachable, one refused, two stale.

import type { FleetSummary, HostDetail, HostRow, HostSample, Mark } from '../../wire/types';
import { ago, noise } from './time';

const sites = ['ams', 'fra', 'iad', 'sgp'];
const roles: [string, number][] = [
  ['web', 8],
  ['database', 4],
  ['inference', 8],
  ['gateway', 4],
];

const exceptions: Partial<Record<string, Partial<HostRow>>> = {
  'web-sgp-2': {
    mark: 'unreachable',
    word: 'no answer',
    why: 'connection timed out after 5 s',
    as_of: ago(8),
    last_answer: ago(6420),
    stale: true,
    facts_at: ago(6420),
  },
  'gateway-iad-1': {
    mark: 'failed',
    word: 'host key changed',
    why: 'the host presented SHA256:9qGp…Wk, known_hosts line 14 says SHA256:c0fE…2A; nothing was sent',
    as_of: ago(9),
    last_answer: ago(91_000),
    stale: true,
    facts_at: ago(91_000),
  },
  'inference-sgp-2': { stale: true, facts_at: ago(410), last_answer: ago(410), as_of: ago(410) },
  'inference-iad-2': { stale: true, facts_at: ago(190), last_answer: ago(190), as_of: ago(190) },
};

export const hosts: HostRow[] = roles
  .flatMap(([role, count], group) =>
    Array.from({ length: count }, (_, n) =>
      hostRow(role, sites[n % sites.length] ?? 'ams', 1 + Math.floor(n / 4), group * 8 + n),
    ),
  )
  .sort((a, b) => a.name.localeCompare(b.name));

function hostRow(role: string, site: string, n: number, seed: number): HostRow {
  const name = `${role}-${site}-${String(n)}`;
  const base: HostRow = {
    name,
    labels: { role, site, env: n === 1 && role === 'web' ? 'canary' : 'prod', tier: role === 'database' ? '0' : '1' },
    address: `ops@127.0.0.1:${String(40122 + seed)}`,
    source: 'demo fleet',
    mark: 'ok',
    word: 'live',
    why: null,
    as_of: ago(3 + noise(seed) * 9),
    last_answer: ago(3 + noise(seed) * 9),
    stale: false,
    facts_at: ago(3 + noise(seed) * 9),
    facts: {
      load1: Math.round(noise(seed + 1) * 320) / 100,
      cpus: role === 'inference' ? 32 : 8,
      disk_used_percent: name === 'database-fra-1' ? 93 : Math.round(30 + noise(seed + 2) * 45),
      memory_used_percent: Math.round(35 + noise(seed + 3) * 50),
      uptime_s: Math.round(86400 * (2 + noise(seed + 4) * 90)),
      os: 'Debian GNU/Linux 12',
      kernel: '6.1.0-28-amd64',
      version: role === 'web' ? (n === 1 ? '4.12.0' : '4.11.3') : role === 'gateway' ? '1.55.8' : null,
      failed_units: name === 'web-iad-2' ? 1 : 0,
      clock_skew_ms: Math.round(noise(seed + 5) * 40 - 20),
    },
  };
  return { ...base, ...exceptions[name] };
}

export function summary(): FleetSummary {
  const counts: Partial<Record<Mark, number>> = {};
  for (const host of hosts) counts[host.mark] = (counts[host.mark] ?? 0) + 1;
  return {
    words: '24 hosts · 20 live · 2 stale · 1 refused · 1 no answer since 22:05',
    offline_since: null,
    counts,
    demo: true,
  };
}

export function hostDetail(name: string): Omit<HostDetail, 'runs'> | null {
  const row = hosts.find((host) => host.name === name);
  if (row === undefined) return null;
  const seed = hosts.indexOf(row) + 1;
  return {
    row,
    vars: row.labels['role'] === 'gateway' ? { gateway_url: 'http://127.0.0.1:41801' } : {},
    samples: Array.from({ length: 48 }, (_, at) => sample(row, seed, at)),
  };
}

function sample(row: HostRow, seed: number, at: number): HostSample {
  const silent = row.mark === 'unreachable' ? at > 41 : seed % 7 === 0 && at > 20 && at < 24;
  const load = (row.facts?.load1 ?? 1) * (0.7 + noise(seed * 50 + at) * 0.6) + (at > 30 && at < 35 ? 1.2 : 0);
  return {
    at: ago((48 - at) * 300),
    mark: silent ? 'unreachable' : 'ok',
    load1: silent ? null : Math.round(load * 100) / 100,
    disk_used_percent: silent ? null : (row.facts?.disk_used_percent ?? 40) - 3 + Math.round(at / 16),
  };
}
