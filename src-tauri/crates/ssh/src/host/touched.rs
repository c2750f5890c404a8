//! Who touched a host: the attempts whose folders can be read there, also those of other operators.
//!
//! What other users left in their folders is not to be trusted: it is bounded, cleaned of everything
//! that could steer a terminal, and what makes no sense is left out.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use daytwo_model::{AttemptId, Exit};
use serde::{Deserialize, Serialize};

/// Attempts that are told of one place of one user; the newest.
pub const TOUCHES_MAX: usize = 100;

/// Longest text that is taken from a folder, in characters.
const TEXT_CHARS_MAX: usize = 200;

/// What a host says about who worked there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touched {
    /// The host's own time of day, in seconds since 1970.
    pub now_s: i64,
    /// The attempts, newest first.
    pub touches: Vec<Touch>,
}

/// An attempt, as its folder on the host tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Touch {
    /// The attempt.
    pub attempt: AttemptId,
    /// Who asked for it.
    pub by: String,
    /// Run, runbook and step.
    pub what: String,
    /// The place of its folder; its last part names the user's number where the place has one.
    pub place: String,
    /// When it was delivered, by the host's own clock, in seconds since 1970; none where that is not told.
    pub since_s: Option<i64>,
    /// For how long from then on others were told that somebody works here, in seconds.
    pub lease_s: u64,
    /// What became of it.
    pub state: TouchState,
}

/// What became of an attempt, as far as its folder tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum TouchState {
    /// It runs.
    Running,
    /// It ended by itself.
    Finished {
        /// How.
        exit: Exit,
    },
    /// Somebody ended it.
    Killed,
    /// Its process is gone and left no exit code, or the host has been started since.
    Lost,
    /// Nothing of it was started.
    NotStarted,
}

impl Touch {
    /// Whether others are still told that somebody works here, at this time of the host's clock.
    #[must_use]
    pub fn is_held(&self, now_s: i64) -> bool {
        let lease = i64::try_from(self.lease_s).unwrap_or(i64::MAX);
        self.state == TouchState::Running || self.since_s.is_some_and(|since| now_s < since.saturating_add(lease))
    }
}

/// Reads what the script printed; none where it is not the script's answer.
pub(crate) fn parse(answer: &str) -> Option<Touched> {
    let mut lines = answer.lines();
    let now_s = lines.by_ref().find_map(|line| line.strip_prefix("now "))?.split(' ').next()?.parse().ok()?;
    let mut touches = Vec::new();
    let mut seen = BTreeSet::new();
    let mut current: Option<Touch> = None;
    for line in lines {
        if let Some(rest) = line.strip_prefix("attempt ") {
            current = begin(rest);
        } else if line == "end" {
            touches.extend(current.take().filter(|touch| seen.insert((touch.place.clone(), touch.attempt))));
        } else if let Some(touch) = &mut current {
            match line.split_once(' ') {
                Some(("place", place)) if touch.place.is_empty() => touch.place = clean(place),
                Some(("by", by)) if touch.by.is_empty() => touch.by = clean(by),
                Some(("what", what)) if touch.what.is_empty() => touch.what = clean(what),
                _ => {}
            }
        }
    }
    // Ids are made so that they sort by time, and no host's clock has a say in that.
    touches.sort_by_key(|touch| std::cmp::Reverse(touch.attempt));
    Some(Touched { now_s, touches })
}

/// Reads `ID STATE CODE SINCE LEASE`, where the last two may be missing.
fn begin(rest: &str) -> Option<Touch> {
    let mut words = rest.split(' ');
    let attempt = AttemptId::from_str(words.next()?).ok()?;
    let (state, code) = (words.next()?, words.next()?);
    let state = match state {
        "running" | "starting" | "ending" => TouchState::Running,
        "exit" => TouchState::Finished { exit: Exit::Code(code.parse().ok()?) },
        "killed" | "fired" => TouchState::Killed,
        "fenced" | "none" => TouchState::NotStarted,
        "rebooted" | "gone" | "empty" => TouchState::Lost,
        _ => return None,
    };
    let since_s = words.next().and_then(|since| since.parse().ok()).filter(|since| *since > 0);
    let lease_s = words.next().and_then(|lease| lease.parse().ok()).unwrap_or(0);
    Some(Touch { attempt, by: String::new(), what: String::new(), place: String::new(), since_s, lease_s, state })
}

/// Without control and invisible formatting characters, and not too long.
fn clean(text: &str) -> String {
    let steering = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    let kept: String = text.chars().filter(|c| !steering(*c)).take(TEXT_CHARS_MAX).collect();
    kept.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "0198c1d2-0000-7000-8000-000000000001";
    const SECOND: &str = "0198c1d2-0000-7000-8000-000000000002";

    #[test]
    fn attempts_are_told_newest_first_and_once() {
        let one = format!("attempt {FIRST} exit 3 1000 60\nplace /var/tmp/daytwo-0\nby ada@desk\nwhat a / b\n\nend\n");
        let two = format!("attempt {SECOND} running - 2000 60\nplace /var/tmp/daytwo-0\nby bob\nwhat c\n\nend\n");
        let touched = parse(&format!("now 2030 boot\n{one}{two}{one}")).unwrap();
        let told: Vec<_> = touched.touches.iter().map(|touch| (touch.by.as_str(), &touch.state)).collect();
        let finished = TouchState::Finished { exit: Exit::Code(3) };
        assert_eq!(told, [("bob", &TouchState::Running), ("ada@desk", &finished)]);
        let ada = touched.touches.last().unwrap();
        assert!(ada.is_held(1059) && !ada.is_held(1060), "the lease is over");
        assert!(touched.touches[0].is_held(i64::MAX), "what runs is held, whatever the clock says");
    }

    #[test]
    fn what_others_left_there_is_bounded_and_harmless() {
        let long = "x".repeat(10_000);
        let text = format!(
            "motd\nnow 5 boot\nattempt ../../etc exit 0\nby evil\nend\nattempt {FIRST} won 0\nend\n\
             attempt {SECOND} exit 0 -7 many\nplace /tmp/daytwo-9\nby \u{1b}[2Ja\u{202e}b\nby again\nwhat {long}\nend\n"
        );
        let touched = parse(&text).unwrap();
        let [touch] = touched.touches.as_slice() else { panic!("{touched:?}") };
        assert_eq!((touch.by.as_str(), touch.what.len()), ("[2Jab", TEXT_CHARS_MAX));
        assert_eq!((touch.since_s, touch.lease_s), (None, 0));
        assert_eq!(parse("This account is closed.\n"), None);
    }
}
