//! Whatever events arrive, in whatever order: what `RunState` accepts is a possible course of a run.
#![expect(clippy::unwrap_used, reason = "tests, with helpers that the test exemption does not cover")]

use std::collections::{BTreeMap, HashMap};

use daytwo_model::plan::{
    Action, Capture, CaptureFrom, Expect, Intent, Limits, PLAN_FORMAT, PerHost, Phase, PlannedRunbook, PlannedStep,
    Probe, Retry, Verify,
};
use daytwo_model::run::Attempt;
use daytwo_model::{
    AttemptId, AttemptState, CancelDegree, CancelReason, CaptureName, Digest, Endpoint, Event, Exit, Host, HostName,
    OutputTally, Plan, ProcessIdentity, RunId, RunOutcome, RunState, RunStatus, RunbookName, SkipReason, StepId, Text,
    Timestamp,
};
use proptest::prelude::*;
use uuid::Uuid;

const HOSTS: u32 = 3;
const STEPS: u32 = 3;

/// Two batches (two hosts, then one) and three steps: one that is tried twice, one that takes every
/// exit code for an answer and has a post-condition, and one at the end of each host.
fn plan(undo: bool) -> Plan {
    let action = Action::script(Text::plain("true"));
    let probe = Probe { action: action.clone(), expect: Expect::default() };
    let step = |id: &str, verify| PlannedStep {
        verify,
        timeout_ms: 1000,
        ..PlannedStep::new(StepId::new(id).unwrap(), PerHost::same(action.clone(), HOSTS))
    };
    let check = Verify::once(PerHost::same(probe, HOSTS), 0);
    let retry = Retry { attempts_max: 2, delay_ms: 0, backoff_percent: 100, delay_ms_max: 0, exit_codes: vec![] };
    let first = PlannedStep { retry: Some(retry), ..step("first", None) };
    let code = Capture { name: CaptureName::new("code").unwrap(), from: CaptureFrom::ExitCode };
    let second = PlannedStep { captures: vec![code], ..step("second", Some(check)) };
    let last = PlannedStep { phase: Phase::Always, ..step("last", None) };
    let host = |name: &str| Host {
        name: HostName::new(name).unwrap(),
        endpoint: Endpoint::Simulated,
        labels: BTreeMap::new(),
        vars: BTreeMap::new(),
        source: "test".into(),
    };
    Plan {
        format: PLAN_FORMAT,
        runbook: PlannedRunbook {
            name: RunbookName::new("test").unwrap(),
            title: "Test".into(),
            digest: Digest::ZERO,
            text: String::new(),
            source: None,
        },
        called: Vec::new(),
        intent: if undo { Intent::Undo { of: RunId::from_uuid(Uuid::nil()) } } else { Intent::Forward },
        inputs: BTreeMap::new(),
        secrets: std::collections::BTreeSet::new(),
        selection: "all".into(),
        undecided: Vec::new(),
        hosts: vec![host("a"), host("b"), host("c")],
        host_keys: BTreeMap::new(),
        gateways: None,
        batches: vec![vec![0, 1], vec![2]],
        limits: Limits::strict(2),
        steps: vec![first, second, last],
        planned_at: Timestamp::EPOCH,
        planned_by: "test".into(),
    }
}

/// An attempt id out of a few, so that they are used again by mistake.
fn id() -> impl Strategy<Value = AttemptId> {
    (0_u128..8).prop_map(|id| AttemptId::from_uuid(Uuid::from_u128(id)))
}

fn exit() -> impl Strategy<Value = Exit> {
    prop_oneof![Just(Exit::Code(0)), Just(Exit::Code(1)), Just(Exit::Signal("KILL".into()))]
}

fn event() -> impl Strategy<Value = Event> {
    let why = String::new;
    let batch = || prop_oneof![0..3_u32, Just(u32::MAX)];
    // One more than there are, and the largest that a damaged journal can hold.
    let host = || prop_oneof![8 => 0..HOSTS, 1 => Just(HOSTS), 1 => Just(u32::MAX)];
    let step = || prop_oneof![8 => 0..STEPS, 1 => Just(STEPS), 1 => Just(u32::MAX)];
    let output = OutputTally::default();
    prop_oneof![
        1 => Just(Event::RunOpened { plan: Digest::ZERO, by: String::new() }),
        4 => batch().prop_map(|batch| Event::BatchStarted { batch }),
        4 => batch().prop_map(|batch| Event::BatchEnded { batch }),
        12 => (id(), host(), step()).prop_map(|(attempt, host, step)| Event::AttemptSent { attempt, host, step, inverse: false }),
        4 => id().prop_map(|attempt| Event::AttemptRunning {
            attempt,
            process: ProcessIdentity { pid: 1, ..ProcessIdentity::default() }
        }),
        12 => (id(), exit()).prop_map(move |(attempt, exit)| {
            Event::AttemptFinished { attempt, exit, captured: BTreeMap::new(), output }
        }),
        6 => id().prop_map(|attempt| Event::AttemptVerified { attempt }),
        3 => id().prop_map(move |attempt| Event::AttemptNotVerified { attempt, why: why() }),
        3 => id().prop_map(|attempt| Event::AttemptUndone { attempt }),
        3 => id().prop_map(move |attempt| Event::AttemptStuck { attempt, why: why() }),
        2 => id().prop_map(move |attempt| Event::AttemptLost { attempt, why: why(), output: OutputTally::default() }),
        4 => id().prop_map(move |attempt| Event::AttemptUnknown { attempt, why: why(), output: OutputTally::default() }),
        2 => id().prop_map(move |attempt| Event::AttemptUnreachable { attempt, why: why() }),
        2 => id().prop_map(move |attempt| Event::AttemptRefused { attempt, why: why() }),
        2 => id().prop_map(move |attempt| {
            Event::AttemptCancelled { attempt, reason: CancelReason::Operator, output }
        }),
        3 => (host(), step()).prop_map(|(host, step)| {
            Event::StepSkipped { host, step, why: SkipReason::EarlierStep }
        }),
        1 => Just(Event::CancelRequested { by: String::new(), why: String::new(), degree: CancelDegree::default(), hosts: None }),
        1 => Just(Event::RunInterrupted { found_by: String::new() }),
        1 => Just(Event::RunEnded { outcome: RunOutcome::Failed }),
    ]
}

