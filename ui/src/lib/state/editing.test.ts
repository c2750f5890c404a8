import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { useHost } from '../host';
import { fakeHost, type FakeHost } from '../host/fake';
import { Drafts } from './drafts.svelte';
import { Editing } from './editing.svelte';

let host: FakeHost;
let editing: Editing;

beforeEach(async () => {
  localStorage.clear();
  host = fakeHost({ live: false });
  useHost(host);
  const view = await host.call('runbook', { name: 'restart-service' });
  editing = new Editing(new Drafts().open(view), view, 'site=ams');
});

afterEach(() => {
  editing.stop();
});

const file = async () => (await host.call('runbook', { name: 'restart-service' })).text;

describe('editing a runbook', () => {
  it('asks the checker and the planner about the text as it stands, with the inputs that it still has', async () => {
    const call = vi.spyOn(host, 'call');
    editing.planning.inputs['unit'] = 'sshd.service';
    editing.type('runbook: x');
    editing.look();
    await vi.waitFor(() => {
      expect(editing.check.pending || editing.planning.asked.pending).toBe(false);
    });
    expect(call.mock.calls.find(([name]) => name === 'check_text')?.[1]).toEqual({ text: 'runbook: x' });
    expect(call.mock.calls.find(([name]) => name === 'plan')?.[1]).toMatchObject({
      request: { text: 'runbook: x', selection: 'site=ams', inputs: { unit: 'sshd.service' } },
    });
  });

  it('follows the form of the text: a new default is taken, what was typed stays, what is gone is not sent', () => {
    const { view } = editing;
    if (view === undefined) throw new Error('there is a view');
    editing.planning.inputs['settle'] = '20s';
    const inputs = view.inputs
      .filter((input) => input.name !== 'mode')
      .map((input) => ({ ...input, default: input.name === 'unit' ? 'cron.service' : input.default }));
    editing.follow({ findings: [], runbook: { ...view, inputs } });
    expect(editing.planning.request().inputs).toMatchObject({ unit: 'cron.service', settle: '20s' });
    expect(editing.planning.request().inputs).not.toHaveProperty('mode');
  });

  it('writes over a changed file only when that is chosen with the file in sight', async () => {
    editing.type('runbook: mine');
    host.changeBehind('restart-service', 'runbook: theirs');
    await editing.save();
    expect(await file()).toBe('runbook: theirs');
    expect(editing.conflict?.theirs.text).toBe('runbook: theirs');
    expect(editing.draft).toMatchObject({ text: 'runbook: mine', unsaved: true });
    await editing.saveOver();
    expect(await file()).toBe('runbook: mine');
    expect(editing.conflict).toBeNull();
  });

  it('says that the file changed before anybody saves, and follows it while nothing was typed', async () => {
    host.changeBehind('restart-service', 'runbook: theirs');
    const changed = await host.call('runbook', { name: 'restart-service' });
    editing.type('runbook: mine');
    editing.found(changed);
    expect(editing.behind).toBe(true);
    expect(editing.draft.text).toBe('runbook: mine');
    editing.type(editing.draft.file);
    editing.found(changed);
    expect(editing.draft).toMatchObject({ text: 'runbook: theirs', unsaved: false });
    expect(editing.behind).toBe(false);
  });

  it('has nothing left to save once the file came to say the same', async () => {
    editing.type('runbook: same');
    host.changeBehind('restart-service', 'runbook: same');
    editing.found(await host.call('runbook', { name: 'restart-service' }));
    expect(editing.draft.unsaved).toBe(false);
    expect(editing.behind).toBe(false);
  });

  it('keeps what is typed while it is being saved', async () => {
    editing.type('runbook: one');
    const saving = editing.save();
    editing.type('runbook: two');
    await saving;
    expect(editing.draft).toMatchObject({ text: 'runbook: two', file: 'runbook: one', unsaved: true });
  });

  it('loses nothing when saving fails', async () => {
    editing.type('runbook: mine');
    vi.spyOn(host, 'call').mockRejectedValue(new Error('the disk is full'));
    await editing.save();
    expect(editing.error?.message).toBe('the disk is full');
    expect(editing.draft).toMatchObject({ text: 'runbook: mine', unsaved: true });
    expect(editing.busy).toBe(false);
  });
});
