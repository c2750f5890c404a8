//! Steps: what is done, what is kept, what must hold, and how it is taken back.
//!
//! One file per purpose. Which fields a kind of step has is decided here ([`refused`]); what names in
//! templates and conditions mean is not, that is `crate::names`.

mod action;
mod capture;
mod control;
mod failure;
mod files;
mod flow;
mod health;
mod http;
mod probe;
mod script;
mod set;
mod system;
mod undo;

use std::collections::BTreeMap;

use daytwo_model::StepId;
use daytwo_model::plan::{Effect, On, RunAs, TIMEOUT_MS_DEFAULT};

use super::fields::{Fields, items, one_of, parsed, saying};
use super::shape::{Field, Shape, TEMPLATE_NAME, Takes, may, must};
use super::{CAPTURES_MAX, STEPS_MAX};
use crate::diagnostic::{Found, Place};
use crate::input::ITEMS_MAX;
use crate::step::{ActionTemplate, Step, Undo};
use crate::suggest;
use crate::yaml::{Data, Node};
use action::Around;
pub(super) use flow::positive;
pub(super) use health::{HEALTH, read as health};
pub(super) use http::HEADER_NAME;

/// The characters of a step's id. Planning adds `/` and `.`, so an author's id has neither.
const STEP_ID: &str = "[A-Za-z0-9_][A-Za-z0-9_-]*";
/// What a waiver is for.
const WARNING_CODE: &str = "(shellcheck:SC)?[a-z0-9-]+";

const EFFECTS: &[(&str, Effect)] = &[("read", Effect::Read), ("change", Effect::Change)];
const PLACES: &[(&str, On)] = &[("host", On::Host), ("one", On::One), ("console", On::Console)];

const FIELDS: &[Field] = &[
    must("id", Takes::Name(STEP_ID), "Its name, unique in the runbook: letters, digits, _ and -."),
    may("title", Takes::Text, "For people; the id where it is absent."),
    action::RUN,
    action::SCRIPT,
    may("fetch", Takes::Shape(&files::FETCH), "A file or tree from the host."),
    may("put", Takes::Shape(&files::PUT), "A file to the host."),
    action::FILE,
    action::LINK,
    action::SERVICE,
    action::PACKAGE,
    action::HTTP,
    may("wait", flow::WAITED, "Nothing for a while, or until something holds."),
    may("ask", Takes::Shape(&flow::ASK), "A person decides whether the run goes on."),
    may("call", Takes::Shape(&flow::CALL), "Another runbook's steps, in this place."),
    may("notify", Takes::Shape(&flow::NOTIFY), "A message to somebody."),
    action::SUDO,
    action::BECOME,
    may("effect", Takes::Words(&["read", "change"]), "Whether it changes the host; `change` where it is absent."),
    may("on", Takes::Words(&["host", "one", "console"]), "Where it is done: on each host, on one of them, or here."),
    may(
        "needs",
        Takes::List { of: &Takes::Name(STEP_ID), min: 0, max: control::NEEDS_MAX },
        "Earlier steps without which it has no sense; it is skipped where one of them was.",
    ),
    may("when", Takes::Text, "Whether it is done at all: host.labels.env == 'prod' and captured.state != 'active'."),
    may(
        "for_each",
        Takes::OneOf(&[Takes::Template, Takes::List { of: &Takes::Template, min: 1, max: ITEMS_MAX as usize }]),
        "Done once for each of these; `{{ item }}` in its texts.",
    ),
    may("timeout", Takes::Duration, "How long one attempt may take; 1m where it is absent."),
    may("retry", Takes::Shape(&control::RETRY), "Whether an attempt that was seen to fail is made again."),
    may(
        "capture",
        Takes::Map { key: TEMPLATE_NAME, to: &capture::CAPTURED, max: CAPTURES_MAX },
        "What is kept of its answer, as `{{ captured.name }}` for later steps and for the way back.",
    ),
    may("check", Takes::Shape(&probe::CHECK), "A read that says whether the step is needed."),
    may("verify", Takes::Shape(&probe::VERIFY), "A read that proves the change."),
    may("undo", undo::UNDONE, "How it is taken back, or `none`."),
    may(
        "if_failed",
        failure::POLICY,
        "What becomes of a host on which it does not end well: it ends there (`stop`, also where this is absent), it \
         goes on with the next step (`continue`), what was done on it is taken back (`undo`), or a person decides \
         (`ask`).",
    ),
    may(
        "late_ok",
        Takes::Boolean,
        "Whether it may be done on a host that is reached only long after the run; `false` where it is absent. A step \
         that only reads may always be.",
    ),
    may(
        "dead_man",
        Takes::Duration,
        "The host takes the step back alone unless it is told within this time that all is well.",
    ),
    may(
        "waive",
        Takes::Map { key: WARNING_CODE, to: &Takes::Text, max: control::WAIVERS_MAX },
        "Warnings that may stay, each with the reason why.",
    ),
];

