//! Compares members of a JSON document, and makes what is written. Pure.

use daytwo_model::plan::Direction;
use serde_json::{Map, Value};

use crate::expect::{same, shortened};

/// Characters of a value that are shown in a conflict.
const SHOWN_CHARS_MAX: usize = 120;
/// Digits that a floating-point number surely keeps when it is read and written again.
const DIGITS_KEPT: usize = 15;

/// What a write's body says.
pub(crate) enum Form {
    Document,
    MergePatch,
    Fields(Map<String, Value>),
}

/// A member: what must be there, and what is to be there. None: no such member.
pub(crate) struct Member {
    pub(crate) pointer: String,
    pub(crate) from: Option<Value>,
    pub(crate) to: Option<Value>,
}

/// What has to be done.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// Every member is as it is to be.
    AsWanted,
    /// This is written.
    Write(String),
}

/// Compares every member with what must be there. Each is as it was seen, or already as it is to be; otherwise
/// somebody changed it, and the error says who has what.
pub(crate) fn decide(
    document: &Value,
    answer: &str,
    form: &Form,
    members: &[Member],
    direction: Direction,
) -> Result<Outcome, String> {
    let mut conflicts = Vec::new();
    let mut due = Vec::new();
    for member in members {
        let now = document.pointer(&member.pointer);
        if equal(now, member.to.as_ref()) {
            continue;
        }
        if equal(now, member.from.as_ref()) {
            due.push(member);
        } else {
            conflicts.push(conflict(member, now, direction));
        }
    }
    if !conflicts.is_empty() {
        return Err(format!("somebody else changed it since: {}", conflicts.join("; ")));
    }
    if due.is_empty() {
        return Ok(Outcome::AsWanted);
    }
    for member in &due {
        settable(document, member, form)?;
    }
    let body = match form {
        Form::Document => {
            writes_back(answer)?;
            whole(document, &due)?
        }
        Form::MergePatch => patch(document, &due, Map::new(), merge)?,
        Form::Fields(with) => patch(document, &due, with.clone(), |_, to| Ok(to.clone()))?,
    };
    Ok(Outcome::Write(body.to_string()))
}

fn equal(now: Option<&Value>, then: Option<&Value>) -> bool {
    match (now, then) {
        (Some(now), Some(then)) => same(now, then),
        (None, None) => true,
        _ => false,
    }
}

fn conflict(member: &Member, now: Option<&Value>, direction: Direction) -> String {
    let (pointer, now) = (&member.pointer, shown(now));
    let (from, to) = (shown(member.from.as_ref()), shown(member.to.as_ref()));
    match direction {
        Direction::Forward => format!("{pointer} is {now}, it was {from} when it was read, and was to become {to}"),
        Direction::Back => format!("{pointer} is {now}, we set {from}, it was {to}"),
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "not there".to_owned(), |value| shortened(&value.to_string(), SHOWN_CHARS_MAX))
}

/// The names that lead to a member. A pointer of a plan is well-formed, and never empty.
fn names(pointer: &str) -> Vec<String> {
    pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect()
}

