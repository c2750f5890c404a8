// A picture of each place, in both themes and in the smallest and a large size, for people to look at.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { editor, fleet, frame, history, plan, run, runbooks, runs, settings } from './selectors.mjs';
import { key } from './webdriver.mjs';

const sizes = [
  [1024, 640],
  [1920, 1080],
];
const themes = ['light', 'dark'];

/** What is photographed: its name, its address, and what shows that it is there. */
const places = ({ planned, ran, undone, edited }) => [
  ['fleet', '#/fleet', fleet.matrix],
  ['host', '#/fleet/web-ams-1', fleet.drawer],
  ['runbooks', '#/runbooks', runbooks.anyRow],
  ['runbook', planned.replace(/\/plan.*$/, ''), runbooks.page],
  ['plan', planned.replace(/\?.*$/, ''), `${plan.page}, ${plan.problems}`],
  ['editor', edited, editor.host],
  ['runs', '#/runs', runs.place],
  ['run', ran, run.matrix],
  ['undo', undone, run.matrix],
  ['history', '#/history', history.anyRow],
  ['settings', '#/settings', settings.theme],
];

/** Photographs everything. What is wider than the window fails. */
export async function photograph(window, seen, folder, step) {
  for (const [width, height] of sizes) {
    await step(`every place fits into ${width} × ${height}, and is photographed in both themes`, async () => {
      await window.resize(width, height);
      await window.pointAway();
      for (const [name, hash, shown] of places(seen)) {
        await window.run((to) => void (location.hash = to), hash);
        await window.waitFor(shown);
        await inBothThemes(window, (theme) => join(folder, `${name}-${theme}-${width}x${height}.png`));
        const wider = await window.run(() => document.documentElement.scrollWidth - innerWidth);
        if (wider > 0) throw new Error(`${name} is ${wider} px wider than the window at ${width} × ${height}`);
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

async function inBothThemes(window, file) {
  for (const theme of themes) {
    await window.run((name) => void (document.documentElement.dataset.theme = name), theme);
    await writeFile(file(theme), await window.screenshot());
  }
}
