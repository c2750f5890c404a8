//! How a dispatcher takes facts, writes what follows from them, and stops when it cannot write.

use std::sync::Arc;

use daytwo_model::plan::{Action, Effect, On, WayBack};
use daytwo_model::{Answer, AttemptId, AttemptState, CancelDegree, Event, Record, RunOutcome, RunStatus};
use tokio::task::{Id, JoinError};
use tokio::time::{Instant, sleep, sleep_until};

use super::perform::{Working, cause};
use super::{Dispatcher, within};
use crate::error::RunError;
use crate::handle::Request;
use crate::machine::Settled;
use crate::ports::Fence;
use crate::shell::Earlier;
use crate::take_up::Sent;
use crate::unit::{Context, Told};

/// Records in one append: keeps a single write short when thousands of steps are skipped at once. With so
/// many at hand no more facts are taken until these are written.
const APPEND_RECORDS_MAX: usize = 1024;

/// What the dispatcher may be told.
enum Fact {
    Report(Event),
    Joined(Result<(Id, Told), JoinError>),
    Requested(Request),
    TimeIsUp,
}

impl Dispatcher {
    pub(super) async fn drive(mut self) -> Result<RunOutcome, RunError> {
        let result = self.drive_to_end().await;
        if let Err(error) = &result {
            tracing::error!(error = error as &dyn std::error::Error, in_flight = self.units.len(), "the run stops");
            self.follow_to_end().await;
        }
        result
    }

    /// What the journal knows of an attempt that was sent.
    pub(super) fn earlier(&self, attempt: AttemptId) -> Earlier {
        let now = self.context.ports.clock.now();
        let over = self.is_over();
        self.earlier.get(&attempt).map_or(Earlier { over, ..Earlier::default() }, |sent| sent.as_of(now, over))
    }

    const fn is_over(&self) -> bool {
        matches!(self.machine.state().status(), Some(RunStatus::Ended { .. }))
    }

    async fn drive_to_end(&mut self) -> Result<RunOutcome, RunError> {
        // Of a run that was over before, what is still unknown is asked; then nothing is left to do.
        let was_over = self.is_over();
        loop {
            self.commit().await?;
            // What was taken while that was written.
            if !self.pending.is_empty() || !self.effects.is_empty() {
                continue;
            }
            // Nobody waits for what is only asked about again.
            let is_idle = self.units.len() <= self.unknown.asking();
            if let Some(RunStatus::Ended { outcome }) = self.machine.state().status()
                && (!was_over || is_idle)
            {
                tracing::info!(?outcome, "ended");
                return Ok(outcome);
            }
            if is_idle && self.deadlines.next().is_none() {
                return Err(RunError::Stalled);
            }
            let fact = self.wait().await;
            self.take_with_more(fact)?;
        }
    }

    /// People first: a cancel must not wait behind the reports of a thousand hosts.
    async fn wait(&mut self) -> Fact {
        let due = self.deadlines.next().into_iter().chain(self.unknown.next()).min();
        // Reports are open as long as this exists, so there is always something to wait for.
        tokio::select! {
            biased;
            Some(request) = self.requests.recv() => Fact::Requested(request),
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => Fact::TimeIsUp,
            Some(report) = self.reports.recv() => Fact::Report(report),
            Some(joined) = self.units.join_next_with_id() => Fact::Joined(joined),
        }
    }

    /// What has arrived in the meantime, to share one write of the journal.
    fn more(&mut self) -> Option<Fact> {
        if let Ok(request) = self.requests.try_recv() {
            return Some(Fact::Requested(request));
        }
        if let Ok(report) = self.reports.try_recv() {
            return Some(Fact::Report(report));
        }
        self.units.try_join_next_with_id().map(Fact::Joined)
    }

    fn take_with_more(&mut self, fact: Fact) -> Result<(), RunError> {
        self.take(fact)?;
        while self.pending.len() < APPEND_RECORDS_MAX
            && let Some(fact) = self.more()
        {
            self.take(fact)?;
        }
        Ok(())
    }

    fn take(&mut self, fact: Fact) -> Result<(), RunError> {
        match fact {
            Fact::Report(event) => self.settle(event),
            Fact::Joined(joined) => {
                // A unit reports its start before it ends, so the start is already here.
                while let Ok(report) = self.reports.try_recv() {
                    self.settle(report)?;
                }
                self.ended(joined)
            }
            Fact::Requested(request) => self.requested(request),
            Fact::TimeIsUp => self.time_is_up(),
        }
    }

