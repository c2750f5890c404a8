//! A runbook's parts as they were written, for people who read it before there is a plan: a good manual page.

use daytwo_model::Answer;
use daytwo_model::plan::{CaptureFrom, FailurePolicy, On, Order, Otherwise, Retry, RunAs};

use crate::diagnostic::printable;
use crate::rollout::{Allowance, Reach, Rollout};
use crate::runbook::Runbook;
use crate::step::{
    ActionTemplate, ExpectTemplate, FileTemplate, HealthTemplate, PackageTemplate, ProbeTemplate, ScriptSource,
    ScriptTemplate, ServiceState, ServiceTemplate, Step, Undo, VerifyTemplate, WaitTemplate,
};
use crate::template::{JsonTemplate, Template};

impl ActionTemplate {
    /// What it does: the script, the request with headers and body, or a sentence; with its `{{ … }}` as they stand.
    #[must_use]
    pub fn written(&self) -> String {
        match self {
            Self::Run { script, .. } => script.written(),
            Self::Script(it) => it.written(),
            Self::Fetch(it) => {
                format!("fetch {} into {}, at most {} bytes", it.from.written(), it.to.written(), it.bytes_max)
            }
            Self::Put(it) => {
                let what = format!("put {} to {}", it.from.written(), it.to.written());
                what + &mode_and_owner(it.mode.as_deref(), it.owner.as_ref())
            }
            Self::File(it) => it.written(),
            Self::Link(it) => format!("link {} to {}, in one go", it.path.written(), it.to.written()),
            Self::Service(it) => it.written(),
            Self::Package(it) => it.written(),
            Self::Http(it) => it.written(),
            Self::HttpSet(it) => it.written(),
            Self::Wait(it) => match it.as_ref() {
                WaitTemplate::For { duration } => format!("wait for {}", duration.written()),
                WaitTemplate::Until { probe, within_ms } => {
                    format!("wait until this holds, for at most {}:\n{}", time(*within_ms), probe.written())
                }
            },
            Self::Ask(it) => {
                let otherwise = match it.otherwise {
                    Otherwise::Stop => "stop",
                    Otherwise::Continue => "continue",
                };
                format!(
                    "ask: {}\n(without an answer within {}: {otherwise})",
                    it.question.written(),
                    time(it.within_ms)
                )
            }
            Self::Call(it) => {
                let inputs = it.inputs.iter().map(|(name, value)| format!("\n{name}: {}", value.written()));
                format!("call {}{}", it.runbook, inputs.collect::<String>())
            }
            Self::Notify(it) => format!("tell {}: {}", it.to, it.text.written()),
        }
    }
}

fn mode_and_owner(mode: Option<&str>, owner: Option<&Template>) -> String {
    let mode = mode.map(|mode| format!(", mode {mode}"));
    let owner = owner.map(|owner| format!(", owned by {}", owner.written()));
    mode.into_iter().chain(owner).collect()
}

impl ScriptTemplate {
    fn written(&self) -> String {
        let arguments: String = self.args.iter().map(|argument| format!(" {}", argument.written())).collect();
        match &self.source {
            ScriptSource::Shell(text) => format!("{}{arguments}:\n{}", self.interpreter, text.written()),
            ScriptSource::Text { text, .. } => format!("{}{arguments}:\n{text}", self.interpreter),
            ScriptSource::File { path, .. } => format!("{} {path}{arguments}", self.interpreter),
        }
    }
}

impl FileTemplate {
    fn written(&self) -> String {
        let path = self.path.written();
        if !self.present {
            return format!("no file {path}");
        }
        let head = format!("file {path}{}", mode_and_owner(self.mode.as_deref(), self.owner.as_ref()));
        match &self.content {
            Some(content) => format!("{head}, holding:\n{}", content.written()),
            None => head,
        }
    }
}

impl ServiceTemplate {
    fn written(&self) -> String {
        let state = self.state.map(|state| match state {
            ServiceState::Started => "started",
            ServiceState::Stopped => "stopped",
            ServiceState::Restarted => "restarted",
            ServiceState::Reloaded => "reloaded",
        });
        let enabled = self.enabled.map(|enabled| if enabled { "enabled" } else { "disabled" });
        let states: Vec<&str> = state.into_iter().chain(enabled).collect();
        format!("service {} {}", self.unit.written(), states.join(" and ")).trim_end().to_owned()
    }
}

