//! The runbook language: text in, diagnostics or a [`Runbook`] out; a runbook, inputs and hosts in, a sealed plan out.
//!
//! ```text
//! parse(file, text) ─► Runbook ─plan(inputs, selection, fleet)─► SealedPlan ─(a run)─► plan_undo ─► SealedPlan
//! ```
//!
//! This crate is pure. It reads no file, no environment and no clock, it starts nothing, and no text
//! that it is given makes it panic or grow without bound. What a value means to a shell, a URL or a
//! JSON document is decided here and in `daytwo_model::quote`, and nowhere else.

mod calls;
mod derived;
mod diagnostic;
mod duration;
mod explain;
mod expression;
mod input;
mod lint;
mod names;
mod parse;
mod past;
mod plan;
mod rehearsal;
mod request;
mod resume;
mod rollout;
mod runbook;
mod schema;
mod select;
mod step;
mod suggest;
mod surroundings;
mod template;
mod typed;
mod undo;
mod written;
mod yaml;

pub use calls::check_calls;
pub use derived::LeftOut;
pub use diagnostic::{Diagnostic, Diagnostics, Place, Severity};
pub use explain::{Page, codes, explain};
pub use expression::Expression;
pub use input::{
    CHOICES_TIMEOUT_MS_DEFAULT, CHOICES_TIMEOUT_MS_MAX, ChoiceSource, INPUT_BYTES_MAX, ITEMS_MAX, InputKind, InputSpec,
    as_typed, check_input,
};
pub use lint::{REVIEW_DAYS_MAX, ScriptFinding, ScriptInFile, lint, review_problem, scripts};
pub use parse::{
    BATCHES_MAX, CAPTURES_MAX, CHOICES_MAX, HEADERS_MAX, INPUTS_MAX, SECRETS_MAX, STEPS_MAX, VARS_MAX, parse,
    parse_bytes, parse_rehearsal,
};
pub use past::{Past, Since};
pub use plan::{
    CALL_DEPTH_MAX, Difference, HOSTS_MAX, PLANNED_STEPS_MAX, PlanError, PlanErrors, PlanRequest, WhenReachable,
    changed_since, differences, plan,
};
pub use rehearsal::{
    CASES_MAX, CancelEffect, Case, ENDS, Expected, ExpectedCapture, ExpectedCourse, ExpectedRun, ExpectedStep,
    ExpectedText, ExpectedUndo, GivenAnswers, HEALTH_STEP, Meant, Part, Question, REHEARSAL_HOSTS_MAX, REPLIES_MAX,
    Recording, RehearsalFile, Reply, Says, TextMeant,
};
pub use resume::{ResumeChoice, ResumePlan, plan_late, plan_resume, resume_choices};
pub use rollout::{Allowance, Reach, Rollout};
pub use runbook::{Kind, Runbook, Stewardship};
pub use schema::{rehearsal_schema, schema};
pub use step::{
    ActionTemplate, AskTemplate, CallTemplate, FetchTemplate, FileTemplate, HealthTemplate, HttpSetTemplate,
    HttpTemplate, InverseTemplate, LinkTemplate, NotifyTemplate, PackageTemplate, ProbeTemplate, PutTemplate,
    ScriptTemplate, ServiceTemplate, Step, Undo, VerifyTemplate, WaitTemplate,
};
pub use surroundings::{Nowhere, Surroundings};
pub use template::{RENDERED_BYTES_MAX, Template};
pub use undo::{UndoPlan, plan_undo};
pub use yaml::{DEPTH_MAX, NODES_MAX, TEXT_BYTES_MAX};
