// Generated from src-tauri/crates/console/src/wire by `cargo xtask types`. Do not edit.

/**
 * What a person decides.
 */
export type Answer = "retry" | "skip" | "exclude" | "undo" | "stop" | "continue";

/**
 * An answer with its words: `Retry restart`, and what it means for the hosts.
 */
export type AnswerOffer = { 
/**
 * The answer.
 */
answer: Answer, 
/**
 * The button's words.
 */
label: string, 
/**
 * What it means, in one sentence.
 */
means: string, };

/**
 * The same answer of a check from these hosts.
 */
export type AskedGroup = { 
/**
 * The hosts that gave it.
 */
hosts: Array<HostName>, 
/**
 * `needed`, `not needed`, `no answer`.
 */
verdict: string, 
/**
 * What came back, in one line.
 */
said: string, 
/**
 * When the first of them was asked.
 */
at: Timestamp, };

/**
 * One try of a step on a host; globally unique.
 */
export type AttemptId = string;

/**
 * A cell of the matrix.
 */
export type Cell = { 
/**
 * Its mark.
 */
mark: Mark, 
/**
 * The state's word: `planned`, `running`, `verified`, …
 */
word: string, 
/**
 * What is known beyond that: exit code, reason.
 */
detail: string, 
/**
 * The attempt, whose output can be read; none when nothing was sent.
 */
attempt: AttemptId | null, 
/**
 * What is known beside the state, while it is in flight: `silent for 2 min, 1 process alive`; may be empty.
 */
note: string, 
/**
 * The inverse of the same step, where it was sent in this run; as far as it got.
 */
inverse: Cell | null, };

/**
 * The choices of an input that a command or URL gives.
 */
export type Choices = { 
/**
 * The choices, in order.
 */
values: Array<string>, 
/**
 * When they were read.
 */
as_of: Timestamp | null, 
/**
 * Why these are not from just now: they are the last that could be read.
 */
problem: string | null, };

/**
 * What the reader can do about an error. A code exists only if something branches on it.
 */
export type Code = "bad_request" | "not_found" | "keys_to_review" | "plan_changed" | "secret_missing" | "conflict" | "history" | "internal";

/**
 * A page about a code.
 */
export type CodePage = { 
/**
 * The code.
 */
code: string, 
/**
 * One line.
 */
title: string, 
/**
 * The page, in Markdown.
 */
text: string, };

/**
 * What a person decided.
 */
export type Decision = { at: Timestamp, by: string, what: string, why: string, };

/**
 * A SHA-256 digest; written as 64 lower-case hexadecimal digits.
 */
export type Digest = string;

/**
 * What may be done with a runbook's text here.
 */
export type Editing = "save" | "copy" | "propose";

/**
 * Something that is wrong with a runbook's text, or should not stay so.
 */
export type Finding = { 
/**
 * Stable; `daytwo explain CODE` says more.
 */
code: string, 
/**
 * Whether the runbook can be used in spite of it.
 */
error: boolean, 
/**
 * The line, from 1.
 */
line: number, 
/**
 * The column, in characters from 1.
 */
column: number, 
/**
 * How many characters are meant; at least 1.
 */
width: number, 
/**
 * What is wrong.
 */
message: string, 
/**
 * What to do about it.
 */
hint: string | null, };

/**
 * The fleet in one line.
 */
export type FleetSummary = { 
/**
 * For the top bar: `24 hosts · 21 live · 2 stale · 1 no answer`.
 */
words: string, 
/**
 * Set when no host answers: since when.
 */
offline_since: Timestamp | null, 
/**
 * Counts by mark.
 */
counts: { [key in Mark]?: number }, 
/**
 * Whether this is the demo fleet.
 */
demo: boolean, };

/**
 * Every host, with a number that grows with each change.
 */
export type FleetView = { 
/**
 * Deltas continue from here without gaps.
 */
index: number, 
/**
 * The hosts, sorted by name.
 */
hosts: Array<HostRow>, 
/**
 * How the whole stands.
 */
summary: FleetSummary, };

/**
 * What to list in History.
 */
