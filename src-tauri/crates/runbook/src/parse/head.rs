//! Name, title, owner: what a runbook says about itself.

use daytwo_model::{RunbookName, Selector};

use super::fields::{Fields, one_of, parsed, place_in, saying, text};
use super::shape::{Shape, TEMPLATE_NAME, Takes, may, must};
use super::{INPUTS_MAX, SECRETS_MAX, STEPS_MAX, VARS_MAX, inputs, rollout, steps};
use crate::diagnostic::{Found, Place};
use crate::runbook::{Kind, Stewardship};
use crate::yaml::Node;

/// The characters of a runbook's name.
pub(super) const RUNBOOK_NAME: &str = r"[\p{L}\p{N}_][\p{L}\p{N}_.-]*";
/// The characters of the name under which a secret is kept.
const SECRET_NAME: &str = r"[\p{L}\p{N}_][\p{L}\p{N}_./-]*";

/// A whole file.
pub(crate) static RUNBOOK: Shape = Shape::new(
    "runbook",
    "a runbook",
    "What is done on which hosts, how it is brought in, and how it is taken back.",
    &[
        must("runbook", Takes::Name(RUNBOOK_NAME), "Its name; also its file name without `.yaml`."),
        must("title", Takes::Text, "What the catalogue calls it."),
        must("summary", Takes::Text, "What it does, when to use it and what to know, as a manual page would say it."),
        may(
            "kind",
            Takes::Words(&["diagnostic", "operation", "deploy", "rollback"]),
            "What it is for. Where it is absent: `operation` if a step changes something, otherwise `diagnostic`.",
        ),
        may("owner", Takes::Text, "The team that answers for it."),
        may(
            "stewardship",
            Takes::Words(&["central", "shared", "customer"]),
            "Who may change it: `central` is owned elsewhere and read-only here, proposals for `shared` go back to \
             the source, `customer` is owned here. `customer` where it is absent.",
        ),
        may("reviewed", Takes::Date, "The day of its last review."),
        may(
            "targets",
            Takes::Text,
            "The hosts that it is for, as a selector: `role=web and not site=lab`. All where it is absent. An \
             operator may only narrow it.",
        ),
        may(
            "inputs",
            Takes::Map { key: TEMPLATE_NAME, to: &Takes::Tagged(&inputs::INPUT), max: INPUTS_MAX },
            "What it asks for, in the order of the form. In templates: `{{ name }}`.",
        ),
        may(
            "secrets",
            Takes::Map { key: TEMPLATE_NAME, to: &Takes::Name(SECRET_NAME), max: SECRETS_MAX },
            "Secrets that it needs and nobody is asked for: a name, and the name under which the secret is kept. In \
             templates: `{{ secrets.name }}`.",
        ),
        may(
            "vars",
            Takes::Map { key: TEMPLATE_NAME, to: &Takes::Json, max: VARS_MAX },
            "Values that are worked out once per host, in this order; each may use those before it. In templates: \
             `{{ name }}`.",
        ),
        may("rollout", Takes::Shape(&rollout::ROLLOUT), "Batches, budgets and pace."),
        must(
            "steps",
            Takes::List { of: &Takes::Shape(&steps::STEP), min: 1, max: STEPS_MAX },
            "What is done, in order.",
        ),
        may(
            "on_failure",
            Takes::List { of: &Takes::Shape(&steps::STEP), min: 0, max: STEPS_MAX },
            "What is done on a host where a step did not end well.",
        ),
        may(
            "always",
            Takes::List { of: &Takes::Shape(&steps::STEP), min: 0, max: STEPS_MAX },
            "What is done at the end on every host that was started, whatever happened.",
        ),
    ],
);

pub(super) struct Head {
    pub(super) name: RunbookName,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) kind: Option<Kind>,
    pub(super) owner: Option<String>,
    pub(super) stewardship: Stewardship,
    pub(super) reviewed: Option<String>,
    pub(super) targets: Option<Selector>,
    pub(super) place: Place,
}

const KINDS: &[(&str, Kind)] = &[
    ("diagnostic", Kind::Diagnostic),
    ("operation", Kind::Operation),
    ("deploy", Kind::Deploy),
    ("rollback", Kind::Rollback),
];

const STEWARDSHIPS: &[(&str, Stewardship)] =
    &[("central", Stewardship::Central), ("shared", Stewardship::Shared), ("customer", Stewardship::Customer)];

/// Reads the head; none where something that every runbook needs is missing or wrong.
pub(super) fn read(fields: &Fields<'_>, found: &mut Found<'_>) -> Option<Head> {
    let name_node = fields.need("runbook", found);
    let name = name_node.and_then(|node| parsed(node, "the runbook's name", found, |text| RunbookName::new(text)));
    let title = fields.need("title", found).and_then(|node| saying(node, "the title", found));
    let summary = fields.need("summary", found).and_then(|node| saying(node, "the summary", found));
    let kind = fields.get("kind").and_then(|node| one_of(node, "the kind", KINDS, found));
    let owner = fields.get("owner").and_then(|node| saying(node, "the owner", found));
    let stewardship = match fields.get("stewardship") {
        Some(node) => one_of(node, "the stewardship", STEWARDSHIPS, found),
        None => Some(Stewardship::Customer),
    };
    let reviewed = fields.get("reviewed").and_then(|node| {
        parsed(node, "the day of review", found, |text| {
            let date = text.parse::<jiff::civil::Date>();
            date.map(|date| date.to_string()).map_err(|_| format!("`{text}` is not a date; write it as in 2026-11-20"))
        })
    });
    let targets = fields.get("targets").and_then(|node| read_targets(node, found));
    Some(Head {
        name: name?,
        title: title?,
        summary: summary?,
        kind,
        owner,
        stewardship: stewardship?,
        reviewed,
        targets,
        place: name_node.map_or(fields.place, |node| node.place),
    })
}

/// Reads the selector; what is wrong with it is marked where it stands in the value.
fn read_targets(node: &Node, found: &mut Found<'_>) -> Option<Selector> {
    let text = text(node, "the targets", found)?;
    match Selector::parse(&text) {
        Ok(selector) => Some(selector),
        Err(error) => {
            let place = place_in(node, &text, error.column.saturating_sub(1), error.width, found);
            let message = format!("the targets: expected {}, found {}", error.expected, error.found);
            match error.hint {
                Some(hint) => found.error_with("selector", place, message, hint),
                None => found.error("selector", place, message),
            }
            None
        }
    }
}
