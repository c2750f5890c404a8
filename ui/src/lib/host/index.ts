// Picks what the window stands on. Recorded data exists only while developing in a browser and in tests: a production
// build drops that branch and its module.

import type { Host } from './commands';
import { insideTauri, tauriHost } from './tauri';

let host: Host = tauriHost();

/** The host in use. */
export function currentHost(): Host {
  return host;
}

/** Puts another host in place: for tests. */
export function useHost(other: Host): void {
  host = other;
}

/** To be awaited before the first call. */
export async function openHost(): Promise<void> {
  if (import.meta.env.DEV && !insideTauri()) {
    const { fakeHost } = await import('./fake');
    host = fakeHost({ live: true });
  }
}
