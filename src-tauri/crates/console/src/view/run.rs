//! A run as it is shown: rows, matrix, budgets, decisions, offers.

use std::collections::BTreeMap;

use daytwo_model::plan::{Budget, Effect, InputValue, Intent, Plan, ResumePart, WayBack};
use daytwo_model::run::{BatchState, HostStanding};
use daytwo_model::{CancelDegree, Event, Record, RunId, RunState, RunStatus, SealedPlan, Timestamp};
use daytwo_store::{Driven, Waiting, WaitingState};

use super::attempt::{self, StepOf};
use super::plan::phase;
use super::questions::answered;
use super::words::{count, duration};
use crate::wire::Mark;
use crate::wire::run::{
    Decision, Offer, PartOf, RunBatch, RunHost, RunQuestion, RunRow, RunStep, RunView, WaitingHost,
};

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
    /// Who drives it.
    pub driven: Driven,
    /// Hosts that wait, or waited, for their part of it.
    pub waiting: Vec<WaitingHost>,
    /// The runs that resumed it or delivered parts of it, oldest first.
    pub resumed_by: Vec<RunId>,
}

impl RunFrame {
    /// Whether some process drives it.
    #[must_use]
    pub const fn is_driven(&self) -> bool {
        matches!(self.driven, Driven::Here | Driven::Elsewhere)
    }

    /// Status, mark and word. One whose process is gone is not running, whatever its last record says.
    fn status(&self, state: &RunState) -> (Mark, &'static str, bool) {
        let status = state.status().unwrap_or(RunStatus::Running);
        let active = is_active(status);
        let known = if active && self.driven == Driven::Orphaned { RunStatus::Interrupted } else { status };
        let (mark, word) = attempt::status(known);
        (mark, word, active && self.is_driven())
    }
}

/// What is known of a run beside its state, from its records.
#[derive(Debug, Clone, Default)]
pub struct Told {
    /// What people decided.
    pub decisions: Vec<Decision>,
    /// When each host was asked what it waits with.
    pub asked: BTreeMap<u32, Timestamp>,
    /// When the last record was written.
    pub last: Option<Timestamp>,
}

impl Told {
    /// Takes what the next record tells.
    pub fn take(&mut self, plan: &Plan, record: &Record) {
        self.last = Some(record.at);
        self.decisions.extend(decision(plan, record));
        if let Event::QuestionAsked { host, .. } = &record.event {
            self.asked.insert(*host, record.at);
        }
    }
}

/// The run as one row.
#[must_use]
pub fn row(frame: &RunFrame, sealed: &SealedPlan, state: &RunState) -> RunRow {
    let plan = sealed.plan();
    let (mark, word, active) = frame.status(state);
    let undo = is_undo(plan);
    let standings = state.standings();
    RunRow {
        id: frame.id,
        runbook: plan.runbook.name.clone(),
        title: plan.runbook.title.clone(),
        plan: sealed.digest(),
        undo_of: match plan.intent {
            Intent::Forward | Intent::Resume { .. } | Intent::Late { .. } => None,
            Intent::Undo { of, .. } => Some(of),
        },
        undone_by: frame.undone_by,
        mark,
        status: word.to_owned(),
        active,
        started_at: frame.started_at,
        started_by: frame.started_by.clone(),
        ended_at: frame.ended_at,
        hosts: u32::try_from(plan.hosts.len()).unwrap_or(u32::MAX),
        standings: in_words(standings, undo),
    }
}

/// How many hosts stand where. In an undo, two standings have one word: their hosts are counted together.
#[must_use]
pub fn in_words(standings: BTreeMap<HostStanding, u32>, undo: bool) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for (standing, hosts) in standings {
        *counts.entry(attempt::standing(standing, undo).1.to_owned()).or_insert(0) += hosts;
    }
    counts
}

/// Whether a run has still something to do.
#[must_use]
pub const fn is_active(status: RunStatus) -> bool {
    matches!(status, RunStatus::Running | RunStatus::Cancelling | RunStatus::Interrupted)
}

const fn is_undo(plan: &Plan) -> bool {
    matches!(plan.intent, Intent::Undo { .. })
}

