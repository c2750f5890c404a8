//! Drives one run. One task owns the machine and takes facts one after the other; units of work
//! run beside it and only report.
//!
//! What must not be done here: perform an effect before the events that led to it are on disk, or
//! show anybody an event that is not on disk.

mod perform;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use daytwo_model::{CancelDegree, Event, IllegalEvent, Record, RunOutcome, RunStatus, SealedPlan};
use tokio::sync::mpsc;
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::Instrument as _;

use self::perform::{Doing, Stops, cause};
use crate::cancel::Cancel;
use crate::error::RunError;
use crate::handle::{Handle, Published, REQUESTS_MAX, Request};
use crate::machine::{Effect, Machine, Settled};
use crate::ports::{Fence, PortError, Ports};
use crate::redact::Mask;
use crate::secrets;
use crate::settings::Settings;
use crate::unit::{Context, Told};
use crate::unsupported::unsupported;

/// Confirmed starts that wait for the dispatcher. When it is behind, starting units wait.
const REPORTS_MAX: usize = 256;
/// Facts taken up between two writes of the journal: more share one write, fewer make it sooner.
const FACTS_AT_ONCE_MAX: usize = 256;
/// Records in one append: keeps a single write short when thousands of steps are skipped at once.
pub(crate) const APPEND_RECORDS_MAX: usize = 1024;

/// Prepares a run of `plan`; nothing happens before [`Driver::run`]. Refuses a plan of which a part
/// is [`unsupported`].
pub fn open(plan: SealedPlan, by: String, ports: Ports, settings: Settings) -> Result<(Driver, Handle), RunError> {
    let unsupported = unsupported(plan.plan());
    if !unsupported.is_empty() {
        return Err(RunError::Unsupported(unsupported));
    }
    let published = Arc::new(Published::new(ports.clock.new_run(), plan.plan()));
    let (sender, requests) = mpsc::channel(REQUESTS_MAX);
    let handle = Handle { published: Arc::clone(&published), requests: sender };
    Ok((Driver { plan: Arc::new(plan), by, ports, settings, published, requests }, handle))
}

/// Drives one run to its end. Dropping it, or its future, stops the console's side of everything
/// at once; the journal then says what was in flight.
pub struct Driver {
    plan: Arc<SealedPlan>,
    by: String,
    ports: Ports,
    settings: Settings,
    published: Arc<Published>,
    requests: mpsc::Receiver<Request>,
}

impl Driver {
    /// Reads the secrets, opens the journal, and performs the plan.
    pub async fn run(self) -> Result<RunOutcome, RunError> {
        let span = tracing::info_span!("run", run = %self.published.run(), runbook = %self.plan.plan().runbook.name);
        self.drive().instrument(span).await
    }

    async fn drive(self) -> Result<RunOutcome, RunError> {
        let secrets = secrets::read(self.plan.plan(), &*self.ports.secrets, &self.settings).await?;
        let mask = Arc::new(Mask::new(secrets.values()).map_err(|error| RunError::Mask(error.to_string()))?);
        let mut machine = Machine::new(Arc::clone(&self.plan));
        let clock = Arc::clone(&self.ports.clock);
        let by = mask.text(&self.by);
        let settled = machine
            .next(Event::RunOpened { plan: self.plan.digest(), by }, &mut || clock.new_attempt())
            .map_err(RunError::Illegal)?;
        let mut events = settled.events.into_iter();
        let opening = events.next().ok_or(RunError::Illegal(IllegalEvent::Opening))?;
        let first = Record::seal(self.published.run(), None, clock.now(), opening).map_err(RunError::Seal)?;
        let open = self.ports.journal.open(&self.plan, &first);
        let fence = within(self.settings.journal_wait, open).await.map_err(RunError::Open)?;
        self.published.publish(vec![first.clone()]).map_err(RunError::Illegal)?;
        tracing::info!(plan = %self.plan.digest().short(), hosts = self.plan.plan().hosts.len(), "opened");

        let (sender, reports) = mpsc::channel(REPORTS_MAX);
        let context = Context {
            plan: self.plan,
            ports: self.ports,
            settings: self.settings,
            secrets,
            mask,
            published: self.published,
            reports: sender,
        };
        let all = Cancel::new();
        let mut dispatcher = Dispatcher {
            context: Arc::new(context),
            machine,
            fence,
            last: first,
            pending: Vec::new(),
            effects: settled.effects,
            units: JoinSet::new(),
            doing: HashMap::new(),
            reports,
            requests: self.requests,
            main: Stops::below(&all),
            ends: Stops::below(&all),
            all,
            hold: None,
        };
        for event in events {
            dispatcher.add(event)?;
        }
        dispatcher.drive().await
    }
}

