// The degrees of a cancel: what each does, and what is known after it.

import type { CancelDegree } from '../host/commands';
import type { Offer } from '../wire/types';
import { count } from './marks';

export interface Degree {
  degree: CancelDegree;
  /** The offer that it needs. */
  offer: Offer;
  title: string;
  does: string;
  known: string;
}

/** Softest first. */
export const degrees: readonly Degree[] = [
  {
    degree: 'no_new_starts',
    offer: 'cancel_starts',
    title: 'Start nothing more',
    does: 'What is under way goes to its own end. No further step starts; the steps for failures and the last ones still run.',
    known: 'Every end is seen, as in any run.',
  },
  {
    degree: 'terminate',
    offer: 'cancel',
    title: 'Terminate',
    does: 'What is under way is asked to end, then killed. No further step starts; the steps for failures and the last ones still run.',
    known:
      'A step that was ended half way may have changed something. It is cancelled once it was seen dead, and unknown until then.',
  },
  {
    degree: 'kill',
    offer: 'kill',
    title: 'Kill',
    does: 'Everything under way is killed at once, and nothing starts any more: no clean-up and no undo either.',
    known:
      'What was killed may have happened half, and nothing tidies up after it. It is cancelled once it was seen dead, and unknown until then.',
  },
];

/** What the button says: what is done, to how many. */
export function cancelWords(degree: CancelDegree, hosts: number): string {
  const on = count(hosts, 'host');
  switch (degree) {
    case 'no_new_starts':
      return `Start nothing more on ${on}`;
    case 'terminate':
      return `Terminate on ${on}`;
    case 'kill':
      return `Kill on ${on}`;
  }
}
