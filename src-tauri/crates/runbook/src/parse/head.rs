//! Name, title, owner: what a runbook says about itself.

use daytwo_model::{RunbookName, Selector};

use super::fields::{Fields, one_of, parsed, saying};
use crate::diagnostic::{Found, Place};
use crate::runbook::{Kind, Stewardship};

pub(super) struct Head {
    pub(super) name: RunbookName,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) kind: Kind,
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
    let kind = fields.need("kind", found).and_then(|node| one_of(node, "the kind", KINDS, found));
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
    let targets = fields.get("targets").and_then(|node| parsed(node, "the targets", found, Selector::parse));
    Some(Head {
        name: name?,
        title: title?,
        summary: summary?,
        kind: kind?,
        owner,
        stewardship: stewardship?,
        reviewed,
        targets,
        place: name_node.map_or(fields.place, |node| node.place),
    })
}