impl PackageTemplate {
    fn written(&self) -> String {
        let name = self.name.written();
        if !self.present {
            return format!("no package {name}");
        }
        let version = self.version.as_ref().map(|version| format!(" in version {}", version.written()));
        let hold = self.hold.map(|hold| if hold { ", held there" } else { ", free to be upgraded" });
        format!("package {name}{}{}", version.unwrap_or_default(), hold.unwrap_or_default())
    }
}

impl ProbeTemplate {
    /// What is asked, and what must come back.
    #[must_use]
    pub fn written(&self) -> String {
        let asked = self.action.written();
        let expected = self.expect.written();
        if expected.is_empty() { asked } else { format!("{}\nexpects {expected}", asked.trim_end()) }
    }
}

impl ExpectTemplate {
    fn written(&self) -> String {
        let code = self.exit_code.map(|code| format!("exit code {code}"));
        let status = self.status.map(|status| format!("status {status}"));
        let stdout = self.stdout.as_ref().map(|text| format!("the answer {}", text.written().trim_end()));
        let pattern = self.stdout_matches.as_ref().map(|pattern| format!("an answer that matches {pattern}"));
        let json = self.json.iter().map(|(pointer, value)| format!("{pointer} = {}", value.written()));
        code.into_iter().chain(status).chain(stdout).chain(pattern).chain(json).collect::<Vec<_>>().join(", ")
    }
}

impl VerifyTemplate {
    /// What is asked, what must come back, how often, and how long it may take to become true.
    #[must_use]
    pub fn written(&self) -> String {
        let mut text = self.probe.written();
        if self.samples > 1 {
            text = format!("{}\nat least {} of {} times", text.trim_end(), self.at_least, self.samples);
        }
        if self.within_ms > 0 {
            text = format!("{}\nwithin {}", text.trim_end(), time(self.within_ms));
        }
        text
    }
}

impl Step {
    /// How it is done, one line each: where, as whom, when, how often, for how long, and what is kept.
    #[must_use]
    pub fn manner(&self) -> Vec<String> {
        let mut lines = Vec::new();
        match self.on {
            On::Host => {}
            On::One => lines.push("once, on the first host; the others wait".to_owned()),
            On::Console => lines.push("once, on the console".to_owned()),
        }
        match self.action.run_as() {
            None | Some(RunAs::Login) => {}
            Some(RunAs::Root) => lines.push("as root".to_owned()),
            Some(RunAs::User(user)) => lines.push(format!("as {user}")),
        }
        if !self.needs.is_empty() {
            let needs: Vec<String> = self.needs.iter().map(ToString::to_string).collect();
            lines.push(format!("not without {}", needs.join(", ")));
        }
        lines.extend(self.when.as_ref().map(|when| format!("only when {}", when.text)));
        lines.extend(self.for_each.as_ref().map(|items| format!("for each of {}", items.written())));
        if let Some(check) = &self.check {
            lines.push(format!("not where this holds already: {}", one_line(&check.written())));
        }
        lines.push(format!("at most {}", time(self.timeout_ms)));
        lines.extend(self.retry.as_ref().map(retry));
        lines.extend(if_failed(self.if_failed));
        if self.late_ok && self.effect == daytwo_model::plan::Effect::Change {
            lines.push("also on a host that is reached only later".to_owned());
        }
        if let Some(ms) = self.dead_man_ms {
            lines.push(format!("the host takes it back alone unless it is told within {} that all is well", time(ms)));
        }
        for capture in &self.captures {
            let from = match &capture.from {
                CaptureFrom::Stdout => "what it answers".to_owned(),
                CaptureFrom::Json(pointer) if pointer.is_empty() => "its answer, read as JSON".to_owned(),
                CaptureFrom::Json(pointer) => format!("{pointer} of its answer"),
                CaptureFrom::Regex(pattern) => format!("what matches {pattern} in its answer"),
                CaptureFrom::ExitCode => "its exit code, whatever it is".to_owned(),
                CaptureFrom::Header(name) => format!("the header {name} of its answer"),
                CaptureFrom::Member(pointer) => format!("whether there is something at {pointer}, and what"),
            };
            lines.push(format!("keeps {from} as {}", capture.name));
        }
        lines.extend(self.waivers.iter().map(|(code, why)| format!("waives {code}: {}", printable(why))));
        lines
    }

