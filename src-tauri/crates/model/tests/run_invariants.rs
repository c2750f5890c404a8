//! Whatever events arrive, in whatever order: what `RunState` accepts is a possible course of a run.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests, with helpers that the test exemption does not cover"
)]

use std::collections::{BTreeMap, HashMap};

use daytwo_model::plan::{
    Action, Capture, CaptureFrom, Expect, Intent, Limits, PLAN_FORMAT, PerHost, Phase, PlannedRunbook, PlannedStep,
    Probe, Retry, Verify, WayBack,
};
use daytwo_model::run::{Asked, Attempt, DeadManSwitch, HostStanding, Trace};
use daytwo_model::{
    Answer, AttemptId, AttemptState, CancelDegree, CancelReason, CaptureName, Digest, Endpoint, Event, Exit, Host,
    HostName, Note, OutputTally, Plan, ProcessIdentity, Question, RunId, RunOutcome, RunState, RunStatus, RunbookName,
    SkipReason, StepId, Text, Timestamp,
};
use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

const HOSTS: u32 = 3;
const STEPS: u32 = 3;

/// Two batches (two hosts, then one) and three steps: one that is tried twice and arms a dead-man
/// switch, one that takes every exit code for an answer and has a post-condition, and one at the end of each host.
/// The first two have an inverse.
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
    let way_back = WayBack::Inverse { action: PerHost::same(action.clone(), HOSTS), verify: None };
    let first =
        PlannedStep { retry: Some(retry), way_back: way_back.clone(), dead_man_ms: Some(1000), ..step("first", None) };
    let code = Capture { name: CaptureName::new("code").unwrap(), from: CaptureFrom::ExitCode };
    let second = PlannedStep { captures: vec![code], way_back: way_back.clone(), ..step("second", Some(check)) };
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
        intent: if undo {
            Intent::Undo { of: RunId::from_uuid(Uuid::nil()), after: Vec::new() }
        } else {
            Intent::Forward
        },
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

fn answer() -> impl Strategy<Value = Answer> {
    use Answer as A;
    prop::sample::select(vec![A::Retry, A::Skip, A::Exclude, A::Undo, A::Stop, A::Continue])
}

fn degree() -> impl Strategy<Value = CancelDegree> {
    prop::sample::select(vec![CancelDegree::NoNewStarts, CancelDegree::Terminate, CancelDegree::Kill])
}

fn sent(attempt: AttemptId, host: u32, step: u32, inverse: bool) -> Event {
    Event::AttemptSent { attempt, host, step, inverse }
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
        32 => batch().prop_map(|batch| Event::BatchStarted { batch }),
        8 => batch().prop_map(|batch| Event::BatchEnded { batch }),
        96 => (id(), host(), step()).prop_map(|(attempt, host, step)| sent(attempt, host, step, false)),
        32 => (id(), host(), step()).prop_map(|(attempt, host, step)| sent(attempt, host, step, true)),
        8 => host().prop_map(|host| Event::UndoStarted { host }),
        16 => (host(), step()).prop_map(move |(host, step)| Event::InverseSkipped { host, step, why: why() }),
        32 => (host(), step(), any::<bool>(), answer()).prop_map(|(host, step, may_retry, otherwise)| {
            let question = Question::Failure { why: String::new(), may_retry };
            Event::QuestionAsked { host, step, question, within_ms: 1, otherwise }
        }),
        32 => (prop::collection::vec(0..HOSTS, 0..3), step(), answer()).prop_map(|(hosts, step, answer)| {
            Event::QuestionAnswered { hosts, step, answer, by: None, why: String::new() }
        }),
        8 => (batch(), any::<bool>()).prop_map(|(batch, holds)| {
            Event::HealthChecked { batch, holds, said: String::new() }
        }),
        16 => (id(), any::<bool>()).prop_map(move |(attempt, seen)| {
            let note = if seen { Note::InSight } else { Note::OutOfSight { why: why() } };
            Event::AttemptNoted { attempt, note }
        }),
        24 => id().prop_map(|attempt| Event::DeadManDisarmed { attempt }),
        16 => (id(), exit()).prop_map(|(attempt, exit)| Event::DeadManFired { attempt, exit: Some(exit) }),
        8 => id().prop_map(move |attempt| Event::DeadManUnknown { attempt, why: why() }),
        8 => (id(), any::<bool>()).prop_map(move |(attempt, over)| Event::DeadManFailed { attempt, why: why(), over }),
        16 => id().prop_map(move |attempt| Event::AttemptNotStarted { attempt, why: why() }),
        32 => id().prop_map(|attempt| Event::AttemptRunning {
            attempt,
            process: ProcessIdentity { pid: 1, ..ProcessIdentity::default() }
        }),
        96 => (id(), exit()).prop_map(move |(attempt, exit)| {
            Event::AttemptFinished { attempt, exit, captured: BTreeMap::new(), output }
        }),
        48 => id().prop_map(|attempt| Event::AttemptVerified { attempt }),
        24 => id().prop_map(move |attempt| Event::AttemptNotVerified { attempt, why: why() }),
        24 => id().prop_map(|attempt| Event::AttemptUndone { attempt }),
        24 => id().prop_map(move |attempt| Event::AttemptStuck { attempt, why: why() }),
        16 => id().prop_map(move |attempt| Event::AttemptLost { attempt, why: why(), output: OutputTally::default() }),
        32 => id().prop_map(move |attempt| Event::AttemptUnknown { attempt, why: why(), output: OutputTally::default() }),
        16 => id().prop_map(move |attempt| Event::AttemptUnreachable { attempt, why: why() }),
        16 => id().prop_map(move |attempt| Event::AttemptRefused { attempt, why: why() }),
        16 => id().prop_map(move |attempt| {
            Event::AttemptCancelled { attempt, reason: CancelReason::Operator, output }
        }),
        8 => (host(), step()).prop_map(|(host, step)| {
            Event::StepSkipped { host, step, why: SkipReason::EarlierStep }
        }),
        3 => (degree(), prop::option::of(prop::collection::vec(host(), 0..3))).prop_map(|(degree, hosts)| {
            Event::CancelRequested { by: String::new(), why: String::new(), degree, hosts }
        }),
        2 => Just(Event::RunInterrupted { found_by: String::new() }),
        2 => Just(Event::RunEnded { outcome: RunOutcome::Failed }),
    ]
}