export type HistoryFilter = { 
/**
 * Words in runbook, title, host or person.
 */
text: string, 
/**
 * A status word; empty: all.
 */
status: string, 
/**
 * Runs older than this one, the last of the page before.
 */
before: RunId | null, };

/**
 * The drawer: one host in full.
 */
export type HostDetail = { 
/**
 * As in the table.
 */
row: HostRow, 
/**
 * Per-host values that runbooks read.
 */
vars: { [key in string]: string }, 
/**
 * Facts over time, oldest first: for sparklines.
 */
samples: Array<HostSample>, 
/**
 * Runs that had this host, newest first.
 */
runs: Array<RunRow>, };

/**
 * Facts that the probe reads. Absent: the host did not tell.
 */
export type HostFacts = { load1: number | null, cpus: number | null, disk_used_percent: number | null, memory_used_percent: number | null, uptime_s: number | null, os: string | null, kernel: string | null, 
/**
 * Version of the application under `/srv/app/current`.
 */
version: string | null, failed_units: number | null, clock_skew_ms: number | null, };

/**
 * A host's name in the fleet; unique there.
 */
export type HostName = string;

/**
 * One host in matrix and table.
 */
export type HostRow = { 
/**
 * Its name.
 */
name: HostName, 
/**
 * Its labels.
 */
labels: { [key in string]: string }, 
/**
 * Where it is reached: `ops@10.0.0.7:22`.
 */
address: string, 
/**
 * Where the entry came from.
 */
source: string, 
/**
 * Its mark: ok (live), waiting (not asked yet), unreachable, failed (refused), unknown.
 */
mark: Mark, 
/**
 * The state in words: `live`, `no answer`, `host key changed`.
 */
word: string, 
/**
 * The whole reason, where there is one.
 */
why: string | null, 
/**
 * When the state was observed; none before the first try.
 */
as_of: Timestamp | null, 
/**
 * When it last answered.
 */
last_answer: Timestamp | null, 
/**
 * Whether the facts are older than they should be.
 */
stale: boolean, 
/**
 * When the facts were read.
 */
facts_at: Timestamp | null, 
/**
 * Last known facts.
 */
facts: HostFacts | null, };

/**
 * One earlier observation.
 */
export type HostSample = { at: Timestamp, mark: Mark, load1: number | null, disk_used_percent: number | null, };

/**
 * How an input is asked for.
 */
export type InputControl = { "control": "text", 
/**
 * In words: `letters, digits and .`, `a duration such as 30s`, `a whole number from 1 to 100`.
 */
expects: string | null, } | { "control": "switch" } | { "control": "choice", 
/**
 * The choices, in order.
 */
choices: Array<string>, } | { "control": "asked_choice" } | { "control": "list", 
/**
 * What each of them is, in words.
 */
expects: string | null, 
/**
 * The choices of each, where it has some.
 */
choices: Array<string>, } | { "control": "host" } | { "control": "file" } | { "control": "secret" };

/**
 * One input of the form.
 */
export type InputView = { 
/**
 * Its name.
 */
name: string, 
/**
 * Its label in the form.
 */
title: string, 
/**
 * One sentence under it.
 */
help: string | null, 
/**
 * What the form puts in first, as typed text.
 */
default: string | null, 
/**
 * Whether it must be given.
 */
required: boolean, 
/**
 * How it is asked for.
 */
control: InputControl, };

/**
 * Host keys that wait for a review, and those that disagree.
 */
export type KeyRow = { 
/**
 * The host.
 */
host: HostName, 
/**
 * Its address.
 */
address: string, 
/**
 * `known`, `unknown`, `changed`, `revoked`, `no answer`.
 */
status: string, 
/**
 * The key's type and SHA-256 fingerprint, as `ssh-keygen -l` prints it.
 */
fingerprint: string | null, 
/**
 * For a changed key: which line of which file disagrees. For no answer: why.
 */
detail: string | null, };

/**
 * A host key to accept: exactly the one that was shown.
 */
export type KeyToTrust = { host: HostName, fingerprint: string, };

