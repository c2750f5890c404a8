//! Rehearsals: a runbook's recorded tests, run against the real planner and the real engine.
//!
//! ```text
//! NAME.test.yaml ─► case ─► plan ─► engine ─(recorded replies, paused clock)─► course ─► compared ─► report
//!                                     └─► plan of the undo ─► engine ─► course ─► compared ─┘
//! ```
//!
//! Only the outermost things are played: hosts, APIs, the journal's disk and the clock. Nothing here reads a
//! file, opens a connection or waits, and nothing decides what a run does: if a rule of the engine were
//! repeated here, a rehearsal could pass while the run goes wrong.

mod answers;
mod compare;
mod course;
mod kept;
mod perform;
mod recordings;
mod report;
#[cfg(test)]
mod resumed;
mod stage;
mod surroundings;
mod trace;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use daytwo_model::{RunId, SealedPlan, Timestamp};
use daytwo_runbook::{
    Case, Expected, ExpectedUndo, LeftOut, Past, PlanRequest, RehearsalFile, Runbook, Surroundings, WhenReachable,
    plan, plan_undo,
};
use uuid::Uuid;

use perform::{People, Performed, perform};
use recordings::Recordings;
pub use report::{CaseReport, Problem, Report, Row};
use surroundings::Played;

/// Who plans and runs a rehearsal.
const BY: &str = "rehearsal";
/// The id of the run in every case: they never meet.
const RUN: RunId = RunId::from_uuid(Uuid::from_u128(1));

/// Runs every case of a file. Of `around`, other runbooks and the texts beside them are asked for; everything
/// else that planning asks is answered by the file.
#[must_use]
pub fn rehearse(runbook: &Runbook, file: &RehearsalFile, around: &dyn Surroundings) -> Report {
    let start = Instant::now();
    let mut problems = Vec::new();
    if runbook.name != file.runbook {
        problems.push(Problem::new(1, format!("it tests {}, and the runbook is {}", file.runbook, runbook.name)));
    }
    let mut used = BTreeSet::new();
    let cases = file.cases.iter().map(|case| {
        let rehearsal = Rehearsal { runbook, file, around, case };
        let (report, of_file) = rehearsal.report();
        used.extend(of_file);
        report
    });
    let cases = cases.collect();
    for (_, recording) in file.replies.iter().enumerate().filter(|(index, _)| !used.contains(index)) {
        let message = format!("no case asks for the reply to {}", recording.question);
        problems.push(Problem::new(recording.place.line, message));
    }
    Report {
        file: file.file.clone(),
        runbook: runbook.name.to_string(),
        problems,
        cases,
        real_ms: start.elapsed().as_secs_f64() * 1000.0,
    }
}

/// One case.
struct Rehearsal<'a> {
    runbook: &'a Runbook,
    file: &'a RehearsalFile,
    around: &'a dyn Surroundings,
    case: &'a Case,
}

