//! The rest of a run: plans of their own, made from its plan and from what became of it, shown before they run.
//!
//! Nothing is planned anew: hosts, texts and inputs are those of the earlier run, and secrets are named as they
//! were. What a host has behind it is not done again; what was captured there is put in where it is named. A
//! host of which an attempt's end is not known takes no part, because nothing may run beside what may still run;
//! nor does one that another run has gone on with since, or has taken back: what is true there is in that run.

mod progress;

use daytwo_model::plan::{Action, Effect, Intent, On, PerHost, Phase, PlannedStep, Probe, ResumePart, Verify, WayBack};
use daytwo_model::run::HostStanding;
use daytwo_model::{AttemptState, HostName, Plan, RunId, RunState, SealedPlan, Text, Timestamp};

use crate::derived::{LeftOut, Made, Subset, Values, with_probe};
use crate::past::{Back, Past};
use crate::plan::{PlanError, PlanErrors, seal};
use progress::Course;

/// The rest of a run, and what it leaves out.
#[derive(Debug, Clone)]
pub struct ResumePlan {
    /// What will happen.
    pub plan: SealedPlan,
    /// Hosts that would belong to it and take no part, each with the step that is the reason.
    pub left_out: Vec<LeftOut>,
}

/// One of the ways in which a run can be resumed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumeChoice {
    /// Which.
    pub part: ResumePart,
    /// The hosts that take part, in the plan's order.
    pub hosts: Vec<HostName>,
    /// How many steps, counted on each of these hosts, are not done again.
    pub behind: usize,
    /// Hosts that would belong to it and take no part.
    pub left_out: Vec<LeftOut>,
    /// Something would be made again under a name that holds the moment of the first plan (`run.stamp`), which
    /// stays what it was: what refuses to make a thing twice will refuse.
    pub keeps_its_stamp: bool,
    /// Why it cannot be chosen; none where it can.
    pub not_now: Option<String>,
}

/// What the hosts of a derived plan have behind them, in the subset's order.
struct Rest<'p> {
    past: Past<'p>,
    plan: &'p Plan,
    state: &'p RunState,
    courses: Vec<Course>,
    left_out: Vec<LeftOut>,
}

/// The three ways to resume a run, in their order.
#[must_use]
pub fn resume_choices(past: &Past<'_>) -> Vec<ResumeChoice> {
    let plan = past.plan;
    let parts = [ResumePart::FailedFromTheirStep, ResumePart::FailedAndNotReached, ResumePart::Everything];
    let choice = |part| match rest_of(past, part) {
        Ok(rest) => {
            let not_now = rest.check().err().map(|errors| errors.to_string());
            let count =
                |course: &Course| (0_u32..).zip(&course.steps).filter(|(step, _)| course.is_done(*step)).count();
            let hosts = rest.courses.iter().filter_map(|course| plan.hosts.get(course.host as usize));
            ResumeChoice {
                part,
                hosts: hosts.map(|host| host.name.clone()).collect(),
                behind: rest.courses.iter().map(count).sum(),
                keeps_its_stamp: names_a_stamp(plan) && rest.courses.iter().any(|course| course.begun),
                left_out: rest.left_out,
                not_now,
            }
        }
        Err(errors) => ResumeChoice {
            part,
            hosts: Vec::new(),
            behind: 0,
            left_out: Vec::new(),
            keeps_its_stamp: false,
            not_now: Some(errors.to_string()),
        },
    };
    parts.map(choice).into()
}

/// Whether the runbook, or one that it calls, names things by the moment of the plan.
fn names_a_stamp(plan: &Plan) -> bool {
    std::iter::once(&plan.runbook).chain(&plan.called).any(|book| book.text.contains("run.stamp"))
}

/// Plans a part of a run again.
pub fn plan_resume(past: &Past<'_>, part: ResumePart, by: String, at: Timestamp) -> Result<ResumePlan, PlanErrors> {
    let intent = Intent::Resume { of: past.run, part, after: past.known() };
    rest_of(past, part)?.plan(intent, by, at)
}