/// The same event about something that is there, or about what is due: most of what is drawn blindly is refused.
fn aimed(event: Event, aim: Index, state: &RunState, place: &HashMap<AttemptId, (u32, u32)>) -> Event {
    let mut known: Vec<AttemptId> = place.keys().copied().collect();
    known.sort();
    let fresh = AttemptId::from_uuid(Uuid::from_u128(1000 + known.len() as u128));
    let waiting: Vec<(u32, u32)> = state.questions().map(|(host, asked)| (host, asked.step)).collect();
    let (started, ended) = state.batches();
    match event {
        Event::AttemptSent { host, step, inverse: true, .. } => {
            sent(fresh, host, state.next_to_undo(host).unwrap_or(step), true)
        }
        Event::AttemptSent { host, step, .. } => sent(fresh, host, step, false),
        Event::InverseSkipped { host, step, why } => {
            Event::InverseSkipped { host, step: state.next_to_undo(host).unwrap_or(step), why }
        }
        Event::QuestionAnswered { answer, by, why, .. } if !waiting.is_empty() => {
            let (host, step) = *aim.get(&waiting);
            Event::QuestionAnswered { hosts: vec![host], step, answer, by, why }
        }
        Event::BatchStarted { .. } => Event::BatchStarted { batch: started },
        Event::BatchEnded { .. } => Event::BatchEnded { batch: ended },
        Event::HealthChecked { holds, said, .. } => {
            Event::HealthChecked { batch: ended.saturating_sub(1), holds, said }
        }
        other if known.is_empty() => other,
        other => {
            let mut fields = serde_json::to_value(&other).unwrap();
            if let Some(attempt) = fields.get_mut("attempt") {
                *attempt = serde_json::to_value(aim.get(&known)).unwrap();
            }
            serde_json::from_value(fields).unwrap()
        }
    }
}

/// Everything that can be read of a state.
#[derive(Debug, PartialEq)]
struct View {
    status: Option<RunStatus>,
    batches: (u32, u32),
    in_flight: u32,
    cells: Vec<Option<Attempt>>,
    inverses: Vec<(Option<Attempt>, Option<String>, Option<u32>)>,
    hosts: Vec<(Option<CancelDegree>, Option<Asked>, HostStanding)>,
    health: Vec<Option<bool>>,
}

fn view(state: &RunState) -> View {
    let places: Vec<_> = (0..HOSTS).flat_map(|host| (0..STEPS).map(move |step| (host, step))).collect();
    let inverse = |(host, step): (u32, u32)| {
        let left = state.inverse_left(host, step).map(str::to_owned);
        (state.inverse(host, step).cloned(), left, state.next_to_undo(host))
    };
    let host = |host| (state.cancelled(host), state.question(host).cloned(), state.standing(host));
    View {
        status: state.status(),
        batches: state.batches(),
        in_flight: state.in_flight(),
        cells: places.iter().map(|(host, step)| state.attempt(*host, *step).cloned()).collect(),
        inverses: places.iter().map(|place| inverse(*place)).collect(),
        hosts: (0..HOSTS).map(host).collect(),
        health: (0..2).map(|batch| state.health_after(batch)).collect(),
    }
}

fn in_flight(state: &RunState, host: u32) -> usize {
    let known = (0..STEPS).flat_map(|step| [state.attempt(host, step), state.inverse(host, step)]);
    known.flatten().filter(|attempt| attempt.state.is_in_flight()).count()
}

