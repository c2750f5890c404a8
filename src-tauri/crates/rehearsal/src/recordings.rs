//! The replies of a case, and which of them were given. A reply that nobody asked for is never silent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use daytwo_model::Plan;
use daytwo_model::suggest::nearest;
use daytwo_model::{HostName, StepId};
use daytwo_runbook::{HEALTH_STEP, Meant, Question, Recording, Reply};

use crate::report::Problem;

/// The replies that a case may give: its own, then those of its file.
pub(crate) struct Recordings {
    entries: Vec<Entry>,
}

struct Entry {
    recording: Recording,
    /// Its index in the file's replies; none for the case's own.
    of_file: Option<usize>,
    /// Whether the plan has no such step, which is told apart.
    stranger: AtomicBool,
    /// How many replies each host was given.
    given: Mutex<BTreeMap<HostName, usize>>,
}

impl Recordings {
    pub(crate) fn new(of_case: &[Recording], of_file: &[Recording]) -> Self {
        let entry = |of_file, recording: &Recording| Entry {
            recording: recording.clone(),
            of_file,
            stranger: AtomicBool::new(false),
            given: Mutex::default(),
        };
        let of_case = of_case.iter().map(|recording| entry(None, recording));
        let of_file = of_file.iter().enumerate().map(|(index, recording)| entry(Some(index), recording));
        Self { entries: of_case.chain(of_file).collect() }
    }

    /// The next reply of a host to a question.
    pub(crate) fn give(&self, question: &Question, host: &HostName) -> Option<Reply> {
        let fitting = self.entries.iter().filter_map(|entry| Some((entry.fits(question, host)?, entry)));
        // The first of the best, as `max_by_key` would give the last.
        let (_, entry) = fitting.min_by_key(|(fit, _)| std::cmp::Reverse(*fit))?;
        let mut given = entry.given.lock().unwrap_or_else(PoisonError::into_inner);
        let given = given.entry(host.clone()).or_default();
        let reply = entry.recording.replies.get(*given).or_else(|| entry.recording.replies.last());
        *given += 1;
        reply.cloned()
    }

    /// Replies for steps that the plan does not have.
    pub(crate) fn unknown_steps(&self, plan: &Plan) -> Vec<Problem> {
        let ids: Vec<&str> = plan.steps.iter().map(|step| step.id.as_str()).collect();
        let stranger = |entry: &&Entry| {
            let step = &entry.recording.question.step;
            let health = step.as_str() == HEALTH_STEP && plan.limits.health.is_some();
            let known = health || plan.steps.iter().any(|planned| stands_for(step, &planned.id).is_some());
            entry.of_file.is_none() && !known
        };
        let problem = |entry: &Entry| {
            entry.stranger.store(true, Ordering::Relaxed);
            let question = &entry.recording.question;
            let near = nearest(question.step.as_str(), ids.iter().copied());
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            Problem::new(entry.recording.place.line, format!("the plan has no step {}{hint}", question.step))
        };
        self.entries.iter().filter(stranger).map(problem).collect()
    }

    /// What the case recorded and nobody asked for.
    pub(crate) fn unused(&self) -> Vec<Problem> {
        self.entries.iter().filter(|entry| entry.is_awaited()).flat_map(Entry::unused).collect()
    }

    /// Which of the file's replies were given.
    pub(crate) fn used_of_file(&self) -> BTreeSet<usize> {
        let used = |entry: &&Entry| !entry.given.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
        self.entries.iter().filter(used).filter_map(|entry| entry.of_file).collect()
    }
}

/// How well an entry fits; the best one answers.
type Fit = (bool, bool, bool);

impl Entry {
    /// What the case says comes before what its file says, this step before all items of its loop, and this host
    /// before every host.
    fn fits(&self, question: &Question, host: &HostName) -> Option<Fit> {
        let asked = &self.recording.question;
        if asked.undo != question.undo || asked.part != question.part {
            return None;
        }
        let this_step = stands_for(&asked.step, &question.step)?;
        let this_host = match &self.recording.hosts {
            Meant::All | Meant::Others => false,
            Meant::These(hosts) => hosts.contains(host).then_some(true)?,
        };
        Some((self.of_file.is_none(), this_step, this_host))
    }

    /// Whether it is a mistake that it is not asked for.
    fn is_awaited(&self) -> bool {
        self.of_file.is_none() && !self.stranger.load(Ordering::Relaxed)
    }

    fn unused(&self) -> Vec<Problem> {
        let given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let (line, question) = (self.recording.place.line, &self.recording.question);
        let recorded = self.recording.replies.len();
        let never = |who: &str| Problem::new(line, format!("the reply to {question}{who} is never asked for"));
        let mut problems = Vec::new();
        match &self.recording.hosts {
            Meant::All | Meant::Others if given.is_empty() => problems.push(never("")),
            Meant::These(hosts) => {
                let unasked = hosts.iter().filter(|host| !given.contains_key(*host));
                problems.extend(unasked.map(|host| never(&format!(" on {host}"))));
            }
            Meant::All | Meant::Others => {}
        }
        let most = given.values().copied().max().unwrap_or(recorded);
        if problems.is_empty() && most < recorded {
            let message =
                format!("{recorded} replies to {question} are recorded, and no host is asked more often than {most}×");
            problems.push(Problem::new(line, message));
        }
        problems
    }
}

/// Whether the id in a file means this step of a plan: `Some(true)` if it is its own, `Some(false)` if it is the
/// loop's whose item the step is.
pub(crate) fn stands_for(written: &StepId, planned: &StepId) -> Option<bool> {
    if written == planned {
        return Some(true);
    }
    let (base, item) = planned.as_str().rsplit_once('.')?;
    (base == written.as_str() && item.parse::<u32>().is_ok()).then_some(false)
}
