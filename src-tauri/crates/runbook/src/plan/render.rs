//! Rendering of steps for hosts. A text that no host can change is rendered once and shared.

use std::collections::BTreeMap;

use daytwo_model::plan::{Action, Expect, HttpRequest, InputValue, PerHost, Probe, Verify};
use daytwo_model::text::{Late, Part};
use daytwo_model::{CaptureName, Host, Text, Timestamp};
use minijinja::Value;

use super::{PLAN_ERRORS_MAX, PlanError};
use crate::step::{ActionTemplate, HttpTemplate, ProbeTemplate, Step, VerifyTemplate};
use crate::template::{Engines, Rendering, Template, late};

/// The hosts of a plan, with what templates see.
pub(super) struct Hosts<'h> {
    hosts: &'h [&'h Host],
    engines: Engines,
    shared: BTreeMap<String, Value>,
    captured: BTreeMap<CaptureName, Value>,
}

/// What went wrong with one text: where it stands, and what.
type Flawed = (Option<u32>, String);

impl<'h> Hosts<'h> {
    pub(super) fn new(hosts: &'h [&'h Host], inputs: &BTreeMap<String, InputValue>, at: Timestamp) -> Self {
        let mut shared: BTreeMap<String, Value> = inputs
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    InputValue::Value(value) => Value::from(minijinja::value::Serde(value)),
                    InputValue::Secret(name) => late(Late::Secret(name.clone())),
                };
                (name.clone(), value)
            })
            .collect();
        let at = at.to_string();
        // The same moment without what a file name should not hold: 20261121T030405678Z.
        let stamp: String = at.chars().filter(char::is_ascii_alphanumeric).collect();
        shared.insert("run".to_owned(), Value::from_pairs([("at", at), ("stamp", stamp)]));
        Self { hosts, engines: Engines::new(), shared, captured: BTreeMap::new() }
    }

    /// Renders an action of `step` for every host; none when it failed somewhere.
    pub(super) fn action(
        &mut self,
        step: &Step,
        action: &ActionTemplate,
        errors: &mut Vec<PlanError>,
    ) -> Option<PerHost<Action>> {
        self.note_captures(step);
        self.per_host(step, &action.templates(), errors, |rendering| render_action(action, rendering))
    }

    /// Renders a verification of `step` for every host; none when it failed somewhere.
    pub(super) fn verify(
        &mut self,
        step: &Step,
        verify: &VerifyTemplate,
        errors: &mut Vec<PlanError>,
    ) -> Option<Verify> {
        let probe = self.per_host(step, &verify.probe.templates(), errors, |rendering| {
            Ok(Probe { action: render_action(&verify.probe.action, rendering)?, expect: render_expect(&verify.probe, rendering)? })
        })?;
        Some(Verify { probe, within_ms: verify.within_ms, samples: verify.samples, at_least: verify.at_least })
    }

    /// Which captures a text may use was checked when the runbook was parsed; here they only need a value.
    fn note_captures(&mut self, step: &Step) {
        for capture in &step.captures {
            let value = late(Late::Capture(capture.name.clone()));
            self.captured.entry(capture.name.clone()).or_insert(value);
        }
    }

    fn per_host<T: Clone + Eq + std::hash::Hash>(
        &self,
        step: &Step,
        templates: &[&Template],
        errors: &mut Vec<PlanError>,
        render: impl Fn(&Rendering<'_>) -> Result<T, Flawed>,
    ) -> Option<PerHost<T>> {
        if templates.iter().any(|template| template.differs_by_host()) {
            let before = errors.len();
            let mut values = Vec::with_capacity(self.hosts.len());
            for host in self.hosts {
                match render(&self.engines.with(self.values(Some(host)))) {
                    Ok(value) => values.push(Some(value)),
                    Err((line, message)) if errors.len() < PLAN_ERRORS_MAX => {
                        let message = what_is_missing(host, templates).unwrap_or(message);
                        errors.push(PlanError {
                            step: Some(step.id.clone()),
                            host: Some(host.name.clone()),
                            line,
                            ..PlanError::new(message)
                        });
                    }
                    Err(_) => break,
                }
            }
            return (errors.len() == before).then(|| PerHost::collect(values));
        }
        match render(&self.engines.with(self.values(None))) {
            Ok(value) => Some(PerHost::collect(self.hosts.iter().map(|_| Some(value.clone())))),
            Err((line, message)) => {
                errors.push(PlanError { step: Some(step.id.clone()), line, ..PlanError::new(message) });
                None
            }
        }
    }

    fn values(&self, host: Option<&Host>) -> Value {
        let pairs = |map: &BTreeMap<String, String>| {
            Value::from_pairs(map.iter().map(|(key, value)| (key.clone(), value.clone())))
        };
        let captured = Value::from_pairs(self.captured.iter().map(|(name, value)| (name.to_string(), value.clone())));
        let host = host.map(|host| {
            let fields = [
                ("name", Value::from(host.name.as_str())),
                ("labels", pairs(&host.labels)),
                ("vars", pairs(&host.vars)),
            ];
            ("host".to_owned(), Value::from_pairs(fields))
        });
        let shared = self.shared.iter().map(|(name, value)| (name.clone(), value.clone()));
        Value::from_pairs(shared.chain(host).chain([("captured".to_owned(), captured)]))
    }
}

