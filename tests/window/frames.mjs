// How smooth the window stays under the largest run: recorded data as fast as it can come, in the browser engine that
// the window has, and how long each frame took. Run with `npm run frames` in ui/, under a display; with words after
// `--`, only what has them in its name.

import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { extname, join, normalize, resolve } from 'node:path';

import { key, openWindow } from './webdriver.mjs';

const load = { hosts: 1000, steps: 10 };
/** Next to nothing, for comparison: what the machine and the engine need for themselves. Then as much as there is. */
const rates = [1, 5000];
const seconds = 5;
/** The smallest window, and a large one: without a graphics card the engine needs most of a frame to put it together. */
const sizes = [
  [1024, 640],
  [1920, 1080],
];
/** A frame that takes longer than this is seen as a halt; the window's own share of it must not. */
const frameMostMs = 50;
/** How much of a processor the page's own thread may take: as much whether others keep the machine busy or not. */
const computedMostPercent = 70;
/** The identity of the recorded run, as lib/host/fake/load.ts has it. */
const run = '01KAM3X0000000000000000000';
/** WebKitGTK's own small browser: the same engine as the window's, and it takes an address. */
const browser = '/usr/lib/x86_64-linux-gnu/webkit2gtk-4.1/MiniBrowser';

/** What a person does meanwhile. */
const looks = {
  'the run is followed': async () => rest(seconds * 1000),
  'the matrix is scrolled': async () => {
    await scroll();
    await rest(seconds * 1000);
  },
  'the focus is moved with the keyboard': async () => {
    await window.run(() => document.querySelector('[data-testid="run-matrix"]').focus());
    const end = Date.now() + seconds * 1000;
    while (Date.now() < end) await window.press(key.down);
  },
  'the output of each host is a table': async () => {
    await window.click('[data-tab="table"]');
    await rest(seconds * 1000);
  },
};

const [only = ''] = process.argv.slice(2);
const ui = resolve(import.meta.dirname, '../../ui');
const built = await mkdtemp(join(tmpdir(), 'daytwo-frames-'));
let server;
let window;
let failed = false;

