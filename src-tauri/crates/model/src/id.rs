//! Typed names and ids. A name is checked once, where it enters; after that its type is the proof.

use std::fmt;

use serde::{Deserialize, Serialize};
use ts_rs::TS;
use uuid::Uuid;

/// Why a text is not a valid name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not a valid {what}: {why}")]
pub struct InvalidName {
    what: &'static str,
    value: String,
    why: &'static str,
}

/// Longest name of any kind, in bytes; a DNS name's limit, generous for all the others.
pub const NAME_BYTES_MAX: usize = 253;

/// Accepts letters, digits and `extra`, beginning with a letter, a digit or `_`.
///
/// The narrow alphabet is what keeps terminal escapes, path separators and shell characters out
/// of every place where a name is shown or used.
fn check_name(what: &'static str, extra: &str, value: &str) -> Result<(), InvalidName> {
    let fail = |why| Err(InvalidName { what, value: value.chars().take(64).collect(), why });
    if value.is_empty() {
        return fail("it is empty");
    }
    if value.len() > NAME_BYTES_MAX {
        return fail("it is longer than 253 bytes");
    }
    if !value.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
        return fail("it must begin with a letter, a digit or _");
    }
    if !value.chars().all(|c| c.is_alphanumeric() || extra.contains(c)) {
        return fail("it holds a character that is not allowed here");
    }
    Ok(())
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $extra:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(try_from = "String", into = "String")]
        #[ts(type = "string")]
        pub struct $name(String);

        impl $name {
            /// Checks `value` and takes it.
            pub fn new(value: impl Into<String>) -> Result<Self, InvalidName> {
                let value = value.into();
                check_name($what, $extra, &value)?;
                Ok(Self(value))
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(value: String) -> Result<Self, InvalidName> {
                Self::new(value)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(value: &str) -> Result<Self, InvalidName> {
                Self::new(value)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

name! {
    /// A host's name in the fleet; unique there.
    HostName, "host name", "._-:@[]"
}
name! {
    /// A runbook's name; also its file name without `.yaml`.
    RunbookName, "runbook name", "_-."
}
name! {
    /// A step's id, unique in its plan. Authors write letters, digits, `_` and `-`; planning adds
    /// `call/step` and `step.2`.
    StepId, "step id", "_-./"
}
name! {
    /// A login name on a host.
    UserName, "user name", "_-."
}
name! {
    /// The name under which a secret is kept; never its value.
    SecretName, "secret name", "_-./"
}
name! {
    /// The name of a value that a step captured.
    CaptureName, "capture name", "_"
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
        #[serde(transparent)]
        #[ts(type = "string")]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID that an id source made (version 7, so that ids sort by time).
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;
            fn from_str(value: &str) -> Result<Self, uuid::Error> {
                Uuid::parse_str(value).map(Self)
            }
        }
    };
}

id! {
    /// One execution of a plan; globally unique.
    RunId
}
id! {
    /// One try of a step on a host; globally unique.
    AttemptId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_refuse_what_could_hide_in_a_terminal_path_or_shell() {
        for bad in ["", "-rf", "a b", "a\u{1b}[2J", "a/b", "a;b", "a\0", "$(x)", "..", "a\nb"] {
            assert!(HostName::new(bad).is_err(), "{bad:?} was accepted");
        }
        for good in ["web-01", "10.0.0.7", "kiosk_7.shop-12.example", "zürich-1"] {
            assert_eq!(HostName::new(good).map(String::from), Ok(good.to_owned()));
        }
    }
}
