//! Takes up a run that another process has left: the machine as of what is true, and what is asked then.

use std::sync::Arc;

use daytwo_model::plan::Action;
use daytwo_model::run::DeadManSwitch;
use daytwo_model::{AttemptId, AttemptState, Event, IllegalEvent, RunState, RunStatus, SealedPlan, SkipReason};

use super::rollout::Stage;
use super::{Effect, Machine, Move, Settled};

impl Machine {
    /// A machine that knows what is true of a run that nobody drives, and of which nothing follows. It is asked
    /// with, and then gives way to [`Machine::take_up`].
    #[must_use]
    pub fn before_it_is_taken_up(plan: Arc<SealedPlan>, state: RunState) -> Self {
        Self { state, ..Self::new(plan) }
    }

    /// The machine of a run that `state` is true of, by all records that there are, and what follows from that
    /// nobody drives it any more.
    ///
    /// Of a run that is not over, that is [`Event::RunInterrupted`] first; every attempt in flight is asked about,
    /// and the run goes to its end without starting anything of its main phase. Of one that is over, nothing is
    /// recorded now: the hosts are asked once more about what was not known.
    pub fn take_up(
        plan: Arc<SealedPlan>,
        state: RunState,
        found_by: String,
        new_attempt: &mut dyn FnMut() -> AttemptId,
    ) -> Result<(Self, Settled), IllegalEvent> {
        let mut machine = Self::new(plan);
        machine.state = state;
        machine.is_over = matches!(machine.state.status(), Some(RunStatus::Ended { .. }));
        if machine.is_over {
            machine.rollout.stage = Stage::Over;
            let settled = Settled { events: Vec::new(), effects: machine.unclear() };
            return Ok((machine, settled));
        }
        machine.interrupted = true;
        let plan = Arc::clone(&machine.plan);
        let (_, ended) = machine.state.batches();
        for (batch, hosts) in (0_u32..).zip(&plan.plan().batches) {
            for host in hosts {
                machine.rebuild(*host, batch < ended);
            }
        }
        let settled = machine.next(Event::RunInterrupted { found_by }, new_attempt)?;
        Ok((machine, settled))
    }

    /// What is asked once more after the end.
    fn unclear(&self) -> Vec<Effect> {
        let ask = |attempt: AttemptId| {
            let (host, step) = self.state.place(attempt)?;
            let known = self.state.find(attempt)?;
            let inverse = self.state.is_inverse(attempt);
            let action = self.step(step)?.action.get(host);
            // Whoever answered a request keeps nothing of it.
            let is_kept =
                matches!(action, Some(Action::Run { .. })) && (inverse || self.state.may_still_change(host, step));
            let effect = match (&known.state, known.dead_man.as_deref()) {
                (AttemptState::Unknown { .. }, _) => Effect::Reattach { attempt, host, step, inverse },
                (
                    _,
                    Some(
                        DeadManSwitch::Armed
                        | DeadManSwitch::Unknown { .. }
                        | DeadManSwitch::Failed { over: false, .. },
                    ),
                ) => {
                    // As in the run itself: what is well is told to be, and what is not is taken back in its time.
                    if self.state.has_done_its_work(host, step) {
                        Effect::Disarm { attempt, host, step }
                    } else {
                        Effect::AwaitDeadMan { attempt, host, step }
                    }
                }
                _ => return None,
            };
            is_kept.then_some(effect)
        };
        let mut effects: Vec<Effect> = self.state.attempts_unclear().filter_map(ask).collect();
        effects.sort_by_key(Effect::place);
        effects
    }

