//! What every console in memory has: a journal on its disk, no secrets, no network.

use std::sync::Arc;

use async_trait::async_trait;
use daytwo_engine::ports::{Fence, Http, HttpCall, HttpEnd, Journal, PortError, Secrets};
use daytwo_model::{Record, SealedPlan, SecretName, SecretValue};
use tokio_util::sync::CancellationToken;

/// Takes records, or fails to.
#[async_trait]
pub(crate) trait Disk: Send + Sync {
    async fn write(&self, records: &[Record]) -> Result<(), PortError>;
}

/// The journal on a disk.
pub(crate) struct OnDisk<D>(pub(crate) Arc<D>);

#[async_trait]
impl<D: Disk> Journal for OnDisk<D> {
    async fn open(&self, _plan: &SealedPlan, first: &Record) -> Result<Fence, PortError> {
        self.0.write(std::slice::from_ref(first)).await?;
        Ok(Fence { run: first.run, token: 1 })
    }

    async fn append(&self, _fence: Fence, records: &[Record]) -> Result<(), PortError> {
        self.0.write(records).await
    }
}

/// A desk without secrets and without a network.
pub(crate) struct Bare;

#[async_trait]
impl Secrets for Bare {
    async fn read(&self, _name: &SecretName) -> Result<Option<SecretValue>, PortError> {
        Ok(None)
    }
}

#[async_trait]
impl Http for Bare {
    async fn call(&self, _call: HttpCall, _cancel: CancellationToken) -> HttpEnd {
        HttpEnd::Unreachable { why: "there is no network".into() }
    }
}
