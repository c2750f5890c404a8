// A W3C WebDriver session with the real desktop binary: WebKitWebDriver and Node's own fetch, no packages.
// Knows nothing of Daytwo. Every wait has a deadline, and closing leaves no process behind.

import { spawn } from 'node:child_process';
import { createServer } from 'node:net';

/** How long the driver may take to listen, and the binary to open its window, on a loaded machine. */
const startDeadlineMs = 60_000;
/** For one request to the driver, a screenshot among them. */
const requestDeadlineMs = 30_000;
/** How long something may take to appear, unless the caller says otherwise. */
const appearDeadlineMs = 20_000;
/** How often a condition is looked at. */
const lookEveryMs = 30;

/** WebDriver's own names of keys that are not characters. */
export const key = {
  escape: '\uE00C',
  enter: '\uE007',
  control: '\uE009',
  backspace: '\uE003',
  end: '\uE010',
  down: '\uE015',
  pageDown: '\uE00F',
  home: '\uE011',
};

/** From a frame to the screen, on a machine that has other things to do. */
const drawnMs = 60;

const elementField = 'element-6066-11e4-a52e-4f735466cecf';

/** Opens the binary under a driver of its own. */
export async function openWindow(binary, { args = [], env = {} } = {}) {
  const port = await freePort();
  const driver = spawn('WebKitWebDriver', [`--port=${port}`, '--host=127.0.0.1'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    // A process group of its own, which the binary and its web processes join: they are ended together.
    detached: true,
    env: {
      ...process.env,
      TAURI_AUTOMATION: 'true',
      TAURI_WEBVIEW_AUTOMATION: 'true',
      // With this renderer off, a screenshot of a page without compositing layers never comes.
      WEBKIT_DISABLE_DMABUF_RENDERER: '0',
      ...env,
    },
  });
  const end = () => endGroup(driver.pid);
  process.once('exit', end);
  const failed = new Promise((_, reject) => {
    driver.once('error', (error) => reject(new Error(`WebKitWebDriver could not be started: ${error.message}`)));
    driver.once('exit', (code) => reject(new Error(`WebKitWebDriver ended with ${code}`)));
  });
  failed.catch(() => {});
  try {
    const base = `http://127.0.0.1:${port}`;
    await Promise.race([failed, until('the driver listens', () => request(base, 'GET', '/status'), startDeadlineMs)]);
    const capabilities = { alwaysMatch: { 'webkitgtk:browserOptions': { binary, args } } };
    const opened = await Promise.race([failed, request(base, 'POST', '/session', { capabilities }, startDeadlineMs)]);
    return new Window(`${base}/session/${opened.sessionId}`, driver.pid, () => {
      driver.removeAllListeners('exit');
      process.removeListener('exit', end);
      end();
    });
  } catch (error) {
    end();
    throw error;
  }
}

/** The window, as a person uses it. Whatever is named by a selector is waited for. */
class Window {
  /** The process group of everything that belongs to it. */
  group;
  #session;
  #end;

  constructor(session, group, end) {
    this.#session = session;
    this.group = group;
    this.#end = end;
  }

  /** Goes to an address. */
  async open(url) {
    await this.#ask('POST', '/url', { url });
  }

  /** Clicks what is visible and enabled. */
  async click(selector) {
    await this.#onceThere(selector, async (id) => {
      if (!(await this.#ask('GET', `/element/${id}/enabled`))) throw new Error(`${selector} is disabled`);
      await this.#ask('POST', `/element/${id}/click`, {});
    });
  }

  /** Replaces the text of a field. */
  async fill(selector, text) {
    await this.#onceThere(selector, (id) => this.#ask('POST', `/element/${id}/clear`, {}));
    if (text !== '') await this.#onceThere(selector, (id) => this.#ask('POST', `/element/${id}/value`, { text }));
  }

  /** Chooses one of a list by its value. */
  async choose(selector, value) {
    await this.click(`${selector} option[value="${value}"]`);
  }

  /** Presses keys one after the other, wherever the focus is. */
  async press(...keys) {
    const actions = keys.flatMap((value) => [
      { type: 'keyDown', value },
      { type: 'keyUp', value },
    ]);
    await this.#ask('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
  }

  /** Holds one key while pressing another. */
  async chord(held, value) {
    const actions = [
      { type: 'keyDown', value: held },
      { type: 'keyDown', value },
      { type: 'keyUp', value },
      { type: 'keyUp', value: held },
    ];
    await this.#ask('POST', '/actions', { actions: [{ type: 'key', id: 'keyboard', actions }] });
  }

