// Runbooks are found, read, planned and edited in the window, over recorded data.

import { EditorView } from '@codemirror/view';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { FakeHost } from '../lib/host/fake';
import { liveRow } from '../lib/host/fake/runs';
import { drafts } from '../lib/state/drafts.svelte';
import { click, find, goTo, openWindow, press, shown, type, until } from './driver';

let host: FakeHost;
let close: () => Promise<void>;

beforeEach(() => {
  // What jsdom lacks and an editor measures with.
  Range.prototype.getClientRects = () => [] as unknown as DOMRectList;
  document.execCommand = () => false;
  ({ host, close } = openWindow('#/runbooks'));
});

afterEach(async () => {
  await close();
  for (const name of ['restart-service', 'adjust-token-limit', 'rotate-certificates']) {
    const draft = drafts.get(name);
    draft?.type(draft.file);
  }
});

const says = async (id: string, words: string | RegExp) => {
  await until(() => {
    expect(find(id)?.textContent).toMatch(words);
  });
};

/** The editor of the place, once it is loaded. */
async function editor(): Promise<EditorView> {
  let view: EditorView | null = null;
  await until(() => {
    const inside = find('editor')?.shadowRoot?.querySelector<HTMLElement>('.cm-editor');
    view = inside == null ? null : EditorView.findFromDOM(inside);
    expect(view).not.toBeNull();
  });
  return view as unknown as EditorView;
}

const text = async () => (await editor()).state.doc.toString();

async function write(from: string, to: string): Promise<void> {
  const view = await editor();
  const at = view.state.doc.toString().indexOf(from);
  view.dispatch({ changes: { from: at, to: at + from.length, insert: to } });
}

const calls = (name: string) => vi.mocked(host.call).mock.calls.filter(([called]) => called === name);

describe('the catalogue', () => {
  it('finds by any word of title, summary and owner, and marks what is overdue or broken', async () => {
    await shown('overdue-back-up');
    expect(find('runbook-row-rotate-certificates')?.textContent).toContain('line 12, column 5');
    await type('runbook-search', 'platform archive');
    await until(() => {
      expect(find('runbook-row-back-up')).not.toBeNull();
      expect(find('runbook-row-fetch-logs')).toBeNull();
    });
  });
});

describe('the reading view', () => {
  it('leads from a finding to the page about it', async () => {
    goTo('#/runbooks/restart-service');
    await click('explain-no-way-back');
    await says('code-page', /A change has no way back[\s\S]*At 03:00/);
    press('Escape');
    await until(() => {
      expect(find('code-page')).toBeNull();
      expect(find('runbook-page')).not.toBeNull();
    });
  });

  it('offers what the stewardship allows: edit, propose, or a copy of one’s own', async () => {
    goTo('#/runbooks/restart-service');
    expect((await shown('runbook-edit')).textContent).toBe('Edit');
    goTo('#/runbooks/adjust-token-limit');
    await says('runbook-edit', 'Propose a change');
    goTo('#/runbooks/back-up');
    await click('runbook-copy');
    await type('copy-name', 'fetch-logs');
    await says('copy-name-problem', 'already');
    expect((find('copy-make') as HTMLButtonElement).disabled).toBe(true);
    await type('copy-name', 'back-up-night');
    await click('copy-make');
    await until(() => {
      expect(window.location.hash).toBe('#/runbooks/back-up-night/edit');
    });
    expect(await text()).toContain('runbook: back-up-night');
  });
});

describe('the form', () => {
  it('has a control for each kind of input, and sends a list one value per line', async () => {
    const call = vi.spyOn(host, 'call');
    goTo('#/runbooks/restart-service/plan');
    await says('input-release-choices', /did not answer within 5 s[\s\S]*2 h ago/);
    const release = (await shown('input-release')) as HTMLSelectElement;
    expect([...release.options].map((option) => option.value)).toEqual(['', '4.12.0', '4.11.3', '4.11.2']);
    await until(() => {
      expect(document.querySelectorAll('#input-jump-names option')).toHaveLength(24);
    });
    await type('input-paths', '/srv\n/etc');
    await click('input-tell-owner');
    await until(() => {
      const [, args] = calls('plan').at(-1) ?? [];
      expect(args).toMatchObject({ request: { inputs: { paths: '/srv\n/etc', tell: 'on-call\nowner' }, text: null } });
    });
    await click('input-release-reload');
    await until(() => {
      expect(call.mock.calls.filter(([name]) => name === 'input_choices')).toHaveLength(2);
    });
  });

  it('asks for hosts where the runbook names none, and says how many are picked', async () => {
    goTo('#/runbooks/fetch-logs/plan');
    await says('selected', 'The runbook names no hosts: pick some');
    await says('plan-problems', 'nor you say for which hosts');
    await type('selection-input', 'role=gateway');
    await says('selected', /^4 hosts picked/);
    await says('plan-hosts', '4');
  });

  it('lists the hosts that the selector cannot decide apart, with the reason', async () => {
    goTo(`#/runbooks/restart-service/plan?selection=${encodeURIComponent('disk.root.free < 10%')}`);
    await says('undecided', /1 undecided[\s\S]*disk\.root\.free was last read[\s\S]*web-sgp-2/);
    await type('selection-input', 'role=web and =');
    await says('selection-input-count', /column 14: expected a label.*; for example/);
  });
});

