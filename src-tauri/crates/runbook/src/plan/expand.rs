//! A runbook's steps become the plan's: loops are unrolled, conditions decided as far as they can be,
//! called runbooks put in their place. What comes out is a list, in the order in which it is done.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use daytwo_model::plan::{Condition, Health, InputValue, On, PerHost, Phase, PlannedRunbook, PlannedStep};
use daytwo_model::text::Part;
use daytwo_model::{CaptureName, Host, RunbookName, SecretName, StepId};
use minijinja::Value;

use super::captures::CaptureNames;
use super::error::PLAN_ERRORS_MAX;
use super::groups::{Crowd, Groups, There};
use super::render::{Flawed, Read, known_now};
use super::scope::{Binding, Column, Scope, known};
use super::{PlanError, PlanErrors, PlanRequest};
use crate::expression::{Expression, Folded};
use crate::runbook::Runbook;
use crate::step::{ActionTemplate, Step};
use crate::template::{Engines, JsonTemplate, Rendering};

/// The most steps of a plan, after loops and calls. Nobody reads more than that before it runs.
pub const PLANNED_STEPS_MAX: usize = 1000;

/// What a runbook comes to.
pub(super) struct Expanded {
    pub(super) steps: Vec<PlannedStep>,
    pub(super) called: Vec<PlannedRunbook>,
    /// Every secret that it and what it calls may use.
    pub(super) secrets: BTreeSet<SecretName>,
    /// What must hold after each batch.
    pub(super) health: Option<Health>,
}

/// Makes the steps of one plan.
pub(super) struct Planner<'p> {
    pub(super) request: &'p PlanRequest<'p>,
    pub(super) crowd: Crowd,
    pub(super) read: Rc<Read>,
    pub(super) names: CaptureNames,
    pub(super) steps: Vec<PlannedStep>,
    pub(super) called: Vec<PlannedRunbook>,
    secrets: BTreeSet<SecretName>,
    /// What called runbooks do at the end.
    pub(super) deferred: Vec<Deferred>,
    engines: Engines,
    /// The host on which `on: one` and `on: console` are done.
    once: u32,
    errors: Vec<PlanError>,
}

/// One use of a runbook: as the plan's own, or in a call.
#[derive(Clone)]
pub(super) struct Use {
    pub(super) scope: Arc<Scope>,
    /// For each name that it captures, the name in the plan.
    pub(super) captured: BTreeMap<String, CaptureName>,
    /// What the ids of its steps begin with: `call/`.
    pub(super) prefix: String,
    /// The hosts on which it is done at all.
    pub(super) there: There,
    /// What the calls around it say in their `when`, and what is left of that.
    pub(super) when: Option<String>,
    pub(super) condition: Option<PerHost<Condition>>,
    /// What the calls around it need.
    pub(super) needs: Vec<u32>,
    /// The runbooks that led here, this one last.
    pub(super) chain: Vec<RunbookName>,
    /// For each of its steps so far, the planned steps without which it was not done.
    pub(super) placed: BTreeMap<StepId, Vec<u32>>,
}

/// The later phases of a called runbook.
pub(super) struct Deferred {
    pub(super) runbook: Arc<Runbook>,
    pub(super) used: Use,
}

/// One step, with everything around it: what it sees, where it is done, and when.
pub(super) struct Spot<'s> {
    pub(super) runbook: &'s Runbook,
    pub(super) step: &'s Step,
    pub(super) phase: Phase,
    pub(super) id: StepId,
    pub(super) title: String,
    pub(super) scope: Arc<Scope>,
    pub(super) there: There,
    pub(super) needs: Vec<u32>,
    pub(super) when: Option<String>,
    pub(super) condition: Option<PerHost<Condition>>,
}

/// A value per group of hosts.
pub(super) struct Rendered<T> {
    pub(super) groups: Groups,
    pub(super) values: Vec<T>,
}

/// Whose error it is.
#[derive(Clone, Copy)]
pub(super) struct Of<'o> {
    pub(super) runbook: &'o Runbook,
    pub(super) step: Option<&'o StepId>,
}

