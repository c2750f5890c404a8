//! Another runbook's steps, in the place of a call.
//!
//! The called runbook has a scope of its own: it sees the inputs that it is given and nothing else of
//! its caller. It may not reach hosts that it is not for, and it may not come back to itself.

use std::collections::BTreeMap;

use daytwo_model::plan::{InputValue, On, Phase};
use daytwo_model::selector::Verdict;
use daytwo_model::text::{Late, Part};

use super::expand::{Deferred, Planner, Rendered, Spot, Use};
use super::inputs;
use super::planned_runbook;
use super::render::{Flawed, known_now};
use super::scope::Binding;
use crate::input::{InputKind, InputSpec, as_typed};
use crate::runbook::Runbook;
use crate::select::hosts;
use crate::step::CallTemplate;
use crate::template::{Rendering, Template, as_late};

/// How deep calls go. Nobody keeps more than that in mind.
pub const CALL_DEPTH_MAX: usize = 8;

impl Planner<'_> {
    /// Expands a call; gives the steps without which it was not done.
    pub(super) fn call(&mut self, used: &Use, spot: &Spot<'_>, call: &CallTemplate) -> Vec<u32> {
        let line = Some(call.place.line);
        if let Some(why) = refused(used, call) {
            self.error(spot.of(), line, &why, None);
            return Vec::new();
        }
        let Some(runbook) = self.request.surroundings.runbook(&call.runbook) else {
            self.error(spot.of(), line, &format!("there is no runbook `{}` to call", call.runbook), None);
            return Vec::new();
        };
        if let Some(why) = self.not_for(&runbook, spot) {
            self.error(spot.of(), line, &why, None);
            return Vec::new();
        }
        let Some(bindings) = self.inputs(spot, call, &runbook) else { return Vec::new() };
        if self.called.iter().all(|called| called.name != runbook.name) {
            self.called.push(planned_runbook(&runbook));
        }
        let prefix = format!("{}/", spot.id);
        let captured = self.names.of(&runbook, &prefix);
        let Some(scope) = self.scope(&runbook, bindings, &captured, &spot.there) else { return Vec::new() };
        let mut inner = Use {
            scope,
            captured,
            prefix,
            there: spot.there.clone(),
            when: spot.when.clone(),
            condition: spot.condition.clone(),
            needs: spot.needs.clone(),
            chain: used.chain.iter().cloned().chain([runbook.name.clone()]).collect(),
            placed: BTreeMap::new(),
        };
        let first = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        self.expand(&runbook, &mut inner, Phase::Main);
        // A step with a `when` of its own may be left out although the call was done.
        let sure = runbook.steps.iter().filter(|step| step.when.is_none() && step.for_each.is_none());
        let mut placed: Vec<u32> = sure.filter_map(|step| inner.placed.get(&step.id)).flatten().copied().collect();
        if placed.is_empty() {
            placed.push(first);
        }
        if !runbook.on_failure.is_empty() || !runbook.always.is_empty() {
            if !self.is_done_first(first, spot) {
                let message = format!(
                    "the runbook {} begins with a step that may be left out, so nobody could say later whether there is something to clean up after it",
                    runbook.name
                );
                self.error(spot.of(), line, &message, None);
                return Vec::new();
            }
            // Where the call was never reached there is nothing to clean up after it.
            inner.needs.push(first);
            self.deferred.push(Deferred { runbook, used: inner });
        }
        placed
    }

    /// Whether the step that a call begins with is done wherever the call is.
    fn is_done_first(&self, first: u32, spot: &Spot<'_>) -> bool {
        let Some(step) = self.steps.get(first as usize) else { return true };
        let once = step.on != On::Host;
        let has = |host: u32| once || !spot.there.holds(host) || step.action.get(host).is_some();
        step.condition == spot.condition && (0_u32..).take(self.crowd.len()).all(has)
    }

    /// Why the called runbook may not be done on these hosts.
    fn not_for(&self, runbook: &Runbook, spot: &Spot<'_>) -> Option<String> {
        let targets = runbook.targets.as_ref()?;
        let mut outside = (0_u32..).zip(self.crowd.hosts.iter()).filter(|(index, host)| {
            let facts = self.request.surroundings.facts(&host.name);
            spot.there.holds(*index) && targets.verdict(host, facts, self.request.at) != Verdict::Picked
        });
        let (_, first) = outside.next()?;
        let others = match outside.count() {
            0 => String::new(),
            count => format!(", nor are {} more", hosts(count)),
        };
        let name = &runbook.name;
        Some(format!(
            "the runbook {name} is for `{targets}`, and {} is not known to be one of them{others}",
            first.name
        ))
    }

    /// The inputs of the called runbook, as if they had been typed.
    fn inputs(&mut self, spot: &Spot<'_>, call: &CallTemplate, runbook: &Runbook) -> Option<BTreeMap<String, Binding>> {
        let line = Some(call.place.line);
        let mut is_good = true;
        for name in call.inputs.keys() {
            if let Err((message, hint)) = inputs::known(runbook, name) {
                let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                self.error(spot.of(), line, &format!("input {name}: {message}{hint}"), None);
                is_good = false;
            }
        }
        let request = self.request;
        let mut bindings = BTreeMap::new();
        for (name, spec) in &runbook.inputs {
            let given = call.inputs.get(name);
            let templates: Vec<&Template> = given.into_iter().collect();
            let value = |rendering: &Rendering<'_>| -> Result<InputValue, Flawed> {
                let line = given.map_or(call.place.line, |template| template.place().line);
                let said = |message: String| (Some(line), format!("input {name}: {message}"));
                let text = given.map(|template| handed_over(template, spec, rendering)).transpose().map_err(said)?;
                inputs::value(runbook, name, spec, text.as_deref(), request).map_err(|(message, _)| said(message))
            };
            match self.rendered(spot.of(), &spot.scope, &spot.there, &templates, value) {
                Some(Rendered { values, .. }) if values.is_empty() => {}
                Some(rendered) => {
                    let binding = rendered.binding(|value| match Binding::of_input(value) {
                        Binding::Same(value) => value,
                        Binding::Differs(_) => minijinja::Value::UNDEFINED,
                    });
                    bindings.insert(name.clone(), binding);
                }
                None => is_good = false,
            }
        }
        is_good.then_some(bindings)
    }
}

