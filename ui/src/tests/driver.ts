// The window as a person drives it, over recorded data: waits are level-triggered and bounded.

import { flushSync, mount, unmount } from 'svelte';
import { vi } from 'vitest';

import App from '../App.svelte';
import { useHost } from '../lib/host';
import { fakeHost, type FakeHost } from '../lib/host/fake';

/** How long a wait may take: generous, since a machine that builds beside the tests is slow, not wrong. */
export const patience = { timeout: 15_000, interval: 10 };

class NoResize {
  observe(): void {
    return;
  }
  unobserve(): void {
    return;
  }
  disconnect(): void {
    return;
  }
}

/** Opens the window at an address; `close` ends it. */
export function openWindow(hash = ''): { host: FakeHost; close: () => Promise<void> } {
  vi.stubGlobal('ResizeObserver', NoResize);
  window.location.hash = hash;
  const host = fakeHost({ live: false });
  useHost(host);
  const app = mount(App, { target: document.body });
  return {
    host,
    close: async () => {
      await unmount(app);
      vi.unstubAllGlobals();
    },
  };
}

export const find = (id: string) => document.querySelector<HTMLElement>(`[data-testid="${id}"]`);

/** Waits until it holds. */
export function until(holds: () => void): Promise<void> {
  return vi.waitFor(() => {
    flushSync();
    holds();
  }, patience);
}

/** Waits until the element is there. */
export function shown(id: string): Promise<HTMLElement> {
  return vi.waitFor(() => {
    flushSync();
    const element = find(id);
    if (element === null) throw new Error(`${id} is not there`);
    return element;
  }, patience);
}

export async function click(id: string): Promise<void> {
  (await shown(id)).click();
  flushSync();
}

export async function type(id: string, text: string): Promise<void> {
  const field = await shown(id);
  if (!(field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement))
    throw new Error(`${id} is no field`);
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();
}

export function press(key: string, more: KeyboardEventInit = {}): void {
  window.dispatchEvent(new KeyboardEvent('keydown', { key, cancelable: true, ...more }));
  flushSync();
}

export function goTo(hash: string): void {
  window.location.hash = hash;
  window.dispatchEvent(new HashChangeEvent('hashchange'));
  flushSync();
}
