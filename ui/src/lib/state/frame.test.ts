import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { NextFrame } from './frame';

let now: number;
let frames: FrameRequestCallback[];

/** The screen draws what was asked for until now; it took this long to get there. */
function screen(tookMs: number): void {
  now += tookMs;
  const due = frames;
  frames = [];
  for (const frame of due) frame(now);
}

beforeEach(() => {
  vi.useFakeTimers();
  now = 0;
  frames = [];
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  vi.spyOn(globalThis, 'requestAnimationFrame').mockImplementation((frame) => frames.push(frame));
  vi.spyOn(globalThis, 'cancelAnimationFrame').mockImplementation(() => undefined);
});

afterEach(() => {
  vi.useRealTimers();
});

describe('drawing at the pace of the screen', () => {
  it('draws once however often it is asked', () => {
    const draw = vi.fn();
    const next = new NextFrame(draw);
    for (let at = 0; at < 1000; at += 1) next.ask();
    screen(16);
    expect(draw).toHaveBeenCalledTimes(1);
  });

  it('leaves the screen as long to itself as a long frame took', () => {
    const draw = vi.fn();
    const next = new NextFrame(draw);
    next.ask();
    screen(16);
    screen(80);
    next.ask();
    vi.advanceTimersByTime(79);
    screen(0);
    expect(draw).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    screen(0);
    expect(draw).toHaveBeenCalledTimes(2);
  });

  it('goes on where no frames come, as in a hidden window', () => {
    const draw = vi.fn();
    new NextFrame(draw).ask();
    vi.advanceTimersByTime(1000);
    expect(draw).toHaveBeenCalledTimes(1);
  });

  it('draws nothing once it was stopped', () => {
    const draw = vi.fn();
    const next = new NextFrame(draw);
    next.ask();
    next.stop();
    vi.advanceTimersByTime(1000);
    expect(draw).not.toHaveBeenCalled();
  });
});
