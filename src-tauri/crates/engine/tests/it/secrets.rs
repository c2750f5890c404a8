//! Secrets are nowhere but in what is sent.

use bytes::Bytes;
use daytwo_engine::RunError;
use daytwo_engine::ports::{HttpEnd, ShellEnd};
use daytwo_model::plan::{Capture, CaptureFrom, PerHost, WayBack};
use daytwo_model::quote::Quote;
use daytwo_model::text::{Late, Part};
use daytwo_model::{CaptureName, RunOutcome, SecretName, Stream, Text};

use crate::support::{Reply, World, capturing, plan, request, script, seal, step_of, undo, words};

const VALUE: &str = "hunter2/it's é";

fn with_secret(before: &str) -> Text {
    let value = Late::Secret(SecretName::new("key").unwrap());
    Text::new([Part::Plain(before.into()), Part::Late { value, quote: Quote::Shell }])
}

#[tokio::test(start_paused = true)]
async fn a_missing_secret_refuses_the_run_before_anything_is_opened() {
    let plan = seal(plan(1, &[1], vec![step_of("a", 1, script(with_secret("login ")))]));
    let world = World::new(|_, _, _| Reply::exit(0));
    assert!(matches!(world.run(&plan).await, Err(RunError::SecretMissing(_))));
    assert!(world.events().is_empty());
    assert!(world.scripts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn secrets_are_in_no_record_and_in_no_output() {
    let first = step_of("a", 3, script(with_secret("login ")));
    let first = capturing(first, vec![Capture { name: CaptureName::new("said").unwrap(), from: CaptureFrom::Stdout }]);
    let mut plan = plan(3, &[3], vec![first, step_of("b", 3, request(with_secret("http://g/?k=")))]);
    plan.limits.total.failed_max = 9;
    plan.limits.total.unreachable_max = 9;
    let plan = seal(plan);
    let world = World::new(|host, script, _| {
        assert_eq!(script, r"login 'hunter2/it'\''s é'");
        match host {
            // Byte by byte on both streams, in several forms, and cut off at the end.
            "h0" => Reply {
                output: format!(
                    "v={VALUE} $ {script}\nhunter2%2Fit%27s%20%C3%A9 aHVudGVyMi9pdCdzIMOp\n{}",
                    &VALUE[..9]
                )
                .bytes()
                .flat_map(|byte| [Stream::Stdout, Stream::Stderr].map(|to| (to, Bytes::from(vec![byte]))))
                .collect(),
                ..Reply::end(ShellEnd::Unseen { why: format!("lost after {VALUE}") })
            },
            "h1" => Reply::says(&format!("the key is {VALUE}")),
            _ => Reply { started: false, ..Reply::end(ShellEnd::Refused { why: format!("no: {VALUE}") }) },
        }
    })
    .with_http(|_| HttpEnd::Unreachable { why: format!("no route to http://g/?k={VALUE}") })
    .with_secret("key", VALUE);
    let (driver, handle) = world.open(&plan);
    handle.cancel(VALUE.into(), VALUE.into());
    let shown = format!("{handle:?}");
    driver.run().await.unwrap();
    let everything = format!("{:?} {} {shown}", world.events(), world.stdout());
    for form in ["hunter2", "it's é", "aHVudGVy", "%2Fit"] {
        assert!(!everything.contains(form), "{form} in {everything}");
    }
    assert!(everything.contains("‹secret›"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_of_the_way_back_is_masked_on_the_way_forward_and_not_needed_there() {
    let mut step = step_of("a", 1, script(Text::plain("cat config")));
    step.way_back = WayBack::Inverse { action: PerHost::same(script(with_secret("put ")), 1), verify: None };
    let plan = seal(plan(1, &[1], vec![step]));
    let world = World::new(|_, _, _| Reply::says(&format!("key={VALUE}")));
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    let world = World::new(|_, _, _| Reply::says(&format!("key={VALUE}"))).with_secret("key", VALUE);
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    assert_eq!(world.stdout(), "key=‹secret›");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_only_the_other_direction_sends_is_masked_and_not_needed() {
    let mut plan = plan(1, &[1], vec![step_of("a", 1, script(Text::plain("cat config")))]);
    plan.secrets.insert(SecretName::new("key").unwrap());
    let plan = seal(undo(plan));
    let world = World::new(|_, _, _| Reply::says(&format!("key={VALUE}"))).with_secret("key", VALUE);
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::RolledBack);
    assert_eq!(world.stdout(), "key=‹secret›");
}

#[tokio::test(start_paused = true)]
async fn a_captured_secret_is_masked_and_the_mask_is_never_sent() {
    let name = CaptureName::new("config").unwrap();
    let first = step_of("a", 1, script(with_secret("show ")));
    let first = capturing(first, vec![Capture { name: name.clone(), from: CaptureFrom::Stdout }]);
    let late = Part::Late { value: Late::Capture(name), quote: Quote::Shell };
    let second = step_of("b", 1, script(Text::new([Part::Plain("write ".into()), late])));
    let plan = seal(plan(1, &[1], vec![first, second]));
    let world = World::new(|_, _, _| Reply::says("key: swordfish\n")).with_secret("key", "swordfish");
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
    let state = world.state(&plan);
    assert_eq!(words(&state, 0, 2), ["finished", "refused"]);
    assert_eq!(state.captured(0).values().next(), Some(&"key: ‹secret›".into()));
    assert_eq!(world.scripts(), ["h0: show swordfish"]);
}

#[tokio::test(start_paused = true)]
async fn an_inverse_that_holds_a_mask_is_refused() {
    for text in ["write 'key: ‹secret›'", "curl http://g/?k=%E2%80%B9secret%E2%80%BA"] {
        let plan = seal(plan(1, &[1], vec![step_of("a", 1, script(Text::plain(text)))]));
        let world = World::new(|_, _, _| Reply::exit(0));
        assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Failed);
        assert_eq!(words(&world.state(&plan), 0, 1), ["refused"]);
        assert!(world.scripts().is_empty());
    }
}
