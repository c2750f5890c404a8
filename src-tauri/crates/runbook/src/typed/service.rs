//! A systemd unit: whether it runs, and whether it is enabled.

use daytwo_model::{StepId, Text};

use super::words::{Preamble, argument, late, line, yes_no};
use super::{BEGIN, Flawed, Inverse, Spelled, capture, captured_as, probe};
use crate::step::{ServiceState, ServiceTemplate};
use crate::template::Rendering;

const STATE: &str = include_str!("sh/service/state.sh");
const BEFORE: &str = include_str!("sh/service/before.sh");
const CHANGE: &str = include_str!("sh/service/change.sh");
const VERIFY: &str = include_str!("sh/service/verify.sh");
const INVERSE: &str = include_str!("sh/service/inverse.sh");
const AS_BEFORE: &str = include_str!("sh/service/as-before.sh");

pub(super) fn spell(step: &StepId, it: &ServiceTemplate, rendering: &Rendering<'_>) -> Result<Spelled, Flawed> {
    let unit = argument("unit", &it.unit, rendering)?;
    if it.state.is_none() && it.enabled.is_none() {
        let message = "the service is to have neither a state nor to be enabled or not, so there is nothing to do";
        return Err((Some(it.unit.place().line), message.to_owned()));
    }
    let was = captured_as(step)?;
    let about = Preamble::default().text("unit", &unit).known("enabled", yes_no(it.enabled));
    let wanted = about.clone().known("want", it.state.map_or("", word));
    Ok(Spelled {
        before: about.script(&[BEGIN, STATE, BEFORE]),
        captures: capture(&was),
        change: wanted.script(&[BEGIN, STATE, CHANGE]),
        meaning: meaning(it, &unit),
        verify: probe(wanted.script(&[BEGIN, STATE, VERIFY]), &it.run_as),
        inverse: inverse(it, &about).map(|back| {
            let back = back.captured("was", &was);
            Inverse {
                script: back.script(&[BEGIN, STATE, INVERSE]),
                meaning: line(&[&Text::plain("bring "), &unit, &Text::plain(" back to what it was: "), &late(&was)]),
                verify: probe(back.script(&[BEGIN, STATE, AS_BEFORE]), &it.run_as),
            }
        }),
    })
}

/// What the way back is about; none where the step only restarts or reloads. That cannot be taken
/// back, so an inverse concerns the rest.
fn inverse(it: &ServiceTemplate, about: &Preamble) -> Option<Preamble> {
    let want = it.state.filter(|state| matches!(state, ServiceState::Started | ServiceState::Stopped));
    (want.is_some() || it.enabled.is_some()).then(|| about.clone().known("want", want.map_or("", word)))
}

const fn word(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Started => "started",
        ServiceState::Stopped => "stopped",
        ServiceState::Restarted => "restarted",
        ServiceState::Reloaded => "reloaded",
    }
}

fn meaning(it: &ServiceTemplate, unit: &Text) -> Text {
    let enabling = it.enabled.map(|enabled| if enabled { "enable" } else { "disable" });
    let doing = it.state.map(|state| match state {
        ServiceState::Started => "start",
        ServiceState::Stopped => "stop",
        ServiceState::Restarted => "restart",
        ServiceState::Reloaded => "reload",
    });
    let verbs: Vec<&str> = enabling.into_iter().chain(doing).collect();
    let no_way_back = match it.state {
        Some(ServiceState::Restarted) => " (a restart cannot be taken back)",
        Some(ServiceState::Reloaded) => " (a reload cannot be taken back)",
        Some(ServiceState::Started | ServiceState::Stopped) | None => "",
    };
    line(&[&Text::plain(format!("{} ", verbs.join(" and "))), unit, &Text::plain(no_way_back)])
}
