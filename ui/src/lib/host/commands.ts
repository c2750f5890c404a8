// The contract with the console: every command's arguments and reply. Names and shapes are those of
// src-tauri/desktop; a command that is missing here cannot be called.

import type {
  Answer,
  AttemptId,
  Choices,
  CodePage,
  Digest,
  FleetView,
  HistoryFilter,
  HostDetail,
  HostName,
  KeyRow,
  KeyToTrust,
  OutputGroup,
  OutputPage,
  PlanAnswer,
  PlanRequest,
  Proposal,
  Push,
  ResumeChoices,
  ResumePart,
  RunbookName,
  RunbookRow,
  RunbookView,
  RunId,
  RunRow,
  RunView,
  Saved,
  SecretName,
  SecretsView,
  SelectionView,
  Settings,
  SettingsView,
  StartInfo,
  TextCheck,
  Touches,
  WaitingHost,
} from '../wire/types';

interface Command<Args, Reply> {
  args: Args;
  reply: Reply;
}

type Nothing = Record<string, never>;

/** How hard a cancel is; a harder one may follow a softer one. */
export type CancelDegree = 'no_new_starts' | 'terminate' | 'kill';

/** Every command but `subscribe`, which takes a channel and is part of {@link Host} itself. */
export interface Commands {
  start_info: Command<Nothing, StartInfo>;
  close_window: Command<Nothing, null>;
  fleet: Command<Nothing, FleetView>;
  select: Command<{ selection: string }, SelectionView>;
  host: Command<{ name: HostName }, HostDetail>;
  probe_now: Command<{ hosts: HostName[] | null }, null>;
  catalogue: Command<Nothing, RunbookRow[]>;
  runbook: Command<{ name: RunbookName }, RunbookView>;
  check_text: Command<{ text: string }, TextCheck>;
  runbook_schema: Command<Nothing, unknown>;
  explain: Command<{ code: string }, CodePage>;
  input_choices: Command<{ runbook: RunbookName; input: string }, Choices>;
  /** Rejects with `conflict` when the file is no longer what `base` names; nothing is written then. */
  save_runbook: Command<{ name: RunbookName; text: string; base: Digest | null }, Saved>;
  copy_runbook: Command<{ name: RunbookName; asName: RunbookName }, Saved>;
  propose_change: Command<{ name: RunbookName; text: string; why: string }, Proposal>;
  plan: Command<{ request: PlanRequest }, PlanAnswer>;
  ask_checks: Command<{ digest: Digest }, PlanAnswer>;
  plan_undo: Command<{ run: RunId }, PlanAnswer>;
  start: Command<{ digest: Digest; typed: number | null }, RunId>;
  runs_active: Command<Nothing, RunRow[]>;
  run: Command<{ run: RunId }, RunView>;
  unwatch: Command<{ run: RunId }, null>;
  /** Without `hosts` the whole run is meant. */
  cancel: Command<{ run: RunId; degree: CancelDegree; hosts: HostName[] | null; why: string }, null>;
  answer: Command<{ run: RunId; step: number; hosts: HostName[]; answer: Answer; why: string }, null>;
  ask_again: Command<{ run: RunId }, null>;
  resume_choices: Command<{ run: RunId }, ResumeChoices>;
  plan_resume: Command<{ run: RunId; part: ResumePart }, PlanAnswer>;
  waiting: Command<Nothing, WaitingHost[]>;
  withdraw: Command<{ run: RunId; host: HostName }, null>;
  touched: Command<{ host: HostName }, Touches>;
  output: Command<{ attempt: AttemptId; from: number; fromEnd: boolean }, OutputPage>;
  output_groups: Command<{ run: RunId; step: number }, OutputGroup[]>;
  history: Command<{ filter: HistoryFilter }, RunRow[]>;
  settings: Command<Nothing, SettingsView>;
  save_settings: Command<{ settings: Settings }, null>;
  survey_keys: Command<{ hosts: HostName[] | null }, KeyRow[]>;
  trust_keys: Command<{ keys: KeyToTrust[] }, KeyRow[]>;
  secrets: Command<Nothing, SecretsView>;
  set_secret: Command<{ name: SecretName; value: string }, null>;
  delete_secret: Command<{ name: SecretName }, null>;
  unlock_secrets: Command<{ passphrase: string }, null>;
  export_report: Command<{ run: RunId }, string>;
}

export type CommandName = keyof Commands;

/** What the window stands on: the console behind Tauri, or recorded data while developing and testing. */
export interface Host {
  /** Calls a command; rejects with a `UiError`. */
  call<Name extends CommandName>(name: Name, args: Commands[Name]['args']): Promise<Commands[Name]['reply']>;
  /** Begins the one stream of this window, replacing the former. */
  subscribe(onPush: (push: Push) => void): Promise<void>;
}
