//! The rest of a run, performed by the real engine: exactly what is not behind a host is sent to it.

use std::sync::Arc;

use daytwo_model::plan::ResumePart;
use daytwo_model::{RunOutcome, SealedPlan};
use daytwo_runbook::{
    Nowhere, Part, Past, PlanRequest, RehearsalFile, WhenReachable, parse, parse_rehearsal, plan, plan_late,
    plan_resume,
};

use crate::perform::{People, Performed, perform};
use crate::recordings::Recordings;
use crate::{BY, RUN};

const BOOK: &str = "runbook: test
title: Test
summary: A test.
targets: role=web
rollout: { batches: [1, 100%], max_failed: 100%, max_unreachable: 100%, when_reachable: { for: 1d } }
steps:
  - { id: pick, on: one, effect: read, run: pick, capture: { leader: stdout } }
  - { id: look, effect: read, run: look, capture: { old: stdout } }
  - { id: write, late_ok: true, run: 'put {{ captured.leader }}', verify: { run: 'is {{ captured.old }}' }, undo: { run: 'put {{ captured.old }}' } }
  - { id: maybe, late_ok: true, when: captured.old != 'x', run: maybe, undo: none }
  - { id: after, late_ok: true, needs: [maybe], run: 'after {{ captured.old }}', undo: none }
  - { id: last, late_ok: true, run: last, undo: none }
always:
  - { id: tidy, late_ok: true, run: tidy, undo: none }
";

/// The second host fails in its first change, the third in its last step, the fourth is not reached at first.
const TESTS: &str = "runbook: test
hosts: { 'web-[1-4]': { labels: { role: web } } }
replies:
  pick: { stdout: l }
  look: { web-3: { stdout: x }, web-4: [unreachable, { stdout: o }], others: { stdout: o } }
  write: { web-2: [{ exit: 1 }, ok], others: ok }
  write.verify: ok
  maybe: ok
  after: ok
  last: { web-3: [{ exit: 3 }, ok], others: ok }
  tidy: ok
cases: [{ case: none, expect: { end: succeeded } }]
";

fn file() -> RehearsalFile {
    parse_rehearsal("t.test.yaml", TESTS).unwrap_or_else(|errors| panic!("{errors}"))
}

fn first_plan(file: &RehearsalFile) -> SealedPlan {
    let runbook = parse("test.yaml", BOOK).unwrap_or_else(|errors| panic!("{errors}"));
    let request = PlanRequest {
        inputs: [].into(),
        selection: None,
        fleet: &file.hosts,
        surroundings: &Nowhere,
        source: None,
        by: BY.to_owned(),
        at: file.at,
        when_reachable: WhenReachable::default(),
    };
    plan(&runbook, &request).unwrap_or_else(|errors| panic!("{errors}"))
}

fn run(plan: &SealedPlan, file: &RehearsalFile, recordings: &Arc<Recordings>) -> Performed {
    let performed = perform(plan, file.at, Arc::clone(recordings), People::default());
    let performed = performed.unwrap_or_else(|why| panic!("{why}"));
    let missing = performed.trace.missing(1);
    assert!(missing.is_empty(), "{missing:?}");
    performed
}

/// Every action that was sent to a host, in order, with what it said.
fn sent(performed: &Performed, host: &str) -> Vec<String> {
    let of_host = performed.trace.sent().iter().filter(|sent| sent.host.as_str() == host);
    let actions = of_host.filter(|sent| sent.question.part == Part::Action);
    actions.map(|sent| sent.text.trim().to_owned()).collect()
}

#[test]
fn failed_hosts_go_on_where_they_failed_and_are_done_then() {
    let file = file();
    let recordings = Arc::new(Recordings::new(&[], &file.replies));
    let plan = first_plan(&file);
    let first = run(&plan, &file, &recordings);
    assert_eq!(first.outcome, Ok(RunOutcome::Failed));
    assert_eq!(sent(&first, "web-1"), ["pick", "look", "put l", "maybe", "after o", "last", "tidy"]);
    assert_eq!(sent(&first, "web-2"), ["look", "put l", "tidy"]);
    assert_eq!(sent(&first, "web-3"), ["look", "put l", "last", "tidy"]);

    let part = ResumePart::FailedFromTheirStep;
    let rest = plan_resume(&Past::alone(RUN, plan.plan(), first.trace.state()), part, BY.to_owned(), file.at).unwrap();
    let second = run(&rest.plan, &file, &recordings);
    assert_eq!(second.outcome, Ok(RunOutcome::Succeeded));
    assert_eq!(sent(&second, "web-2"), ["put l", "maybe", "after o", "last", "tidy"]);
    assert_eq!(sent(&second, "web-3"), ["last", "tidy"]);
    assert_eq!(sent(&second, "web-1").len() + sent(&second, "web-4").len(), 0);
}

#[test]
fn a_host_that_was_not_reached_gets_its_part_from_the_start_by_a_person_or_late() {
    let file = file();
    let recordings = Arc::new(Recordings::new(&[], &file.replies));
    let plan = first_plan(&file);
    let first = run(&plan, &file, &recordings);
    let whole = ["look", "put l", "maybe", "after o", "last", "tidy"];

    let late = [plan.plan().hosts[3].name.clone()];
    let late = plan_late(&Past::alone(RUN, plan.plan(), first.trace.state()), &late, BY.to_owned(), file.at).unwrap();
    assert!(late.left_out.is_empty());
    let delivered = run(&late.plan, &file, &recordings);
    assert_eq!(
        (delivered.outcome.clone(), sent(&delivered, "web-4")),
        (Ok(RunOutcome::Succeeded), whole.map(str::to_owned).to_vec())
    );

    let part = ResumePart::FailedAndNotReached;
    let rest = plan_resume(&Past::alone(RUN, plan.plan(), first.trace.state()), part, BY.to_owned(), file.at).unwrap();
    let second = run(&rest.plan, &file, &recordings);
    assert_eq!(second.outcome, Ok(RunOutcome::Succeeded));
    assert_eq!([sent(&second, "web-2"), sent(&second, "web-4")], [whole, whole]);
    assert_eq!(sent(&second, "web-3"), ["look", "put l", "last", "tidy"], "its condition is asked again");
    assert!(sent(&second, "web-1").is_empty());
}
