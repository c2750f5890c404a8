//! The JSON Schema of the language, made from the grammar: what editors complete, explain and underline.
//!
//! It says what can be written. What a file means as a whole (names, bounds that contradict each
//! other, templates) is said by `parse` alone, so a file that the schema accepts may still be wrong. The
//! other way round it must not be stricter than `parse`, except that numbers and booleans are written
//! without quotes.

use serde_json::{Map, Value, json};

use crate::parse::shape::{Field, Shape, Tagged, Takes};
use crate::parse::{REHEARSAL, RUNBOOK};

/// The JSON Schema of a runbook, draft 2020-12.
#[must_use]
pub fn schema() -> Value {
    of_root(&RUNBOOK, "Daytwo runbook")
}

/// The JSON Schema of a runbook's tests, draft 2020-12.
#[must_use]
pub fn rehearsal_schema() -> Value {
    of_root(&REHEARSAL, "Daytwo tests of a runbook")
}

fn of_root(shape: &Shape, title: &str) -> Value {
    let mut shapes = Shapes::default();
    let root = shapes.of_shape(shape);
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".to_owned(), json!(title));
    if let Value::Object(root) = root {
        schema.extend(root);
    }
    schema.insert("$defs".to_owned(), Value::Object(shapes.defs));
    sorted(Value::Object(schema))
}

/// The same with its names in order, so that it is written alike however `serde_json` keeps a map.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> =
                map.into_iter().map(|(name, value)| (name, sorted(value))).collect();
            entries.sort_by(|(one, _), (other, _)| one.cmp(other));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// The shapes that were met, each written once.
#[derive(Default)]
struct Shapes {
    defs: Map<String, Value>,
}

impl Shapes {
    /// A reference to a definition, which `make` writes when it is met for the first time.
    fn refer(&mut self, name: &str, make: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.defs.contains_key(name) {
            // Its place is taken before it is written: a shape may hold itself.
            self.defs.insert(name.to_owned(), Value::Null);
            let made = make(self);
            self.defs.insert(name.to_owned(), made);
        }
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn of_shape(&mut self, shape: &Shape) -> Value {
        let properties: Map<String, Value> =
            shape.all().map(|field| (field.name.to_owned(), self.of_field(field))).collect();
        let required: Vec<&str> = shape.all().filter(|field| field.required).map(|field| field.name).collect();
        let mut schema = Map::new();
        schema.insert("description".to_owned(), json!(shape.doc));
        schema.insert("type".to_owned(), json!("object"));
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema.insert("additionalProperties".to_owned(), json!(false));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if !shape.exactly_one.is_empty() {
            let one: Vec<Value> = shape.exactly_one.iter().map(|name| json!({ "required": [name] })).collect();
            schema.insert("oneOf".to_owned(), json!(one));
        }
        if !shape.not_both.is_empty() {
            let not: Vec<Value> =
                shape.not_both.iter().map(|(one, other)| json!({ "not": { "required": [one, other] } })).collect();
            schema.insert("allOf".to_owned(), json!(not));
        }
        Value::Object(schema)
    }

    /// The shape that is meant is chosen by its word, so that an editor speaks of that one and not of all.
    fn of_tagged(&mut self, tagged: &Tagged) -> Value {
        let words: Vec<&str> = tagged.shapes.iter().map(|(word, _)| *word).collect();
        let cases: Vec<Value> = tagged
            .shapes
            .iter()
            .map(|(word, shape)| {
                let then = self.refer(shape.name, |shapes| shapes.of_shape(shape));
                json!({
                    "if": { "properties": { tagged.tag: { "const": word } }, "required": [tagged.tag] },
                    "then": then,
                })
            })
            .collect();
        json!({
            "description": tagged.doc,
            "type": "object",
            "properties": { tagged.tag: { "description": tagged.tag_doc, "enum": words } },
            "required": [tagged.tag],
            "allOf": cases,
        })
    }

    fn of_field(&mut self, field: &Field) -> Value {
        let mut schema = self.of_takes(field.takes);
        if let Value::Object(fields) = &mut schema {
            fields.insert("description".to_owned(), json!(field.doc));
        }
        schema
    }

    fn of_takes(&mut self, takes: Takes) -> Value {
        match takes {
            Takes::Text | Takes::Script => json!({ "type": SCALAR, "minLength": 1 }),
            Takes::AnyText | Takes::Template => json!({ "type": SCALAR }),
            Takes::Name(pattern) => json!({ "type": SCALAR, "pattern": whole(pattern) }),
            Takes::Regex | Takes::Pointer => json!({ "type": "string" }),
            Takes::Boolean => json!({ "type": "boolean" }),
            Takes::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Takes::Number { min, max } => {
                let mut schema = json!({ "type": "number" });
                if let Value::Object(fields) = &mut schema {
                    fields.extend(min.map(|min| ("minimum".to_owned(), json!(min))));
                    fields.extend(max.map(|max| ("maximum".to_owned(), json!(max))));
                }
                schema
            }
            Takes::Duration => matching("([0-9]+(ms|s|m|min|h|d))+"),
            Takes::Size => matching(r"[0-9]+(\.[0-9]+)?(B|[kKMGTP]B|[KMGTP]iB)"),
            Takes::Percentage => or_number(r"[0-9]+(\.[0-9]+)? ?%?", "number"),
            Takes::Share => or_number("[0-9]+%?", "integer"),
            Takes::Date => matching("[0-9]{4}-[0-9]{2}-[0-9]{2}"),
            Takes::Words(words) => json!({ "enum": words }),
            Takes::List { of, min, max } => {
                let items = self.of_takes(*of);
                json!({ "type": "array", "items": items, "minItems": min, "maxItems": max })
            }
            Takes::Map { key, to, max } => {
                let values = self.of_takes(*to);
                json!({
                    "type": "object",
                    "propertyNames": { "pattern": whole(key) },
                    "additionalProperties": values,
                    "maxProperties": max,
                })
            }
            Takes::Shape(shape) => self.refer(shape.name, |shapes| shapes.of_shape(shape)),
            Takes::Tagged(tagged) => self.refer(tagged.name, |shapes| shapes.of_tagged(tagged)),
            Takes::OneOf(forms) => {
                let forms: Vec<Value> = forms.iter().map(|form| self.of_takes(*form)).collect();
                json!({ "anyOf": forms })
            }
            Takes::Json => json!({}),
        }
    }
}

/// A single value. The language takes what was written; an editor sees a number in `1.2`.
const SCALAR: [&str; 3] = ["string", "number", "boolean"];

fn matching(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": whole(pattern) })
}

fn or_number(pattern: &str, number: &str) -> Value {
    json!({ "type": ["string", number], "minimum": 0, "pattern": whole(pattern) })
}

fn whole(pattern: &str) -> String {
    format!("^(?:{pattern})$")
}
