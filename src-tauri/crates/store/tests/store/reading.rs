//! Reading: pages, groups, filters, and what outlives a restart.

use std::collections::BTreeSet;

use daytwo_fleet::observation::{Observation, Reachability};
use daytwo_fleet::ports::ObservationStore;
use daytwo_model::plan::{Intent, Retry};
use daytwo_model::{CancelDegree, Event, HostName, RunOutcome, RunStatus, RunbookName, SealedPlan, Stream, Timestamp};
use daytwo_store::limits::{OBSERVATIONS_PAGE_MAX, OUTPUT_PIECE_BYTES_MAX};
use daytwo_store::{Decision, DecisionKind, Error, Found, RunFilter, Streams};

use crate::course::plan;
use crate::kit::{append, around, begin, open, small_plan, write};

#[tokio::test]
async fn output_is_paged_by_bytes_and_lines_whatever_its_pieces_were() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (mut course, fence) = begin(&store, 1, &small_plan(1)).await;
    let attempt = course.attempt(0, 0);
    let early = write(&store, attempt, Stream::Stdout, b"x").await.unwrap_err().to_string();
    assert!(early.contains("the journal has none"), "{early}");
    append(&store, fence, &[course.send(0, 0)]).await.unwrap();

    let long = vec![b'y'; OUTPUT_PIECE_BYTES_MAX + 10];
    let pieces: [(Stream, &[u8]); 6] = [
        (Stream::Stdout, b"one\ntw"),
        (Stream::Stderr, b"oops\n"),
        (Stream::Stdout, b"o\n\nfour"),
        (Stream::Stdout, &long),
        (Stream::Stderr, b"\xff\xfe"),
        (Stream::Stdout, b"\nend"),
    ];
    let mut stdout = Vec::new();
    let mut both = Vec::new();
    for (stream, bytes) in pieces {
        write(&store, attempt, stream, bytes).await.unwrap();
        both.extend_from_slice(bytes);
        if stream == Stream::Stdout {
            stdout.extend_from_slice(bytes);
        }
    }
    for (streams, expected) in [(Streams::Only(Stream::Stdout), &stdout), (Streams::Both, &both)] {
        for size in [1_000, 7_777, 1_000_000] {
            let mut read = Vec::new();
            let mut from = Some(0);
            while let Some(at) = from {
                let page = store.output(attempt, streams, at, size).await.unwrap();
                assert_eq!(
                    page.spans.iter().map(|span| span.length).sum::<u64>(),
                    u64::try_from(page.bytes.len()).unwrap()
                );
                read.extend(page.bytes);
                from = page.next;
            }
            assert!(read == *expected, "pages of {size}");
        }
    }
    let page = store.output(attempt, Streams::Both, 4, 9).await.unwrap();
    assert_eq!(page.bytes, b"twoops\no\n");
    let spans: Vec<_> = page.spans.iter().map(|span| (span.stream, span.length)).collect();
    assert_eq!(spans, [(Stream::Stdout, 2), (Stream::Stderr, 5), (Stream::Stdout, 2)]);

    let text = stdout.split_inclusive(|byte| *byte == b'\n').collect::<Vec<_>>();
    for from in 0..7 {
        for count in [1, 2, 10] {
            let page = store.output_lines(attempt, Stream::Stdout, from, count).await.unwrap();
            let expected: Vec<u8> = text
                .iter()
                .skip(usize::try_from(from).unwrap())
                .take(usize::try_from(count).unwrap())
                .flat_map(|line| line.iter().copied())
                .collect();
            assert!(page.bytes == expected, "lines from {from}, {count}");
        }
    }
    let past = store.output(attempt, Streams::Both, 1_000_000, 10).await.unwrap();
    assert_eq!((past.bytes.len(), past.next), (0, None));
}

