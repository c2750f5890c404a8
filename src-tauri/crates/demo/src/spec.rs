//! The shape of the demo fleet: which hosts there are, and which of them are difficult.

use std::time::Duration;

use daytwo_model::{HostName, InvalidName, Labels};

/// The sites, in the order in which hosts are listed.
pub const SITES: [&str; 4] = ["ams", "fra", "iad", "sgp"];

/// What a host is for; decides its units, files and HTTP services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// nginx and an application with releases.
    Web,
    /// PostgreSQL.
    Database,
    /// An inference server with metrics.
    Inference,
    /// A gateway with token limits.
    Gateway,
}

impl Role {
    /// All of them, in the order in which hosts are listed.
    pub const ALL: [Self; 4] = [Self::Web, Self::Database, Self::Inference, Self::Gateway];

    /// The value of the label `role`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Database => "database",
            Self::Inference => "inference",
            Self::Gateway => "gateway",
        }
    }

    /// The value of the label `tier`.
    #[must_use]
    pub const fn tier(self) -> &'static str {
        match self {
            Self::Web => "frontend",
            Self::Database => "data",
            Self::Inference => "compute",
            Self::Gateway => "edge",
        }
    }

    /// How many hosts of this role a site has.
    const fn per_site(self) -> u32 {
        match self {
            Self::Web | Self::Inference => 2,
            Self::Database | Self::Gateway => 1,
        }
    }
}

/// What makes a host difficult, as some always are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// Nothing.
    None,
    /// The connection takes this long.
    SlowConnect(Duration),
    /// Each command takes this long to start.
    SlowExec(Duration),
    /// Every so many commands the connection breaks in the middle.
    Flaky {
        /// Of how many commands one breaks.
        every: u64,
    },
    /// Its address is right and nothing listens there.
    Unreachable,
}

/// One host of the demo fleet.
#[derive(Debug, Clone)]
pub struct HostSpec {
    /// `{role}-{site}-{n}`.
    pub name: HostName,
    /// What it is for.
    pub role: Role,
    /// Where it stands.
    pub site: &'static str,
    /// Its place in the fleet, from 1; the seed of everything that differs between hosts.
    pub number: u32,
    /// What makes it difficult.
    pub quirk: Quirk,
    /// Labels for selectors.
    pub labels: Labels,
}

/// The 24 hosts.
pub fn hosts() -> Result<Vec<HostSpec>, InvalidName> {
    let mut hosts = Vec::new();
    for role in Role::ALL {
        for site in SITES {
            for n in 1..=role.per_site() {
                let name = format!("{}-{site}-{n}", role.word());
                // One site goes first: its first host of each role is where changes are tried.
                let env = if site == "ams" && n == 1 { "canary" } else { "prod" };
                let labels = [("role", role.word()), ("site", site), ("env", env), ("tier", role.tier())];
                hosts.push(HostSpec {
                    quirk: quirk(&name),
                    name: HostName::new(name)?,
                    role,
                    site,
                    number: u32::try_from(hosts.len() + 1).unwrap_or(u32::MAX),
                    labels: labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
                });
            }
        }
    }
    Ok(hosts)
}

/// `web-iad-2` is difficult too: every third start of its `app.service` fails (`hosts/seed.sh`).
fn quirk(name: &str) -> Quirk {
    match name {
        "web-sgp-2" => Quirk::SlowConnect(Duration::from_millis(700)),
        "inference-iad-2" => Quirk::SlowConnect(Duration::from_millis(300)),
        "database-sgp-1" => Quirk::SlowExec(Duration::from_millis(900)),
        "web-fra-2" => Quirk::Flaky { every: 7 },
        "inference-sgp-2" => Quirk::Unreachable,
        _ => Quirk::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fleet_has_the_hosts_that_the_readme_promises() {
        let hosts = hosts().unwrap();
        let count = |role| hosts.iter().filter(|host| host.role == role).count();
        assert_eq!(hosts.len(), 24);
        assert_eq!(Role::ALL.map(count), [8, 4, 8, 4]);
        let slow = |host: &&HostSpec| matches!(host.quirk, Quirk::SlowConnect(_) | Quirk::SlowExec(_));
        assert_eq!(hosts.iter().filter(slow).count(), 3);
        assert_eq!(hosts.iter().filter(|host| matches!(host.quirk, Quirk::Flaky { .. })).count(), 1);
        assert_eq!(hosts.iter().filter(|host| host.quirk == Quirk::Unreachable).count(), 1);
    }
}
