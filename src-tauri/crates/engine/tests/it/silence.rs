//! A step without a word is noticed, told of, and never ended for it.

use std::time::Duration;

use bytes::Bytes;
use daytwo_model::event::Note;
use daytwo_model::plan::Effect;
use daytwo_model::{Event, RunOutcome};

use crate::support::{Reply, World, plan, seal, steps};

#[tokio::test(start_paused = true)]
async fn a_silent_step_is_noted_at_growing_intervals_with_what_the_host_says_until_it_writes_again() {
    let mut steps = steps(1, 1);
    steps[0].timeout_ms = 3_600_000;
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, _, _| Reply {
        later: Some((Duration::from_secs(600), Bytes::from_static(b"done\n"))),
        after: Duration::from_secs(70),
        ..Reply::says("downloading\n")
    });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    let notes = world.events().into_iter().filter_map(|event| match event {
        Event::AttemptNoted { note: Note::Silent { ms, known }, .. } => Some((ms / 1_000, known)),
        Event::AttemptNoted { note: Note::InSight, .. } => Some((0, "writes again".to_owned())),
        _ => None,
    });
    let (ms, known): (Vec<_>, Vec<_>) = notes.unzip();
    assert_eq!(ms, [60, 120, 240, 480, 0, 60]);
    assert_eq!(known[0], "1 process alive;  [2Jsudo waits for a terminal");
    assert_eq!(known[4], "writes again");
}

#[tokio::test(start_paused = true)]
async fn of_a_read_the_host_keeps_nothing_so_only_its_silence_is_told() {
    let mut steps = steps(1, 1);
    steps[0].timeout_ms = 3_600_000;
    steps[0].effect = Effect::Read;
    let plan = seal(plan(1, &[1], steps));
    let world = World::new(|_, _, _| Reply { after: Duration::from_secs(100), ..Reply::exit(0) });
    assert_eq!(world.run(&plan).await.unwrap(), RunOutcome::Succeeded);
    let known = world.events().into_iter().find_map(|event| match event {
        Event::AttemptNoted { note: Note::Silent { known, .. }, .. } => Some(known),
        _ => None,
    });
    assert_eq!(known.unwrap(), "the connection that it is attached to stands");
}
