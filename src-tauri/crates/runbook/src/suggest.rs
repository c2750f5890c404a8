//! "Did you mean …?", as a sentence.

pub(crate) use daytwo_model::suggest::nearest;

/// The hint for a near miss, or the list of what is known.
pub(crate) fn hint(word: &str, known: &[&str]) -> Option<String> {
    match nearest(word, known.iter().copied()) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    }
}