/// The label or value that a host does not have, in words. The engine itself only says "undefined".
fn what_is_missing(host: &Host, templates: &[&Template]) -> Option<String> {
    templates.iter().flat_map(|template| template.names()).find_map(|name| {
        let lacks = |kind: &str, map: &BTreeMap<String, String>, what: &str| {
            let key = name.strip_prefix(kind)?;
            (!map.contains_key(key))
                .then(|| format!("it has no {what} `{key}`, and the step needs it ({{{{ {name} }}}})"))
        };
        lacks("host.labels.", &host.labels, "label").or_else(|| lacks("host.vars.", &host.vars, "value"))
    })
}

fn at<T>(template: &Template, result: Result<T, String>) -> Result<T, Flawed> {
    result.map_err(|message| (Some(template.place().line), message))
}

fn render_action(action: &ActionTemplate, rendering: &Rendering<'_>) -> Result<Action, Flawed> {
    match action {
        ActionTemplate::Run { script, run_as } => {
            Ok(Action::Run { script: at(script, script.render(rendering))?, run_as: run_as.clone(), meaning: None })
        }
        ActionTemplate::Http(http) => Ok(Action::Http { request: render_http(http, rendering)? }),
        other => Err((None, format!("`{}` cannot be planned", other.word()))),
    }
}

fn render_http(http: &HttpTemplate, rendering: &Rendering<'_>) -> Result<HttpRequest, Flawed> {
    let line = |templates: &[&Template]| templates.first().map(|template| template.place().line);
    let of_url: Vec<&Template> = http.url.templates().collect();
    let url = http.url.render(rendering).map_err(|message| (line(&of_url), message))?;
    let spaced =
        |part: &Part| matches!(part, Part::Plain(text) if text.contains(|c: char| c.is_whitespace() || c.is_control()));
    if url.parts().iter().any(spaced) {
        return Err((line(&of_url), "the URL holds a space or a line end".to_owned()));
    }
    let mut headers = Vec::with_capacity(http.headers.len());
    for (name, template) in &http.headers {
        let value = at(template, template.render(rendering))?;
        // A line end would begin a header of its own.
        let broken = |part: &Part| matches!(part, Part::Plain(text) if text.contains(['\r', '\n']));
        if value.parts().iter().any(broken) {
            return at(template, Err(format!("the header {name} holds a line end")));
        }
        headers.push((name.clone(), value));
    }
    let json =
        http.json.as_ref().map(|json| json.render(rendering).map_err(|message| (line(&json.templates()), message)));
    Ok(HttpRequest { method: http.method, url, headers, json: json.transpose()?, via: http.via })
}

fn render_expect(probe: &ProbeTemplate, rendering: &Rendering<'_>) -> Result<Expect, Flawed> {
    let expect = &probe.expect;
    let stdout: Option<Text> =
        expect.stdout.as_ref().map(|template| at(template, template.render(rendering))).transpose()?;
    let mut json = Vec::with_capacity(expect.json.len());
    for (pointer, value) in &expect.json {
        let line = value.templates().first().map(|template| template.place().line);
        json.push((pointer.clone(), value.render(rendering).map_err(|message| (line, message))?));
    }
    Ok(Expect {
        exit_code: expect.exit_code,
        status: expect.status,
        stdout,
        stdout_matches: expect.stdout_matches.clone(),
        json,
    })
}
