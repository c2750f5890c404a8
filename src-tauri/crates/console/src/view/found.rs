//! What was found out of a run that was taken up, in sentences: the same one of many hosts is said once.

use daytwo_model::run::{Attempt, DeadManSwitch};
use daytwo_model::{AttemptId, AttemptState, CancelReason, Event, Plan, Record, RunState};

use super::words::names;

/// Sentences that are told; the run itself has all of them.
const SENTENCES_MAX: usize = 50;
/// Hosts that are named in one of them.
const NAMES_MAX: usize = 5;

/// Sentences that differ only in their host.
#[derive(Default)]
struct Grouped(Vec<(Said, Vec<String>)>);

#[derive(PartialEq, Eq)]
struct Said {
    before: String,
    after: String,
}

impl Grouped {
    fn add(&mut self, before: String, host: &str, after: String) {
        let said = Said { before, after };
        match self.0.iter_mut().find(|(known, _)| *known == said) {
            Some((_, hosts)) => hosts.push(host.to_owned()),
            None => self.0.push((said, vec![host.to_owned()])),
        }
    }

    fn sentences(self) -> Vec<String> {
        let more = self.0.len().saturating_sub(SENTENCES_MAX);
        let told = self.0.into_iter().take(SENTENCES_MAX);
        let told = told.map(|(said, hosts)| format!("{} on {} {}", said.before, names(&hosts, NAMES_MAX), said.after));
        told.chain((more > 0).then(|| format!("and {more} more; the run shows them"))).collect()
    }
}

/// What these records, which were added when the run was taken up, say about its attempts.
#[must_use]
pub fn found(plan: &Plan, state: &RunState, records: &[Record]) -> Vec<String> {
    let mut grouped = Grouped::default();
    for record in records {
        let (Some(after), Some(attempt)) = (found_out(&record.event), record.event.attempt()) else { continue };
        if let Some((before, host)) = place(plan, state, attempt) {
            grouped.add(before, host, after);
        }
    }
    grouped.sentences()
}

/// Why, without the address that it begins with: the sentence names the host, and hosts that say the same are told of
/// together.
fn without_place(why: &str) -> &str {
    match why.split_once(": ") {
        Some((place, rest)) if place.contains([':', '@']) && !place.contains(char::is_whitespace) => rest,
        _ => why,
    }
}

fn found_out(event: &Event) -> Option<String> {
    Some(match event {
        Event::AttemptFinished { exit, .. } => format!("finished with {exit}"),
        Event::AttemptVerified { .. } => "is verified".to_owned(),
        Event::AttemptNotVerified { why, .. } => format!("is not verified: {why}"),
        Event::AttemptLost { why, .. } => format!("was lost and may have half happened: {}", without_place(why)),
        Event::AttemptNotStarted { why, .. } => format!("never began, and will not: {}", without_place(why)),
        Event::AttemptCancelled { reason: CancelReason::DeadMan, .. } => "was ended by its dead-man switch".to_owned(),
        Event::AttemptCancelled { .. } => "was killed, and seen dead".to_owned(),
        Event::AttemptUndone { .. } => "is done, and verified".to_owned(),
        Event::AttemptStuck { why, .. } => format!("failed, and a person is needed: {why}"),
        Event::DeadManDisarmed { .. } => "stays: the host was told in time that all is well".to_owned(),
        Event::DeadManFired { exit: Some(exit), .. } => format!("was taken back by the host alone ({exit})"),
        Event::DeadManFired { exit: None, .. } => {
            "was taken back by the host alone; how that ended is not known".to_owned()
        }
        Event::DeadManFailed { why, .. } => format!("was not taken back by the host alone: {why}"),
        _ => return None,
    })
}

/// Of what it is still not known how it ended.
#[must_use]
pub fn unknown(plan: &Plan, state: &RunState) -> Vec<String> {
    let mut grouped = Grouped::default();
    for attempt in state.attempts_unclear() {
        let (Some(known), Some((before, host))) = (state.find(attempt), place(plan, state, attempt)) else { continue };
        grouped.add(before, host, not_known(known));
    }
    grouped.sentences()
}

fn not_known(attempt: &Attempt) -> String {
    if let Some(DeadManSwitch::Failed { why, .. }) = attempt.dead_man.as_deref() {
        return format!("may still go on: {why}; once it is ended there, or the host is started anew, ask again");
    }
    match &attempt.state {
        AttemptState::Sent => "was sent, and its host has not answered yet".to_owned(),
        AttemptState::Running { .. } => "was running when it was last heard of".to_owned(),
        AttemptState::Unknown { why } => format!("is not known: {}", without_place(why)),
        _ => "may have been taken back by the host alone, which is not known".to_owned(),
    }
}

/// `restart`, or its way back, and the host.
fn place<'p>(plan: &'p Plan, state: &RunState, attempt: AttemptId) -> Option<(String, &'p str)> {
    let (host, step) = state.place(attempt)?;
    let step = &plan.steps.get(step as usize)?.id;
    let host = plan.hosts.get(host as usize)?.name.as_str();
    Some(match state.is_inverse(attempt) {
        true => (format!("the way back of {step}"), host),
        false => (step.to_string(), host),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{Written, plan_of_steps};
    use daytwo_model::{Exit, HostName};

    #[test]
    fn the_same_of_many_hosts_is_one_sentence_and_what_is_unknown_is_said_apart() {
        let mut plan = plan_of_steps(1);
        let host = plan.hosts[0].clone();
        for name in ["b", "c", "d"] {
            plan.hosts.push(daytwo_model::Host { name: HostName::new(name).unwrap(), ..host.clone() });
        }
        plan.batches = vec![vec![0, 1, 2, 3]];
        plan.steps[0].action = daytwo_model::plan::PerHost::same(plan.steps[0].action.variants()[0].clone(), 4);
        let mut written = Written::opened(&plan);
        let attempts: Vec<_> = (0..4).map(|host| written.send(host, 0)).collect();
        let before = written.records.len();
        written.then(Event::RunInterrupted { found_by: "ada".into() });
        for attempt in &attempts[..2] {
            written.finish(*attempt, Exit::Code(0));
        }
        written.then(Event::AttemptUnknown {
            attempt: attempts[3],
            why: "root@10.0.0.4:22: no route".into(),
            output: Default::default(),
        });
        let state = written.state(&plan);
        assert_eq!(found(&plan, &state, &written.records[before..]), ["s0 on a and b finished with exit 0"]);
        let mut unknown = unknown(&plan, &state);
        unknown.sort();
        assert_eq!(unknown, ["s0 on c was sent, and its host has not answered yet", "s0 on d is not known: no route",]);
    }
}
