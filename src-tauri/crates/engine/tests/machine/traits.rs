//! Random plans.

use daytwo_model::plan::{
    Action, Budget, CaptureFrom, Effect, Expect, FailurePolicy, Health, Limits, On, Order, Otherwise, PerHost, Phase,
    Plan, PlannedStep, Probe, Verify, WayBack,
};
use daytwo_model::{Answer, Text};
use proptest::prelude::*;

use crate::plans::{capture, capturing, checked, in_phase, plan, retried, script, steps, undo, verified, when};

/// What a step of a random plan is like.
#[derive(Debug, Clone)]
pub(crate) struct Traits {
    phase: Phase,
    on: On,
    reads: bool,
    asks: bool,
    verified: bool,
    checked: bool,
    captures_code: bool,
    attempts_max: u32,
    /// Due where this was captured as 0; some of it never is.
    when: Option<u32>,
    needs: Option<u32>,
    on_failure: FailurePolicy,
    way_back: u8,
    dead_man: bool,
}

pub(crate) fn answer() -> impl Strategy<Value = Answer> {
    use Answer as A;
    prop::sample::select(vec![A::Retry, A::Skip, A::Exclude, A::Undo, A::Stop, A::Continue])
}

fn policy() -> impl Strategy<Value = FailurePolicy> {
    prop_oneof![
        3 => Just(FailurePolicy::Stop),
        1 => Just(FailurePolicy::Continue),
        2 => Just(FailurePolicy::Undo),
        2 => answer().prop_map(|otherwise| FailurePolicy::Ask { within_ms: 1, otherwise }),
    ]
}

fn traits() -> impl Strategy<Value = Traits> {
    let phase = prop_oneof![4 => Just(Phase::Main), 1 => Just(Phase::OnFailure), 1 => Just(Phase::Always)];
    let on = prop_oneof![6 => Just(On::Host), 1 => Just(On::One), 1 => Just(On::Console)];
    let often = || prop::bool::weighted(0.3);
    let other = || prop::option::weighted(0.2, 0_u32..6);
    let kind = (phase, on, often(), prop::bool::weighted(0.1));
    let asked = (often(), often(), often(), 1_u32..4, other(), other());
    let ends = (policy(), 0_u8..4, prop::bool::weighted(0.2));
    (kind, asked, ends).prop_map(|((phase, on, reads, asks), asked, (on_failure, way_back, dead_man))| {
        let (verified, checked, captures_code, attempts_max, when, needs) = asked;
        Traits {
            phase,
            on,
            reads,
            asks,
            verified,
            checked,
            captures_code,
            attempts_max,
            when,
            needs,
            on_failure,
            way_back,
            dead_man,
        }
    })
}

fn step_with(traits: &Traits, number: u32, step: PlannedStep, hosts: u32) -> PlannedStep {
    let mut step = in_phase(step, traits.phase);
    step.on = traits.on;
    if traits.reads {
        (step.effect, step.way_back) = (Effect::Read, WayBack::NotNeeded);
    } else if traits.way_back > 0 {
        let action = PerHost::same(script(Text::plain(format!("undo {number}"))), hosts);
        let expect = Expect { stdout: Some(Text::plain("back")), ..Expect::default() };
        let probe = Probe { action: script(Text::plain("check")), expect };
        let verify = (traits.way_back > 1).then(|| Verify::once(PerHost::same(probe, hosts), 0));
        step.way_back = WayBack::Inverse { action, verify };
        step.dead_man_ms = traits.dead_man.then_some(1000);
    }
    if traits.checked {
        step = checked(step, hosts);
    }
    if let Some(other) = traits.when {
        step = when(step, hosts, &format!("code_{other}"), 0);
    }
    step.needs.extend(traits.needs.filter(|other| *other < number));
    step.on_failure = traits.on_failure;
    if traits.asks {
        let question = Text::plain("go on?");
        step.action = PerHost::same(Action::Ask { question, within_ms: 1, otherwise: Otherwise::Stop }, hosts);
        return step;
    }
    if traits.verified {
        step = verified(step, hosts, 0);
    }
    if traits.captures_code {
        step = capturing(step, vec![capture(&format!("code_{number}"), CaptureFrom::ExitCode)]);
    }
    if traits.attempts_max > 1 {
        step = retried(step, traits.attempts_max);
    }
    step
}

prop_compose! {
    fn limits()(
        total in (0_u32..4, 0_u32..3),
        batches in prop::collection::vec((0_u32..3, 0_u32..3), 0..4),
        at_once in 1_u32..4,
        per_gateway in prop::option::of(1_u32..3),
        linear in any::<bool>(),
        canary in any::<bool>(),
        hold_ms in 0_u64..2,
        health in any::<bool>(),
    ) -> Limits {
        let budget = |(failed_max, unreachable_max)| Budget { failed_max, unreachable_max };
        let probe = Probe { action: script(Text::plain("health")), expect: Expect::default() };
        Limits {
            total: budget(total),
            batches: batches.into_iter().map(budget).collect(),
            unreachable_canary_stops: canary,
            hosts_at_once_per_gateway_max: per_gateway,
            order: if linear { Order::Linear } else { Order::Free },
            hold_ms,
            health: health.then_some(Health { probe, within_ms: 0 }),
            ..Limits::strict(at_once)
        }
    }
}

prop_compose! {
    /// A plan over a few hosts in a few batches, with steps and limits of every kind.
    pub(crate) fn any_plan()(
        batches in prop::collection::vec(0_u32..5, 1..4).prop_filter("a host", |all| all.iter().sum::<u32>() > 0),
        limits in limits(),
        undoing in prop::bool::weighted(0.2),
        traits in prop::collection::vec(traits(), 0..6),
        gateways in prop::collection::vec(prop::option::of(0_u8..2), 15),
    ) -> Plan {
        let hosts: u32 = batches.iter().sum();
        let count = u32::try_from(traits.len()).unwrap();
        let steps = (0_u32..).zip(steps(hosts, count)).zip(&traits);
        let steps = steps.map(|((number, step), traits)| {
            let mut step = step_with(traits, number, step, hosts);
            if undoing {
                // As an undo is planned.
                step.on_failure = FailurePolicy::Stop;
                (step.way_back, step.dead_man_ms) = (WayBack::None, None);
            }
            step
        });
        let mut plan = plan(hosts, &batches, steps.collect());
        plan.limits = limits;
        let named = gateways.iter().take(hosts as usize).map(|gateway| gateway.map(|number| format!("gw{number}")));
        plan.gateways = Some(PerHost::collect(named));
        if undoing { undo(plan) } else { plan }
    }
}
