//! Steps about the system that a host runs: `service` and `package`.

use daytwo_model::plan::RunAs;
use daytwo_model::quote::Quote;

use super::super::fields::{Fields, boolean, one_of, template};
use super::super::shape::{Shape, Takes, may, must};
use crate::diagnostic::Found;
use crate::step::{PackageTemplate, ServiceState, ServiceTemplate};
use crate::yaml::Node;

const STATES: &[(&str, ServiceState)] = &[
    ("started", ServiceState::Started),
    ("stopped", ServiceState::Stopped),
    ("restarted", ServiceState::Restarted),
    ("reloaded", ServiceState::Reloaded),
];

pub(crate) static SERVICE: Shape = Shape::new(
    "service",
    "`service`",
    "A systemd unit's state; what is absent stays as it is.",
    &[
        must("unit", Takes::Template, "The unit's whole name: nginx.service."),
        may("state", Takes::Words(&["started", "stopped", "restarted", "reloaded"]), "What it is brought to."),
        may("enabled", Takes::Boolean, "Whether it starts with the host."),
    ],
);

pub(crate) static PACKAGE: Shape = Shape::new(
    "package",
    "`package`",
    "A Debian package.",
    &[
        must("name", Takes::Template, "Its name."),
        may("version", Takes::Template, "Its version; any where it is absent."),
        may("present", Takes::Boolean, "Whether it is to be there at all; true where it is absent."),
        may("hold", Takes::Boolean, "Whether it is held at its version; as it is where it is absent."),
    ],
);

/// Reads `service`.
pub(super) fn service(node: &Node, run_as: RunAs, found: &mut Found<'_>) -> Option<ServiceTemplate> {
    let fields = Fields::of(node, &SERVICE, found)?;
    let unit = fields.need("unit", found).and_then(|node| template(node, "the unit", Quote::None, found));
    let state = fields.get("state").and_then(|node| one_of(node, "the state", STATES, found));
    let enabled = fields.get("enabled").and_then(|node| boolean(node, "`enabled`", found));
    if fields.get("state").is_none() && fields.get("enabled").is_none() {
        let hint = "say state: started, stopped, restarted or reloaded; or enabled: true or false";
        found.error_with("missing-field", fields.place, "nothing is said about this unit but its name", hint);
    }
    Some(ServiceTemplate { unit: unit?, state, enabled, run_as })
}

/// Reads `package`.
pub(super) fn package(node: &Node, run_as: RunAs, found: &mut Found<'_>) -> Option<PackageTemplate> {
    let fields = Fields::of(node, &PACKAGE, found)?;
    let name = fields.need("name", found).and_then(|node| template(node, "the package", Quote::None, found));
    let version = fields.get("version").and_then(|node| template(node, "the version", Quote::None, found));
    let present = fields.get("present").and_then(|node| boolean(node, "`present`", found)).unwrap_or(true);
    let hold = fields.get("hold").and_then(|node| boolean(node, "`hold`", found));
    if let Some(field) = ["version", "hold"].into_iter().find(|field| !present && fields.get(field).is_some()) {
        let message = format!("a package that is not to be there has no {field}");
        found.error("bad-value", fields.place_of(field), message);
    }
    Some(PackageTemplate { name: name?, version, present, hold, run_as })
}
