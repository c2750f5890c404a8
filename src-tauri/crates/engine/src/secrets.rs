//! Reads every secret that a plan needs, before anything is sent: half-way is a bad place to find one missing.

use std::collections::BTreeSet;

use daytwo_model::plan::{InputValue, Verify};
use daytwo_model::{Plan, SecretName};
use tokio::time::timeout;

use crate::error::RunError;
use crate::ports::{PortError, SecretMap, Secrets};
use crate::settings::Settings;

pub(crate) async fn read(plan: &Plan, secrets: &dyn Secrets, settings: &Settings) -> Result<SecretMap, RunError> {
    let until = tokio::time::Instant::now() + settings.secrets_wait;
    let mut map = SecretMap::new();
    // One after the other: a keyring may ask the person, and two questions at one time confuse.
    for name in needed(plan) {
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
    // An input that only another direction of the runbook sends is still a secret: what prints it
    // here is masked too. It is not needed, so it need not be there.
    for name in only_masked(plan, &map) {
        let asked = timeout(until.saturating_duration_since(tokio::time::Instant::now()), secrets.read(&name)).await;
        if let Ok(Ok(Some(value))) = asked {
            map.insert(name, value);
        }
    }
    Ok(map)
}

fn only_masked(plan: &Plan, known: &SecretMap) -> BTreeSet<SecretName> {
    let names = plan.inputs.values().filter_map(|input| match input {
        InputValue::Secret(name) => Some(name.clone()),
        InputValue::Value(_) => None,
    });
    names.filter(|name| !known.contains_key(name)).collect()
}

fn needed(plan: &Plan) -> BTreeSet<SecretName> {
    let mut names = BTreeSet::new();
    for step in &plan.steps {
        for (action, _) in step.action.groups() {
            names.extend(action.texts().flat_map(daytwo_model::Text::secrets));
        }
        if let Some(verify) = &step.verify {
            names.extend(needed_to_verify(verify));
        }
    }
    names
}

fn needed_to_verify(verify: &Verify) -> BTreeSet<SecretName> {
    let mut names = BTreeSet::new();
    for (probe, _) in verify.probe.groups() {
        let expected = probe.expect.stdout.iter().chain(probe.expect.json.iter().map(|(_, text)| text));
        names.extend(probe.action.texts().chain(expected).flat_map(daytwo_model::Text::secrets));
    }
    names
}
