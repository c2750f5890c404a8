//! Every shipped runbook, failing at each of its steps: what was done before is taken back in reverse, or it is said
//! that there is no way back. By an undo afterwards, and by the run itself where the runbook says so.

use std::path::{Path, PathBuf};

use daytwo_model::plan::{Action, Effect, FailurePolicy, Phase, PlannedStep, WayBack};
use daytwo_model::{Plan, Selector};
use daytwo_rehearsal::rehearse;
use daytwo_runbook::{Nowhere, PlanRequest, RehearsalFile, Runbook, WhenReachable, parse, parse_rehearsal, plan};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../runbooks")
}

/// A shipped runbook, and the head of its tests: the fleet, and replies with which all goes well.
struct Shipped {
    runbook: Runbook,
    head: String,
    plan: Plan,
}

fn shipped() -> Vec<Shipped> {
    let entries = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut tests: Vec<PathBuf> = entries.filter(|path| path.to_string_lossy().ends_with(".test.yaml")).collect();
    tests.sort();
    tests.iter().map(|path| of_tests(path)).collect()
}

fn of_tests(path: &Path) -> Shipped {
    let text = std::fs::read_to_string(path).unwrap();
    let file = parse_rehearsal("t.test.yaml", &text).unwrap_or_else(|errors| panic!("{errors}"));
    let name = format!("{}.yaml", file.runbook);
    let runbook = std::fs::read_to_string(folder().join(&name)).unwrap();
    let runbook = parse(&name, &runbook).unwrap_or_else(|errors| panic!("{errors}"));
    let (head, _) = text.split_once("\ncases:\n").unwrap();
    let plan = on_one_host(&runbook, &file);
    // What picks hosts for all cases picks the one host here.
    let head: String =
        head.lines().filter(|line| !line.starts_with("select:")).map(|line| format!("{line}\n")).collect();
    Shipped { runbook, head, plan }
}

fn on_one_host(runbook: &Runbook, file: &RehearsalFile) -> Plan {
    let case = file.cases.first().unwrap();
    let request = |selection: Option<Selector>| {
        let request = PlanRequest {
            inputs: case.inputs.clone(),
            selection,
            fleet: &file.hosts,
            surroundings: &Nowhere,
            source: None,
            by: "test".to_owned(),
            at: file.at,
            when_reachable: WhenReachable::default(),
        };
        plan(runbook, &request).unwrap_or_else(|errors| panic!("{errors}")).plan().clone()
    };
    let all = request(case.select.clone());
    let home = all.batches.first().and_then(|batch| batch.first()).copied().unwrap();
    let first = all.hosts.get(home as usize).unwrap().name.clone();
    request(Some(Selector::parse(&format!("host={first}")).unwrap()))
}

fn failure(step: &PlannedStep) -> &'static str {
    match step.action.get(0) {
        Some(Action::Run { .. }) => "{ exit: 1 }",
        Some(Action::Http { .. } | Action::HttpSet { .. }) => "{ status: 500 }",
        other => panic!("{}: {other:?}", step.id),
    }
}

/// The steps that may have changed something once this one has failed, last first, and whether there is a way back.
fn to_take_back(plan: &Plan, failed: usize) -> Vec<(&PlannedStep, bool)> {
    let changed = plan.steps.iter().take(failed + 1).filter(|step| step.effect == Effect::Change).rev();
    changed.map(|step| (step, matches!(step.way_back, WayBack::Inverse { .. }))).collect()
}

/// Runs one case, and panics with its report where it does not come as expected.
fn comes(shipped: &Shipped, runbook: &Runbook, case: &str) {
    let host = &shipped.plan.hosts.first().unwrap().name;
    let tests = format!("{}cases:\n  - case: it fails\n    select: host={host}\n{case}", shipped.head);
    let tests = parse_rehearsal("t.test.yaml", &tests).unwrap_or_else(|errors| panic!("{errors}\n{tests}"));
    let report = rehearse(runbook, &tests, &Nowhere);
    // Replies of the file that this case has no use for are used by its own cases.
    assert!(report.cases.iter().all(|case| case.passed()), "{report}");
}

#[test]
fn an_undo_afterwards_takes_back_everything_before_a_failure_in_reverse_or_lists_it() {
    let mut failures = 0;
    for it in &shipped() {
        let host = &it.plan.hosts[0].name;
        let mut runbook = it.runbook.clone();
        runbook.steps.iter_mut().for_each(|step| step.if_failed = FailurePolicy::Stop);
        let main = it.plan.steps.iter().enumerate().filter(|(_, step)| step.phase == Phase::Main);
        for (index, step) in main {
            let all = to_take_back(&it.plan, index);
            let undone: Vec<String> =
                all.iter().filter(|(_, back)| *back).map(|(step, _)| format!("{} undone", step.id)).collect();
            let stays: Vec<String> =
                all.iter().filter(|(_, back)| !back).map(|(step, _)| step.id.to_string()).collect();
            let undo = if undone.is_empty() {
                "refused: there is nothing that this run's undo could take back".to_owned()
            } else {
                let left = if stays.is_empty() {
                    String::new()
                } else {
                    format!("\n      left_out: {{ {host}: [{}] }}", stays.join(", "))
                };
                format!("end: rolled back\n      course: {{ {host}: [{}] }}{left}", undone.join(", "))
            };
            let (id, reply) = (&step.id, failure(step));
            comes(
                it,
                &runbook,
                &format!("    replies: {{ {id}: {reply} }}\n    expect: {{ end: failed }}\n    undo:\n      {undo}\n"),
            );
            failures += 1;
        }
    }
    assert!(failures >= 12, "only {failures} failures were played");
}

#[test]
fn a_run_that_is_told_to_takes_it_back_itself() {
    for it in &shipped() {
        let host = &it.plan.hosts[0].name;
        let mut runbook = it.runbook.clone();
        runbook.steps.iter_mut().for_each(|step| step.if_failed = FailurePolicy::Undo);
        let main: Vec<_> = it.plan.steps.iter().enumerate().filter(|(_, step)| step.phase == Phase::Main).collect();
        for (index, step) in &main {
            let mut course: Vec<String> = main.iter().take(*index).map(|(_, step)| went_well(step)).collect();
            let failed = if failure(step).contains("exit") { "exit 1" } else { "HTTP 500" };
            course.push(format!("{} failed ({failed})", step.id));
            let back = to_take_back(&it.plan, *index);
            let end = |back: bool| if back { "undone" } else { "left" };
            course.extend(back.iter().map(|(step, back)| format!("{}.undo {}", step.id, end(*back))));
            course.extend(main.iter().skip(index + 1).map(|(_, step)| format!("{} skipped (undoing)", step.id)));
            let (id, reply) = (&step.id, failure(step));
            let course = course.join(", ");
            comes(
                it,
                &runbook,
                &format!(
                    "    replies: {{ {id}: {reply} }}\n    expect:\n      end: failed\n      course: {{ {host}: [{course}] }}\n    undo: {{ refused: there is nothing }}\n"
                ),
            );
        }
    }
}

fn went_well(step: &PlannedStep) -> String {
    format!("{} {}", step.id, if step.verify.is_some() { "verified" } else { "finished" })
}
