//! One try of a step on one host: what is known of it, and how that knowledge may change.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// How long a host keeps what it knows of an attempt that is over, and what its way back needs there, in days.
pub const KEPT_DAYS: u64 = 14;

/// What is known of an attempt. Words and meanings are those of the state table in ARCHITECTURE.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum AttemptState {
    /// The intent is in the journal; the host has not confirmed a start.
    Sent,
    /// The host confirmed the start.
    Running {
        /// The process on the host.
        process: ProcessIdentity,
    },
    /// The end was seen; a post-condition may still be outstanding.
    Finished {
        /// How it ended.
        exit: Exit,
    },
    /// The post-condition held.
    Verified {
        /// How the action itself ended.
        exit: Exit,
    },
    /// The post-condition did not hold in its time.
    NotVerified {
        /// How the action itself ended.
        exit: Exit,
        /// What was seen instead.
        why: String,
    },
    /// The process is gone and left no exit code, or the host rebooted: it may have half happened.
    Lost {
        /// What was seen.
        why: String,
    },
    /// It was sent and its end was not seen. What happened there is not known.
    Unknown {
        /// Why the end was not seen.
        why: String,
    },
    /// No connection could be had, so nothing was started.
    Unreachable {
        /// What was tried and how it failed.
        why: String,
    },
    /// The host was reached, and the action was refused before it started: a changed host key, a missing secret.
    Refused {
        /// By whom and why.
        why: String,
    },
    /// It was sent, and the host was asked later: nothing of it began there, and the host will refuse it from
    /// now on, should it still arrive.
    NotStarted {
        /// Why it did not begin.
        why: String,
    },
    /// Killed, and seen dead.
    Cancelled {
        /// Who wanted it.
        reason: CancelReason,
    },
    /// Not started.
    Skipped {
        /// Why not.
        why: SkipReason,
    },
    /// This attempt is an inverse; it was applied and verified.
    Undone,
    /// This attempt is an inverse and it failed: a person is needed.
    Stuck {
        /// What failed.
        why: String,
    },
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// The script's exit code.
    Code(i32),
    /// The script was ended by a signal, by its name without `SIG`.
    Signal(String),
    /// The HTTP status of the answer.
    Status(u16),
}

impl Exit {
    /// Exit code 0, or a 2xx status. Says nothing about health.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        match self {
            Self::Code(code) => *code == 0,
            Self::Signal(_) => false,
            Self::Status(status) => *status >= 200 && *status < 300,
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit {code}"),
            Self::Signal(name) => write!(f, "killed by SIG{name}"),
            Self::Status(status) => write!(f, "HTTP {status}"),
        }
    }
}

/// A process on a host, so named that a reused pid cannot be mistaken for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProcessIdentity {
    /// Process id; also the id of its process group and session, unless `group` says otherwise.
    pub pid: u32,
    /// Its process group, where that is not its own: the host has no `setsid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// The folder on the host that keeps what it writes and how it ends; none where it is attached to the
    /// connection, and its end is lost with that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The host's boot id, where it has one.
    pub boot_id: Option<String>,
    /// Start time in clock ticks since boot (field 22 of `/proc/PID/stat`), where there is one.
    pub start_ticks: Option<String>,
}

/// Why an attempt was killed. Ordered by severity; a cancel may only become more severe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// It ran longer than its step allows.
    Deadline,
    /// Its dead-man switch fired, and its host ended its shell; what came of the rest is the switch's to say.
    DeadMan,
    /// A person cancelled the run.
    Operator,
}

/// How hard a cancel is. Ordered; a cancel may only become harder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CancelDegree {
    /// Nothing more of the main phase starts; what is in flight goes to its own end.
    NoNewStarts,
    /// What is in flight of the main phase is asked to end, then killed, then looked for.
    #[default]
    Terminate,
    /// Everything in flight, of every phase, is killed at once, then looked for; nothing more starts.
    Kill,
}

