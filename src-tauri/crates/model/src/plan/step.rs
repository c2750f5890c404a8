//! One step of a plan, and everything that belongs to it.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::action::Action;
use super::condition::Condition;
use super::per_host::PerHost;
use crate::attempt::Exit;
use crate::event::Answer;
use crate::id::{CaptureName, StepId};
use crate::text::Text;
use crate::time::Timestamp;

/// How long an attempt may take where nobody says, in milliseconds.
pub const TIMEOUT_MS_DEFAULT: u64 = 60_000;

/// One step, rendered for every host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct PlannedStep {
    /// Its id: the runbook's; `call/step` inside a call, `step.2` for the second item of a `for_each`.
    pub id: StepId,
    /// Its title.
    pub title: String,
    /// When it is due.
    pub phase: Phase,
    /// Whether it changes the host.
    pub effect: Effect,
    /// Where it is done.
    pub on: On,
    /// Steps (indices into the plan's) without which it has no sense: skipped on a host where one of them was.
    pub needs: Vec<u32>,
    /// Hosts (indices into the plan's, ascending) on which the run that this one is a part of has done it. It is
    /// not done again there, and steps that need it find it done.
    pub done_before: Vec<u32>,
    /// Its `when` as it was written.
    pub when: Option<String>,
    /// What of its `when` is decided on the way; hosts for which it was false already have no action.
    pub condition: Option<PerHost<Condition>>,
    /// How long one attempt may take, from the moment it is sent until its end is seen.
    #[ts(type = "number")]
    pub timeout_ms: u64,
    /// Whether an attempt that was seen to fail is made again.
    pub retry: Option<Retry>,
    /// What is done; on hosts without an entry the step is skipped as not planned.
    pub action: PerHost<Action>,
    /// Values taken from output or answer for later steps and for the way back.
    pub captures: Vec<Capture>,
    /// A read that says whether the step is needed: it is not where the expectation holds already.
    pub check: Option<PerHost<Probe>>,
    /// What the check said when it was asked before the run, for people to read.
    pub asked: Option<PerHost<CheckAnswer>>,
    /// What must hold afterwards.
    pub verify: Option<Verify>,
    /// How it is taken back.
    pub way_back: WayBack,
    /// What becomes of a host on which it did not end well.
    pub on_failure: FailurePolicy,
    /// Whether it may be done on a host that is reached only long after the run.
    pub late_ok: bool,
    /// The host takes it back alone unless it is told within this time that all is well, in milliseconds.
    #[ts(type = "number | null")]
    pub dead_man_ms: Option<u64>,
}

impl PlannedStep {
    /// A step of the main phase that changes something, and of which nothing more is said.
    #[must_use]
    pub fn new(id: StepId, action: PerHost<Action>) -> Self {
        Self {
            title: id.to_string(),
            id,
            phase: Phase::Main,
            effect: Effect::Change,
            on: On::Host,
            needs: Vec::new(),
            done_before: Vec::new(),
            when: None,
            condition: None,
            timeout_ms: TIMEOUT_MS_DEFAULT,
            retry: None,
            action,
            captures: Vec::new(),
            check: None,
            asked: None,
            verify: None,
            way_back: WayBack::None,
            on_failure: FailurePolicy::Stop,
            late_ok: false,
            dead_man_ms: None,
        }
    }

    /// Whether an attempt that ended so did what it was to do. A step that captures its exit code
    /// takes every code for an answer.
    #[must_use]
    pub fn accepts(&self, exit: &Exit) -> bool {
        let any_code = self.captures.iter().any(|capture| capture.from == CaptureFrom::ExitCode);
        exit.is_success() || (any_code && matches!(exit, Exit::Code(_) | Exit::Status(_)))
    }
}

/// What becomes of a host on which a step did not end well. The budgets decide about the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(tag = "policy", rename_all = "snake_case", deny_unknown_fields)]
pub enum FailurePolicy {
    /// It ends here: the rest of its main phase is skipped.
    #[default]
    Stop,
    /// It goes on with the next step, and counts as failed.
    Continue,
    /// A person decides.
    Ask {
        /// How long that may take, in milliseconds.
        #[ts(type = "number")]
        within_ms: u64,
        /// What no answer in that time means.
        otherwise: Answer,
    },
    /// What was done on it is taken back.
    Undo,
}

/// When a step is due on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// In its turn.
    Main,
    /// When a step of the main phase did not end well here.
    OnFailure,
    /// At the end, whatever happened.
    Always,
}

/// Whether a step changes the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It only looks.
    Read,
    /// It changes something.
    Change,
}

/// Where a step is done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// On each host.
    #[default]
    Host,
    /// Once, on the first host of the first batch; the other hosts wait for it.
    One,
    /// Once, on this machine.
    Console,
}

/// Whether and how an attempt that was seen to fail is made again. One whose end was not seen never is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// How often in all, the first attempt among them.
    pub attempts_max: u32,
    /// Pause before the second attempt, in milliseconds.
    #[ts(type = "number")]
    pub delay_ms: u64,
    /// How much longer each further pause is, in percent: 100 keeps it, 200 doubles it.
    pub backoff_percent: u32,
    /// The longest pause, in milliseconds.
    #[ts(type = "number")]
    pub delay_ms_max: u64,
    /// After which exit codes; after each but 0 where the list is empty.
    pub exit_codes: Vec<i32>,
}