  /** Waits until the text of the first match satisfies the pattern; returns the match. */
  async waitForText(selector, pattern, deadlineMs = appearDeadlineMs) {
    let seen = '';
    const look = async () => {
      seen = await this.run((css) => document.querySelector(css)?.innerText ?? '', selector);
      return pattern.exec(seen);
    };
    return until(() => `${selector} says ${pattern}; it says: ${seen.slice(0, 400)}`, look, deadlineMs);
  }

  /** Waits until something matches. */
  async waitFor(selector, deadlineMs = appearDeadlineMs) {
    await until(`${selector} is there`, async () => (await this.count(selector)) > 0, deadlineMs);
  }

  /** Waits until nothing matches. */
  async waitUntilGone(selector, deadlineMs = appearDeadlineMs) {
    await until(`${selector} is gone`, async () => (await this.count(selector)) === 0, deadlineMs);
  }

  /** How many elements match now. */
  async count(selector) {
    return this.run((css) => document.querySelectorAll(css).length, selector);
  }

  /** Runs a function in the page. */
  async run(script, ...args) {
    return this.#ask('POST', '/execute/sync', { script: `return (${script})(...arguments)`, args });
  }

  /** Moves the pointer to the upper edge, where it hovers over nothing. */
  async pointAway() {
    const actions = [{ type: 'pointerMove', x: await this.run(() => Math.round(innerWidth / 2)), y: 0 }];
    await this.#ask('POST', '/actions', { actions: [{ type: 'pointer', id: 'mouse', actions }] });
  }

  /** Gives the window this size, and waits until the page has it. */
  async resize(width, height) {
    await this.#ask('POST', '/window/rect', { width, height });
    const fits = () =>
      this.run((w, h) => Math.abs(innerWidth - w) < 80 && Math.abs(innerHeight - h) < 120, width, height);
    await until(`the window is ${width} × ${height}`, fits, appearDeadlineMs);
  }

  /** A picture of the page, as PNG. */
  async screenshot() {
    // Two frames later, what was just changed has been drawn; a little later, it is also what is shown.
    await this.#ask('POST', '/execute/async', {
      script: `const done = arguments[0];
        requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => done(true), ${drawnMs})))`,
      args: [],
    });
    return Buffer.from(await this.#ask('GET', '/screenshot'), 'base64');
  }

  /** Ends the program as a crash would: without a word, in the middle of whatever it does. */
  kill() {
    this.#end();
  }

  /** Closes the window and ends everything that belongs to it. */
  async close() {
    try {
      await this.#ask('DELETE', '');
    } catch {
      // It may have gone already; what is left of it is ended below.
    } finally {
      this.#end();
    }
  }

  async #onceThere(selector, act) {
    let last = new Error('it is not there');
    const attempt = async () => {
      try {
        const found = await this.#ask('POST', '/element', { using: 'css selector', value: selector });
        return { result: await act(found[elementField]) };
      } catch (error) {
        // Not there yet, covered, or replaced in between: all of these pass or run into the deadline.
        last = error;
        return null;
      }
    };
    return (await until(() => `${selector} can be used: ${last.message}`, attempt, appearDeadlineMs)).result;
  }

  #ask(method, path, body) {
    return request(this.#session, method, path, body);
  }
}

/** Looks again and again until it is true; returns what it was. */
export async function until(what, look, deadlineMs = appearDeadlineMs) {
  const end = Date.now() + deadlineMs;
  let error;
  for (;;) {
    try {
      const seen = await look();
      if (seen) return seen;
      error = undefined;
    } catch (thrown) {
      error = thrown;
    }
    if (Date.now() > end) {
      const wanted = typeof what === 'function' ? what() : what;
      throw new Error(`not within ${deadlineMs / 1000} s: ${wanted}`, { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
}

async function request(base, method, path, body, deadlineMs = requestDeadlineMs) {
  const answer = await fetch(`${base}${path}`, {
    method,
    headers: { 'content-type': 'application/json' },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(deadlineMs),
  });
  const { value } = await answer.json();
  if (!answer.ok) throw new Error(`${value?.error ?? answer.status}: ${value?.message ?? `${method} ${path}`}`);
  return value;
}

function endGroup(pid) {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nobody is left in it.
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