    /// Its way back, with what is checked afterwards; what a step of its kind has by nature where it says nothing.
    #[must_use]
    pub fn way_back_written(&self) -> String {
        match &self.undo {
            _ if self.effect == daytwo_model::plan::Effect::Read => "not needed".to_owned(),
            _ if self.action.calls().is_some() => "that of each step of the called runbook".to_owned(),
            Undo::Unsaid if self.action.is_typed() => "to what was there before".to_owned(),
            Undo::Unsaid | Undo::None => "no way back".to_owned(),
            Undo::Inverse(inverse) => match &inverse.verify {
                Some(verify) => {
                    format!("{}\n\nafterwards: {}", inverse.action.written().trim_end(), verify.written())
                }
                None => inverse.action.written(),
            },
        }
    }
}

impl Runbook {
    /// The values that are worked out for each host, one line each: `app = /srv/{{ host.labels.role }}`.
    #[must_use]
    pub fn vars_written(&self) -> Vec<String> {
        self.vars.iter().map(|(name, value)| format!("{name} = {}", value.written())).collect()
    }

    /// How it is brought in: canary, ramp, budgets, pace and health, one line each.
    #[must_use]
    pub fn rollout_written(&self) -> Vec<String> {
        let mut lines = self.rollout.written();
        lines.extend(self.health.as_ref().map(|health| format!("health after each batch: {}", health.written())));
        lines
    }
}

impl HealthTemplate {
    /// What must hold, in one line; a PromQL query as it was written.
    fn written(&self) -> String {
        let asked = match &self.promql {
            Some(query) => format!("a result of {}", query.written().trim()),
            None => one_line(&self.probe.written()),
        };
        if self.within_ms > 0 { format!("{asked}, within {}", time(self.within_ms)) } else { asked }
    }
}

/// None for what happens where nobody says anything.
fn if_failed(policy: FailurePolicy) -> Option<String> {
    Some(match policy {
        FailurePolicy::Stop => return None,
        FailurePolicy::Continue => "if it fails, the host goes on with the next step, and counts as failed".to_owned(),
        FailurePolicy::Undo => "if it fails, what was done on the host is taken back".to_owned(),
        FailurePolicy::Ask { within_ms, otherwise } => {
            let otherwise = match otherwise {
                Answer::Stop => "the run stops",
                Answer::Skip => "the host goes on without it",
                Answer::Exclude => "the host is left out",
                Answer::Undo => "what was done on the host is taken back",
                Answer::Retry => "it is made again",
                Answer::Continue => "the host goes on",
            };
            format!("if it fails, a person decides within {}; without an answer {otherwise}", time(within_ms))
        }
    })
}

fn retry(retry: &Retry) -> String {
    let mut text = format!("tried up to {} times, after a pause of {}", retry.attempts_max, time(retry.delay_ms));
    if retry.backoff_percent != 100 {
        let times = f64::from(retry.backoff_percent) / 100.0;
        text.push_str(&format!(" that grows {times} times each time, to at most {}", time(retry.delay_ms_max)));
    }
    if !retry.exit_codes.is_empty() {
        let codes: Vec<String> = retry.exit_codes.iter().map(ToString::to_string).collect();
        text.push_str(&format!(", after exit code {}", codes.join(" or ")));
    }
    text
}

/// A duration in the largest unit that holds it exactly.
fn time(ms: u64) -> String {
    const HOUR: u64 = 3_600_000;
    match ms {
        0 => "0 s".to_owned(),
        _ if ms.is_multiple_of(HOUR) => format!("{} h", ms / HOUR),
        _ if ms.is_multiple_of(60_000) => format!("{} min", ms / 60_000),
        _ if ms.is_multiple_of(1_000) => format!("{} s", ms / 1_000),
        _ => format!("{ms} ms"),
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

impl JsonTemplate {
    pub(crate) fn written(&self) -> String {
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
        lines.extend(self.max_failed_per_batch.map(|it| format!("within one batch: {}", budget("failed", it))));
        lines.push(budget("unreachable", self.max_unreachable));
        let unreachable = self.max_unreachable_per_batch;
        lines.extend(unreachable.map(|it| format!("within one batch: {}", budget("unreachable", it))));
        if !self.unreachable_canary_stops {
            lines.push("goes on after a first batch in which nothing could be reached".to_owned());
        }
        if self.order == Order::Linear {
            lines.push("step by step: no host begins a step before its batch has the one before behind it".to_owned());
        }
        if self.hold_ms > 0 {
            lines.push(format!("hold: {} after each batch", time(self.hold_ms)));
        }
        lines.push(format!("at once: up to {} hosts", self.at_once));
        lines.extend(self.at_once_per_gateway.map(|hosts| format!("at once behind one gateway: {hosts}")));
        lines.extend(
            self.when_reachable_ms.map(|ms| format!("a host that is reached later gets its part for {}", time(ms))),
        );
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
