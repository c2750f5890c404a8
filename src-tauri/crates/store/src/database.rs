//! The database file: finding out what it is before touching it, and opening connections to it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection, SqliteConnection, SqlitePool};

use crate::error::{Error, SQLITE_BUSY, SQLITE_CORRUPT, SQLITE_NOTADB, primary_code};
use crate::owner::{create_private_file, create_private_folder};

/// The database's file name in its folder.
pub const DATABASE_FILE: &str = "history.db";

/// How long a connection waits for another process's write lock. A group commit takes
/// milliseconds; a process that holds the lock for seconds is on a disk in trouble.
pub(crate) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How often opening is tried again while another process opens the same new file: changing the
/// journal mode does not wait for locks as everything else does.
const OPEN_TRIES_MAX: usize = 50;

/// Pause between these tries.
const OPEN_PAUSE: Duration = Duration::from_millis(100);

/// Connections that read. Readers do not block each other or the writer; more than a few only
/// compete for the disk.
const READERS_MAX: u32 = 4;

/// How long a reader waits for a free connection.
const READER_DEADLINE: Duration = Duration::from_secs(30);

/// The write-ahead log is cut back to this after a checkpoint, so that one big run does not leave
/// a big file behind for ever.
const WAL_BYTES_KEPT: &str = "67108864";

/// Pages in the write-ahead log from which on it is moved into the database (16 MiB), which is one more
/// fsync and writes pages again that every group of a big run touches: not at each of its commits.
const WAL_PAGES_MOVED_AT: &str = "4096";

/// What the writer keeps of the database in memory, as SQLite wants it said: a negative number is KiB. The
/// index pages that every group of a big run touches fit; SQLite's own 2 MiB send them to the file and back.
const WRITER_CACHE_KIB: &str = "-16384";

/// The bytes `D2HI` in the file's header; the first migration writes it.
const APPLICATION_ID: i64 = 0x4432_4849;

static MIGRATOR: Migrator = sqlx::migrate!();

/// A database file that is known to be ours and up to date.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    path: PathBuf,
    pages_max: Option<u32>,
}

impl Database {
    /// Makes the file, or checks the one that is there, and brings its schema up to date.
    ///
    /// A file that is not ours, is damaged or is from a newer version is refused before any
    /// connection that could write has been made.
    pub(crate) async fn prepare(dir: &Path, bytes_max: Option<u64>) -> Result<Self, Error> {
        create_private_folder(dir).map_err(|source| Error::Prepare { path: dir.to_owned(), source })?;
        let path = dir.join(DATABASE_FILE);
        // SQLite would make it readable for everybody; its companions (-wal, -shm) take its rights.
        match create_private_file(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(Error::Prepare { path, source }),
        }
        let mut this = Self { path, pages_max: None };
        let mut tries = 0;
        loop {
            match this.inspect_and_migrate().await {
                Err(error) if tries < OPEN_TRIES_MAX && is_busy(&error) => tries += 1,
                Err(error) => return Err(error),
                Ok(page_bytes) => {
                    this.pages_max = bytes_max.map(|bytes| u32::try_from(bytes / page_bytes).unwrap_or(u32::MAX));
                    return Ok(this);
                }
            }
            tokio::time::sleep(OPEN_PAUSE).await;
        }
    }

    /// Returns the size of a page, in bytes.
    async fn inspect_and_migrate(&self) -> Result<u64, Error> {
        self.inspect().await?;
        let mut connection = self.connect(self.writable()).await?;
        // One transaction around all migrations: none is half applied, and a second process that
        // opens the same new file waits here and then finds nothing left to do.
        let mut transaction =
            connection.begin_with("BEGIN IMMEDIATE").await.map_err(|source| self.failed_to_open(source))?;
        MIGRATOR.run_direct(None, &mut *transaction, false).await.map_err(|source| self.failed_to_migrate(source))?;
        transaction.commit().await.map_err(|source| self.failed_to_open(source))?;
        let page_bytes: i64 = sqlx::query_scalar("PRAGMA page_size")
            .fetch_one(&mut connection)
            .await
            .map_err(|source| self.failed_to_open(source))?;
        connection.close().await.map_err(|source| self.failed_to_open(source))?;
        Ok(u64::try_from(page_bytes).unwrap_or(1).max(1))
    }

