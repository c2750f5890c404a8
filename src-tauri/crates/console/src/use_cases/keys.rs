//! Host keys: what hosts present, what is known, and accepting exactly what was shown.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use daytwo_model::{Host, HostName};
use daytwo_ssh::KeyStatus;
use daytwo_store::{Decision, DecisionKind};

use crate::Console;
use crate::wire::settings::{KeyRow, KeyToTrust};
use crate::wire::{Code, UiError};

impl Console {
    /// Asks these hosts, or all, for their keys. Logs in nowhere.
    pub async fn survey_keys(&self, hosts: Option<Vec<HostName>>) -> Result<Vec<KeyRow>, UiError> {
        let fleet = self.inventory.fleet();
        let wanted: Option<BTreeSet<HostName>> = hosts.map(|hosts| hosts.into_iter().collect());
        let is_wanted = |host: &&Host| wanted.as_ref().is_none_or(|wanted| wanted.contains(&host.name));
        let hosts: Vec<Host> = fleet.hosts.iter().filter(is_wanted).cloned().collect();
        let seen = self.survey(&hosts).await;
        Ok(hosts.iter().zip(&seen).map(|(host, status)| row(host, status)).collect())
    }

    /// Accepts keys: those that were shown, by host and fingerprint, and no others.
    pub async fn trust_keys(&self, keys: Vec<KeyToTrust>) -> Result<Vec<KeyRow>, UiError> {
        let fleet = self.inventory.fleet();
        let mut rows = Vec::new();
        for key in keys {
            let host = fleet.hosts.iter().find(|host| host.name == key.host);
            let host =
                host.ok_or_else(|| UiError::new(Code::NotFound, format!("no source names a host {}", key.host)))?;
            let status = self.surveyed.lock().unwrap_or_else(PoisonError::into_inner).get(&key.host).cloned();
            let shown = status.filter(|status| fingerprint(status).as_deref() == Some(key.fingerprint.as_str()));
            let shown = shown.ok_or_else(|| {
                UiError::new(Code::BadRequest, format!("the key of {} is not the one that was shown", key.host))
                    .hint("ask for the keys again and compare")
            })?;
            let Some(ssh) = &self.parts.ssh else {
                return Err(UiError::new(Code::BadRequest, "simulated hosts have no keys"));
            };
            ssh.trust(host, &shown).await.map_err(|error| {
                UiError::new(Code::BadRequest, format!("the key of {} was not accepted", key.host)).because(&error)
            })?;
            let decision = Decision {
                at: self.clock.now(),
                by: self.profile.actor.clone(),
                kind: DecisionKind::KeyTrusted,
                run: None,
                subject: format!("{} {}", key.host, key.fingerprint),
                why: String::new(),
            };
            self.parts.store.decide(decision).await.map_err(|error| UiError::history(&error))?;
            rows.push(KeyRow { status: "known".to_owned(), detail: None, ..row(host, &shown) });
        }
        self.prober.probe_now(Some(rows.iter().map(|row| row.host.clone()).collect()));
        Ok(rows)
    }

    /// How many of these hosts present a key that nobody accepted yet.
    pub(crate) async fn unknown_keys(&self, hosts: &[Host]) -> usize {
        self.survey(hosts).await.iter().filter(|status| matches!(status, KeyStatus::Unknown { .. })).count()
    }

    async fn survey(&self, hosts: &[Host]) -> Vec<KeyStatus> {
        let Some(ssh) = &self.parts.ssh else { return Vec::new() };
        let seen = ssh.survey_keys(hosts).await;
        let mut surveyed = self.surveyed.lock().unwrap_or_else(PoisonError::into_inner);
        surveyed.extend(seen.iter().cloned());
        seen.into_iter().map(|(_, status)| status).collect()
    }
}

/// `ssh-ed25519 SHA256:…`, as `ssh-keygen -l` names a key.
fn fingerprint(status: &KeyStatus) -> Option<String> {
    match status {
        KeyStatus::Known { key }
        | KeyStatus::Unknown { key }
        | KeyStatus::Changed { key, .. }
        | KeyStatus::Revoked { key, .. } => Some(format!("{} {}", key.algorithm(), key.fingerprint())),
        KeyStatus::NoAnswer { .. } => None,
    }
}

fn row(host: &Host, status: &KeyStatus) -> KeyRow {
    let (word, detail) = match status {
        KeyStatus::Known { .. } => ("known", None),
        KeyStatus::Unknown { .. } => ("unknown", None),
        KeyStatus::Changed { file, line, .. } => ("changed", Some(format!("{}:{line} disagrees", file.display()))),
        KeyStatus::Revoked { file, line, .. } => ("revoked", Some(format!("{}:{line} says so", file.display()))),
        KeyStatus::NoAnswer { why } => ("no answer", Some(why.clone())),
    };
    KeyRow {
        host: host.name.clone(),
        address: host.endpoint.describe(),
        status: word.to_owned(),
        fingerprint: fingerprint(status),
        detail,
    }
}