/// What the dispatcher may be told.
enum Fact {
    Report(Event),
    Joined(Result<(Id, Told), JoinError>),
    Requested(Request),
    HoldOver,
}

struct Dispatcher {
    context: Arc<Context>,
    machine: Machine,
    fence: Fence,
    /// The last record that is on disk.
    last: Record,
    pending: Vec<Record>,
    effects: Vec<Effect>,
    units: JoinSet<Told>,
    doing: HashMap<Id, Doing>,
    reports: mpsc::Receiver<Event>,
    requests: mpsc::Receiver<Request>,
    /// Ends everything in flight, whatever its phase.
    all: Cancel,
    /// Of the main phase, which a cancel ends.
    main: Stops,
    /// Of the phases at a host's end, which a cancel does not end.
    ends: Stops,
    hold: Option<Instant>,
}

impl Dispatcher {
    async fn drive(mut self) -> Result<RunOutcome, RunError> {
        let result = self.drive_to_end().await;
        if let Err(error) = &result {
            tracing::error!(error = error as &dyn std::error::Error, in_flight = self.units.len(), "the run stops");
            self.follow_to_end().await;
        }
        result
    }

    async fn drive_to_end(&mut self) -> Result<RunOutcome, RunError> {
        loop {
            self.commit().await?;
            self.perform();
            if let Some(RunStatus::Ended { outcome }) = self.machine.state().status() {
                tracing::info!(?outcome, "ended");
                return Ok(outcome);
            }
            if self.units.is_empty() && self.hold.is_none() {
                return Err(RunError::Stalled);
            }
            let fact = self.wait().await;
            self.take(fact)?;
            for _ in 1..FACTS_AT_ONCE_MAX {
                let Some(fact) = self.more() else { break };
                self.take(fact)?;
            }
        }
    }

    async fn wait(&mut self) -> Fact {
        let hold = self.hold.unwrap_or_else(Instant::now);
        // Reports are open as long as this exists, so there is always something to wait for.
        tokio::select! {
            Some(report) = self.reports.recv() => Fact::Report(report),
            Some(joined) = self.units.join_next_with_id() => Fact::Joined(joined),
            Some(request) = self.requests.recv() => Fact::Requested(request),
            () = sleep_until(hold), if self.hold.is_some() => Fact::HoldOver,
        }
    }

    /// What has arrived in the meantime, to share one write of the journal.
    fn more(&mut self) -> Option<Fact> {
        if let Ok(report) = self.reports.try_recv() {
            return Some(Fact::Report(report));
        }
        if let Some(joined) = self.units.try_join_next_with_id() {
            return Some(Fact::Joined(joined));
        }
        self.requests.try_recv().ok().map(Fact::Requested)
    }

