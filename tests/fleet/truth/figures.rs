//! What all rounds together came to.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use super::round::{Round, Trouble};

/// Sums, by what went wrong.
#[derive(Debug, Default)]
pub(super) struct Figures {
    of: BTreeMap<Trouble, Figure>,
}

#[derive(Debug, Default, Clone)]
struct Figure {
    rounds: u32,
    took: Duration,
    recoveries: usize,
    /// Steps on hosts, by what the journal says of them.
    words: BTreeMap<String, usize>,
}

impl Figure {
    fn add(&mut self, other: &Self) {
        self.rounds += other.rounds;
        self.took += other.took;
        self.recoveries += other.recoveries;
        for (word, times) in &other.words {
            *self.words.entry(word.clone()).or_default() += times;
        }
    }

    fn told(&self) -> String {
        let words = self.words.iter().map(|(word, times)| format!("{word} {times}")).collect::<Vec<_>>().join(", ");
        let each = self.took.as_secs_f64() / f64::from(self.rounds.max(1));
        format!("{:>6} {each:>5.1} s {:>10}  {words}", self.rounds, self.recoveries)
    }
}

impl Figures {
    pub(super) fn add(&mut self, trouble: Trouble, round: &Round) {
        let mut figure = Figure { rounds: 1, took: round.took, recoveries: round.recoveries, ..Figure::default() };
        for said in &round.said {
            *figure.words.entry(said.word.clone()).or_default() += 1;
        }
        self.of.entry(trouble).or_default().add(&figure);
    }

    /// How many it is the sum of.
    pub(super) fn rounds(&self) -> u32 {
        self.of.values().map(|figure| figure.rounds).sum()
    }

    /// A table: what went wrong, and what the journal says of the steps.
    pub(super) fn told(&self, wall: Duration) -> String {
        let mut all = Figure::default();
        self.of.values().for_each(|figure| all.add(figure));
        let steps: usize = all.words.values().sum();
        let pace = f64::from(all.rounds) * 60.0 / wall.as_secs_f64();
        let mut text =
            format!("{} rounds in {} s ({pace:.1} a minute), {steps} steps on hosts\n", all.rounds, wall.as_secs());
        writeln!(text, "{:<18} rounds    each recoveries  steps", "").unwrap();
        for (trouble, figure) in &self.of {
            writeln!(text, "{:<18} {}", format!("{trouble:?}"), figure.told()).unwrap();
        }
        writeln!(text, "{:<18} {}", "all", all.told()).unwrap();
        text
    }
}
