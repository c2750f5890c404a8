//! What becomes of a host on which a step did not end well: the step's policy, and what people decide.

use daytwo_model::plan::{Action, FailurePolicy};
use daytwo_model::run::Attempt;
use daytwo_model::{Answer, AttemptState, CancelReason, Event, Question, SkipReason};

use super::course::Waits;
use super::rollout::Bad;
use super::{Effect, Machine, Move};

/// What a step that did not end well says about its host.
struct BadEnd {
    bad: Bad,
    /// The host cannot be reached.
    gone: Option<String>,
    /// A change may still be running.
    runs_on: bool,
}

impl Machine {
    /// A step did not end well, and is not made again by itself.
    pub(super) fn failed(&mut self, host: u32, step: u32) -> Vec<Move> {
        let Some(end) = self.bad_end(host, step) else { return self.go_on(host) };
        if !self.is_main(step) {
            self.note_end(host, step, end);
            return self.go_on(host);
        }
        if end.bad == Bad::Cancelled {
            self.note_end(host, step, end);
            return self.close(host, SkipReason::Cancelled);
        }
        if self.undo {
            // It may still be running: the next inverse must not run beside it.
            let goes_on = end.gone.is_none() && !end.runs_on && end.bad == Bad::Failed;
            self.note_end(host, step, end);
            return if goes_on { self.go_on(host) } else { self.close(host, SkipReason::EarlierStep) };
        }
        let attempts = self.state.attempt(host, step).map(|known| known.attempts);
        if let Some(decision) = self.state.decision(host, step).filter(|it| Some(it.attempts) == attempts) {
            // Decided before this process took the run up, and nothing came of it yet.
            return self.answered(host, step, decision.answer);
        }
        let policy = self.step(step).map(|planned| planned.on_failure).unwrap_or_default();
        let open = self.is_closed(host, step).is_none();
        match policy {
            FailurePolicy::Ask { within_ms, otherwise } if open => {
                let otherwise = self.otherwise(host, step, otherwise, &end);
                self.ask(host, step, within_ms, otherwise)
            }
            FailurePolicy::Undo | FailurePolicy::Ask { otherwise: Answer::Undo, .. } => {
                self.note_end(host, step, end);
                self.take_back(host)
            }
            FailurePolicy::Continue if end.gone.is_none() && !end.runs_on => {
                self.note_end(host, step, end);
                self.go_on(host)
            }
            FailurePolicy::Continue | FailurePolicy::Stop | FailurePolicy::Ask { .. } => {
                self.note_end(host, step, end);
                self.close(host, SkipReason::EarlierStep)
            }
        }
    }

    /// Whether a step that did not end well lets its host, and hosts that wait for it, go on all the same.
    pub(super) fn passes_as_failed(&self, host: u32, step: u32) -> bool {
        let decided = self.state.decision(host, step).map(|decision| decision.answer);
        let by_policy = || self.step(step).is_some_and(|planned| planned.on_failure == FailurePolicy::Continue);
        decided.map_or_else(by_policy, |answer| answer == Answer::Continue)
            && self.bad_end(host, step).is_some_and(|end| end.gone.is_none() && !end.runs_on)
    }

    /// The rest of the main phase is skipped.
    fn close(&mut self, host: u32, why: SkipReason) -> Vec<Move> {
        if let Some(course) = self.course(host) {
            course.skip_rest.get_or_insert(why);
        }
        self.go_on(host)
    }

    fn take_back(&mut self, host: u32) -> Vec<Move> {
        if self.is_killed(host) || self.state.is_undoing(host) {
            return self.close(host, SkipReason::EarlierStep);
        }
        if let Some(course) = self.course(host) {
            course.skip_rest.get_or_insert(SkipReason::Undoing);
        }
        vec![Move::Record(Event::UndoStarted { host })]
    }

    fn bad_end(&self, host: u32, step: u32) -> Option<BadEnd> {
        let known = self.state.attempt(host, step)?;
        let action = self.step(step)?.action.get(host);
        let (bad, gone) = match &known.state {
            AttemptState::Unreachable { why } => (Bad::Unreachable, Some(why.clone())),
            // The host itself said so.
            AttemptState::NotStarted { .. } => (Bad::Unreachable, None),
            AttemptState::Cancelled { reason: CancelReason::Operator } => (Bad::Cancelled, None),
            _ => (Bad::Failed, None),
        };
        // An API that cannot be reached says nothing of the host.
        let is_request = matches!(action, Some(Action::Http { .. } | Action::HttpSet { .. }));
        Some(BadEnd { bad, gone: gone.filter(|_| !is_request), runs_on: self.state.may_still_change(host, step) })
    }

    /// A failure is certain, and what follows has to wait: the budgets do not. (A person may still decide otherwise.)
    pub(super) fn count_early(&mut self, host: u32, step: u32) {
        let asks = self.step(step).is_some_and(|planned| matches!(planned.on_failure, FailurePolicy::Ask { .. }));
        if let Some(end) = self.bad_end(host, step).filter(|_| !asks || !self.is_main(step)) {
            self.note_bad(host, step, end.bad);
        }
    }

    /// What is true of the host because of it.
    fn note_end(&mut self, host: u32, step: u32, end: BadEnd) {
        self.note_unavailable(host, end.gone, end.runs_on);
        self.note_bad(host, step, end.bad);
    }

    pub(super) fn note_unavailable(&mut self, host: u32, gone: Option<String>, runs_on: bool) {
        let Some(course) = self.course(host) else { return };
        course.end_unknown |= runs_on;
        course.gone = course.gone.take().or(gone);
    }