pub(crate) static STEP: Shape = Shape::new("step", "a step", "One step. Exactly one field says what it does.", FIELDS)
    .exactly_one(&[
        "run", "script", "fetch", "put", "file", "link", "service", "package", "http", "wait", "ask", "call", "notify",
    ])
    .not_both(&[("sudo", "become")])
    .elsewhere(&[(
        "on_failure",
        "`if_failed` says what becomes of a host on which the step fails; `on_failure` is a list of steps of the runbook",
    )]);

/// The steps of a runbook by section.
#[derive(Debug, Default)]
pub(super) struct Sections {
    pub(super) steps: Vec<Step>,
    pub(super) on_failure: Vec<Step>,
    pub(super) always: Vec<Step>,
}

/// Reads all steps that can be read.
pub(super) fn read(fields: &Fields<'_>, found: &mut Found<'_>) -> Sections {
    let mut ids = BTreeMap::new();
    let main = fields.need("steps", found);
    if let Some(node) = main
        && matches!(&node.data, Data::Seq(nodes) if nodes.is_empty())
    {
        found.error("bad-value", node.place, "a runbook without steps does nothing");
    }
    Sections {
        steps: main.map(|node| section(node, "steps", &mut ids, found)).unwrap_or_default(),
        on_failure: fields.get("on_failure").map(|it| section(it, "on_failure", &mut ids, found)).unwrap_or_default(),
        always: fields.get("always").map(|it| section(it, "always", &mut ids, found)).unwrap_or_default(),
    }
}

fn section(node: &Node, name: &str, ids: &mut BTreeMap<StepId, Place>, found: &mut Found<'_>) -> Vec<Step> {
    let nodes = items(node, &format!("`{name}`"), found).unwrap_or_default();
    if let Some(node) = nodes.get(STEPS_MAX) {
        found.error("limit", node.place, format!("`{name}` has at most {STEPS_MAX} steps"));
    }
    let mut steps: Vec<Step> = Vec::new();
    // A step that could not be read is still known to those that need it.
    let mut earlier: Vec<String> = Vec::new();
    let all: Vec<String> = nodes.iter().take(STEPS_MAX).filter_map(id_of).collect();
    for node in nodes.iter().take(STEPS_MAX) {
        let needs = needs_of(node, found);
        check_needs(&needs, &earlier, &all, found);
        earlier.extend(id_of(node));
        let Some(mut step) = step(node, found) else { continue };
        if let Some(first) = ids.get(&step.id) {
            let hint = format!("the first is in line {}", first.line);
            found.error_with(
                "duplicate-step",
                step.place,
                format!("there is a step `{}` before this one", step.id),
                hint,
            );
        }
        if name != "steps" {
            failure::refuse_at_the_end(node, name, found);
        }
        if name != "steps" && matches!(step.action, ActionTemplate::Call(_)) {
            let message = format!("a runbook is called from `steps` only, not from `{name}`");
            found.error_with("bad-value", step.place, message, "write the steps out that are needed here");
        }
        ids.entry(step.id.clone()).or_insert(step.place);
        step.needs = needs.into_iter().map(|(id, _)| id).collect();
        steps.push(step);
    }
    steps
}

