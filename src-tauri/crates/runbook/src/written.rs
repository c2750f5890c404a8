//! A runbook's parts as they were written, for people who read it before there is a plan.

use crate::rollout::{Allowance, Reach, Rollout};
use crate::step::{ActionTemplate, HttpTemplate};
use crate::template::JsonTemplate;

impl ActionTemplate {
    /// The script, or the request line with headers and body, with its `{{ … }}` as they stand.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Self::Run { script, .. } => script.written(),
            Self::Http(http) => http.written(),
            other => other.word().to_owned(),
        }
    }
}

impl HttpTemplate {
    fn written(&self) -> String {
        let mut text = format!("{} {}", self.method.as_str(), self.url.written());
        for (name, value) in &self.headers {
            text.push_str(&format!("\n{name}: {}", value.written()));
        }
        if let Some(json) = &self.json {
            text.push_str(&format!("\n\n{}", json.written()));
        }
        text
    }
}

impl JsonTemplate {
    fn written(&self) -> String {
        match self {
            Self::Literal(value) => value.to_string(),
            Self::Whole(template) => template.written(),
            Self::String(template) => format!("\"{}\"", template.written()),
            Self::Array(items) => {
                let items: Vec<String> = items.iter().map(Self::written).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Object(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, value)| format!("\"{name}\": {}", value.written())).collect();
                format!("{{ {} }}", fields.join(", "))
            }
        }
    }
}

impl Rollout {
    /// Canary, ramp, budgets and pace, one line each.
    #[must_use]
    pub fn written(&self) -> Vec<String> {
        let reaches: Vec<String> = self
            .batches
            .iter()
            .map(|reach| match reach {
                Reach::Hosts(1) => "1 host".to_owned(),
                Reach::Hosts(hosts) => format!("{hosts} hosts"),
                Reach::Percent(percent) => format!("up to {percent} %"),
            })
            .collect();
        let mut lines = vec![format!("batches: {}", reaches.join(", then "))];
        lines.extend(self.spread.iter().map(|label| format!("spread: no batch takes all of one {label}")));
        lines.push(budget("failed", self.max_failed));
        lines.push(budget("unreachable", self.max_unreachable));
        if self.hold_ms > 0 {
            lines.push(format!("hold: {} s after each batch", self.hold_ms.div_ceil(1_000)));
        }
        lines
    }
}

fn budget(what: &str, allowance: Allowance) -> String {
    match allowance {
        Allowance::Hosts(0) | Allowance::Percent(0) => format!("stops at the first {what} host"),
        Allowance::Hosts(1) => format!("stops when more than 1 host is {what}"),
        Allowance::Hosts(hosts) => format!("stops when more than {hosts} hosts are {what}"),
        Allowance::Percent(100) => format!("does not stop for {what} hosts"),
        Allowance::Percent(percent) => format!("stops when more than {percent} % of the hosts are {what}"),
    }
}
