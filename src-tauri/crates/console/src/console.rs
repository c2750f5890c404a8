//! The console: everything that one process has open, and its life from start to end.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use daytwo_engine::ports::{Cancel, Fence};
use daytwo_engine::{Handle, Notice};
use daytwo_fleet::prober::ProberHandle;
use daytwo_fleet::sources::Fleet;
use daytwo_model::{HostName, RunId, SealedPlan};
use daytwo_ssh::KeyStatus;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::catalogue::Catalogue;
use crate::clock::SystemClock;
use crate::compose::Parts;
use crate::inventory::Inventory;
use crate::profile::{Profile, ProfileKind};
use crate::shelf::Shelf;
use crate::watch_files::FilesChanged;
use crate::wire::UiError;
use crate::wire::push::Stale;
use crate::wire::settings::Settings;

/// How many "something is stale" messages a slow window may be behind before it is told "everything".
const STALE_MAX: usize = 64;
/// How long closing waits for what is going on. Runs are not waited for: their hosts go on with what they
/// keep, as they would after a crash, and the next console takes the runs up.
const CLOSE_WAIT: Duration = Duration::from_secs(20);

/// What a console is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A window: hosts are looked at all the time, files are watched.
    Window,
    /// One command: hosts are asked when the command wants it.
    Command,
}

/// A run that this process drives.
#[derive(Clone)]
pub(crate) struct ActiveRun {
    pub(crate) handle: Handle,
    pub(crate) plan: Arc<SealedPlan>,
    /// Cancelled when nobody drives it any more.
    pub(crate) done: CancellationToken,
}

impl ActiveRun {
    pub(crate) fn new(handle: Handle, plan: SealedPlan) -> Self {
        Self { handle, plan: Arc::new(plan), done: CancellationToken::new() }
    }
}

/// Everything that one process has open.
pub struct Console {
    pub(crate) profile: Profile,
    pub(crate) clock: SystemClock,
    pub(crate) parts: Parts,
    pub(crate) inventory: Inventory,
    pub(crate) catalogue: RwLock<Arc<Catalogue>>,
    pub(crate) settings: RwLock<Settings>,
    pub(crate) shelf: Mutex<Shelf>,
    pub(crate) active: Mutex<HashMap<RunId, ActiveRun>>,
    /// The keys that hosts presented when they were last asked: only these can be accepted.
    pub(crate) surveyed: Mutex<HashMap<HostName, KeyStatus>>,
    pub(crate) prober: ProberHandle,
    /// Runs that this process could not take up, or not drive to their end, with why.
    pub(crate) given_up: Mutex<BTreeMap<RunId, UiError>>,
    /// Rights to write a run's journal that are to be handed back, and could not be: the history took nothing.
    pub(crate) held: Mutex<BTreeMap<RunId, Fence>>,
    /// Runs that this process took up, and how many records each had then.
    pub(crate) taken_up: Mutex<BTreeMap<RunId, u64>>,
    stale: broadcast::Sender<Stale>,
    fleet_index: AtomicU64,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Console {
    /// Opens history, fleet and catalogue. A window takes up runs whose process is gone; a command does that
    /// before it sends anything, with [`Console::recover`].
    pub async fn open(profile: Profile, mode: Mode) -> Result<Arc<Self>, UiError> {
        let mut parts = Parts::compose(&profile).await?;
        let inventory = match parts.demo_hosts.take() {
            Some(hosts) => Inventory::of_hosts("demo", hosts),
            None => Inventory::of_files(&profile),
        };
        let settings = parts.store.setting("settings").await.map_err(|error| UiError::history(&error))?;
        let settings: Settings = settings.unwrap_or_default();
        let (mut prober, handle) = parts.prober(&settings);
        // A selector that asks for facts would find none otherwise.
        prober.load().await;
        let console = Arc::new(Self {
            catalogue: RwLock::new(Arc::new(Catalogue::read(&profile.runbooks_dir()))),
            clock: SystemClock,
            settings: RwLock::new(settings),
            shelf: Mutex::default(),
            active: Mutex::default(),
            surveyed: Mutex::default(),
            stale: broadcast::Sender::new(STALE_MAX),
            fleet_index: AtomicU64::new(0),
            tasks: TaskTracker::new(),
            cancel: CancellationToken::new(),
            prober: handle,
            inventory,
            given_up: Mutex::default(),
            held: Mutex::default(),
            taken_up: Mutex::default(),
            parts,
            profile,
        });
        // A command asks hosts when it wants to know; until then only what was last known is loaded.
        if mode == Mode::Window {
            console.prober.set_hosts(console.inventory.fleet().hosts.clone());
        }
        let cancel = console.cancel.clone();
        console.spawn(async move {
            if let Err(error) = prober.run(cancel).await {
                tracing::error!(%error, "keeping what was observed");
            }
        });
        if mode == Mode::Window {
            let watching = Arc::clone(&console);
            console.spawn(async move { watching.watch_files().await });
            // Taken up before the window is drawn, so that its first screen tells of them; asked meanwhile.
            console.take_up_orphans().await?;
            console.spawn(Arc::clone(&console).take_up_orphans_to_come());
            console.spawn(Arc::clone(&console).deliver_when_live());
        }
        Ok(console)
    }

    /// Ends what is going on, within a bound, and closes the history.
    pub async fn close(&self) {
        self.cancel.cancel();
        self.tasks.close();
        if tokio::time::timeout(CLOSE_WAIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("closing without waiting any longer for {} tasks", self.tasks.len());
        }
        self.parts.close().await;
    }

    /// Whether this is the demo.
    pub(crate) fn is_demo(&self) -> bool {
        self.profile.kind == ProfileKind::Demo
    }

    /// Runs `task` until it ends or the console closes.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let cancel = self.cancel.clone();
        self.tasks.spawn(async move {
            cancel.run_until_cancelled(task).await;
        });
    }