/// Plans what hosts missed that could not be reached in a run: what only reads, and what may be done late. A host
/// for which that would leave out a change takes no part, nor does one on which something was started. A run that
/// was undone since is not delivered any further.
pub fn plan_late(past: &Past<'_>, hosts: &[HostName], by: String, at: Timestamp) -> Result<ResumePlan, PlanErrors> {
    let (plan, state) = (past.plan, past.state);
    is_over(past)?;
    if let Some(undo) = past.undos().last() {
        return Err(PlanError::new(format!("the run was undone since, in run {}", undo.run)).into());
    }
    let mut rest = Rest { past: *past, plan, state, courses: Vec::new(), left_out: Vec::new() };
    for (host, _) in (0_u32..).zip(&plan.hosts).filter(|(_, host)| hosts.contains(&host.name)) {
        let course = Course::of(plan, state, host);
        match not_late(plan, state, &course) {
            Some((step, why)) => rest.leave_out(host, step, why),
            None => rest.courses.push(course.anew(plan)),
        }
    }
    rest.plan(Intent::Late { of: past.run }, by, at)
}

/// Why a host does not get its part late, and the step that is the reason.
fn not_late(plan: &Plan, state: &RunState, course: &Course) -> Option<(u32, String)> {
    if let Some((step, why)) = course.unclear() {
        return Some((step, why.to_owned()));
    }
    if course.begun {
        let of_host = |step: &u32| state.attempt(course.host, *step).is_some_and(|attempt| attempt.attempts > 0);
        let step = (0_u32..).zip(&plan.steps).map(|(step, _)| step).find(of_host).unwrap_or(0);
        return Some((step, "something was started there; what is left of it is resumed by a person".to_owned()));
    }
    (0_u32..).zip(&plan.steps).find_map(|(index, step)| {
        let once = step.on != On::Host;
        if once && !course.is_done(index) && step.phase == Phase::Main {
            let skipped = matches!(
                state.attempt(state.home(), index).map(|attempt| &attempt.state),
                Some(AttemptState::Skipped { why }) if why.is_harmless()
            );
            return (!skipped).then(|| (index, "it is done once for all hosts, and was not".to_owned()));
        }
        let here = if once { state.home() } else { course.host };
        let changes = step.effect == Effect::Change && !step.late_ok && step.action.get(here).is_some();
        (changes && !once).then(|| (index, "it changes something and is not marked `late_ok`".to_owned()))
    })
}

/// Late deliveries to other hosts may be under way; whoever resumes looks at them too.
fn is_over(past: &Past<'_>) -> Result<(), PlanErrors> {
    if let Intent::Undo { of, .. } = past.plan.intent {
        let error = PlanError::new(format!("this run is the undo of run {of}, and an undo is not resumed"));
        return Err(error.with_hint(format!("undo run {of} again: that takes back what is left")).into());
    }
    past.check_itself_over()
}

fn rest_of<'p>(past: &Past<'p>, part: ResumePart) -> Result<Rest<'p>, PlanErrors> {
    is_over(past)?;
    past.check_over()?;
    let (plan, state) = (past.plan, past.state);
    let mut rest = Rest { past: *past, plan, state, courses: Vec::new(), left_out: Vec::new() };
    for (host, _) in (0_u32..).zip(&plan.hosts) {
        let course = Course::of(plan, state, host);
        match part {
            ResumePart::Everything => rest.again(course),
            ResumePart::FailedFromTheirStep if course.begun || course.standing == HostStanding::Failed => {
                let known = rest.known_and_unfinished(course);
                rest.courses.extend(known);
            }
            ResumePart::FailedFromTheirStep => {}
            ResumePart::FailedAndNotReached => {
                let known = rest.known_and_unfinished(course);
                rest.courses.extend(known.map(|course| course.anew(plan)));
            }
        }
    }
    Ok(rest)
}

impl<'p> Rest<'p> {
    fn leave_out(&mut self, host: u32, step: u32, why: String) {
        self.left_out.extend(LeftOut::new(self.plan, (host, step), why));
    }

    /// All of it once more; a host on which something may still be running is named, and stands in the way. One on
    /// which this run stood on what is not there any more takes no part: all of it is not enough there.
    fn again(&mut self, course: Course) {
        let running = (0_u32..).zip(&self.plan.steps).find_map(|(step, _)| {
            let known = [self.state.attempt(course.host, step), self.state.inverse(course.host, step)];
            known.into_iter().flatten().find(|attempt| attempt.may_still_run()).map(|_| step)
        });
        if let Some(step) = running {
            self.leave_out(course.host, step, "it may still be running there".to_owned());
        } else if let Some(run) = self.past.may_still_run_on(course.host) {
            self.leave_out(course.host, 0, format!("something of run {run} may still be running there"));
        } else if let Some((step, why)) = self.base_is_gone(&course) {
            self.leave_out(course.host, step, why);
            return;
        }
        let steps = course.steps.iter().map(|_| progress::Progress::Open).collect();
        self.courses.push(Course { steps, ..course });
    }

