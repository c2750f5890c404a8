// The walk through the window: what a person does with it, in the order in which she does it.

import { fleet, frame, history, plan, rail, run, runbooks, settings } from './selectors.mjs';
import { key, until } from './webdriver.mjs';

/** Changes a limit on each gateway, reads it back, and knows the way back. */
const runbook = 'adjust-token-limit';
const inputs = { key: 'sk-demo-team-a', tpm_limit: '120000' };
const hosts = 4;

/** The first look at 24 hosts, of which some are slow and one never answers. */
const fleetDeadlineMs = 60_000;
/** A canary, two more batches, and their checks. */
const runDeadlineMs = 180_000;

/** Walks; returns the addresses of what there is to see. */
export async function walk(window, step) {
  await step('the fleet is shown live, and is labelled as the demo', async () => {
    await window.waitForText(frame.connection, /24 hosts/, fleetDeadlineMs);
    await window.waitForText(frame.connection, /\b2\d live/, fleetDeadlineMs);
    await window.waitFor(frame.demo);
    await window.waitFor(fleet.matrix);
  });

  await step('every place is one key sequence away', async () => {
    const places = { b: 'runbooks', r: 'runs', h: 'history', s: 'settings', f: 'fleet' };
    for (const [letter, place] of Object.entries(places)) {
      await window.press('g', letter);
      await until(`g ${letter} leads to ${place}`, async () => (await address(window)).startsWith(`#/${place}`));
    }
  });

  await step('the palette opens with Ctrl-K and closes with Escape', async () => {
    await window.chord(key.control, 'k');
    await window.waitFor(frame.paletteField);
    await window.press(key.escape);
    await window.waitUntilGone(frame.palette);
  });

  const planned = await step('a runbook is chosen, its form is filled, and its plan is shown', async () => {
    await window.click(rail('runbooks'));
    await window.click(runbooks.row(runbook));
    await window.click(runbooks.plan);
    for (const [name, value] of Object.entries(inputs)) await window.fill(plan.input(name), value);
    await window.waitForText(plan.hosts, new RegExp(`^${hosts}$`));
    await window.waitForText(plan.digest, /^[0-9a-f]{16}$/);
    await window.waitForText(plan.page, new RegExp(inputs.tpm_limit));
    return address(window);
  });

  await step('an impossible input is refused where it is typed, and nothing can be started', async () => {
    await window.fill(plan.input('tpm_limit'), 'many');
    await window.waitFor(`${plan.input('tpm_limit')}[aria-invalid="true"]`);
    await window.waitUntilGone(`${plan.start}:not(:disabled)`);
    await window.fill(plan.input('tpm_limit'), inputs.tpm_limit);
    await window.waitFor(`${plan.start}:not(:disabled)`);
  });

  const ran = await step('the run is started from its plan and watched to its end', async () => {
    await startAndWatch(window, /^succeeded/);
    return address(window);
  });
  const id = ran.split('/')[2];

  await step('the run is found in History', async () => {
    await window.click(rail('history'));
    await window.click(history.row(id));
    await until('it is opened from History', async () => (await address(window)).startsWith(`#/history/${id}`));
    await window.waitForText(run.status, /^succeeded/);
  });

  const undone = await step('the run is taken back, from a plan of its own', async () => {
    await window.click(run.undo);
    await window.waitForText(plan.hosts, new RegExp(`^${hosts}$`));
    await startAndWatch(window, /^(succeeded|rolled back)/);
    return address(window);
  });

  await step('the theme is chosen in Settings', async () => {
    await window.click(rail('settings'));
    for (const theme of ['dark', 'light']) {
      await window.choose(settings.theme, theme);
      await until(`the window is ${theme}`, async () => (await shownTheme(window)) === theme);
    }
  });

  return { planned, ran, undone };
}

async function startAndWatch(window, end) {
  if ((await window.count(plan.typeToStart)) > 0) await window.fill(plan.typeToStart, String(hosts));
  await window.click(plan.start);
  await window.waitFor(run.matrix);
  await window.waitForText(run.status, end, runDeadlineMs);
}

/** Where the window is. */
const address = (window) => window.run(() => location.hash);

const shownTheme = (window) => window.run(() => document.documentElement.dataset.theme);
