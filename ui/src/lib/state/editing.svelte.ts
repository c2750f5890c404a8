// A runbook's text being edited: what the checker says, the plan of the text as it stands, and what came of saving it.

import { untrack } from 'svelte';

import * as api from '../host/api';
import { asUiError } from '../host/errors';
import type { Proposal, RunbookView, Saved, TextCheck, UiError } from '../wire/types';
import { Debounced } from './debounced.svelte';
import type { Draft } from './drafts.svelte';
import { Planning } from './planning.svelte';

const pauseMs = 250;

/** What to save, and what it was made from, when somebody else changed the file meanwhile. */
export interface Conflict {
  /** What the console said. */
  error: UiError;
  /** The file as it is now. */
  theirs: RunbookView;
}

export class Editing {
  readonly draft: Draft;
  readonly planning: Planning;
  readonly check = new Debounced<string, TextCheck>(api.checkText, pauseMs);

  /** The last text that could be read, as a runbook: its inputs are the form. */
  view = $state.raw<RunbookView>();
  busy = $state(false);
  error = $state.raw<UiError | null>(null);
  conflict = $state.raw<Conflict | null>(null);
  saved = $state.raw<Saved | null>(null);
  proposal = $state.raw<Proposal | null>(null);

  /** The digest of the file when it was last looked at. */
  #seen = $state('');

  /** Whether the file was changed by somebody else since this text began. */
  readonly behind = $derived.by(() => this.draft.unsaved && this.#seen !== this.draft.base);

  readonly errors = $derived((this.check.answer?.findings ?? []).filter((finding) => finding.error).length);

  constructor(draft: Draft, view: RunbookView, selection: string) {
    this.draft = draft;
    this.#seen = view.digest;
    this.view = view;
    // Hosts that were chosen on the way here are meant; otherwise those of last time.
    this.planning = new Planning(draft.name, {
      ...draft.plannedWith,
      ...(selection === '' ? {} : { selection }),
    });
    this.planning.offer(view);
  }

  /** Takes a text as typed. */
  type(text: string): void {
    this.draft.type(text);
    this.saved = null;
    this.proposal = null;
  }

  /** Takes note of the file as it is now; a text without changes follows it. */
  found(view: RunbookView): void {
    this.#seen = view.digest;
    if (this.draft.base === view.digest) return;
    const follows = !this.draft.unsaved;
    // A file that came to say the same as this text has nothing left to be saved.
    if (follows || view.text === this.draft.text) this.draft.settle(view.text, view.digest);
    if (follows) this.draft.type(view.text);
  }

  /** Asks what the checker and the planner say to the text and inputs as they stand, and keeps these with the text. */
  look(): void {
    this.check.put(this.draft.text);
    this.planning.text = this.draft.text;
    this.planning.asked.put(this.planning.request());
    untrack(() => {
      this.draft.planWith(this.planning.plannedWith());
    });
  }

  /** Takes over the form of a text that could be read. */
  follow(check: TextCheck): void {
    if (check.runbook === null) return;
    this.view = check.runbook;
    this.planning.offer(check.runbook);
  }

  stop(): void {
    this.check.stop();
    this.planning.asked.stop();
  }

  /** Writes the text to its file, unless somebody else changed that since. */
  async save(): Promise<void> {
    const { name, text, base, unsaved } = this.draft;
    if (this.busy || !unsaved) return;
    await this.during(async () => {
      this.conflict = null;
      try {
        const saved = await api.saveRunbook(name, text, base);
        this.draft.settle(text, saved.digest);
        this.#seen = saved.digest;
        this.saved = saved;
      } catch (thrown) {
        const error = asUiError(thrown);
        if (error.code !== 'conflict') throw thrown;
        this.conflict = { error, theirs: await api.runbook(name) };
      }
    });
  }

  /** After a conflict: writes over what is in the file now, knowingly. */
  async saveOver(): Promise<void> {
    if (this.conflict === null) return;
    const { text, digest } = this.conflict.theirs;
    this.draft.settle(text, digest);
    await this.save();
  }

  /** After a conflict: what was typed makes place for what is in the file. The editor's undo brings it back. */
  takeTheirs(): void {
    if (this.conflict === null) return;
    const { text, digest } = this.conflict.theirs;
    this.draft.settle(text, digest);
    this.type(text);
    this.conflict = null;
  }

  /** Gives the text to the runbook's owner as a proposal; true when that worked. */
  async propose(why: string): Promise<boolean> {
    const { name, text } = this.draft;
    return this.during(async () => {
      this.proposal = await api.proposeChange(name, text, why);
    });
  }

  private async during(act: () => Promise<void>): Promise<boolean> {
    this.busy = true;
    this.error = null;
    try {
      await act();
      return true;
    } catch (thrown) {
      this.error = asUiError(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
