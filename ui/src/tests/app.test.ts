// The window as a whole, over recorded data: each place opens, and a runbook can be planned, its keys reviewed, started.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { FakeHost } from '../lib/host/fake';
import { click, find, goTo, openWindow, press, shown, type, until } from './driver';

let host: FakeHost;
let close: () => Promise<void>;

beforeEach(() => {
  ({ host, close } = openWindow());
});

afterEach(() => close());

describe('the window', () => {
  it('reaches the five places by keyboard', async () => {
    await shown('host-row-web-ams-1');
    for (const [key, id] of [
      ['b', 'runbook-row-restart-service'],
      ['r', 'run-row-01KAM3T0ZC7M4V0C8Q2N6X5R9E'],
      ['h', 'history-row-01KALRS9T1V3W5X7Y0Z2A4B6CD'],
      ['s', 'theme-select'],
      ['f', 'fleet-matrix'],
    ] as const) {
      press('g');
      press(key);
      await shown(id);
    }
  });

  it('plans a runbook, shows what is wrong at its field, and starts only after the keys were accepted', async () => {
    await click('nav-runbooks');
    await click('runbook-row-restart-service');
    await click('plan-open');
    await shown('plan-digest');
    await type('input-unit', 'not a unit;');
    expect((await shown('input-unit-problems')).textContent).toContain('not a unit;');
    expect(find('plan-start')).toBeNull();
    expect(find('plan')?.textContent).toContain('cannot be started: what is typed now makes no plan');
    await type('input-unit', 'nginx.service');

    const start = await shown('plan-start');
    expect((start as HTMLButtonElement).disabled).toBe(true);
    const call = vi.spyOn(host, 'call');
    await type('type-to-start', '8');
    await until(() => {
      expect((find('plan-start') as HTMLButtonElement).disabled).toBe(false);
    });
    await click('plan-start');
    await click('keys-accept');
    expect(call.mock.calls.find(([name]) => name === 'trust_keys')?.[1]).toEqual({
      keys: [
        { host: 'web-ams-1', fingerprint: 'ED25519 SHA256:2yVn0W3aBGVk1vJr1m0x8u0vJqk2b5pJ4Nn0JtU8c1E' },
        { host: 'web-fra-1', fingerprint: 'ED25519 SHA256:Qm9aTn6Hk0s2xGd4Zb7Yw1LrPv3cEf5JiUo8NqXhK2M' },
      ],
    });
    await until(() => {
      expect(find('key-review')).toBeNull();
    });
    await click('plan-start');
    expect((await shown('run-status')).dataset['status']).toBe('succeeded');
    expect(find('run-phase-on_failure')?.textContent).toBe('If a step fails on a host');
    expect(find('run-phase-always')?.getAttribute('aria-colspan')).toBe('1');
    await click('run-undo');
    await shown('plan-digest');
  });

  it('asks how long a host is waited for only where that matters, or somebody looks for it', async () => {
    goTo('#/runbooks/restart-service/plan?selection=role%3Dweb%20and%20site%3Dams');
    await shown('plan-digest');
    const fold = () => find('wait-more')?.parentElement as HTMLDetailsElement;
    expect(fold().open).toBe(false);
    fold().open = true;
    const field = (await shown('when-reachable')) as HTMLSelectElement;
    field.value = '3d';
    field.dispatchEvent(new Event('change', { bubbles: true }));
    await shown('plan-waits');
    field.value = '';
    field.dispatchEvent(new Event('change', { bubbles: true }));
    await until(() => {
      expect(find('plan-waits')).toBeNull();
    });
    expect(fold().open).toBe(true);
  });

  it('follows the console: a host that stops answering is told where it stands', async () => {
    await shown('host-row-web-ams-1');
    const { hosts, summary } = await host.call('fleet', {});
    const row = hosts.find((one) => one.name === 'web-ams-1');
    if (row === undefined) throw new Error('web-ams-1 is not recorded');
    host.push({
      push: 'fleet',
      index: 1,
      hosts: [{ ...row, mark: 'unreachable', word: 'no answer' }],
      summary: { ...summary, words: '1 no answer' },
    });
    await until(() => {
      expect(find('host-row-web-ams-1')?.textContent).toContain('no answer');
      expect(find('connection')?.textContent).toContain('1 no answer');
    });
  });
});
