//! Notices that a job has written nothing for a while, and asks its host what is known of it.
//!
//! It only tells: a script that is busy without a word and one that waits for a password look the same
//! from here, so nothing is ever ended for its silence.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use daytwo_model::event::Note;
use daytwo_model::{Host, ProcessIdentity};
use tokio::time::{Instant, sleep_until, timeout};

use crate::pace::later;
use crate::ports::{Kept, Shell};

/// From one note of a silence to the next at most; before, the time between them doubles. A night of
/// silence is some forty records then.
const SILENCE_AGAIN_MAX: Duration = Duration::from_secs(15 * 60);
/// One look at a host's processes: it is a read.
const LOOK_WAIT: Duration = Duration::from_secs(20);

type Looking<'a> = Pin<Box<dyn Future<Output = String> + Send + 'a>>;

/// Watches one job.
pub(crate) struct Silence<'a> {
    shell: &'a dyn Shell,
    host: &'a Host,
    /// None where the host keeps nothing of the job, so that there is nothing to look for.
    kept: Option<Kept>,
    since: Instant,
    /// The length of silence that is noted next.
    first: Duration,
    due: Duration,
    told: bool,
    looking: Option<Looking<'a>>,
}

impl<'a> Silence<'a> {
    pub(crate) fn new(shell: &'a dyn Shell, host: &'a Host, kept: Option<Kept>, first: Duration) -> Self {
        Self { shell, host, kept, since: Instant::now(), first, due: first, told: false, looking: None }
    }

    pub(crate) fn started(&mut self, process: &ProcessIdentity) {
        if let Some(kept) = &mut self.kept {
            kept.process = Some(process.clone());
        }
    }

    /// It wrote something; whether that ends a silence that was told.
    pub(crate) fn is_broken(&mut self) -> bool {
        self.since = Instant::now();
        self.due = self.first;
        self.looking = None;
        std::mem::take(&mut self.told)
    }

    /// The next note of a silence. May be dropped and asked again.
    pub(crate) async fn next(&mut self) -> Note {
        loop {
            if let Some(looking) = &mut self.looking {
                let known = looking.await;
                self.looking = None;
                let silent = self.since.elapsed();
                self.due = silent.saturating_add(self.due.min(SILENCE_AGAIN_MAX));
                self.told = true;
                return Note::Silent { ms: u64::try_from(silent.as_millis()).unwrap_or(u64::MAX), known };
            }
            sleep_until(later(self.since, self.due)).await;
            self.looking = Some(self.look());
        }
    }

    fn look(&self) -> Looking<'a> {
        let Some(kept) = self.kept.clone() else {
            return Box::pin(async { "the connection that it is attached to stands".to_owned() });
        };
        let (shell, host) = (self.shell, self.host);
        Box::pin(async move {
            let seen = timeout(LOOK_WAIT, shell.look(host, &kept)).await.ok().flatten();
            seen.unwrap_or_else(|| "the host could not be asked".to_owned())
        })
    }
}
