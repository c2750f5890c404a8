//! What people decide in a run: answers to its questions, and that it stop.

use super::{Attempt, IllegalEvent, RunState, RunStatus};
use crate::attempt::{AttemptState, CancelDegree, Exit};
use crate::event::{Answer, Question};

/// A question that a host waits with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Index of the step that it is about.
    pub step: u32,
    /// What is asked.
    pub question: Question,
    /// How long an answer may take, in milliseconds.
    pub within_ms: u64,
    /// What no answer in that time means.
    pub otherwise: Answer,
}

/// The last answer about a step on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// The answer.
    pub answer: Answer,
    /// Who decided; none where nobody did in time.
    pub by: Option<String>,
    /// Why, in their words; may be empty.
    pub why: String,
    /// How many attempts of the step had been made here when it was given.
    pub attempts: u32,
}

impl RunState {
    /// The question that a host waits with.
    #[must_use]
    pub fn question(&self, host: u32) -> Option<&Asked> {
        self.questions.get(&host)
    }

    /// Every host that waits for a person, and its question.
    pub fn questions(&self) -> impl Iterator<Item = (u32, &Asked)> {
        self.questions.iter().map(|(host, asked)| (*host, asked))
    }

    /// The last answer about a step on a host.
    #[must_use]
    pub fn decision(&self, host: u32, step: u32) -> Option<&Decision> {
        self.decisions.get(&(host, step))
    }

    /// Whether this is an answer to the question that the host waits with.
    #[must_use]
    pub fn may_answer(&self, host: u32, step: u32, answer: Answer) -> bool {
        self.question(host).is_some_and(|asked| asked.step == step && self.is_answer(host, asked, answer))
    }

    fn is_answer(&self, host: u32, asked: &Asked, answer: Answer) -> bool {
        let main = self.rule(asked.step).is_some_and(|rule| rule.main);
        let runs_on = self.may_still_change(host, asked.step);
        match (&asked.question, answer) {
            (_, Answer::Stop) => true,
            (_, Answer::Undo) => main && !self.undo && !self.undoing.contains_key(&host),
            (_, Answer::Exclude) => main,
            (Question::Failure { may_retry, .. }, Answer::Retry) => *may_retry,
            (Question::Failure { .. }, Answer::Skip) => true,
            // A person may know better and skip it; to go on as usual would be a guess.
            (Question::Failure { .. }, Answer::Continue) => !runs_on,
            (Question::Step { .. }, Answer::Continue) => true,
            (Question::Step { .. }, Answer::Retry | Answer::Skip) => false,
        }
    }

    /// How hard a host was cancelled, by itself or with the whole run.
    #[must_use]
    pub fn cancelled(&self, host: u32) -> Option<CancelDegree> {
        self.cancelled.max(self.hosts_cancelled.get(&host).copied())
    }

    /// How hard the whole run was cancelled.
    #[must_use]
    pub const fn cancelled_wholly(&self) -> Option<CancelDegree> {
        self.cancelled
    }

    /// Whether a cancel would change something: it is harder than what was asked for before, on one of the hosts
    /// at least (none: the whole run), and the run is not over.
    #[must_use]
    pub fn may_cancel(&self, degree: CancelDegree, hosts: Option<&[u32]>) -> bool {
        let open = !matches!(self.status, None | Some(RunStatus::Ended { .. }));
        open && match hosts {
            None => self.cancelled < Some(degree),
            Some(hosts) => {
                hosts.iter().all(|host| *host < self.hosts())
                    && hosts.iter().any(|host| self.cancelled(*host) < Some(degree))
            }
        }
    }

    /// Whether a step may be sent to a host now, by the status of the run and what was cancelled alone.
    pub(super) fn may_start(&self, host: u32, main: bool) -> bool {
        let open = match self.status {
            Some(RunStatus::Running) => true,
            Some(RunStatus::Cancelling | RunStatus::Interrupted) => !main,
            None | Some(RunStatus::Ended { .. }) => false,
        };
        open && match self.cancelled(host) {
            None => true,
            Some(CancelDegree::NoNewStarts | CancelDegree::Terminate) => !main,
            Some(CancelDegree::Kill) => false,
        }
    }

    pub(super) fn ask(&mut self, host: u32, asked: Asked) -> Result<(), IllegalEvent> {
        let rule = self.rule(asked.step).ok_or(IllegalEvent::OutOfPlan("step"))?;
        let (main, asks) = (rule.main, rule.asks);
        let before = self.attempt(host, asked.step);
        let fits = match (&asked.question, before) {
            (Question::Failure { may_retry, .. }, Some(known)) => {
                known.id.is_some() && !self.is_good(host, asked.step) && (!*may_retry || known.may_be_made_again())
            }
            (Question::Step { .. }, None) => asks,
            _ => false,
        };
        if !fits || self.question(host).is_some() || !self.is_answer(host, &asked, asked.otherwise) {
            return Err(IllegalEvent::NoSuchQuestion { host });
        }
        self.is_due_batch(host, asked.step)?;
        if !self.may_start(host, main) {
            return Err(IllegalEvent::NothingMayStart);
        }
        if self.is_busy(host) {
            return Err(IllegalEvent::Occupied { host });
        }
        self.questions.insert(host, asked);
        Ok(())
    }

    pub(super) fn answer(
        &mut self,
        hosts: &[u32],
        step: u32,
        answer: Answer,
        by: Option<&str>,
        why: &str,
    ) -> Result<(), IllegalEvent> {
        if let Some(host) = hosts.iter().find(|host| !self.may_answer(**host, step, answer)) {
            return Err(IllegalEvent::NoSuchQuestion { host: *host });
        }
        if hosts.is_empty() {
            return Err(IllegalEvent::OutOfPlan("host"));
        }
        for host in hosts {
            let Some(asked) = self.questions.remove(host) else { continue };
            let attempts = self.attempt(*host, step).map_or(0, |known| known.attempts);
            if matches!(asked.question, Question::Step { .. })
                && answer == Answer::Continue
                && let Some(cell) = self.cell(*host, step)
            {
                // Nothing was sent, so there is no attempt: the question itself has come to a good end.
                self.put(cell, Attempt::new(None, AttemptState::Finished { exit: Exit::Code(0) }, 0));
            }
            let decision = Decision { answer, by: by.map(str::to_owned), why: why.to_owned(), attempts };
            self.decisions.insert((*host, step), decision);
        }
        Ok(())
    }

    /// A question about an attempt of which nobody knew the end, when that is about to be known.
    pub(super) fn withdraw(&mut self, host: u32, step: u32) -> Result<(), IllegalEvent> {
        let is_asked = self.question(host).is_some_and(|asked| asked.step == step);
        let is_unknown =
            self.attempt(host, step).is_some_and(|known| matches!(known.state, AttemptState::Unknown { .. }));
        if !is_asked || !is_unknown {
            return Err(IllegalEvent::NoSuchQuestion { host });
        }
        self.questions.remove(&host);
        Ok(())
    }

    pub(super) fn cancel(&mut self, degree: CancelDegree, hosts: Option<&[u32]>) -> Result<(), IllegalEvent> {
        if !self.may_cancel(degree, hosts) {
            return Err(IllegalEvent::NothingToCancel);
        }
        let Some(hosts) = hosts else {
            self.cancelled = Some(degree);
            if self.status == Some(RunStatus::Running) {
                self.status = Some(RunStatus::Cancelling);
            }
            return Ok(());
        };
        for host in hosts {
            let before = self.hosts_cancelled.entry(*host).or_insert(degree);
            *before = degree.max(*before);
        }
        Ok(())
    }
}
