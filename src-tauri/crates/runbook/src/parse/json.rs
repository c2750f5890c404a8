//! JSON as a runbook writes it: documents with values in their strings, and pointers into them.

use serde_json::Value;

use super::fields::flawless;
use crate::diagnostic::Found;
use crate::template::JsonTemplate;
use crate::yaml::{Data, Node, Style};

/// A JSON document. Bounded in depth by the text it comes from.
pub(super) fn document(node: &Node, found: &mut Found<'_>) -> Option<JsonTemplate> {
    match &node.data {
        Data::Seq(items) => {
            let items: Vec<_> = items.iter().map(|item| document(item, found)).collect();
            items.into_iter().collect::<Option<Vec<_>>>().map(JsonTemplate::Array)
        }
        Data::Map(entries) => {
            let fields: Vec<_> = entries
                .iter()
                .map(|(key, value)| document(value, found).map(|value| (key.name.clone(), value)))
                .collect();
            fields.into_iter().collect::<Option<Vec<_>>>().map(JsonTemplate::Object)
        }
        Data::Scalar(scalar) if scalar.is_null() => Some(JsonTemplate::Literal(Value::Null)),
        Data::Scalar(scalar) if scalar.style == Style::Plain => {
            // What JSON itself would read as a number or boolean is one; `no`, `0777` and `+1` are strings.
            match serde_json::from_str::<Value>(&scalar.text) {
                Ok(value @ (Value::Bool(_) | Value::Number(_))) => Some(JsonTemplate::Literal(value)),
                _ => flawless(node, &scalar.text, JsonTemplate::string(&scalar.text, node.place), found),
            }
        }
        Data::Scalar(scalar) => flawless(node, &scalar.text, JsonTemplate::string(&scalar.text, node.place), found),
    }
}

/// RFC 6901: empty for the whole document, otherwise beginning with a slash; `~` only as `~0` and `~1`.
pub(super) fn pointer(text: &str) -> Result<String, String> {
    let escapes = text.split('~').skip(1).all(|after| after.starts_with(['0', '1']));
    if (text.is_empty() || text.starts_with('/')) && escapes {
        Ok(text.to_owned())
    } else {
        Err(format!("`{text}` is not a JSON pointer; it begins with a slash, as in /info/tpm_limit"))
    }
}
