// The part of the walk in which something goes wrong: a failure is decided in place, a run is cancelled in a degree and
// resumed, a host says who touched it, and after a crash the first screen says what was found out.

import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import {
  cancel,
  frame,
  plan,
  question,
  rail,
  recovered,
  resume,
  run,
  runbooks,
  touched,
  waiting,
} from './selectors.mjs';
import { key, until } from './webdriver.mjs';

export const asks = 'ask-first';
export const waits = 'wait-long';
const later = 'look-later';
const pauses = 'pause-between';

/** Of somebody's own: one fails until it is decided, one takes longer than anybody waits, one is for a host that does not
 *  answer, one holds after its first batch. */
const texts = {
  [asks]: `runbook: ${asks}
title: Ask first
summary: Fails on every host, and asks what is to become of it.
kind: operation
targets: role=web and site=ams
rollout:
  batches: [100%]
  max_failed: 100%
steps:
  - id: note
    title: Leave a note
    run: touch /tmp/daytwo-walk
    undo:
      run: rm -f /tmp/daytwo-walk
  - id: fail
    title: Fail
    run: echo "the standby is not serving"; exit 3
    effect: read
    if_failed:
      ask: { within: 20m, otherwise: stop }
`,
  [waits]: `runbook: ${waits}
title: Wait long
summary: Takes longer than anybody waits.
kind: operation
targets: role=web and site=fra
rollout:
  batches: [100%]
steps:
  - id: wait
    title: Wait
    run: echo waiting; sleep 600
    timeout: 15m
    undo: none
`,
  [pauses]: `runbook: ${pauses}
title: Pause between
summary: Looks at one host, and waits before it looks at the next.
kind: diagnostic
targets: role=web and site=iad
rollout:
  batches: [1, 100%]
  hold: 10m
steps:
  - id: look
    title: Look
    run: uptime
    effect: read
`,
  [later]: `runbook: ${later}
title: Look later
summary: Reads something, also on a host that does not answer.
kind: diagnostic
targets: role=inference and site=sgp
rollout:
  batches: [100%]
  max_unreachable: 100%
steps:
  - id: look
    title: Look
    run: uptime
    effect: read
`,
};

const hosts = 2;
/** How long a step, a kill that is looked at, or a look at all hosts of a found run may take. */
const actDeadlineMs = 120_000;
/** How long it may take after a start until what became of a found run is known: its hosts boot for that. */
const askedDeadlineMs = 30_000;

/** Puts the runbooks where the demo finds them: before it opens. */
export async function prepare(config) {
  const folder = join(config, 'demo', 'runbooks');
  await mkdir(folder, { recursive: true });
  for (const [name, text] of Object.entries(texts)) await writeFile(join(folder, `${name}.yaml`), text);
}

