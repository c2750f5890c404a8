//! What a person answers in a case, one answer after the other on each host.

use std::collections::BTreeMap;

use daytwo_model::{Answer, StepId};
use daytwo_runbook::GivenAnswers;

use crate::recordings::stands_for;
use crate::report::Problem;

/// The answers of a case, and how many of them were given.
pub(crate) struct Answers {
    of: Vec<GivenAnswers>,
    /// By entry and host.
    given: BTreeMap<(usize, u32), usize>,
}

impl Answers {
    pub(crate) fn new(of: &[GivenAnswers]) -> Self {
        Self { of: of.to_vec(), given: BTreeMap::new() }
    }

    /// The next answer about a step on a host; none where nobody answers.
    pub(crate) fn next(&mut self, host: u32, step: &StepId) -> Option<Answer> {
        let fitting = self.of.iter().enumerate().filter_map(|(index, it)| Some((stands_for(&it.step, step)?, index)));
        let (_, entry) = fitting.max_by_key(|(own, _)| *own)?;
        let given = self.given.entry((entry, host)).or_default();
        let answer = self.of.get(entry)?.answers.get(*given).copied();
        *given += 1;
        answer
    }

    /// Answers that nobody asked for.
    pub(crate) fn unused(&self) -> Vec<Problem> {
        let most = |index: usize| {
            let of_entry = self.given.iter().filter(|((entry, _), _)| *entry == index);
            of_entry.map(|(_, given)| *given).max().unwrap_or(0)
        };
        let unused = self.of.iter().enumerate().filter(|(index, it)| most(*index) < it.answers.len());
        let said =
            |it: &GivenAnswers| Problem::new(it.place.line, format!("an answer about {} is never asked for", it.step));
        unused.map(|(_, it)| said(it)).collect()
    }
}