/// What may be sent, by what was true before, with other eyes than those of `RunState`.
fn check_sent(before: &View, host: u32, step: u32, inverse: bool) -> Result<(), TestCaseError> {
    let at_the_end = step == 2 || inverse;
    let open = match before.status {
        Some(RunStatus::Running) => true,
        Some(RunStatus::Cancelling | RunStatus::Interrupted) => at_the_end,
        _ => false,
    };
    let (cancelled, question, _) = &before.hosts[host as usize];
    prop_assert!(open && (cancelled.is_none() || at_the_end && *cancelled < Some(CancelDegree::Kill)));
    prop_assert!(question.is_none(), "sent to a host that waits for a person");
    let row = &before.inverses[(host * STEPS) as usize..((host + 1) * STEPS) as usize];
    let last = &before.cells[(host * STEPS + step) as usize];
    if inverse {
        let last = last.as_ref().unwrap();
        prop_assert_eq!(last.trace(), Trace::Ended);
        let settled =
            |it: &DeadManSwitch| matches!(it, DeadManSwitch::Disarmed | DeadManSwitch::Failed { over: true, .. });
        prop_assert!(step < 2 && last.dead_man.as_deref().is_none_or(settled));
        let lower = row.iter().take(step as usize + 1);
        prop_assert!(lower.into_iter().all(|(sent, left, _)| sent.is_none() && left.is_none()), "not in reverse");
    } else if let Some(last) = last {
        prop_assert!(step == 0 || last.attempts <= 2, "sent again after {:?}", last);
        prop_assert!(last.may_be_made_again(), "sent again after {:?}", last);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_accepted_is_possible_and_what_is_refused_changes_nothing(
        undo in any::<bool>(),
        undone in any::<bool>(),
        events in prop::collection::vec((event(), prop::option::weighted(0.8, any::<Index>())), 0..250),
    ) {
        let mut state = RunState::new(&plan(undo));
        // Most sequences would otherwise stop at the door.
        let opening = [Event::RunOpened { plan: Digest::ZERO, by: String::new() }, Event::BatchStarted { batch: 0 }];
        let mut accepted = Vec::new();
        let mut place = HashMap::new();
        let mut opening = Vec::from(opening);
        if undone {
            // Some are to get as far as an undo.
            let attempt = AttemptId::from_uuid(Uuid::from_u128(7));
            let (captured, output) = (BTreeMap::new(), OutputTally::default());
            opening.push(sent(attempt, 0, 1, false));
            opening.push(Event::AttemptFinished { attempt, exit: Exit::Code(1), captured, output });
            opening.push(Event::UndoStarted { host: 0 });
        }
        let opening = opening.into_iter().map(|event| (event, None));
        for (event, aim) in opening.chain(events) {
            let event = aim.map_or(event.clone(), |aim| aimed(event, aim, &state, &place));
            let before = view(&state);
            if state.apply(&event).is_err() {
                prop_assert_eq!(before, view(&state), "refused, and changed something: {:?}", event);
                continue;
            }
            if let Some(RunStatus::Ended { .. }) = before.status {
                prop_assert_eq!(before.status, state.status());
                let about = state.place_of(&event);
                prop_assert!(about.is_some() && state.in_flight() == 0, "accepted after the end: {:?}", event);
            }
            if let Event::AttemptSent { attempt, host, step, inverse } = event {
                check_sent(&before, host, step, inverse)?;
                prop_assert_eq!(place.insert(attempt, (host, step)), None, "an id was used twice");
            }
            let each: Vec<usize> = (0..HOSTS).map(|host| in_flight(&state, host)).collect();
            prop_assert!(each.iter().all(|count| *count <= 1), "two at one time on a host after {:?}", event);
            prop_assert_eq!(each.iter().sum::<usize>(), state.in_flight() as usize);
            prop_assert_eq!(state.attempts_in_flight().count(), state.in_flight() as usize);
            for (attempt, (host, step)) in &place {
                prop_assert_eq!(state.place(*attempt), Some((*host, *step)));
            }
            for (index, cell) in view(&state).cells.iter().enumerate() {
                let Some(cell) = cell else { continue };
                if let AttemptState::Verified { exit } = &cell.state {
                    let answer = index as u32 % STEPS == 1 && matches!(exit, Exit::Code(_));
                    prop_assert!(exit.is_success() || answer, "verified, though the action failed");
                }
                let back = matches!(cell.state, AttemptState::Undone | AttemptState::Stuck { .. });
                prop_assert!(undo || !back, "taken back without an undo");
                prop_assert!((cell.attempts == 0) == cell.id.is_none());
                prop_assert!(cell.note.is_none() || cell.state.is_in_flight());
            }
            if matches!(event, Event::RunEnded { .. } | Event::BatchEnded { .. }) {
                prop_assert!(state.in_flight() == 0 && state.questions().next().is_none());
            }
            accepted.push(event);
        }
        let ends = accepted.iter().filter(|event| matches!(event, Event::RunEnded { .. })).count();
        prop_assert!(ends <= 1);
        // Read back from the journal, it is the same.
        let again = accepted.iter().try_fold(RunState::new(&plan(undo)), RunState::next).unwrap();
        prop_assert_eq!(view(&again), view(&state));
    }
}