    /// None where the host came to a good end, or is left out.
    fn known_and_unfinished(&mut self, course: Course) -> Option<Course> {
        if course.succeeded() {
            return None;
        }
        if let Some((step, why)) = course.unclear() {
            let why = why.to_owned();
            self.leave_out(course.host, step, why);
            return None;
        }
        if let Some((step, why)) = self.is_another_run_s(&course) {
            self.leave_out(course.host, step, why);
            return None;
        }
        if course.first_open.is_some() {
            return Some(course);
        }
        // Its main steps are behind it, so what failed is a step for its end.
        let bad = |step: &u32| !self.state.is_good(course.host, *step);
        let step = (0_u32..).zip(&self.plan.steps).map(|(step, _)| step).find(bad)?;
        let why = "all its steps are behind it but this one, which is done when a host comes to its end".to_owned();
        self.leave_out(course.host, step, why);
        None
    }

    /// Why a host is no longer as this run left it, and the step that it would go on from.
    fn is_another_run_s(&self, course: &Course) -> Option<(u32, String)> {
        let from = course.first_open.unwrap_or(0);
        if let Some(run) = self.past.undone_on(course.host) {
            let why = format!("what was done there was taken back in run {run}, or tried to be; run the runbook again");
            return Some((from, why));
        }
        if let Some(run) = self.past.undone_below(course.host) {
            return Some((from, undone_below(run)));
        }
        if let Some(run) = self.past.gone_on(course.host) {
            return Some((from, format!("run {run} has gone on there since: resume that one")));
        }
        (0_u32..).zip(&self.plan.steps).find_map(|(index, step)| {
            let relied_on = step.on != On::Host && course.is_done(index);
            match self.past.back(self.state.home(), &step.id) {
                Back::Done(run) | Back::Again(run, _) | Back::Unclear(run, _) if relied_on => {
                    Some((index, format!("it was done once for all hosts, and was taken back in run {run}")))
                }
                _ => self.once_is_gone(index, step),
            }
        })
    }

    /// What the run did not do itself on a host because an earlier one had, and which is not there any more.
    fn base_is_gone(&self, course: &Course) -> Option<(u32, String)> {
        let below = self.past.undone_below(course.host);
        (0_u32..).zip(&self.plan.steps).find_map(|(index, step)| match (step.on, below) {
            (On::Host, Some(run)) if step.action.get(course.host).is_none() => Some((index, undone_below(run))),
            (On::Host, _) => None,
            _ => self.once_is_gone(index, step),
        })
    }

    /// As for [`Self::base_is_gone`], of a step that is done once for all hosts.
    fn once_is_gone(&self, index: u32, step: &PlannedStep) -> Option<(u32, String)> {
        let not_here = step.on != On::Host && step.action.get(self.state.home()).is_none();
        let run = self.past.once_undone_below(&step.id).filter(|_| not_here)?;
        Some((index, format!("it was done once for all hosts, and was taken back in run {run}")))
    }

    /// Whether there is something to do, and every step that is done once has the host where it is done.
    fn check(&self) -> Result<(), PlanErrors> {
        let again = |left: &&LeftOut| self.courses.iter().any(|course| self.name(course) == Some(&left.host));
        let running: Vec<PlanError> = self.left_out.iter().filter(again).map(error_of).collect();
        if !running.is_empty() {
            let hint = "ask the hosts again, or resume the others";
            let first = PlanError::new("on some hosts something of this run may still be running").with_hint(hint);
            return Err(PlanErrors(std::iter::once(first).chain(running).take(ERRORS_MAX).collect()));
        }
        if self.courses.is_empty() {
            let mut errors = vec![PlanError::new("there is no host of this run for which there is something to do")];
            errors.extend(self.left_out.iter().map(error_of));
            errors.truncate(ERRORS_MAX);
            return Err(PlanErrors(errors));
        }
        let home = self.state.home();
        if self.courses.iter().any(|course| course.host == home) {
            return Ok(());
        }
        for (index, step) in (0_u32..).zip(&self.plan.steps) {
            let here = step.on == On::One && step.phase == Phase::Main && step.action.get(home).is_some();
            if here && self.courses.iter().any(|course| course.is_open(index)) {
                let home = self.plan.hosts.get(home as usize).map(|host| host.name.clone());
                let message = "this is done once, on a host that is not a part of the rest, and the others wait for it";
                return Err(PlanError { step: Some(step.id.clone()), host: home, ..PlanError::new(message) }.into());
            }
        }
        Ok(())
    }

