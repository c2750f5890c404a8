//! Plan files: written for somebody else to review, read back byte for byte.

use std::io::{Read as _, Write as _};
use std::path::Path;

use daytwo_console::PLAN_FILE_BYTES_MAX;
use daytwo_console::wire::{Code, UiError};

use crate::commands::bad;

/// Writes the document to a file that is not there yet: a plan that somebody has reviewed is not replaced.
pub(crate) fn write(file: &Path, document: &str) -> Result<(), UiError> {
    let cannot = |error: std::io::Error| {
        let refused = bad(Code::BadRequest, format!("{} cannot be written: {error}", file.display()));
        if error.kind() == std::io::ErrorKind::AlreadyExists {
            refused.hint("choose another name, or remove it first")
        } else {
            refused
        }
    };
    let mut open = std::fs::File::options().write(true).create_new(true).open(file).map_err(cannot)?;
    open.write_all(document.as_bytes())
        .and_then(|()| open.write_all(b"\n"))
        .and_then(|()| open.sync_all())
        .map_err(cannot)
}

/// Reads a document.
pub(crate) fn read(file: &Path) -> Result<String, UiError> {
    let cannot = |why: String| bad(Code::NotFound, format!("{} cannot be read: {why}", file.display()));
    let open = std::fs::File::open(file).map_err(|error| cannot(error.to_string()))?;
    let mut bytes = Vec::new();
    open.take(PLAN_FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| cannot(error.to_string()))?;
    if bytes.len() as u64 > PLAN_FILE_BYTES_MAX {
        return Err(cannot("it is larger than any plan".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| cannot("it is not UTF-8".to_owned()))
}
