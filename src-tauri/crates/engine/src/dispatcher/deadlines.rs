//! What the run itself waits for: the hold after a batch, and people.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use daytwo_model::Answer;
use tokio::time::Instant;

use crate::pace::later;

/// Points in time at which something follows although nothing happened.
#[derive(Default)]
pub(super) struct Deadlines {
    hold: Option<Instant>,
    /// In the order in which they are due: when, host.
    questions: BTreeSet<(Instant, u32)>,
    /// By host, which waits with one question at most.
    of_host: HashMap<u32, Waiting>,
}

#[derive(Clone, Copy)]
struct Waiting {
    until: Instant,
    step: u32,
    otherwise: Answer,
}

/// A question that nobody answered in time, on some hosts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unanswered {
    pub(super) step: u32,
    pub(super) answer: Answer,
    pub(super) hosts: Vec<u32>,
}

impl Deadlines {
    pub(super) fn hold(&mut self, ms: u64) {
        self.hold = Some(later(Instant::now(), Duration::from_millis(ms)));
    }

    pub(super) fn end_hold(&mut self) {
        self.hold = None;
    }

    pub(super) fn ask(&mut self, host: u32, step: u32, within_ms: u64, otherwise: Answer) {
        self.answered(host);
        let until = later(Instant::now(), Duration::from_millis(within_ms));
        self.questions.insert((until, host));
        self.of_host.insert(host, Waiting { until, step, otherwise });
    }

    /// The host waits no longer.
    pub(super) fn answered(&mut self, host: u32) {
        if let Some(waiting) = self.of_host.remove(&host) {
            self.questions.remove(&(waiting.until, host));
        }
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.questions.first().map(|(until, _)| *until).into_iter().chain(self.hold).min()
    }

    /// Whether the hold is over by now; it is told once.
    pub(super) fn is_hold_over(&mut self) -> bool {
        self.hold.take_if(|until| *until <= Instant::now()).is_some()
    }

    /// Questions whose time is over by now, those of one step with one meaning together.
    pub(super) fn unanswered(&mut self) -> Vec<Unanswered> {
        let now = Instant::now();
        let mut groups: BTreeMap<(u32, Answer), Vec<u32>> = BTreeMap::new();
        while let Some((_, host)) = self.questions.first().copied().filter(|(until, _)| *until <= now) {
            let waiting = self.of_host.get(&host).copied();
            self.answered(host);
            if let Some(Waiting { step, otherwise, .. }) = waiting {
                groups.entry((step, otherwise)).or_default().push(host);
            }
        }
        groups.into_iter().map(|((step, answer), hosts)| Unanswered { step, answer, hosts }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn hosts_with_one_question_are_answered_together_and_an_answered_one_is_left_alone() {
        let mut deadlines = Deadlines::default();
        for (host, otherwise) in [(3, Answer::Stop), (1, Answer::Stop), (2, Answer::Skip), (4, Answer::Stop)] {
            deadlines.ask(host, 7, 1_000, otherwise);
        }
        deadlines.answered(4);
        // Asked again, an older deadline does not count.
        deadlines.ask(2, 7, 5_000, Answer::Skip);
        assert_eq!(deadlines.unanswered(), []);
        advance(Duration::from_secs(1)).await;
        assert_eq!(deadlines.unanswered(), [Unanswered { step: 7, answer: Answer::Stop, hosts: vec![1, 3] }]);
        assert_eq!(deadlines.next(), Some(Instant::now() + Duration::from_secs(4)));
        advance(Duration::from_secs(4)).await;
        assert_eq!(deadlines.unanswered(), [Unanswered { step: 7, answer: Answer::Skip, hosts: vec![2] }]);
        assert_eq!(deadlines.next(), None);
    }
}
