// The real host. The only module of the window that touches Tauri.

import { Channel, invoke } from '@tauri-apps/api/core';

import type { Push } from '../wire/types';
import type { Host } from './commands';

/** Whether this document runs in Daytwo's window rather than in a browser. */
export function insideTauri(): boolean {
  return '__TAURI_INTERNALS__' in window;
}

/** The console behind this window. */
export function tauriHost(): Host {
  return {
    call: (name, args) => invoke(name, args),
    subscribe: (onPush) => {
      const channel = new Channel<Push>();
      channel.onmessage = onPush;
      return invoke('subscribe', { channel });
    },
  };
}
