// Texts in the editor that are not what their files hold. They outlive the view that edits them, and a restart of the
// window: what was typed is lost only when somebody says so.

import type { Digest, RunbookName, RunbookView } from '../wire/types';

const prefix = 'daytwo.draft.';
/** A runbook is a few kilobytes; a draft far beyond that is kept while the window is open, not longer. */
const keptCharsMost = 256 * 1024;

export class Draft {
  readonly name: RunbookName;
  /** The text of the file that this one began from. */
  file = $state('');
  text = $state('');
  /** The digest of that file. */
  base = $state<Digest>('');
  /** The editor's own memory of earlier texts, so that undo goes on after the view was left. */
  past: unknown = null;

  readonly unsaved = $derived(this.text !== this.file);

  constructor(name: RunbookName, file: string, base: Digest, text: string) {
    this.name = name;
    this.file = file;
    this.base = base;
    this.text = text;
  }

  /** Takes a text as typed. */
  type(text: string): void {
    this.text = text;
    this.keep();
  }

  /** The file holds this text now. */
  settle(file: string, base: Digest): void {
    this.file = file;
    this.base = base;
    this.keep();
  }

  private keep(): void {
    try {
      if (!this.unsaved || this.text.length > keptCharsMost) localStorage.removeItem(prefix + this.name);
      else
        localStorage.setItem(prefix + this.name, JSON.stringify({ file: this.file, base: this.base, text: this.text }));
    } catch {
      // A full or forbidden store: the draft lives as long as the window.
    }
  }
}

export class Drafts {
  #all = $state.raw<ReadonlyMap<RunbookName, Draft>>(kept());

  /** The names of the runbooks whose text is not what their file holds. */
  readonly unsaved: ReadonlySet<RunbookName> = $derived(
    new Set([...this.#all.values()].filter((draft) => draft.unsaved).map((draft) => draft.name)),
  );

  get(name: RunbookName): Draft | undefined {
    return this.#all.get(name);
  }

  /** The draft of a runbook: the one that was begun, or its file as it is. */
  open(view: RunbookView): Draft {
    const { name } = view.row;
    const begun = this.#all.get(name);
    if (begun === undefined) {
      const draft = new Draft(name, view.text, view.digest, view.text);
      this.#all = new Map([...this.#all, [name, draft]]);
      return draft;
    }
    return begun;
  }
}

/** Drafts that an earlier window left. */
function kept(): Map<RunbookName, Draft> {
  const found = new Map<RunbookName, Draft>();
  try {
    for (const key of Object.keys(localStorage).filter((one) => one.startsWith(prefix))) {
      const stored: unknown = JSON.parse(localStorage.getItem(key) ?? 'null');
      const name = key.slice(prefix.length);
      if (isKept(stored)) found.set(name, new Draft(name, stored.file, stored.base, stored.text));
    }
  } catch {
    // A store that cannot be read holds no drafts.
  }
  return found;
}

function isKept(value: unknown): value is { file: string; base: string; text: string } {
  if (typeof value !== 'object' || value === null) return false;
  return ['file', 'base', 'text'].every((field) => typeof Reflect.get(value, field) === 'string');
}

export const drafts = new Drafts();
