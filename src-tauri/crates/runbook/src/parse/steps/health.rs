//! The health of the whole service: what is asked from this machine after each batch of a rollout.
//!
//! A PromQL query is spelled out as the request that it stands for, so that a plan shows it and the
//! engine has nothing to know of Prometheus.

use daytwo_model::plan::{On, RunAs};
use daytwo_model::quote::Quote;

use super::super::HEADERS_MAX;
use super::super::fields::{Fields, duration_ms, flawless, scalar, template};
use super::super::shape::{Field, Shape, Takes, may, must};
use super::action::{self, Around};
use super::{http, probe};
use crate::diagnostic::Found;
use crate::step::{ActionTemplate, ExpectTemplate, HealthTemplate, ProbeTemplate};
use crate::template::Template;
use crate::yaml::Node;

/// The path of the query API, behind a server's address.
const QUERY_PATH: &str = "/api/v1/query?query=";

/// What the answer to a query holds when its result is a vector with at least one sample. No string
/// of a JSON document can look like it: its quotes would be escaped. A scalar's result is never empty and
/// so would always hold; it begins with a number and does not match.
const NOT_EMPTY: &str = r#""result"\s*:\s*\[\s*\{"#;

const RUN: Field = may("run", Takes::Script, "A script for this machine's POSIX shell. Every value in it is quoted.");

pub(crate) static HEALTH: Shape = Shape::new(
    "health",
    "`health`",
    "What must hold after each batch before the next begins. Asked from this machine, again and again until it holds \
     or its time is over; then the rollout stops.",
    &[
        RUN,
        action::HTTP,
        may("promql", Takes::Shape(&PROMQL), "A query to a Prometheus server that must have a result."),
        probe::EXPECTED,
        may("within", Takes::Duration, "How long it may take to become true; it must hold at once where it is absent."),
    ],
)
.exactly_one(&["run", "http", "promql"])
.not_both(&[("promql", "expect")]);

pub(crate) static PROMQL: Shape = Shape::new(
    "promql",
    "`promql`",
    "A query to a Prometheus server. It holds when its result is not empty, so it compares: a comparison in PromQL \
     returns samples only where it is true. Sent as `GET URL/api/v1/query?query=QUERY`.",
    &[
        must("url", Takes::Template, "The server's address, as in `http://prometheus.example:9090`."),
        must("query", Takes::Template, "The query, as in `sum(rate(http_errors_total[5m])) < 1`."),
        may(
            "headers",
            Takes::Map { key: http::HEADER_NAME, to: &Takes::Template, max: HEADERS_MAX },
            "Headers, in order; a secret can stand here.",
        ),
    ],
);

/// Reads `health`.
pub(in crate::parse) fn read(node: &Node, found: &mut Found<'_>) -> Option<HealthTemplate> {
    let fields = Fields::of(node, &HEALTH, found)?;
    let within = fields.get("within").and_then(|node| duration_ms(node, "`within`", found));
    let (probe, promql) = match fields.the_one(found)? {
        ("promql", node) => promql(node, found).map(|(probe, query)| (probe, Some(query)))?,
        _ => (probe::of(&fields, &Around { run_as: RunAs::Login, on: On::Console }, found)?, None),
    };
    Some(HealthTemplate { probe, promql, within_ms: within.unwrap_or(0) })
}

/// The request that a query stands for, and the query.
fn promql(node: &Node, found: &mut Found<'_>) -> Option<(ProbeTemplate, Template)> {
    let fields = Fields::of(node, &PROMQL, found)?;
    let url_node = fields.need("url", found);
    let address = url_node.and_then(|node| {
        let text = scalar(node, "the URL", found)?.text.trim().trim_end_matches('/').to_owned();
        if text.contains(['?', '#']) {
            let hint = "leave out everything behind the address; the query stands in `query`";
            found.error_with("bad-value", node.place, "the address of a Prometheus server has no query", hint);
        }
        flawless(node, &text, Template::url(&text, node.place), found).map(|_| text)
    });
    let query_node = fields.need("query", found);
    let query = query_node.and_then(|node| {
        let text = &scalar(node, "the query", found)?.text;
        if text.trim().is_empty() {
            found.error("bad-value", node.place, "the query is empty");
            return None;
        }
        let encoded = flawless(node, text, Template::in_url(text.trim()), found)?;
        Some((template(node, "the query", Quote::None, found)?, encoded))
    });
    let headers = fields.get("headers").map(|node| http::read_headers(node, found)).unwrap_or_default();
    let ((query, encoded), address, url_node) = (query?, address?, url_node?);
    let url = format!("{address}{QUERY_PATH}{encoded}");
    let url = flawless(url_node, &url, Template::url(&url, url_node.place), found)?;
    let expect = ExpectTemplate { stdout_matches: Some(NOT_EMPTY.to_owned()), ..ExpectTemplate::default() };
    let action = ActionTemplate::Http(Box::new(http::get(url, headers)));
    Some((ProbeTemplate { action, expect }, query))
}
