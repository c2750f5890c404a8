//! Before a run is taken up: hosts are asked about attempts whose end the process that is gone had not seen.
//!
//! What they tell is recorded first, so that what follows from taking the run up (end steps, its outcome) follows
//! from the truth, and nothing new is sent to a host beside something of which nobody knows whether it still runs.

use daytwo_model::AttemptId;
use tokio::task::{Id, JoinError};
use tokio::time::{Instant, sleep_until};

use super::Dispatcher;
use super::perform::cause;
use crate::error::RunError;
use crate::pace::later;
use crate::unit::Told;

impl Dispatcher {
    /// Asks for as long as one ask takes. Hosts that have not answered by then are asked on while the run goes on.
    pub(super) async fn ask_first(&mut self) -> Result<(), RunError> {
        let state = self.machine.state();
        let is_due = |attempt: &AttemptId| self.is_unknown(*attempt) && self.may_be_asked_again(*attempt);
        let unknown: Vec<AttemptId> = state.attempts_unclear().filter(is_due).collect();
        for attempt in unknown {
            self.unknown.add_now(attempt);
        }
        self.ask_again();
        let until = later(Instant::now(), self.context.settings.ask_again_wait);
        while self.unknown.asking() > 0 {
            tokio::select! {
                biased;
                Some(joined) = self.units.join_next_with_id() => self.told_first(joined)?,
                () = sleep_until(until) => break,
            }
        }
        Ok(())
    }

    fn told_first(&mut self, joined: Result<(Id, Told), JoinError>) -> Result<(), RunError> {
        let (id, facts) = match joined {
            Ok((id, Told::Events(facts))) => (id, facts),
            Ok((id, Told::Due { .. })) => (id, Vec::new()),
            Err(error) => {
                let id = error.id();
                tracing::error!(why = cause(error), "asking about an attempt failed");
                (id, Vec::new())
            }
        };
        let attempt = self.doing.remove(&id).and_then(|working| working.doing.asks_again());
        for fact in facts {
            if self.is_news(&fact) {
                let learnt = self.machine.learn(fact).map_err(RunError::Illegal)?;
                learnt.into_iter().try_for_each(|event| self.add(event))?;
            }
        }
        self.unknown.asked();
        if let Some(attempt) = attempt.filter(|attempt| self.is_unknown(*attempt)) {
            self.unknown.add(attempt, &self.context.settings);
        }
        Ok(())
    }
}