    /// How far a host is, by what is true of its steps.
    fn rebuild(&mut self, host: u32, has_come_to_its_end: bool) {
        let undoing = self.state.is_undoing(host);
        let mut known = Vec::new();
        for step in &self.order {
            let Some(attempt) = self.state.attempt(host, *step) else { break };
            known.push((*step, attempt.state.clone(), attempt.id.is_some()));
        }
        let count = known.len();
        let never_started = known.iter().all(|(_, _, is_attempt)| !is_attempt);
        let closed = known.iter().find_map(|(_, state, _)| match state {
            AttemptState::Skipped { why } if never_started && !why.is_harmless() => Some(why.clone()),
            _ => None,
        });
        for (place, (step, state, is_attempt)) in known.into_iter().enumerate() {
            let is_last = place + 1 == count;
            if is_attempt {
                self.touched = true;
                if let Some(course) = self.course(host) {
                    course.touched = true;
                }
            }
            match state {
                AttemptState::Skipped { why } => self.note_skip(host, step, &why),
                // What follows from the last attempt may not have happened yet.
                _ if is_last && !self.is_behind(host, step) && (!has_come_to_its_end || self.is_finale(step)) => break,
                _ => self.note_bad_before(host, step),
            }
            if let Some(course) = self.course(host) {
                course.next = place + 1;
            }
        }
        if undoing {
            for step in self.order.clone() {
                self.note_inverse(host, step);
            }
        }
        if let Some(course) = self.course(host) {
            course.begun = count > 0;
            // Nothing was brought to an end here, whatever the phase of its first step.
            course.skip_rest = course.skip_rest.take().or(closed);
            if undoing {
                course.main_failed = true;
                course.skip_rest.get_or_insert(SkipReason::Undoing);
            }
        }
    }

    /// Whether nothing more follows from the last attempt of a host: it is good, or the next step asks already.
    fn is_behind(&self, host: u32, step: u32) -> bool {
        self.state.is_good(host, step) || self.state.question(host).is_some_and(|asked| asked.step != step)
    }

    /// Whether a host has all of its steps behind it.
    pub(super) fn has_ended(&self, host: u32) -> bool {
        self.next_step(host).is_none() && !self.state.is_undoing_now(host)
    }

    /// Whether the next word about a host comes from outside.
    pub(super) fn is_occupied(&self, host: u32) -> bool {
        self.state.is_busy(host) || self.state.question(host).is_some()
    }

    /// The run was taken up: asks what became of everything in flight, and goes on to the end.
    pub(super) fn go_on_interrupted(&mut self) -> Vec<Move> {
        self.interrupted = true;
        self.stop = Some(SkipReason::Interrupted);
        let (started, ended) = self.state.batches();
        self.rollout.batch = ended as usize;
        self.rollout.batch_started = started > ended;
        for host in (0_u32..).take(self.courses.len()) {
            let good = self.courses.get(host as usize).is_some_and(super::course::Course::is_good);
            if good && self.has_ended(host) {
                self.rollout.hosts_good += 1;
            }
        }
        let mut effects: Vec<Effect> =
            self.state.attempts_in_flight().filter_map(|attempt| self.reattach(attempt)).collect();
        effects.sort_by_key(Effect::place);
        let mut moves: Vec<Move> = effects.into_iter().map(Move::Perform).collect();
        self.rollout.stage = Stage::Working;
        self.fill();
        moves.extend(self.work());
        moves.extend(self.close_all_questions());
        moves
    }

    /// Of a step whose end was recorded, and not that what it was to capture is missing.
    pub(super) fn missing_captures(&self, host: u32) -> Option<Move> {
        let step = self.next_step(host)?;
        let (known, planned) = (self.state.attempt(host, step)?, self.step(step)?);
        let AttemptState::Finished { exit } = &known.state else { return None };
        let misses = !planned.captures.iter().all(|capture| known.captured.contains_key(&capture.name));
        let why = "what it was to capture was not recorded".to_owned();
        let attempt = known.id.filter(|_| misses && planned.accepts(exit))?;
        Some(Move::Record(Event::AttemptNotVerified { attempt, why }))
    }

    fn reattach(&self, attempt: AttemptId) -> Option<Effect> {
        let (host, step) = self.state.place(attempt)?;
        Some(Effect::Reattach { attempt, host, step, inverse: self.state.is_inverse(attempt) })
    }
}
