//! Members of a document behind an API that are set: a read that keeps what is there, and a change that
//! compares with it.
//!
//! Like a typed step this is two steps of the plan, so that there is a way back before the way forward. What
//! was there is captured member by member, as `[value]` or `[]`: no value, null and a value stay three things.

use std::rc::Rc;

use daytwo_model::plan::{
    Action, Capture, CaptureFrom, Direction, Effect, Expect, HttpRequest, HttpSet, PlannedStep, Probe, SetMember,
    Verify, WayBack, WriteForm,
};
use daytwo_model::quote::Quote;
use daytwo_model::text::{Late, Part};
use daytwo_model::{CaptureName, StepId, Text};

use super::expand::{Planner, Spot, Use};
use super::render::{Flawed, Renderer};
use super::request::{document, url};
use super::step::TYPED_WITHIN_MS;
use crate::request::{FormTemplate, HttpSetTemplate};
use crate::step::Undo;
use crate::template::Rendering;
use crate::typed::captured_member;

/// What a step comes to for the hosts that share its values.
struct Spelled {
    read: HttpRequest,
    forward: HttpSet,
    back: HttpSet,
    holds: Probe,
    is_back: Probe,
}

impl Planner<'_> {
    /// Plans a step that sets members; gives its index. None when something was wrong with it.
    pub(super) fn set_step(&mut self, used: &Use, spot: &Spot<'_>, set: &HttpSetTemplate) -> Option<u32> {
        let step = spot.step;
        let (read, surroundings) = (Rc::clone(&self.read), self.request.surroundings);
        let renderer = Renderer { runbook: spot.runbook, surroundings, read: &read };
        let id = spot.id.clone();
        let spelled = self.render(spot, &set.templates(), |with| spell(&id, set, &renderer, with))?;
        let before_id = self.id(spot.of(), format!("{id}.before"))?;
        let verify = match self.verify(spot, &renderer, step.verify.as_ref())? {
            Some(own) => own,
            None => Verify::once(spelled.part(|spelled| Some(spelled.holds.clone())), TYPED_WITHIN_MS),
        };
        let way_back = match &step.undo {
            Undo::None => WayBack::None,
            Undo::Inverse(inverse) => self.inverse(spot, &renderer, inverse)?,
            Undo::Unsaid => WayBack::Inverse {
                action: spelled.part(|spelled| Some(Action::HttpSet { set: Box::new(spelled.back.clone()) })),
                verify: Some(Verify::once(spelled.part(|spelled| Some(spelled.is_back.clone())), TYPED_WITHIN_MS)),
            },
        };
        let check = self.check(spot, &renderer)?;
        let before = PlannedStep {
            title: format!("{}: what is there before", spot.title),
            captures: captures(&id, set).ok()?,
            way_back: WayBack::NotNeeded,
            ..PlannedStep::new(
                before_id,
                spelled.part(|spelled| Some(Action::Http { request: Box::new(spelled.read.clone()) })),
            )
        };
        let before = PlannedStep { effect: Effect::Read, retry: None, late_ok: true, ..self.common(spot, before) };
        let before = self.push(before, spot);
        let change = PlannedStep {
            captures: super::step::renamed(used, &step.captures),
            check,
            verify: Some(verify),
            way_back,
            ..PlannedStep::new(
                id,
                spelled.part(|spelled| Some(Action::HttpSet { set: Box::new(spelled.forward.clone()) })),
            )
        };
        let mut change = self.common(spot, change);
        change.needs.push(before);
        Some(self.push(change, spot))
    }
}

fn spell(
    step: &StepId,
    set: &HttpSetTemplate,
    renderer: &Renderer<'_>,
    rendering: &Rendering<'_>,
) -> Result<Spelled, Flawed> {
    let read = renderer.request(&set.read, rendering)?;
    let mut write = HttpRequest { method: set.write_method.clone(), ..read.clone() };
    if let Some(template) = &set.write_url {
        write.url = url(template, rendering)?;
    }
    let form = match &set.form {
        FormTemplate::Document => WriteForm::Document,
        FormTemplate::MergePatch => WriteForm::MergePatch,
        FormTemplate::Fields(with) => WriteForm::Fields { with: document(with, rendering)? },
    };
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for (index, (pointer, value)) in set.members.iter().enumerate() {
        let wanted = match value {
            None => Text::plain("[]"),
            Some(value) => only(document(value, rendering)?),
        };
        let was = captured(captured_member(step, index)?);
        there.push(SetMember { pointer: pointer.clone(), from: was.clone(), to: wanted.clone() });
        back.push(SetMember { pointer: pointer.clone(), from: wanted, to: was });
    }
    let probe = |members: &[SetMember]| Probe {
        action: Action::Http { request: Box::new(read.clone()) },
        expect: Expect {
            members: members.iter().map(|it| (format!("{}{}", set.root, it.pointer), it.to.clone())).collect(),
            ..Expect::default()
        },
    };
    let (holds, is_back) = (probe(&there), probe(&back));
    let way = |members, direction| HttpSet {
        read: read.clone(),
        root: set.root.clone(),
        write: write.clone(),
        form: form.clone(),
        members,
        direction,
    };
    let (forward, back) = (way(there, Direction::Forward), way(back, Direction::Back));
    Ok(Spelled { read, forward, back, holds, is_back })
}

/// What the read before the change keeps.
fn captures(step: &StepId, set: &HttpSetTemplate) -> Result<Vec<Capture>, Flawed> {
    let pointers = set.members.iter().map(|(pointer, _)| format!("{}{pointer}", set.root));
    let each = pointers.enumerate().map(|(index, pointer)| {
        Ok(Capture { name: captured_member(step, index)?, from: CaptureFrom::Member(pointer) })
    });
    each.collect()
}

/// A JSON value as the only one of a list.
fn only(value: Text) -> Text {
    let plain = |text: &str| Part::Plain(text.to_owned());
    Text::new(std::iter::once(plain("[")).chain(value.parts().iter().cloned()).chain([plain("]")]))
}

fn captured(name: CaptureName) -> Text {
    Text::new([Part::Late { value: Late::Capture(name), quote: Quote::Json }])
}
