//! When a rollout stops, and what it leaves alone.

use daytwo_model::run::HostStanding;
use daytwo_model::{AttemptState, Event, RunOutcome, SkipReason};

use crate::support::{Reply, World, plan, seal, state_of, steps};

/// What hosts answer: `g`ood, `f`ailed, `u`nreachable, `l`ost; one letter per host.
struct Case {
    batches: &'static [u32],
    answers: &'static str,
    failed_max: u32,
    unreachable_max: u32,
    at_once: u32,
    /// Per host: what it became; `-` skipped for failures, `=` skipped for unreachable hosts.
    expect: &'static str,
}

const CASES: &[Case] = &[
    case(&[4], "gggg", 0, 0, 4, "gggg"),
    // One at a time: the first failure beyond the budget stops the rest.
    case(&[4], "gfgg", 0, 0, 1, "gf--"),
    case(&[4], "fgfg", 1, 0, 1, "fgf-"),
    case(&[4], "fggg", 1, 0, 1, "fggg"),
    // The budgets are apart.
    case(&[4], "ugug", 0, 1, 1, "ugu="),
    case(&[4], "ufgg", 1, 1, 1, "ufgg"),
    case(&[4], "gugg", 9, 0, 1, "gu=="),
    // Unknown counts as failed.
    case(&[4], "lggg", 0, 9, 1, "l---"),
    // Hosts that have started go on; the others do not start.
    case(&[4], "fggg", 0, 0, 3, "fgg-"),
    // A budget that is spent in one batch closes the next.
    case(&[2, 2], "gfgg", 0, 0, 2, "gf--"),
    case(&[2, 2], "gfgg", 1, 0, 2, "gfgg"),
    // The canary must prove something, whatever the budgets allow.
    case(&[1, 3], "uggg", 9, 9, 3, "u==="),
    case(&[1, 3], "fggg", 9, 9, 3, "f---"),
    case(&[2, 2], "fugg", 9, 9, 2, "fu--"),
    // A later batch that failed as a whole stops too; one that is only unreachable does not.
    case(&[1, 2, 1], "gffg", 9, 9, 2, "gff-"),
    case(&[1, 2, 1], "gfug", 9, 9, 2, "gfu-"),
    case(&[1, 2, 1], "guug", 9, 9, 2, "guug"),
    // The last batch has nothing after it to stop.
    case(&[1, 2], "gff", 9, 9, 2, "gff"),
];

const fn case(
    batches: &'static [u32],
    answers: &'static str,
    failed_max: u32,
    unreachable_max: u32,
    at_once: u32,
    expect: &'static str,
) -> Case {
    Case { batches, answers, failed_max, unreachable_max, at_once, expect }
}

#[tokio::test(start_paused = true)]
async fn budgets_and_the_canary_bound_the_damage() {
    for (number, case) in CASES.iter().enumerate() {
        let hosts = u32::try_from(case.answers.len()).unwrap();
        let mut plan = plan(hosts, case.batches, steps(hosts, 2));
        plan.limits.total.failed_max = case.failed_max;
        plan.limits.total.unreachable_max = case.unreachable_max;
        plan.limits.hosts_at_once_max = case.at_once;
        let plan = seal(plan);
        let answers = case.answers.as_bytes();
        let world = World::new(move |host, _, _| match answers[host[1..].parse::<usize>().unwrap()] {
            b'f' => Reply::exit(1),
            b'u' => Reply::unreachable(),
            b'l' => Reply::lost(),
            _ => Reply::exit(0),
        });
        let outcome = world.run(&plan).await.unwrap();
        let state = world.state(&plan);
        let seen: String = (0..hosts)
            .map(|host| match (state.standing(host), state_of(&state, host, 0)) {
                (HostStanding::Succeeded, _) => 'g',
                (HostStanding::Failed, _) => 'f',
                (HostStanding::Unreachable, _) => 'u',
                (HostStanding::Unknown, _) => 'l',
                (_, AttemptState::Skipped { why: SkipReason::FailedBudget }) => '-',
                (_, AttemptState::Skipped { why: SkipReason::UnreachableBudget }) => '=',
                other => panic!("case {number}: {other:?}"),
            })
            .collect();
        assert_eq!(seen, case.expect, "case {number}");
        let all_good = case.expect.chars().all(|c| c == 'g');
        assert_eq!(outcome, if all_good { RunOutcome::Succeeded } else { RunOutcome::Failed }, "case {number}");
        assert!(world.at_once_most.load(std::sync::atomic::Ordering::Relaxed) <= case.at_once as usize);
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_not_started_has_no_batch_events() {
    let plan = seal(plan(3, &[1, 1, 1], steps(3, 1)));
    let world = World::new(|_, _, _| Reply::exit(1));
    world.run(&plan).await.unwrap();
    let batches = world.events().iter().filter(|event| matches!(event, Event::BatchStarted { .. })).count();
    assert_eq!(batches, 1);
    assert_eq!(world.scripts(), ["h0: do 0"]);
}

#[tokio::test(start_paused = true)]
async fn the_hold_passes_between_batches_and_not_after_the_last() {
    let mut plan = plan(3, &[1, 1, 1], steps(3, 1));
    plan.limits.hold_ms = 30_000;
    let plan = seal(plan);
    let world = World::new(|_, _, _| Reply::exit(0));
    let start = tokio::time::Instant::now();
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(start.elapsed().as_secs(), 60);
}