    /// The same of a step that is behind a host since before this process took the run up.
    pub(super) fn note_bad_before(&mut self, host: u32, step: u32) {
        let waived = self.state.is_good(host, step);
        if let Some(end) = self.bad_end(host, step).filter(|_| !waived) {
            let goes_on = self.undo || self.passes_as_failed(host, step);
            self.note_end(host, step, end);
            let is_main = self.is_main(step);
            if let Some(course) = self.course(host).filter(|_| is_main && !goes_on) {
                course.skip_rest.get_or_insert(SkipReason::EarlierStep);
            }
        }
    }

    pub(super) fn note_bad(&mut self, host: u32, step: u32, bad: Bad) {
        let is_main = self.is_main(step);
        let is_finale = self.is_finale(step);
        self.finale_failed |= is_finale;
        let Some(course) = self.course(host) else { return };
        course.touched = true;
        course.main_failed |= is_main;
        let is_first = !std::mem::replace(&mut course.bad, true);
        // A host that a person stopped may still fail at its end.
        let counts = match bad {
            Bad::Cancelled => is_first,
            Bad::Failed | Bad::Unreachable => !std::mem::replace(&mut course.counted, true),
        };
        if counts && !is_finale {
            self.count(bad);
        }
    }

    fn ask(&mut self, host: u32, step: u32, within_ms: u64, otherwise: Answer) -> Vec<Move> {
        let Some(known) = self.state.attempt(host, step) else { return Vec::new() };
        let question = Question::Failure { why: why(known), may_retry: known.may_be_made_again() };
        vec![Move::Record(Event::QuestionAsked { host, step, question, within_ms, otherwise })]
    }

    /// What no answer means: what the plan says, where that is an answer here. Nobody's silence makes a step
    /// again for ever, or lets anything run beside what may still be running.
    fn otherwise(&self, host: u32, step: u32, planned: Answer, end: &BadEnd) -> Answer {
        let may_retry = self.state.attempt(host, step).is_some_and(Attempt::may_be_made_again);
        let asked_before = self.state.decision(host, step).is_some();
        let available = end.gone.is_none() && !end.runs_on;
        let is_one = match planned {
            Answer::Retry => may_retry && !asked_before,
            Answer::Skip | Answer::Continue => available,
            Answer::Undo => !self.state.is_undoing(host),
            Answer::Exclude | Answer::Stop => true,
        };
        if is_one { planned } else { Answer::Exclude }
    }

    /// A question is on disk: the host waits for its answer.
    pub(super) fn asked(&mut self, host: u32, step: u32, within_ms: u64, otherwise: Answer) -> Vec<Move> {
        self.wait_for(host, Waits::Person);
        vec![Move::Perform(Effect::AskPerson { host, step, within_ms, otherwise })]
    }

    /// An answer was given.
    pub(super) fn answered(&mut self, host: u32, step: u32, answer: Answer) -> Vec<Move> {
        self.wait_for(host, Waits::Nothing);
        let is_main = self.is_main(step);
        if answer == Answer::Stop && is_main && self.stop.is_none() {
            self.stop = Some(SkipReason::Stopped);
        }
        let rest = match answer {
            // It is how a cancel or an interruption ends a question, too.
            Answer::Exclude | Answer::Stop if self.state.cancelled(host).is_some() => SkipReason::Cancelled,
            Answer::Exclude => SkipReason::Excluded,
            Answer::Stop => SkipReason::Stopped,
            Answer::Undo => SkipReason::Undoing,
            Answer::Retry | Answer::Skip | Answer::Continue => SkipReason::EarlierStep,
        };
        if self.state.attempt(host, step).is_none() {
            return self.declined(host, step, answer, rest);
        }
        if answer == Answer::Retry && self.state.retry_is_due(host, step) {
            return vec![Move::Send { host, step }];
        }
        if answer == Answer::Skip || self.state.is_good(host, step) {
            return self.go_on(host);
        }
        if let Some(end) = self.bad_end(host, step) {
            self.note_end(host, step, end);
        }
        match answer {
            Answer::Undo => self.take_back(host),
            Answer::Continue if self.passes_as_failed(host, step) => self.go_on(host),
            _ => self.close(host, rest),
        }
    }

    /// A step that is a question was answered with something else than yes.
    fn declined(&mut self, host: u32, step: u32, answer: Answer, rest: SkipReason) -> Vec<Move> {
        match answer {
            Answer::Undo => {
                self.note_bad(host, step, Bad::Failed);
                self.take_back(host)
            }
            Answer::Exclude => {
                let bad = if rest == SkipReason::Cancelled { Bad::Cancelled } else { Bad::Failed };
                self.note_bad(host, step, bad);
                vec![Move::Record(Event::StepSkipped { host, step, why: rest })]
            }
            _ => vec![Move::Record(Event::StepSkipped { host, step, why: rest })],
        }
    }
}

/// Why a step did not end well, in one sentence.
fn why(known: &Attempt) -> String {
    use AttemptState as S;
    match &known.state {
        S::Finished { exit } => exit.to_string(),
        S::NotVerified { why, .. } => format!("not verified: {why}"),
        S::Lost { why } | S::Unknown { why } | S::Unreachable { why } | S::Refused { why } | S::NotStarted { why } => {
            format!("{}: {why}", known.state.word())
        }
        S::Cancelled { reason: CancelReason::Deadline } => {
            "it ran longer than the step allows, and was killed".to_owned()
        }
        S::Cancelled { reason: CancelReason::DeadMan } => "it was ended by its dead-man switch".to_owned(),
        // Done, but its dead-man switch was not disarmed.
        S::Verified { .. } => "the host took it back alone, or may have".to_owned(),
        other => other.word().to_owned(),
    }
}
