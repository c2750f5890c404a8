//! What users of other tools are surprised by when a rollout goes wrong: one line each.

use std::collections::BTreeMap;
use std::sync::Arc;

use daytwo_engine::machine::Effect;
use daytwo_model::plan::{Budget, FailurePolicy, Order, Plan, WayBack};
use daytwo_model::run::HostStanding;
use daytwo_model::{Event, Exit, OutputTally, RunState, SealedPlan, SkipReason};

use crate::plans::{plan, seal, steps};
use crate::world::World;

/// A rollout of two steps. What hosts answer to the first, one letter each: `g`ood, `f`ailed, `u`nreachable.
struct Case {
    what: &'static str,
    batches: &'static [u32],
    answers: &'static str,
    total: (u32, u32),
    /// Budgets of the batches; empty: the total only.
    per_batch: &'static [(u32, u32)],
    at_once: u32,
    canary_stops: bool,
    order: Order,
    /// Per host: what it became; `-` skipped for failures, `=` skipped for unreachable hosts.
    expect: &'static str,
}

const FREE: Case = Case {
    what: "",
    batches: &[],
    answers: "",
    total: (0, 0),
    per_batch: &[],
    at_once: 1,
    canary_stops: true,
    order: Order::Free,
    expect: "",
};
const LINEAR: Case = Case { order: Order::Linear, ..FREE };

const CASES: &[Case] = &[
    Case { what: "one host", batches: &[1], answers: "f", expect: "f", ..FREE },
    Case { what: "budget 0: the first failure stops", batches: &[3], answers: "fgg", expect: "f--", ..FREE },
    Case { what: "25 % of 3 hosts is none", batches: &[3], answers: "gfg", expect: "gf-", ..FREE },
    Case {
        what: "a budget of one is spent by the second",
        batches: &[4],
        answers: "ffgg",
        total: (1, 0),
        expect: "ff--",
        ..FREE
    },
    Case {
        what: "unreachable does not count as failed",
        batches: &[3],
        answers: "uug",
        total: (0, 2),
        canary_stops: false,
        expect: "uug",
        ..FREE
    },
    Case { what: "nor failed as unreachable", batches: &[3], answers: "fug", total: (1, 1), expect: "fug", ..FREE },
    Case {
        what: "a batch that failed as a whole stops at a budget of 100 %",
        batches: &[1, 2, 1],
        answers: "gffg",
        total: (9, 9),
        at_once: 2,
        expect: "gff-",
        ..FREE
    },
    Case { what: "an unreachable canary", batches: &[1, 2], answers: "ugg", total: (9, 9), expect: "u==", ..FREE },
    Case {
        what: "an unreachable canary that may be",
        batches: &[1, 2],
        answers: "ugg",
        total: (9, 9),
        canary_stops: false,
        expect: "ugg",
        ..FREE
    },
    Case {
        what: "the switch is for unreachable canaries only",
        batches: &[1, 2],
        answers: "fgg",
        total: (9, 9),
        canary_stops: false,
        expect: "f--",
        ..FREE
    },
    Case {
        what: "the budget of a batch is spent, the total is not",
        batches: &[2, 2],
        answers: "gfgg",
        total: (9, 9),
        per_batch: &[(0, 0), (9, 9)],
        expect: "gf--",
        ..FREE
    },
    Case {
        what: "what one batch may lose is not what the next may",
        batches: &[2, 2],
        answers: "gfgf",
        total: (9, 9),
        per_batch: &[(1, 0), (1, 0)],
        expect: "gfgf",
        ..FREE
    },
    Case {
        what: "the total is spent, the budget of the batch is not",
        batches: &[2, 2],
        answers: "gfgf",
        total: (0, 0),
        per_batch: &[(9, 9), (9, 9)],
        expect: "gf--",
        ..FREE
    },
    Case { what: "spent with others in flight", batches: &[4], answers: "fggg", at_once: 3, expect: "fgg-", ..FREE },
    Case {
        what: "linear, the first step fails on one: the begun go on, the others do not start",
        batches: &[3],
        answers: "fgg",
        at_once: 2,
        expect: "fg-",
        ..LINEAR
    },
    Case { what: "linear within the budget", batches: &[3], answers: "gfg", total: (1, 0), expect: "gfg", ..LINEAR },
    Case {
        what: "linear, nothing is left",
        batches: &[2],
        answers: "ff",
        total: (9, 9),
        at_once: 2,
        expect: "ff",
        ..LINEAR
    },
];

/// Answers each start at once, the hosts in order.
fn run(sealed: &Arc<SealedPlan>, answer: impl Fn(u32, u32, bool) -> Option<Exit>) -> (Vec<Event>, RunState) {
    let mut world = World::open(sealed);
    while !world.is_over() {
        let effect = world.take_first();
        let Effect::Start { attempt, host, step, inverse } = effect else { panic!("{effect:?}") };
        let why = "no route".to_owned();
        let (captured, output) = (BTreeMap::new(), OutputTally::default());
        world.tell(match answer(host, step, inverse) {
            Some(exit) => Event::AttemptFinished { attempt, exit, captured, output },
            None => Event::AttemptUnreachable { attempt, why },
        });
    }
    let state = world.state().clone();
    (world.events, state)
}

