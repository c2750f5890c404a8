//! A world that answers what it likes, in any order, and may take the run from one process to another.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use daytwo_engine::machine::{Effect, Machine, Settled};
use daytwo_model::plan::{Plan, PlannedStep, WayBack};
use daytwo_model::{
    AttemptId, CancelDegree, CancelReason, Event, Exit, OutputTally, RunState, RunStatus, SealedPlan, SkipReason,
};
use proptest::prelude::*;
use proptest::sample::Index;
use uuid::Uuid;

use crate::traits::answer;

/// One way that the world may answer; `pick` says which of the things in flight answers.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pick: Index,
    kind: u8,
    answer: daytwo_model::Answer,
}

/// What happens to the run from outside, and when.
#[derive(Debug, Clone)]
pub(crate) enum Blow {
    Cancel(CancelDegree, Option<Vec<u32>>),
    /// The process dies; this many events more were not on disk yet.
    Death(usize),
}

pub(crate) fn replies() -> impl Strategy<Value = Vec<Reply>> {
    let reply = (any::<Index>(), 0_u8..24, answer()).prop_map(|(pick, kind, answer)| Reply { pick, kind, answer });
    prop::collection::vec(reply, 1..200)
}

pub(crate) fn blows() -> impl Strategy<Value = BTreeMap<usize, Blow>> {
    use CancelDegree as D;
    let degree = prop::sample::select(vec![D::NoNewStarts, D::Terminate, D::Kill]);
    let hosts = prop::option::of(prop::collection::vec(0_u32..3, 1..3));
    let blow = prop_oneof![
        (degree, hosts).prop_map(|(degree, hosts)| Blow::Cancel(degree, hosts)),
        (0_usize..6).prop_map(Blow::Death),
    ];
    prop_oneof![Just(BTreeMap::new()), prop::collection::btree_map(0_usize..30, blow, 0..4),]
}

/// A run in this world.
pub(crate) struct World<'p> {
    sealed: &'p Arc<SealedPlan>,
    machine: Machine,
    ids: u128,
    pub(crate) events: Vec<Event>,
    open: Vec<Effect>,
}

impl<'p> World<'p> {
    pub(crate) fn open(sealed: &'p Arc<SealedPlan>) -> Self {
        let machine = Machine::new(Arc::clone(sealed));
        let mut world = Self { sealed, machine, ids: 0, events: Vec::new(), open: Vec::new() };
        world.tell(Event::RunOpened { plan: sealed.digest(), by: "ada".into() });
        world
    }

    /// Another process takes up what this one has left, as far as it was on disk.
    pub(crate) fn taken_up(sealed: &'p Arc<SealedPlan>, events: Vec<Event>) -> Self {
        let state = events.iter().try_fold(RunState::new(sealed.plan()), RunState::next).unwrap();
        let sent = events.iter().filter_map(|event| match event {
            Event::AttemptSent { attempt, .. } => attempt.to_string().parse::<Uuid>().ok().map(|id| id.as_u128()),
            _ => None,
        });
        let mut ids = sent.max().unwrap_or(0);
        let mut new_id = || {
            ids += 1;
            AttemptId::from_uuid(Uuid::from_u128(ids))
        };
        let taken = Machine::take_up(Arc::clone(sealed), state, "bob".into(), &mut new_id);
        let (machine, settled) = taken.unwrap_or_else(|error| {
            dump(sealed.plan(), &events);
            panic!("{error}, taking it up");
        });
        let mut world = Self { sealed, machine, ids, events, open: Vec::new() };
        world.take(settled);
        world
    }

    pub(crate) fn state(&self) -> &RunState {
        self.machine.state()
    }

    /// What is asked of the world and not answered.
    pub(crate) fn asked(&self) -> &[Effect] {
        &self.open
    }

