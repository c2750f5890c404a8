//! A plan is performed as a whole, or not begun.

use daytwo_engine::{RunError, Settings, open, unsupported};
use daytwo_model::Text;
use daytwo_model::plan::{Action, On, Otherwise, Phase, Probe, RunAs, Via};
use daytwo_model::plan::{Expect, PerHost};

use crate::support::{Reply, World, plan, request, script, seal, step_of, steps};

#[tokio::test(start_paused = true)]
async fn what_the_engine_does_not_perform_is_named_and_nothing_is_journalled() {
    let text = |text: &str| Text::plain(text);
    let via_host = match request(text("http://127.0.0.1/health")) {
        Action::Http { mut request } => {
            request.via = Via::Host;
            Action::Http { request }
        }
        other => other,
    };
    let mut steps = vec![
        step_of("ask", 1, Action::Ask { question: text("go on?"), within_ms: 1, otherwise: Otherwise::Stop }),
        step_of("fetch", 1, Action::Fetch { from: text("a"), to: text("b"), bytes_max: 1, run_as: RunAs::Login }),
        step_of("probe", 1, script(text("true"))),
        step_of("dead-man", 1, script(text("true"))),
        step_of("local", 1, script(text("true"))),
        step_of("late", 1, script(text("true"))),
        step_of("fine", 1, Action::Wait { ms: 1 }),
    ];
    steps[2].check = Some(PerHost::same(Probe { action: via_host, expect: Expect::default() }, 1));
    steps[3].dead_man_ms = Some(1);
    steps[4].on = On::Console;
    (steps[5].on, steps[5].phase) = (On::One, Phase::Always);
    let plan = seal(plan(1, &[1], steps));
    let sentences = unsupported(plan.plan());
    let named: Vec<&str> = sentences.iter().map(|sentence| sentence.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(named, ["ask", "fetch", "probe", "dead-man", "local", "late"]);
    assert_eq!(sentences[0], "step ask asks a person, which this version does not do yet");

    let world = World::new(|_, _, _| Reply::exit(0));
    let Err(error) = open(plan, "ada".into(), world.ports(), Settings::default()) else { panic!("begun") };
    assert!(matches!(&error, RunError::Unsupported(listed) if *listed == sentences), "{error}");
    assert!(world.records.lock().unwrap().is_empty());
}

#[test]
fn a_plan_of_what_the_engine_performs_is_not_refused() {
    assert_eq!(unsupported(&plan(2, &[2], steps(2, 3))), Vec::<String>::new());
}