try {
  build();
  server = await serve(built);
  window = await openWindow(browser, { args: ['--automation'] });
  const page = `http://127.0.0.1:${server.address().port}/`;
  let visit = 0;
  for (const [size, rate] of sizes.flatMap((one) => rates.map((many) => [one, many]))) {
    await window.resize(...size);
    console.log(
      `${load.hosts} hosts × ${load.steps} steps, ${rate} deltas/s, ${size.join(' × ')}, load ${loadavg()[0].toFixed(1)}`,
    );
    for (const [name, look] of Object.entries(looks).filter(([name]) => name.includes(only))) {
      // Another address each time: the same one would not be loaded again.
      visit += 1;
      await window.open(`${page}?load=${load.hosts},${load.steps},${rate}&visit=${visit}#/runs/${run}`);
      await window.waitFor('[data-testid="run-matrix"]');
      await measure(name, look, rate);
    }
  }
} catch (error) {
  failed = true;
  console.log(`FAIL  ${error.message}`);
} finally {
  await window?.close();
  server?.close();
  await rm(built, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;

/** Builds the window with recorded data in the place of the console. */
function build() {
  const vite = join(ui, 'node_modules/vite/bin/vite.js');
  const args = [vite, 'build', '--mode', 'measured', '--outDir', built, '--emptyOutDir', '--logLevel', 'warn'];
  const { status } = spawnSync(process.execPath, args, {
    cwd: ui,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the window could not be built');
}

/** Serves what was built to this machine only. */
function serve(folder) {
  const types = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.css': 'text/css',
    '.svg': 'image/svg+xml',
  };
  const answering = createServer(async (request, response) => {
    const path = normalize(new URL(request.url, 'http://localhost').pathname);
    try {
      const body = await readFile(join(folder, path === '/' ? 'index.html' : path));
      response.writeHead(200, { 'content-type': types[extname(path)] ?? 'text/html' }).end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  return new Promise((done) => answering.listen(0, '127.0.0.1', () => done(answering)));
}

/** Counts the frames while somebody looks, and says how long they took, and how much of that is the window's own work. */
async function measure(name, look, rate) {
  // What the page does while it opens is not what is measured.
  await rest(1000);
  await window.run(record);
  const before = { index: await shown(), computed: await computed() };
  const began = performance.now();
  await look();
  const lasted = (performance.now() - began) / 1000;
  const after = { index: await shown(), computed: await computed() };
  const { at, script, layout } = await window.run(() => globalThis.recorded_);
  const work = script.map((ms, index) => ms + layout[index]);
  const frames = at.slice(1).map((now, index) => now - at[index]);
  const long = frames.filter((ms) => ms > frameMostMs).length;
  const slow = work.filter((ms) => ms > frameMostMs).length;
  const percent = (after.computed - before.computed) / (10 * lasted);
  // Where others keep the processors busy, what lies between two moments is not only the window's.
  const busy = loadavg()[0] > availableParallelism();
  const ok = (busy || slow === 0) && percent <= computedMostPercent && frames.length > 10;
  console.log(
    `${ok ? 'ok   ' : 'FAIL '} ${name}: computes ${percent.toFixed(0)} % of the time; ` +
      `own work ${spread(work)} (script ${spread(script)}; layout ${spread(layout)}), ${slow} over ${frameMostMs} ms; ` +
      `${(frames.length / lasted).toFixed(0)} frames/s, ${spread(frames)}, ${long} over ${frameMostMs} ms; ` +
      `${((after.index - before.index) / lasted).toFixed(0)} deltas/s shown${busy ? '; the machine is busy' : ''}`,
  );
  if (rate > 1 && !ok) failed = true;
}

/** Runs in the page: when frames begin, and how long the window computes and lays out whatever it does at a frame. */
function record() {
  const recorded = (globalThis.recorded_ = { at: [], script: [], layout: [] });
  const ask = requestAnimationFrame.bind(globalThis);
  globalThis.requestAnimationFrame = (draw) =>
    ask((now) => {
      const began = performance.now();
      draw(now);
      // What the state's change sets off runs as microtasks, before these two; the layout is asked for to be counted.
      void Promise.resolve()
        .then(() => undefined)
        .then(() => {
          const scripted = performance.now();
          recorded.script.push(scripted - began);
          void document.body.offsetHeight;
          recorded.layout.push(performance.now() - scripted);
        });
    });
  const count = (now) => {
    recorded.at.push(now);
    ask(count);
  };
  ask(count);
}

function spread(times) {
  const sorted = [...times].sort((a, b) => a - b);
  const part = (share) => (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
  return `median ${part(0.5)}, 99 % ${part(0.99)}, longest ${part(1)} ms`;
}

/** How long the page's own thread has computed until now, in ms: what waits for a processor does not count. */
async function computed() {
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    try {
      const [, group] = /\) \S \d+ (\d+)/.exec(await readFile(`/proc/${pid}/stat`, 'utf8')) ?? [];
      if (Number(group) !== window.group) continue;
      if (!(await readFile(`/proc/${pid}/comm`, 'utf8')).startsWith('WebKitWebProces')) continue;
      return Number((await readFile(`/proc/${pid}/task/${pid}/schedstat`, 'utf8')).split(' ')[0]) / 1e6;
    } catch {
      // A process that has ended meanwhile is not the one.
    }
  }
  throw new Error('the page has no process');
}

/** The last record that is on screen. */
function shown() {
  return window.run(() => Number(document.querySelector('[data-testid="run-matrix"]').dataset.index));
}

function rest(ms) {
  return new Promise((done) => setTimeout(done, ms));
}

/** Scrolls the matrix up and down, a little with every frame, until the page goes. */
function scroll() {
  return window.run(() => {
    const box = document.querySelector('[data-testid="run-matrix"] .rows');
    let by = 40;
    const on = () => {
      const end = box.scrollHeight - box.clientHeight;
      if (box.scrollTop + by > end || box.scrollTop + by < 0) by = -by;
      box.scrollTop += by;
      requestAnimationFrame(on);
    };
    requestAnimationFrame(on);
  });
}