#[tokio::test]
async fn identical_output_of_many_hosts_has_one_digest_and_one_head() {
    const HOSTS: u32 = 1_000;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (mut course, fence) = begin(&store, 1, &small_plan(HOSTS)).await;
    let sent: Vec<_> = (0..HOSTS).map(|host| course.send(host, 0)).collect();
    append(&store, fence, &sent).await.unwrap();
    let said = |host: u32| if host.is_multiple_of(100) { "failed\n" } else { "active\n" };
    let written = (0..HOSTS).map(|host| {
        // In other pieces, but the same text.
        let (a, b) = said(host).split_at(usize::try_from(host % 6).unwrap());
        let attempt = course.attempt(host, 0);
        let store = &store;
        async move {
            write(store, attempt, Stream::Stdout, a.as_bytes()).await.unwrap();
            write(store, attempt, Stream::Stdout, b.as_bytes()).await.unwrap();
        }
    });
    futures::future::join_all(written).await;
    let ended: Vec<_> = (1..HOSTS).map(|host| course.finish(host, 0, 0)).collect();
    append(&store, fence, &ended).await.unwrap();

    let outputs = store.outputs_of_step(course.run, 0).await.unwrap();
    assert_eq!((outputs.hosts.len(), outputs.heads.len()), (1_000, 2));
    for output in &outputs.hosts {
        let head = outputs.heads.get(&output.digest).unwrap();
        assert_eq!(head.page.bytes, said(output.host).as_bytes());
    }
    // The second time they come from where they were kept, and say the same.
    store.set_setting("barrier", Some(&1)).await.unwrap();
    assert_eq!(store.outputs_of_step(course.run, 0).await.unwrap(), outputs);

    // More output makes a kept digest void, and the same bytes on the other stream are not the same.
    write(&store, course.attempt(1, 0), Stream::Stderr, b"late\n").await.unwrap();
    write(&store, course.attempt(2, 0), Stream::Stdout, b"late\n").await.unwrap();
    let outputs = store.outputs_of_step(course.run, 0).await.unwrap();
    let digests: BTreeSet<_> = outputs.hosts.iter().map(|output| output.digest).collect();
    assert_eq!(digests.len(), 4);
}

#[tokio::test]
async fn runs_are_found_by_what_people_remember_of_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let restart = || plan("restart-service", 3, 1, Intent::Forward);
    let (mut green, fence) = begin(&store, 0xa1, &restart()).await;
    append(&store, fence, &green.end(RunOutcome::Succeeded)).await.unwrap();
    let (mut red, fence) = begin(&store, 0xa2, &restart()).await;
    append(&store, fence, &red.end(RunOutcome::Failed)).await.unwrap();
    let undo = plan("restart-service", 1, 1, Intent::Undo { of: red.run, after: Vec::new() });
    let (undoing, _) = begin(&store, 0xb3, &undo).await;
    let (logs, _) = begin(&store, 0xb4, &plan("fetch-logs", 2, 1, Intent::Forward)).await;

    let name = RunbookName::new("restart-service").unwrap();
    let none = RunFilter::default;
    let ended = |outcome| Some(RunStatus::Ended { outcome });
    for (filter, expected) in [
        (none(), vec![logs.run, undoing.run, red.run, green.run]),
        (RunFilter { limit: Some(2), ..none() }, vec![logs.run, undoing.run]),
        (RunFilter { before: Some(undoing.run), ..none() }, vec![red.run, green.run]),
        (RunFilter { text: Some("TITLE of fetch".into()), ..none() }, vec![logs.run]),
        (RunFilter { text: Some("100% wildcard_".into()), ..none() }, vec![]),
        (RunFilter { status: ended(RunOutcome::Failed), ..none() }, vec![red.run]),
        (RunFilter { status: Some(RunStatus::Running), ..none() }, vec![logs.run, undoing.run]),
        (RunFilter { runbook: Some(name.clone()), limit: Some(1), ..none() }, vec![undoing.run]),
        (RunFilter { host: Some(HostName::new("host-2").unwrap()), ..none() }, vec![red.run, green.run]),
    ] {
        let found: Vec<_> = store.runs(&filter).await.unwrap().into_iter().map(|run| run.id).collect();
        assert_eq!(found, expected, "{filter:?}");
    }
    let last = |outcome| store.last_run_of(&name, outcome);
    assert_eq!(last(Some(RunOutcome::Succeeded)).await.unwrap().map(|run| run.id), Some(green.run));
    assert_eq!(last(Some(RunOutcome::Stuck)).await.unwrap(), None);
    let undos = store.undo_runs_of(red.run).await.unwrap();
    assert_eq!(undos.iter().map(|run| (run.id, run.undo_of)).collect::<Vec<_>>(), [(undoing.run, Some(red.run))]);

    assert_eq!(store.find_run("00000000-0000-00A1").await.unwrap(), Found::One(green.run));
    assert_eq!(store.find_run("00000000-0000-00b").await.unwrap(), Found::Ambiguous(vec![undoing.run, logs.run]));
    for nobody in ["", "%", "00000000-0000-00c", "_0000"] {
        assert_eq!(store.find_run(nobody).await.unwrap(), Found::None, "{nobody:?}");
    }
    assert!(matches!(
        store.state_of(daytwo_model::RunId::from_uuid(uuid::Uuid::nil())).await,
        Err(Error::NoSuchRun(_))
    ));
}