impl<'p> Planner<'p> {
    pub(super) fn new(request: &'p PlanRequest<'p>, hosts: Arc<Vec<Host>>, once: u32) -> Self {
        Self {
            request,
            crowd: Crowd::new(hosts),
            read: Rc::default(),
            names: CaptureNames::default(),
            steps: Vec::new(),
            called: Vec::new(),
            secrets: BTreeSet::new(),
            deferred: Vec::new(),
            engines: Engines::new(),
            once,
            errors: Vec::new(),
        }
    }

    /// The steps of the plan, with what they came from.
    pub(super) fn plan(
        mut self,
        runbook: &Runbook,
        inputs: &BTreeMap<String, InputValue>,
    ) -> Result<Expanded, PlanErrors> {
        let captured = self.names.of(runbook, "");
        let bindings = inputs.iter().map(|(name, value)| (name.clone(), Binding::of_input(value))).collect();
        let mut health = None;
        if let Some(scope) = self.scope(runbook, bindings, &captured, &There::default()) {
            let mut used = Use {
                scope,
                captured,
                prefix: String::new(),
                there: There::default(),
                when: None,
                condition: None,
                needs: Vec::new(),
                chain: vec![runbook.name.clone()],
                placed: BTreeMap::new(),
            };
            health = self.health(runbook, &used.scope);
            self.expand(runbook, &mut used, Phase::Main);
            // What was called cleans up before its caller does.
            let mut deferred = std::mem::take(&mut self.deferred);
            for phase in [Phase::OnFailure, Phase::Always] {
                for Deferred { runbook, used } in &mut deferred {
                    self.expand(runbook, used, phase);
                }
                self.expand(runbook, &mut used, phase);
            }
        }
        if self.steps.len() > PLANNED_STEPS_MAX {
            let message = format!("with its calls and loops the plan has more than {PLANNED_STEPS_MAX} steps");
            self.errors.push(PlanError::new(message));
        }
        if !self.errors.is_empty() {
            return Err(PlanErrors(self.errors));
        }
        let of_inputs = inputs.values().filter_map(|value| match value {
            InputValue::Secret(name) => Some(name.clone()),
            InputValue::Value(_) => None,
        });
        self.secrets.extend(of_inputs);
        Ok(Expanded { steps: self.steps, called: self.called, secrets: self.secrets, health })
    }