fn refused(used: &Use, call: &CallTemplate) -> Option<String> {
    if let Some(from) = used.chain.iter().position(|name| *name == call.runbook) {
        let circle = used.chain.iter().skip(from).chain([&call.runbook]).map(ToString::to_string);
        return Some(format!("the runbook calls itself: {}", circle.collect::<Vec<_>>().join(" → ")));
    }
    (used.chain.len() > CALL_DEPTH_MAX).then(|| format!("calls go at most {CALL_DEPTH_MAX} deep"))
}

/// A value as it would be typed for this input.
fn handed_over(template: &Template, spec: &InputSpec, rendering: &Rendering<'_>) -> Result<String, String> {
    if let Some(name) = template.only_name() {
        let value = rendering.value(name);
        if as_late(&value).is_none() && !value.is_undefined() {
            let value = serde_json::to_value(&value).map_err(|_| "this value cannot be handed over".to_owned())?;
            return Ok(as_typed(&spec.kind, &value));
        }
    }
    let text = template.render(rendering)?;
    match (text.parts(), &spec.kind) {
        ([], _) => Ok(String::new()),
        ([Part::Late { value: Late::Secret(name), .. }], InputKind::Secret) => Ok(name.to_string()),
        ([Part::Late { value: Late::Secret(_), .. }], _) => {
            Err("this is a secret, and the called runbook does not take it as one".to_owned())
        }
        ([Part::Plain(text)], InputKind::List { .. }) => Ok(match serde_json::from_str(text) {
            Ok(list @ serde_json::Value::Array(_)) => as_typed(&spec.kind, &list),
            _ => text.clone(),
        }),
        _ => known_now(&text, "the input of a called runbook"),
    }
}
