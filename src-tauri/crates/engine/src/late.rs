//! Puts secrets and captured values into what is about to be sent.

use std::collections::BTreeMap;
use std::time::Duration;

use daytwo_model::plan::Action;
use daytwo_model::quote::{climbs, plain, url};
use daytwo_model::secret::MASK;
use daytwo_model::text::Missing;
use daytwo_model::{CaptureName, SecretValue, Text};
use serde_json::Value;

use crate::ports::{HttpCall, SecretMap, ShellJob};

/// An action, ready to be sent.
pub(crate) enum Ready {
    Shell(ShellJob),
    Http(HttpCall),
    /// Nothing is sent.
    Wait(Duration),
}

/// The values that were late, for one host.
pub(crate) struct LateValues<'a> {
    pub(crate) secrets: &'a SecretMap,
    pub(crate) captured: &'a BTreeMap<CaptureName, Value>,
}

impl LateValues<'_> {
    pub(crate) fn text(&self, text: &Text) -> Result<SecretValue, String> {
        for name in text.captures() {
            // The real value was not kept, and the mask must never be written to a host.
            if self.captured.get(&name).is_some_and(|value| plain(value).contains(MASK)) {
                return Err(format!("the value captured as {name} held a secret, and was not kept"));
            }
        }
        let filled = text
            .fill(|name| self.secrets.get(name).cloned(), |name| self.captured.get(name).cloned())
            .map_err(|missing: Missing| missing.to_string())?;
        // The inverse of an earlier run may have such a value already in its text.
        if [MASK, &url(MASK)].iter().any(|mask| filled.expose().contains(*mask)) {
            return Err("its text holds a value that was a secret, and was not kept".to_owned());
        }
        Ok(filled)
    }

    /// `deadline` is for HTTP calls; for shell jobs the one who follows them keeps the time.
    pub(crate) fn action(&self, action: &Action, deadline: Duration) -> Result<Ready, String> {
        Ok(match action {
            Action::Run { script, run_as, .. } => Ready::Shell(ShellJob::read(self.text(script)?, run_as.clone())),
            Action::Wait { ms } => Ready::Wait(Duration::from_millis(*ms)),
            Action::Ask { .. } | Action::Fetch { .. } | Action::Put { .. } => {
                return Err("this version does not perform it yet".to_owned());
            }
            Action::Http { request } => {
                let url = self.text(&request.url)?;
                if climbs(url.expose()) {
                    return Err("a value makes a step up (`.` or `..`) of a part of the URL's path".to_owned());
                }
                let headers = request.headers.iter().map(|(name, value)| Ok((name.clone(), self.text(value)?)));
                Ready::Http(HttpCall {
                    method: request.method,
                    url,
                    headers: headers.collect::<Result<_, String>>()?,
                    json: request.json.as_ref().map(|json| self.text(json)).transpose()?,
                    deadline,
                })
            }
        })
    }
}
