//! The store: opening it, closing it, and the way to its writer.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use daytwo_engine::ports::Fence;
use daytwo_model::RunId;
use sqlx::{Sqlite, SqlitePool, Transaction};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::database::Database;
use crate::error::Error;
use crate::owner::Owner;
use crate::writer::{Counters, Counting, Job, OutputDigest, WRITE_DEADLINE, WRITES_QUEUED_MAX, Write, Writer};

/// How the history is kept.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The database may not grow beyond this; a write that would is refused as if the disk were
    /// full. None: as large as the disk.
    pub database_bytes_max: Option<u64>,
}

/// The history on disk. One per process and folder; any number of tasks may use it at one time.
#[derive(Debug)]
pub struct Store {
    readers: SqlitePool,
    writes: mpsc::Sender<Job>,
    owner: Arc<Owner>,
    counting: Arc<Counting>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Store {
    /// Opens the history in `dir`, makes it where there is none, and brings it up to date.
    ///
    /// A file that is damaged, from a newer version, or not ours is refused and left as it is.
    /// The store's waits are those of the disk, so it does not work on a paused tokio clock.
    pub async fn open(dir: &Path, options: Options) -> Result<Arc<Self>, Error> {
        let database = Database::prepare(dir, options.database_bytes_max).await?;
        let owner = Arc::new(Owner::register(dir)?);
        owner.remove_stale();
        let connection = database.writer().await.map_err(|source| database.failed_to_open(source))?;
        let readers = database.readers().await?;
        let (writes, queue) = mpsc::channel(WRITES_QUEUED_MAX);
        let counting = Arc::new(Counting::default());
        let cancel = CancellationToken::new();
        let tasks = TaskTracker::new();
        let writer = Writer {
            database,
            owner: Arc::clone(&owner),
            queue,
            counting: Arc::clone(&counting),
            connection: Some(connection),
            live: HashMap::new(),
        };
        tasks.spawn(writer.run(cancel.clone()));
        tasks.close();
        Ok(Arc::new(Self { readers, writes, owner, counting, tasks, cancel }))
    }

    /// Writes what is queued, and closes the database. Unfinished runs of this process become
    /// orphans. Whatever is asked afterwards fails.
    pub async fn close(&self) {
        self.cancel.cancel();
        self.tasks.wait().await;
        self.readers.close().await;
        self.owner.retire();
    }

    /// What the writer did since the store was opened: records per commit is events per fsync.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.counting.now()
    }

    /// Gives a run that nobody drives to this process: one that has not ended, or one that has with attempts
    /// whose end is unknown. `None` where there is nothing to find out, or its process is alive. Of many
    /// processes that try at one time, exactly one gets it. One that has ended is handed back when nothing
    /// more is to be written.
    pub async fn take_over(&self, run: RunId) -> Result<Option<Fence>, Error> {
        self.submit(Write::TakeOver(run)).await
    }

    /// Gives a run up that this process can no longer drive. It is an orphan then, and the fence is void.
    pub async fn hand_back(&self, fence: Fence) -> Result<(), Error> {
        self.submit(Write::HandBack(fence)).await.map(drop)
    }

    pub(crate) const fn readers(&self) -> &SqlitePool {
        &self.readers
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// A transaction for several reads that have to fit together; it is dropped, not committed.
    pub(crate) async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        self.readers.begin().await.map_err(Error::read)
    }

    /// Has the writer write this. When it returns well, it is on disk.
    ///
    /// A caller that stops waiting does not take its write back.
    pub(crate) async fn submit(&self, write: Write) -> Result<Option<Fence>, Error> {
        let (reply, answer) = oneshot::channel();
        let written = async {
            self.writes.send(Job { write, reply }).await.map_err(|_| Error::Closed)?;
            answer.await.map_err(|_| Error::Closed)?
        };
        tokio::time::timeout(WRITE_DEADLINE, written).await.map_err(|_| Error::Deadline)?
    }

    /// Keeps computed digests if the writer has room. They can be computed again.
    pub(crate) fn keep_digests(&self, digests: Vec<OutputDigest>) {
        if !digests.is_empty() {
            let (reply, _) = oneshot::channel();
            if let Err(error) = self.writes.try_send(Job { write: Write::OutputDigests(digests), reply }) {
                tracing::debug!(%error, "digests of outputs are not kept this time");
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        // The writer drains its queue and ends; the lock goes when it has.
        self.cancel.cancel();
    }
}
