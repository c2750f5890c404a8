//! What a step, a probe or an inverse does: the one field that says so, and as whom it is done.

use daytwo_model::UserName;
use daytwo_model::plan::{On, RunAs, Via};
use daytwo_model::quote::Quote;

use super::super::fields::{Fields, boolean, parsed, template};
use super::super::shape::{Field, Takes, may};
use super::{files, flow, http, script, system};
use crate::diagnostic::Found;
use crate::step::ActionTemplate;
use crate::yaml::Node;

/// The kinds that may be done as another user.
const AS_USER: &[&str] = &["run", "script", "fetch", "put", "file", "link", "service", "package"];
/// The kinds that can be done on the console.
const ON_CONSOLE: &[&str] = &["run", "script", "http", "wait", "ask", "notify"];

pub(super) const RUN: Field =
    may("run", Takes::Script, "A script for the host's POSIX shell. Every value in it is quoted.");
pub(super) const SCRIPT: Field = may(
    "script",
    Takes::Shape(&script::SCRIPT),
    "A script for another interpreter, from a file beside the runbook, or with arguments.",
);
pub(super) const FILE: Field =
    may("file", Takes::Shape(&files::FILE), "A file's content, mode and owner. It knows its own way back and proof.");
pub(super) const LINK: Field = may(
    "link",
    Takes::Shape(&files::LINK),
    "A symbolic link, switched in one go. It knows its own way back and proof.",
);
pub(super) const SERVICE: Field =
    may("service", Takes::Shape(&system::SERVICE), "A systemd unit's state. It knows its own way back and proof.");
pub(super) const PACKAGE: Field =
    may("package", Takes::Shape(&system::PACKAGE), "A Debian package. It knows its own way back and proof.");
pub(super) const HTTP: Field =
    may("http", Takes::Shape(&http::HTTP), "An HTTP request, or members of a document behind an API.");
pub(super) const SUDO: Field = may("sudo", Takes::Boolean, "Whether it is done as root, through `sudo -n`.");
pub(super) const BECOME: Field =
    may("become", Takes::Name("[A-Za-z0-9_][A-Za-z0-9_.-]*"), "The user as whom it is done, through `sudo -n -u`.");

/// What the step around a probe or an inverse says, and it therefore need not.
#[derive(Debug, Clone)]
pub(super) struct Around {
    pub(super) run_as: RunAs,
    pub(super) on: On,
}

/// Reads the one action that is there.
pub(super) fn read(fields: &Fields<'_>, around: &Around, found: &mut Found<'_>) -> Option<ActionTemplate> {
    let (word, node) = fields.the_one(found)?;
    let run_as = run_as(fields, word, around, found);
    if around.on == On::Console && !ON_CONSOLE.contains(&word) {
        let message = format!("`{word}` is about a host, and this step is done on the console");
        found.error_with(
            "no-host-here",
            fields.place_of(word),
            message,
            format!("on the console can be done: {}", ON_CONSOLE.join(", ")),
        );
    }
    let action = read_kind(word, node, run_as, found)?;
    let request = match &action {
        ActionTemplate::Http(request) => Some(request.as_ref()),
        ActionTemplate::HttpSet(set) => Some(&set.read),
        _ => None,
    };
    if request.is_some_and(|request| request.via == Via::Host) && around.on == On::Console {
        found.error("no-host-here", fields.place_of(word), "there is no host through which this request could go out");
    }
    Some(action)
}

fn read_kind(word: &str, node: &Node, run_as: RunAs, found: &mut Found<'_>) -> Option<ActionTemplate> {
    Some(match word {
        "run" => ActionTemplate::Run { script: template(node, "`run`", Quote::Shell, found)?, run_as },
        "script" => ActionTemplate::Script(Box::new(script::read(node, run_as, found)?)),
        "fetch" => ActionTemplate::Fetch(Box::new(files::fetch(node, run_as, found)?)),
        "put" => ActionTemplate::Put(Box::new(files::put(node, run_as, found)?)),
        "file" => ActionTemplate::File(Box::new(files::file(node, run_as, found)?)),
        "link" => ActionTemplate::Link(Box::new(files::link(node, run_as, found)?)),
        "service" => ActionTemplate::Service(Box::new(system::service(node, run_as, found)?)),
        "package" => ActionTemplate::Package(Box::new(system::package(node, run_as, found)?)),
        "http" => http::read(node, found)?,
        "wait" => ActionTemplate::Wait(Box::new(flow::wait(node, found)?)),
        "ask" => ActionTemplate::Ask(Box::new(flow::ask(node, found)?)),
        "call" => ActionTemplate::Call(Box::new(flow::call(node, found)?)),
        "notify" => ActionTemplate::Notify(Box::new(flow::notify(node, found)?)),
        _ => return None,
    })
}

/// As whom it is done: what stands here, otherwise what the step around it says.
fn run_as(fields: &Fields<'_>, word: &str, around: &Around, found: &mut Found<'_>) -> RunAs {
    let sudo = fields.get("sudo").and_then(|node| boolean(node, "`sudo`", found));
    let user = fields.get("become").and_then(|node| parsed(node, "the user", found, |text| UserName::new(text)));
    let said = user.map(|user| if user.as_str() == "root" { RunAs::Root } else { RunAs::User(user) });
    let said = said.or_else(|| sudo.map(|sudo| if sudo { RunAs::Root } else { RunAs::Login }));
    let Some(field) = ["sudo", "become"].into_iter().find(|field| fields.get(field).is_some()) else {
        return if around.on == On::Console { RunAs::Login } else { around.run_as.clone() };
    };
    if !AS_USER.contains(&word) {
        let message = match word {
            "http" => format!("`{field}` is for what runs on a host; a request has no user"),
            "call" => format!("`{field}` is for what runs on a host; the steps of the other runbook say it themselves"),
            _ => format!("`{field}` is for what runs on a host; `{word}` does not"),
        };
        found.error("unknown-field", fields.place_of(field), message);
    } else if around.on == On::Console && !matches!(said, None | Some(RunAs::Login)) {
        found.error_with(
            "unknown-field",
            fields.place_of(field),
            format!("`{field}` is for hosts; on the console everything is done as whoever started it"),
            "start the console as the user who may do this, or do it on a host",
        );
    }
    said.unwrap_or_else(|| around.run_as.clone())
}

/// Members are set by a step of its own: their way back needs what was read before.
pub(super) fn no_set(action: &ActionTemplate, fields: &Fields<'_>, found: &mut Found<'_>) {
    if matches!(action, ActionTemplate::HttpSet(_)) {
        let message = "members are set by a step; here a plain request can stand";
        found.error_with("bad-value", fields.place_of("http"), message, "leave out `set` and `remove`");
    }
}
