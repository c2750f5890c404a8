// The Runs place as a person drives it, over recorded data.

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { FakeHost } from '../lib/host/fake';
import { askingId } from '../lib/host/fake/asking';
import { deltaOf } from '../lib/host/fake/delta';
import type { Pace } from '../lib/wire/types';
import { click, find, goTo, openWindow, press, shown, type, until } from './driver';

const interrupted = '01KALYK2N8B3T5R7V9W1Z4C6DE';

let host: FakeHost;
let close: () => Promise<void>;

beforeEach(() => {
  ({ host, close } = openWindow(`#/runs/${askingId}`));
});

afterEach(() => close());

const all = (id: string) => [...document.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)];
const groups = () => all('question');
const text = (id: string) => find(id)?.textContent.replace(/\s+/g, ' ') ?? '';

async function question(step: number): Promise<HTMLElement> {
  await shown('question');
  const group = groups()[step];
  if (group === undefined) throw new Error(`there is no question ${String(step)}`);
  return group;
}

function answerIn(group: HTMLElement, answer: string): HTMLButtonElement {
  const button = group.querySelector<HTMLButtonElement>(`[data-answer="${answer}"]`);
  if (button === null) throw new Error(`${answer} is not offered`);
  return button;
}

function answered() {
  return vi
    .mocked(host)
    .call.mock.calls.filter(([name]) => name === 'answer')
    .map(([, args]) => args);
}

describe('a decision', () => {
  it('is shown with its hosts, its deadline and what no answer means', async () => {
    const group = await question(0);
    const said = group.textContent.replace(/\s+/g, ' ');
    expect(said).toContain('Exit 1 on Restart the unit');
    expect(said).toContain('without an answer in 28 min: stop the run');
    expect(all('question-hosts')[0]?.textContent).toContain('web-iad-2');
    expect(said).toContain('The step is tried once more; its end was seen.');
    expect(find('questions')?.textContent).toContain('3 hosts wait for a decision');
  });

  it('is given with one press where it takes nothing away, for exactly the hosts that are chosen', async () => {
    vi.spyOn(host, 'call');
    const group = await question(0);
    group.querySelectorAll<HTMLInputElement>('input[type=checkbox]')[1]?.click();
    answerIn(await question(0), 'retry').click();
    await until(() => {
      expect(answered()).toEqual([{ run: askingId, step: 2, hosts: ['web-fra-1'], answer: 'retry', why: '' }]);
      expect(find('run-host-web-fra-1')?.dataset['mark']).toBe('running');
    });
  });

  it('that takes something away is asked for twice, with a reason', async () => {
    vi.spyOn(host, 'call');
    answerIn(await question(0), 'undo').click();
    const confirm = (await shown('answer-confirm')) as HTMLButtonElement;
    expect(confirm.textContent).toBe('Undo on 2 hosts');
    expect(confirm.disabled).toBe(true);
    expect(answered()).toEqual([]);
    await type('answer-why', 'the certificate is wrong');
    confirm.click();
    await until(() => {
      expect(answered()).toEqual([
        {
          run: askingId,
          step: 2,
          hosts: ['web-fra-1', 'web-iad-2'],
          answer: 'undo',
          why: 'the certificate is wrong',
        },
      ]);
      expect(groups()).toHaveLength(1);
    });
    expect(document.activeElement).toBe(find('run-matrix'));
    expect(find('run-host-web-fra-1')?.textContent).toContain('undone');
  });

  it('that was made elsewhere leaves where nobody is, and says so where somebody is', async () => {
    const group = await question(0);
    group.querySelector<HTMLInputElement>('[data-testid="answer-why"]')?.focus();
    const view = await host.call('run', { run: askingId });
    host.push({
      push: 'run',
      delta: {
        ...deltaOf({ ...view, index: view.index + 1 }),
        questions: [],
        decisions: [
          ...view.decisions,
          { at: view.row.started_at, by: 'jonas', what: 'decided to retry restart on 2 hosts', why: 'seen before' },
        ],
      },
    });
    expect((await shown('question-gone')).textContent.replace(/\s+/g, ' ')).toContain(
      'jonas decided to retry restart on 2 hosts: seen before.',
    );
    expect(groups()).toHaveLength(1);
    await until(() => {
      expect(document.activeElement?.textContent).toBe('Close');
    });
    (document.activeElement as HTMLElement).click();
    await until(() => {
      expect(find('questions')).toBeNull();
      expect(document.activeElement).toBe(find('run-matrix'));
    });
  });

  it('holds still under the pointer, and takes in who asks the same later only when told to', async () => {
    const group = await question(0);
    const view = await host.call('run', { run: askingId });
    const asked = view.questions[0];
    if (asked === undefined) throw new Error('nothing is asked');
    const ask = (index: number, hosts: number[]) => {
      host.push({
        push: 'run',
        delta: { ...deltaOf({ ...view, index }), questions: [{ ...asked, hosts }, ...view.questions.slice(1)] },
      });
    };
    group.dispatchEvent(new Event('pointermove', { bubbles: true }));
    ask(view.index + 1, [...asked.hosts, 0]);
    (await shown('question-join')).click();
    await until(() => {
      expect(find('question-join')).toBeNull();
      expect(all('question-hosts')[0]?.textContent).toContain(view.hosts[0]?.name);
    });
    // It was removed under the pointer, which therefore never left it: where the pointer is now counts.
    document.body.dispatchEvent(new Event('pointermove', { bubbles: true }));
    ask(view.index + 2, asked.hosts);
    await until(() => {
      expect(all('question-hosts')[0]?.textContent).not.toContain(view.hosts[0]?.name);
    });
  });

  it('is reached by a key', async () => {
    await question(0);
    press('a');
    expect(document.activeElement).toBe(answerIn(await question(0), 'retry'));
  });
});

