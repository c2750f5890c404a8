//! The fleet file: hosts that people write down, in YAML.
//!
//! ```yaml
//! defaults: { user: ops, labels: { env: prod } }
//! hosts:
//!   web-[01-20]: { address: "{name}.ams.example.com", labels: { role: web } }
//!   db-01: 10.0.3.7
//! ```
//!
//! Takes text, gives hosts; reading the file is the caller's. Nothing is guessed: a field that is
//! not known, a name that is there twice, a port that is none are errors with their place.

mod range;
mod shape;

use std::collections::{BTreeMap, HashMap};

use daytwo_model::{Endpoint, Host, HostName, Labels};
use serde_saphyr::{Location, Spanned};

use crate::HOSTS_MAX;
use crate::problem::{FileProblems, Problem, meant};
use shape::{ENTRY_FIELDS, FILE_FIELDS, Pairs, RawEntry, RawFile, Word};

/// The largest fleet file: 100,000 hosts written out with a few labels each.
pub const FLEET_FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
/// YAML events that a file may consist of: about 80 for each of 100,000 hosts.
const YAML_EVENTS_MAX: usize = 8_000_000;
/// Longest address, user, label or value, in bytes.
const VALUE_BYTES_MAX: usize = 1024;
/// Most labels, and most values, of one host.
const PAIRS_MAX: usize = 64;
/// Label keys that mean something else in a selector.
const RESERVED_LABELS: &[&str] = &["host", "and", "or", "not", "in"];
/// What stands for the host's name in an address or a value.
const NAME_HOLE: &str = "{name}";
/// The port of SSH.
const SSH_PORT: u16 = 22;

/// Reads a fleet file. `file` is its name for people; it becomes the hosts' source.
pub fn parse(file: &str, text: &str) -> Result<Vec<Host>, FileProblems> {
    let fail = |problems| FileProblems { file: file.to_owned(), problems };
    if text.len() > FLEET_FILE_BYTES_MAX {
        let message = format!("it is larger than {} MiB", FLEET_FILE_BYTES_MAX / 1024 / 1024);
        return Err(fail(vec![Problem { line: 0, column: 0, message, hint: None }]));
    }
    let raw = read(text).map_err(|problem| fail(vec![problem]))?;
    let mut reading = Reading { file, problems: Vec::new(), seen: HashMap::new(), hosts: Vec::new() };
    reading.file(&raw);
    if reading.problems.is_empty() {
        return Ok(reading.hosts);
    }
    reading.problems.sort();
    reading.problems.dedup();
    Err(fail(reading.problems))
}

fn read(text: &str) -> Result<RawFile, Problem> {
    let mut budget = serde_saphyr::Budget::default();
    budget.max_events = YAML_EVENTS_MAX;
    budget.max_nodes = YAML_EVENTS_MAX;
    let mut options = serde_saphyr::Options::default();
    options.budget = Some(budget);
    options.with_snippet = false;
    serde_saphyr::from_str_with_options::<RawFile>(text, options).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), place);
        if let serde_saphyr::Error::DuplicateMappingKey { key, .. } = error.without_snippet() {
            let name = key.as_deref().map(short).unwrap_or_default();
            let message = format!("{name:?} is there twice in the same mapping");
            return Problem { line, column, message, hint: None };
        }
        let told = error.without_snippet().to_string();
        // The place is told in the problem's own fields.
        let message = told.rsplit_once(" at line ").map_or(told.as_str(), |(message, _)| message).to_owned();
        Problem { line, column, message, hint: None }
    })
}

fn place(location: Location) -> (u32, u32) {
    (u32::try_from(location.line()).unwrap_or(0), u32::try_from(location.column()).unwrap_or(0))
}

struct Reading<'a> {
    file: &'a str,
    problems: Vec<Problem>,
    /// Where each name was first given.
    seen: HashMap<HostName, u32>,
    hosts: Vec<Host>,
}

/// What all the names of one entry share.
struct Shared<'a> {
    port: u16,
    user: Option<String>,
    identity_file: Option<String>,
    labels: Labels,
    vars: BTreeMap<String, String>,
    address: Option<&'a Word>,
}