impl CancelDegree {
    /// The degree that events of the first version mean, which had no word for it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Why an attempt was not started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum SkipReason {
    /// An earlier step did not end well on this host.
    EarlierStep,
    /// The budget for failed hosts was spent.
    FailedBudget,
    /// The budget for unreachable hosts was spent.
    UnreachableBudget,
    /// The run was cancelled.
    Cancelled,
    /// The plan has nothing to do here for this step.
    NotPlanned,
    /// The run that this one is a part of did it here.
    DoneBefore,
    /// Its condition does not hold here.
    Condition,
    /// Its check says that there is nothing to do.
    NotNeeded,
    /// A step that it needs was not started here, so it has no sense.
    Needs {
        /// Index of that step in the plan.
        step: u32,
    },
    /// A step that is done once for all hosts did not end well, and this host waited for it.
    OnceFailed {
        /// Index of that step in the plan.
        step: u32,
    },
    /// It is for hosts where something failed, and nothing did here.
    NoFailure,
    /// Whether it is due could not be answered, and that is never a guess. The host has failed.
    Undecidable {
        /// What has no answer.
        why: String,
    },
    /// The host could not be reached: when it was asked whether the step is needed, or before.
    Unreachable {
        /// What was tried and how it failed.
        why: String,
    },
    /// The end of an attempt was not seen here; nothing runs beside what may still be running.
    EndUnknown,
    /// A person decided to leave this host out of the rest of the run.
    Excluded,
    /// A person decided, or the runbook says, that the run stops after a failure.
    Stopped,
    /// What was done on this host is being taken back.
    Undoing,
    /// The health check after an earlier batch did not hold.
    Unhealthy {
        /// What was seen instead.
        why: String,
    },
    /// The process that drove the run was gone; nothing of the main phase starts after that.
    Interrupted,
}

impl SkipReason {
    /// Whether a host whose step was skipped for this is as well as before, and goes on.
    #[must_use]
    pub const fn is_harmless(&self) -> bool {
        matches!(
            self,
            Self::NotPlanned
                | Self::DoneBefore
                | Self::Condition
                | Self::NotNeeded
                | Self::Needs { .. }
                | Self::NoFailure
        )
    }
}

/// An attempt cannot change in this way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("an attempt that is {from} cannot become {to}")]
pub struct IllegalChange {
    /// The state it is in.
    pub from: &'static str,
    /// The state it was to become.
    pub to: &'static str,
}

impl AttemptState {
    /// The state's word, for people and for comparison.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Running { .. } => "running",
            Self::Finished { .. } => "finished",
            Self::Verified { .. } => "verified",
            Self::NotVerified { .. } => "not verified",
            Self::Lost { .. } => "lost",
            Self::Unknown { .. } => "unknown",
            Self::Unreachable { .. } => "unreachable",
            Self::Refused { .. } => "refused",
            Self::NotStarted { .. } => "not started",
            Self::Cancelled { .. } => "cancelled",
            Self::Skipped { .. } => "skipped",
            Self::Undone => "undone",
            Self::Stuck { .. } => "stuck",
        }
    }

    /// Something was sent to the host and its end has not been seen.
    #[must_use]
    pub const fn is_in_flight(&self) -> bool {
        matches!(self, Self::Sent | Self::Running { .. })
    }

    /// Whether `self` may become `to`.
    pub fn next(&self, to: Self) -> Result<Self, IllegalChange> {
        use AttemptState as S;
        let legal = match (self, &to) {
            (S::Sent, S::Running { .. }) => true,
            // An HTTP answer confirms start and end at once.
            (
                S::Sent | S::Running { .. },
                S::Finished { .. } | S::Lost { .. } | S::Unknown { .. } | S::Cancelled { .. },
            ) => true,
            // Both say that nothing was started, so they may not follow a confirmed start.
            (S::Sent, S::Unreachable { .. } | S::Refused { .. }) => true,
            // Said by the host itself, of something whose start nobody confirmed.
            (S::Sent | S::Unknown { .. }, S::NotStarted { .. }) => true,
            // Asked again later, the host may tell what it did.
            (S::Unknown { .. }, S::Running { .. } | S::Finished { .. } | S::Lost { .. } | S::Cancelled { .. }) => true,
            // Whether the exit is a good one is the step's to say: see `RunState`.
            (S::Finished { exit: a }, S::Verified { exit: b }) => a == b,
            (S::Finished { exit: a }, S::NotVerified { exit: b, .. }) => a == b,
            (S::Finished { .. }, S::Undone) => true,
            (S::Finished { .. }, S::Stuck { .. }) => true,
            (S::Verified { .. }, S::Undone) => true,
            (S::NotVerified { .. }, S::Stuck { .. }) => true,
            _ => false,
        };
        if legal { Ok(to) } else { Err(IllegalChange { from: self.word(), to: to.word() }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_was_not_seen_never_becomes_verified() {
        let unknown = AttemptState::Unknown { why: "link lost".into() };
        for to in [
            AttemptState::Verified { exit: Exit::Code(0) },
            AttemptState::Undone,
            AttemptState::Sent,
            AttemptState::Unreachable { why: String::new() },
        ] {
            assert!(unknown.next(to).is_err());
        }
        assert!(unknown.next(AttemptState::Finished { exit: Exit::Code(0) }).is_ok());
    }

    #[test]
    fn a_started_attempt_cannot_become_unreachable() {
        let process = ProcessIdentity { pid: 7, ..ProcessIdentity::default() };
        let running = AttemptState::Running { process };
        assert!(running.next(AttemptState::Unreachable { why: String::new() }).is_err());
    }
}
