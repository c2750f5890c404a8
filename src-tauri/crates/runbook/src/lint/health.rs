//! The rule about health checks that always hold.

use super::{Report, Subject};

/// Words of PromQL that make a result empty without comparing anything.
const EMPTYING: &[&str] = &["absent", "absent_over_time", "unless"];

/// A query holds when it has a result. One that compares nothing has one whatever its value is, and so has one
/// that compares with `bool`, which answers 0 or 1.
pub(super) fn promql_without_comparison<'r>(subject: &Subject<'r>, report: &mut Report<'r>) {
    let Some(query) = subject.runbook.health.as_ref().and_then(|health| health.promql.as_ref()) else { return };
    let bare = outside_strings_and_braces(&query.written());
    let mut words = bare.split(|c: char| !c.is_alphanumeric() && c != '_');
    let compares = ["<", ">", "==", "!="].iter().any(|sign| bare.contains(sign));
    if words.clone().any(|word| EMPTYING.contains(&word)) || (compares && !words.any(|word| word == "bool")) {
        return;
    }
    let (message, hint) = if compares {
        let message = "with `bool` a comparison always has a result, 0 or 1, so this holds whatever is compared";
        (message, "leave out `bool`: then there is a result only where the comparison is true")
    } else {
        let message = "this query has a result whatever its value is, so the service is healthy whatever happens";
        (message, "compare, as in `sum(rate(http_errors_total[5m])) < 1`")
    };
    report.warn(None, query.place(), message, hint);
}

/// A query without its strings, and without what chooses series between braces: `=~` is no comparison there. Values
/// of the template have no braces of their own left over.
fn outside_strings_and_braces(query: &str) -> String {
    let mut out = String::with_capacity(query.len());
    let mut quote = None;
    let mut escaped = false;
    let mut depth = 0_u32;
    for c in query.chars() {
        match (quote, c) {
            (Some(_), _) if escaped => escaped = false,
            // Backquoted strings have no escapes.
            (Some('"' | '\''), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') => depth = depth.saturating_sub(1),
            (None, c) if depth == 0 => out.push(c),
            (None, _) => {}
        }
    }
    out
}
