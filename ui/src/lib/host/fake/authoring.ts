// The recorded catalogue as it is written to: saving, copying and proposing, with the console's refusals.

import type { Digest, RunbookRow, RunbookView } from '../../wire/types';
import type { CommandName, Commands } from '../commands';
import { codePage, findings } from './check';
import { error } from './errors';
import { reading, shipped, shippedText } from './runbooks';
import { schema } from './schema';
import { ago } from './time';

type Authoring = Extract<
  CommandName,
  | 'catalogue'
  | 'runbook'
  | 'check_text'
  | 'runbook_schema'
  | 'explain'
  | 'input_choices'
  | 'save_runbook'
  | 'copy_runbook'
  | 'propose_change'
>;

export type AuthoringAnswers = { [Name in Authoring]: (args: Commands[Name]['args']) => Commands[Name]['reply'] };

export interface Files extends AuthoringAnswers {
  /** Changes a file as somebody else would, behind the window's back. */
  changeBehind(name: string, text: string): void;
}

/** A stand-in for the digest of a text: equal texts have equal ones. */
export function digestOf(text: string): Digest {
  let hash = 2_166_136_261;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16_777_619) >>> 0;
  return hash.toString(16).padStart(8, '0').repeat(8);
}

export function files(): Files {
  const rows: RunbookRow[] = [...shipped];
  const texts = new Map(rows.map((row) => [row.name, shippedText(row.name)]));
  const view = (name: string): RunbookView => {
    const row = rows.find((one) => one.name === name);
    const text = texts.get(name);
    if (row === undefined || text === undefined) {
      throw error('not_found', `there is no runbook ${name}`, 'It may have been renamed or removed.');
    }
    return reading(row, digestOf(text), text);
  };

  return {
    changeBehind: (name, text) => void texts.set(name, text),
    catalogue: () => [...rows],
    runbook: ({ name }) => view(name),
    check_text: ({ text }) => {
      const name = /^runbook: *(\S+)/m.exec(text)?.[1] ?? '';
      const known = rows.some((row) => row.name === name) ? name : 'restart-service';
      const found = findings(text);
      const broken = found.some((one) => one.error);
      return { findings: found, runbook: broken ? null : { ...view(known), text, digest: digestOf(text) } };
    },
    runbook_schema: () => schema,
    explain: ({ code }) => codePage(code),
    input_choices: () => ({
      values: ['4.12.0', '4.11.3', '4.11.2'],
      as_of: ago(7_400),
      problem: 'the registry did not answer within 5 s',
    }),
    save_runbook: ({ name, text, base }) => {
      const now = texts.get(name);
      if (now !== undefined && digestOf(now) !== base) {
        throw error(
          'conflict',
          `${name}.yaml was changed since it was opened here`,
          'Nothing was written. Look at what is in the file now, then decide whose text stays.',
        );
      }
      texts.set(name, text);
      return { name, digest: digestOf(text), file: `runbooks/${name}.yaml` };
    },
    copy_runbook: ({ name, asName }) => {
      if (texts.has(asName)) throw error('bad_request', `there is a runbook ${asName} already`, 'Choose another name.');
      const text = view(name).text.replace(/^runbook: .*$/m, `runbook: ${asName}`);
      texts.set(asName, text);
      const file = `~/.config/daytwo/runbooks/${asName}.yaml`;
      rows.push({ ...view(name).row, name: asName, stewardship: 'customer', file, last_green: null });
      return { name: asName, digest: digestOf(text), file };
    },
    propose_change: ({ name }) => ({
      branch: `daytwo/${name}-2026-11-22`,
      patch: null,
      words: 'The change is committed on a branch of its own; push it and open a pull request for its owner.',
    }),
  };
}
