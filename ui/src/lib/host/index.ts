// Picks what the window stands on. Recorded data exists only while developing in a browser, in tests and in the build
// that is measured: a production build drops that branch and its module.

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
  if ((import.meta.env.DEV || import.meta.env.MODE === 'measured') && !insideTauri()) {
    const { fakeHost } = await import('./fake');
    const { loadFrom } = await import('./fake/load');
    host = fakeHost({ live: true, ...loadFrom(window.location.search) });
  }
}