    fn name(&self, course: &Course) -> Option<&'p HostName> {
        self.plan.hosts.get(course.host as usize).map(|host| &host.name)
    }

    fn plan(self, intent: Intent, by: String, at: Timestamp) -> Result<ResumePlan, PlanErrors> {
        self.check()?;
        let subset = Subset::new(self.plan, self.courses.iter().map(|course| course.host).collect());
        let captured = self.courses.iter().map(|course| course.captured(self.plan, self.state));
        let values: Vec<Values> = captured.map(Values).collect();
        let steps = (0_u32..).zip(&self.plan.steps).map(|(index, step)| self.step(&subset, &values, index, step));
        let made = Made { intent, steps: steps.collect(), by, at };
        Ok(ResumePlan { plan: seal(subset.plan(made))?, left_out: self.left_out })
    }

    /// A step for the hosts that take part: nothing where it is behind them, and otherwise what it was, with the
    /// values in it that nobody captures again.
    fn step(&self, subset: &Subset<'_>, values: &[Values], index: u32, step: &PlannedStep) -> PlannedStep {
        let new_home = subset.home();
        let once = step.on != On::Host;
        // What is done once stands at the first host, which may be another one now.
        let sources: Vec<Option<u32>> = self
            .courses
            .iter()
            .map(|course| match (course.is_open(index), once) {
                (false, _) => None,
                (true, false) => Some(course.host),
                (true, true) => (Some(course.host) == new_home).then(|| self.state.home()),
            })
            .collect();
        let done = (0_u32..)
            .zip(&self.courses)
            .filter(|(_, course)| course.is_done(index) && (!once || Some(course.host) == new_home));
        let filling = Filling { sources: &sources, values };
        let way_back = match &step.way_back {
            WayBack::Inverse { action, verify } => WayBack::Inverse {
                action: filling.actions(action),
                verify: verify.as_ref().map(|verify| filling.verify(verify)),
            },
            other @ (WayBack::NotNeeded | WayBack::None) => other.clone(),
        };
        PlannedStep {
            done_before: done.map(|(host, _)| host).collect(),
            condition: step
                .condition
                .as_ref()
                .map(|condition| filling.of(condition, |_| true, |values, condition| values.condition(condition))),
            action: filling.actions(&step.action),
            check: step.check.as_ref().map(|check| filling.probes(check)),
            // What it said then is not what it would say now.
            asked: None,
            verify: step.verify.as_ref().map(|verify| filling.verify(verify)),
            way_back,
            ..step.clone()
        }
    }
}

fn undone_below(run: RunId) -> String {
    format!("what this run went on from was taken back there in run {run}, or tried to be; run the runbook again")
}

/// How many reasons are told when there is no plan.
const ERRORS_MAX: usize = 50;

fn error_of(left: &LeftOut) -> PlanError {
    PlanError { step: Some(left.step.clone()), host: Some(left.host.clone()), ..PlanError::new(left.why.clone()) }
}

/// Values of an earlier plan for the hosts of a derived one.
struct Filling<'f> {
    /// For each host, the host of the earlier plan whose value it has; none where it has none.
    sources: &'f [Option<u32>],
    values: &'f [Values],
}

impl Filling<'_> {
    /// Hosts go on sharing what they shared, where nothing that was captured is named in it.
    fn of<T: Clone + Eq + std::hash::Hash>(
        &self,
        each: &PerHost<T>,
        may_name: impl Fn(&T) -> bool,
        fill: impl Fn(&Values, &T) -> T,
    ) -> PerHost<T> {
        if !each.variants().iter().any(may_name) {
            return each.pick(self.sources.iter().copied());
        }
        let filled = self.sources.iter().zip(self.values);
        PerHost::collect(filled.map(|(source, values)| Some(fill(values, each.get((*source)?)?))))
    }

    fn actions(&self, actions: &PerHost<Action>) -> PerHost<Action> {
        self.of(actions, |action| action.texts().any(names), Values::action)
    }

    fn probes(&self, probes: &PerHost<Probe>) -> PerHost<Probe> {
        self.of(probes, |probe| probe.texts().any(names), Values::probe)
    }

    fn verify(&self, verify: &Verify) -> Verify {
        with_probe(verify, self.probes(&verify.probe))
    }
}

fn names(text: &Text) -> bool {
    !text.captures().is_empty()
}
