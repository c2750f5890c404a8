// A picture of each place, in both themes and in the smallest and a large size, for people to look at.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { withMistake } from './authoring.mjs';
import { editor, fleet, frame, history, plan, resume, run, runbooks, runs, settings } from './selectors.mjs';
import { key } from './webdriver.mjs';

const sizes = [
  [1024, 640],
  [1920, 1080],
];
const themes = ['light', 'dark'];

/** What is photographed: its name, its address, and what shows that it is there. */
const places = ({ planned, ran, undone, edited, resumed, cancelled }) => [
  ['fleet', '#/fleet', fleet.matrix],
  ['host', '#/fleet/web-ams-1', fleet.drawer],
  ['runbooks', '#/runbooks', runbooks.anyRow],
  ['runbook', planned.replace(/\/plan.*$/, ''), runbooks.page],
  ['plan-asks', planned.replace(/\?.*$/, ''), plan.problems],
  ['plan', '#/runbooks/restart-service/plan?selection=role%3Dweb', plan.digest],
  ['plan-wide', '#/runbooks/restart-service/plan?selection=host~%22*%22', plan.typeToStart],
  ['editor', edited, plan.digest],
  ['runs', '#/runs', runs.place],
  ['run', ran, run.matrix],
  ['undo', undone, run.matrix],
  ['cancelled', cancelled, run.matrix],
  ['resume', resumed, resume.choices],
  ['history', '#/history', history.anyRow],
  ['settings', '#/settings', settings.theme],
];

/** Photographs everything. What is wider than the window fails. */
export async function photograph(window, seen, folder, step) {
  for (const [width, height] of sizes) {
    await step(`every place fits into ${width} × ${height}, and is photographed in both themes`, async () => {
      await window.resize(width, height);
      await window.pointAway();
      for (const [name, hash, shown] of places(seen).filter(([, hash]) => hash !== undefined)) {
        await window.run((to) => void (location.hash = to), hash);
        await window.waitFor(shown);
        await picture(window, name, folder, width, height);
        if (name === 'plan') await endOfPlan(window, folder, width, height);
        if (name === 'editor') await mistaken(window, folder, width, height);
      }
    });
  }
  await step('the palette is photographed in both themes', async () => {
    await window.chord(key.control, 'k');
    await window.waitFor(frame.paletteField);
    await inBothThemes(window, (theme) => join(folder, `palette-${theme}.png`));
    await window.press(key.escape);
  });
}

/** Pictures of what is on screen now, in both themes and sizes; `show` is brought into view. What is too wide fails. */
export async function snap(window, name, folder, show) {
  const before = await window.run(() => [innerWidth, innerHeight]);
  for (const [width, height] of sizes) {
    await window.resize(width, height);
    // What was under the pointer before is under it again after that.
    await window.pointAway();
    if (show !== undefined) await window.run((css) => document.querySelector(css).scrollIntoView(), show);
    await picture(window, name, folder, width, height);
  }
  await window.resize(...before);
}

async function picture(window, name, folder, width, height) {
  await inBothThemes(window, (theme) => join(folder, `${name}-${theme}-${width}x${height}.png`));
  const wider = await window.run(() => document.documentElement.scrollWidth - innerWidth);
  if (wider > 0) throw new Error(`${name} is ${wider} px wider than the window at ${width} × ${height}`);
}

/** The lower end of a plan, where it is started. */
async function endOfPlan(window, folder, width, height) {
  await window.run((css) => document.querySelector(css).scrollIntoView({ block: 'end' }), plan.start);
  await picture(window, 'plan-end', folder, width, height);
}

/** The editor with an error in its text, and the page about that error. */
async function mistaken(window, folder, width, height) {
  await withMistake(window, async () => {
    await window.waitFor(editor.liveErrors);
    await picture(window, 'editor-error', folder, width, height);
    await window.click(editor.explain);
    await window.waitFor(editor.page);
    await picture(window, 'explain', folder, width, height);
    await window.press(key.escape);
    await window.waitUntilGone(editor.page);
  });
}

async function inBothThemes(window, file) {
  for (const theme of themes) {
    await window.run((name) => void (document.documentElement.dataset.theme = name), theme);
    await writeFile(file(theme), await window.screenshot());
  }
}