/**
 * A mark. The window draws each as ● ◐ ▲ ✕ ? ◌ ⧖ ⊘ ↩ with its colour; a word always stands beside it.
 */
export type Mark = "failed" | "unknown" | "unreachable" | "changed" | "running" | "waiting" | "skipped" | "undone" | "ok";

/**
 * What can be done with a run now.
 */
export type Offer = "cancel_starts" | "cancel" | "kill" | "undo" | "resume" | "ask_again";

/**
 * Hosts whose output of one step is the same.
 */
export type OutputGroup = { 
/**
 * The hosts.
 */
hosts: Array<HostName>, 
/**
 * The attempt to page through for the whole text.
 */
attempt: AttemptId, 
/**
 * The group's mark.
 */
mark: Mark, 
/**
 * The state's word and detail: `verified · exit 0`.
 */
words: string, 
/**
 * The beginning of the output.
 */
head: Array<OutputPiece>, 
/**
 * Whether the head is all of it.
 */
whole: boolean, };

/**
 * A page of an attempt's output.
 */
export type OutputPage = { 
/**
 * The attempt.
 */
attempt: AttemptId, 
/**
 * Pieces in the order in which they arrived.
 */
pieces: Array<OutputPiece>, 
/**
 * Where the next page begins: give it back to read on.
 */
next: number, 
/**
 * Whether there is more right now.
 */
more: boolean, 
/**
 * Bytes that were counted and not kept.
 */
dropped_bytes: number, };

/**
 * A piece of output. Control characters are already made visible, and it is valid Unicode.
 */
export type OutputPiece = { 
/**
 * Standard error rather than standard output.
 */
stderr: boolean, 
/**
 * When it arrived.
 */
at: Timestamp, 
/**
 * The text.
 */
text: string, };

/**
 * What a run waits for between two batches.
 */
export type Pace = { 
/**
 * In words: `waiting 10 min after batch 2`, `checking health after batch 2: GET … answers 200`.
 */
words: string, 
/**
 * Until when at most, where that is known.
 */
until: Timestamp | null, };

/**
 * Of which run this one is a part.
 */
export type PartOf = { 
/**
 * That run.
 */
run: RunId, 
/**
 * Which part, in words: `failed hosts from their failed step`.
 */
part: string, };

/**
 * A plan, or why there is none yet.
 */
export type PlanAnswer = { 
/**
 * The plan, when everything is right.
 */
plan: PlanView | null, 
/**
 * What is wrong, at the input or step where it is.
 */
problems: Array<PlanProblem>, 
/**
 * How many hosts are selected so far.
 */
selected: number, 
/**
 * Hosts of which the selector cannot say whether they are picked.
 */
undecided: Array<UndecidedHost>, };

/**
 * A batch of a plan.
 */
export type PlanBatch = { 
/**
 * Its hosts.
 */
hosts: Array<HostName>, 
/**
 * `batch 1 of 3, canary: 1 host, 8 % of the selection`.
 */
words: string, };

/**
 * A host of a plan.
 */
export type PlanHost = { name: HostName, address: string, labels: { [key in string]: string }, };

/**
 * Something that stands between the request and a plan.
 */
export type PlanProblem = { 
/**
 * The input it is about; `selection` for the selector, `when_reachable` for how long hosts wait.
 */
input: string | null, 
/**
 * The step it is about.
 */
step: string | null, 
/**
 * The host it is about.
 */
host: HostName | null, 
/**
 * What is wrong.
 */
message: string, 
/**
 * What to do.
 */
hint: string | null, };

/**
 * What to plan.
 */
export type PlanRequest = { 
/**
 * Which runbook.
 */
runbook: RunbookName, 
/**
 * Inputs as typed; absent ones take their defaults.
 */
inputs: { [key in string]: string }, 
/**
 * A selector that narrows the runbook's targets; empty: the targets as they are.
 */
selection: string, 
/**
 * The runbook's text as it stands in the editor, not yet saved. Such a plan can be read, not started.
 */
text: string | null, 
/**
 * How long a host that cannot be reached waits for its part, as typed: `never`, a duration such as `3d`, a date,
 * or a moment; none or empty: as the runbook says.
 */
when_reachable: string | null, };

