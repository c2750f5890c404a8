// What every control of the form gets: its value as typed text, and how it is called and described.

import type { InputView } from '../../../lib/wire/types';

export interface ControlProps {
  input: InputView;
  /** The id of its label's target; also its test id. */
  id: string;
  /** As typed; several values are one per line. */
  value: string;
  invalid: boolean;
  /** The ids of what describes it. */
  describedby: string;
  onchange: (value: string) => void;
}

/** The values of a list, as they are sent: one per line, without empty ones. */
export function lines(value: string): string[] {
  return value
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** The list with this value put in or taken out, in the order of the choices. */
export function toggled(value: string, choice: string, on: boolean, choices: readonly string[]): string {
  const chosen = new Set(lines(value));
  if (on) chosen.add(choice);
  else chosen.delete(choice);
  const foreign = [...chosen].filter((one) => !choices.includes(one));
  return [...choices.filter((one) => chosen.has(one)), ...foreign].join('\n');
}
