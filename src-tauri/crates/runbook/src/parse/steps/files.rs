//! Steps about files: `fetch`, `put`, `file` and `link`.

use daytwo_model::plan::RunAs;
use daytwo_model::quote::Quote;

use super::super::fields::{Fields, boolean, parsed, template, text};
use super::super::shape::{Shape, Takes, may, must};
use crate::diagnostic::{Found, printable};
use crate::input::parse_bytes;
use crate::step::{FetchTemplate, FileTemplate, LinkTemplate, PutTemplate};
use crate::template::Template;
use crate::yaml::Node;

/// What one host may send where the runbook does not say, in bytes.
const FETCH_BYTES_DEFAULT: u64 = 100 * 1024 * 1024;
/// What a runbook may let one host send, in bytes. It lands on an operator's disk, once per host.
const FETCH_BYTES_MAX: u64 = 64 * 1024 * 1024 * 1024;

const MODE: &str = "[0-7]{3,4}";

pub(crate) static FETCH: Shape = Shape::new(
    "fetch",
    "`fetch`",
    "A file or tree from the host.",
    &[
        must("from", Takes::Template, "Its absolute path on the host."),
        must(
            "to",
            Takes::Template,
            "The folder that it gets, below the one that the operator chose; each host has its own in it.",
        ),
        may("max", Takes::Size, "The most that one host may send; 100MiB where it is absent."),
    ],
);

pub(crate) static PUT: Shape = Shape::new(
    "put",
    "`put`",
    "A file to the host.",
    &[
        must("from", Takes::Template, "Its path on the console, or a `file` input."),
        must("to", Takes::Template, "Its absolute path on the host."),
        may("mode", Takes::Name(MODE), "Its mode there, in octal digits: '0644'."),
        may("owner", Takes::Template, "Its owner there: user, or user:group."),
    ],
);

pub(crate) static FILE: Shape = Shape::new(
    "file",
    "`file`",
    "A file's content, mode and owner; what is absent stays as it is. A host keeps the old file beside it, for the way \
     back, for 14 days; one that has no place to keep attempts in keeps it until somebody removes it.",
    &[
        must("path", Takes::Template, "Its absolute path on the host."),
        may("content", Takes::Template, "Its whole content."),
        may("mode", Takes::Name(MODE), "Its mode, in octal digits: '0644'."),
        may("owner", Takes::Template, "Its owner: user, or user:group."),
        may("present", Takes::Boolean, "Whether it is to be there at all; true where it is absent."),
    ],
);

pub(crate) static LINK: Shape = Shape::new(
    "link",
    "`link`",
    "A symbolic link, switched in one go.",
    &[
        must("path", Takes::Template, "The link's absolute path on the host."),
        must("to", Takes::Template, "What it points to; a relative path begins in the link's own folder."),
    ],
);

/// Reads `fetch`.
pub(super) fn fetch(node: &Node, run_as: RunAs, found: &mut Found<'_>) -> Option<FetchTemplate> {
    let fields = Fields::of(node, &FETCH, found)?;
    let from = fields.need("from", found).and_then(|node| absolute(node, "`from`", found));
    let to = fields.need("to", found).and_then(|node| {
        let to = template(node, "`to`", Quote::None, found)?;
        let written = to.written();
        if written.starts_with(['/', '~']) || written.split('/').any(|part| part == "..") {
            let hint = "write the name of a folder, such as logs";
            let message = "what is fetched stays below the folder that the operator chose";
            found.error_with("bad-value", node.place, message, hint);
        }
        Some(to)
    });
    let bytes_max = match fields.get("max") {
        Some(node) => parsed(node, "`max`", found, |text| match parse_bytes(text)? {
            0 => Err("nothing could be fetched".to_owned()),
            bytes if bytes > FETCH_BYTES_MAX => Err(format!("`{}` is more than 64GiB", printable(text))),
            bytes => Ok(bytes),
        }),
        None => Some(FETCH_BYTES_DEFAULT),
    };
    Some(FetchTemplate { from: from?, to: to?, bytes_max: bytes_max?, run_as })
}