/// The run in full, as of the record with this index.
#[must_use]
pub fn view(frame: &RunFrame, sealed: &SealedPlan, state: &RunState, index: u64, told: &Told) -> RunView {
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
        pace: frame.is_driven().then(|| super::pace::pace(plan, state, told)).flatten(),
        inputs: inputs(plan),
        decisions: told.decisions.clone(),
        offers: offers(frame, plan, state),
        questions: questions(frame, plan, state, told),
        waiting: frame.waiting.clone(),
        part_of: part_of(plan),
        resumed_by: frame.resumed_by.clone(),
        row,
    }
}

/// One row of the matrix.
#[must_use]
pub fn run_host(plan: &Plan, state: &RunState, host: u32) -> Option<RunHost> {
    let name = plan.hosts.get(host as usize)?.name.clone();
    let (mark, word) = attempt::standing(state.standing(host), is_undo(plan));
    let steps = (0_u32..).map_while(|step| Some((step, StepOf::at(plan, step)?)));
    let cells = steps.map(|(step, of)| attempt::cell(state, (host, step), of)).collect();
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

/// How much of each budget is spent: in total, and in the batch that is under way.
#[must_use]
pub fn budgets(plan: &Plan, state: &RunState) -> Vec<String> {
    let all: Vec<u32> = plan.batches.iter().flatten().copied().collect();
    let mut lines = spent("", plan.limits.total, &all, state).to_vec();
    let (started, ended) = state.batches();
    if let (true, Some(budget), Some(hosts)) =
        (started > ended, plan.limits.batches.get(ended as usize), plan.batches.get(ended as usize))
    {
        lines.extend(spent(&format!("batch {}: ", ended + 1), *budget, hosts, state));
    }
    if plan.limits.hold_ms > 0 && plan.batches.len() > 1 {
        lines.push(format!("hold {} after each batch", duration(plan.limits.hold_ms)));
    }
    if plan.limits.health.is_some() && plan.batches.len() > 1 {
        let last = ended.checked_sub(1).and_then(|batch| Some((batch, state.health_after(batch)?)));
        lines.push(match last {
            Some((batch, true)) => format!("health held after batch {}", batch + 1),
            Some((batch, false)) => format!("health did not hold after batch {}", batch + 1),
            None => "health is asked after each batch".to_owned(),
        });
    }
    lines
}

fn spent(lead: &str, budget: Budget, hosts: &[u32], state: &RunState) -> [String; 2] {
    let (mut failed, mut unreachable) = (0, 0);
    for host in hosts {
        match state.standing(*host) {
            HostStanding::Failed | HostStanding::Unknown | HostStanding::Stuck | HostStanding::Undone => failed += 1,
            HostStanding::Unreachable => unreachable += 1,
            _ => {}
        }
    }
    [
        format!("{lead}failed {failed} of at most {}", budget.failed_max),
        format!("{lead}no answer {unreachable} of at most {}", budget.unreachable_max),
    ]
}

/// What a person has to decide. Nobody can be answered where nobody drives the run.
#[must_use]
pub fn questions(frame: &RunFrame, plan: &Plan, state: &RunState, told: &Told) -> Vec<RunQuestion> {
    if frame.is_driven() { super::questions::questions(plan, state, &told.asked) } else { Vec::new() }
}

/// What can be done with the run now.
#[must_use]
pub fn offers(frame: &RunFrame, plan: &Plan, state: &RunState) -> Vec<Offer> {
    let status = state.status().unwrap_or(RunStatus::Running);
    if is_active(status) {
        let degrees = [
            (Offer::CancelStarts, CancelDegree::NoNewStarts),
            (Offer::Cancel, CancelDegree::Terminate),
            (Offer::Kill, CancelDegree::Kill),
        ];
        return match frame.is_driven() {
            true => {
                let possible = degrees.into_iter().filter(|(_, degree)| state.may_cancel(*degree, None));
                possible.map(|(offer, _)| offer).collect()
            }
            // Nobody drives it: the hosts can be asked.
            false => vec![Offer::AskAgain],
        };
    }
    let mut offers = Vec::new();
    if has_way_back(plan) && frame.undone_by.is_none() {
        offers.push(Offer::Undo);
    }
    if !is_undo(plan) {
        offers.push(Offer::Resume);
    }
    if state.attempts_unclear().next().is_some() {
        offers.push(Offer::AskAgain);
    }
    offers
}

/// Of which run this one is a part.
fn part_of(plan: &Plan) -> Option<PartOf> {
    let (run, part) = match plan.intent {
        Intent::Forward | Intent::Undo { .. } => return None,
        Intent::Resume { of, part, .. } => (of, part_words(part)),
        Intent::Late { of } => (of, "hosts that could not be reached then"),
    };
    Some(PartOf { run, part: part.to_owned() })
}

/// A part's name, as it is chosen.
#[must_use]
pub const fn part_words(part: ResumePart) -> &'static str {
    match part {
        ResumePart::FailedFromTheirStep => "failed hosts, from their failed step",
        ResumePart::FailedAndNotReached => "failed hosts and those that were not reached, from the start",
        ResumePart::Everything => "the same plan again",
    }
}