/// The id of a step that may be wrong in everything else.
fn id_of(node: &Node) -> Option<String> {
    let Data::Map(entries) = &node.data else { return None };
    let (_, id) = entries.iter().find(|(key, _)| key.name == "id")?;
    match &id.data {
        Data::Scalar(scalar) => Some(scalar.text.clone()),
        Data::Seq(_) | Data::Map(_) => None,
    }
}

fn needs_of(node: &Node, found: &mut Found<'_>) -> Vec<(StepId, Place)> {
    let Data::Map(entries) = &node.data else { return Vec::new() };
    let needs = entries.iter().find(|(key, _)| key.name == "needs");
    needs.map(|(_, node)| control::needs(node, found)).unwrap_or_default()
}

fn check_needs(needs: &[(StepId, Place)], earlier: &[String], all: &[String], found: &mut Found<'_>) {
    for (need, place) in needs {
        let need = need.as_str();
        if earlier.iter().any(|id| id == need) {
            continue;
        }
        if all.iter().any(|id| id == need) {
            found.error("unknown-step", *place, format!("the step `{need}` does not come before this one"));
            continue;
        }
        let known: Vec<&str> = earlier.iter().map(String::as_str).collect();
        let hint = suggest::hint(need, &known).unwrap_or_else(|| "no step comes before this one".to_owned());
        found.error_with("unknown-step", *place, format!("no earlier step here is called `{need}`"), hint);
    }
}

fn step(node: &Node, found: &mut Found<'_>) -> Option<Step> {
    let fields = Fields::of(node, &STEP, found)?;
    let id_node = fields.need("id", found);
    let id = id_node.and_then(|node| parsed(node, "the step's id", found, step_id));
    let title = fields.get("title").and_then(|node| saying(node, "the title", found));
    let on = fields.get("on").and_then(|node| one_of(node, "`on`", PLACES, found)).unwrap_or_default();
    let action = action::read(&fields, &Around { run_as: RunAs::Login, on }, found);
    if let Some(action) = &action {
        let word = if matches!(action, ActionTemplate::HttpSet(_)) { "set" } else { action.word() };
        refuse(&fields, word, found);
    }
    let effect = effect(&fields, action.as_ref(), found);
    let run_as = action.as_ref().and_then(ActionTemplate::run_as).cloned().unwrap_or_default();
    let around = Around { run_as, on };
    let timeout = fields.get("timeout").and_then(|node| flow::positive(node, "the timeout", found));
    let retry = fields.get("retry").and_then(|node| control::retry(node, action.as_ref(), found));
    let captures = fields.get("capture").map(|node| capture::read(node, action.as_ref(), found)).unwrap_or_default();
    let check = fields.get("check").and_then(|node| probe::read(node, &probe::CHECK, &around, found));
    let verify = fields.get("verify").and_then(|node| probe::verify(node, &around, found));
    let undo = fields.get("undo").map_or(Undo::Unsaid, |node| undo::read(node, &around, found));
    if effect == Effect::Read && !matches!(undo, Undo::Unsaid) && action.as_ref().is_some_and(may_read) {
        let message = "a step that only reads needs no way back";
        let hint = "if it changes something, leave out `effect: read`";
        found.error_with("undo-of-read", fields.place_of("undo"), message, hint);
    }
    let armed = undo::Armed { effect, on, action: action.as_ref(), undo: &undo };
    let dead_man_ms = fields.get("dead_man").and_then(|node| undo::dead_man(node, &armed, found));
    let if_failed = fields.get("if_failed").and_then(|node| failure::read(node, found)).unwrap_or_default();
    let late_ok = fields.get("late_ok").and_then(|node| failure::late_ok(node, effect, found)).unwrap_or(false);
    let for_each = fields.get("for_each").and_then(|node| control::for_each(node, found));
    if for_each.is_some() && !captures.is_empty() {
        let message = "a step that is done several times would capture several values under one name";
        found.error("duplicate-capture", fields.place_of("capture"), message);
    }
    let when = fields.get("when").and_then(|node| control::when(node, found));
    let waivers = fields.get("waive").map(|node| control::waivers(node, found)).unwrap_or_default();
    let id = id?;
    Some(Step {
        title: title.unwrap_or_else(|| id.to_string()),
        id,
        effect,
        on,
        needs: Vec::new(),
        when,
        for_each,
        timeout_ms: timeout.unwrap_or(TIMEOUT_MS_DEFAULT),
        timeout_said: timeout.is_some(),
        retry,
        action: action?,
        captures,
        check,
        verify,
        undo,
        if_failed,
        late_ok: late_ok || effect == Effect::Read,
        dead_man_ms,
        waivers,
        place: id_node.map_or(fields.place, |node| node.place),
    })
}

