//! A page for every code that a runbook's reader may meet: what it means, why it matters, what is right.
//!
//! The pages are text files beside this one, so that whoever adds a code adds its page. Their examples
//! are true: tests read the wrong ones and find the code, and the right ones and do not.

use include_dir::{Dir, include_dir};

/// The pages, `CODE.md` each.
static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/src/explain/pages");

/// The page of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The code.
    pub code: &'static str,
    /// What it is about, in one line.
    pub title: &'static str,
    /// The page in Markdown, its heading included.
    pub text: &'static str,
}

/// The page of a code; none where there is no such code.
#[must_use]
pub fn explain(code: &str) -> Option<Page> {
    codes().find(|page| page.code == code)
}

/// Every page, in the order of the codes.
pub fn codes() -> impl Iterator<Item = Page> {
    let mut pages: Vec<Page> = PAGES.files().filter_map(page_of).collect();
    pages.sort_unstable_by_key(|page| page.code);
    pages.into_iter()
}

fn page_of(file: &'static include_dir::File<'static>) -> Option<Page> {
    let code = file.path().file_name()?.to_str()?.strip_suffix(".md")?;
    let text = file.contents_utf8()?;
    let (_, title) = text.lines().next()?.strip_prefix("# ")?.split_once(": ")?;
    Some(Page { code, title, text })
}
