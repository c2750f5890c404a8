//! The ports of engine and fleet over pooled SSH connections.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use daytwo_engine::ports::{Cancel, DeadManEnd, Kept, Shell, ShellEnd, ShellEvent, ShellJob};
use daytwo_fleet::ports::{NoAnswer, Reach};
use daytwo_model::plan::RunAs;
use daytwo_model::{Exit, Host};
use russh::Channel;
use russh::client::Msg;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tracing::Instrument as _;

use crate::ask::{AskError, ask};
use crate::error::{ConnectError, seconds};
use crate::host::{self, TOUCHES_MAX, Touched};
use crate::job::{SHELL, Site, shell_as};
use crate::known_keys::KnownKeys;
use crate::options::{Pinned, SshOptions};
use crate::pool::Pool;
use crate::target::{Resolver, Target};

/// How long a question about an attempt may take: its switch, its processes.
const QUESTION_DEADLINE: Duration = Duration::from_secs(20);

/// SSH to every host of the fleet, over one shared connection each.
pub struct SshTransport {
    pub(crate) options: Arc<SshOptions>,
    pub(crate) resolver: Resolver,
    pub(crate) pool: Arc<Pool>,
    pub(crate) known_keys: Arc<KnownKeys>,
}

impl std::fmt::Debug for SshTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SshTransport").field("options", &self.options).finish_non_exhaustive()
    }
}

impl SshTransport {
    /// A transport with no connection yet; each is made on first use.
    #[must_use]
    pub fn new(options: SshOptions) -> Arc<Self> {
        let options = Arc::new(options);
        let resolver = Resolver::new(Arc::clone(&options));
        let pool = Arc::new(Pool::new(Arc::clone(&options)));
        Arc::new(Self { options, resolver, pool, known_keys: Arc::default() })
    }

    /// Adds an endpoint whose keys are known from elsewhere; replaces an earlier one of the same address.
    pub fn pin(&self, pinned: Pinned) {
        self.pool.pin(pinned);
    }

    /// Forgets how aliases of ssh_config resolve: the file has changed. Open connections stay.
    pub fn forget_aliases(&self) {
        self.resolver.forget();
    }

    /// Ends every connection. Jobs that run on them end as unseen. Nothing can be connected after this.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn run_job(
        &self,
        host: &Host,
        job: &ShellJob,
        events: mpsc::Sender<ShellEvent>,
        cancel: &Cancel,
    ) -> ShellEnd {
        let connecting = async {
            let target = self.resolver.resolve(&host.endpoint).await?;
            let (lease, channel) = self.pool.channel(&target).await?;
            Ok::<_, ConnectError>((target, lease, channel))
        };
        let (target, lease, channel) = match cancel.run_until_cancelled(connecting).await {
            Some(Ok(connected)) => connected,
            Some(Err(error)) => return error.into(),
            None => {
                let why = format!("cancelled while connecting to {}; nothing was started", host.endpoint.describe());
                return ShellEnd::Unreachable { why };
            }
        };
        let site = Site { pool: &self.pool, target, lease, deadlines: &self.options.deadlines };
        match &job.keep {
            None => crate::job::run_attached(site, channel, &job.script, &job.run_as, events, cancel).await,
            Some(keep) => crate::job::deliver(&site, channel, job, keep, &events, cancel).await,
        }
    }

    async fn reattach_to(
        &self,
        host: &Host,
        kept: &Kept,
        events: mpsc::Sender<ShellEvent>,
        cancel: &Cancel,
    ) -> ShellEnd {
        let connecting = async {
            let target = self.resolver.resolve(&host.endpoint).await?;
            let (lease, channel) = self.pool.channel(&target).await?;
            Ok::<_, ConnectError>((target, lease, channel))
        };
        // Not given up when it is cancelled: the host has to be asked for that too.
        match connecting.await {
            Ok((target, lease, channel)) => {
                let site = Site { pool: &self.pool, target, lease, deadlines: &self.options.deadlines };
                crate::job::reattach(&site, channel, kept, &events, cancel).await
            }
            Err(error) => ShellEnd::Unseen { why: format!("failed to {error}") },
        }
    }

    /// Who worked on the host, as the folders there tell that can be read as this user.
    pub async fn touched(&self, host: &Host, run_as: &RunAs) -> Result<Touched, NoAnswer> {
        let place = host.endpoint.describe();
        let answer = self.question(host, run_as, &host::touched(TOUCHES_MAX)).await?;
        host::parse_touched(&answer)
            .ok_or_else(|| NoAnswer::Failed(format!("{place} did not answer as a POSIX shell does")))
    }

    /// A short question as a user.
    async fn question(&self, host: &Host, run_as: &RunAs, script: &str) -> Result<String, NoAnswer> {
        self.ask_as(host, &shell_as(run_as), script, QUESTION_DEADLINE).await
    }

    async fn ask_as(&self, host: &Host, command: &str, script: &str, deadline: Duration) -> Result<String, NoAnswer> {
        let place = host.endpoint.describe();
        let until = Instant::now() + deadline;
        let connecting = async {
            let target = self.resolver.resolve(&host.endpoint).await?;
            let (lease, channel) = self.pool.channel(&target).await?;
            Ok::<_, ConnectError>((target, lease, channel))
        };
        let late = |_| NoAnswer::Unreachable(format!("no connection to {place} within {}", seconds(&deadline)));
        let (target, _lease, channel) = timeout_at(until, connecting).await.map_err(late)??;
        let late = |_| NoAnswer::Failed(format!("{place} did not answer within {}", seconds(&deadline)));
        timeout_at(until, self.read_from(&target, channel, command, script)).await.map_err(late)?
    }

    async fn read_from(
        &self,
        target: &Target,
        channel: Channel<Msg>,
        command: &str,
        script: &str,
    ) -> Result<String, NoAnswer> {
        let failed = |why: String| NoAnswer::Failed(format!("reading from {} failed: {why}", target.place()));
        let answer = match ask(channel, command, script).await {
            Ok(answer) => answer,
            Err(AskError::Lost) => {
                return Err(NoAnswer::Unreachable(format!("the connection to {} was lost", target.place())));
            }
            Err(error) => return Err(failed(error.to_string())),
        };
        match answer.exit {
            Some(Exit::Code(0)) => Ok(String::from_utf8_lossy(&answer.stdout).into_owned()),
            Some(exit) => Err(failed(format!("{exit}: {}", answer.complaint.trim()))),
            None => Err(failed("it ended without an exit code".to_owned())),
        }
    }
}