/**
 * A step of a plan.
 */
export type PlanStepView = { 
/**
 * Its id.
 */
id: string, 
/**
 * Its title.
 */
title: string, 
/**
 * `main`, `on_failure` or `always`.
 */
phase: string, 
/**
 * Whether it changes the host.
 */
changes: boolean, 
/**
 * How long one attempt may take, in words.
 */
timeout: string, 
/**
 * What else holds for it, one line each: its `when`, retries, needs, where it is done, what it captures, its dead-man switch.
 */
notes: Array<string>, 
/**
 * Hosts on which it is not done, because its `when` is false there.
 */
not_on: Array<HostName>, 
/**
 * The read that says whether it is needed, grouped where identical.
 */
check: Array<RenderedGroup>, 
/**
 * What the check said where it was asked before the run.
 */
asked: Array<AskedGroup>, 
/**
 * What will be sent, grouped where identical.
 */
actions: Array<RenderedGroup>, 
/**
 * What must hold afterwards, grouped where identical.
 */
verify: Array<RenderedGroup>, 
/**
 * `not needed`, `no way back`, or `this inverse`.
 */
way_back: string, 
/**
 * The inverse, grouped where identical.
 */
inverse: Array<RenderedGroup>, };

/**
 * A plan to read.
 */
export type PlanView = { 
/**
 * Its identity; `start` takes it.
 */
digest: Digest, 
/**
 * The runbook's name.
 */
runbook: RunbookName, 
/**
 * The runbook's title.
 */
title: string, 
/**
 * Set when this plan undoes a run.
 */
undo_of: RunId | null, 
/**
 * The revision of the folder that the runbook was read from.
 */
source: string | null, 
/**
 * The runbooks that it calls.
 */
calls: Array<string>, 
/**
 * Every host.
 */
hosts: Array<PlanHost>, 
/**
 * Hosts of which the selector cannot say whether they are picked; they are in no batch.
 */
undecided: Array<UndecidedHost>, 
/**
 * How many steps change something.
 */
changes: number, 
/**
 * How many of those have no way back.
 */
without_way_back: number, 
/**
 * Batches in order, each with its blast radius in words.
 */
batches: Array<PlanBatch>, 
/**
 * Budgets and pace in words, one line each.
 */
limits: Array<string>, 
/**
 * Set where a host that cannot be reached waits for its part.
 */
waits: PlanWaits | null, 
/**
 * Steps in order.
 */
steps: Array<PlanStepView>, 
/**
 * What to think about before the start: stale hosts, hosts that failed last time, another run active.
 */
warnings: Array<PlanWarning>, 
/**
 * Where a person will be asked, and what has to be confirmed before the start, one line each.
 */
approvals: Array<string>, 
/**
 * Why this plan cannot be started at all; empty where it can.
 */
cannot_start: Array<string>, 
/**
 * For an undo: what will not be undone, and why.
 */
left_out: Array<string>, 
/**
 * The words of the start button: `Restart a service on 12 hosts`.
 */
start_words: string, 
/**
 * Set above the threshold: the number of hosts that must be typed to start.
 */
type_to_start: number | null, 
/**
 * When it was made.
 */
planned_at: Timestamp, };

/**
 * How hosts that cannot be reached wait for their part.
 */
export type PlanWaits = { 
/**
 * Until then.
 */
until: Timestamp, 
/**
 * What happens when such a host answers, and what keeps it from its part, one sentence each.
 */
words: Array<string>, };

/**
 * Something to think about before the start.
 */
export type PlanWarning = { 
/**
 * One sentence.
 */
words: string, 
/**
 * The hosts that it is about; none where it is about the whole plan.
 */
hosts: Array<HostName>, };

/**
 * A change that was proposed.
 */
export type Proposal = { 
/**
 * The branch, where the runbook's folder is a Git checkout.
 */
branch: string | null, 
/**
 * The patch file, where it is not.
 */
patch: string | null, 
/**
 * What to do with it, in one sentence.
 */
words: string, };

/**
 * One message on the window's channel.
 */
