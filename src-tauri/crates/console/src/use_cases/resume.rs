//! Doing a part of an earlier run again: three choices, plainly named, and the plan of the one that was chosen.

use std::sync::Arc;

use daytwo_model::plan::ResumePart;
use daytwo_model::{Plan, RunId, RunbookName};
use daytwo_runbook::LeftOut;
use daytwo_store::RunFilter;

use super::planning::{problems, refused};
use crate::Console;
use crate::follow::Folded;
use crate::view;
use crate::view::plan::Beside;
use crate::view::words::count;
use crate::wire::plan::{PlanAnswer, PlanWarning};
use crate::wire::run::{ResumeChoice, ResumeChoices};
use crate::wire::{Code, UiError};

impl Console {
    /// What can be resumed of a run, and what has changed since.
    pub async fn resume_choices(&self, run: RunId) -> Result<ResumeChoices, UiError> {
        let folded = self.ended(run).await?;
        let plan = folded.sealed.plan();
        let choices = daytwo_runbook::resume_choices(plan, &folded.state);
        let unknown = (0_u32..).zip(&plan.hosts).filter(|(host, _)| is_unclear(&folded, *host));
        Ok(ResumeChoices {
            unknown: unknown.map(|(_, host)| host.name.clone()).collect(),
            choices: choices.into_iter().map(choice).collect(),
            changed: self.changed_since(plan),
        })
    }

    /// Plans a part of a run again. Everything is as it was planned then; what has changed since is a warning.
    pub async fn plan_resume(&self, run: RunId, part: ResumePart) -> Result<PlanAnswer, UiError> {
        let folded = self.ended(run).await?;
        let parts = RunFilter { part_of: Some(run), ..RunFilter::default() };
        let parts = self.parts.store.runs(&parts).await.map_err(|error| UiError::history(&error))?;
        if let Some(going) = parts.iter().find(|part| view::run::is_active(part.status)) {
            // Two at one time would do the same steps twice.
            let message = format!("run {} does a part of it already, and is not over", going.id);
            return Err(UiError::new(Code::Conflict, message).hint("wait for its end, then resume that one"));
        }
        let (by, at) = (self.profile.actor.clone(), self.clock.now());
        let (plan, mut warnings) = self.with_hosts_of_today(folded.sealed.plan());
        // Newest first: the one to go on from.
        warnings.extend(parts.first().map(|last| PlanWarning {
            words: format!(
                "run {} has done a part of it since, and is not looked at here: what it finished would be done again",
                last.id
            ),
            hosts: Vec::new(),
        }));
        match daytwo_runbook::plan_resume(&plan, &folded.state, run, part, by, at) {
            Ok(resumed) => {
                warnings.extend(
                    self.changed_since(&plan)
                        .into_iter()
                        .map(|words| PlanWarning { words: format!("since then: {words}"), hosts: Vec::new() }),
                );
                let left_out = resumed.left_out.iter().map(left_out).collect();
                self.offer(resumed.plan, Beside { warnings, left_out, ..Beside::default() }).await
            }
            Err(errors) => Ok(refused(problems(&errors))),
        }
    }

    /// What differs between the runbooks that a plan was made from and those of today, one sentence each.
    pub(super) fn changed_since(&self, plan: &Plan) -> Vec<String> {
        let catalogue = self.catalogue_now();
        let now = |name: &RunbookName| catalogue.get(name)?.runbook.as_ref().ok().map(Arc::clone);
        daytwo_runbook::changed_since(plan, &now).iter().map(ToString::to_string).collect()
    }

    /// A run that is over: until then, what of it is to be done again is not known.
    async fn ended(&self, run: RunId) -> Result<Folded, UiError> {
        let folded = self.folded(run).await?;
        if folded.state.status().is_none_or(view::run::is_active) {
            return Err(UiError::new(
                Code::BadRequest,
                "the run is not over, so what of it is to be done again is not known yet",
            )
            .hint("wait for its end, cancel it, or find out what happened with: daytwo recover"));
        }
        Ok(folded)
    }
}

/// Whether something of the host's attempts is still to be found out.
fn is_unclear(folded: &Folded, host: u32) -> bool {
    folded.state.attempts_unclear().any(|attempt| folded.state.place(attempt).is_some_and(|(of, _)| of == host))
}

fn left_out(left: &LeftOut) -> String {
    format!("{} · {}: {}", left.host, left.step, left.why)
}

/// A way to resume, with its name and what it does.
fn choice(choice: daytwo_runbook::ResumeChoice) -> ResumeChoice {
    let part = view::run::part_words(choice.part);
    let mut title = part.to_owned();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    let hosts = count(choice.hosts.len(), "host");
    let behind = match (choice.part, choice.behind) {
        (ResumePart::FailedFromTheirStep, behind) => format!("; {} not done again", are(behind, "step")),
        (_, 0) => "; every step is done".to_owned(),
        (_, behind) => format!("; {} not done again", are(behind, "step")),
    };
    let out = match choice.left_out.len() {
        0 => String::new(),
        left => format!("; {} left out", are(left, "host")),
    };
    ResumeChoice {
        part: choice.part,
        title,
        means: format!("{hosts}{behind}{out}"),
        hosts: choice.hosts,
        not_now: choice.not_now,
    }
}

/// `1 step is`, `3 steps are`.
fn are(number: usize, what: &str) -> String {
    let verb = if number == 1 { "is" } else { "are" };
    format!("{} {verb}", count(number, what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use daytwo_model::HostName;

    #[test]
    fn each_choice_says_in_one_line_how_many_hosts_and_what_is_not_done_again() {
        let told = |part, hosts: &[&str], behind| {
            let hosts = hosts.iter().map(|name| HostName::new(*name).unwrap()).collect();
            let told =
                choice(daytwo_runbook::ResumeChoice { part, hosts, behind, left_out: Vec::new(), not_now: None });
            (told.title, told.means)
        };
        let from_their_step = told(ResumePart::FailedFromTheirStep, &["a", "b", "c"], 2);
        assert_eq!(from_their_step.0, "Failed hosts, from their failed step");
        assert_eq!(from_their_step.1, "3 hosts; 2 steps are not done again");
        assert_eq!(told(ResumePart::Everything, &["a"], 0).1, "1 host; every step is done");
    }
}
