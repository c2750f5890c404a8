//! One step of a plan: what it does, what must hold, and the way back, for every host that has it.

use std::hash::Hash;
use std::rc::Rc;

use daytwo_model::plan::{Action, Capture, Effect, PerHost, PlannedStep, Probe, RunAs, Verify, WayBack};
use daytwo_model::{StepId, Text};

use super::expand::{Planner, Rendered, Spot, Use};
use super::render::{Flawed, Renderer};
use crate::step::{ActionTemplate, InverseTemplate, ProbeTemplate, Undo, VerifyTemplate, WaitTemplate};
use crate::template::{Rendering, Template};
use crate::typed::{self, Spelled};

/// How long what a typed step brought about may take to show, in milliseconds: a service starts in its own time.
pub(super) const TYPED_WITHIN_MS: u64 = 30_000;

impl<T: Eq + Hash> Rendered<T> {
    pub(super) fn per_host(self) -> PerHost<T> {
        self.groups.spread(self.values.into_iter().map(Some))
    }
}

impl<T> Rendered<T> {
    /// A part of each value; hosts where there is none have none.
    pub(super) fn part<U: Eq + Hash>(&self, part: impl Fn(&T) -> Option<U>) -> PerHost<U> {
        self.groups.spread(self.values.iter().map(part))
    }
}

/// How long a step takes by its nature: a wait, or a question. What is set for scripts is not meant for these.
fn own_length(step: &PlannedStep) -> Option<u64> {
    let lengths = step.action.variants().iter().filter_map(|action| match action {
        Action::Wait { ms: 0 } => step.verify.as_ref().map(|verify| verify.within_ms),
        Action::Wait { ms } => Some(*ms),
        Action::Ask { within_ms, .. } => Some(*within_ms),
        _ => None,
    });
    lengths.max()
}