fn parent(pointer: &str) -> &str {
    pointer.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// Whether a member can be set alone, and taken back later: what it stands in must be there.
fn settable(document: &Value, member: &Member, form: &Form) -> Result<(), String> {
    let pointer = &member.pointer;
    let holder = parent(pointer);
    match document.pointer(holder) {
        Some(Value::Object(_)) => {}
        Some(Value::Array(_)) if matches!(form, Form::Document) => {
            if member.to.is_none() || document.pointer(pointer).is_none() {
                return Err(format!("{pointer} is an item of a list, and those are only replaced; set the list"));
            }
        }
        Some(Value::Array(_)) => return Err(in_a_list(pointer)),
        _ => return Err(format!("there is no {holder:?} in which {pointer} could stand; set that as a whole")),
    }
    if matches!(form, Form::Document) {
        return Ok(());
    }
    let mut above = holder;
    while !above.is_empty() {
        above = parent(above);
        if matches!(document.pointer(above), Some(Value::Array(_))) {
            return Err(in_a_list(pointer));
        }
    }
    Ok(())
}

fn in_a_list(pointer: &str) -> String {
    format!("{pointer} stands in a list, and only a whole document can say which item is meant (as: document)")
}

/// The whole document with the members as they are to be.
fn whole(document: &Value, due: &[&Member]) -> Result<Value, String> {
    let mut document = document.clone();
    for member in due {
        let gone = || format!("there is nothing in which {} could stand", member.pointer);
        let holder = document.pointer_mut(parent(&member.pointer)).ok_or_else(gone)?;
        let name = names(&member.pointer).pop().ok_or_else(gone)?;
        match (holder, &member.to) {
            (Value::Object(holder), Some(to)) => drop(holder.insert(name, to.clone())),
            (Value::Object(holder), None) => drop(holder.remove(&name)),
            (holder @ Value::Array(_), Some(to)) => {
                let item = name.parse::<usize>().ok().and_then(|index| holder.get_mut(index));
                *item.ok_or_else(gone)? = to.clone();
            }
            _ => return Err(gone()),
        }
    }
    Ok(document)
}

/// An object of the members alone, beside what is in it already. What is to be absent is `null`.
fn patch(
    document: &Value,
    due: &[&Member],
    mut body: Map<String, Value>,
    value: impl Fn(Option<&Value>, &Value) -> Result<Value, String>,
) -> Result<Value, String> {
    for member in due {
        let told = |why: String| format!("{}: {why}", member.pointer);
        let to = match &member.to {
            None => Value::Null,
            Some(to) => value(document.pointer(&member.pointer), to).map_err(told)?,
        };
        let mut path = names(&member.pointer);
        let last = path.pop().ok_or_else(|| told("it names nothing".to_owned()))?;
        let mut holder = &mut body;
        for name in path {
            let next = holder.entry(name).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(next) = next else {
                return Err(told("what else is sent has something in its place".to_owned()));
            };
            holder = next;
        }
        holder.insert(last, to);
    }
    Ok(Value::Object(body))
}

/// What a merge patch says so that `now` becomes `to`: objects are merged, so what is to go is named.
fn merge(now: Option<&Value>, to: &Value) -> Result<Value, String> {
    match (now, to) {
        (_, Value::Null) => Err("a merge patch cannot set null, it would remove the member".to_owned()),
        (now, Value::Object(to)) => {
            let none = Map::new();
            let now = now.and_then(Value::as_object).unwrap_or(&none);
            let gone = now.keys().filter(|name| !to.contains_key(*name)).map(|name| Ok((name.clone(), Value::Null)));
            let set = to.iter().map(|(name, to)| Ok((name.clone(), merge(now.get(name), to)?)));
            gone.chain(set).collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        (_, to) => Ok(to.clone()),
    }
}

/// Whether every number of a JSON text is the same after it was read and written: a longer one would be
/// changed in a member that nobody wanted to touch.
fn writes_back(text: &str) -> Result<(), String> {
    let mut rest = text;
    while let Some(at) = rest.find(['"', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']) {
        let (_, from) = rest.split_at(at);
        if let Some(string) = from.strip_prefix('"') {
            rest = after_string(string);
            continue;
        }
        let end = from.find(|c: char| !(c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E')));
        let (number, after) = from.split_at(end.unwrap_or(from.len()));
        if !is_kept(number) {
            let number = shortened(number, SHOWN_CHARS_MAX);
            return Err(format!("the document holds {number}, which could not be written back as it is"));
        }
        rest = after;
    }
    Ok(())
}

fn after_string(text: &str) -> &str {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return text.get(at + 1..).unwrap_or_default(),
            _ => {}
        }
    }
    ""
}

fn is_kept(number: &str) -> bool {
    if number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok() {
        return true;
    }
    // A whole number without an exponent would come back with one, or with `.0`.
    let is_real = number.contains(['.', 'e', 'E']);
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    is_real && significant.len() <= DIGITS_KEPT && number.parse::<f64>().is_ok_and(f64::is_finite)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn member(pointer: &str, from: Option<Value>, to: Option<Value>) -> Member {
        Member { pointer: pointer.to_owned(), from, to }
    }

    fn decided(document: &Value, form: &Form, members: &[Member]) -> Result<Option<Value>, String> {
        match decide(document, &document.to_string(), form, members, Direction::Forward)? {
            Outcome::AsWanted => Ok(None),
            Outcome::Write(body) => Ok(Some(serde_json::from_str(&body).unwrap())),
        }
    }

    #[test]
    fn no_value_null_and_a_value_are_three_things() {
        let is = [None, Some(json!(null)), Some(json!(500))];
        for (index, now) in is.iter().enumerate() {
            let mut document = json!({ "other": 1 });
            if let Some(now) = now {
                document["limit"] = now.clone();
            }
            for (from_index, from) in is.iter().enumerate() {
                let set = [member("/limit", from.clone(), Some(json!(800)))];
                let decided = decided(&document, &Form::Document, &set);
                if index == from_index {
                    assert_eq!(decided.unwrap(), Some(json!({ "other": 1, "limit": 800 })));
                } else {
                    assert!(decided.unwrap_err().contains("somebody else changed it since: /limit is "));
                }
            }
            let back = [member("/limit", Some(json!(800)), now.clone())];
            let written = decided(&json!({ "other": 1, "limit": 800 }), &Form::Document, &back).unwrap();
            assert_eq!(written, Some(document), "taken back to {now:?}");
        }
    }

    #[test]
    fn a_conflict_says_who_has_what_for_each_member() {
        let document = json!({ "a": 900, "b": 2, "c": 3 });
        let members = [
            member("/a", Some(json!(800)), Some(json!(500))),
            member("/b", Some(json!(2)), None),
            member("/c", Some(json!("x")), Some(json!(null))),
        ];
        let why = decide(&document, "", &Form::Document, &members, Direction::Back).unwrap_err();
        assert_eq!(
            why,
            "somebody else changed it since: /a is 900, we set 800, it was 500; /c is 3, we set \"x\", it was null"
        );
    }

    #[test]
    fn what_is_so_already_is_not_written_again_and_half_of_it_is_completed() {
        let members = [member("/a", Some(json!(1)), Some(json!(2))), member("/b", Some(json!(1)), Some(json!(2.0)))];
        assert_eq!(decided(&json!({ "a": 2, "b": 2 }), &Form::Document, &members), Ok(None));
        let half = decided(&json!({ "a": 2, "b": 1 }), &Form::Fields(Map::new()), &members);
        assert_eq!(half, Ok(Some(json!({ "b": 2.0 }))));
    }

    #[test]
    fn each_form_says_the_same_change_in_its_own_way() {
        let document = json!({ "info": { "limit": 5, "meta": { "keep": 1, "drop": 2 }, "old": true } });
        let members = [
            member("/info/limit", Some(json!(5)), Some(json!(8))),
            member("/info/meta", Some(json!({ "keep": 1, "drop": 2 })), Some(json!({ "keep": 1, "new": {} }))),
            member("/info/old", Some(json!(true)), None),
        ];
        let with = json!({ "key": "k" }).as_object().unwrap().clone();
        for (form, body) in [
            (Form::Document, json!({ "info": { "limit": 8, "meta": { "keep": 1, "new": {} } } })),
            (
                Form::MergePatch,
                json!({ "info": { "limit": 8, "meta": { "keep": 1, "new": {}, "drop": null }, "old": null } }),
            ),
            (
                Form::Fields(with),
                json!({ "key": "k", "info": { "limit": 8, "meta": { "keep": 1, "new": {} }, "old": null } }),
            ),
        ] {
            assert_eq!(decided(&document, &form, &members).unwrap(), Some(body));
        }
    }

    #[test]
    fn what_could_not_be_taken_back_or_said_is_refused() {
        let document = json!({ "list": [{ "x": 1 }], "none": null });
        let set = |form: Form, pointer: &str, from: Option<Value>, to: Option<Value>| {
            decided(&document, &form, &[member(pointer, from, to)])
        };
        assert!(set(Form::Document, "/none/owner", None, Some(json!(1))).unwrap_err().contains("no \"/none\""));
        assert!(set(Form::MergePatch, "/list/0/x", Some(json!(1)), Some(json!(2))).unwrap_err().contains("list"));
        assert!(set(Form::MergePatch, "/none", Some(json!(null)), Some(json!(2))).is_ok());
        assert!(set(Form::MergePatch, "/new", None, Some(json!(null))).unwrap_err().contains("cannot set null"));
        assert!(set(Form::MergePatch, "/new", None, Some(json!({ "a": null }))).is_err());
        assert!(set(Form::Document, "/list/1", None, Some(json!(2))).is_err());
        assert!(set(Form::Document, "/list/0", Some(json!({ "x": 1 })), None).is_err());
        let item = set(Form::Document, "/list/0/x", Some(json!(1)), Some(json!(2))).unwrap();
        assert_eq!(item, Some(json!({ "list": [{ "x": 2 }], "none": null })));
    }

    #[test]
    fn a_number_that_would_come_back_as_another_keeps_the_document_as_it_is() {
        for text in [r#"{"a": 12345678901234567890, "b": -1, "c": 1.5, "d": 1e9, "s": "\" 1e999"}"#, "[0.1, 0, -0.25]"]
        {
            assert_eq!(writes_back(text), Ok(()), "{text}");
        }
        for number in ["123456789012345678901234567890", "0.12345678901234567890", "1e999", "-99999999999999999999"] {
            let text = format!(r#"{{"s": "1.5", "n": {number}}}"#);
            assert!(writes_back(&text).unwrap_err().contains(number), "{text}");
        }
    }
}
