import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { useHost } from '../../lib/host';
import type { CommandName, Commands, Host } from '../../lib/host/commands';
import { history } from '../../lib/host/fake/runs';
import type { HistoryFilter, RunRow } from '../../lib/wire/types';
import { HistoryPages } from './pages.svelte';

const [template] = history;
if (template === undefined) throw new Error('no run is recorded');
const all: RunRow[] = Array.from({ length: 130 }, (_, at) => ({
  ...template,
  id: `run-${String(at).padStart(3, '0')}`,
}));
let asked: HistoryFilter[] = [];

/** A console with 130 runs, which gives pages of 100. */
const console: Host = {
  call: <Name extends CommandName>(_: Name, args: Commands[Name]['args']) => {
    const { filter } = args as { filter: HistoryFilter };
    asked.push(filter);
    const from = filter.before === null ? 0 : all.findIndex((row) => row.id === filter.before) + 1;
    return Promise.resolve(all.slice(from, from + 100) as Commands[Name]['reply']);
  },
  subscribe: () => Promise.resolve(),
};

beforeEach(() => {
  asked = [];
  useHost(console);
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

describe('the pages of the history', () => {
  it('read on after the last run shown until a page is not full, each run once', async () => {
    const pages = new HistoryPages();
    pages.filter('', '');
    await vi.advanceTimersByTimeAsync(500);
    expect([pages.rows?.length, pages.more]).toEqual([100, true]);
    await pages.next();
    expect(asked.at(-1)?.before).toBe('run-099');
    expect([pages.rows?.length, pages.more]).toEqual([130, false]);
    expect(new Set(pages.rows?.map((row) => row.id)).size).toBe(130);
  });

  it('begin anew under another filter', async () => {
    const pages = new HistoryPages();
    pages.filter('', '');
    await vi.advanceTimersByTimeAsync(500);
    await pages.next();
    pages.filter('web', '');
    await vi.advanceTimersByTimeAsync(500);
    expect(asked.at(-1)).toEqual({ text: 'web', status: '', before: null });
    expect([pages.rows?.length, pages.more]).toEqual([100, true]);
  });
});
