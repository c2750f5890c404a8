//! What was typed, with defaults, becomes the plan's inputs.

use std::collections::BTreeMap;

use daytwo_model::SecretName;
use daytwo_model::plan::InputValue;
use serde_json::Value;

use super::PlanError;
use crate::input::{InputKind, InputSpec, check_input};
use crate::runbook::Runbook;
use crate::suggest;

/// Checks every input; each error carries its input's name.
pub(super) fn resolve(
    runbook: &Runbook,
    typed: &BTreeMap<String, String>,
    errors: &mut Vec<PlanError>,
) -> BTreeMap<String, InputValue> {
    let known: Vec<&str> = runbook.inputs.keys().map(String::as_str).collect();
    for name in typed.keys().filter(|name| !runbook.inputs.contains_key(*name)) {
        errors.push(PlanError {
            input: Some(name.clone()),
            hint: suggest::hint(name, &known),
            ..PlanError::new(format!("the runbook {} has no such input", runbook.name))
        });
    }
    let mut values = BTreeMap::new();
    for (name, spec) in &runbook.inputs {
        match value(spec, typed.get(name).map(String::as_str)) {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err(message) => errors.push(PlanError { input: Some(name.clone()), ..PlanError::new(message) }),
        }
    }
    values
}

fn value(spec: &InputSpec, typed: Option<&str>) -> Result<InputValue, String> {
    let is_text = matches!(spec.kind, InputKind::String { .. });
    match (typed, &spec.default) {
        (Some(typed), _) if !typed.is_empty() => check_input(spec, typed),
        // An emptied text field that may be empty is meant to be empty; any other empty field asks for the default.
        (Some(""), _) if is_text && !spec.required => check_input(spec, ""),
        (_, Some(Value::String(name))) if matches!(spec.kind, InputKind::Secret) => {
            SecretName::new(name.as_str()).map(InputValue::Secret).map_err(|error| error.to_string())
        }
        (_, Some(default)) => Ok(InputValue::Value(default.clone())),
        (_, None) => check_input(spec, ""),
    }
}
