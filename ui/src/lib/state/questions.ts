// What a person has to decide, as it stands on the screen. Pure.
//
// The group that somebody is in holds still: hosts that ask the same later wait behind a number, and a group that was
// answered elsewhere stays until she leaves it, saying so. Nothing is ever answered for a host that was not on screen.

import type { Answer, AnswerOffer, RunQuestion, RunView } from '../wire/types';

export interface AskedGroup {
  /** Stays the same while the same is asked. */
  key: string;
  question: RunQuestion;
  /** The hosts shown, by name: exactly these are answered for. */
  names: readonly string[];
  /** Hosts that ask the same and are not shown yet. */
  later: number;
  /** Nobody is asked any more. */
  gone: boolean;
}

/** The groups to show, from those shown so far and what is asked now; `held` is the one that somebody is in. */
export function arrange(shown: readonly AskedGroup[], view: RunView, held: string | null): AskedGroup[] {
  const now = new Map<string, AskedGroup>();
  for (const question of view.questions) {
    const names = question.hosts.flatMap((at) => view.hosts[at]?.name ?? []);
    now.set(keyOf(question), { key: keyOf(question), question, names, later: 0, gone: false });
  }
  const kept = shown.flatMap((group) => {
    const next = now.get(group.key);
    now.delete(group.key);
    if (group.key !== held) return next ?? [];
    if (next === undefined) return { ...group, later: 0, gone: true };
    const asked = new Set(next.names);
    const names = group.names.filter((name) => asked.has(name));
    return { ...next, names, later: next.names.length - names.length };
  });
  return [...kept, ...now.values()];
}

function keyOf(question: RunQuestion): string {
  return `${String(question.step)}/${question.text}/${question.answers.map((one) => one.answer).join()}`;
}

/** Whether an answer takes something away: it is asked for twice, and with a reason. */
export function isGrave(answer: Answer): boolean {
  return answer === 'undo' || answer === 'stop' || answer === 'exclude';
}

const plainly: Record<Answer, string> = {
  retry: 'retry',
  skip: 'skip the step',
  exclude: 'leave the host out',
  undo: 'undo',
  stop: 'stop the run',
  continue: 'go on',
};

/** What happens without an answer, in the words of its button where it has one. */
export function otherwiseWords(question: RunQuestion): string {
  return (
    question.answers.find((one) => one.answer === question.otherwise)?.label.toLowerCase() ??
    plainly[question.otherwise]
  );
}

/** The button that does it: what, and to how many. */
export function doesWords(offer: AnswerOffer, hosts: number): string {
  return `${offer.label} on ${String(hosts)} ${hosts === 1 ? 'host' : 'hosts'}`;
}
