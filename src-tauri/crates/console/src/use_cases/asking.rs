//! What people ask of a run: that it stop, and the answers to its questions. The process that drives it
//! decides; any other hands the request to that process through the history.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use daytwo_engine::Request;
use daytwo_model::{Answer, CancelDegree, HostName, Plan, RunId, RunState};
use daytwo_store::Driven;

use crate::Console;
use crate::view;
use crate::wire::{Code, UiError};

/// How often the driver of a run looks for requests of other processes: a person at another window waits.
const REQUESTS_PACE: Duration = Duration::from_millis(500);

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// This process drives the run, and has it.
    Taken,
    /// Another process drives the run; it takes the request within a second.
    HandedOn,
}

impl Console {
    /// Asks that a run stop, or that some of its hosts do.
    pub async fn cancel(
        &self,
        run: RunId,
        degree: CancelDegree,
        hosts: Option<Vec<HostName>>,
        why: String,
    ) -> Result<Asked, UiError> {
        let folded = self.folded(run).await?;
        let hosts = hosts.map(|hosts| indices(folded.sealed.plan(), &hosts)).transpose()?;
        if !folded.state.may_cancel(degree, hosts.as_deref()) {
            let over = folded.state.status().is_none_or(|status| !view::run::is_active(status));
            let why =
                if over { "the run is over, so there is nothing to cancel" } else { "that was asked for already" };
            return Err(UiError::new(Code::BadRequest, why));
        }
        self.ask(run, Request::Cancel { by: self.profile.actor.clone(), why, degree, hosts }).await
    }

    /// Answers what a run asks about a step on some hosts; all that wait with that question where none are named.
    pub async fn answer(
        &self,
        run: RunId,
        step: u32,
        hosts: Vec<HostName>,
        answer: Answer,
        why: String,
    ) -> Result<Asked, UiError> {
        let folded = self.folded(run).await?;
        let named = indices(folded.sealed.plan(), &hosts)?;
        let asked = folded.state.questions().filter(|(_, asked)| asked.step == step).map(|(host, _)| host);
        let asked: BTreeSet<u32> = asked.filter(|host| named.is_empty() || named.contains(host)).collect();
        let hosts = answerable(&folded.state, &asked, (step, answer))?;
        self.ask(run, Request::Answer { hosts, step, answer, by: self.profile.actor.clone(), why }).await
    }

    async fn ask(&self, run: RunId, request: Request) -> Result<Asked, UiError> {
        if let Some(taken) = self.ask_here(run, request.clone()) {
            return taken;
        }
        match self.driven(run).await? {
            Driven::Elsewhere => {
                self.parts
                    .store
                    .ask(run, self.clock.now(), &request)
                    .await
                    .map_err(|error| UiError::history(&error))?;
                Ok(Asked::HandedOn)
            }
            Driven::Over => Err(UiError::new(Code::BadRequest, "the run is over")),
            // It may have ended, or begun to, between the two looks.
            Driven::Here => Err(UiError::new(Code::Conflict, "the run is just ending")),
            Driven::Orphaned => Err(UiError::new(Code::Conflict, "the process that drove the run is gone")
                .hint("nothing more starts; find out what happened with: daytwo recover")),
        }
    }

    /// Hands a request to a run that this process drives; none where it drives none.
    fn ask_here(&self, run: RunId, request: Request) -> Option<Result<Asked, UiError>> {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = active.get(&run)?.handle.request(request);
        Some(if taken {
            Ok(Asked::Taken)
        } else {
            Err(UiError::new(Code::Conflict, "the run is just ending, or too much is asked of it at one time"))
        })
    }

    /// Hands what other processes ask of a run to its driver, as long as this process drives it.
    pub(super) async fn take_requests(&self, run: RunId) {
        loop {
            tokio::time::sleep(REQUESTS_PACE).await;
            let asked = match self.parts.store.requests(run).await {
                Ok(asked) => asked,
                Err(error) => {
                    tracing::warn!(%run, %error, "looking for requests");
                    continue;
                }
            };
            for open in asked {
                match self.ask_here(run, open.request) {
                    None => return,
                    // The next look tries again.
                    Some(Err(_)) => break,
                    Some(Ok(_)) => {}
                }
                if let Err(error) = self.parts.store.taken(open.number, self.clock.now()).await {
                    tracing::warn!(%run, %error, "noting a request as taken");
                    break;
                }
            }
        }
    }

    async fn driven(&self, run: RunId) -> Result<Driven, UiError> {
        let summary = self.parts.store.run(run).await.map_err(|error| UiError::history(&error))?;
        let summary = summary.ok_or_else(|| UiError::new(Code::NotFound, format!("there is no run {run}")))?;
        Ok(summary.driven)
    }
}

/// Of the hosts that wait with the question, those of which this is an answer.
fn answerable(state: &RunState, asked: &BTreeSet<u32>, (step, answer): (u32, Answer)) -> Result<Vec<u32>, UiError> {
    if asked.is_empty() {
        return Err(UiError::new(Code::Conflict, "nobody waits for that answer any more")
            .hint("it was answered by somebody else, or its time has passed"));
    }
    let hosts: Vec<u32> = asked.iter().copied().filter(|host| state.may_answer(*host, step, answer)).collect();
    if hosts.is_empty() {
        return Err(UiError::new(Code::BadRequest, "that is no answer to what is asked")
            .hint("a step is made again only where its end was seen"));
    }
    Ok(hosts)
}

/// Indices of the hosts with these names.
fn indices(plan: &Plan, names: &[HostName]) -> Result<Vec<u32>, UiError> {
    let index = |name: &HostName| {
        let found = (0_u32..).zip(&plan.hosts).find(|(_, host)| host.name == *name).map(|(index, _)| index);
        found.ok_or_else(|| UiError::new(Code::NotFound, format!("the run has no host {name}")))
    };
    names.iter().map(index).collect()
}
