// Just enough of the checker for recorded data: fields that are no fields, tabs, and two of its warnings.

import type { CodePage, Finding } from '../../wire/types';

const rules: { code: string; error: boolean; pattern: RegExp; message: string; hint: string | null }[] = [
  {
    code: 'unknown-field',
    error: true,
    pattern: /^\s*(?:- )?(verfy)\b/,
    message: 'a step has no field `verfy`',
    hint: 'did you mean `verify`?',
  },
  {
    code: 'yaml',
    error: true,
    pattern: /(\t)/,
    message: 'a tab cannot indent; YAML takes spaces',
    hint: 'use two spaces',
  },
  {
    code: 'wrong-type',
    error: true,
    pattern: /^\s*timeout: (?!\d+(?:s|m|h)\b)(\S+)/,
    message: 'a timeout is a duration such as 30s',
    hint: null,
  },
  {
    code: 'no-way-back',
    error: false,
    pattern: /^\s*(undo: none)/,
    message: 'this step changes the host and has no way back',
    hint: 'say how it is undone, or leave `undo: none` where nothing can be done',
  },
  {
    code: 'raw',
    error: false,
    pattern: /\{\{[^}]*(\| raw)/,
    message: 'the value goes into the script unquoted',
    hint: 'leave `| raw` out, or waive it with a reason',
  },
];

export function findings(text: string): Finding[] {
  return text.split('\n').flatMap((line, at) =>
    rules.flatMap(({ code, error, pattern, message, hint }) => {
      const found = pattern.exec(line);
      const meant = found?.[1];
      if (found === null || meant === undefined) return [];
      const column = found.index + found[0].lastIndexOf(meant) + 1;
      return [{ code, error, line: at + 1, column, width: meant.length, message, hint }];
    }),
  );
}

export function codePage(code: string): CodePage {
  return {
    code,
    title: code === 'no-way-back' ? 'A change has no way back' : `About ${code}`,
    text: [
      'A step that changes a host says how it is taken back, **before** it is made.',
      '',
      '## Why',
      '',
      'At 03:00 nobody wants to invent the inverse of a command. With `undo:` it is recorded, shown in the plan, and one key away.',
      '',
      '## What to do',
      '',
      '- write the inverse:',
      '',
      '```yaml',
      '- id: drain',
      '  run: touch /run/drain',
      '  undo:',
      '    run: rm -f /run/drain',
      '```',
      '',
      '- or say that there is none: `undo: none`. The plan then counts it among the ways back that are missing.',
    ].join('\n'),
  };
}
