//! Plans as files: written to be reviewed by somebody else, and executed as they are or not at all.

use std::collections::BTreeMap;

use daytwo_model::plan::{InputValue, Intent};
use daytwo_model::{Digest, Plan, SealedPlan, Selector};
use daytwo_runbook::{PlanErrors, Runbook, WhenReachable};
use daytwo_store::RunFilter;

use super::problems;
use super::surroundings::Asked;
use crate::Console;
use crate::view::plan::Beside;
use crate::view::words::ago;
use crate::wire::plan::PlanAnswer;
use crate::wire::{Code, UiError};

/// The longest plan file that is read: ten thousand hosts with twenty steps of their own each are a tenth of it.
pub const PLAN_FILE_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// A plan that was read from a file, and what has changed since it was made.
#[derive(Debug)]
pub struct PlanDocument {
    /// The plan as it would be offered; only when nothing has changed.
    pub answer: Option<PlanAnswer>,
    /// What is not as it was, one sentence each.
    pub differences: Vec<String>,
    /// What to know beside that, one sentence each.
    pub notes: Vec<String>,
}

impl Console {
    /// The document of a plan that was shown.
    pub fn plan_document(&self, digest: Digest) -> Result<String, UiError> {
        let sealed = self.shown_plan(digest)?;
        sealed.to_json().map_err(|error| UiError::new(Code::Internal, "the plan cannot be written").because(&error))
    }

    /// Reads a plan document. It is offered for its start only if inventory, host keys and runbook are
    /// as they were when it was made.
    pub async fn open_plan(&self, document: &str) -> Result<PlanDocument, UiError> {
        let sealed = SealedPlan::from_json(document).map_err(|error| {
            UiError::new(Code::BadRequest, "the file is not a plan that can be executed").because(&error)
        })?;
        if sealed.is_of_an_earlier_version() {
            let error = UiError::new(Code::BadRequest, "the file is a plan that an earlier version made");
            return Err(error.hint("plan again with: daytwo plan"));
        }
        self.check_not_executed(sealed.digest()).await?;
        let (differences, notes) = self.differences(sealed.plan()).await?;
        if !differences.is_empty() {
            return Ok(PlanDocument { answer: None, differences, notes });
        }
        let answer = self.offer(sealed, Beside::default()).await?;
        Ok(PlanDocument { answer: Some(answer), differences, notes })
    }

    /// A plan is executed once: what it says of its hosts was true before.
    pub(crate) async fn check_not_executed(&self, plan: Digest) -> Result<(), UiError> {
        let filter = RunFilter { plan: Some(plan), limit: Some(1), ..RunFilter::default() };
        let runs = self.parts.store.runs(&filter).await.map_err(|error| UiError::history(&error))?;
        let Some(run) = runs.first() else { return Ok(()) };
        let when = ago(self.clock.now(), run.opened_at);
        let message = format!("run {} executed this plan already, {when}; nothing was sent", run.id);
        Err(UiError::new(Code::PlanChanged, message).hint("to do it again, plan again with: daytwo plan"))
    }

    /// What is not as it was, and what to know about how that was found out.
    async fn differences(&self, plan: &Plan) -> Result<(Vec<String>, Vec<String>), UiError> {
        if let Intent::Undo { of, .. } = plan.intent {
            let error = UiError::new(Code::BadRequest, format!("this file is the undo of run {of}"));
            return Err(error.hint("an undo depends on what happened since; plan it anew with: daytwo undo"));
        }
        let runbook = match self.runbook_named(&plan.runbook.name) {
            Ok(runbook) => runbook,
            Err(error) => return Ok((vec![format!("its runbook cannot be used any more: {error}")], Vec::new())),
        };
        let notes = self.read_choices(&plan.runbook.name, &plan.inputs.keys().cloned().collect()).await?;
        let selection = Selector::parse(&plan.selection).ok();
        let asked = Asked {
            inputs: typed_inputs(&runbook, plan),
            selection,
            // What the plan says was chosen, by the runbook or by a person; a runbook that says something else
            // now is told as a changed runbook.
            when_reachable: plan.limits.when_reachable_until.map_or(WhenReachable::Never, WhenReachable::Until),
            // As of the moment of the plan: that time has passed is no difference.
            at: plan.planned_at,
        };
        let now = self.planned(runbook.clone(), asked).await?;
        let differences = match now {
            Ok(now) => daytwo_runbook::differences(plan, now.plan()).iter().map(ToString::to_string).collect(),
            Err(errors) => no_longer(&errors),
        };
        Ok((differences, notes))
    }
}

fn no_longer(errors: &PlanErrors) -> Vec<String> {
    problems(errors)
        .into_iter()
        .map(|problem| format!("the same plan cannot be made any more: {}", problem.message))
        .collect()
}

/// The inputs of a plan as somebody would type them. Nothing is checked here; planning does it.
fn typed_inputs(runbook: &Runbook, plan: &Plan) -> BTreeMap<String, String> {
    let text = |name: &str, value: &InputValue| match value {
        InputValue::Secret(secret) => secret.to_string(),
        InputValue::Value(value) => runbook
            .inputs
            .get(name)
            .map_or_else(|| value.to_string(), |spec| daytwo_runbook::as_typed(&spec.kind, value)),
    };
    plan.inputs
        .iter()
        .filter(|(_, value)| !matches!(value, InputValue::Value(serde_json::Value::Null)))
        .map(|(name, value)| (name.clone(), text(name, value)))
        .collect()
}