describe('between two batches', () => {
  it('the run says what it waits for and until when, and no longer than it does', async () => {
    await shown('run-matrix');
    expect(find('run-pace')).toBeNull();
    const view = await host.call('run', { run: askingId });
    const moment = new Date(2026, 10, 22, 3, 20).toISOString();
    const told = (index: number, pace: Pace | null) => {
      host.push({ push: 'run', delta: { ...deltaOf({ ...view, index: view.index + index }), pace } });
    };
    told(1, { words: 'waiting 10 min after batch 2', until: moment });
    await until(() => {
      expect(text('run-pace')).toMatch(/Waiting 10 min after batch 2, until .*03:20/);
    });
    told(2, null);
    await until(() => {
      expect(find('run-pace')).toBeNull();
    });
  });
});

describe('the matrix', () => {
  it('tells what is known beside a state, and how far an undo got', async () => {
    await shown('run-matrix');
    expect(text('run-host-web-fra-2')).toContain('silent for 2 min');
    expect(text('run-host-web-iad-1')).toContain('out of sight for 40 s');
    expect(text('run-host-web-sgp-1')).toContain('stuck');
    expect(text('run-host-web-sgp-2')).toContain('not started');
    expect(find('run-counts')?.textContent).toContain('waiting for a decision');
  });

  it('cancels the hosts that are selected, in the degree that is chosen, and says what it does', async () => {
    vi.spyOn(host, 'call');
    const matrix = await shown('run-matrix');
    const keyed = (key: string, shiftKey = false) =>
      matrix.dispatchEvent(new KeyboardEvent('keydown', { key, shiftKey, bubbles: true, cancelable: true }));
    goTo(`#/runs/${askingId}/restart/web-fra-2`);
    keyed(' ');
    keyed('ArrowDown', true);
    await until(() => {
      expect(all('run-host-web-fra-2')[0]?.getAttribute('aria-selected')).toBe('true');
      expect(all('run-host-web-iad-1')[0]?.getAttribute('aria-selected')).toBe('true');
    });
    press('x');
    await click('cancel-kill');
    expect(find('cancel-panel')?.textContent).toContain('no clean-up and no undo');
    expect(find('cancel-confirm')?.textContent).toBe('Kill on 2 hosts');
    await type('cancel-why', 'they hang');
    await click('cancel-confirm');
    await until(() => {
      expect(vi.mocked(host).call.mock.calls.find(([name]) => name === 'cancel')?.[1]).toEqual({
        run: askingId,
        degree: 'kill',
        hosts: ['web-fra-2', 'web-iad-1'],
        why: 'they hang',
      });
      expect(find('cancel-asked')?.textContent).toContain('kill on 2 hosts');
    });
  });

  it('sets what a host said against what most said', async () => {
    goTo('#/history/01KALRS9T1V3W5X7Y0Z2A4B6CD/restart/web-iad-2');
    await shown('run-matrix');
    press('d');
    const difference = await shown('output-difference');
    await until(() => {
      expect(difference.textContent).toContain('262 lines differ');
    });
    expect(difference.querySelector('.line.host')?.textContent).toContain('Job for nginx.service failed');
  });
});

