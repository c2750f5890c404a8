//! The runbook language: text in, diagnostics or a [`Runbook`] out; a runbook, inputs and hosts in, a sealed plan out.
//!
//! ```text
//! parse(file, text) ─► Runbook ─plan(inputs, selection, fleet)─► SealedPlan ─(a run)─► plan_undo ─► SealedPlan
//! ```
//!
//! This crate is pure. It reads no file, no environment and no clock, it starts nothing, and no text
//! that it is given makes it panic or grow without bound. What a value means to a shell, a URL or a
//! JSON document is decided here and in `daytwo_model::quote`, and nowhere else.

mod diagnostic;
mod duration;
mod expression;
mod input;
mod lint;
mod names;
mod parse;
mod plan;
mod rollout;
mod runbook;
mod select;
mod step;
mod suggest;
mod surroundings;
mod template;
mod undo;
mod written;
mod yaml;

pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity};
pub use expression::Expression;
pub use input::{INPUT_BYTES_MAX, InputKind, InputSpec, check_input};
pub use lint::{REVIEW_DAYS_MAX, lint};
pub use parse::{BATCHES_MAX, CAPTURES_MAX, HEADERS_MAX, INPUTS_MAX, STEPS_MAX, parse};
pub use plan::{HOSTS_MAX, PlanError, PlanErrors, PlanRequest, plan};
pub use surroundings::{Nowhere, Surroundings};
pub use rollout::{Allowance, Reach, Rollout};
pub use runbook::{Kind, Runbook, Stewardship};
pub use step::{
    ActionTemplate, AskTemplate, CallTemplate, FetchTemplate, FileTemplate, HttpTemplate, InverseTemplate, LinkTemplate,
    NotifyTemplate, PackageTemplate, ProbeTemplate, PutTemplate, ScriptTemplate, ServiceTemplate, Step, Undo,
    VerifyTemplate, WaitTemplate,
};
pub use template::{RENDERED_BYTES_MAX, Template};
pub use undo::{LeftOut, UndoPlan, plan_undo};
pub use yaml::{DEPTH_MAX, NODES_MAX, TEXT_BYTES_MAX};
