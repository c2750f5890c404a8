import { describe, expect, it } from 'vitest';

import { AskingRun } from '../host/fake/asking';
import type { RunView } from '../wire/types';
import { arrange, doesWords, isGrave, otherwiseWords } from './questions';

const asked = (...answered: string[]): RunView => {
  const run = new AskingRun();
  if (answered.length > 0) run.answer(answered, 'skip', '');
  return run.view();
};
const brief = (groups: ReturnType<typeof arrange>) =>
  groups.map(({ question, names, later, gone }) => ({ step: question.step, names, later, gone }));

describe('what a person has to decide', () => {
  it('stands in groups of the same question, each with its hosts', () => {
    expect(brief(arrange([], asked(), null))).toEqual([
      { step: 2, names: ['web-fra-1', 'web-iad-2'], later: 0, gone: false },
      { step: 3, names: ['web-ams-2'], later: 0, gone: false },
    ]);
  });

  it('goes away when it was answered elsewhere', () => {
    const before = arrange([], asked(), null);
    expect(brief(arrange(before, asked('web-fra-1', 'web-iad-2'), null)).map((group) => group.step)).toEqual([3]);
  });

  it('stays while somebody is in it, saying that nobody is asked any more', () => {
    const before = arrange([], asked(), null);
    const held = before[0]?.key ?? '';
    const after = arrange(before, asked('web-fra-1', 'web-iad-2'), held);
    expect(brief(after)[0]).toMatchObject({ gone: true, names: ['web-fra-1', 'web-iad-2'] });
    expect(arrange(after, asked('web-fra-1', 'web-iad-2'), null)).toHaveLength(1);
  });

  it('is never answered for a host that was not on screen', () => {
    const one = arrange([], asked('web-iad-2'), null);
    const held = one[0]?.key ?? '';
    expect(brief(arrange(one, asked(), held))[0]).toMatchObject({ names: ['web-fra-1'], later: 1 });
    expect(brief(arrange(one, asked(), null))[0]).toMatchObject({ names: ['web-fra-1', 'web-iad-2'], later: 0 });
  });

  it('keeps its place when another question is answered', () => {
    const before = arrange([], asked('web-ams-2'), null);
    expect(brief(arrange(before, asked(), null)).map((group) => group.step)).toEqual([2, 3]);
  });

  it('says what no answer means, and what a button does, to how many', () => {
    const [failure] = asked().questions;
    const stop = failure?.answers.find((one) => one.answer === 'stop');
    if (failure === undefined || stop === undefined) throw new Error('the recorded question cannot be stopped');
    expect(otherwiseWords(failure)).toBe('stop the run');
    expect(otherwiseWords({ ...failure, answers: [] })).toBe('stop the run');
    expect(doesWords(stop, 1)).toBe('Stop the run on 1 host');
    expect(failure.answers.filter((one) => isGrave(one.answer)).map((one) => one.answer)).toEqual([
      'exclude',
      'undo',
      'stop',
    ]);
  });
});