    /// A token that ends with the console.
    pub(crate) fn child_token(&self) -> CancellationToken {
        self.cancel.child_token()
    }

    /// What ends with the console.
    pub(crate) fn closing(&self) -> Cancel {
        Cancel::ending_with(&self.cancel)
    }

    /// Says that something is no longer what was shown.
    pub(crate) fn tell_stale(&self, what: Stale) {
        // An error means that no window listens.
        let _ = self.stale.send(what);
    }

    pub(crate) fn stale(&self) -> broadcast::Receiver<Stale> {
        self.stale.subscribe()
    }

    pub(crate) fn observed(&self) -> broadcast::Receiver<HostName> {
        self.prober.subscribe()
    }

    pub(crate) fn inventory_changes(&self) -> watch::Receiver<Arc<Fleet>> {
        self.inventory.subscribe()
    }

    pub(crate) fn fleet_index(&self) -> u64 {
        self.fleet_index.load(Ordering::Relaxed)
    }

    pub(crate) fn next_fleet_index(&self) -> u64 {
        self.fleet_index.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The engine's news of a run, if this process drives it.
    pub(crate) fn notices(&self, run: RunId) -> Option<broadcast::Receiver<Notice>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).get(&run).map(|run| run.handle.subscribe())
    }

    /// Whether this process drives a run.
    pub(crate) fn is_driven_here(&self, run: RunId) -> bool {
        self.active.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&run)
    }

    pub(crate) fn catalogue_now(&self) -> Arc<Catalogue> {
        Arc::clone(&self.catalogue.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn settings_now(&self) -> Settings {
        self.settings.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn probe_interval(&self) -> Duration {
        Duration::from_secs(u64::from(self.settings_now().probe_interval_s))
    }

    async fn watch_files(&self) {
        let runbooks = self.profile.runbooks_dir();
        for dir in [&self.profile.config_dir, &runbooks] {
            if let Err(error) = std::fs::create_dir_all(dir) {
                tracing::warn!(dir = %dir.display(), %error, "cannot make the configuration directory");
            }
        }
        let folders = self.inventory.folders().chain(std::iter::once(runbooks.as_path()));
        let Some(mut changed) = FilesChanged::in_folders(folders) else { return };
        // Read first: what was saved between the first reading and the watching would be missed.
        loop {
            self.inventory.read();
            self.prober.set_hosts(self.inventory.fleet().hosts.clone());
            let catalogue = Arc::new(Catalogue::read(&runbooks));
            *self.catalogue.write().unwrap_or_else(PoisonError::into_inner) = catalogue;
            self.tell_stale(Stale::Catalogue);
            self.tell_stale(Stale::Settings);
            if !changed.wait().await {
                return;
            }
        }
    }
}