#[async_trait]
impl Shell for SshTransport {
    async fn run(&self, host: &Host, job: ShellJob, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        let span = tracing::info_span!("ssh_job", host = %host.name, run_as = ?job.run_as);
        async {
            let end = self.run_job(host, &job, events, &cancel).await;
            tracing::debug!(end = word(&end), "job ended");
            end
        }
        .instrument(span)
        .await
    }

    async fn reattach(&self, host: &Host, kept: Kept, events: mpsc::Sender<ShellEvent>, cancel: Cancel) -> ShellEnd {
        let span = tracing::info_span!("ssh_reattach", host = %host.name, attempt = %kept.attempt);
        async {
            let end = self.reattach_to(host, &kept, events, &cancel).await;
            tracing::debug!(end = word(&end), "attempt asked about");
            end
        }
        .instrument(span)
        .await
    }

    async fn disarm(&self, host: &Host, kept: &Kept) -> DeadManEnd {
        match self.question(host, &kept.run_as, &host::disarm(kept)).await {
            Ok(answer) => host::disarmed(&answer, &host.endpoint.describe()),
            Err(error) => DeadManEnd::Unknown { why: error.to_string() },
        }
    }

    async fn look(&self, host: &Host, kept: &Kept) -> Option<String> {
        let answer = self.question(host, &kept.run_as, &host::look(kept)).await.ok()?;
        host::looked(&answer)
    }
}

#[async_trait]
impl Reach for SshTransport {
    async fn read(&self, host: &Host, script: &str, deadline: Duration) -> Result<String, NoAnswer> {
        let reading = self.ask_as(host, SHELL, script, deadline);
        reading.instrument(tracing::debug_span!("ssh_read", host = %host.name)).await
    }
}

/// The end without its reason: a host's own words may repeat the script, which may hold a secret.
const fn word(end: &ShellEnd) -> &'static str {
    match end {
        ShellEnd::Exited(_) => "exited",
        ShellEnd::Killed => "killed",
        ShellEnd::DeadMan => "ended by its dead-man switch",
        ShellEnd::Unseen { .. } => "unseen",
        ShellEnd::Unaskable { .. } => "unaskable",
        ShellEnd::Lost { .. } => "lost",
        ShellEnd::NotStarted { .. } => "not started",
        ShellEnd::Unreachable { .. } => "unreachable",
        ShellEnd::CannotKeep { .. } => "cannot be kept",
        ShellEnd::Refused { .. } => "refused",
    }
}
