//! A secret value in memory.

use std::fmt;

/// What stands in a text where a secret's value was. A text that holds it is not what it was, and
/// is never sent to a host.
pub const MASK: &str = "‹secret›";

/// A secret's value. It prints as `‹secret›`, cannot be serialised, and is compared nowhere.
#[derive(Clone)]
pub struct SecretValue(String);

impl SecretValue {
    /// Takes the value.
    #[must_use]
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one place that sends it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for SecretValue {
    fn drop(&mut self) {
        // Best effort: overwrites this copy. The allocator, the kernel and the peer have theirs.
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.fill(0);
        std::hint::black_box(&bytes);
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
