//! What a plan may ask for and this engine does not perform. Such a plan is refused as a whole,
//! before anything is journalled: half of it would be a guess at the other half.

use daytwo_model::Plan;
use daytwo_model::plan::{Action, On, Phase, PlannedStep, Via, WayBack};

/// One plain sentence for each thing in `plan` that this engine does not perform.
#[must_use]
pub fn unsupported(plan: &Plan) -> Vec<String> {
    let mut sentences = Vec::new();
    for step in &plan.steps {
        for what in of_step(step) {
            sentences.push(format!("step {} {what}, which this version does not do yet", step.id));
        }
    }
    sentences
}

fn of_step(step: &PlannedStep) -> Vec<&'static str> {
    let mut found = Vec::new();
    let mut actions: Vec<&Action> = step.action.variants().iter().collect();
    let verify = step.verify.iter().map(|verify| &verify.probe);
    let mut probes: Vec<_> = verify.chain(&step.check).collect();
    if let WayBack::Inverse { action, verify } = &step.way_back {
        // A way back that cannot be taken is none.
        actions.extend(action.variants());
        probes.extend(verify.iter().map(|verify| &verify.probe));
    }
    actions.extend(probes.iter().flat_map(|probe| probe.variants()).map(|probe| &probe.action));
    let mut add = |applies: bool, what| {
        if applies {
            found.push(what);
        }
    };
    let any = |is: fn(&Action) -> bool| actions.iter().any(|action| is(action));
    add(any(|action| matches!(action, Action::Ask { .. })), "asks a person");
    add(any(|action| matches!(action, Action::Fetch { .. })), "fetches files");
    add(any(|action| matches!(action, Action::Put { .. })), "puts a file on the host");
    add(
        any(|action| matches!(action, Action::Http { request } if request.via == Via::Host)),
        "sends a request through the host (via: host)",
    );
    add(step.dead_man_ms.is_some(), "arms a dead-man switch");
    let on_console = step.on == On::Console;
    add(on_console && any(|action| matches!(action, Action::Run { .. })), "runs a script on this machine");
    // It would be done when the first host ends, long before the run does.
    add(step.on != On::Host && step.phase != Phase::Main, "is done once at the end of the whole run");
    found
}