impl Reading<'_> {
    fn problem(&mut self, at: Location, message: String, hint: Option<String>) {
        let (line, column) = place(at);
        self.problems.push(Problem { line, column, message, hint });
    }

    fn unknown(&mut self, fields: &[Word], known: &[&str], of: &str) {
        for field in fields {
            let hint = match meant(&field.value, known) {
                Some(word) => format!("did you mean {word}?"),
                None => format!("known are {}", known.join(", ")),
            };
            self.problem(field.referenced, format!("{of} have no field {:?}", short(&field.value)), Some(hint));
        }
    }

    fn file(&mut self, raw: &RawFile) {
        self.unknown(&raw.unknown, FILE_FIELDS, "fleet files");
        if !raw.has_hosts && raw.unknown.is_empty() {
            self.problem(Location::UNKNOWN, "it has no hosts".to_owned(), Some("write them below hosts:".to_owned()));
        }
        let nothing = RawEntry::default();
        let defaults = raw.defaults.as_ref().unwrap_or(&nothing);
        self.unknown(&defaults.unknown, ENTRY_FIELDS, "defaults");
        if let Some(address) = &defaults.address {
            self.problem(address.referenced, "defaults cannot have an address".to_owned(), None);
        }
        // Checked once here, so that a mistake in the defaults is not told for every host.
        let shared = self.shared(defaults, None);
        for (name, entry) in &raw.hosts {
            self.unknown(&entry.unknown, ENTRY_FIELDS, "hosts");
            let shared = self.shared(entry, Some(&shared));
            self.entry(name, &shared);
        }
    }

    fn shared<'b>(&mut self, entry: &'b RawEntry, defaults: Option<&Shared<'_>>) -> Shared<'b> {
        let port = match &entry.port {
            None => defaults.map_or(SSH_PORT, |defaults| defaults.port),
            Some(port) => match port.value.parse::<u16>() {
                Ok(number) if number > 0 => number,
                _ => {
                    let message = format!("{:?} is not a port", short(&port.value));
                    self.problem(port.referenced, message, Some("a number from 1 to 65535".to_owned()));
                    SSH_PORT
                }
            },
        };
        let user = self.text(entry.user.as_ref(), "user", argument);
        let identity_file = self.text(entry.identity_file.as_ref(), "identity file", plain);
        let mut labels = defaults.map(|defaults| defaults.labels.clone()).unwrap_or_default();
        let mut vars = defaults.map(|defaults| defaults.vars.clone()).unwrap_or_default();
        self.pairs(&entry.labels, "label", label_key, &mut labels);
        self.pairs(&entry.vars, "value", value_key, &mut vars);
        Shared {
            port,
            user: user.or_else(|| defaults.and_then(|defaults| defaults.user.clone())),
            identity_file: identity_file.or_else(|| defaults.and_then(|defaults| defaults.identity_file.clone())),
            labels,
            vars,
            address: entry.address.as_ref(),
        }
    }

    fn text(&mut self, word: Option<&Word>, what: &str, check: Check) -> Option<String> {
        let word = word?;
        match check(&word.value) {
            Ok(()) => Some(word.value.clone()),
            Err(why) => {
                self.problem(word.referenced, format!("{:?} is not a usable {what}: {why}", short(&word.value)), None);
                None
            }
        }
    }

    fn pairs(&mut self, pairs: &Pairs, what: &str, check: Check, into: &mut BTreeMap<String, String>) {
        for (key, value) in &pairs.0 {
            if let Err(why) = check(&key.value) {
                let message = format!("{:?} is not a usable name for a {what}: {why}", short(&key.value));
                self.problem(key.referenced, message, None);
            } else if let Err(why) = plain(&value.value) {
                self.problem(value.referenced, format!("the {what} {} is not usable: {why}", key.value), None);
            } else if into.len() >= PAIRS_MAX && !into.contains_key(&key.value) {
                self.problem(key.referenced, format!("a host cannot have more than {PAIRS_MAX} {what}s"), None);
            } else {
                into.insert(key.value.clone(), value.value.clone());
            }
        }
    }

    fn entry(&mut self, name: &Word, shared: &Shared<'_>) {
        let names = match range::expand(&name.value) {
            Ok(names) => names,
            Err(why) => {
                let message = format!("{:?} is not a usable host name: {why}", short(&name.value));
                return self.problem(name.referenced, message, None);
            }
        };
        if self.hosts.len().saturating_add(names.len()) > HOSTS_MAX {
            return self.problem(name.referenced, format!("a fleet cannot have more than {HOSTS_MAX} hosts"), None);
        }
        let template = shared.address.map_or(NAME_HOLE, |address| address.value.as_str());
        let at = shared.address.map_or(name.referenced, |address| known_or(address, name));
        if names.len() > 1 && !template.contains(NAME_HOLE) {
            let message =
                format!("all {} hosts of {} would have the address {}", names.len(), name.value, short(template));
            return self.problem(at, message, Some(format!("use {NAME_HOLE} in the address")));
        }
        for text in names {
            let host = match HostName::new(text) {
                Ok(host) => host,
                Err(why) => return self.problem(name.referenced, why.to_string(), None),
            };
            let address = template.replace(NAME_HOLE, host.as_str());
            if let Err(why) = argument(&address) {
                return self.problem(at, format!("{:?} is not a usable address: {why}", short(&address)), None);
            }
            self.host(name, host, address, shared);
        }
    }

    fn host(&mut self, at: &Word, name: HostName, address: String, shared: &Shared<'_>) {
        let (line, _) = place(at.referenced);
        if let Some(first) = self.seen.get(&name) {
            let message = format!("host {name} is there twice; it is first given in line {first}");
            return self.problem(at.referenced, message, None);
        }
        self.seen.insert(name.clone(), line);
        let vars = shared.vars.iter().map(|(key, value)| (key.clone(), value.replace(NAME_HOLE, name.as_str())));
        self.hosts.push(Host {
            vars: vars.collect(),
            name,
            endpoint: Endpoint::Ssh {
                address,
                port: shared.port,
                user: shared.user.clone(),
                identity_file: shared.identity_file.clone(),
            },
            labels: shared.labels.clone(),
            source: self.file.to_owned(),
        });
    }
}

