//! Performs requests: one for an `http` step or a probe, several for members that are set (`set.rs`).
//!
//! A request is sent once. What is not known of its end stays unknown: nothing here sends it again.

mod document;
mod set;

use std::sync::Arc;
use std::time::Duration;

use daytwo_model::plan::{Effect, PlannedStep};
use daytwo_model::{Event, Exit, OutputTally, Stream};
use tokio::pin;
use tokio::time::{Instant, sleep};

pub(crate) use self::document::{Form, Member};
pub(crate) use self::set::SetCalls;
use crate::cancel::Cancel;
use crate::pace::later;
use crate::ports::{HttpCall, HttpEnd, Ports};
use crate::redact::Ending;
use crate::sink::Sink;
use crate::unit::Unit;

/// The longest address of a redirect that is told.
const POINTS_TO_CHARS_MAX: usize = 300;

impl Unit {
    /// Sends a request; the facts of its end.
    pub(crate) async fn http(self, step: &PlannedStep, call: HttpCall) -> Vec<Event> {
        let grace = self.at.context.settings.cancel_grace;
        match follow_call(&self.at.context.ports, call, &self.at.cancel, grace).await {
            HttpEnd::Answered { status, headers, body, cut } => {
                let mut sink = Sink::new(Arc::clone(&self.at.context), self.attempt, !step.captures.is_empty());
                sink.write(Stream::Stdout, &body).await;
                if let Some(to) = points_to(status, &headers) {
                    let told = format!("the answer points to {to}, and redirects are not followed\n");
                    sink.write(Stream::Stderr, told.as_bytes()).await;
                }
                let (output, kept) = sink.finish(if cut { Ending::CutOff } else { Ending::Seen }).await;
                self.finished(step, Exit::Status(status), output, &kept.with_headers(headers))
            }
            // Nobody has to find out how a read that we gave up has ended.
            HttpEnd::Unseen { .. } if self.at.cancel.is_cancelled() && step.effect == Effect::Read => {
                vec![self.cancelled(OutputTally::default())]
            }
            HttpEnd::Unseen { why } => vec![self.unknown(&why, OutputTally::default())],
            HttpEnd::Unreachable { why } => vec![self.unreachable(&why)],
            HttpEnd::Refused { why } => vec![self.refused(&why)],
        }
    }
}

/// Makes an HTTP call, in bounded time whatever the adapter does.
pub(crate) async fn follow_call(ports: &Ports, call: HttpCall, cancel: &Cancel, grace: Duration) -> HttpEnd {
    // The adapter keeps the deadline; this is for one that does not.
    let timer = sleep(call.deadline.saturating_add(grace));
    let answer = ports.http.call(call, cancel.token());
    pin!(timer, answer);
    let mut told = false;
    loop {
        tokio::select! {
            biased;
            () = cancel.cancelled(), if !told => {
                told = true;
                timer.as_mut().reset(later(Instant::now(), grace));
            }
            () = &mut timer => return HttpEnd::Unseen { why: "no answer was seen in time".to_owned() },
            end = &mut answer => return end,
        }
    }
}

/// Where a redirect points, without what could be a secret in it: user name, query and fragment.
pub(crate) fn points_to(status: u16, headers: &[(String, String)]) -> Option<String> {
    if !matches!(status, 300..=399) {
        return None;
    }
    let location = header(headers, "location")?;
    let plain = location.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = plain.split_once("//").map_or(("", plain), |(scheme, rest)| (scheme, rest));
    let (address, path) = rest.split_once('/').map_or((rest, None), |(address, path)| (address, Some(path)));
    let address = address.rsplit('@').next().unwrap_or_default();
    let slashes = if plain.contains("//") { "//" } else { "" };
    let path = path.map(|path| format!("/{path}")).unwrap_or_default();
    let told = format!("{scheme}{slashes}{address}{path}");
    Some(told.chars().filter(|c| !c.is_control()).take(POINTS_TO_CHARS_MAX).collect())
}

/// The first header of this name.
pub(crate) fn header<'h>(headers: &'h [(String, String)], name: &str) -> Option<&'h str> {
    headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_told_without_what_could_be_a_secret() {
        let to = |location: &str| points_to(307, &[("location".into(), location.into())]);
        for (location, told) in [
            ("https://u:pw@sso.example:8443/login/?token=abc#x", "https://sso.example:8443/login/"),
            ("/v2/keys?key=sk-1", "/v2/keys"),
            ("//other.example/x", "//other.example/x"),
            ("keys/", "keys/"),
        ] {
            assert_eq!(to(location).as_deref(), Some(told));
        }
        assert_eq!(points_to(200, &[("location".into(), "/x".into())]), None);
        assert_eq!(points_to(304, &[]), None);
    }
}
