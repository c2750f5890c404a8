//! What a plan may ask for and this engine does not perform. Such a plan is refused as a whole,
//! before anything is journalled: half of it would be a guess at the other half.

use daytwo_model::Plan;
use daytwo_model::plan::{Action, Effect, HttpRequest, On, PerHost, PlannedStep, Probe, Via, WayBack};

/// One plain sentence for each thing in `plan` that this engine does not perform.
#[must_use]
pub fn unsupported(plan: &Plan) -> Vec<String> {
    let mut sentences = Vec::new();
    for step in &plan.steps {
        for what in of_step(step) {
            sentences.push(format!("step {} {what}, which this version does not do yet", step.id));
        }
    }
    if plan.limits.health.as_ref().is_some_and(|health| is_through_host(&health.probe.action)) {
        sentences.push("the health check goes through a host (via: host), which this version does not do yet".into());
    }
    sentences
}

fn of_step(step: &PlannedStep) -> Vec<&'static str> {
    let mut found = Vec::new();
    let (mut inverses, mut probes) = (Vec::new(), Vec::new());
    let verify = step.verify.iter().map(|verify| &verify.probe);
    probes.extend(verify.chain(&step.check).flat_map(PerHost::variants));
    if let WayBack::Inverse { action, verify } = &step.way_back {
        // A way back that cannot be taken is none.
        inverses.extend(action.variants());
        probes.extend(verify.iter().flat_map(|verify| verify.probe.variants()));
    }
    let probed = probes.into_iter().map(|probe: &Probe| &probe.action);
    let beside: Vec<&Action> = inverses.iter().copied().chain(probed).collect();
    let any = |is: fn(&Action) -> bool| step.action.variants().iter().chain(beside.iter().copied()).any(is);
    let mut add = |applies: bool, what| {
        if applies {
            found.push(what);
        }
    };
    add(any(|action| matches!(action, Action::Fetch { .. })), "fetches files");
    add(any(|action| matches!(action, Action::Put { .. })), "puts a file on the host");
    add(any(is_through_host), "sends a request through the host (via: host)");
    let asks = |action: &&Action| matches!(action, Action::Ask { .. });
    add(beside.iter().any(asks), "asks a person in a check, a condition afterwards or a way back");
    add(
        step.dead_man_ms.is_some() && !can_arm(step, &inverses),
        "arms a dead-man switch without a script to send and one to take it back with",
    );
    found
}

fn is_through_host(action: &Action) -> bool {
    action.requests().iter().any(|request: &&HttpRequest| request.via == Via::Host)
}

/// The host takes it back alone, with what came with the step: a script of the same user.
fn can_arm(step: &PlannedStep, inverses: &[&Action]) -> bool {
    let users = |actions: &mut dyn Iterator<Item = &Action>| {
        let user = |action: &Action| match action {
            Action::Run { run_as, .. } => Some(run_as.clone()),
            _ => None,
        };
        actions.map(user).collect::<Option<Vec<_>>>()
    };
    let forward = users(&mut step.action.variants().iter());
    let back = users(&mut inverses.iter().copied());
    let same = match (forward, back) {
        (Some(forward), Some(back)) => !back.is_empty() && back.iter().all(|user| forward.contains(user)),
        _ => false,
    };
    same && step.effect == Effect::Change && step.on != On::Console
}
