//! The keyring, on a thread of its own.
//!
//! On Linux the keyring is reached through zbus, which may block on a runtime of its own: a call,
//! and even the drop of its store, panics on a tokio thread as soon as any crate of the program
//! turns zbus's tokio feature on. So nothing of the keyring ever leaves this thread. The thread is
//! not joined: where the keyring waits for a person, it could not be.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::Duration;

use daytwo_model::{SecretName, SecretValue};
use keyring::{Entry, Error};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::SecretsError;

/// The first try may start a daemon; a keyring that asks a person to unlock it takes longer than
/// this, and is tried again when the person says so.
pub(crate) const PROBE_DEADLINE: Duration = Duration::from_secs(10);
/// One call. Longer than the first try, because a person may be unlocking the keyring.
const CALL_DEADLINE: Duration = Duration::from_secs(30);
/// Calls that may wait for the thread: a run reads its secrets one after the other.
const JOBS_MAX: usize = 32;

type Reply<T> = oneshot::Sender<Result<T, SecretsError>>;

enum Job {
    Probe(Reply<()>),
    Get(SecretName, Reply<Option<SecretValue>>),
    Set(SecretName, SecretValue, Reply<()>),
    Delete(SecretName, Reply<bool>),
}

/// Asks the thread. Dropping it ends the thread.
pub(crate) struct Keyring(SyncSender<Job>);

impl Keyring {
    pub(crate) fn start(service: String) -> Result<Self, SecretsError> {
        let (jobs, inbox) = sync_channel(JOBS_MAX);
        std::thread::Builder::new()
            .name("keyring".to_owned())
            .spawn(move || serve(&service, &inbox))
            .map_err(|source| SecretsError::File { what: "start the keyring's thread", source })?;
        Ok(Self(jobs))
    }

    /// Keeps, reads and forgets a value of our own: a keyring that merely claims to be there does
    /// not pass.
    pub(crate) async fn probe(&self) -> Result<(), SecretsError> {
        self.ask(Job::Probe, PROBE_DEADLINE).await
    }

    pub(crate) async fn get(&self, name: &SecretName) -> Result<Option<SecretValue>, SecretsError> {
        self.ask(|reply| Job::Get(name.clone(), reply), CALL_DEADLINE).await
    }

    pub(crate) async fn set(&self, name: &SecretName, value: SecretValue) -> Result<(), SecretsError> {
        self.ask(|reply| Job::Set(name.clone(), value, reply), CALL_DEADLINE).await
    }

    pub(crate) async fn delete(&self, name: &SecretName) -> Result<bool, SecretsError> {
        self.ask(|reply| Job::Delete(name.clone(), reply), CALL_DEADLINE).await
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job, deadline: Duration) -> Result<T, SecretsError> {
        let (reply, answer) = oneshot::channel();
        self.0.try_send(job(reply)).map_err(|error| match error {
            TrySendError::Full(_) => SecretsError::Keyring("too many calls are waiting for it".to_owned()),
            TrySendError::Disconnected(_) => SecretsError::Stopped("the keyring's thread has ended"),
        })?;
        match timeout(deadline, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(SecretsError::Stopped("the keyring's thread has ended")),
            Err(_) => Err(SecretsError::KeyringSilent(deadline)),
        }
    }
}

fn serve(service: &str, inbox: &Receiver<Job>) {
    while let Ok(job) = inbox.recv() {
        match job {
            Job::Probe(reply) => answer(reply, || probe(service)),
            Job::Get(name, reply) => answer(reply, || get(service, name.as_str())),
            Job::Set(name, value, reply) => answer(reply, || set(service, name.as_str(), &value)),
            Job::Delete(name, reply) => answer(reply, || delete(service, name.as_str())),
        }
    }
}

/// Does it, unless who asked has given up meanwhile: a value must not be kept long after its
/// caller was told that it was not.
fn answer<T>(reply: Reply<T>, work: impl FnOnce() -> Result<T, SecretsError>) {
    if !reply.is_closed() {
        // Nobody waiting any more is not an error.
        let _ = reply.send(work());
    }
}

fn entry(service: &str, name: &str) -> Result<Entry, SecretsError> {
    if let Err(error) = Entry::store_status() {
        return Err(told(error));
    }
    Entry::new(service, name).map_err(|error| told(&error))
}

fn get(service: &str, name: &str) -> Result<Option<SecretValue>, SecretsError> {
    match entry(service, name)?.get_password() {
        Ok(value) => Ok(Some(SecretValue::new(value))),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(told(&error)),
    }
}

fn set(service: &str, name: &str, value: &SecretValue) -> Result<(), SecretsError> {
    entry(service, name)?.set_password(value.expose()).map_err(|error| told(&error))
}

fn delete(service: &str, name: &str) -> Result<bool, SecretsError> {
    match entry(service, name)?.delete_credential() {
        Ok(()) => Ok(true),
        Err(Error::NoEntry) => Ok(false),
        Err(error) => Err(told(&error)),
    }
}

fn probe(service: &str) -> Result<(), SecretsError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| SecretsError::Random)?;
    let text = format!("{:032x}", u128::from_ne_bytes(bytes));
    // A name of its own for each try: two processes may try at the same time.
    let name = format!("daytwo-probe/{text}");
    set(service, &name, &SecretValue::new(text.as_str()))?;
    let seen = get(service, &name);
    let deleted = delete(service, &name);
    match seen? {
        Some(value) if value.expose() == text => deleted.map(|_| ()),
        Some(_) | None => Err(SecretsError::Keyring("it did not give back what it was given".to_owned())),
    }
}

/// What may be told. Some of the keyring's errors carry the value's bytes, and are not shown.
fn told(error: &Error) -> SecretsError {
    SecretsError::Keyring(match error {
        Error::NoStorageAccess(why) => format!("it cannot be opened: {why}"),
        Error::PlatformFailure(why) => why.to_string(),
        Error::NoDefaultStore => "there is none".to_owned(),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => "the value that it holds is not text".to_owned(),
        Error::TooLong(_, max) => format!("it takes {max} characters at most"),
        Error::Ambiguous(_) => "it holds more than one value under this name".to_owned(),
        Error::BadStoreFormat(_) => "its store is damaged".to_owned(),
        Error::NoEntry | Error::Invalid(..) | Error::NotSupportedByStore(_) => "it refused the call".to_owned(),
        _ => "it failed in a way that is not known".to_owned(),
    })
}
