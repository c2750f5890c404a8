//! What is asked of the service as a whole between batches, with its values in.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use daytwo_model::plan::{Health, Probe};

use super::expand::{Of, Planner};
use super::groups::There;
use super::render::{Flawed, Renderer};
use super::scope::Scope;
use crate::runbook::Runbook;
use crate::step::HealthTemplate;
use crate::template::{Rendering, Template};

/// The characters of a value that PromQL reads as nothing of its own, in a string and outside of one.
const SAFE_IN_PROMQL: &str = "_.:/-";

impl Planner<'_> {
    /// The runbook's health check; none where it has none, or where something was wrong with it, which is then noted.
    pub(super) fn health(&mut self, runbook: &Runbook, scope: &Arc<Scope>) -> Option<Health> {
        let health = runbook.health.as_ref()?;
        let (read, surroundings) = (Rc::clone(&self.read), self.request.surroundings);
        let renderer = Renderer { runbook, surroundings, read: &read };
        let of = Of { runbook, step: None };
        let probe = |rendering: &Rendering<'_>| -> Result<Probe, Flawed> {
            let found = plain_in_query(health, rendering).and_then(|()| renderer.probe(&health.probe, rendering));
            found.map_err(|(line, message)| (line, format!("the health check: {message}")))
        };
        let scope = Arc::new(scope.without_host());
        let rendered = self.rendered(of, &scope, &There::default(), &health.probe.templates(), probe)?;
        let probe = rendered.values.into_iter().next()?;
        Some(Health { probe, within_ms: health.within_ms })
    }
}

/// Refuses values that would be read as a part of the query's own language: nothing quotes them there.
fn plain_in_query(health: &HealthTemplate, rendering: &Rendering<'_>) -> Result<(), Flawed> {
    let Some(query) = &health.promql else { return Ok(()) };
    let values: BTreeMap<&str, minijinja::Value> =
        query.names().iter().map(|name| (name.as_str(), rendering.value(name))).collect();
    for (name, value) in values {
        let text = value.to_string();
        if let Some(wrong) = text.chars().find(|c| !c.is_alphanumeric() && !SAFE_IN_PROMQL.contains(*c)) {
            return Err((line(query), format!("`{name}` holds {wrong:?}, which PromQL would read as its own")));
        }
    }
    Ok(())
}

fn line(template: &Template) -> Option<u32> {
    Some(template.place().line)
}
