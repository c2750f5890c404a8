// One typed function per command of the console. Everything else in the window calls these.

import type {
  Answer,
  AttemptId,
  Digest,
  HistoryFilter,
  HostName,
  KeyToTrust,
  PlanRequest,
  Push,
  ResumePart,
  RunId,
  Settings,
} from '../wire/types';
import type { CancelDegree, CommandName, Commands } from './commands';
import { currentHost } from './index';

function call<Name extends CommandName>(name: Name, args: Commands[Name]['args']): Promise<Commands[Name]['reply']> {
  return currentHost().call(name, args);
}

export const subscribe = (onPush: (push: Push) => void) => currentHost().subscribe(onPush);

export const startInfo = () => call('start_info', {});
export const closeWindow = () => call('close_window', {});
export const fleet = () => call('fleet', {});
export const select = (selection: string) => call('select', { selection });
export const host = (name: HostName) => call('host', { name });
export const probeNow = (hosts: HostName[] | null) => call('probe_now', { hosts });

export const catalogue = () => call('catalogue', {});
export const runbook = (name: string) => call('runbook', { name });
export const checkText = (text: string) => call('check_text', { text });
export const runbookSchema = () => call('runbook_schema', {});
export const explain = (code: string) => call('explain', { code });
export const inputChoices = (runbook: string, input: string) => call('input_choices', { runbook, input });
export const saveRunbook = (name: string, text: string, base: Digest | null) =>
  call('save_runbook', { name, text, base });
export const copyRunbook = (name: string, asName: string) => call('copy_runbook', { name, asName });
export const proposeChange = (name: string, text: string, why: string) => call('propose_change', { name, text, why });
export const plan = (request: PlanRequest) => call('plan', { request });
export const askChecks = (digest: Digest) => call('ask_checks', { digest });
export const planUndo = (run: RunId) => call('plan_undo', { run });
export const start = (digest: Digest, typed: number | null) => call('start', { digest, typed });

export const runsActive = () => call('runs_active', {});
export const run = (id: RunId) => call('run', { run: id });
export const unwatch = (id: RunId) => call('unwatch', { run: id });
export const cancel = (id: RunId, degree: CancelDegree, hosts: HostName[] | null, why: string) =>
  call('cancel', { run: id, degree, hosts, why });
export const answer = (id: RunId, step: number, hosts: HostName[], given: Answer, why: string) =>
  call('answer', { run: id, step, hosts, answer: given, why });
export const askAgain = (id: RunId) => call('ask_again', { run: id });
export const resumeChoices = (id: RunId) => call('resume_choices', { run: id });
export const planResume = (id: RunId, part: ResumePart) => call('plan_resume', { run: id, part });
export const waiting = () => call('waiting', {});
export const withdraw = (id: RunId, host: HostName) => call('withdraw', { run: id, host });
export const touched = (host: HostName) => call('touched', { host });
export const output = (attempt: AttemptId, from: number, fromEnd: boolean) =>
  call('output', { attempt, from, fromEnd });
export const outputGroups = (id: RunId, step: number) => call('output_groups', { run: id, step });
export const history = (filter: HistoryFilter) => call('history', { filter });
export const exportReport = (id: RunId) => call('export_report', { run: id });

export const settings = () => call('settings', {});
export const saveSettings = (to: Settings) => call('save_settings', { settings: to });
export const surveyKeys = (hosts: HostName[] | null) => call('survey_keys', { hosts });
export const trustKeys = (keys: KeyToTrust[]) => call('trust_keys', { keys });
export const secrets = () => call('secrets', {});
export const setSecret = (name: string, value: string) => call('set_secret', { name, value });
export const deleteSecret = (name: string) => call('delete_secret', { name });
export const unlockSecrets = (passphrase: string) => call('unlock_secrets', { passphrase });