    /// Looks at the file through a connection that cannot write, not even a checkpoint.
    async fn inspect(&self) -> Result<(), Error> {
        let length =
            std::fs::metadata(&self.path).map_err(|source| Error::Prepare { path: self.path.clone(), source })?.len();
        if length == 0 {
            return Ok(());
        }
        let failed = |source| self.failed_to_open(source);
        let mut connection = self.connect(self.options().read_only(true)).await?;
        let tables: Vec<String> = sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .fetch_all(&mut connection)
            .await
            .map_err(failed)?;
        if tables.is_empty() {
            // Another process is about to make it.
            return Ok(());
        }
        let application: i64 =
            sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut connection).await.map_err(failed)?;
        if application != APPLICATION_ID || !tables.iter().any(|name| name == "_sqlx_migrations") {
            return Err(Error::Foreign { path: self.path.clone() });
        }
        let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&mut connection)
            .await
            .map_err(failed)?;
        let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
        if let Some(found) = found.filter(|found| *found > known) {
            return Err(Error::Newer { path: self.path.clone(), found, known });
        }
        Ok(())
    }

    /// The one connection that writes.
    pub(crate) async fn writer(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut options = self.writable().pragma("cache_size", WRITER_CACHE_KIB).pragma("temp_store", "memory");
        if let Some(pages) = self.pages_max {
            options = options.pragma("max_page_count", pages.to_string());
        }
        options.connect().await
    }

    /// The connections that read.
    pub(crate) async fn readers(&self) -> Result<SqlitePool, Error> {
        // Not opened as read-only: whoever comes first after a crash has to recover the log.
        let options = self.writable().pragma("query_only", "on");
        SqlitePoolOptions::new()
            .max_connections(READERS_MAX)
            .acquire_timeout(READER_DEADLINE)
            .connect_with(options)
            .await
            .map_err(|source| self.failed_to_open(source))
    }

    fn options(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .create_if_missing(false)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true)
            .disable_statement_logging()
    }

    fn writable(&self) -> SqliteConnectOptions {
        self.options()
            .journal_mode(SqliteJournalMode::Wal)
            // The journal entry must be on disk before anything is sent to a host. NORMAL would only
            // write the log, and a power cut could then forget what a host has already done.
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", WAL_BYTES_KEPT)
            .pragma("wal_autocheckpoint", WAL_PAGES_MOVED_AT)
    }

    async fn connect(&self, options: SqliteConnectOptions) -> Result<SqliteConnection, Error> {
        options.connect().await.map_err(|source| self.failed_to_open(source))
    }

    /// What a failure to open means.
    pub(crate) fn failed_to_open(&self, source: sqlx::Error) -> Error {
        match primary_code(&source) {
            Some(SQLITE_CORRUPT | SQLITE_NOTADB) => {
                let what = source.as_database_error().map_or_else(String::new, |error| error.message().to_owned());
                Error::Damaged { path: self.path.clone(), what }
            }
            _ => Error::Open { path: self.path.clone(), source: Arc::new(source) },
        }
    }

    fn failed_to_migrate(&self, source: MigrateError) -> Error {
        match source {
            MigrateError::Execute(source) => self.failed_to_open(source),
            source => Error::Migrate { path: self.path.clone(), source: Box::new(source) },
        }
    }
}

fn is_busy(error: &Error) -> bool {
    matches!(error, Error::Open { source, .. } if primary_code(source) == Some(SQLITE_BUSY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_commit_of_the_writer_is_an_fsync_and_a_reader_cannot_write() {
        let dir = tempfile::tempdir().unwrap();
        let database = Database::prepare(dir.path(), None).await.unwrap();
        let mut writer = database.writer().await.unwrap();
        let journal: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut writer).await.unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut writer).await.unwrap();
        let foreign: i64 = sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut writer).await.unwrap();
        assert_eq!((journal.as_str(), synchronous, foreign), ("wal", 2, 1));

        let readers = database.readers().await.unwrap();
        assert!(sqlx::query("DELETE FROM settings").execute(&readers).await.is_err());
    }
}