impl Rehearsal<'_> {
    /// The report of the case, and which of the file's own replies it used.
    fn report(&self) -> (CaseReport, BTreeSet<usize>) {
        let start = Instant::now();
        let recordings = Arc::new(Recordings::new(&self.case.replies, &self.file.replies));
        let mut report = CaseReport::new(self.case);
        self.forward(&recordings, &mut report);
        // Where nothing went on, to say what was not used would hide why.
        if report.attempts > 0 || report.problems.is_empty() {
            report.problems.extend(recordings.unused());
        }
        report.problems.sort_by_key(|problem| problem.line);
        report.real_ms = start.elapsed().as_secs_f64() * 1000.0;
        (report, recordings.used_of_file())
    }

    fn forward(&self, recordings: &Arc<Recordings>, report: &mut CaseReport) {
        let case = self.case;
        let played = Played { file: self.file, around: self.around };
        let request = PlanRequest {
            inputs: case.inputs.clone(),
            selection: case.select.clone(),
            fleet: &self.file.hosts,
            surroundings: &played,
            source: None,
            by: BY.to_owned(),
            at: self.file.at,
            when_reachable: WhenReachable::default(),
        };
        let plan = match plan(self.runbook, &request) {
            Ok(plan) => plan,
            Err(errors) => return report.refused(&case.expect, &format!("the plan is refused: {errors}")),
        };
        report.problems.extend(recordings.unknown_steps(plan.plan()));
        let people = People { cancel_after: case.cancel_after.map(|(_, ms)| ms), answers: case.answers.clone() };
        let Some(performed) = self.run(&plan, self.file.at, recordings, people, &case.expect, report) else {
            return;
        };
        if let (Some((place, _)), false) = (case.cancel_after, performed.cancelled) {
            let message = format!("the run is over after {}, before it is cancelled", report::span(performed.took_ms));
            report.problems.push(Problem::new(place.line, message));
        }
        if let Some(undo) = &case.undo {
            self.back(undo, &plan, &performed, recordings, report);
        }
    }

    fn back(
        &self,
        undo: &ExpectedUndo,
        plan: &SealedPlan,
        forward: &Performed,
        recordings: &Arc<Recordings>,
        report: &mut CaseReport,
    ) {
        let at = forward.ended_at;
        let planned = plan_undo(&Past::alone(RUN, plan.plan(), forward.trace.state()), BY.to_owned(), at);
        let planned = match planned {
            Ok(planned) => planned,
            Err(errors) => return report.refused(&undo.expect, &format!("the undo is refused: {errors}")),
        };
        report.problems.extend(left_out(undo, &planned.left_out));
        self.run(&planned.plan, at, recordings, People::default(), &undo.expect, report);
    }

    /// Performs a plan and compares it; none where it could not be performed, which the report then says.
    fn run(
        &self,
        plan: &SealedPlan,
        at: Timestamp,
        recordings: &Arc<Recordings>,
        people: People,
        expect: &Expected,
        report: &mut CaseReport,
    ) -> Option<Performed> {
        let performed = match perform(plan, at, Arc::clone(recordings), people) {
            Ok(performed) => performed,
            Err(why) => {
                report.problems.push(Problem::new(self.case.place.line, why));
                return None;
            }
        };
        report.attempts += performed.trace.attempts();
        report.asked += performed.trace.asked();
        report.simulated_ms += performed.took_ms;
        report.problems.extend(performed.trace.missing(self.case.place.line));
        report.problems.extend(performed.unasked.iter().cloned());
        match (&performed.outcome, expect) {
            (Err(why), expect) => report.refused(expect, &format!("the run is refused: {why}")),
            (Ok(_), Expected::Refused { place, text }) => {
                let message = format!("it is not refused with `{text}`: it runs");
                report.problems.push(Problem::new(place.line, message));
            }
            (Ok(outcome), Expected::Run(expect)) => {
                report.problems.extend(compare::compare(expect, *outcome, plan.plan(), &performed));
            }
        }
        performed.outcome.is_ok().then_some(performed)
    }
}

/// What an undo leaves as it is, and should not; and the other way round.
fn left_out(undo: &ExpectedUndo, found: &[LeftOut]) -> Vec<Problem> {
    let key = |left: &LeftOut| (left.host.clone(), left.step.clone());
    let there: BTreeSet<_> = found.iter().map(key).collect();
    let unsaid = found.iter().filter(|left| !undo.left_out.contains_key(&key(left))).map(|left| {
        let message = format!("the undo leaves {} as it is on {}: {}", left.step, left.host, left.why);
        Problem::new(undo.place.line, message)
    });
    let absent = undo.left_out.iter().filter(|(key, _)| !there.contains(key)).map(|((host, step), place)| {
        Problem::new(place.line, format!("the undo does not leave {step} as it is on {host}"))
    });
    unsaid.chain(absent).collect()
}