    fn take(&mut self, fact: Fact) -> Result<(), RunError> {
        match fact {
            Fact::Report(event) => self.settle(event),
            Fact::Joined(joined) => {
                // A unit reports its start before it ends, so the start is already here.
                while let Ok(report) = self.reports.try_recv() {
                    self.settle(report)?;
                }
                self.ended(joined)
            }
            Fact::Requested(Request::Answer { .. }) => Ok(()),
            Fact::Requested(Request::Cancel { by, why, .. }) => {
                if self.machine.state().status() != Some(RunStatus::Running) {
                    return Ok(());
                }
                let (by, why) = (self.context.reason(&by), self.context.reason(&why));
                self.settle(Event::CancelRequested { by, why, degree: CancelDegree::default(), hosts: None })
            }
            Fact::HoldOver => {
                self.hold = None;
                self.machine.holding().map_or(Ok(()), |batch| self.settle(Event::BatchEnded { batch }))
            }
        }
    }

    fn ended(&mut self, joined: Result<(Id, Told), JoinError>) -> Result<(), RunError> {
        let told = match joined {
            Ok((id, told)) => {
                self.doing.remove(&id);
                told
            }
            Err(error) => {
                let doing = self.doing.remove(&error.id());
                let why = self.context.reason(&format!("this console failed while it followed it: {}", cause(error)));
                tracing::error!(why, "a unit of work failed");
                doing.map_or_else(|| Told::Events(Vec::new()), |doing| doing.broken(why))
            }
        };
        match told {
            Told::Events(facts) => facts.into_iter().try_for_each(|fact| self.settle(fact)),
            Told::Due { host, step } => {
                let clock = Arc::clone(&self.context.ports.clock);
                let settled = self.machine.due(host, step, &mut || clock.new_attempt());
                self.add_all(settled.map_err(RunError::Illegal)?)
            }
        }
    }

    /// Takes a fact and everything that follows from it.
    fn settle(&mut self, fact: Event) -> Result<(), RunError> {
        let clock = Arc::clone(&self.context.ports.clock);
        let settled = self.machine.next(fact, &mut || clock.new_attempt());
        self.add_all(settled.map_err(RunError::Illegal)?)
    }

    fn add_all(&mut self, settled: Settled) -> Result<(), RunError> {
        self.effects.extend(settled.effects);
        settled.events.into_iter().try_for_each(|event| self.add(event))
    }

    fn add(&mut self, event: Event) -> Result<(), RunError> {
        let previous = self.pending.last().unwrap_or(&self.last);
        let record = Record::seal(previous.run, Some(previous), self.context.ports.clock.now(), event);
        self.pending.push(record.map_err(RunError::Seal)?);
        Ok(())
    }

    /// Writes what is pending; then, and only then, it may be seen.
    async fn commit(&mut self) -> Result<(), RunError> {
        let context = Arc::clone(&self.context);
        let mut rest = std::mem::take(&mut self.pending);
        while !rest.is_empty() {
            let later = rest.split_off(rest.len().min(APPEND_RECORDS_MAX));
            let append = context.ports.journal.append(self.fence, &rest);
            within(context.settings.journal_wait, append).await.map_err(RunError::Journal)?;
            if let Some(last) = rest.last() {
                self.last = last.clone();
            }
            context.published.publish(rest).map_err(RunError::Illegal)?;
            rest = later;
        }
        Ok(())
    }

    /// After a failure: nothing starts any more, and nothing more is claimed. What is in flight is
    /// given time to end by itself, because to let go of it would end commands half-way.
    async fn follow_to_end(&mut self) {
        self.main.asks.terminate();
        self.ends.asks.terminate();
        let patience = sleep(self.context.settings.follow_wait);
        tokio::pin!(patience);
        loop {
            tokio::select! {
                joined = self.units.join_next() => if joined.is_none() { return },
                Some(_) = self.reports.recv() => {}
                Some(_) = self.requests.recv() => self.all.terminate(),
                () = &mut patience => {
                    tracing::error!(in_flight = self.units.len(), "gave up what was still in flight");
                    return;
                }
            }
        }
    }
}

async fn within<T>(wait: Duration, port: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
    match timeout(wait, port).await {
        Ok(result) => result,
        Err(_) => Err(PortError(format!("no answer within {} s", wait.as_secs()))),
    }
}