describe('the plan', () => {
  it('asks hosts what is needed only when it is told to, and then is the plan with the answers', async () => {
    goTo('#/runbooks/restart-service/plan');
    const asked = `asked-${(await shown('plan-digest')).dataset['digest']}`;
    await click('ask-checks');
    await until(() => {
      expect(find('plan-digest')?.dataset['digest']).toBe(asked);
    });
    expect(find('plan-start')).not.toBeNull();
  });

  it('says of each step whether it is needed, where not, what it sends and its way back, phase by phase', async () => {
    goTo('#/runbooks/restart-service/plan');
    await shown('plan');
    expect(find('plan-source')?.textContent).toBe('git 1f3a9c2b7d10');
    expect(find('plan-not-on-drain')?.textContent).toContain('web-ams-2, web-fra-2');
    expect(find('asked-needed')?.textContent).toContain('needed on 4 hosts');
    const meant = find('plan-step-link')?.querySelector('details.meant');
    expect(meant?.hasAttribute('open')).toBe(false);
    expect(meant?.textContent).toMatch(/points at releases\/4\.12\.0[\s\S]*mv -T/);
    expect(find('plan-phase-on_failure')?.textContent).toContain('Collect the journal');
    expect(find('plan-phase-always')?.textContent).toContain('Take the host back in');
    expect(find('plan-approvals')?.textContent).toContain('is typed before the start');
    expect(find('plan-warnings')?.textContent).toContain('web-iad-1, web-iad-2');
  });

  it('that cannot be started has a reason where its button would be', async () => {
    const { plan } = await host.call('plan', {
      request: { runbook: 'restart-service', inputs: {}, selection: '', text: 'unsaved', when_reachable: null },
    });
    const real = host.call;
    vi.spyOn(host, 'call').mockImplementation((name, args) =>
      name === 'plan'
        ? (Promise.resolve({ plan, problems: [], selected: 8, undecided: [] }) as never)
        : real(name, args as never),
    );
    goTo('#/runbooks/restart-service/plan');
    await says('cannot-start', 'its text is not saved');
    expect(find('plan-start')).toBeNull();
  });
});

describe('the editor', () => {
  it('shows errors at their line and below, and plans the text as it stands, never startable', async () => {
    vi.spyOn(host, 'call');
    goTo('#/runbooks/restart-service/edit');
    await shown('plan-preview');
    await write('    verify:', '    verfy:');
    await says('findings', 'a step has no field verfy');
    await says('live-errors', '1 error left');
    await shown('plan-earlier');
    await write('    verfy:', '    verify:');
    await shown('plan-preview');
    expect(find('plan-start')).toBeNull();
    const [, args] = calls('plan').at(-1) ?? [];
    expect(args).toMatchObject({ request: { text: await text() } });
  });

  it('keeps what was typed when its place is left, says so there, and goes on with undo', async () => {
    goTo('#/runbooks/restart-service/edit');
    const before = await text();
    await write('title: Restart a service', 'title: Restart it');
    await type('selection-input', 'site=ams');
    await type('input-unit', 'caddy.service');
    goTo('#/runbooks');
    await shown('unsaved-restart-service');
    goTo('#/runbooks/restart-service');
    await shown('runbook-unsaved');
    goTo('#/runbooks/restart-service/edit');
    expect(await text()).toContain('title: Restart it');
    expect(((await shown('selection-input')) as HTMLInputElement).value).toBe('site=ams');
    expect(((await shown('input-unit')) as HTMLInputElement).value).toBe('caddy.service');
    await says('editor-state', 'kept in this window; not yet in the file');
    host.push({ push: 'close_asked', runs: [liveRow()] });
    await says('close-kept', 'kept until you come back: restart-service');
    await click('close-stay');
    const { undo } = await import('@codemirror/commands');
    expect(undo(await editor())).toBe(true);
    expect(await text()).toBe(before);
  });

  it('saves with Ctrl-S what stands there, from the file that it began from', async () => {
    const call = vi.spyOn(host, 'call');
    goTo('#/runbooks/restart-service/edit');
    await write('title: Restart a service', 'title: Restart it');
    press('s', { ctrlKey: true });
    await says('editor-state', 'saved');
    expect(call.mock.calls.filter(([name]) => name === 'save_runbook')).toHaveLength(1);
    expect((await host.call('runbook', { name: 'restart-service' })).text).toContain('title: Restart it');
  });

  it('writes over nobody: after a change behind its back both texts are there to choose from', async () => {
    goTo('#/runbooks/restart-service/edit');
    await write('title: Restart a service', 'title: Mine');
    const theirs = (await host.call('runbook', { name: 'restart-service' })).text.replace('a service', 'theirs');
    host.changeBehind('restart-service', theirs);
    await click('editor-save');
    await says('conflict', /was changed since[\s\S]*title: Restart theirs[\s\S]*title: Mine/);
    await click('conflict-keep');
    expect(await text()).toContain('title: Mine');
    await click('editor-save');
    await click('conflict-theirs');
    expect(await text()).toBe(theirs);
    await write('title: Restart theirs', 'title: Ours');
    await click('editor-save');
    await says('editor-state', 'saved');
  });

  it('gives a change of a shared runbook to its owner, with a reason, and says where it lies', async () => {
    goTo('#/runbooks/adjust-token-limit/edit');
    await write('title: Restart a service', 'title: Adjust');
    await click('editor-propose');
    expect(((await shown('propose-send')) as HTMLButtonElement).disabled).toBe(true);
    await type('propose-why', 'clearer title');
    await until(() => {
      expect((find('propose-send') as HTMLButtonElement).disabled).toBe(false);
    });
    await click('propose-send');
    await says('proposal-where', 'daytwo/adjust-token-limit-2026-11-22');
  });

  it('shows a central runbook to be read, and offers the copy in the place of saving', async () => {
    goTo('#/runbooks/back-up/edit');
    expect((await editor()).state.readOnly).toBe(true);
    await shown('copy-name');
    expect(find('editor-save')).toBeNull();
  });
});
