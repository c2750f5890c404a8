//! A run as it is shown: rows, matrix, budgets, decisions, offers.

use std::collections::BTreeMap;

use daytwo_model::plan::{Effect, InputValue, Intent, Plan, WayBack};
use daytwo_model::run::{BatchState, HostStanding};
use daytwo_model::{Event, Record, RunState, RunStatus, SealedPlan, Timestamp};

use super::attempt::{self, StepOf};
use super::plan::phase;
use super::words::duration;
use crate::wire::run::{Decision, Offer, RunBatch, RunHost, RunRow, RunStep, RunView};

/// What is known of a run beside its events.
#[derive(Debug, Clone)]
pub struct RunFrame {
    /// Its id.
    pub id: daytwo_model::RunId,
    /// When it was opened.
    pub started_at: Timestamp,
    /// By whom.
    pub started_by: String,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The run that undid it.
    pub undone_by: Option<daytwo_model::RunId>,
    /// Whether this process drives it.
    pub ours: bool,
}

/// The run as one row.
#[must_use]
pub fn row(frame: &RunFrame, sealed: &SealedPlan, state: &RunState) -> RunRow {
    let plan = sealed.plan();
    let status = state.status().unwrap_or(RunStatus::Running);
    let (mark, word) = attempt::status(status);
    let undo = is_undo(plan);
    let standings = state.standings();
    RunRow {
        id: frame.id,
        runbook: plan.runbook.name.clone(),
        title: plan.runbook.title.clone(),
        plan: sealed.digest(),
        undo_of: match plan.intent {
            Intent::Forward | Intent::Resume { .. } | Intent::Late { .. } => None,
            Intent::Undo { of } => Some(of),
        },
        undone_by: frame.undone_by,
        mark,
        status: word.to_owned(),
        active: is_active(status),
        started_at: frame.started_at,
        started_by: frame.started_by.clone(),
        ended_at: frame.ended_at,
        hosts: u32::try_from(plan.hosts.len()).unwrap_or(u32::MAX),
        standings: standings
            .into_iter()
            .map(|(standing, hosts)| (attempt::standing(standing, undo).1.to_owned(), hosts))
            .collect(),
    }
}

/// Whether a run may still send something.
#[must_use]
pub const fn is_active(status: RunStatus) -> bool {
    matches!(status, RunStatus::Running | RunStatus::Cancelling)
}

const fn is_undo(plan: &Plan) -> bool {
    matches!(plan.intent, Intent::Undo { .. })
}

/// The run in full, as of the record with this index.
#[must_use]
pub fn view(frame: &RunFrame, sealed: &SealedPlan, state: &RunState, index: u64, decisions: Vec<Decision>) -> RunView {
    let plan = sealed.plan();
    let row = row(frame, sealed, state);
    RunView {
        index,
        steps: plan
            .steps
            .iter()
            .map(|step| RunStep {
                id: step.id.to_string(),
                title: step.title.clone(),
                phase: phase(step.phase).to_owned(),
                changes: step.effect == Effect::Change,
            })
            .collect(),
        batches: batches(plan, state),
        hosts: (0..row.hosts).filter_map(|host| run_host(plan, state, host)).collect(),
        budgets: budgets(plan, state),
        inputs: inputs(plan),
        decisions,
        offers: offers(frame, plan, state),
        questions: Vec::new(),
        waiting: Vec::new(),
        part_of: None,
        resumed_by: Vec::new(),
        row,
    }
}

/// One row of the matrix.
#[must_use]
pub fn run_host(plan: &Plan, state: &RunState, host: u32) -> Option<RunHost> {
    let name = plan.hosts.get(host as usize)?.name.clone();
    let (mark, word) = attempt::standing(state.standing(host), is_undo(plan));
    let steps = (0_u32..).map_while(|step| Some((step, StepOf::at(plan, step)?)));
    let cells =
        steps.map(|(step, of)| attempt::cell(state.attempt(host, step), of, state.retry_is_due(host, step))).collect();
    Some(RunHost { name, mark, word: word.to_owned(), cells })
}

/// The bands of the matrix.
#[must_use]
pub fn batches(plan: &Plan, state: &RunState) -> Vec<RunBatch> {
    (0_u32..)
        .zip(&plan.batches)
        .map(|(batch, hosts)| {
            let word = match state.batch(batch) {
                BatchState::Waiting => "waiting",
                BatchState::Running => "running",
                BatchState::Ended => "ended",
                BatchState::Stopped => "stopped",
            };
            RunBatch { hosts: hosts.clone(), state: word.to_owned() }
        })
        .collect()
}

/// How much of each budget is spent.
#[must_use]
pub fn budgets(plan: &Plan, state: &RunState) -> Vec<String> {
    let standings = state.standings();
    let of = |wanted: &[HostStanding]| wanted.iter().filter_map(|standing| standings.get(standing)).sum::<u32>();
    let failed = of(&[HostStanding::Failed, HostStanding::Unknown, HostStanding::Stuck]);
    let unreachable = of(&[HostStanding::Unreachable]);
    let mut lines = vec![
        format!("failed {failed} of at most {}", plan.limits.total.failed_max),
        format!("no answer {unreachable} of at most {}", plan.limits.total.unreachable_max),
    ];
    if plan.limits.hold_ms > 0 && plan.batches.len() > 1 {
        lines.push(format!("hold {} after each batch", duration(plan.limits.hold_ms)));
    }
    lines
}

/// What can be done with the run now.
#[must_use]
pub fn offers(frame: &RunFrame, plan: &Plan, state: &RunState) -> Vec<Offer> {
    match state.status() {
        Some(RunStatus::Running) if frame.ours => vec![Offer::Cancel],
        Some(RunStatus::Ended { .. } | RunStatus::Interrupted) if has_way_back(plan) && frame.undone_by.is_none() => {
            vec![Offer::Undo]
        }
        _ => Vec::new(),
    }
}

/// Whether anything of it could be taken back. An undo is not undone: its runbook is run again.
fn has_way_back(plan: &Plan) -> bool {
    !is_undo(plan) && plan.steps.iter().any(|step| matches!(step.way_back, WayBack::Inverse { .. }))
}

fn inputs(plan: &Plan) -> BTreeMap<String, String> {
    plan.inputs
        .iter()
        .map(|(name, value)| {
            let text = match value {
                InputValue::Value(value) => daytwo_model::quote::plain(value),
                InputValue::Secret(secret) => format!("‹secret {secret}›"),
            };
            (name.clone(), text)
        })
        .collect()
}

/// What people decided, as far as a record tells.
#[must_use]
pub fn decision(record: &Record) -> Option<Decision> {
    let (by, what, why) = match &record.event {
        Event::RunOpened { by, .. } => (by.clone(), "started the run", String::new()),
        Event::CancelRequested { by, why, .. } => (by.clone(), "cancelled the run", why.clone()),
        Event::RunInterrupted { found_by } => (found_by.clone(), "found the run interrupted", String::new()),
        _ => return None,
    };
    Some(Decision { at: record.at, by, what: what.to_owned(), why })
}
