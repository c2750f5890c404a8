//! A window's subscription: what Rust tells it without being asked, until it is dropped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use daytwo_model::RunId;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::Console;
use crate::follow::{Change, Follow};
use crate::wire::push::{Push, Stale};

/// Changes of hosts are gathered for so long before they are told: one repaint, not one per host.
const FLEET_PACE: Duration = Duration::from_millis(250);
/// Ages and staleness change without an event; the rows are computed anew so often.
const FLEET_REFRESH: Duration = Duration::from_secs(10);
/// How often the strip's rows are told while this process drives a run.
const ACTIVE_PACE: Duration = Duration::from_secs(1);
/// How often it is looked whether another process has begun or ended a run: a command beside the window.
const ELSEWHERE_PACE: Duration = Duration::from_secs(1);
/// How often the rows of such runs are told: each is read anew from the journal.
const ELSEWHERE_ROWS_PACE: Duration = Duration::from_secs(5);
/// How many runs a window may watch at one time: those on screen, and the strip.
const WATCHED_MAX: usize = 16;

type Sink = Arc<dyn Fn(Push) + Send + Sync>;

/// A subscription. Dropping it ends everything that it started.
pub struct Session {
    console: Arc<Console>,
    sink: Sink,
    cancel: CancellationToken,
    /// The token is cancelled when all was told.
    watched: Mutex<HashMap<RunId, (CancellationToken, DropGuard)>>,
    _end: DropGuard,
}

impl Session {
    /// Subscribes; `sink` is called from several tasks and must not block.
    #[must_use]
    pub fn open(console: Arc<Console>, sink: impl Fn(Push) + Send + Sync + 'static) -> Self {
        let cancel = console.child_token();
        let sink: Sink = Arc::new(sink);
        let session = Self {
            console: Arc::clone(&console),
            sink: Arc::clone(&sink),
            _end: cancel.clone().drop_guard(),
            cancel: cancel.clone(),
            watched: Mutex::new(HashMap::new()),
        };
        console.spawn(until(cancel.clone(), tell_fleet(Arc::clone(&console), Arc::clone(&sink))));
        console.spawn(until(cancel.clone(), tell_stale(Arc::clone(&console), Arc::clone(&sink))));
        console.spawn(until(cancel, tell_elsewhere(Arc::clone(&console), sink)));
        session
    }

    /// Tells what happens in a run, from the record after `index`.
    pub fn watch(&self, run: RunId, index: u64) {
        let mut watched = self.watched.lock().unwrap_or_else(PoisonError::into_inner);
        watched.retain(|_, (told, _)| !told.is_cancelled());
        if watched.len() >= WATCHED_MAX && !watched.contains_key(&run) {
            tracing::warn!(%run, "not watched: a window watches at most {WATCHED_MAX} runs");
            return;
        }
        let cancel = self.cancel.child_token();
        watched.insert(run, (cancel.clone(), cancel.clone().drop_guard()));
        let (console, sink) = (Arc::clone(&self.console), Arc::clone(&self.sink));
        self.console.spawn(async move {
            until(cancel.clone(), tell_run(console, sink, run, index)).await;
            cancel.cancel();
        });
    }

    /// Tells the window something that was learnt elsewhere.
    pub fn tell(&self, push: Push) {
        (self.sink)(push);
    }

    /// Stops telling what happens in a run.
    pub fn unwatch(&self, run: RunId) {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }
}

async fn until(cancel: CancellationToken, work: impl Future<Output = ()>) {
    cancel.run_until_cancelled(work).await;
}

async fn tell_run(console: Arc<Console>, sink: Sink, run: RunId, index: u64) {
    let told = async {
        let mut follow = Follow::new(&console, run, index).await?;
        while let Some(change) = follow.next().await? {
            match change {
                Change::Delta(delta) => sink(Push::Run { delta }),
                Change::Output(attempts) => {
                    attempts.into_iter().for_each(|attempt| sink(Push::OutputGrew { run, attempt }));
                }
            }
        }
        Ok::<(), crate::wire::UiError>(())
    };
    if let Err(error) = told.await {
        tracing::error!(%run, %error, causes = ?error.causes, "following a run");
        sink(Push::Stale { what: Stale::History });
    }
}

async fn tell_fleet(console: Arc<Console>, sink: Sink) {
    let mut observed = console.observed();
    let mut inventory = console.inventory_changes();
    let mut before = console.fleet();
    loop {
        tokio::select! {
            seen = observed.recv() => if matches!(seen, Err(RecvError::Closed)) { return },
            changed = inventory.changed() => {
                if changed.is_err() { return }
                before = console.fleet();
                sink(Push::Stale { what: Stale::Fleet });
                continue;
            }
            () = tokio::time::sleep(FLEET_REFRESH) => {}
        }
        tokio::time::sleep(FLEET_PACE).await;
        while observed.try_recv().is_ok() {}
        let mut now = console.fleet();
        let known: HashMap<_, _> = before.hosts.iter().map(|row| (&row.name, row)).collect();
        let changed: Vec<_> = now.hosts.iter().filter(|row| known.get(&row.name) != Some(row)).cloned().collect();
        if changed.is_empty() {
            continue;
        }
        now.index = console.next_fleet_index();
        sink(Push::Fleet { index: now.index, hosts: changed, summary: now.summary.clone() });
        before = now;
    }
}

async fn tell_stale(console: Arc<Console>, sink: Sink) {
    let mut stale = console.stale();
    loop {
        let told = tokio::select! {
            told = stale.recv() => told,
            () = tokio::time::sleep(ACTIVE_PACE), if !console.drives().is_empty() => {
                tell_active(&console, &sink).await;
                continue;
            }
        };
        match told {
            Ok(what) => {
                sink(Push::Stale { what });
                if what == Stale::History {
                    tell_active(&console, &sink).await;
                }
            }
            // Which ones were missed is not known, so everything is.
            Err(RecvError::Lagged(_)) => {
                for what in [Stale::Fleet, Stale::Catalogue, Stale::History, Stale::Settings] {
                    sink(Push::Stale { what });
                }
                tell_active(&console, &sink).await;
            }
            Err(RecvError::Closed) => return,
        }
    }
}

/// Tells of runs that other processes drive: nothing in this one says when they begin or end.
async fn tell_elsewhere(console: Arc<Console>, sink: Sink) {
    let mut known = console.open_elsewhere().await.unwrap_or_default();
    let mut told_at = Instant::now();
    loop {
        tokio::time::sleep(ELSEWHERE_PACE).await;
        let open = match console.open_elsewhere().await {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(%error, causes = ?error.causes, "looking for runs of other processes");
                continue;
            }
        };
        let changed = open != known;
        known = open;
        if changed {
            sink(Push::Stale { what: Stale::History });
        }
        if changed || (!known.is_empty() && told_at.elapsed() >= ELSEWHERE_ROWS_PACE) {
            told_at = Instant::now();
            tell_active(&console, &sink).await;
        }
    }
}

async fn tell_active(console: &Console, sink: &Sink) {
    match console.runs_active().await {
        Ok(runs) => sink(Push::Active { runs }),
        Err(error) => tracing::error!(%error, "listing active runs"),
    }
}
