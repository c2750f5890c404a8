// What the samples tell about a host: when it went silent, when it came back, when its disk filled.

import type { HostSample } from '../../lib/wire/types';

export interface Change {
  at: string;
  words: string;
  mark: HostSample['mark'];
}

/** A jump of the disk that is worth a line, in percent points between two samples. */
const diskStep = 5;
const shownMost = 8;

/** The changes between consecutive samples, newest first. */
export function changes(samples: readonly HostSample[]): Change[] {
  const found: Change[] = [];
  samples.forEach((sample, at) => {
    const before = samples[at - 1];
    if (before === undefined) return;
    if (before.mark !== sample.mark) {
      found.push({
        at: sample.at,
        mark: sample.mark,
        words: sample.mark === 'ok' ? 'answers again' : (words[sample.mark] ?? sample.mark),
      });
    }
    const [was, is] = [before.disk_used_percent, sample.disk_used_percent];
    if (was !== null && is !== null && Math.abs(is - was) >= diskStep) {
      found.push({
        at: sample.at,
        mark: 'changed',
        words: `disk from ${String(Math.round(was))} % to ${String(Math.round(is))} %`,
      });
    }
  });
  return found.reverse().slice(0, shownMost);
}

const words: Partial<Record<string, string>> = {
  unreachable: 'stopped answering',
  failed: 'refused',
  unknown: 'became unknown',
  waiting: 'was not asked',
};