/// An id as an author writes it.
fn step_id(text: &str) -> Result<StepId, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.chars().all(known) || text.starts_with('-') {
        return Err(format!("`{text}` cannot be one: letters, digits, _ and - can, and it does not begin with -"));
    }
    StepId::new(text).map_err(|error| error.to_string())
}

/// Whether a step of this kind can be one that only looks.
const fn may_read(action: &ActionTemplate) -> bool {
    matches!(action, ActionTemplate::Run { .. } | ActionTemplate::Script(_) | ActionTemplate::Http(_))
}

/// Whether the step changes something. What its author forgot to say is a change: the safe reading is the default.
fn effect(fields: &Fields<'_>, action: Option<&ActionTemplate>, found: &mut Found<'_>) -> Effect {
    let said = fields.get("effect").and_then(|node| one_of(node, "the effect", EFFECTS, found));
    let place = fields.place_of("effect");
    match action {
        Some(
            action @ (ActionTemplate::Fetch(_)
            | ActionTemplate::Wait(_)
            | ActionTemplate::Ask(_)
            | ActionTemplate::Notify(_)),
        ) => {
            if said == Some(Effect::Change) {
                found.error("bad-value", place, format!("`{}` changes nothing on a host", action.word()));
            }
            Effect::Read
        }
        Some(action) if action.is_typed() || matches!(action, ActionTemplate::Put(_)) => {
            if said == Some(Effect::Read) {
                found.error("bad-value", place, format!("`{}` changes the host; it does not only read", action.word()));
            }
            Effect::Change
        }
        // What the other runbook does is not known here, so it counts as a change until a plan says more.
        _ => said.unwrap_or(Effect::Change),
    }
}

/// The fields that have no sense in a step of this kind.
fn refused(word: &str) -> &'static [&'static str] {
    match word {
        "put" | "file" | "link" | "service" | "package" | "set" => &["capture"],
        "fetch" | "notify" => &["capture", "check", "verify", "undo", "dead_man"],
        "wait" => &["timeout", "retry", "capture", "check", "verify", "undo", "dead_man"],
        "ask" => &["timeout", "retry", "capture", "check", "verify", "undo", "dead_man", "if_failed"],
        "call" => &[
            "effect",
            "on",
            "timeout",
            "retry",
            "capture",
            "check",
            "verify",
            "undo",
            "dead_man",
            "if_failed",
            "late_ok",
        ],
        _ => &[],
    }
}

fn refuse(fields: &Fields<'_>, word: &str, found: &mut Found<'_>) {
    for field in refused(word).iter().filter(|field| fields.get(field).is_some()) {
        let message = format!("a step with `{word}` has no `{field}`");
        let hint = match (word, *field) {
            ("call", _) => "the steps of the other runbook say it themselves",
            ("wait", "timeout" | "retry") => "a wait says itself how long it may take",
            ("ask", "timeout" | "retry") => "`within` says how long an answer may take",
            ("ask", "if_failed") => "the answer itself says how it goes on, and `otherwise` what no answer means",
            ("set", "capture") => "it answers nothing; read it with a request before",
            ("file" | "link" | "service" | "package" | "put", "capture") => {
                "it answers nothing; read it with a `run` before"
            }
            _ => "it changes nothing, and there is nothing to read in it",
        };
        found.error_with("unknown-field", fields.place_of(field), message, hint);
    }
}
