//! A Debian package: whether it is there, in which version, and whether it is held.

use daytwo_model::{StepId, Text};

use super::words::{Preamble, argument, late, line, yes_no};
use super::{BEGIN, Flawed, Inverse, Spelled, capture, captured_as, probe};
use crate::step::PackageTemplate;
use crate::template::Rendering;

const STATE: &str = include_str!("sh/package/state.sh");
const APT: &str = include_str!("sh/package/apt.sh");
const BEFORE: &str = include_str!("sh/package/before.sh");
const CHANGE: &str = include_str!("sh/package/change.sh");
const VERIFY: &str = include_str!("sh/package/verify.sh");
const INVERSE: &str = include_str!("sh/package/inverse.sh");
const AS_BEFORE: &str = include_str!("sh/package/as-before.sh");

pub(super) fn spell(step: &StepId, it: &PackageTemplate, rendering: &Rendering<'_>) -> Result<Spelled, Flawed> {
    let name = argument("name", &it.name, rendering)?;
    let version = it.version.as_ref().map(|version| argument("version", version, rendering)).transpose()?;
    if !it.present && version.is_some() {
        let message = "a package that is not to be there has no version";
        return Err((Some(it.name.place().line), message.to_owned()));
    }
    let was = captured_as(step)?;
    let any = Text::plain("");
    let wanted = Preamble::default()
        .text("name", &name)
        .text("version", version.as_ref().unwrap_or(&any))
        .known("present", yes_no(Some(it.present)))
        .known("hold", yes_no(it.hold));
    let knowing = wanted.clone().captured("was", &was);
    Ok(Spelled {
        before: wanted.script(&[BEGIN, STATE, BEFORE]),
        captures: capture(&was),
        change: wanted.script(&[BEGIN, STATE, APT, CHANGE]),
        meaning: meaning(it, &name, version.as_ref()),
        verify: probe(wanted.script(&[BEGIN, STATE, VERIFY]), &it.run_as),
        inverse: Some(Inverse {
            script: knowing.script(&[BEGIN, STATE, APT, INVERSE]),
            meaning: line(&[&Text::plain("bring "), &name, &Text::plain(" back to what it was: "), &late(&was)]),
            verify: probe(knowing.script(&[BEGIN, STATE, AS_BEFORE]), &it.run_as),
        }),
    })
}

fn meaning(it: &PackageTemplate, name: &Text, version: Option<&Text>) -> Text {
    let verb = Text::plain(if it.present { "install " } else { "remove " });
    let version = version.map_or_else(|| Text::plain(""), |version| line(&[&Text::plain(" "), version]));
    let hold = match it.hold {
        None => "",
        Some(true) => " and hold it",
        Some(false) => " and do not hold it",
    };
    line(&[&verb, name, &version, &Text::plain(hold)])
}
