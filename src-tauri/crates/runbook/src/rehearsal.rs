//! A rehearsal: the tests of a runbook as they are written beside it, in `NAME.test.yaml`.
//!
//! This is what was written, checked for everything that can be known without the runbook. Planning
//! and running it is the business of the crate `daytwo-rehearsal`.

use std::collections::{BTreeMap, BTreeSet};

use daytwo_model::{
    Answer, CaptureName, FactSheet, Host, HostName, RunOutcome, RunbookName, Selector, StepId, Timestamp,
};
use serde_json::Value;

use crate::diagnostic::Place;

/// The most cases in one file.
pub const CASES_MAX: usize = 200;
/// The most hosts of one file; rehearsals are about courses, not about size.
pub const REHEARSAL_HOSTS_MAX: usize = 1000;
/// The most replies that are written one after the other for one question.
pub const REPLIES_MAX: usize = 100;

/// A file of tests.
#[derive(Debug, Clone)]
pub struct RehearsalFile {
    /// What messages call it.
    pub file: String,
    /// The runbook that is tested.
    pub runbook: RunbookName,
    /// When the plans are made.
    pub at: Timestamp,
    /// The whole fleet.
    pub hosts: Vec<Host>,
    /// What is known of its hosts, seen when the plans are made.
    pub facts: BTreeMap<HostName, FactSheet>,
    /// Files on the console, with their content.
    pub files: BTreeMap<String, String>,
    /// The choices of inputs that come from a command or a URL.
    pub choices: BTreeMap<String, Vec<String>>,
    /// Replies for the cases that say nothing else.
    pub replies: Vec<Recording>,
    /// The tests, in the order of the file.
    pub cases: Vec<Case>,
}

/// One test.
#[derive(Debug, Clone)]
pub struct Case {
    /// What it shows.
    pub title: String,
    /// Where it stands.
    pub place: Place,
    /// Inputs as they would be typed; those of the file, and over them the case's own.
    pub inputs: BTreeMap<String, String>,
    /// What the operator picks.
    pub select: Option<Selector>,
    /// What hosts and APIs answer in this case.
    pub replies: Vec<Recording>,
    /// When a person cancels the run, in milliseconds after its start.
    pub cancel_after: Option<(Place, u64)>,
    /// What a person answers when a step asks, one answer after the other on each host; none more is given.
    pub answers: Vec<GivenAnswers>,
    /// What is to happen.
    pub expect: Expected,
    /// What is to happen when the run is then undone.
    pub undo: Option<ExpectedUndo>,
}

/// What a person answers about a step.
#[derive(Debug, Clone)]
pub struct GivenAnswers {
    /// Where they stand.
    pub place: Place,
    /// The step; the id of a `for_each` stands for each of its items.
    pub step: StepId,
    /// The answers, one after the other on each host.
    pub answers: Vec<Answer>,
}

/// What a step is asked to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Part {
    /// The step itself; in an undo, its inverse.
    Action,
    /// What is read before members of a document are set; in an undo, before they are set back.
    Read,
    /// Whether it is needed.
    Check,
    /// Whether its post-condition holds; in an undo, the inverse's.
    Verify,
}

/// A question that hosts or APIs answer: `restart`, `restart.check`, `restart.verify`, `restart.undo`, `restart.undo.verify`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// The step; the id of a `for_each` stands for each of its items.
    pub step: StepId,
    /// Whether it is about the step's way back.
    pub undo: bool,
    /// Which of its questions.
    pub part: Part,
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let undo = if self.undo { ".undo" } else { "" };
        let part = match self.part {
            Part::Action => "",
            Part::Read => ".read",
            Part::Check => ".check",
            Part::Verify => ".verify",
        };
        write!(f, "{}{undo}{part}", self.step)
    }
}

/// Which hosts are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// Every host.
    All,
    /// Those that are not named beside it.
    Others,
    /// These.
    These(BTreeSet<HostName>),
}

/// What hosts answer to one question.
#[derive(Debug, Clone)]
pub struct Recording {
    /// Where it stands.
    pub place: Place,
    /// To what.
    pub question: Question,
    /// Which hosts.
    pub hosts: Meant,
    /// The answers of a host, one after the other; the last one is given again where it is asked more often.
    pub replies: Vec<Reply>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// Where it stands.
    pub place: Place,
    /// How long it takes, in milliseconds.
    pub after_ms: u64,
    /// What comes back.
    pub says: Says,
    /// What a cancel, or the end of the step's time, does to it.
    pub cancel: CancelEffect,
}