/// A host that waits, or waited, for its part of a run.
#[must_use]
pub fn waiting(row: Waiting) -> WaitingHost {
    let state = match row.state {
        WaitingState::Waiting => "waiting",
        WaitingState::Delivered => "delivered",
        WaitingState::Expired => "expired",
        WaitingState::Superseded => "superseded",
        WaitingState::Withdrawn => "withdrawn",
        WaitingState::NotDelivered => "not delivered",
    };
    let why = match (row.state, row.by_run) {
        (WaitingState::Superseded, Some(by)) => format!("run {by} of the same runbook is newer"),
        (WaitingState::Expired, _) => "it could not be reached in time".to_owned(),
        _ => row.why,
    };
    WaitingHost {
        run: row.run,
        title: row.title,
        host: row.host,
        since: row.since,
        until: row.until,
        state: state.to_owned(),
        why,
        delivered_by: row.by_run.filter(|_| row.state == WaitingState::Delivered),
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

/// What was decided, as far as a record tells; also what nobody decided in time.
#[must_use]
pub fn decision(plan: &Plan, record: &Record) -> Option<Decision> {
    let (by, what, why) = match &record.event {
        Event::RunOpened { by, .. } => (by.clone(), "started the run".to_owned(), String::new()),
        Event::CancelRequested { by, why, degree, hosts } => {
            (by.clone(), cancelled(plan, *degree, hosts.as_deref()), why.clone())
        }
        Event::QuestionAnswered { hosts, step, answer, by, why } => {
            let on = on_hosts(plan, hosts);
            let answered = answered(plan, *step, *answer);
            match by {
                Some(by) => (by.clone(), format!("decided to {answered} {on}"), why.clone()),
                None => ("nobody".to_owned(), format!("decided in time, so: {answered} {on}"), String::new()),
            }
        }
        Event::QuestionWithdrawn { host, step, why } => {
            let name = plan.hosts.get(*host as usize).map_or("a host", |host| host.name.as_str());
            let step = plan.steps.get(*step as usize).map_or("the step", |step| step.id.as_str());
            (name.to_owned(), format!("told what became of {step}: nobody has to decide about it"), why.clone())
        }
        Event::HealthChecked { batch, holds, said } => {
            let what = if *holds { "held" } else { "did not hold" };
            ("health check".to_owned(), format!("{what} after batch {}", batch + 1), said.clone())
        }
        Event::RunInterrupted { found_by } => (found_by.clone(), "found the run interrupted".to_owned(), String::new()),
        _ => return None,
    };
    Some(Decision { at: record.at, by, what, why })
}

fn cancelled(plan: &Plan, degree: CancelDegree, hosts: Option<&[u32]>) -> String {
    let what = match degree {
        CancelDegree::NoNewStarts => "asked that nothing more starts",
        CancelDegree::Terminate => "cancelled",
        CancelDegree::Kill => "killed",
    };
    match (degree, hosts) {
        (_, Some(hosts)) => format!("{what} {}", on_hosts(plan, hosts)),
        (CancelDegree::NoNewStarts, None) => what.to_owned(),
        (_, None) => format!("{what} the run"),
    }
}

/// `on web-1`, `on 12 hosts`.
fn on_hosts(plan: &Plan, hosts: &[u32]) -> String {
    match hosts {
        [host] => {
            let name = plan.hosts.get(*host as usize).map_or("a host", |host| host.name.as_str());
            format!("on {name}")
        }
        hosts => format!("on {}", count(hosts.len(), "host")),
    }
}