    /// The first of these; whoever takes it answers it.
    pub(crate) fn take_first(&mut self) -> Effect {
        self.check_bounds();
        self.open.remove(0)
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state().status(), Some(RunStatus::Ended { .. }))
    }

    /// Tells a fact; what followed from it.
    pub(crate) fn tell(&mut self, fact: Event) -> usize {
        let ids = &mut self.ids;
        let mut new_id = || {
            *ids += 1;
            AttemptId::from_uuid(Uuid::from_u128(*ids))
        };
        let settled = self.machine.next(fact.clone(), &mut new_id).unwrap_or_else(|error| {
            dump(self.sealed.plan(), &self.events);
            panic!("{error}, telling {fact:?}");
        });
        self.take(settled)
    }

    /// Tells that a step is due; what followed from it.
    pub(crate) fn due(&mut self, host: u32, step: u32) -> usize {
        let ids = &mut self.ids;
        let mut new_id = || {
            *ids += 1;
            AttemptId::from_uuid(Uuid::from_u128(*ids))
        };
        let settled = self.machine.due(host, step, &mut new_id).unwrap();
        self.take(settled)
    }

    fn take(&mut self, settled: Settled) -> usize {
        let followed = settled.events.len() + settled.effects.len();
        for event in &settled.events {
            if let Event::QuestionWithdrawn { host, .. } = event {
                let asks = |effect: &Effect| matches!(effect, Effect::AskPerson { host: of, .. } if of == host);
                self.open.retain(|effect| !asks(effect));
            }
        }
        self.events.extend(settled.events);
        self.open.extend(settled.effects);
        if self.open.iter().any(|effect| matches!(effect, Effect::Cancel { .. })) {
            self.open.retain(|effect| !matches!(effect, Effect::Cancel { .. }));
        }
        self.drop_what_is_late();
        followed
    }

    /// Pauses, holds and questions that a cancel or an answer has ended: that they tell so changes nothing any more.
    fn drop_what_is_late(&mut self) {
        let (mut still, mut late) = (Vec::new(), Vec::new());
        for effect in std::mem::take(&mut self.open) {
            let state = self.machine.state();
            let is_late = match &effect {
                Effect::AskPerson { host, step, .. } => state.question(*host).is_none_or(|asked| asked.step != *step),
                Effect::Pause { host, step, .. } => !state.retry_is_due(*host, *step),
                Effect::Hold { .. } => self.machine.holding().is_none(),
                _ => false,
            };
            if is_late { late.push(effect) } else { still.push(effect) }
        }
        self.open = still;
        for effect in late {
            let followed = match effect {
                Effect::Pause { host, step, .. } => self.due(host, step),
                Effect::AskPerson { host, step, otherwise, .. } => {
                    let (why, by) = (String::new(), None);
                    self.tell(Event::QuestionAnswered { hosts: vec![host], step, answer: otherwise, by, why })
                }
                _ => 0,
            };
            assert_eq!(followed, 0, "something followed from a fact that came too late");
        }
    }

    fn check_bounds(&self) {
        if self.is_over() {
            // Asked about what became of earlier attempts, which nothing more is sent beside.
            return;
        }
        let plan = self.sealed.plan();
        let placed: Vec<u32> = self.open.iter().filter_map(|effect| effect.place()).map(|(host, _)| host).collect();
        let hosts: BTreeSet<u32> = placed.iter().copied().collect();
        assert_eq!(hosts.len(), placed.len(), "two things at one time on a host: {:?}", self.open);
        assert!(hosts.len() <= plan.limits.hosts_at_once_max as usize, "too many hosts work: {:?}", self.open);
        if let (Some(max), Some(gateways)) = (plan.limits.hosts_at_once_per_gateway_max, &plan.gateways) {
            for (gateway, behind) in gateways.groups() {
                let working = behind.iter().filter(|host| hosts.contains(host)).count();
                assert!(working <= max as usize, "too many hosts work behind {gateway}");
            }
        }
    }

    /// One of the things that are asked is answered.
    pub(crate) fn answer_one(&mut self, reply: &Reply) {
        self.check_bounds();
        if self.open.is_empty() {
            dump(self.sealed.plan(), &self.events);
            panic!("nothing is left to wait for");
        }
        let effect = self.open.swap_remove(reply.pick.index(self.open.len()));
        self.answer(&effect, reply);
    }

    fn answer(&mut self, effect: &Effect, reply: &Reply) {
        let (kind, why) = (reply.kind, String::from("because"));
        let plan = self.sealed.plan();
        let facts = match effect {
            Effect::Start { attempt, step, inverse, .. } | Effect::Reattach { attempt, step, inverse, .. } => {
                let reattached = matches!(effect, Effect::Reattach { .. });
                attempt_ends(plan, self.state(), *attempt, (*step, *inverse), reattached, kind)
            }
            Effect::Verify { attempt, .. } if kind < 4 => vec![Event::AttemptNotVerified { attempt: *attempt, why }],
            Effect::Verify { attempt, .. } => vec![Event::AttemptVerified { attempt: *attempt }],
            Effect::Check { host, step } if kind < 6 => {
                let why = match kind {
                    0 => SkipReason::Undecidable { why },
                    1 => SkipReason::Unreachable { why },
                    _ => SkipReason::NotNeeded,
                };
                vec![Event::StepSkipped { host: *host, step: *step, why }]
            }
            Effect::Check { host, step } | Effect::Pause { host, step, .. } => {
                self.due(*host, *step);
                return;
            }
            Effect::Hold { .. } => vec![Event::BatchEnded { batch: self.machine.holding().unwrap() }],
            Effect::Health { batch } => vec![Event::HealthChecked { batch: *batch, holds: kind > 4, said: why }],
            Effect::AskPerson { host, step, otherwise, .. } => {
                // People grow tired of making the same thing again.
                let patient = self.events.len() < EVENTS_UNTIL_TIRED;
                let chosen =
                    Some(reply.answer).filter(|answer| patient && self.state().may_answer(*host, *step, *answer));
                let by = chosen.map(|_| "ada".to_owned());
                let answer = chosen.unwrap_or(*otherwise);
                vec![Event::QuestionAnswered { hosts: vec![*host], step: *step, answer, by, why }]
            }
            Effect::Disarm { attempt, .. } | Effect::AwaitDeadMan { attempt, .. } => {
                let attempt = *attempt;
                vec![match kind {
                    0 => Event::DeadManUnknown { attempt, why },
                    1 => Event::DeadManFired { attempt, exit: None },
                    2 => Event::DeadManFired { attempt, exit: Some(Exit::Code(1)) },
                    3 | 4 => Event::DeadManFailed { attempt, why, over: kind == 4 },
                    _ if matches!(effect, Effect::Disarm { .. }) => Event::DeadManDisarmed { attempt },
                    _ => Event::DeadManFired { attempt, exit: Some(Exit::Code(0)) },
                }]
            }
            Effect::Cancel { .. } => Vec::new(),
        };
        for fact in facts {
            self.tell(fact);
        }
    }

    /// A host that had not been seen any more tells what became of an attempt there.
    fn find_out(&mut self, reply: &Reply) {
        let mut unknown: Vec<AttemptId> = self.state().attempts_unclear().collect();
        unknown.retain(|attempt| self.state().find(*attempt).is_some_and(|known| known.state.word() == "unknown"));
        unknown.sort_unstable();
        if unknown.is_empty() || reply.kind == 0 {
            return;
        }
        let attempt = *reply.pick.get(&unknown);
        let (_, step) = self.state().place(attempt).unwrap();
        let inverse = self.state().is_inverse(attempt);
        let facts = attempt_ends(self.sealed.plan(), self.state(), attempt, (step, inverse), true, reply.kind);
        let sent = |events: &[Event]| events.iter().filter(|it| matches!(it, Event::AttemptSent { .. })).count();
        let (before, question) = (sent(&self.events), self.state().questions().count());
        for fact in facts {
            self.tell(fact);
        }
        assert!(question > 0 || sent(&self.events) == before, "something was sent for what was found out later");
    }

    fn suffer(self, blow: &Blow) -> Self {
        let mut world = self;
        match blow {
            Blow::Cancel(degree, hosts) => {
                let count = u32::try_from(world.sealed.plan().hosts.len()).unwrap();
                let hosts = hosts.as_ref().map(|hosts| hosts.iter().map(|host| host % count).collect());
                world.tell(Event::CancelRequested { by: "ada".into(), why: String::new(), degree: *degree, hosts });
                world
            }
            Blow::Death(lost) => {
                let kept = world.events.len().saturating_sub(*lost).max(1);
                world.events.truncate(kept);
                Self::taken_up(world.sealed, world.events)
            }
        }
    }
}