impl Planner<'_> {
    /// Plans a step; gives its index. None when something was wrong with it.
    pub(super) fn step(&mut self, used: &Use, spot: &Spot<'_>) -> Option<u32> {
        if let ActionTemplate::HttpSet(set) = &spot.step.action {
            return self.set_step(used, spot, set);
        }
        if spot.step.action.is_typed() {
            return self.typed_step(used, spot);
        }
        let step = spot.step;
        let (read, surroundings) = (Rc::clone(&self.read), self.request.surroundings);
        let renderer = Renderer { runbook: spot.runbook, surroundings, read: &read };
        let action = self.render(spot, &step.action.templates(), |with| renderer.action(&step.action, with));
        let own = self.verify(spot, &renderer, step.verify.as_ref());
        let until = match &step.action {
            ActionTemplate::Wait(wait) => match wait.as_ref() {
                WaitTemplate::Until { probe, within_ms } => Some((probe, *within_ms)),
                WaitTemplate::For { .. } => None,
            },
            _ => None,
        };
        let verify = match (until, &step.verify) {
            (None, _) => own?,
            (Some((probe, within_ms)), None) => Some(Verify::once(self.probe(spot, &renderer, probe)?, within_ms)),
            (Some(_), Some(_)) => {
                let message = "what is waited for is this step's `verify`, and there is a second one";
                self.error(spot.of(), Some(step.place.line), message, None);
                return None;
            }
        };
        let way_back = match (step.effect, &step.undo) {
            (Effect::Read, _) => WayBack::NotNeeded,
            (Effect::Change, Undo::Unsaid | Undo::None) => WayBack::None,
            (Effect::Change, Undo::Inverse(inverse)) => self.inverse(spot, &renderer, inverse)?,
        };
        let planned = PlannedStep {
            captures: renamed(used, &step.captures),
            check: self.check(spot, &renderer)?,
            verify,
            way_back,
            ..PlannedStep::new(spot.id.clone(), action?.per_host())
        };
        let mut planned = self.common(spot, planned);
        planned.timeout_ms = own_length(&planned).unwrap_or(planned.timeout_ms);
        Some(self.push(planned, spot))
    }

    /// A typed step is two: it reads what is there, so that there is a way back, and then changes it.
    fn typed_step(&mut self, used: &Use, spot: &Spot<'_>) -> Option<u32> {
        let step = spot.step;
        let (read, surroundings) = (Rc::clone(&self.read), self.request.surroundings);
        let renderer = Renderer { runbook: spot.runbook, surroundings, read: &read };
        let id = spot.id.clone();
        let spelled = self.render(spot, &step.action.templates(), |with| typed::spell(&id, &step.action, with))?;
        let before_id = StepId::new(format!("{id}.before")).ok()?;
        let verify = match self.verify(spot, &renderer, step.verify.as_ref())? {
            Some(own) => own,
            None => Verify::once(spelled.part(|spelled| Some(spelled.verify.clone())), TYPED_WITHIN_MS),
        };
        let way_back = match &step.undo {
            Undo::None => WayBack::None,
            Undo::Inverse(inverse) => self.inverse(spot, &renderer, inverse)?,
            Undo::Unsaid if spelled.values.iter().all(|spelled| spelled.inverse.is_none()) => WayBack::None,
            Undo::Unsaid => typed_way_back(&spelled, &step.action),
        };
        let check = self.check(spot, &renderer)?;
        let run = |script: &Text, meaning: Option<&Text>| as_run(script, meaning, &step.action);
        let look = Text::plain("look at what is there now, for the way back");
        let before = PlannedStep {
            title: format!("{}: what is there before", spot.title),
            effect: Effect::Read,
            needs: spot.needs.clone(),
            timeout_ms: step.timeout_ms,
            on_failure: step.if_failed,
            late_ok: true,
            captures: spelled.values.first().map(|spelled| spelled.captures.clone()).unwrap_or_default(),
            way_back: WayBack::NotNeeded,
            ..PlannedStep::new(before_id, spelled.part(|spelled| Some(run(&spelled.before, Some(&look)))))
        };
        let before = self.push(before, spot);
        let mut change = PlannedStep {
            captures: renamed(used, &step.captures),
            check,
            verify: Some(verify),
            way_back,
            ..PlannedStep::new(id, spelled.part(|spelled| Some(run(&spelled.change, Some(&spelled.meaning)))))
        };
        change = self.common(spot, change);
        change.needs.push(before);
        Some(self.push(change, spot))
    }

    /// What a step says of itself that is the same for every host.
    pub(super) fn common(&self, spot: &Spot<'_>, planned: PlannedStep) -> PlannedStep {
        PlannedStep {
            effect: spot.step.effect,
            needs: spot.needs.clone(),
            timeout_ms: spot.step.timeout_ms,
            retry: spot.step.retry.clone(),
            on_failure: spot.step.if_failed,
            late_ok: spot.step.late_ok,
            dead_man_ms: spot.step.dead_man_ms,
            ..planned
        }
    }

    pub(super) fn render<T>(
        &mut self,
        spot: &Spot<'_>,
        templates: &[&Template],
        render: impl Fn(&Rendering<'_>) -> Result<T, Flawed>,
    ) -> Option<Rendered<T>> {
        self.rendered(spot.of(), &spot.scope, &spot.there, templates, render)
    }

    fn probe(&mut self, spot: &Spot<'_>, renderer: &Renderer<'_>, probe: &ProbeTemplate) -> Option<PerHost<Probe>> {
        self.render(spot, &probe.templates(), |with| renderer.probe(probe, with)).map(Rendered::per_host)
    }

    /// The outer `Option` is none when something was wrong, the inner one when there is nothing to plan.
    pub(super) fn check(&mut self, spot: &Spot<'_>, renderer: &Renderer<'_>) -> Option<Option<PerHost<Probe>>> {
        match &spot.step.check {
            Some(probe) => self.probe(spot, renderer, probe).map(Some),
            None => Some(None),
        }
    }

    /// As for [`Self::check`].
    pub(super) fn verify(
        &mut self,
        spot: &Spot<'_>,
        renderer: &Renderer<'_>,
        verify: Option<&VerifyTemplate>,
    ) -> Option<Option<Verify>> {
        let Some(verify) = verify else { return Some(None) };
        let probe = self.probe(spot, renderer, &verify.probe)?;
        let (within_ms, samples, at_least) = (verify.within_ms, verify.samples, verify.at_least);
        Some(Some(Verify { probe, within_ms, samples, at_least }))
    }

    pub(super) fn inverse(
        &mut self,
        spot: &Spot<'_>,
        renderer: &Renderer<'_>,
        inverse: &InverseTemplate,
    ) -> Option<WayBack> {
        let own = self.verify(spot, renderer, inverse.verify.as_ref())?;
        if !inverse.action.is_typed() {
            let action =
                self.render(spot, &inverse.action.templates(), |with| renderer.action(&inverse.action, with))?;
            return Some(WayBack::Inverse { action: action.per_host(), verify: own });
        }
        // Its own name, so that what it leaves on the host is not taken for what the step left there.
        let id = StepId::new(format!("{}.undo", spot.id)).ok()?;
        let templates = inverse.action.templates();
        let spelled = self.render(spot, &templates, |with| typed::spell(&id, &inverse.action, with))?;
        let verify =
            own.unwrap_or_else(|| Verify::once(spelled.part(|spelled| Some(spelled.verify.clone())), TYPED_WITHIN_MS));
        let action = spelled.part(|spelled| Some(as_run(&spelled.change, Some(&spelled.meaning), &inverse.action)));
        Some(WayBack::Inverse { action, verify: Some(verify) })
    }
}

fn typed_way_back(spelled: &Rendered<Spelled>, action: &ActionTemplate) -> WayBack {
    let back = |spelled: &Spelled| {
        spelled.inverse.as_ref().map(|inverse| as_run(&inverse.script, Some(&inverse.meaning), action))
    };
    let probe = |spelled: &Spelled| spelled.inverse.as_ref().map(|inverse| inverse.verify.clone());
    WayBack::Inverse { action: spelled.part(back), verify: Some(Verify::once(spelled.part(probe), TYPED_WITHIN_MS)) }
}

fn as_run(script: &Text, meaning: Option<&Text>, action: &ActionTemplate) -> Action {
    let run_as = action.run_as().cloned().unwrap_or(RunAs::Login);
    Action::Run { script: script.clone(), run_as, meaning: meaning.cloned() }
}

/// Captures under their names in the plan.
pub(super) fn renamed(used: &Use, captures: &[Capture]) -> Vec<Capture> {
    let name = |capture: &Capture| used.captured.get(capture.name.as_str()).unwrap_or(&capture.name).clone();
    captures.iter().map(|capture| Capture { name: name(capture), from: capture.from.clone() }).collect()
}
