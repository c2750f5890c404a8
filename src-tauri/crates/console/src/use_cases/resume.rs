//! Doing a part of an earlier run again: three choices, plainly named, and the plan of the one that was chosen.

use std::sync::Arc;

use daytwo_model::plan::{Intent, ResumePart};
use daytwo_model::{Plan, RunId, RunbookName};
use daytwo_runbook::LeftOut;

use super::past::Kin;
use super::planning::{problems, refused};
use crate::Console;
use crate::follow::Folded;
use crate::view;
use crate::view::plan::Beside;
use crate::view::words::count;
use crate::wire::UiError;
use crate::wire::plan::{PlanAnswer, PlanWarning};
use crate::wire::run::{ResumeChoice, ResumeChoices};

impl Console {
    /// What can be resumed of a run, and what has changed since.
    pub async fn resume_choices(&self, run: RunId) -> Result<ResumeChoices, UiError> {
        let folded = self.ended(run, NOT_KNOWN).await?;
        let since = self.since(run).await?;
        let plan = folded.sealed.plan();
        let past = since.past(plan, &folded.state);
        let choices = daytwo_runbook::resume_choices(&past);
        let unknown = (0_u32..).zip(&plan.hosts).filter(|(host, _)| is_unclear(&folded, *host));
        Ok(ResumeChoices {
            unknown: unknown.map(|(_, host)| host.name.clone()).collect(),
            choices: choices.into_iter().map(choice).collect(),
            changed: self.changed_since(plan),
        })
    }

    /// Plans a part of a run again. Everything is as it was planned then; what has changed since is a warning.
    pub async fn plan_resume(&self, run: RunId, part: ResumePart) -> Result<PlanAnswer, UiError> {
        let folded = self.ended(run, NOT_KNOWN).await?;
        self.check_nothing_goes_on(run).await?;
        let since = self.since(run).await?;
        let (by, at) = (self.profile.actor.clone(), self.clock.now());
        let (plan, mut warnings) = self.with_hosts_of_today(folded.sealed.plan());
        if part == ResumePart::Everything {
            warnings.extend(done_since(&since));
        }
        let past = since.past(&plan, &folded.state);
        match daytwo_runbook::plan_resume(&past, part, by, at) {
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
}

/// What is not known of a run before its end.
const NOT_KNOWN: &str = "what of it is to be done again";

/// "The same plan again" is all of it: what other runs have done of it since is done again too.
fn done_since(since: &Kin) -> Option<PlanWarning> {
    let last = since.last()?;
    let done = match last.plan.plan().intent {
        Intent::Undo { .. } => "has taken back a part of it",
        _ => "has done a part of it",
    };
    let words = format!("run {} {done} since; all of it is done again, whatever that did", last.run);
    Some(PlanWarning { words, hosts: Vec::new() })
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
    // A step that three hosts have behind them is three of their steps.
    let behind = match (choice.part, choice.behind, choice.hosts.len()) {
        (ResumePart::Everything | ResumePart::FailedAndNotReached, 0, _) => "; every step is done".to_owned(),
        (_, behind, 0 | 1) => format!("; {} not done again", are(behind, "step")),
        (_, 1, _) => "; 1 of their steps is not done again".to_owned(),
        (_, behind, _) => format!("; {behind} of their steps are not done again"),
    };
    let stamp = match choice.keeps_its_stamp {
        true => {
            "; names with `run.stamp` in them stay those of the first run, so what refuses to make a thing twice (a \
             back-up) will refuse: to make new ones, run the runbook anew"
        }
        false => "",
    };
    let out = match choice.left_out.len() {
        0 => String::new(),
        left => format!("; {} left out", are(left, "host")),
    };
    ResumeChoice {
        part: choice.part,
        title,
        means: format!("{hosts}{behind}{out}{stamp}"),
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
        let told = |part, hosts: &[&str], behind, keeps_its_stamp| {
            let hosts = hosts.iter().map(|name| HostName::new(*name).unwrap()).collect();
            let (left_out, not_now) = (Vec::new(), None);
            let told = choice(daytwo_runbook::ResumeChoice { part, hosts, behind, left_out, keeps_its_stamp, not_now });
            (told.title, told.means)
        };
        let from_their_step = told(ResumePart::FailedFromTheirStep, &["a", "b", "c"], 2, false);
        assert_eq!(from_their_step.0, "Failed hosts, from their failed step");
        assert_eq!(from_their_step.1, "3 hosts; 2 of their steps are not done again");
        assert_eq!(told(ResumePart::FailedFromTheirStep, &["a"], 2, false).1, "1 host; 2 steps are not done again");
        assert_eq!(told(ResumePart::Everything, &["a"], 0, false).1, "1 host; every step is done");
        let again = told(ResumePart::Everything, &["a"], 0, true).1;
        assert!(again.contains("a back-up) will refuse: to make new ones, run the runbook anew"), "{again}");
    }
}