export type Push = { "push": "fleet", 
/**
 * Grows by one with each of these.
 */
index: number, 
/**
 * The rows that changed.
 */
hosts: Array<HostRow>, 
/**
 * The fleet in one line.
 */
summary: FleetSummary, } | { "push": "run", 
/**
 * How.
 */
delta: RunDelta, } | { "push": "output_grew", 
/**
 * The run.
 */
run: RunId, 
/**
 * The attempt.
 */
attempt: AttemptId, } | { "push": "active", 
/**
 * All of them.
 */
runs: Array<RunRow>, } | { "push": "close_asked", 
/**
 * The runs that would be left.
 */
runs: Array<RunRow>, } | { "push": "stale", 
/**
 * What.
 */
what: Stale, };

/**
 * A run that was found without its process.
 */
export type Recovered = { 
/**
 * The run.
 */
row: RunRow, 
/**
 * What was found out, one sentence each: `restart on web-3 finished with exit 0`.
 */
found: Array<string>, 
/**
 * What is still unknown, one sentence each.
 */
unknown: Array<string>, 
/**
 * Whether the hosts are still being asked.
 */
asking: boolean, };

/**
 * The same text on these hosts.
 */
export type RenderedGroup = { 
/**
 * The hosts that share it.
 */
hosts: Array<HostName>, 
/**
 * The text, with secrets and captured values by name.
 */
text: string, 
/**
 * `run`, `run as root`, `http`, …
 */
kind: string, 
/**
 * What it does in one line, where a typed step stands for the text.
 */
meaning: string | null, };

/**
 * One of the ways in which a run can be resumed.
 */
export type ResumeChoice = { 
/**
 * Which.
 */
part: ResumePart, 
/**
 * Its name: `Failed hosts, from their failed step`.
 */
title: string, 
/**
 * What it does, in one sentence with numbers: `3 hosts; 2 steps are not done again`.
 */
means: string, 
/**
 * The hosts.
 */
hosts: Array<HostName>, 
/**
 * Why it cannot be chosen; none where it can.
 */
not_now: string | null, };

/**
 * What can be resumed of a run, and what has changed since.
 */
export type ResumeChoices = { 
/**
 * The three choices, in their order.
 */
choices: Array<ResumeChoice>, 
/**
 * Hosts of which an attempt's end is not known: they are in none of the first two.
 */
unknown: Array<HostName>, 
/**
 * What differs between the runbook now and the one that ran, one line each; empty: nothing. What is
 * resumed is what ran then.
 */
changed: Array<string>, };

/**
 * Which part of an earlier run is done again.
 */
export type ResumePart = "failed_from_their_step" | "failed_and_not_reached" | "everything";

/**
 * A band of the matrix.
 */
export type RunBatch = { 
/**
 * Indices into the run's hosts.
 */
hosts: Array<number>, 
/**
 * `waiting`, `running`, `ended`.
 */
state: string, };

/**
 * What changed in a run since the record before `from`.
 */
export type RunDelta = { 
/**
 * The run.
 */
run: RunId, 
/**
 * The first record in it; a gap to the last known index means: ask for the snapshot again.
 */
from: number, 
/**
 * The last record in it.
 */
index: number, 
/**
 * The row as it is now.
 */
row: RunRow, 
/**
 * The hosts that changed, by index.
 */
hosts: Array<[number, RunHost]>, 
/**
 * The batches as they are now.
 */
batches: Array<RunBatch>, 
/**
 * The budgets as they are now.
 */
budgets: Array<string>, 
/**
 * What the run waits for now.
 */
pace: Pace | null, 
/**
 * Everything decided so far.
 */
decisions: Array<Decision>, 
/**
 * What can be done now.
 */
offers: Array<Offer>, 
/**
 * What a person has to decide now.
 */
questions: Array<RunQuestion>, 
/**
 * Hosts that get their part when they can be reached.
 */
waiting: Array<WaitingHost>, };

/**
 * A row of the matrix.
 */
