//! Runs one plan on a stage, in bounded time whatever the engine does.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use daytwo_engine::{Handle, Request, Settings, open};
use daytwo_model::{RunOutcome, SealedPlan, Timestamp};
use daytwo_runbook::GivenAnswers;
use tokio::time::{sleep, timeout};

use crate::BY;
use crate::answers::Answers;
use crate::recordings::Recordings;
use crate::report::{Problem, span};
use crate::stage::Stage;
use crate::trace::Trace;

/// The most time that a run may take by its own clock: longer than any timeout, wait and hold that a runbook may ask for.
const SIMULATED_MAX: Duration = Duration::from_secs(60 * 24 * 60 * 60);
/// The most time that a run may take by a real clock; all of it is computation.
const REAL_MAX: Duration = Duration::from_secs(20);

/// A run that came to its end.
pub(crate) struct Performed {
    /// How it ended, or why the engine did not take it.
    pub(crate) outcome: Result<RunOutcome, String>,
    pub(crate) trace: Trace,
    /// By its own clock.
    pub(crate) took_ms: u64,
    pub(crate) ended_at: Timestamp,
    /// Whether a cancel came before its end.
    pub(crate) cancelled: bool,
    /// Answers that nobody asked for.
    pub(crate) unasked: Vec<Problem>,
}

/// What people do in a case while it runs.
#[derive(Default)]
pub(crate) struct People {
    /// When one of them cancels, in milliseconds after the start.
    pub(crate) cancel_after: Option<u64>,
    /// What they answer when a step asks.
    pub(crate) answers: Vec<GivenAnswers>,
}

/// Performs a plan; the error says why it came to no end.
///
/// The run has its own thread: one that computes for ever is left behind and told of, instead of hanging the
/// tests with it.
pub(crate) fn perform(
    plan: &SealedPlan,
    at: Timestamp,
    recordings: Arc<Recordings>,
    people: People,
) -> Result<Performed, String> {
    let plan = Arc::new(plan.clone());
    let (sender, receiver) = channel();
    let work = move || {
        // Nobody listens after the deadline, and then nobody misses it.
        let _ = sender.send(in_runtime(plan, at, recordings, &people));
    };
    let thread = std::thread::Builder::new().name("rehearsal".to_owned()).spawn(work);
    let thread = thread.map_err(|error| format!("the run cannot be started: {error}"))?;
    match receiver.recv_timeout(REAL_MAX) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => {
            Err(format!("the run comes to no end within {} s of work", REAL_MAX.as_secs()))
        }
        Err(RecvTimeoutError::Disconnected) => {
            let said = thread.join().err().and_then(|said| {
                let text = said.downcast_ref::<&str>().map(|text| (*text).to_owned());
                text.or_else(|| said.downcast_ref::<String>().cloned())
            });
            Err(format!("the run breaks: {}", said.unwrap_or_else(|| "it does not say why".to_owned())))
        }
    }
}

fn in_runtime(
    plan: Arc<SealedPlan>,
    at: Timestamp,
    recordings: Arc<Recordings>,
    people: &People,
) -> Result<Performed, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .map_err(|error| format!("the run cannot be started: {error}"))?;
    runtime.block_on(drive(plan, at, recordings, people))
}

async fn drive(
    plan: Arc<SealedPlan>,
    at: Timestamp,
    recordings: Arc<Recordings>,
    people: &People,
) -> Result<Performed, String> {
    let stage = Arc::new(Stage::new(Arc::clone(&plan), at, recordings));
    let mut cancelled = false;
    let mut answers = Answers::new(&people.answers);
    let cancel_after = people.cancel_after;
    let outcome = match open((*plan).clone(), BY.to_owned(), stage.ports(), Settings::default()) {
        Err(error) => Err(with_causes(&error)),
        Ok((driver, handle)) => {
            let run = timeout(SIMULATED_MAX, driver.run());
            tokio::pin!(run);
            let ended = loop {
                let until = Duration::from_millis(cancel_after.unwrap_or(0)).saturating_sub(elapsed(&stage));
                tokio::select! {
                    biased;
                    ended = &mut run => break ended,
                    () = sleep(until), if cancel_after.is_some() && !cancelled => {
                        cancelled = true;
                        handle.cancel(BY.to_owned(), "the case says so".to_owned());
                    }
                    () = stage.asked() => answer(&stage, &plan, &handle, &mut answers),
                }
            };
            match ended {
                Ok(ended) => ended.map_err(|error| with_causes(&error)),
                Err(_) => {
                    let took = u64::try_from(SIMULATED_MAX.as_millis()).unwrap_or(u64::MAX);
                    return Err(format!("the run comes to no end within {} of its own time", span(took)));
                }
            }
        }
    };
    let took_ms = stage.took_ms();
    let ended_at = Timestamp::from_unix_ms(at.unix_ms().saturating_add(i64::try_from(took_ms).unwrap_or(i64::MAX)));
    let stage = Arc::try_unwrap(stage).map_err(|_| "something of the run goes on after its end".to_owned())?;
    Ok(Performed { outcome, trace: stage.into_trace(), took_ms, ended_at, cancelled, unasked: answers.unused() })
}

/// Answers what was asked since, as far as the case says anything.
fn answer(stage: &Stage, plan: &SealedPlan, handle: &Handle, answers: &mut Answers) {
    loop {
        let Some((host, step)) = stage.trace().next_question() else { return };
        let id = plan.plan().steps.get(step as usize).map(|step| &step.id);
        if let Some(answer) = id.and_then(|id| answers.next(host, id)) {
            let (by, why) = (BY.to_owned(), "the case says so".to_owned());
            handle.request(Request::Answer { hosts: vec![host], step, answer, by, why });
        }
    }
}

fn elapsed(stage: &Stage) -> Duration {
    Duration::from_millis(stage.took_ms())
}

fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