#[tokio::test]
async fn decisions_tell_who_when_and_why() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let (mut course, fence) = begin(&store, 1, &small_plan(1)).await;
    append(
        &store,
        fence,
        &[course.then(Event::CancelRequested {
            by: "eve".into(),
            why: "wrong site".into(),
            degree: CancelDegree::default(),
            hosts: None,
        })],
    )
    .await
    .unwrap();
    let trusted = Decision {
        at: Timestamp::from_unix_ms(9),
        by: "ada".into(),
        kind: DecisionKind::KeyTrusted,
        run: None,
        subject: "host-0 SHA256:abc".into(),
        why: "new machine".into(),
    };
    store.decide(trusted.clone()).await.unwrap();

    let all = store.decisions(None, None).await.unwrap();
    assert_eq!(all.first().map(|recorded| &recorded.decision), Some(&trusted));
    let told: Vec<_> = all
        .iter()
        .map(|recorded| (recorded.decision.kind, recorded.decision.by.as_str(), recorded.decision.why.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (DecisionKind::KeyTrusted, "ada", "new machine"),
            (DecisionKind::CancelRequested, "eve", "wrong site"),
            (DecisionKind::RunStarted, "ada", ""),
        ]
    );
    assert_eq!(store.decisions(Some(course.run), None).await.unwrap(), all[1..]);
    assert_eq!(store.decisions(None, Some(all[1].number)).await.unwrap(), all[2..]);
}

#[tokio::test]
async fn observations_and_settings_survive_a_restart_and_history_is_bounded() {
    let host = HostName::new("kiosk-7").unwrap();
    let seen = |ms: i64, up: bool| {
        let at = Timestamp::from_unix_ms(ms);
        let reachability =
            if up { Reachability::Live } else { Reachability::Unreachable { why: "timed out".into(), since: at } };
        Observation { host: host.clone(), at, source: "probe".into(), reachability, known: None }
    };
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    // Nothing new for fifteen seconds, then a change, then nothing new for five minutes.
    for observation in
        [seen(0, true), seen(15_000, true), seen(30_000, false), seen(45_000, false), seen(330_000, false)]
    {
        store.save(&[observation]).await.unwrap();
    }
    store.set_setting("theme", Some(&"dark")).await.unwrap();
    store.set_setting("gone", Some(&1)).await.unwrap();
    store.set_setting::<u32>("gone", None).await.unwrap();
    store.close().await;

    let store = open(dir.path()).await;
    assert_eq!(store.load().await.unwrap(), [seen(330_000, false)]);
    assert_eq!(
        store.observations_of(&host, 10).await.unwrap(),
        [seen(330_000, false), seen(30_000, false), seen(0, true)]
    );
    assert_eq!(store.setting::<String>("theme").await.unwrap().as_deref(), Some("dark"));
    assert_eq!(store.setting::<u32>("gone").await.unwrap(), None);
    assert!(matches!(store.setting::<u32>("theme").await, Err(Error::Unreadable { .. })));

    let flapping: Vec<_> = (0..600).map(|i| seen(1_000_000 + i, i % 2 == 0)).collect();
    for observation in flapping.chunks(1) {
        store.save(observation).await.unwrap();
    }
    let kept = store.observations_of(&host, u32::MAX).await.unwrap();
    assert_eq!(kept.len(), usize::try_from(OBSERVATIONS_PAGE_MAX).unwrap());
    assert_eq!(kept.first(), flapping.last());
}