    /// Whoever asks too late, or for less than was asked for before, changes nothing.
    fn requested(&mut self, request: Request) -> Result<(), RunError> {
        let state = self.machine.state();
        match request {
            Request::Cancel { by, why, degree, hosts } => {
                let known = |hosts: Vec<u32>| self.in_plan(hosts);
                let hosts = hosts.map(known);
                if !state.may_cancel(degree, hosts.as_deref()) {
                    return Ok(());
                }
                let (by, why) = (self.context.reason(&by), self.context.reason(&why));
                self.settle(Event::CancelRequested { by, why, degree, hosts })
            }
            Request::Answer { hosts, step, answer, by, why } => {
                let (by, why) = (self.context.reason(&by), self.context.reason(&why));
                self.answer(hosts, step, answer, Some(by), why)
            }
        }
    }

    fn in_plan(&self, mut hosts: Vec<u32>) -> Vec<u32> {
        hosts.retain(|host| self.context.host(*host).is_some());
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }

    /// An answer for those of the hosts that wait for it.
    fn answer(
        &mut self,
        hosts: Vec<u32>,
        step: u32,
        answer: Answer,
        by: Option<String>,
        why: String,
    ) -> Result<(), RunError> {
        let mut hosts = self.in_plan(hosts);
        hosts.retain(|host| self.machine.state().may_answer(*host, step, answer));
        if hosts.is_empty() {
            return Ok(());
        }
        self.settle(Event::QuestionAnswered { hosts, step, answer, by, why })
    }

    fn time_is_up(&mut self) -> Result<(), RunError> {
        if self.deadlines.is_hold_over()
            && let Some(batch) = self.machine.holding()
        {
            self.settle(Event::BatchEnded { batch })?;
        }
        self.ask_again();
        for unanswered in self.deadlines.unanswered() {
            self.answer(unanswered.hosts, unanswered.step, unanswered.answer, None, String::new())?;
        }
        Ok(())
    }

    fn ended(&mut self, joined: Result<(Id, Told), JoinError>) -> Result<(), RunError> {
        let asks_again = |working: &Working| working.doing.asks_again();
        let (told, again) = match joined {
            Ok((id, told)) => (told, self.doing.remove(&id).as_ref().and_then(asks_again)),
            Err(error) => {
                let working = self.doing.remove(&error.id());
                let again = working.as_ref().and_then(asks_again);
                let why = self.context.reason(&format!("this console failed while it followed it: {}", cause(error)));
                tracing::error!(why, "a unit of work failed");
                (working.map_or_else(|| Told::Events(Vec::new()), |working| working.doing.broken(why)), again)
            }
        };
        match told {
            Told::Events(facts) => {
                for fact in &facts {
                    if let Event::AttemptStuck { attempt, why } = fact {
                        self.machine.note_why(*attempt, why.clone());
                    }
                }
                for fact in facts {
                    if self.is_news(&fact) {
                        self.settle(fact)?;
                    }
                }
                if let Some(attempt) = again {
                    self.unknown.asked();
                    if self.is_unknown(attempt) {
                        self.unknown.add(attempt, &self.context.settings);
                    }
                }
                Ok(())
            }
            Told::Due { host, step } => {
                let clock = Arc::clone(&self.context.ports.clock);
                let settled = self.machine.due(host, step, &mut || clock.new_attempt());
                self.add_all(settled.map_err(RunError::Illegal)?)
            }
        }
    }

    /// Whether a fact adds to what is known. That an end is still not known does not.
    pub(super) fn is_news(&self, fact: &Event) -> bool {
        let state = self.machine.state();
        match fact {
            Event::AttemptUnknown { attempt, .. } => {
                !state.find(*attempt).is_some_and(|known| matches!(known.state, AttemptState::Unknown { .. }))
            }
            // Whether it is stuck is the machine's to say; why was noted.
            Event::AttemptStuck { .. } => false,
            // After the end of the run only the ends of attempts are told.
            Event::AttemptVerified { .. } | Event::AttemptNotVerified { .. } => !self.is_over(),
            _ => true,
        }
    }

    /// Takes a fact and everything that follows from it.
    fn settle(&mut self, fact: Event) -> Result<(), RunError> {
        let clock = Arc::clone(&self.context.ports.clock);
        let settled = self.machine.next(fact, &mut || clock.new_attempt());
        self.add_all(settled.map_err(RunError::Illegal)?)
    }

    pub(super) fn add_all(&mut self, settled: Settled) -> Result<(), RunError> {
        self.effects.extend(settled.effects);
        settled.events.into_iter().try_for_each(|event| self.add(event))
    }