/// What comes back.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// A process wrote something and ended.
    Process {
        /// What it wrote on standard output.
        stdout: String,
        /// What it wrote on standard error.
        stderr: String,
        /// How it ended: an exit code, or a signal's name without `SIG`.
        end: Result<i32, String>,
    },
    /// An API answered.
    Answer {
        /// The status.
        status: u16,
        /// Its headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// Whatever it was, it went well and said nothing: exit 0, or status 200.
    Fine,
    /// No connection; nothing was started.
    Unreachable,
    /// Reached, and refused before it started.
    Refused,
    /// Started, and the link was lost before its end was seen; the host does not come back into sight.
    Lost,
    /// Started, and the host rebooted before its end was seen; asked later, it has nothing of it any more.
    Reboot,
    /// Started, and it does not end by itself.
    Never,
    /// The link was lost before anything of it began, and the host says so when it is asked.
    NotStarted,
}

/// The step that stands for what is asked about the health of the whole between batches.
pub const HEALTH_STEP: &str = "rollout.health";

/// What a cancel, or the end of the step's time, does to what runs on a host.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CancelEffect {
    /// It is killed, and seen dead.
    #[default]
    Killed,
    /// Nobody sees whether it is dead.
    Unseen,
}

/// What is to happen.
#[derive(Debug, Clone)]
pub enum Expected {
    /// There is no plan, or the engine does not take it: its reason has this text in it.
    Refused {
        /// Where it stands.
        place: Place,
        /// The text.
        text: String,
    },
    /// A run.
    Run(Box<ExpectedRun>),
}

/// What is to happen in a run. What is absent is not compared.
#[derive(Debug, Clone)]
pub struct ExpectedRun {
    /// How it ends.
    pub end: (Place, RunOutcome),
    /// The hosts of each batch.
    pub batches: Option<(Place, Vec<BTreeSet<HostName>>)>,
    /// Hosts of which the selection cannot say whether they are picked.
    pub undecided: Option<(Place, BTreeSet<HostName>)>,
    /// What happens on the hosts; every host of the plan is among them.
    pub courses: Vec<ExpectedCourse>,
    /// What was captured.
    pub captured: Vec<ExpectedCapture>,
    /// What was sent.
    pub sent: Vec<ExpectedText>,
    /// The most time that it may take, in milliseconds.
    pub within: Option<(Place, u64)>,
}

/// What is to happen when a run is undone.
#[derive(Debug, Clone)]
pub struct ExpectedUndo {
    /// Where it stands.
    pub place: Place,
    /// The undo's own run, or why there is none.
    pub expect: Expected,
    /// What it leaves as it is; nothing else.
    pub left_out: BTreeMap<(HostName, StepId), Place>,
}

/// What happens on some hosts.
#[derive(Debug, Clone)]
pub struct ExpectedCourse {
    /// Where it stands.
    pub place: Place,
    /// Which hosts.
    pub hosts: Meant,
    /// The steps in their order; none: nothing is sent there.
    pub steps: Option<Vec<ExpectedStep>>,
}

/// How a step ends on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedStep {
    /// Where it stands.
    pub place: Place,
    /// The step.
    pub step: StepId,
    /// Its end, one of [`ENDS`].
    pub end: &'static str,
    /// More about it, as it was written: `exit 1`, `2 attempts`, `earlier step`.
    pub details: Vec<String>,
}

impl std::fmt::Display for ExpectedStep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.step, self.end)?;
        self.details.iter().try_for_each(|detail| write!(f, " ({detail})"))
    }
}

/// The ends that a step may be expected to have.
pub const ENDS: &[&str] = &[
    "finished",
    "failed",
    "verified",
    "not verified",
    "unknown",
    "lost",
    "unreachable",
    "refused",
    "cancelled",
    "skipped",
    "not started",
    "undone",
    "stuck",
    "left",
];

/// What was captured on a host.
#[derive(Debug, Clone)]
pub struct ExpectedCapture {
    /// Where it stands.
    pub place: Place,
    /// On which hosts.
    pub hosts: Meant,
    /// Under which name.
    pub name: CaptureName,
    /// What.
    pub value: Value,
}

/// What was sent for a question.
#[derive(Debug, Clone)]
pub struct ExpectedText {
    /// Where it stands.
    pub place: Place,
    /// For which.
    pub question: Question,
    /// To which hosts.
    pub hosts: Meant,
    /// The text, or parts of it.
    pub text: TextMeant,
}

/// A text, or parts of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextMeant {
    /// This text, without white space around it.
    Exactly(String),
    /// Each of these is in it.
    Contains(Vec<String>),
    /// It is not sent at all.
    Nothing,
}