/// Says why a text cannot be used.
type Check = fn(&str) -> Result<(), &'static str>;

/// Anything that fits on a line.
fn plain(text: &str) -> Result<(), &'static str> {
    if text.len() > VALUE_BYTES_MAX {
        return Err("it is longer than 1024 bytes");
    }
    if text.chars().any(char::is_control) {
        return Err("it holds a control character");
    }
    Ok(())
}

/// What may become an argument of a program, where `-oProxyCommand=…` would be an option.
fn argument(text: &str) -> Result<(), &'static str> {
    plain(text)?;
    if text.is_empty() {
        return Err("it is empty");
    }
    if text.starts_with('-') {
        return Err("it begins with -");
    }
    if text.chars().any(char::is_whitespace) {
        return Err("it holds white space");
    }
    if text.contains(['{', '}']) {
        return Err("it holds a brace that is not {name}");
    }
    Ok(())
}

fn label_key(key: &str) -> Result<(), &'static str> {
    if RESERVED_LABELS.contains(&key) {
        return Err("selectors use that word for something else");
    }
    word(key, "_-./")
}

/// Templates read values as `host.vars.NAME`.
fn value_key(key: &str) -> Result<(), &'static str> {
    word(key, "_")
}

fn word(key: &str, extra: &str) -> Result<(), &'static str> {
    if !key.starts_with(|c: char| c.is_alphabetic() || c == '_') {
        return Err("it must begin with a letter or _");
    }
    if !key.chars().all(|c| c.is_alphanumeric() || extra.contains(c)) {
        return Err("it holds a character that is not allowed here");
    }
    plain(key)
}

/// The short form has no place of its own.
fn known_or(word: &Spanned<String>, otherwise: &Word) -> Location {
    if word.referenced == Location::UNKNOWN { otherwise.referenced } else { word.referenced }
}

fn short(text: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 64;
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests;