/// Reads `put`.
pub(super) fn put(node: &Node, run_as: RunAs, found: &mut Found<'_>) -> Option<PutTemplate> {
    let fields = Fields::of(node, &PUT, found)?;
    let from = fields.need("from", found).and_then(|node| template(node, "`from`", Quote::None, found));
    let to = fields.need("to", found).and_then(|node| absolute(node, "`to`", found));
    let mode = fields.get("mode").and_then(|node| mode(node, found));
    let owner = fields.get("owner").and_then(|node| owner(node, found));
    Some(PutTemplate { from: from?, to: to?, mode, owner, run_as })
}

/// Reads `file`.
pub(super) fn file(node: &Node, run_as: RunAs, found: &mut Found<'_>) -> Option<FileTemplate> {
    let fields = Fields::of(node, &FILE, found)?;
    let path = fields.need("path", found).and_then(|node| absolute(node, "`path`", found));
    let content = fields.get("content").and_then(|node| content(node, found));
    let mode = fields.get("mode").and_then(|node| mode(node, found));
    let owner = fields.get("owner").and_then(|node| owner(node, found));
    let present = fields.get("present").and_then(|node| boolean(node, "`present`", found)).unwrap_or(true);
    let said = ["content", "mode", "owner"].into_iter().find(|field| fields.get(field).is_some());
    match said {
        Some(field) if !present => {
            let message = format!("a file that is not to be there has no {field}");
            found.error("bad-value", fields.place_of(field), message);
        }
        None if fields.get("present").is_none() => {
            let hint = "say content, mode, owner or present";
            found.error_with("missing-field", fields.place, "nothing is said about this file but its path", hint);
        }
        _ => {}
    }
    Some(FileTemplate { path: path?, content, mode, owner, present, run_as })
}

/// Reads `link`.
pub(super) fn link(node: &Node, run_as: RunAs, found: &mut Found<'_>) -> Option<LinkTemplate> {
    let fields = Fields::of(node, &LINK, found)?;
    let path = fields.need("path", found).and_then(|node| absolute(node, "`path`", found));
    let to = fields.need("to", found).and_then(|node| template(node, "`to`", Quote::None, found));
    Some(LinkTemplate { path: path?, to: to?, run_as })
}

/// A file's content, which may be empty.
fn content(node: &Node, found: &mut Found<'_>) -> Option<Template> {
    template(node, "the content", Quote::None, found)
}

/// A path on a host. The working directory of a step is nobody's promise, so a path begins at the root or with a value.
fn absolute(node: &Node, what: &str, found: &mut Found<'_>) -> Option<Template> {
    let path = template(node, what, Quote::None, found)?;
    let written = path.written();
    if !written.starts_with('/') && !written.starts_with("{{") {
        let message = format!("{what} is an absolute path on the host");
        found.error_with("bad-value", node.place, message, "it begins with `/`, or with a value that does");
    } else if written.contains('\n') {
        found.error("bad-value", node.place, format!("{what} is one line"));
    }
    Some(path)
}

/// A mode in four octal digits, whatever YAML would make of the number.
fn mode(node: &Node, found: &mut Found<'_>) -> Option<String> {
    parsed(node, "the mode", found, |text| {
        let octal = text.chars().all(|c| matches!(c, '0'..='7'));
        if octal && matches!(text.len(), 3 | 4) {
            return Ok(format!("{text:0>4}"));
        }
        let digits = text.strip_prefix("0o").unwrap_or(text);
        let near = digits.len() == 3 && digits.chars().all(|c| matches!(c, '0'..='7'));
        let example = if near { format!("0{digits}") } else { "0644".to_owned() };
        Err(format!("`{text}` is not a mode; write its octal digits in quotes, as in '{example}'"))
    })
}

/// `user` or `user:group`.
fn owner(node: &Node, found: &mut Found<'_>) -> Option<Template> {
    let text = text(node, "the owner", found)?;
    let owner = template(node, "the owner", Quote::None, found)?;
    let name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-$".contains(c))
    };
    let (user, group) = text.split_once(':').map_or((text.as_str(), None), |(user, group)| (user, Some(group)));
    if owner.names().is_empty() && !(name(user) && group.is_none_or(name)) {
        let message = format!("`{text}` is not an owner; write a user, or user:group");
        found.error("bad-value", node.place, message);
    }
    Some(owner)
}
