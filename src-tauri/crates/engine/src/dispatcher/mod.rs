//! Drives one run. One task owns the machine and takes facts one after the other; units of work
//! run beside it and only report.
//!
//! What must not be done here: perform an effect before the events that led to it are on disk, or
//! show anybody an event that is not on disk.

mod deadlines;
mod first;
mod perform;
mod stops;
mod turn;
mod unknown;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use daytwo_model::{AttemptId, Event, IllegalEvent, Record, RunOutcome, SealedPlan};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{Id, JoinSet};
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use self::deadlines::Deadlines;
use self::perform::Working;
use self::stops::Stops;
use self::unknown::Unknown;
use crate::error::RunError;
use crate::handle::{Handle, Published, REQUESTS_MAX, Request};
use crate::machine::{Effect, Machine};
use crate::ports::{Fence, PortError, Ports, SecretMap};
use crate::redact::Mask;
use crate::secrets;
use crate::settings::Settings;
use crate::take_up::TakenUp;
use crate::unit::{Context, Told};
use crate::unsupported::unsupported;

/// Confirmed starts that wait for the dispatcher. When it is behind, starting units wait.
const REPORTS_MAX: usize = 256;
/// Hosts that are asked at one time what became of attempts that an earlier process sent. A host that has
/// answered makes room for the next, so this bounds connections that are being made, not work that is followed.
const ASKED_AT_ONCE_MAX: usize = 64;

/// Prepares a run of `plan`; nothing happens before [`Driver::run`]. Refuses a plan of which a part
/// is [`unsupported`].
pub fn open(plan: SealedPlan, by: String, ports: Ports, settings: Settings) -> Result<(Driver, Handle), RunError> {
    let unsupported = unsupported(plan.plan());
    if !unsupported.is_empty() {
        return Err(RunError::Unsupported(unsupported));
    }
    let published = Published::new(ports.clock.new_run(), plan.plan());
    Ok(driver(Arc::new(plan), ports, settings, published, Begin::Open { by }))
}

/// The two ends of a run.
pub(crate) fn driver(
    plan: Arc<SealedPlan>,
    ports: Ports,
    settings: Settings,
    published: Published,
    begin: Begin,
) -> (Driver, Handle) {
    let published = Arc::new(published);
    let (sender, requests) = mpsc::channel(REQUESTS_MAX);
    let handle = Handle { published: Arc::clone(&published), requests: sender };
    (Driver { plan, ports, settings, published, requests, begin }, handle)
}

/// How a driver comes to its run.
pub(crate) enum Begin {
    /// It opens it.
    Open { by: String },
    /// It takes up what an earlier process left.
    TakeUp(Box<TakenUp>),
}

/// Drives one run to its end. Dropping it, or its future, stops the console's side of everything
/// at once; the journal then says what was in flight, and the hosts go on with what they keep.
pub struct Driver {
    plan: Arc<SealedPlan>,
    ports: Ports,
    settings: Settings,
    published: Arc<Published>,
    requests: mpsc::Receiver<Request>,
    begin: Begin,
}

impl Driver {
    /// Reads the secrets, opens the journal (or takes the run up), and drives it to its end.
    pub async fn run(self) -> Result<RunOutcome, RunError> {
        let span = tracing::info_span!("run", run = %self.published.run(), runbook = %self.plan.plan().runbook.name);
        async {
            match self.begin {
                Begin::Open { ref by } => {
                    let by = by.clone();
                    self.open(&by).await
                }
                Begin::TakeUp(_) => self.take_up().await,
            }
        }
        .instrument(span)
        .await
    }

    async fn open(self, by: &str) -> Result<RunOutcome, RunError> {
        let secrets = secrets::read(self.plan.plan(), &*self.ports.secrets, &self.settings).await?;
        let mask = mask(&secrets)?;
        let mut machine = Machine::new(Arc::clone(&self.plan));
        let clock = Arc::clone(&self.ports.clock);
        let by = mask.text(by);
        let settled = machine
            .next(Event::RunOpened { plan: self.plan.digest(), by: by.clone() }, &mut || clock.new_attempt())
            .map_err(RunError::Illegal)?;
        let mut events = settled.events.into_iter();
        let opening = events.next().ok_or(RunError::Illegal(IllegalEvent::Opening))?;
        let first = Record::seal(self.published.run(), None, clock.now(), opening).map_err(RunError::Seal)?;
        let open = self.ports.journal.open(&self.plan, &first);
        let fence = within(self.settings.journal_wait, open).await.map_err(RunError::Open)?;
        self.published.publish(vec![first.clone()]).map_err(RunError::Illegal)?;
        tracing::info!(plan = %self.plan.digest().short(), hosts = self.plan.plan().hosts.len(), "opened");

        let mut dispatcher = self.dispatcher(machine, (secrets, true), mask, by, fence, first);
        dispatcher.effects = settled.effects;
        for event in events {
            dispatcher.add(event)?;
        }
        dispatcher.drive().await
    }