export type RunHost = { 
/**
 * Its name.
 */
name: HostName, 
/**
 * Its mark.
 */
mark: Mark, 
/**
 * Where it stands, in words.
 */
word: string, 
/**
 * One cell per step.
 */
cells: Array<Cell>, };

/**
 * One execution of a plan; globally unique.
 */
export type RunId = string;

/**
 * The same question about several hosts.
 */
export type RunQuestion = { 
/**
 * Index of the step.
 */
step: number, 
/**
 * Indices of the hosts that wait, in the plan's order.
 */
hosts: Array<number>, 
/**
 * What is asked, in one sentence: `exit 3 on restart` or the step's own question.
 */
text: string, 
/**
 * What can be answered, in the order in which it is offered.
 */
answers: Array<AnswerOffer>, 
/**
 * What no answer means.
 */
otherwise: Answer, 
/**
 * Until when: the earliest among these hosts.
 */
until: Timestamp, 
/**
 * Since when: the earliest among these hosts.
 */
since: Timestamp, 
/**
 * An attempt of one of them, whose output can be read.
 */
attempt: AttemptId | null, };

/**
 * One run in a list.
 */
export type RunRow = { 
/**
 * Its id.
 */
id: RunId, 
/**
 * The runbook's name.
 */
runbook: RunbookName, 
/**
 * The runbook's title.
 */
title: string, 
/**
 * The digest of its plan.
 */
plan: Digest, 
/**
 * Set when this run undoes another.
 */
undo_of: RunId | null, 
/**
 * Set when another run undid this one.
 */
undone_by: RunId | null, 
/**
 * The worst that is known.
 */
mark: Mark, 
/**
 * `running`, `succeeded`, `failed`, `rolled back`, `stuck`, `cancelled`, `abandoned`, `interrupted`.
 */
status: string, 
/**
 * Whether it still runs (here or in another process).
 */
active: boolean, 
/**
 * When and by whom it was started.
 */
started_at: Timestamp, 
/**
 * Who started it.
 */
started_by: string, 
/**
 * When it ended.
 */
ended_at: Timestamp | null, 
/**
 * How many hosts it has.
 */
hosts: number, 
/**
 * How many hosts stand where, in words: `succeeded`, `failed`, `unknown`, `no answer`, `waiting`, …
 */
standings: { [key in string]: number }, };

/**
 * A column of the matrix.
 */
export type RunStep = { id: string, title: string, 
/**
 * `main`, `on_failure` or `always`.
 */
phase: string, changes: boolean, };

/**
 * A run in full: a snapshot from which deltas continue.
 */
export type RunView = { 
/**
 * As in the list.
 */
row: RunRow, 
/**
 * The index of the last record in this snapshot; the next delta begins right after it.
 */
index: number, 
/**
 * Steps, in order: the columns of the matrix.
 */
steps: Array<RunStep>, 
/**
 * Batches, in order: the bands of the matrix; each lists indices into `hosts`.
 */
batches: Array<RunBatch>, 
/**
 * Hosts, in the plan's order: the rows of the matrix.
 */
hosts: Array<RunHost>, 
/**
 * Budgets in words: `failed 1 of at most 2`, one line each.
 */
budgets: Array<string>, 
/**
 * What the run waits for between two batches; none while it works.
 */
pace: Pace | null, 
/**
 * The inputs, secrets by name.
 */
inputs: { [key in string]: string }, 
/**
 * What people decided: who, when, what, why.
 */
decisions: Array<Decision>, 
/**
 * What can be done now: `cancel`, `undo`.
 */
offers: Array<Offer>, 
/**
 * What a person has to decide, groups of identical questions, the oldest first.
 */
questions: Array<RunQuestion>, 
/**
 * Hosts that get their part when they can be reached.
 */
waiting: Array<WaitingHost>, 
/**
 * The run that this one resumes or delivers late, and which part of it, in words; none for other runs.
 */
part_of: PartOf | null, 
/**
 * The runs that resumed this one or delivered parts of it, oldest first.
 */
resumed_by: Array<RunId>, };

/**
 * A runbook's name; also its file name without `.yaml`.
 */
export type RunbookName = string;

/**
 * One runbook in the catalogue.
 */
