// The main job, through the real window of the real binary, on the demo fleet:
//
//     node tests/window/run.mjs BINARY SCREENSHOTS
//
// choose a runbook, fill the form, see the plan, run it, watch it end, find it in History, take it back; make a runbook
// one's own and change it; decide about failures, cancel, resume, wait for a host, share the work with the command line,
// and come back after a crash. In between a picture of each place, in both themes and two sizes. Ends with one line of
// totals; a failed step ends the walk, since each stands on the one before.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { author } from './authoring.mjs';
import { crash, decide, prepare } from './deciding.mjs';
import { photograph, snap } from './screenshots.mjs';
import { commandLine, together } from './together.mjs';
import { walk } from './walk.mjs';
import { openWindow } from './webdriver.mjs';

const [binary, screenshots, ...more] = process.argv.slice(2);
if (screenshots === undefined || more.length > 0) {
  console.error('usage: node tests/window/run.mjs BINARY SCREENSHOTS');
  process.exit(2);
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

await rm(screenshots, { recursive: true, force: true });
await mkdir(screenshots, { recursive: true });
const home = await mkdtemp(join(tmpdir(), 'daytwo-window-'));
let passed = 0;
let failed = 0;
let window;

/** One step, named by what it promises. */
async function step(promise, act) {
  const started = performance.now();
  const done = await act();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`ok    ${promise} (${seconds} s)`);
  passed += 1;
  return done;
}

try {
  // Known from the moment it is open: whatever fails after that is photographed in it, and closes it.
  const open = async () => (window = await openWindow(resolve(binary), { args: ['--demo'], env: surroundings(home) }));
  const photo = (of, name, show) => snap(of, name, screenshots, show);
  await prepare(surroundings(home).DAYTWO_CONFIG_DIR);
  await step('the window opens', open);
  const seen = await walk(window, step);
  seen.edited = await author(window, step);
  Object.assign(seen, await decide(window, step, photo));
  await photograph(window, seen, screenshots, step);
  await together(window, step, commandLine(resolve(binary), surroundings(home)), photo);
  await crash(window, step, open, photo);
} catch (error) {
  failed += 1;
  console.log(`FAIL  ${error.message}`);
  if (error.cause) console.log(`      because: ${error.cause.message ?? error.cause}`);
  await keepEvidence(window, screenshots);
} finally {
  await window?.close();
  await rm(home, { recursive: true, force: true, maxRetries: 5 });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** A home of its own: nothing of whoever runs this is read, and nothing is left behind. */
function surroundings(home) {
  return {
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    XDG_DATA_HOME: join(home, 'data'),
    XDG_CACHE_HOME: join(home, 'cache'),
    DAYTWO_CONFIG_DIR: join(home, 'config', 'daytwo'),
    DAYTWO_DATA_DIR: join(home, 'data', 'daytwo'),
    LANG: 'C.UTF-8',
    SSH_AUTH_SOCK: '',
  };
}

/** What the window looked like when a step failed. */
async function keepEvidence(window, folder) {
  if (window === undefined) return;
  try {
    await writeFile(join(folder, 'failed.txt'), await window.run(() => document.body.innerText));
    await writeFile(join(folder, 'failed.html'), await window.run(() => document.documentElement.outerHTML));
    await writeFile(join(folder, 'failed.png'), await window.screenshot());
    console.log(`      the window as it was: ${join(folder, 'failed.png')}, failed.txt, failed.html`);
  } catch (error) {
    console.log(`      the window could not be photographed: ${error.message}`);
  }
}