#[tokio::test]
async fn every_attempt_of_a_step_that_was_tried_again_is_kept_and_its_last_one_speaks_for_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut plan = small_plan(2).plan().clone();
    let exit_codes = Vec::new();
    plan.steps[0].retry =
        Some(Retry { attempts_max: 2, delay_ms: 0, backoff_percent: 100, delay_ms_max: 0, exit_codes });
    let (mut course, fence) = begin(&store, 1, &SealedPlan::seal(plan).unwrap()).await;
    let first = course.attempt(0, 0);
    let again = course.attempt(0, 9);
    let records = [
        course.send(0, 0),
        course.send(1, 0),
        course.finish(0, 0, 1),
        course.then(Event::AttemptSent { attempt: again, host: 0, step: 0, inverse: false }),
        course.finish(0, 9, 0),
    ];
    // All at once: one write may hold both attempts.
    append(&store, fence, &records).await.unwrap();
    write(&store, first, Stream::Stdout, b"busy\n").await.unwrap();
    write(&store, again, Stream::Stdout, b"done\n").await.unwrap();

    let attempts = store.attempts_of(course.run, None).await.unwrap();
    let seen: Vec<_> = attempts.iter().map(|attempt| (attempt.host, attempt.id, attempt.state.word())).collect();
    let other = course.attempt(1, 0);
    assert_eq!(seen, [(0, Some(first), "finished"), (0, Some(again), "finished"), (1, Some(other), "sent")]);
    let outputs = store.outputs_of_step(course.run, 0).await.unwrap();
    let of: Vec<_> = outputs.hosts.iter().map(|output| output.attempt).collect();
    assert_eq!(of, [again, other]);
    assert_eq!(store.state_of(course.run).await.unwrap().attempt(0, 0).unwrap().attempts, 2);
}

#[tokio::test]
async fn a_plan_that_an_earlier_version_wrote_is_read_and_its_document_left_as_it_is() {
    const WRITTEN: &str = include_str!("../../../model/tests/data/plan-format-1-run.json");
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let plan = SealedPlan::from_json(WRITTEN).unwrap();
    let (course, _fence) = begin(&store, 1, &plan).await;
    let document: String =
        sqlx::query_scalar("SELECT document FROM plans").fetch_one(&mut around(dir.path()).await).await.unwrap();
    assert_eq!(document, WRITTEN);
    assert_eq!(store.plan_of(course.run).await.unwrap(), plan);
    assert_eq!(store.plan(plan.digest()).await.unwrap(), plan);
    assert_eq!(store.state_of(course.run).await.unwrap().status(), Some(RunStatus::Running));
    let of_plan = RunFilter { plan: Some(plan.digest()), ..RunFilter::default() };
    assert_eq!(store.runs(&of_plan).await.unwrap().len(), 1);
    let of_another = RunFilter { plan: Some(small_plan(1).digest()), ..RunFilter::default() };
    assert_eq!(store.runs(&of_another).await.unwrap(), []);
}
