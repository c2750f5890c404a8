//! A symbolic link, switched in one go.

use daytwo_model::{StepId, Text};

use super::words::{Preamble, argument, late, line, path};
use super::{BEGIN, Flawed, Inverse, Spelled, capture, captured_as, mark, probe};
use crate::step::LinkTemplate;
use crate::template::Rendering;

const STATE: &str = include_str!("sh/link/state.sh");
const LEAD: &str = include_str!("sh/link/lead.sh");
const BEFORE: &str = include_str!("sh/link/before.sh");
const CHANGE: &str = include_str!("sh/link/change.sh");
const VERIFY: &str = include_str!("sh/link/verify.sh");
const INVERSE: &str = include_str!("sh/link/inverse.sh");
const AS_BEFORE: &str = include_str!("sh/link/as-before.sh");

pub(super) fn spell(step: &StepId, it: &LinkTemplate, rendering: &Rendering<'_>) -> Result<Spelled, Flawed> {
    let of = path("path", &it.path, rendering)?;
    let to = argument("to", &it.to, rendering)?;
    let mark = mark(step, rendering)?;
    let was = captured_as(step)?;

    let at = Preamble::default().text("path", &of);
    let to_there = at.clone().text("to", &to);
    let and_back = to_there.clone().text("mark", &mark).captured("was", &was);
    let as_before = at.clone().captured("was", &was).script(&[BEGIN, STATE, AS_BEFORE]);
    Ok(Spelled {
        before: at.script(&[BEGIN, STATE, BEFORE]),
        captures: capture(&was),
        change: to_there.clone().text("mark", &mark).script(&[BEGIN, STATE, LEAD, CHANGE]),
        meaning: line(&[&Text::plain("link "), &of, &Text::plain(" to "), &to]),
        verify: probe(to_there.script(&[BEGIN, STATE, VERIFY]), &it.run_as),
        inverse: Some(Inverse {
            script: and_back.script(&[BEGIN, STATE, LEAD, INVERSE]),
            meaning: line(&[&Text::plain("put "), &of, &Text::plain(" back as it was: "), &late(&was)]),
            verify: probe(as_before, &it.run_as),
        }),
    })
}
