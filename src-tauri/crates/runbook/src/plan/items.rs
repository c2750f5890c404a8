//! `for_each`: one planned step per item, with the item in its templates.

use std::sync::Arc;

use daytwo_model::plan::PlannedStep;
use minijinja::Value;

use super::expand::{Planner, Rendered, Spot, Use, known_json, nothing};
use super::groups::Groups;
use super::render::Flawed;
use super::scope::{Binding, Column, known};
use crate::diagnostic::printable;
use crate::input::ITEMS_MAX;
use crate::template::{JsonTemplate, Rendering};

/// How much of an item stands in a step's title, in characters.
const TITLE_ITEM_CHARS_MAX: usize = 60;

impl Planner<'_> {
    /// One planned step per item. Where the lists of the hosts differ, a host has as many as its list.
    pub(super) fn expand_items(&mut self, used: &Use, spot: Spot<'_>, list: &JsonTemplate) -> Vec<u32> {
        let of = spot.of();
        let items = self.rendered(of, &spot.scope, &spot.there, &list.templates(), |rendering| items(list, rendering));
        let Some(Rendered { groups, values: lists }) = items else { return Vec::new() };
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        if longest == 0 {
            // The step stays in the plan, so that a person sees that it does nothing.
            return vec![self.push(PlannedStep::new(spot.id.clone(), nothing(self.crowd.len())), &spot)];
        }
        let mut placed = Vec::new();
        for index in 0..longest {
            if self.is_full() {
                break;
            }
            let has = |host: u32| {
                let group = groups.of_host.get(host as usize).copied().flatten();
                group.and_then(|group| lists.get(group as usize)).is_some_and(|list| list.len() > index)
            };
            let there = spot.there.and(self.crowd.len(), has);
            let every_host = lists.iter().all(|list| list.len() > index);
            let values: Vec<Option<&serde_json::Value>> = lists.iter().map(|list| list.get(index)).collect();
            let Some(id) = self.id(of, format!("{}.{}", spot.id, index + 1)) else { break };
            let one = Spot {
                id,
                title: format!("{}{}", spot.title, of_item(&values, index)),
                scope: Arc::new(spot.scope.with("item", item(&values, &groups))),
                there,
                needs: spot.needs.clone(),
                when: spot.when.clone(),
                condition: spot.condition.clone(),
                ..spot
            };
            let of_one = self.expand_one(used, one);
            // An item that only some hosts have says nothing about the others.
            if every_host || index == 0 {
                placed.extend(of_one);
            }
        }
        placed
    }
}

fn items(list: &JsonTemplate, rendering: &Rendering<'_>) -> Result<Vec<serde_json::Value>, Flawed> {
    let line = list.templates().first().map(|template| template.place().line);
    match known_json(list, rendering)? {
        serde_json::Value::Array(items) if items.len() > ITEMS_MAX as usize => {
            Err((line, format!("`for_each` has {} items, and at most {ITEMS_MAX} are allowed", items.len())))
        }
        serde_json::Value::Array(items) => Ok(items),
        serde_json::Value::Null => Ok(Vec::new()),
        other => Err((line, format!("`for_each` needs a list, and this is {}", printable(&other.to_string())))),
    }
}

/// What `item` stands for on each host.
fn item(values: &[Option<&serde_json::Value>], groups: &Groups) -> Binding {
    if let [Some(one)] = values {
        return Binding::Same(known(one));
    }
    let of_host = groups
        .of_host
        .iter()
        .map(|group| group.filter(|group| values.get(*group as usize).is_some_and(Option::is_some)));
    Binding::Differs(Arc::new(Column {
        values: values.iter().map(|value| value.map_or(Value::UNDEFINED, known)).collect(),
        of_host: of_host.collect(),
    }))
}

/// What an item adds to the step's title.
fn of_item(values: &[Option<&serde_json::Value>], index: usize) -> String {
    let mut different = values.iter().flatten();
    let first = different.next();
    match first {
        Some(one) if different.all(|other| other == one) => {
            let text: String = daytwo_model::quote::plain(one).chars().take(TITLE_ITEM_CHARS_MAX).collect();
            format!(": {}", printable(&text))
        }
        _ => format!(" (item {})", index + 1),
    }
}
