import { flushSync } from 'svelte';
import { beforeEach, describe, expect, it } from 'vitest';

import { reading, shipped } from '../host/fake/runbooks';
import type { RunbookRow } from '../wire/types';
import { Drafts } from './drafts.svelte';

const view = (text: string, digest: string) => reading(shipped[3] as RunbookRow, digest, text);

beforeEach(() => {
  localStorage.clear();
});

describe('a draft', () => {
  it('outlives the view that edits it, and a restart of the window', () => {
    const drafts = new Drafts();
    drafts.open(view('a', '1')).type('mine');
    expect(drafts.open(view('a', '1')).text).toBe('mine');
    expect([...drafts.unsaved]).toEqual(['restart-service']);
    const later = new Drafts();
    expect(later.open(view('a', '1'))).toMatchObject({ text: 'mine', file: 'a', base: '1', unsaved: true });
  });

  it('is none once its file says the same', () => {
    const draft = new Drafts().open(view('a', '1'));
    draft.type('mine');
    draft.settle('mine', '2');
    flushSync();
    expect(draft.unsaved).toBe(false);
    expect(new Drafts().unsaved.size).toBe(0);
  });

  it('keeps the file that it began from while that file changes', () => {
    const drafts = new Drafts();
    drafts.open(view('a', '1')).type('mine');
    expect(drafts.open(view('b', '2'))).toMatchObject({ text: 'mine', base: '1' });
  });

  it('that a foreign or damaged store holds is left alone', () => {
    localStorage.setItem('daytwo.draft.x', '{"text": 3}');
    localStorage.setItem('daytwo.draft.y', '{');
    expect(new Drafts().unsaved.size).toBe(0);
  });
});
