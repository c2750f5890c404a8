//! What happened in a rehearsed run: its state, the order of its steps, what was sent, and what had no reply.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::sync::Arc;

use daytwo_model::plan::{Action, PlannedStep, WayBack};
use daytwo_model::{AttemptId, AttemptState, Event, HostName, IllegalEvent, Record, RunState, SealedPlan};
use daytwo_runbook::{Part, Question};

use crate::report::Problem;

/// Something that was sent to a host or an API.
pub(crate) struct Sent {
    pub(crate) question: Question,
    pub(crate) host: HostName,
    /// The text, with secrets by name.
    pub(crate) text: String,
}

/// A question that is due to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Due {
    pub(crate) host: u32,
    pub(crate) step: u32,
    pub(crate) part: Part,
    /// It is about the step's way back, taken in the same run.
    pub(crate) inverse: bool,
    /// None for a check, which comes before any attempt.
    pub(crate) attempt: Option<AttemptId>,
}

/// What happened so far.
pub(crate) struct Trace {
    plan: Arc<SealedPlan>,
    state: RunState,
    /// The steps in the order in which hosts go through them.
    order: Vec<u32>,
    /// By host, its steps in the order in which something became of them, and whether that was their way back.
    courses: Vec<Vec<(u32, bool)>>,
    /// Questions that nobody has looked at yet: host and step.
    asked: VecDeque<(u32, u32)>,
    sent: Vec<Sent>,
    missing: BTreeSet<String>,
    /// Attempts that were sent, and requests that are on their way: an API does not say for whom it is asked.
    taken: HashSet<Due>,
    attempts: u32,
}

impl Trace {
    pub(crate) fn new(plan: Arc<SealedPlan>) -> Self {
        let of = plan.plan();
        let mut order: Vec<u32> = (0_u32..).zip(&of.steps).map(|(step, _)| step).collect();
        order.sort_by_key(|step| of.steps.get(*step as usize).map(|step| step.phase));
        Self {
            state: RunState::new(of),
            order,
            courses: vec![Vec::new(); of.hosts.len()],
            asked: VecDeque::new(),
            sent: Vec::new(),
            missing: BTreeSet::new(),
            taken: HashSet::new(),
            attempts: 0,
            plan,
        }
    }

    /// Takes what the engine put into its journal.
    pub(crate) fn record(&mut self, records: &[Record]) -> Result<(), IllegalEvent> {
        for record in records {
            self.state.apply(&record.event)?;
            let (host, step, inverse) = match &record.event {
                Event::AttemptSent { host, step, inverse, .. } => {
                    self.attempts += 1;
                    (*host, *step, *inverse)
                }
                Event::StepSkipped { host, step, .. } => (*host, *step, false),
                Event::InverseSkipped { host, step, .. } => (*host, *step, true),
                Event::QuestionAsked { host, step, .. } => {
                    self.asked.push_back((*host, *step));
                    (*host, *step, false)
                }
                _ => continue,
            };
            if let Some(course) = self.courses.get_mut(host as usize)
                && !course.contains(&(step, inverse))
            {
                course.push((step, inverse));
            }
        }
        Ok(())
    }

    /// What a host may be asked now, the likeliest first.
    pub(crate) fn due(&self, host: u32) -> Vec<Due> {
        let cells = || {
            let own = self.order.iter().map(move |step| (*step, false, self.state.attempt(host, *step)));
            let inverses = self.order.iter().rev().map(move |step| (*step, true, self.state.inverse(host, *step)));
            own.chain(inverses.filter(|(_, _, cell)| cell.is_some()))
        };
        let in_flight = cells().filter_map(|(step, inverse, cell)| {
            let cell = cell.filter(|cell| cell.state.is_in_flight())?;
            Some(Due { host, step, part: Part::Action, inverse, attempt: cell.id })
        });
        let reading = in_flight.clone().filter(|due| matches!(self.action(*due), Some(Action::HttpSet { .. })));
        let reading = reading.map(|due| Due { part: Part::Read, ..due });
        let unverified = cells().filter_map(|(step, inverse, cell)| {
            let cell = cell.filter(|cell| match &cell.state {
                AttemptState::Finished { exit } => {
                    self.step(step).is_some_and(|step| if inverse { exit.is_success() } else { step.accepts(exit) })
                }
                _ => false,
            })?;
            Some(Due { host, step, part: Part::Verify, inverse, attempt: cell.id })
        });
        let unchecked = cells().filter(|(_, inverse, cell)| !inverse && cell.is_none()).map(|(step, ..)| Due {
            host,
            step,
            part: Part::Check,
            inverse: false,
            attempt: None,
        });
        reading.chain(in_flight).chain(unverified).chain(unchecked).filter(|due| self.action(*due).is_some()).collect()
    }

    /// What is asked.
    pub(crate) fn action(&self, due: Due) -> Option<&Action> {
        let step = self.step(due.step)?;
        let (action, verify) = match (&step.way_back, due.inverse) {
            (WayBack::Inverse { action, verify }, true) => (action, verify.as_ref()),
            (_, true) => return None,
            (_, false) => (&step.action, step.verify.as_ref()),
        };
        match due.part {
            Part::Action | Part::Read => action.get(due.host),
            Part::Check => step.check.as_ref()?.get(due.host).map(|probe| &probe.action),
            Part::Verify => verify?.probe.get(due.host).map(|probe| &probe.action),
        }
    }

    /// The next question that a person is asked.
    pub(crate) fn next_question(&mut self) -> Option<(u32, u32)> {
        self.asked.pop_front()
    }

    /// Marks a question as asked; false where somebody else asked it.
    pub(crate) fn take(&mut self, due: Due) -> bool {
        self.taken.insert(due)
    }

    /// A question that may be asked again was answered.
    pub(crate) fn release(&mut self, due: Due) {
        if due.part != Part::Action {
            self.taken.remove(&due);
        }
    }

    pub(crate) fn is_taken(&self, due: Due) -> bool {
        self.taken.contains(&due)
    }

    pub(crate) fn note(&mut self, sent: Sent) {
        self.sent.push(sent);
    }

    /// Something was asked that has no reply, or none of its kind.
    pub(crate) fn miss(&mut self, what: String) {
        self.missing.insert(what);
    }

    pub(crate) fn missing(&self, line: u32) -> Vec<Problem> {
        self.missing.iter().map(|what| Problem::new(line, what.clone())).collect()
    }

    pub(crate) const fn state(&self) -> &RunState {
        &self.state
    }

    /// The steps of a host, in the order in which something became of them, and whether that was their way back.
    pub(crate) fn course(&self, host: u32) -> &[(u32, bool)] {
        self.courses.get(host as usize).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn sent(&self) -> &[Sent] {
        &self.sent
    }

    /// How many attempts were sent.
    pub(crate) const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// How many checks and post-conditions were asked.
    pub(crate) fn asked(&self) -> u32 {
        let asked = self.sent.iter().filter(|sent| sent.question.part != Part::Action).count();
        u32::try_from(asked).unwrap_or(u32::MAX)
    }

    pub(crate) fn step(&self, step: u32) -> Option<&PlannedStep> {
        self.plan.plan().steps.get(step as usize)
    }
}
