//! What the window shows, as text for people.

mod fleet;
mod late;
mod plan;
mod run;
mod runbook;

pub(crate) use fleet::{facts, fleet, hosts, keys, undecided, verdicts};
pub(crate) use late::{questions, recovered, resume_choices, touches, waiting};
pub(crate) use plan::{Scripts, plan, problems};
pub(crate) use run::{output_groups, run, runs};
pub(crate) use runbook::{catalogue, pages, runbook};

use crate::terminal::Style;

/// How many host names stand on one line before "and N more".
const NAMES_SHOWN: usize = 6;

fn header(style: Style, names: &[&str]) -> Vec<String> {
    names.iter().map(|name| style.dim(name)).collect()
}

fn phase_title(phase: &str) -> &'static str {
    match phase {
        "on_failure" => "Where a step did not end well",
        "always" => "At the end, whatever happened",
        _ => "Steps",
    }
}