fn attempt_ends(
    plan: &Plan,
    state: &RunState,
    attempt: AttemptId,
    (step, inverse): (u32, bool),
    reattached: bool,
    kind: u8,
) -> Vec<Event> {
    let (why, output) = (String::from("because"), OutputTally::default());
    let confirmed = state.find(attempt).is_some_and(|known| known.state.word() == "running");
    vec![match kind {
        0 => Event::AttemptUnknown { attempt, why, output },
        1 if !reattached => Event::AttemptUnreachable { attempt, why },
        2 if !reattached => Event::AttemptRefused { attempt, why },
        1 | 5 if !confirmed => Event::AttemptNotStarted { attempt, why },
        3 => Event::AttemptLost { attempt, why, output },
        4 => Event::AttemptCancelled { attempt, reason: CancelReason::Deadline, output },
        6 => Event::AttemptCancelled { attempt, reason: CancelReason::Operator, output },
        other => {
            let code = i32::from(other < 10);
            let captures = if inverse { &[][..] } else { &plan.steps[step as usize].captures };
            let captured = captures.iter().map(|capture| (capture.name.clone(), code.into())).collect();
            Event::AttemptFinished { attempt, exit: Exit::Code(code), captured, output }
        }
    }]
}

/// After so many events nobody answers questions any more.
const EVENTS_UNTIL_TIRED: usize = 400;
/// Far more turns than any plan here needs.
const TURNS_MAX: usize = 5_000;