    pub(super) fn add(&mut self, event: Event) -> Result<(), RunError> {
        match &event {
            Event::QuestionAnswered { hosts, .. } => hosts.iter().for_each(|host| self.deadlines.answered(*host)),
            Event::QuestionWithdrawn { host, .. } => self.deadlines.answered(*host),
            Event::AttemptUnknown { attempt, .. } if self.may_be_asked_again(*attempt) => {
                self.unknown.add(*attempt, &self.context.settings);
            }
            _ => {}
        }
        let previous = self.pending.last().unwrap_or(&self.last);
        let record = Record::seal(previous.run, Some(previous), self.context.ports.clock.now(), event);
        let record = record.map_err(RunError::Seal)?;
        Sent::note(&mut self.earlier, &record);
        let may_be_asked = |attempt: &AttemptId| {
            self.machine.state().find(*attempt).is_some_and(daytwo_model::run::Attempt::may_still_run)
        };
        if let Some(over) = record.event.attempt().filter(|attempt| !may_be_asked(attempt)) {
            self.earlier.remove(&over);
        }
        self.pending.push(record);
        Ok(())
    }

    /// Whether a host keeps what could be asked about: a script that changes something, and that did not run
    /// attached to its connection.
    pub(super) fn may_be_asked_again(&self, attempt: AttemptId) -> bool {
        if !self.context.settings.asks_unknown_in_run {
            return false;
        }
        let state = self.machine.state();
        let Some((host, step)) = state.place(attempt) else { return false };
        let Some(planned) = self.context.step(step) else { return false };
        let inverse = state.is_inverse(attempt);
        let action = match (&planned.way_back, inverse) {
            (_, false) => planned.action.get(host),
            (WayBack::Inverse { action, .. }, true) => action.get(host),
            (WayBack::None | WayBack::NotNeeded, true) => None,
        };
        let changes = inverse || planned.effect == Effect::Change;
        let is_kept = changes && planned.on != On::Console && matches!(action, Some(Action::Run { .. }));
        is_kept && !self.is_over() && state.find(attempt).is_some_and(|known| !known.attached)
    }

    /// Writes what is pending; then, and only then, it may be seen, and what follows from it is done. Facts
    /// that arrive while it is written are taken up for the next write, and nothing of them is done yet.
    async fn commit(&mut self) -> Result<(), RunError> {
        let (records, effects) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.effects));
        if let Some(last) = records.last() {
            self.last = last.clone();
        }
        let append = append(Arc::clone(&self.context), self.fence, records);
        tokio::pin!(append);
        let mut taken = Ok(());
        loop {
            // Nothing is news to a run that is over, or to one that stops.
            let takes = taken.is_ok() && self.pending.len() < APPEND_RECORDS_MAX && !self.is_over();
            tokio::select! {
                biased;
                appended = &mut append => {
                    appended?;
                    break;
                }
                fact = self.wait(), if takes => taken = self.take_with_more(fact),
            }
        }
        taken?;
        effects.into_iter().for_each(|effect| self.perform(effect));
        Ok(())
    }

    /// After a failure: nothing starts any more, and nothing more is claimed. What is in flight is
    /// given time to end by itself: what its host does not keep would end half-way with its connection.
    async fn follow_to_end(&mut self) {
        self.stops.stop_asking();
        let patience = sleep(self.context.settings.follow_wait);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                joined = self.units.join_next() => if joined.is_none() { return },
                Some(_) = self.reports.recv() => {}
                Some(request) = self.requests.recv() => match request {
                    Request::Cancel { degree: CancelDegree::Kill, .. } => self.stops.cancel(CancelDegree::Kill),
                    Request::Cancel { degree: CancelDegree::Terminate, hosts: None, .. } => self.stops.terminate_all(),
                    Request::Cancel { .. } | Request::Answer { .. } => {}
                },
                () = &mut patience => {
                    tracing::error!(in_flight = self.units.len(), "gave up what was still in flight");
                    return;
                }
            }
        }
    }
}

/// Has the journal write `records`, and publishes them.
async fn append(context: Arc<Context>, fence: Fence, mut records: Vec<Record>) -> Result<(), RunError> {
    while !records.is_empty() {
        let later = records.split_off(records.len().min(APPEND_RECORDS_MAX));
        let append = context.ports.journal.append(fence, &records);
        within(context.settings.journal_wait, append).await.map_err(RunError::Journal)?;
        context.published.publish(records).map_err(RunError::Illegal)?;
        records = later;
    }
    Ok(())
}
