import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { Paced } from './paced.svelte';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('what changes with every frame', () => {
  it('is shown at once, then at its pace, and its latest in the end', () => {
    const paced = new Paced(0, 250);
    paced.put(1);
    expect(paced.value).toBe(1);
    for (const value of [2, 3, 4]) paced.put(value);
    expect(paced.value).toBe(1);
    vi.advanceTimersByTime(250);
    expect(paced.value).toBe(4);
    vi.advanceTimersByTime(250);
    paced.put(5);
    expect(paced.value).toBe(5);
  });

  it('keeps no timer once it is left', () => {
    const paced = new Paced(0, 250);
    paced.put(1);
    paced.stop();
    expect(vi.getTimerCount()).toBe(0);
  });
});