    /// What the templates of a runbook see.
    pub(super) fn scope(
        &mut self,
        runbook: &Runbook,
        inputs: BTreeMap<String, Binding>,
        captured: &BTreeMap<String, CaptureName>,
        there: &There,
    ) -> Option<Arc<Scope>> {
        self.secrets.extend(runbook.secrets.values().cloned());
        let mut scope = Scope::new(&self.crowd.hosts, self.request.at, &runbook.secrets, captured);
        for (name, binding) in inputs {
            scope.bind(&name, binding);
        }
        let mut scope = Arc::new(scope);
        for (name, var) in &runbook.vars {
            let of = Of { runbook, step: None };
            let value = |rendering: &Rendering<'_>| {
                known_json(var, rendering).map_err(|(line, why)| (line, format!("the var `{name}`: {why}")))
            };
            let rendered = self.rendered(of, &scope, there, &var.templates(), value)?;
            let binding = rendered.binding(known);
            scope = Arc::new(scope.with(name, binding));
        }
        Some(scope)
    }

    /// Whether it makes no sense to go on.
    pub(super) fn is_full(&self) -> bool {
        self.errors.len() >= PLAN_ERRORS_MAX || self.steps.len() > PLANNED_STEPS_MAX
    }

    /// Notes an error; `group` says on which hosts, where it is not the same on all.
    pub(super) fn error(&mut self, of: Of<'_>, line: Option<u32>, message: &str, group: Option<(&Groups, u32)>) {
        let is_called = self.called.iter().any(|called| called.name == of.runbook.name);
        let message =
            if is_called { format!("in the runbook {}: {message}", of.runbook.name) } else { message.to_owned() };
        let first = |(groups, group): (&Groups, u32)| groups.first.get(group as usize).copied();
        let host = group.and_then(first).and_then(|host| self.crowd.hosts.get(host as usize));
        let others = group.map_or(0, |(groups, group)| groups.size(group).saturating_sub(1));
        self.errors.push(PlanError {
            step: of.step.cloned(),
            host: host.map(|host| host.name.clone()),
            line,
            hint: (others > 0).then(|| format!("and so on {others} more")),
            ..PlanError::new(message)
        });
    }

    /// Renders once for each difference between the hosts; none when it failed for any of them.
    pub(super) fn rendered<T>(
        &mut self,
        of: Of<'_>,
        scope: &Arc<Scope>,
        there: &There,
        templates: &[&crate::template::Template],
        render: impl Fn(&Rendering<'_>) -> Result<T, Flawed>,
    ) -> Option<Rendered<T>> {
        let names = || templates.iter().flat_map(|template| template.names()).map(String::as_str);
        let axes = scope.axes(names());
        let groups = self.crowd.groups(scope, &axes, there);
        let mut values = Vec::with_capacity(groups.first.len());
        for (group, host) in (0_u32..).zip(&groups.first) {
            match render(&self.engines.with(scope.sight(*host))) {
                Ok(value) => values.push(value),
                Err((line, message)) => {
                    let message = scope.what_is_missing(*host, names()).unwrap_or(message);
                    self.error(of, line, &message, (!axes.is_empty()).then_some((&groups, group)));
                    if self.is_full() {
                        return None;
                    }
                }
            }
        }
        (values.len() == groups.first.len()).then_some(Rendered { groups, values })
    }

    /// Expands one phase of a runbook.
    pub(super) fn expand(&mut self, runbook: &Runbook, used: &mut Use, phase: Phase) {
        let steps = match phase {
            Phase::Main => &runbook.steps,
            Phase::OnFailure => &runbook.on_failure,
            Phase::Always => &runbook.always,
        };
        for step in steps {
            if self.is_full() {
                return;
            }
            let placed = self.expand_step(runbook, used, step, phase);
            used.placed.insert(step.id.clone(), placed);
        }
    }

    fn expand_step(&mut self, runbook: &Runbook, used: &Use, step: &Step, phase: Phase) -> Vec<u32> {
        let of = Of { runbook, step: Some(&step.id) };
        let Some(id) = self.id(of, format!("{}{}", used.prefix, step.id)) else { return Vec::new() };
        let (hosts, once) = (self.crowd.len(), self.once);
        if step.on != On::Host && !used.there.holds(once) && !used.there.is_nowhere(hosts) {
            let home = self.crowd.hosts.get(once as usize).map(|host| host.name.to_string()).unwrap_or_default();
            let message = format!("this is done once, on {home}, and the call around it leaves out that host");
            self.error(of, Some(step.place.line), &message, None);
            return Vec::new();
        }
        let mut needs = used.needs.clone();
        needs.extend(step.needs.iter().filter_map(|need| used.placed.get(need)).flatten());
        needs.sort_unstable();
        needs.dedup();
        let spot = Spot {
            runbook,
            step,
            phase,
            id,
            title: step.title.clone(),
            scope: if step.on == On::Console { Arc::new(used.scope.without_host()) } else { Arc::clone(&used.scope) },
            there: if step.on == On::Host { used.there.clone() } else { used.there.and(hosts, |host| host == once) },
            needs,
            when: used.when.clone(),
            condition: used.condition.clone(),
        };
        match &step.for_each {
            None => self.expand_one(used, spot),
            Some(list) => self.expand_items(used, spot, list),
        }
    }

    /// A step that is done once: its `when`, then itself.
    pub(super) fn expand_one(&mut self, used: &Use, mut spot: Spot<'_>) -> Vec<u32> {
        if let Some(when) = &spot.step.when {
            let Some((there, condition)) = self.decide(&spot, when) else { return Vec::new() };
            spot.there = there;
            spot.condition = self.both(spot.condition.as_ref(), condition);
            spot.when = Some(match &spot.when {
                Some(around) => format!("({around}) and ({})", when.text),
                None => when.text.clone(),
            });
        }
        match &spot.step.action {
            ActionTemplate::Call(call) => self.call(used, &spot, call),
            _ => self.step(used, &spot).into_iter().collect(),
        }
    }

    /// Where a `when` may hold, and what of it is left to be asked.
    fn decide(&mut self, spot: &Spot<'_>, when: &Expression) -> Option<(There, Option<PerHost<Condition>>)> {
        let axes = spot.scope.axes(when.names());
        let groups = self.crowd.groups(&spot.scope, &axes, &spot.there);
        let mut outcomes = Vec::with_capacity(groups.first.len());
        for (group, host) in (0_u32..).zip(&groups.first) {
            match when.fold(&|name| spot.scope.meaning(name, *host)) {
                Ok(outcome) => outcomes.push(outcome),
                Err(message) => {
                    let group = (!axes.is_empty()).then_some((&groups, group));
                    self.error(spot.of(), Some(when.place.line), &message, group);
                    if self.is_full() {
                        return None;
                    }
                }
            }
        }
        if outcomes.len() < groups.first.len() {
            return None;
        }
        let of = |host: u32| groups.of_host.get(host as usize).copied().flatten();
        let may = |host: u32| {
            of(host)
                .and_then(|group| outcomes.get(group as usize))
                .is_some_and(|outcome| *outcome != Folded::Known(false))
        };
        let there = spot.there.and(self.crowd.len(), may);
        let is_open = outcomes.iter().any(|outcome| matches!(outcome, Folded::Open(_)));
        let open = |outcome: Folded| match outcome {
            Folded::Open(condition) => Some(condition),
            Folded::Known(_) => None,
        };
        Some((there, is_open.then(|| groups.spread(outcomes.into_iter().map(open)))))
    }

    /// What a call's `when` leaves open, and what the step's own does.
    fn both(&self, around: Option<&PerHost<Condition>>, own: Option<PerHost<Condition>>) -> Option<PerHost<Condition>> {
        let (Some(around), Some(own)) = (around, &own) else { return own.or_else(|| around.cloned()) };
        let each = (0_u32..).take(self.crowd.len());
        Some(PerHost::collect(each.map(|host| match (around.get(host), own.get(host)) {
            (Some(around), Some(own)) => Some(Condition::All(vec![around.clone(), own.clone()])),
            (one, other) => one.or(other).cloned(),
        })))
    }

    /// Puts a step into the plan, with everything that its spot says; gives its index.
    pub(super) fn push(&mut self, step: PlannedStep, spot: &Spot<'_>) -> u32 {
        let index = u32::try_from(self.steps.len()).unwrap_or(u32::MAX);
        self.steps.push(PlannedStep {
            title: if step.title == step.id.as_str() { spot.title.clone() } else { step.title },
            phase: spot.phase,
            on: spot.step.on,
            when: spot.when.clone(),
            condition: spot.condition.clone(),
            ..step
        });
        index
    }

    pub(super) fn id(&mut self, of: Of<'_>, id: String) -> Option<StepId> {
        match StepId::new(id) {
            Ok(id) => Some(id),
            Err(error) => {
                self.error(of, None, &error.to_string(), None);
                None
            }
        }
    }
}

