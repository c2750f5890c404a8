//! Who touched a host: what its own folders tell, also of other operators.

use daytwo_fleet::ports::NoAnswer;
use daytwo_model::plan::RunAs;
use daytwo_model::{AttemptState, Endpoint, Host, HostName, Timestamp};
use daytwo_ssh::{Touch as Found, TouchState, Touched};

use crate::Console;
use crate::view::words::until;
use crate::wire::run::{Touch, Touches};
use crate::wire::{Code, Mark, UiError};

impl Console {
    /// Asks a host who worked on it, and as far as this history knows, in which runs.
    pub async fn touched(&self, name: &HostName) -> Result<Touches, UiError> {
        let fleet = self.inventory.fleet();
        let host = fleet.hosts.iter().find(|host| host.name == *name);
        let host = host.ok_or_else(|| UiError::new(Code::NotFound, format!("no source names a host {name}")))?;
        let Some(ssh) = &self.parts.ssh else {
            return Err(UiError::new(Code::BadRequest, "simulated hosts keep nothing, so nobody touched them"));
        };
        // As root everything can be read; without that, what this user may read is told, and that it is not all.
        let whom = if logs_in_as_root(host) { RunAs::Login } else { RunAs::Root };
        let (touched, unread) = match ssh.touched(host, &whom).await {
            Ok(touched) => (touched, String::new()),
            Err(NoAnswer::Unreachable(why)) => return Err(no_answer(host, why)),
            Err(NoAnswer::Refused(why) | NoAnswer::Failed(why)) => match ssh.touched(host, &RunAs::Login).await {
                Ok(touched) => (touched, format!("folders that this user may not read were not read: {why}")),
                Err(error) => return Err(no_answer(host, error.to_string())),
            },
        };
        let mut touches = Vec::with_capacity(touched.touches.len());
        for found in &touched.touches {
            touches.push(self.touch(found, &touched).await?);
        }
        Ok(Touches { host: name.clone(), at: self.clock.now(), touches, unread })
    }

    async fn touch(&self, found: &Found, of: &Touched) -> Result<Touch, UiError> {
        let run = self.parts.store.run_of_attempt(found.attempt).await.map_err(|error| UiError::history(&error))?;
        let (mark, state) = state(found, of.now_s);
        Ok(Touch {
            at: Timestamp::from_unix_ms(found.since_s.unwrap_or_default().saturating_mul(1_000)),
            by: found.by.clone(),
            user: user(&found.place),
            what: found.what.clone(),
            mark,
            state,
            run,
        })
    }
}

/// Root reads everything without `sudo`, which may not be there.
fn logs_in_as_root(host: &Host) -> bool {
    matches!(&host.endpoint, Endpoint::Ssh { user: Some(user), .. } if user == "root")
}

fn no_answer(host: &Host, why: String) -> UiError {
    UiError { causes: vec![why], ..UiError::new(Code::BadRequest, format!("{} could not be asked", host.name)) }
}

/// Mark and words of what became of an attempt, by the host's own clock.
fn state(found: &Found, now_s: i64) -> (Mark, String) {
    match &found.state {
        TouchState::Running => {
            let lease =
                found.since_s.map(|since| since.saturating_add(i64::try_from(found.lease_s).unwrap_or(i64::MAX)));
            let lease = lease.map(|end| Timestamp::from_unix_ms(end.saturating_mul(1_000)));
            let now = Timestamp::from_unix_ms(now_s.saturating_mul(1_000));
            let lease = lease.map(|end| format!(", expected to end within {}", until(now, end)));
            (Mark::Running, format!("running{}", lease.unwrap_or_default()))
        }
        TouchState::Finished { exit } if exit.is_success() => (Mark::Ok, exit.to_string()),
        TouchState::Finished { exit } => (Mark::Failed, exit.to_string()),
        TouchState::Killed => (Mark::Skipped, "killed".to_owned()),
        TouchState::Lost => (Mark::Unknown, AttemptState::Lost { why: String::new() }.word().to_owned()),
        TouchState::NotStarted => (Mark::Skipped, "not started, and refused from now on".to_owned()),
    }
}

/// Whose folder it is, by the last part of its place: a user's number, or the owner of a home.
fn user(place: &str) -> String {
    if let Some((_, uid)) = place.rsplit_once("daytwo-") {
        return if uid == "0" { "root".to_owned() } else { format!("uid {uid}") };
    }
    let home = place.strip_suffix("/.local/state/daytwo").unwrap_or(place);
    home.rsplit('/').next().unwrap_or(home).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_names_its_user() {
        let places =
            ["/var/tmp/daytwo-0", "/tmp/daytwo-1000", "/home/ops/.local/state/daytwo", "/root/.local/state/daytwo"];
        assert_eq!(places.map(user), ["root", "uid 1000", "ops", "root"]);
    }
}
