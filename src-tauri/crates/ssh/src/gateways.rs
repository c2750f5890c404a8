//! The gateways through which hosts are reached: asked when a plan limits how many hosts behind one of
//! them work at one time.

use std::collections::HashMap;
use std::sync::Arc;

use daytwo_model::{Host, HostName};
use futures::StreamExt as _;

use crate::known_keys::RESOLVED_AT_ONCE_MAX;
use crate::target::Target;
use crate::transport::SshTransport;

impl SshTransport {
    /// The first gateway on the way to each host, as address and port: what hosts that share it share. A host
    /// that is reached directly, and one that cannot be resolved, is not in the answer.
    pub async fn gateways(&self, hosts: &[Host]) -> HashMap<HostName, String> {
        let mut resolving = Vec::with_capacity(hosts.len());
        for host in hosts {
            resolving.push(async {
                let target = self.resolver.resolve(&host.endpoint).await.ok()?;
                Some((host.name.clone(), first_gateway(&target)?))
            });
        }
        let found: Vec<Option<(HostName, String)>> =
            futures::stream::iter(resolving).buffered(RESOLVED_AT_ONCE_MAX).collect().await;
        found.into_iter().flatten().collect()
    }
}

/// Every connection to the host goes through this one, whatever comes behind it.
fn first_gateway(target: &Arc<Target>) -> Option<String> {
    std::iter::successors(target.via.as_ref(), |gateway| gateway.via.as_ref()).last().map(|first| first.place())
}
