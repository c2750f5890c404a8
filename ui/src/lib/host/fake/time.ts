// Moments of the recorded data, relative to when it is read, so that ages look alive.

import type { Timestamp } from '../../wire/types';

/** `seconds` before now. */
export function ago(seconds: number): Timestamp {
  return new Date(Date.now() - seconds * 1000).toISOString();
}

/** A number between 0 and 1 that is always the same for the same seed. */
export function noise(seed: number): number {
  const x = Math.sin(seed * 12.9898 + 78.233) * 43758.5453;
  return x - Math.floor(x);
}
