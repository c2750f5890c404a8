// Texts in the editor that are not what their files hold, and the hosts and inputs that they are planned with. They
// outlive the view that edits them, and a restart of the window: what was typed is lost only when somebody says so.

import type { Digest, RunbookName, RunbookView } from '../wire/types';

const prefix = 'daytwo.draft.';
/** A runbook is a few kilobytes; a draft far beyond that is kept while the window is open, not longer. */
const keptCharsMost = 256 * 1024;

/** What a text is planned with: hosts, the inputs that are not what the runbook offers, and how long a host is waited for. */
export interface PlannedWith {
  selection: string;
  inputs: Record<string, string>;
  /** Empty: as the runbook says. */
  whenReachable: string;
}

export class Draft {
  readonly name: RunbookName;
  /** The text of the file that this one began from. */
  file = $state('');
  text = $state('');
  /** The digest of that file. */
  base = $state<Digest>('');
  /** The editor's own memory of earlier texts, so that undo goes on after the view was left. */
  past: unknown = null;
  plannedWith: PlannedWith;

  readonly unsaved = $derived(this.text !== this.file);
  /** Whether a restart of the window finds it again; a store that is full or forbidden keeps nothing. */
  lasts = $state(true);

  constructor(name: RunbookName, file: string, base: Digest, text: string, plannedWith?: PlannedWith) {
    this.name = name;
    this.file = file;
    this.base = base;
    this.text = text;
    this.plannedWith = plannedWith ?? { selection: '', inputs: {}, whenReachable: '' };
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

  /** Takes the hosts and inputs as typed. */
  planWith(plannedWith: PlannedWith): void {
    this.plannedWith = plannedWith;
    this.keep();
  }

  private keep(): void {
    const { file, base, text, plannedWith } = this;
    const tooLong = text.length > keptCharsMost;
    try {
      if (!this.unsaved || tooLong) localStorage.removeItem(prefix + this.name);
      else localStorage.setItem(prefix + this.name, JSON.stringify({ file, base, text, plannedWith }));
      this.lasts = !this.unsaved || !tooLong;
    } catch {
      // A full or forbidden store: the draft lives as long as the window.
      this.lasts = false;
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
      if (!isKept(stored)) continue;
      const plannedWith = isPlannedWith(stored.plannedWith) ? { whenReachable: '', ...stored.plannedWith } : undefined;
      found.set(name, new Draft(name, stored.file, stored.base, stored.text, plannedWith));
    }
  } catch {
    // A store that cannot be read holds no drafts.
  }
  return found;
}

function isKept(value: unknown): value is { file: string; base: string; text: string; plannedWith?: unknown } {
  if (typeof value !== 'object' || value === null) return false;
  return ['file', 'base', 'text'].every((field) => typeof Reflect.get(value, field) === 'string');
}

/** What an older window kept says nothing of hosts that are waited for. */
function isPlannedWith(value: unknown): value is Omit<PlannedWith, 'whenReachable'> & { whenReachable?: string } {
  if (typeof value !== 'object' || value === null) return false;
  const inputs: unknown = Reflect.get(value, 'inputs');
  if (typeof Reflect.get(value, 'selection') !== 'string' || typeof inputs !== 'object' || inputs === null)
    return false;
  if (!['string', 'undefined'].includes(typeof Reflect.get(value, 'whenReachable'))) return false;
  return Object.values(inputs).every((typed) => typeof typed === 'string');
}

export const drafts = new Drafts();
