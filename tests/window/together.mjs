// Window and command line at once, on one history: what one of them starts, the other one sees, answers and cancels.

import { spawn } from 'node:child_process';
import { dirname, extname, join } from 'node:path';

import { asks, excludeThem, start, waits } from './deciding.mjs';
import { question, rail, run, runs } from './selectors.mjs';
import { until } from './webdriver.mjs';

/** For what crosses from one process to the other: a look at the journal, and a step on demo hosts that boot for it. */
const crossDeadlineMs = 120_000;
/** For a command to end once nothing is left to do: it stops its demo hosts in order. */
const endDeadlineMs = 60_000;
/** What is kept of a command's words, to be shown when it fails. */
const wordsMost = 4000;

/** Commands of the binary that lies beside the window's, in the window's surroundings. */
export function commandLine(binary, env) {
  const program = join(dirname(binary), `daytwo${extname(binary)}`);
  return (...args) => new Command(program, ['--demo', ...args], env);
}

class Command {
  words = '';
  #code;
  #child;
  #called;

  constructor(program, args, env) {
    this.#called = ['daytwo', ...args].join(' ');
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream.on('data', (bytes) => (this.words = (this.words + String(bytes)).slice(-wordsMost)));
    this.#child.once('error', (error) => (this.#code = error.message));
    this.#child.once('exit', (code, signal) => (this.#code = code ?? signal));
    process.once('exit', () => this.end());
  }

  /** Its exit code, once it has ended. */
  async ended() {
    const said = () => `${this.#called} has ended; it says: ${this.words}`;
    await until(said, () => this.#code !== undefined, endDeadlineMs);
    return this.#code;
  }

  /** Ends it where it still runs. */
  end() {
    if (this.#code === undefined) this.#child.kill('SIGKILL');
  }
}

/** Walks; `daytwo` runs a command. */
export async function together(window, step, daytwo, photo) {
  const command = await step('a run that the command line starts is seen in Runs while it goes on', async () => {
    const started = daytwo('run', asks, '--yes');
    try {
      await window.click(rail('runs'));
      await window.waitForText(runs.active, /Ask first/, crossDeadlineMs);
      await photo(window, 'runs-active');
      await window.click(runs.activeRow);
      await window.waitForText(question.any, /without an answer in 1\d min/, crossDeadlineMs);
    } catch (error) {
      started.end();
      throw new Error(`${error.message}; the command says: ${started.words}`, { cause: error });
    }
    return started;
  });

  await step('its question is answered in the window, and the command goes on with that', async () => {
    await excludeThem(window, 'answered beside the command line');
    await window.waitForText(run.status, /^failed/, crossDeadlineMs);
    const code = await command.ended();
    if (code === 0) throw new Error(`the command ended as if all were well: ${command.words}`);
    if (!/answered beside the command line/.test(command.words))
      throw new Error(`the command does not tell what was decided: ${command.words}`);
  });

  await step('a run that the window drives is cancelled from the command line', async () => {
    await start(window, waits);
    await window.waitForText(run.matrix, /running/, crossDeadlineMs);
    const id = (await window.run(() => location.hash)).split('/')[2];
    const cancel = daytwo('cancel', id, '--why', 'asked for beside the window');
    const code = await cancel.ended();
    if (code !== 0) throw new Error(`the cancel was not taken: ${cancel.words}`);
    await window.waitForText(run.status, /^cancelled/, crossDeadlineMs);
    await window.click(run.record);
    await window.waitForText(run.decisions, /asked for beside the window/);
    await window.click(run.record);
  });
}
