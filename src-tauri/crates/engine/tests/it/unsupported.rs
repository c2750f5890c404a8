//! A plan is performed as a whole, or not begun.

use daytwo_engine::{RunError, Settings, open, unsupported};
use daytwo_model::Text;
use daytwo_model::plan::{Action, Expect, On, Otherwise, PerHost, Phase, Probe, RunAs, Via, WayBack};

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
    let ask = || Action::Ask { question: text("go on?"), within_ms: 1, otherwise: Otherwise::Stop };
    let mut steps = vec![
        step_of("fetch", 1, Action::Fetch { from: text("a"), to: text("b"), bytes_max: 1, run_as: RunAs::Login }),
        step_of("probe", 1, script(text("true"))),
        step_of("dead-man", 1, script(text("true"))),
        step_of("other-user", 1, script(text("true"))),
        step_of("back", 1, script(text("true"))),
        step_of("ask", 1, ask()),
        step_of("local", 1, script(text("true"))),
        step_of("late", 1, script(text("true"))),
        step_of("armed", 1, script(text("true"))),
        step_of("fine", 1, Action::Wait { ms: 1 }),
    ];
    let back = |action| WayBack::Inverse { action: PerHost::same(action, 1), verify: None };
    let as_root = Action::Run { script: text("true"), run_as: RunAs::Root, meaning: None };
    steps[1].check = Some(PerHost::same(Probe { action: via_host, expect: Expect::default() }, 1));
    steps[2].dead_man_ms = Some(1);
    (steps[3].dead_man_ms, steps[3].way_back) = (Some(1), back(as_root));
    steps[4].way_back = back(ask());
    steps[6].on = On::Console;
    (steps[7].on, steps[7].phase) = (On::One, Phase::Always);
    (steps[8].dead_man_ms, steps[8].way_back) = (Some(1), back(script(text("false"))));
    let plan = seal(plan(1, &[1], steps));
    let sentences = unsupported(plan.plan());
    let named: Vec<&str> = sentences.iter().map(|sentence| sentence.split_whitespace().nth(1).unwrap()).collect();
    assert_eq!(named, ["fetch", "probe", "dead-man", "other-user", "back"]);
    assert_eq!(sentences[0], "step fetch fetches files, which this version does not do yet");

    let world = World::new(|_, _, _| Reply::exit(0));
    let Err(error) = open(plan, "ada".into(), world.ports(), Settings::default()) else { panic!("begun") };
    assert!(matches!(&error, RunError::Unsupported(listed) if *listed == sentences), "{error}");
    assert!(world.records.lock().unwrap().is_empty());
}

#[test]
fn a_plan_of_what_the_engine_performs_is_not_refused() {
    assert_eq!(unsupported(&plan(2, &[2], steps(2, 3))), Vec::<String>::new());
}