    async fn take_up(mut self) -> Result<RunOutcome, RunError> {
        let begin = std::mem::replace(&mut self.begin, Begin::Open { by: String::new() });
        let Begin::TakeUp(taken) = begin else { return Err(RunError::OtherRun) };
        let (secrets, all) = secrets::read_what_is_there(self.plan.plan(), &*self.ports.secrets, &self.settings).await;
        let mask = mask(&secrets)?;
        let TakenUp { state, last, fence, by, opened_by, earlier } = *taken;
        let (found_by, clock) = (mask.text(&by), Arc::clone(&self.ports.clock));
        let plan = Arc::clone(&self.plan);
        let asking = Machine::before_it_is_taken_up(Arc::clone(&plan), state);
        let mut dispatcher = self.dispatcher(asking, (secrets, all), mask, opened_by, fence, last);
        dispatcher.earlier = earlier;
        dispatcher.ask_first().await?;
        let state = dispatcher.machine.state().clone();
        let begun = Machine::take_up(plan, state, found_by, &mut || clock.new_attempt());
        let (machine, settled) = begun.map_err(RunError::Illegal)?;
        dispatcher.machine = machine;
        dispatcher.add_all(settled)?;
        dispatcher.drive().await
    }

    fn dispatcher(
        self,
        machine: Machine,
        (secrets, masks_all): (SecretMap, bool),
        mask: Arc<Mask>,
        by: String,
        fence: Fence,
        last: Record,
    ) -> Dispatcher {
        let (sender, reports) = mpsc::channel(REPORTS_MAX);
        let context = Context {
            plan: self.plan,
            ports: self.ports,
            settings: self.settings,
            secrets,
            mask,
            masks_all,
            by,
            asking: Arc::new(Semaphore::new(ASKED_AT_ONCE_MAX)),
            published: self.published,
            reports: sender,
        };
        Dispatcher {
            context: Arc::new(context),
            machine,
            fence,
            last,
            pending: Vec::new(),
            effects: Vec::new(),
            units: JoinSet::new(),
            doing: HashMap::new(),
            reports,
            requests: self.requests,
            stops: Stops::new(),
            deadlines: Deadlines::default(),
            unknown: Unknown::default(),
            earlier: HashMap::new(),
            armed: HashMap::new(),
        }
    }
}

/// Owns a run while it is driven. How it takes facts is in `turn.rs`, what follows from them in `perform.rs`.
struct Dispatcher {
    context: Arc<Context>,
    machine: Machine,
    fence: Fence,
    /// The last record that the journal was given.
    last: Record,
    /// Records for the next write of the journal.
    pending: Vec<Record>,
    /// What follows from them, once they are on disk.
    effects: Vec<Effect>,
    units: JoinSet<Told>,
    doing: HashMap<Id, Working>,
    reports: mpsc::Receiver<Event>,
    requests: mpsc::Receiver<Request>,
    stops: Stops,
    deadlines: Deadlines,
    unknown: Unknown,
    /// What the journal knows of attempts that were sent and are not over.
    earlier: HashMap<AttemptId, crate::take_up::Sent>,
    /// When attempts were sent that arm a dead-man switch.
    armed: HashMap<AttemptId, Instant>,
}

fn mask(secrets: &SecretMap) -> Result<Arc<Mask>, RunError> {
    Ok(Arc::new(Mask::new(secrets.values()).map_err(|error| RunError::Mask(error.to_string()))?))
}

async fn within<T>(wait: Duration, port: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
    match timeout(wait, port).await {
        Ok(result) => result,
        Err(_) => Err(PortError(format!("no answer within {} s", wait.as_secs()))),
    }
}
