import { flushSync } from 'svelte';
import { beforeEach, describe, expect, it, vi } from 'vitest';

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

  it('keeps the hosts and inputs that it is planned with', () => {
    const plannedWith = { selection: 'role=web', inputs: { unit: 'caddy.service' }, whenReachable: '3d' };
    const drafts = new Drafts();
    const draft = drafts.open(view('a', '1'));
    draft.planWith(plannedWith);
    expect(new Drafts().unsaved.size).toBe(0);
    draft.type('mine');
    expect(new Drafts().open(view('a', '1')).plannedWith).toEqual(plannedWith);
  });

  it('says when it will not outlive the window', () => {
    const draft = new Drafts().open(view('a', '1'));
    draft.type('mine');
    expect(draft.lasts).toBe(true);
    const full = vi.spyOn(Storage.prototype, 'setItem').mockImplementation(() => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    draft.type('mine, and more');
    expect(draft.lasts).toBe(false);
    full.mockRestore();
    draft.type('x'.repeat(300_000));
    expect(draft.lasts).toBe(false);
    expect(new Drafts().unsaved.size).toBe(0);
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

  it('of an older window waits as the runbook says', () => {
    const older = { file: 'a', base: '1', text: 'mine', plannedWith: { selection: 'role=web', inputs: {} } };
    localStorage.setItem('daytwo.draft.restart-service', JSON.stringify(older));
    expect(new Drafts().open(view('a', '1')).plannedWith).toEqual({
      selection: 'role=web',
      inputs: {},
      whenReachable: '',
    });
  });

  it('that a foreign or damaged store holds is left alone', () => {
    localStorage.setItem('daytwo.draft.x', '{"text": 3}');
    localStorage.setItem('daytwo.draft.y', '{');
    expect(new Drafts().unsaved.size).toBe(0);
    localStorage.clear();
    const older = { file: 'a', base: '1', text: 'mine', plannedWith: { selection: 4 } };
    localStorage.setItem('daytwo.draft.restart-service', JSON.stringify(older));
    expect(new Drafts().open(view('a', '1'))).toMatchObject({
      text: 'mine',
      plannedWith: { selection: '', inputs: {}, whenReachable: '' },
    });
  });
});