export type RunbookRow = { 
/**
 * Its name.
 */
name: RunbookName, 
/**
 * Its title.
 */
title: string, 
/**
 * What it does.
 */
summary: string, 
/**
 * `diagnostic`, `operation`, `deploy`, `rollback`.
 */
kind: string, 
/**
 * Who answers for it.
 */
owner: string | null, 
/**
 * `central`, `shared`, `customer`.
 */
stewardship: string, 
/**
 * When somebody last reviewed it (a date).
 */
reviewed: string | null, 
/**
 * Set when the last review is too long ago, or nobody has said when it was: one line.
 */
overdue: string | null, 
/**
 * The last run that succeeded.
 */
last_green: Timestamp | null, 
/**
 * The file it was read from.
 */
file: string, 
/**
 * Set when the file is not a runbook: what is wrong with it.
 */
broken: string | null, };

/**
 * A runbook in full, to be read like a good man page.
 */
export type RunbookView = { 
/**
 * As in the catalogue.
 */
row: RunbookRow, 
/**
 * The digest of its text.
 */
digest: Digest, 
/**
 * Its text.
 */
text: string, 
/**
 * The hosts it is for, as a selector.
 */
targets: string | null, 
/**
 * What it asks for, in order.
 */
inputs: Array<InputView>, 
/**
 * What it does, in order.
 */
steps: Array<StepView>, 
/**
 * Canary, ramp and budgets in words, one line each.
 */
rollout: Array<string>, 
/**
 * What the checker says.
 */
findings: Array<Finding>, 
/**
 * What may be done with its text here.
 */
editing: Editing, 
/**
 * The revision of the folder that it was read from: `git 1f3a9c2b7d10`.
 */
source: string | null, };

/**
 * A runbook's text after it was saved.
 */
export type Saved = { 
/**
 * Its name.
 */
name: RunbookName, 
/**
 * The digest of what is in the file now.
 */
digest: Digest, 
/**
 * The file.
 */
file: string, };

/**
 * The name under which a secret is kept; never its value.
 */
export type SecretName = string;

/**
 * A secret's name and use.
 */
export type SecretRow = { 
/**
 * Its name.
 */
name: SecretName, 
/**
 * The runbooks whose inputs default to it.
 */
used_by: Array<RunbookName>, };

/**
 * Where secrets are kept, and which there are.
 */
export type SecretsView = { 
/**
 * In words: `the desktop keyring`, `a passphrase-protected file`, `nowhere: …`.
 */
kept_in: string, 
/**
 * What a passphrase is needed for, if it is needed now: `unlock` or `create`.
 */
passphrase: string | null, 
/**
 * The names; never the values.
 */
secrets: Array<SecretRow>, };

/**
 * Why a text is not a selector.
 */
export type SelectionError = { column: number, width: number, message: string, hint: string | null, };

/**
 * What a selector picks.
 */
export type SelectionView = { 
/**
 * The hosts that it picks; empty when the text is not a selector.
 */
hosts: Array<HostName>, 
/**
 * Hosts of which it cannot say whether they are picked: what it asks of them is not known, or too old.
 */
undecided: Array<UndecidedHost>, 
/**
 * How many hosts there are.
 */
of: number, 
/**
 * Why the text is not a selector, and the column (from 1).
 */
error: SelectionError | null, };

/**
 * What a person may set.
 */
export type Settings = { 
/**
 * `system`, `light`, `dark`.
 */
theme: Theme, 
/**
 * Above this many hosts the number must be typed to start.
 */
type_to_start_above: number, 
/**
 * How often a host is looked at, in seconds.
 */
probe_interval_s: number, };

/**
 * Settings, and what they govern.
 */
export type SettingsView = { 
/**
 * The settings.
 */
settings: Settings, 
/**
 * Where hosts come from.
 */
sources: Array<SourceView>, 
/**
 * Where everything lies: label and path.
 */
paths: Array<[string, string]>, 
/**
 * This program's version.
 */
version: string, 
/**
 * Whether this is the demo.
 */
demo: boolean, };

/**
 * A source of hosts.
 */