/// Plays a run to its end, whatever happens to it.
pub(crate) fn play<'p>(sealed: &'p Arc<SealedPlan>, replies: &[Reply], blows: &BTreeMap<usize, Blow>) -> World<'p> {
    play_with(sealed, replies, blows, false)
}

/// The same; with `finding_out`, ends that were not seen are found out now and then while it goes on.
pub(crate) fn play_with<'p>(
    sealed: &'p Arc<SealedPlan>,
    replies: &[Reply],
    blows: &BTreeMap<usize, Blow>,
    finding_out: bool,
) -> World<'p> {
    let mut world = World::open(sealed);
    let mut replies = replies.iter().cycle();
    for turn in 0..TURNS_MAX {
        if let Some(blow) = blows.get(&turn).filter(|_| !world.is_over()) {
            world = world.suffer(blow);
        }
        if world.is_over() {
            assert!(world.open.is_empty(), "left open at the end: {:?}", world.open);
            return world;
        }
        let reply = replies.next().unwrap();
        if finding_out && reply.kind.is_multiple_of(3) {
            world.find_out(reply);
        }
        if !world.is_over() {
            world.answer_one(replies.next().unwrap());
        }
    }
    dump(sealed.plan(), &world.events);
    panic!("the run does not end");
}

/// What a person needs to see of a run that went wrong.
pub(crate) fn dump(plan: &Plan, events: &[Event]) {
    println!("batches {:?}, limits {:?}", plan.batches, plan.limits);
    for (number, step) in plan.steps.iter().enumerate() {
        let PlannedStep { phase, effect, on, needs, retry, on_failure, way_back, dead_man_ms, .. } = step;
        let (asked, verified, back) = (step.check.is_some(), step.verify.is_some(), way_back != &WayBack::None);
        let tries = retry.as_ref().map_or(1, |retry| retry.attempts_max);
        println!(
            "step {number}: {phase:?} {effect:?} {on:?} needs {needs:?} tries {tries} check {asked} verify {verified} \
             when {} inverse {back} dead man {dead_man_ms:?} {on_failure:?} captures {}",
            step.condition.is_some(),
            step.captures.len(),
        );
    }
    for event in events {
        let text = format!("{event:?}");
        println!(
            "  {}",
            text.replace("00000000-0000-0000-0000-", "")
                .replace("output: OutputTally { stdout_bytes: 0, stderr_bytes: 0, dropped_bytes: 0 }", "")
        );
    }
}