impl Spot<'_> {
    pub(super) fn of(&self) -> Of<'_> {
        Of { runbook: self.runbook, step: Some(&self.id) }
    }
}

impl<T> Rendered<T> {
    /// As a name of a scope.
    pub(super) fn binding(self, value: impl Fn(&T) -> Value) -> Binding {
        match self.values.as_slice() {
            [one] => Binding::Same(value(one)),
            values => Binding::Differs(Arc::new(Column {
                values: values.iter().map(value).collect(),
                of_host: self.groups.of_host,
            })),
        }
    }
}

/// An action that no host has.
pub(super) fn nothing<T>(hosts: usize) -> PerHost<T> {
    PerHost::of_indices(Vec::new(), vec![None; hosts])
}

/// A JSON value in which nothing is left open.
pub(super) fn known_json(template: &JsonTemplate, rendering: &Rendering<'_>) -> Result<serde_json::Value, Flawed> {
    let line = template.templates().first().map(|template| template.place().line);
    let text = template.render(rendering).map_err(|why| (line, why))?;
    if text.parts().iter().any(|part| matches!(part, Part::Late { .. })) {
        return Err((
            line,
            "a secret or captured value is known only when the step runs, and cannot stand here".to_owned(),
        ));
    }
    let text = known_now(&text, "a value").map_err(|why| (line, why))?;
    serde_json::from_str(&text).map_err(|_| (line, "this does not come to one value".to_owned()))
}
