// The one clock of the window: ages everywhere move together, and tests can stop it.

const tickMs = 1000;

class Clock {
  now = $state(Date.now());

  /** Ticks until the returned function is called. */
  start(): () => void {
    const timer = setInterval(() => {
      this.now = Date.now();
    }, tickMs);
    return () => {
      clearInterval(timer);
    };
  }
}

export const clock = new Clock();