/// Everything that can be read of a state.
type View = (Option<RunStatus>, (u32, u32), u32, Vec<Option<Attempt>>);

fn view(state: &RunState) -> View {
    let cells = (0..HOSTS).flat_map(|host| (0..STEPS).map(move |step| (host, step)));
    let cells = cells.map(|(host, step)| state.attempt(host, step).cloned()).collect();
    (state.status(), state.batches(), state.in_flight(), cells)
}

fn in_flight(state: &RunState, host: u32) -> usize {
    (0..STEPS).filter_map(|step| state.attempt(host, step)).filter(|attempt| attempt.state.is_in_flight()).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn what_is_accepted_is_possible_and_what_is_refused_changes_nothing(
        undo in any::<bool>(),
        events in prop::collection::vec(event(), 0..120),
    ) {
        let mut state = RunState::new(&plan(undo));
        // Most sequences would otherwise stop at the door.
        let opening = [Event::RunOpened { plan: Digest::ZERO, by: String::new() }, Event::BatchStarted { batch: 0 }];
        let mut accepted = Vec::new();
        let mut place = HashMap::new();
        for event in opening.into_iter().chain(events) {
            let before = view(&state);
            if state.apply(&event).is_err() {
                prop_assert_eq!(before, view(&state), "refused, and changed something: {:?}", event);
                continue;
            }
            let ended_before = matches!(before.0, Some(RunStatus::Ended { .. }));
            prop_assert!(!ended_before, "accepted after the end: {:?}", event);
            if let Event::AttemptSent { attempt, host, step, .. } = event {
                let at_the_end = step == 2 && before.0 == Some(RunStatus::Cancelling);
                prop_assert!(before.0 == Some(RunStatus::Running) || at_the_end);
                prop_assert_eq!(place.insert(attempt, (host, step)), None, "an id was used twice");
                if let Some(last) = &before.3[(host * STEPS + step) as usize] {
                    let failed = matches!(&last.state, AttemptState::Finished { exit } if !exit.is_success());
                    prop_assert!(step == 0 && failed && last.attempts == 1, "sent again after {:?}", last);
                }
            }
            let each: Vec<usize> = (0..HOSTS).map(|host| in_flight(&state, host)).collect();
            prop_assert!(each.iter().all(|count| *count <= 1), "two at one time on a host after {:?}", event);
            prop_assert_eq!(each.iter().sum::<usize>(), state.in_flight() as usize);
            prop_assert_eq!(state.attempts_in_flight().count(), state.in_flight() as usize);
            for (attempt, (host, step)) in &place {
                prop_assert_eq!(state.place(*attempt), Some((*host, *step)));
            }
            for (index, cell) in view(&state).3.iter().enumerate() {
                let Some(cell) = cell else { continue };
                if let AttemptState::Verified { exit } = &cell.state {
                    let answer = index as u32 % STEPS == 1 && matches!(exit, Exit::Code(_));
                    prop_assert!(exit.is_success() || answer, "verified, though the action failed");
                }
                prop_assert!(cell.attempts <= 2 && (cell.attempts == 0) == cell.id.is_none());
            }
            if matches!(event, Event::RunEnded { .. } | Event::RunInterrupted { .. } | Event::BatchEnded { .. }) {
                prop_assert_eq!(state.in_flight(), 0);
            }
            accepted.push(event);
        }
        let ends = accepted.iter().filter(|event| matches!(event, Event::RunEnded { .. })).count();
        prop_assert!(ends <= 1);
        // Read back from the journal, it is the same.
        let again = accepted.iter().try_fold(RunState::new(&plan(undo)), RunState::next).unwrap();
        prop_assert_eq!(view(&again), view(&state));
        for host in 0..HOSTS {
            prop_assert_eq!(again.standing(host), state.standing(host));
        }
    }
}