/** Walks; returns the addresses of what there is to see. `photo` takes pictures of a window under a name. */
export async function decide(window, step, photo) {
  await step('a failure asks in place, with its hosts, and each answer says what it means', async () => {
    await start(window, asks);
    await window.waitForText(question.any, /without an answer in 1\d min/, actDeadlineMs);
    await until('both hosts ask the same', async () => (await window.count(`${question.hosts} input`)) === hosts);
    await photo(window, 'decision');
  });

  await step('a host is tried again where it failed, and asks again', async () => {
    await window.click(question.answer('retry'));
    await window.waitForText(run.record, /\(2\)/, actDeadlineMs);
    await until(
      'both hosts ask for the second time',
      async () =>
        (await window.count(`${question.hosts} input`)) === hosts &&
        (await window.count(question.answer('retry'))) === 1,
      actDeadlineMs,
    );
  });

  const failed = await step('what takes something away is asked for twice, with a reason', async () => {
    await excludeThem(window, 'the standby has to be repaired first', () => photo(window, 'decision-confirm'));
    await window.waitForText(run.status, /^failed/, actDeadlineMs);
    // It stays as long as the pointer is on it, so that nothing moves under it.
    await window.pointAway();
    await window.waitUntilGone(question.any);
    return address(window);
  });

  await step('its way back is planned and shown before anything is taken back', async () => {
    await window.click(run.undo);
    await window.waitForText(plan.hosts, new RegExp(`^${hosts}$`));
    await window.waitFor(`${plan.start}:not(:disabled)`);
    await photo(window, 'undo-planned');
    await window.press(key.escape);
    await window.waitForText(run.status, /^failed/);
  });

  const resumed = await step('a failed run is resumed in one of three ways, and its plan is shown first', async () => {
    await window.click(run.resume);
    await window.waitFor(resume.choices);
    await window.click(resume.part('failed_from_their_step'));
    await window.waitForText(plan.hosts, new RegExp(`^${hosts}$`));
    return address(window);
  });

  const cancelled = await step('a run is cancelled in one of three degrees, and ends with a look', async () => {
    await start(window, waits);
    await window.click(run.cancel);
    for (const degree of ['no_new_starts', 'terminate', 'kill']) await window.waitFor(cancel.degree(degree));
    await photo(window, 'cancel');
    await window.click(cancel.degree('terminate'));
    await window.fill(cancel.why, 'it was the wrong site');
    await window.click(cancel.confirm);
    await window.waitForText(run.status, /^cancelled/, actDeadlineMs);
    return address(window);
  });

  await step('between two batches a run says what it waits for, and until when', async () => {
    await start(window, pauses);
    await window.waitForText(run.pace, /^Waiting 10 min after batch 1,\s+until \d\d:\d\d/, actDeadlineMs);
    await photo(window, 'hold');
    await window.click(run.cancel);
    await window.click(cancel.degree('terminate'));
    await window.fill(cancel.why, 'one look was enough');
    await window.click(cancel.confirm);
    await window.waitForText(run.status, /^cancelled/, actDeadlineMs);
    await window.waitUntilGone(run.pace);
  });

  await step(
    'a host that cannot be reached waits for its part as long as was chosen, and the plan says so',
    async () => {
      await toPlan(window, later);
      await window.choose(plan.whenReachable, '3d');
      await window.waitForText(plan.waits, /a closed console delivers nothing/);
      await photo(window, 'plan-waits', plan.waits);
      await window.click(plan.start);
      await window.waitForText(run.status, /^(succeeded|failed)/, actDeadlineMs);
      await window.click(rail('runs'));
      await window.waitForText(waiting.list, /1 host waits/, actDeadlineMs);
      await window.waitForText(waiting.any, /inference-sgp-2[\s\S]*Look later[\s\S]*\b3 d left/);
      await window.waitForText(waiting.list, /a closed console delivers nothing/);
      await photo(window, 'waiting');
    },
  );

  await step('a host says who touched it', async () => {
    await window.run(() => void (location.hash = '#/fleet/web-fra-1'));
    await window.click(touched.ask);
    await window.waitForText(touched.any, new RegExp(waits), actDeadlineMs);
    await photo(window, 'touched');
  });

  return { failed, resumed, cancelled };
}

/** Ends the program in the middle of a run and opens it again. */
export async function crash(window, step, open, photo) {
  await step('the program is killed in the middle of a run', async () => {
    await start(window, waits);
    await window.waitForText(run.matrix, /running/, actDeadlineMs);
    window.kill();
  });
  const again = await step('it opens again', open);
  await step('the first screen says what was found out, and what is unknown, until it is put aside', async () => {
    await again.waitForText(recovered.panel, /Wait long/, actDeadlineMs);
    // The demo's hosts ended with the program and have been started since: that is found out, and soon.
    await again.waitForText(
      recovered.panel,
      /wait on web-fra-\d.* was lost and may have half happened/,
      askedDeadlineMs,
    );
    await until(
      'nothing is being asked any more',
      async () => (await again.count(`${recovered.panel}[data-asking="false"]`)) === 1,
      askedDeadlineMs,
    );
    await photo(again, 'recovered');
    await again.click(recovered.putAside);
    await again.waitUntilGone(recovered.panel);
  });
}

/** Answers what is asked with leaving its hosts out; `look` at what is confirmed then. */
export async function excludeThem(window, why, look = async () => {}) {
  await window.click(question.answer('exclude'));
  await window.fill(question.why, why);
  await look();
  await window.click(question.confirm);
}

export async function start(window, name) {
  await toPlan(window, name);
  await window.click(plan.start);
  await window.waitFor(run.matrix);
}

async function toPlan(window, name) {
  await window.waitFor(frame.connection);
  await window.click(rail('runbooks'));
  await window.click(runbooks.row(name));
  await window.click(runbooks.plan);
  await window.waitForText(plan.hosts, new RegExp(`^${hosts}$`));
}

const address = (window) => window.run(() => location.hash);
