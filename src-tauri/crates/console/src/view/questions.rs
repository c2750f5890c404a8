//! What a person has to decide: identical questions of many hosts are one, with the words of each answer.

use std::collections::BTreeMap;

use daytwo_model::plan::Action;
use daytwo_model::run::Asked;
use daytwo_model::{Answer, Plan, Question, RunState, Timestamp};

use super::words::count;
use crate::wire::run::{AnswerOffer, RunQuestion};

/// Every question that waits, the oldest first. `since` says when each host was asked.
#[must_use]
pub fn questions(plan: &Plan, state: &RunState, since: &BTreeMap<u32, Timestamp>) -> Vec<RunQuestion> {
    let mut groups: Vec<(&Asked, RunQuestion)> = Vec::new();
    for (host, asked) in state.questions() {
        let at = since.get(&host).copied().unwrap_or(Timestamp::EPOCH);
        let until =
            Timestamp::from_unix_ms(at.unix_ms().saturating_add(i64::try_from(asked.within_ms).unwrap_or(i64::MAX)));
        let same = |known: &Asked| {
            known.step == asked.step && known.question == asked.question && known.otherwise == asked.otherwise
        };
        if let Some((_, group)) = groups.iter_mut().find(|(known, _)| same(known)) {
            group.hosts.push(host);
            group.until = group.until.min(until);
            group.since = group.since.min(at);
            continue;
        }
        let attempt = state.attempt(host, asked.step).and_then(|attempt| attempt.id);
        groups.push((
            asked,
            RunQuestion {
                step: asked.step,
                hosts: vec![host],
                text: text(plan, asked),
                answers: Vec::new(),
                otherwise: asked.otherwise,
                until,
                since: at,
                attempt,
            },
        ));
    }
    let mut questions: Vec<RunQuestion> = groups
        .into_iter()
        .map(|(asked, group)| RunQuestion { answers: answers(plan, state, asked, &group.hosts), ..group })
        .collect();
    questions.sort_by_key(|question| (question.since, question.step));
    questions
}

fn text(plan: &Plan, asked: &Asked) -> String {
    let step = plan.steps.get(asked.step as usize).map_or("the step", |step| step.id.as_str());
    match &asked.question {
        Question::Failure { why, .. } => format!("{step} did not end well: {why}"),
        Question::Step { text } => text.clone(),
    }
}

fn answers(plan: &Plan, state: &RunState, asked: &Asked, hosts: &[u32]) -> Vec<AnswerOffer> {
    let all = [Answer::Retry, Answer::Continue, Answer::Skip, Answer::Exclude, Answer::Undo, Answer::Stop];
    let possible = |answer: &Answer| hosts.iter().any(|host| state.may_answer(*host, asked.step, *answer));
    let offer = |answer: Answer| {
        let (label, means) = words(plan, asked, answer, hosts.len());
        AnswerOffer { answer, label, means }
    };
    all.into_iter().filter(possible).map(offer).collect()
}

/// The words of an answer, and what it means for the hosts.
fn words(plan: &Plan, asked: &Asked, answer: Answer, hosts: usize) -> (String, String) {
    let step = plan.steps.get(asked.step as usize).map_or("the step", |step| step.id.as_str());
    // `1 host goes on`, `3 hosts go on`.
    let (one, hosts) = (hosts == 1, count(hosts, "host"));
    let pick = |singular, plural| if one { singular } else { plural };
    let (go, counts) = (pick("goes", "go"), pick("counts", "count"));
    match answer {
        Answer::Continue if matches!(asked.question, Question::Failure { .. }) => {
            ("Go on".to_owned(), format!("{hosts} {go} on with the next step, and {counts} as failed."))
        }
        Answer::Continue => ("Continue".to_owned(), format!("{hosts} {go} on with the next step.")),
        Answer::Retry => (format!("Retry {step}"), format!("{step} is made again on {hosts}.")),
        Answer::Skip => {
            let not = pick("does not count", "do not count");
            (format!("Skip {step}"), format!("{step} is left as it is, {hosts} {go} on, and {not} as failed."))
        }
        Answer::Exclude => {
            let are = pick("is", "are");
            ("Leave out".to_owned(), format!("{hosts} {are} left out of the rest of the run, and {counts} as failed."))
        }
        Answer::Undo => {
            let they = pick("it counts", "they count");
            ("Undo here".to_owned(), format!("What was done on {hosts} is taken back, and {they} as failed."))
        }
        Answer::Stop => {
            ("Stop the run".to_owned(), "No further host starts; those that have started go to their end.".to_owned())
        }
    }
}

/// What was answered, for the list of decisions: `retry restart`.
#[must_use]
pub fn answered(plan: &Plan, step: u32, answer: Answer) -> String {
    let planned = plan.steps.get(step as usize);
    let asks = planned.is_some_and(|step| step.action.variants().iter().any(|it| matches!(it, Action::Ask { .. })));
    let step = planned.map_or("the step", |step| step.id.as_str());
    match answer {
        Answer::Retry => format!("retry {step}"),
        Answer::Skip => format!("skip {step}"),
        Answer::Exclude => format!("leave out after {step}"),
        Answer::Undo => format!("undo after {step}"),
        Answer::Stop => format!("stop the run at {step}"),
        Answer::Continue if asks => format!("continue after {step}"),
        Answer::Continue => format!("go on after {step} failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{Written, plan_of_steps};
    use daytwo_model::plan::{FailurePolicy, PerHost};
    use daytwo_model::{Event, Exit, Host, HostName};

    #[test]
    fn the_same_question_of_several_hosts_is_one_with_the_earliest_deadline_and_only_answers_that_count() {
        let mut plan = plan_of_steps(2);
        let host = plan.hosts[0].clone();
        plan.hosts.extend(["b", "c"].map(|name| Host { name: HostName::new(name).unwrap(), ..host.clone() }));
        plan.batches = vec![vec![0, 1, 2]];
        for step in &mut plan.steps {
            step.action = PerHost::same(step.action.variants()[0].clone(), 3);
            step.on_failure = FailurePolicy::Ask { within_ms: 60_000, otherwise: Answer::Stop };
        }
        let mut written = Written::opened(&plan);
        let mut since = BTreeMap::new();
        for (host, exit) in [(0, 3), (1, 4), (2, 3)] {
            let attempt = written.send(host, 0);
            written.finish(attempt, Exit::Code(exit));
            let question = Question::Failure { why: format!("exit {exit}"), may_retry: true };
            written.then(Event::QuestionAsked { host, step: 0, question, within_ms: 60_000, otherwise: Answer::Stop });
            since.insert(host, written.records.last().unwrap().at);
        }
        let state = written.state(&plan);
        let asked = questions(&plan, &state, &since);
        let told: Vec<_> = asked.iter().map(|group| (group.hosts.clone(), group.text.as_str())).collect();
        assert_eq!(told, [(vec![0, 2], "s0 did not end well: exit 3"), (vec![1], "s0 did not end well: exit 4")]);
        assert_eq!(asked[0].until.ms_since(since[&0]), 60_000);
        let offered: Vec<Answer> = asked[0].answers.iter().map(|offer| offer.answer).collect();
        assert_eq!(offered.first(), Some(&Answer::Retry), "{offered:?}");
        assert!(asked[0].answers.iter().all(|offer| offer.answer == Answer::Stop || offer.means.contains("2 hosts")));
        assert!(asked[0].attempt.is_some());
    }
}
