//! Reads every secret that a plan needs, before anything is sent: half-way is a bad place to find one missing.

use std::collections::BTreeSet;

use daytwo_model::plan::{Action, InputValue, PerHost, Probe, WayBack};
use daytwo_model::{Plan, SecretName, Text};
use tokio::time::timeout;

use crate::error::RunError;
use crate::ports::{PortError, SecretMap, Secrets};
use crate::settings::Settings;

pub(crate) async fn read(plan: &Plan, secrets: &dyn Secrets, settings: &Settings) -> Result<SecretMap, RunError> {
    let until = tokio::time::Instant::now() + settings.secrets_wait;
    let mut map = SecretMap::new();
    // One after the other: a keyring may ask the person, and two questions at one time confuse.
    for name in secrets_needed(plan) {
        let value =
            match timeout(until.saturating_duration_since(tokio::time::Instant::now()), secrets.read(&name)).await {
                Ok(Ok(value)) => value,
                Ok(Err(source)) => return Err(RunError::Secret { name, source }),
                Err(_) => {
                    let source = PortError(format!("no answer within {} s", settings.secrets_wait.as_secs()));
                    return Err(RunError::Secret { name, source });
                }
            };
        match value {
            Some(value) => map.insert(name, value),
            None => return Err(RunError::SecretMissing(name)),
        };
    }
    // An input, or a secret of the way back, that only another direction of the runbook sends is still
    // a secret: what prints it here is masked too. It is not needed, so it need not be there.
    for name in only_masked(plan, &map) {
        let asked = timeout(until.saturating_duration_since(tokio::time::Instant::now()), secrets.read(&name)).await;
        if let Ok(Ok(Some(value))) = asked {
            map.insert(name, value);
        }
    }
    Ok(map)
}

/// Of a run that an earlier process left: every secret that can be read, and whether these are all that could
/// stand in what its hosts wrote. What became of an attempt can be told without them.
pub(crate) async fn read_what_is_there(plan: &Plan, secrets: &dyn Secrets, settings: &Settings) -> (SecretMap, bool) {
    let until = tokio::time::Instant::now() + settings.secrets_wait;
    let (mut map, mut all) = (SecretMap::new(), true);
    let needed = secrets_needed(plan);
    for name in needed.union(&only_masked(plan, &map)) {
        let left = until.saturating_duration_since(tokio::time::Instant::now());
        match timeout(left, secrets.read(name)).await {
            Ok(Ok(Some(value))) => {
                map.insert(name.clone(), value);
            }
            // What nothing sends need not be there, so no host ever had it.
            Ok(Ok(None)) if !needed.contains(name) => {}
            Ok(Ok(None) | Err(_)) | Err(_) => {
                tracing::warn!(%name, "a secret of the run cannot be read; output that could hold it is not kept");
                all = false;
            }
        }
    }
    (map, all)
}

fn only_masked(plan: &Plan, known: &SecretMap) -> BTreeSet<SecretName> {
    let names = plan.inputs.values().filter_map(|input| match input {
        InputValue::Secret(name) => Some(name.clone()),
        InputValue::Value(_) => None,
    });
    let of_the_way_back = plan.steps.iter().filter_map(|step| match &step.way_back {
        WayBack::Inverse { action, verify } => Some((action, verify)),
        WayBack::NotNeeded | WayBack::None => None,
    });
    let of_the_way_back = of_the_way_back.flat_map(|(action, verify)| {
        let probes = verify.iter().flat_map(|verify| verify.probe.variants()).flat_map(Probe::texts);
        action.variants().iter().flat_map(Action::texts).chain(probes).flat_map(Text::secrets)
    });
    names.chain(of_the_way_back).chain(plan.secrets.iter().cloned()).filter(|name| !known.contains_key(name)).collect()
}

/// The secrets that a run of this plan sends or asks with: it cannot start without their values.
#[must_use]
pub fn secrets_needed(plan: &Plan) -> BTreeSet<SecretName> {
    let mut names = BTreeSet::new();
    for step in &plan.steps {
        let verify = step.verify.as_ref().map(|verify| &verify.probe);
        let probes = verify.into_iter().chain(&step.check).flat_map(PerHost::variants);
        let texts = step.action.variants().iter().flat_map(Action::texts).chain(probes.flat_map(Probe::texts));
        names.extend(texts.flat_map(Text::secrets));
    }
    names
}