describe('what was left', () => {
  it('is resumed from one of three plainly named parts, from a plan that is shown first', async () => {
    goTo(`#/history/${interrupted}`);
    await click('run-resume');
    await shown('resume-choices');
    expect(text('resume-choices')).toContain('Failed hosts, from their failed step');
    expect(text('resume-changed')).toContain('timeout was 1 min, is 2 min');
    expect(text('resume-unknown')).toContain('web-fra-1');
    expect(find('plan')).toBeNull();
    expect((find('resume-everything') as HTMLInputElement).disabled).toBe(true);
    await click('resume-failed_and_not_reached');
    await shown('plan-start');
    expect(window.location.hash).toBe(`#/resume/${interrupted}/failed_and_not_reached`);
    expect(text('plan')).toContain('What is left out');
  });

  it('can be asked for again where an end is unknown', async () => {
    vi.spyOn(host, 'call');
    goTo(`#/history/${interrupted}`);
    await click('run-ask-again');
    await until(() => {
      expect(vi.mocked(host).call).toHaveBeenCalledWith('ask_again', { run: interrupted });
    });
  });

  it('waits for a host until a date, and is withdrawn only when that was asked for twice', async () => {
    goTo('#/runs');
    expect((await shown('waiting-count')).textContent).toContain('2 hosts wait');
    expect(text('waiting-count')).toContain('a closed console delivers nothing');
    expect(text('waiting-web-sgp-2')).toContain('2 d left');
    expect(text('waiting-gateway-iad-1')).toContain('its host key has changed since');
    await click('withdraw-web-sgp-2');
    expect(find('waiting-web-sgp-2')?.dataset['state']).toBe('waiting');
    await click('withdraw-confirm');
    await until(() => {
      expect(find('waiting-web-sgp-2')?.dataset['state']).toBe('withdrawn');
    });
  });
});

describe('after a crash', () => {
  it('the first screen says what was found out and what is unknown, until it is put aside', async () => {
    const found = await shown('recovered');
    expect(found.dataset['asking']).toBe('true');
    expect(found.textContent).toContain('The hosts are being asked');
    await until(() => {
      expect(found.dataset['asking']).toBe('false');
      expect(found.textContent).toContain('restart on web-ams-2 finished with exit 0');
    });
    expect(found.textContent).toContain('restart on web-sgp-2: no answer since 22:05');
    await click(`recovered-${interrupted}`);
    await until(() => {
      expect(find('run-status')?.dataset['status']).toBe('interrupted');
    });
    await click('recovered-dismiss');
    await until(() => {
      expect(find('recovered')).toBeNull();
    });
  });
});

describe('who touched a host', () => {
  it('is asked of the host itself, and leads to the run where it is known', async () => {
    goTo('#/fleet/database-fra-1');
    await click('touched-ask');
    await until(() => {
      expect(all('touch')).toHaveLength(3);
    });
    expect(text('touched')).toContain('jonas on bastion-2, as root · running, lease until 03:12');
    expect(all('touch')[1]?.querySelector('a')?.getAttribute('href')).toContain('#/history/');
    expect(text('touched-unread')).toContain('could not be read');
  });
});
