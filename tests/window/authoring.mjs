// The other half of the walk: a runbook that is owned elsewhere becomes one's own and is changed, with its errors and its
// plan beside the text. The editor stands in a shadow tree, because only there may it bring its styles with it.

import { editor, plan, rail, runbooks } from './selectors.mjs';
import { key, until } from './webdriver.mjs';

const central = 'back-up';
const own = 'back-up-own';
const selection = 'role=web';
const mistake = 'verfy: true';

/** Walks; returns the address of the editor. */
export async function author(window, step) {
  await step('the catalogue is searched by what a runbook does', async () => {
    await window.click(rail('runbooks'));
    await window.fill(runbooks.search, 'archive');
    await window.waitFor(runbooks.row(central));
    await until('only what was searched for is listed', async () => (await window.count(runbooks.anyRow)) === 1);
    await window.fill(runbooks.search, '');
  });

  await step('a central runbook is copied, and the copy is edited', async () => {
    await window.click(runbooks.row(central));
    await window.click(runbooks.copy);
    await window.fill(runbooks.copyName, own);
    await window.click(runbooks.copyMake);
    await until('the copy is in the editor', async () => (await text(window)).includes(`runbook: ${own}`));
    await window.waitForText(plan.selected, /names no hosts/);
    await window.fill(plan.selection, selection);
    await window.waitForText(plan.hosts, /^8$/);
  });

  await step(
    'a mistake is shown below and at its line while it is typed, and the plan before it cannot be taken for its',
    async () => {
      await typeMistake(window);
      await until('the line is marked', () =>
        inEditor(window, (root) => root.querySelector('.cm-lint-marker-error') !== null),
      );
      await window.waitFor(editor.liveErrors);
      await window.waitFor(plan.earlier);
      await window.waitUntilGone(plan.start);
      await window.waitForText(editor.state, /not yet in the file/);
    },
  );

  await step('the text and the hosts stay when the editor is left, and undo goes on after that', async () => {
    await window.click(rail('fleet'));
    await window.click(rail('runbooks'));
    await window.click(runbooks.row(own));
    await window.click(runbooks.edit);
    await until('the mistake is still there', async () => (await text(window)).includes(mistake));
    await undoMistake(window);
    await window.waitForText(plan.hosts, /^8$/);
    const there = await window.run((css) => document.querySelector(css)?.value, plan.selection);
    if (there !== selection) throw new Error(`the hosts of the plan are ${there}, not ${selection}`);
  });

  await step('the editor completes from the schema, and Ctrl-S saves', async () => {
    await focus(window);
    await window.chord(key.control, key.end);
    await window.press(...'alw');
    await until('a field is offered', () =>
      inEditor(window, (root) => /always/.test(root.querySelector('.cm-tooltip-autocomplete')?.textContent ?? '')),
    );
    await window.press(key.escape, key.backspace, key.backspace, key.backspace);
    await window.chord(key.control, key.home);
    await window.press(...'# Ours.', key.enter);
    await window.chord(key.control, 's');
    await window.waitForText(editor.state, /^saved/);
  });

  await step('the editor brings its styles without a style element, as the content security policy asks', async () => {
    const styled = (root) => root.adoptedStyleSheets.length > 0 && root.querySelector('style') === null;
    if (!(await inEditor(window, styled))) throw new Error('the editor’s styles are not adopted style sheets');
  });

  return window.run(() => location.hash);
}

/** Types a mistake at the end of the text, and takes it back. */
export async function withMistake(window, act) {
  await typeMistake(window);
  await act();
  await undoMistake(window);
}

async function typeMistake(window) {
  await focus(window);
  await window.chord(key.control, key.end);
  await window.press(key.enter, ...mistake);
  await window.waitForText(editor.findings, /verfy/);
}

/** On a slow machine the editor takes what was typed for several changes: all of them are taken back. */
async function undoMistake(window) {
  await focus(window);
  await until('undo takes the mistake back', async () => {
    await window.chord(key.control, 'z');
    await window.chord(key.control, key.end);
    const last = (await text(window)).trimEnd().split('\n').at(-1) ?? '';
    return !mistake.startsWith(last.trim());
  });
}

/** Asks something of the editor's shadow tree; false where it is not there yet. */
const inEditor = (window, ask) =>
  window.run(
    `(css) => { const root = document.querySelector(css)?.shadowRoot; return root != null && (${ask})(root); }`,
    editor.host,
  );

const text = (window) =>
  window.run(
    (css) => document.querySelector(css)?.shadowRoot?.querySelector('.cm-content')?.innerText ?? '',
    editor.host,
  );

async function focus(window) {
  await until('the editor is there', () => inEditor(window, (root) => root.querySelector('.cm-content') !== null));
  await inEditor(window, (root) => {
    root.querySelector('.cm-content').focus();
    return true;
  });
}
