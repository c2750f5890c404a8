//! What was typed, with defaults, becomes the plan's inputs. What only the world can say (is there
//! such a host, such a file, such a choice?) is asked here, once.

use std::collections::BTreeMap;

use daytwo_model::SecretName;
use daytwo_model::plan::InputValue;
use serde_json::Value;

use super::{PlanError, PlanRequest};
use crate::input::{InputKind, InputSpec, check_input};
use crate::runbook::Runbook;
use crate::suggest;

/// What is wrong with an input: a sentence, and what to do about it.
pub(super) type Unfit = (String, Option<String>);

/// Checks every input; each error carries its input's name.
pub(super) fn resolve(
    runbook: &Runbook,
    request: &PlanRequest<'_>,
    errors: &mut Vec<PlanError>,
) -> BTreeMap<String, InputValue> {
    let typed = &request.inputs;
    for name in typed.keys() {
        if let Err((message, hint)) = known(runbook, name) {
            errors.push(PlanError { input: Some(name.clone()), hint, ..PlanError::new(message) });
        }
    }
    let mut values = BTreeMap::new();
    for (name, spec) in &runbook.inputs {
        match value(runbook, name, spec, typed.get(name).map(String::as_str), request) {
            Ok(value) => {
                values.insert(name.clone(), value);
            }
            Err((message, hint)) => {
                errors.push(PlanError { input: Some(name.clone()), hint, ..PlanError::new(message) });
            }
        }
    }
    values
}

/// Whether the runbook has such an input.
pub(super) fn known(runbook: &Runbook, name: &str) -> Result<(), Unfit> {
    if runbook.inputs.contains_key(name) {
        return Ok(());
    }
    let known: Vec<&str> = runbook.inputs.keys().map(String::as_str).collect();
    Err((format!("the runbook {} has no such input", runbook.name), suggest::hint(name, &known)))
}

/// The value of one input.
pub(super) fn value(
    runbook: &Runbook,
    name: &str,
    spec: &InputSpec,
    typed: Option<&str>,
    request: &PlanRequest<'_>,
) -> Result<InputValue, Unfit> {
    let value = typed_or_default(spec, typed).map_err(|message| (message, None))?;
    if let InputValue::Value(value) = &value {
        let each = match value {
            Value::Array(items) => items.as_slice(),
            other => std::slice::from_ref(other),
        };
        // A list of hosts or files is asked about one by one; a list of choices has one source.
        each.iter().filter_map(Value::as_str).try_for_each(|one| asked(runbook, name, spec, one, request))?;
    }
    Ok(value)
}

fn typed_or_default(spec: &InputSpec, typed: Option<&str>) -> Result<InputValue, String> {
    let may_be_empty = matches!(spec.kind, InputKind::String { .. } | InputKind::List { .. });
    match (typed, &spec.default) {
        (Some(typed), _) if !typed.is_empty() => check_input(spec, typed),
        // An emptied text field that may be empty is meant to be empty; any other empty field asks for the default.
        (Some(""), _) if may_be_empty && !spec.required => check_input(spec, ""),
        (_, Some(Value::String(name))) if matches!(spec.kind, InputKind::Secret) => {
            SecretName::new(name.as_str()).map(InputValue::Secret).map_err(|error| error.to_string())
        }
        (_, Some(default)) => Ok(InputValue::Value(default.clone())),
        (_, None) => check_input(spec, ""),
    }
}

fn asked(runbook: &Runbook, name: &str, spec: &InputSpec, value: &str, request: &PlanRequest<'_>) -> Result<(), Unfit> {
    match spec.kind.item() {
        InputKind::Host => {
            if request.fleet.iter().any(|host| host.name.as_str() == value) {
                return Ok(());
            }
            let known = request.fleet.iter().map(|host| host.name.as_str());
            // A list of every host would be no help; one that is nearly the same is.
            let near = suggest::nearest(value, known).map(|near| format!("did you mean `{near}`?"));
            Err((format!("the fleet has no host `{value}`"), near))
        }
        InputKind::File => request.surroundings.file(value).map(|_| ()).map_err(|why| (why, None)),
        InputKind::Choice { from: Some(_), .. } => {
            let choices = request
                .surroundings
                .choices(&runbook.name, name)
                .map_err(|why| (format!("its choices could not be read: {why}"), None))?;
            if choices.iter().any(|choice| choice == value) {
                return Ok(());
            }
            let known: Vec<&str> = choices.iter().map(String::as_str).collect();
            Err((format!("`{value}` is not one of the choices"), suggest::hint(value, &known)))
        }
        _ => Ok(()),
    }
}