impl Retry {
    /// The pause after this many attempts, in milliseconds.
    #[must_use]
    pub fn pause_ms(&self, attempts: u32) -> u64 {
        let mut pause = self.delay_ms;
        for _ in 1..attempts {
            pause = pause.saturating_mul(u64::from(self.backoff_percent)) / 100;
            if pause >= self.delay_ms_max {
                break;
            }
        }
        pause.min(self.delay_ms_max)
    }

    /// Whether it is made again after this many attempts, the last of which ended so.
    #[must_use]
    pub fn applies(&self, attempts: u32, exit: &Exit) -> bool {
        let listed = match exit {
            Exit::Code(code) => self.exit_codes.is_empty() || self.exit_codes.contains(code),
            Exit::Signal(_) | Exit::Status(_) => self.exit_codes.is_empty(),
        };
        attempts < self.attempts_max && listed
    }
}

/// What a check said before the run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct CheckAnswer {
    /// Whether the step is needed; none where the host gave no answer.
    pub needed: Option<bool>,
    /// What came back, in one line.
    pub said: String,
    /// When it was asked.
    pub at: Timestamp,
}

/// A value to take from an attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// Under which name.
    pub name: CaptureName,
    /// Where from.
    pub from: CaptureFrom,
}

/// Where a captured value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CaptureFrom {
    /// Standard output (or the body), without trailing newlines, as a string.
    Stdout,
    /// The value at this JSON pointer (RFC 6901) of standard output (or the body).
    Json(String),
    /// What this regular expression finds first in standard output (or the body): its first group, or all of it.
    Regex(String),
    /// The exit code (or the HTTP status), as a number.
    ExitCode,
    /// The answer's header of this name, as a string.
    Header(String),
    /// `[value]` with the value at this JSON pointer of the body, or `[]` where there is none: what is not there
    /// is told apart from `null`.
    Member(String),
}

/// A post-condition: asked until it holds or its time is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Verify {
    /// What is asked, and what must come back.
    pub probe: PerHost<Probe>,
    /// How long it may take to become true, in milliseconds; 0: it must hold at once.
    #[ts(type = "number")]
    pub within_ms: u64,
    /// Asked this often, for things that are not the same each time; 1 for all others.
    pub samples: u32,
    /// How many of the samples must hold.
    pub at_least: u32,
}

impl Verify {
    /// A post-condition that holds when it held once.
    #[must_use]
    pub const fn once(probe: PerHost<Probe>, within_ms: u64) -> Self {
        Self { probe, within_ms, samples: 1, at_least: 1 }
    }
}

/// A read with an expectation.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// The read.
    pub action: Action,
    /// What must come back.
    pub expect: Expect,
}

impl Probe {
    /// Every text that is filled before it is asked and compared.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let expected = self.expect.json.iter().chain(&self.expect.members).map(|(_, text)| text);
        self.action.texts().chain(&self.expect.stdout).chain(expected)
    }

    /// The same probe with each of its texts replaced; the first error ends it.
    pub fn try_map<E>(&self, fill: &impl Fn(&Text) -> Result<Text, E>) -> Result<Self, E> {
        let each = |values: &[(String, Text)]| {
            values.iter().map(|(pointer, value)| Ok((pointer.clone(), fill(value)?))).collect::<Result<Vec<_>, E>>()
        };
        Ok(Self {
            action: self.action.try_map(fill)?,
            expect: Expect {
                exit_code: self.expect.exit_code,
                status: self.expect.status,
                stdout: self.expect.stdout.as_ref().map(fill).transpose()?,
                stdout_matches: self.expect.stdout_matches.clone(),
                json: each(&self.expect.json)?,
                members: each(&self.expect.members)?,
            },
        })
    }
}

/// What must come back. All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The exit code; 0 where it is absent. For scripts.
    pub exit_code: Option<i32>,
    /// The HTTP status; any 2xx where it is absent. For requests.
    pub status: Option<u16>,
    /// Standard output (or the body), without surrounding white space.
    pub stdout: Option<Text>,
    /// A regular expression that must be found in standard output (or the body).
    pub stdout_matches: Option<String>,
    /// Values at JSON pointers; each text is a JSON value.
    pub json: Vec<(String, Text)>,
    /// What must be at JSON pointers, or must not be there; each text is `[value]` or `[]`.
    pub members: Vec<(String, Text)>,
}

/// How a step is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum WayBack {
    /// It changes nothing.
    NotNeeded,
    /// It changes something and there is no way back.
    None,
    /// This inverse.
    Inverse {
        /// What is done.
        action: PerHost<Action>,
        /// What must hold afterwards.
        verify: Option<Verify>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_only_what_was_seen_to_fail_is_tried_again() {
        let retry =
            Retry { attempts_max: 4, delay_ms: 100, backoff_percent: 300, delay_ms_max: 500, exit_codes: vec![75] };
        assert_eq!([1, 2, 3, 4].map(|attempts| retry.pause_ms(attempts)), [100, 300, 500, 500]);
        assert!(retry.applies(3, &Exit::Code(75)));
        assert!(!retry.applies(4, &Exit::Code(75)));
        assert!(!retry.applies(1, &Exit::Code(1)));
        assert!(!retry.applies(1, &Exit::Signal("TERM".into())));
    }
}