export type SourceView = { name: string, path: string | null, hosts: number, read_at: Timestamp | null, error: string | null, };

/**
 * What is no longer what was shown.
 */
export type Stale = "fleet" | "catalogue" | "history" | "settings";

/**
 * What the window needs before it can draw anything.
 */
export type StartInfo = { 
/**
 * The settings.
 */
settings: Settings, 
/**
 * Whether this is the demo.
 */
demo: boolean, 
/**
 * This program's version.
 */
version: string, 
/**
 * Runs whose driving process was found gone at this start.
 */
recovered: Array<Recovered>, 
/**
 * Nothing has been configured yet: offer the ways to begin.
 */
first_start: boolean, };

/**
 * One step, before it is rendered.
 */
export type StepView = { 
/**
 * Its id.
 */
id: string, 
/**
 * Its title.
 */
title: string, 
/**
 * `main`, `on_failure` or `always`.
 */
phase: string, 
/**
 * Whether it changes the host.
 */
changes: boolean, 
/**
 * `run`, `http`, `link`, …
 */
kind: string, 
/**
 * What else holds for it, one line each: its `when`, retries, needs.
 */
notes: Array<string>, 
/**
 * The template as it is written.
 */
text: string, 
/**
 * How it is proved, in one line.
 */
verify: string | null, 
/**
 * `not needed`, `no way back`, or the inverse in one line.
 */
way_back: string, };

/**
 * A text from the editor, read as a runbook.
 */
export type TextCheck = { 
/**
 * Errors and warnings, in the order of their lines.
 */
findings: Array<Finding>, 
/**
 * The runbook, when it can be read.
 */
runbook: RunbookView | null, };

/**
 * Light or dark.
 */
export type Theme = "system" | "light" | "dark";

/**
 * A point in time. Written as RFC 3339 in UTC, for example `2026-11-21T03:04:05.678Z`.
 */
export type Timestamp = string;

/**
 * What was done on a host, by whom.
 */
export type Touch = { 
/**
 * When it began, by the host's clock.
 */
at: Timestamp, 
/**
 * Who asked, as they said.
 */
by: string, 
/**
 * As whom it ran there.
 */
user: string, 
/**
 * What: runbook, step and run.
 */
what: string, 
/**
 * Its state's mark.
 */
mark: Mark, 
/**
 * Its state in words: `running, lease until 03:12`, `exit 0`, `lost`.
 */
state: string, 
/**
 * Whether this console's history knows the attempt, and then its run.
 */
run: RunId | null, };

/**
 * Who touched a host.
 */
export type Touches = { 
/**
 * The host.
 */
host: HostName, 
/**
 * When it was asked.
 */
at: Timestamp, 
/**
 * What it said, newest first.
 */
touches: Array<Touch>, 
/**
 * What could not be read, in one sentence; may be empty: folders of other users without sudo.
 */
unread: string, };

/**
 * What happened, what it means, what to do.
 */
export type UiError = { 
/**
 * What to branch on.
 */
code: Code, 
/**
 * What happened, in one sentence.
 */
message: string, 
/**
 * What to do next.
 */
hint: string | null, 
/**
 * Causes, outermost first; shown folded.
 */
causes: Array<string>, };

/**
 * A host of which a selector cannot say whether it is picked, because a fact is missing or too old.
 */
export type UndecidedHost = { 
/**
 * The host.
 */
name: HostName, 
/**
 * What is not known.
 */
why: string, };

/**
 * A host that gets its part of a run when it can be reached.
 */
export type WaitingHost = { 
/**
 * The run.
 */
run: RunId, 
/**
 * The runbook's title.
 */
title: string, 
/**
 * The host.
 */
host: HostName, 
/**
 * Since when it waits.
 */
since: Timestamp, 
/**
 * Until when it is tried.
 */
until: Timestamp, 
/**
 * Where it stands: `waiting`, `delivered`, `expired`, `superseded`, `withdrawn`, `not delivered`.
 */
state: string, 
/**
 * Why, where that needs saying; may be empty.
 */
why: string, 
/**
 * The run that delivered it.
 */
delivered_by: RunId | null, };