fn letter(state: &RunState, host: u32) -> char {
    let first = state.attempt(host, 0).map(|known| &known.state);
    match (state.standing(host), first) {
        (HostStanding::Succeeded, _) => 'g',
        (HostStanding::Failed, _) => 'f',
        (HostStanding::Unreachable, _) => 'u',
        (_, Some(daytwo_model::AttemptState::Skipped { why: SkipReason::FailedBudget })) => '-',
        (_, Some(daytwo_model::AttemptState::Skipped { why: SkipReason::UnreachableBudget })) => '=',
        other => panic!("{other:?}"),
    }
}

fn planned(case: &Case) -> Plan {
    let hosts = u32::try_from(case.answers.len()).unwrap();
    let budget = |(failed_max, unreachable_max): (u32, u32)| Budget { failed_max, unreachable_max };
    let mut plan = plan(hosts, case.batches, steps(hosts, 2));
    plan.limits.total = budget(case.total);
    plan.limits.batches = case.per_batch.iter().copied().map(budget).collect();
    plan.limits.hosts_at_once_max = case.at_once;
    plan.limits.unreachable_canary_stops = case.canary_stops;
    plan.limits.order = case.order;
    plan
}

#[test]
fn a_rollout_stops_where_it_says_and_nowhere_else() {
    for case in CASES {
        let sealed = Arc::new(seal(planned(case)));
        let answers = case.answers.as_bytes();
        let (_, state) = run(&sealed, |host, step, _| match (step, answers[host as usize]) {
            (0, b'u') => None,
            (0, b'f') => Some(Exit::Code(1)),
            _ => Some(Exit::Code(0)),
        });
        let hosts = u32::try_from(case.answers.len()).unwrap();
        let seen: String = (0..hosts).map(|host| letter(&state, host)).collect();
        assert_eq!(seen, case.expect, "{}", case.what);
    }
}

fn sent(events: &[Event]) -> Vec<(u32, u32, bool)> {
    let sent = events.iter().filter_map(|event| match event {
        Event::AttemptSent { host, step, inverse, .. } => Some((*host, *step, *inverse)),
        _ => None,
    });
    sent.collect()
}

#[test]
fn in_linear_order_the_batch_goes_step_by_step_also_where_one_host_works_at_a_time() {
    let mut plan = plan(3, &[3], steps(3, 2));
    (plan.limits.hosts_at_once_max, plan.limits.order) = (1, Order::Linear);
    plan.limits.total.failed_max = 1;
    let sealed = Arc::new(seal(plan));
    let (events, state) = run(&sealed, |host, _, _| Some(Exit::Code(i32::from(host == 1))));
    let order: Vec<_> = sent(&events).into_iter().map(|(host, step, _)| (step, host)).collect();
    assert_eq!(order, [(0, 0), (0, 1), (0, 2), (1, 0), (1, 2)]);
    assert_eq!(state.standing(1), HostStanding::Failed);
}

#[test]
fn a_host_is_taken_back_in_reverse_and_what_has_no_way_back_is_named() {
    let mut steps = steps(1, 4);
    for step in [0, 2, 3] {
        let action = steps[step].action.clone();
        steps[step].way_back = WayBack::Inverse { action, verify: None };
    }
    steps[3].on_failure = FailurePolicy::Undo;
    let sealed = Arc::new(seal(plan(1, &[1], steps)));
    // The last step fails; of the inverses, that of step 2 fails too.
    let (events, state) =
        run(&sealed, |_, step, inverse| Some(Exit::Code(i32::from(if inverse { step == 2 } else { step == 3 }))));
    let back: Vec<_> = sent(&events).into_iter().filter(|(_, _, inverse)| *inverse).map(|(_, step, _)| step).collect();
    assert_eq!(back, [3, 2, 0]);
    assert_eq!(state.inverse_left(0, 1), Some("no way back"));
    assert_eq!(state.inverse(0, 2).unwrap().state.word(), "stuck");
    assert_eq!(state.inverse(0, 0).unwrap().state.word(), "undone");
    assert_eq!(state.standing(0), HostStanding::Stuck);
}

#[test]
fn a_host_that_was_taken_back_whole_says_so_and_counts_as_failed() {
    let mut steps = steps(2, 2);
    for step in &mut steps {
        step.way_back = WayBack::Inverse { action: step.action.clone(), verify: None };
        step.on_failure = FailurePolicy::Undo;
    }
    let mut plan = plan(2, &[2], steps);
    plan.limits.hosts_at_once_max = 1;
    let sealed = Arc::new(seal(plan));
    let (_, state) = run(&sealed, |_, step, inverse| Some(Exit::Code(i32::from(!inverse && step == 1))));
    assert_eq!((state.standing(0), state.standing(1)), (HostStanding::Undone, HostStanding::Skipped));
}

#[test]
fn a_fact_that_comes_too_late_is_not_heard() {
    let sealed = Arc::new(seal(plan(1, &[1], steps(1, 1))));
    let mut world = World::open(&sealed);
    let nobody = Event::QuestionAnswered {
        hosts: vec![0, 7],
        step: 0,
        answer: daytwo_model::Answer::Skip,
        by: None,
        why: String::new(),
    };
    assert_eq!(world.tell(nobody), 0);
    assert_eq!(world.tell(Event::BatchEnded { batch: 0 }), 0);
    assert_eq!(world.tell(Event::HealthChecked { batch: 0, holds: true, said: String::new() }), 0);
    let cancel = || Event::CancelRequested {
        by: "ada".into(),
        why: String::new(),
        degree: daytwo_model::CancelDegree::default(),
        hosts: None,
    };
    assert!(world.tell(cancel()) > 0);
    assert_eq!(world.tell(cancel()), 0);
}
