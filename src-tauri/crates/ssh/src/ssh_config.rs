//! Aliases of the user's ssh_config, resolved by asking `ssh -G`, the only complete reader of that file.
//!
//! An option that this crate does not honour is an error that names it, never ignored, where it
//! decides *where* a connection leads or *who* is trusted. Options about comfort and speed are passed over.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;

use crate::error::{ConnectError, seconds};
use crate::known_hosts::name_of;
use crate::options::{RESOLVES_AT_ONCE_MAX, SshOptions};
use crate::target::{Target, expand_home};

/// Longest answer of `ssh -G` that is read; a usual one has 4 KiB.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// Gateways in a row. More than anyone has, fewer than a cycle.
const GATEWAYS_MAX: usize = 8;

/// Options that lead somewhere else or decide about trust, and are not honoured yet.
const UNSUPPORTED: [(&str, &[&str], &str); 7] = [
    ("proxycommand", &["none"], "use ProxyJump, or give the host an address of its own in the fleet file"),
    ("proxyusefdpass", &["no"], "use ProxyJump"),
    ("certificatefile", &["none"], "use a plain key for this host"),
    ("bindaddress", &["none", "any"], "remove it for this host"),
    ("bindinterface", &["none"], "remove it for this host"),
    ("revokedhostkeys", &["none"], "mark the keys @revoked in a known_hosts file instead"),
    ("pubkeyauthentication", &["yes", "true"], "public keys are the only way in that this version has"),
];

/// Resolves aliases, and remembers the answers for the life of the process.
#[derive(Debug)]
pub(crate) struct SshConfig {
    options: Arc<SshOptions>,
    at_once: Semaphore,
    resolved: Mutex<HashMap<String, Arc<Target>>>,
}

/// `ssh -G`'s answer: option names in lower case, with all their values in order.
#[derive(Debug, Default)]
struct Answer(HashMap<String, Vec<String>>);

impl Answer {
    fn parse(text: &str) -> Self {
        let mut answer = Self::default();
        for line in text.lines() {
            let (name, value) = line.split_once(' ').unwrap_or((line, ""));
            answer.0.entry(name.to_lowercase()).or_default().push(value.trim().to_owned());
        }
        answer
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|values| values.first()).map(String::as_str)
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.get(name).into_iter().flatten().map(String::as_str)
    }
}

impl SshConfig {
    pub(crate) fn new(options: Arc<SshOptions>) -> Self {
        Self { options, at_once: Semaphore::new(RESOLVES_AT_ONCE_MAX), resolved: Mutex::default() }
    }

    pub(crate) fn forget(&self) {
        self.resolved.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(crate) async fn resolve(&self, alias: &str) -> Result<Arc<Target>, ConnectError> {
        let kept = self.resolved.lock().unwrap_or_else(PoisonError::into_inner).get(alias).cloned();
        if let Some(target) = kept {
            return Ok(target);
        }
        let target = self.resolve_hop(Hop { alias: alias.to_owned(), user: None, port: None }, None, 0).await?;
        self.resolved.lock().unwrap_or_else(PoisonError::into_inner).insert(alias.to_owned(), Arc::clone(&target));
        Ok(target)
    }

    /// `jumps` replaces the hop's own ProxyJump, as `ssh -J` does for all but the first gateway.
    async fn resolve_hop(&self, hop: Hop, jumps: Option<Vec<Hop>>, depth: usize) -> Result<Arc<Target>, ConnectError> {
        if depth > GATEWAYS_MAX {
            return Err(hop.unsupported("ProxyJump with more than 8 gateways", "shorten the chain"));
        }
        let answer = self.ask(&hop).await?;
        check_supported(&hop, &answer)?;
        let mut jumps = match jumps {
            Some(jumps) => jumps,
            None => parse_jumps(&hop, answer.first("proxyjump"))?,
        };
        let via = match jumps.pop() {
            None => None,
            // The first gateway of the chain follows its own configuration, which may have a gateway too.
            Some(last) => {
                let before = if jumps.is_empty() { None } else { Some(jumps) };
                Some(Box::pin(self.resolve_hop(last, before, depth + 1)).await?)
            }
        };
        self.target(&hop, &answer, via).map(Arc::new)
    }

    fn target(&self, hop: &Hop, answer: &Answer, via: Option<Arc<Target>>) -> Result<Target, ConnectError> {
        let options = &self.options;
        let home = options.home.as_deref();
        let lacks = |what: &str| ConnectError::Alias { alias: hop.alias.clone(), why: format!("it gave no {what}") };
        let address = answer.first("hostname").filter(|a| !a.is_empty()).ok_or_else(|| lacks("hostname"))?;
        let port = answer.first("port").and_then(|port| port.parse().ok()).ok_or_else(|| lacks("port"))?;
        let user = answer.first("user").unwrap_or(&options.user);
        let files = ["userknownhostsfile", "globalknownhostsfile"].into_iter().flat_map(|name| answer.all(name));
        let files = files.flat_map(str::split_whitespace).filter(|file| *file != "none");
        let known_hosts = files.map(|file| expand_home(file, home)).chain([options.trusted.clone()]).collect();
        let mut usual_files = Vec::new();
        for file in answer.all("identityfile").filter(|file| *file != "none") {
            if file.contains('%') || file.contains("${") {
                return Err(hop.unsupported(&format!("IdentityFile {file}"), "write the path without % and $"));
            }
            usual_files.push(expand_home(file, home));
        }
        let key_name = match answer.first("hostkeyalias") {
            Some(name) if name != "none" => name.to_lowercase(),
            _ => name_of(address, port),
        };
        Ok(Target {
            address: address.to_owned(),
            port,
            user: user.to_owned(),
            key_name,
            known_hosts,
            // ssh -G does not tell the files that were named from the usual ones.
            identity_files: Vec::new(),
            usual_files,
            agent: self.agent(hop, answer)?,
            identities_only: answer.first("identitiesonly") == Some("yes"),
            via,
        })
    }

    fn agent(&self, hop: &Hop, answer: &Answer) -> Result<Option<PathBuf>, ConnectError> {
        match answer.first("identityagent") {
            None | Some("SSH_AUTH_SOCK") => Ok(self.options.agent.clone()),
            Some("none") => Ok(None),
            Some(path) if path.contains(['%', '$']) => {
                Err(hop.unsupported(&format!("IdentityAgent {path}"), "write the path without % and $"))
            }
            Some(path) => Ok(Some(expand_home(path, self.options.home.as_deref()))),
        }
    }

    async fn ask(&self, hop: &Hop) -> Result<Answer, ConnectError> {
        let failed = |why: String| ConnectError::Alias { alias: hop.alias.clone(), why };
        if hop.alias.is_empty() || hop.alias.starts_with('-') {
            return Err(failed("it is not a host name".to_owned()));
        }
        let Ok(_permit) = self.at_once.acquire().await else {
            return Err(failed("the transport is closing".to_owned()));
        };
        let program = self.options.ssh_program.clone().unwrap_or_else(|| PathBuf::from("ssh"));
        let mut command = tokio::process::Command::new(&program);
        command.arg("-G");
        if let Some(config) = &self.options.ssh_config {
            command.arg("-F").arg(config);
        }
        if let Some(user) = &hop.user {
            command.arg("-l").arg(user);
        }
        if let Some(port) = hop.port {
            command.arg("-p").arg(port.to_string());
        }
        command.arg("--").arg(&hop.alias);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let asked = async {
            let mut child = command.spawn().map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => failed(format!(
                    "there is no program {}; install the OpenSSH client, or give the host an address in the fleet file",
                    program.display()
                )),
                _ => failed(format!("{} did not start: {error}", program.display())),
            })?;
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
            let read_out = async {
                match stdout {
                    Some(stdout) => stdout.take(ANSWER_BYTES_MAX).read_to_end(&mut out).await.map(drop),
                    None => Ok(()),
                }
            };
            let read_err = async {
                match stderr {
                    Some(stderr) => stderr.take(ANSWER_BYTES_MAX).read_to_end(&mut err).await.map(drop),
                    None => Ok(()),
                }
            };
            tokio::try_join!(read_out, read_err).map_err(|error| failed(error.to_string()))?;
            let status = child.wait().await.map_err(|error| failed(error.to_string()))?;
            if status.success() {
                Ok(Answer::parse(&String::from_utf8_lossy(&out)))
            } else {
                Err(failed(format!("{status}: {}", String::from_utf8_lossy(&err).trim())))
            }
        };
        match tokio::time::timeout(self.options.deadlines.resolve, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(failed(format!("no answer within {}", seconds(&self.options.deadlines.resolve)))),
        }
    }
}

/// One host of a chain, as it is written: `[user@]alias[:port]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hop {
    alias: String,
    user: Option<String>,
    port: Option<u16>,
}

impl Hop {
    fn unsupported(&self, option: &str, hint: &'static str) -> ConnectError {
        ConnectError::Unsupported { alias: self.alias.clone(), option: option.to_owned(), hint }
    }
}

fn check_supported(hop: &Hop, answer: &Answer) -> Result<(), ConnectError> {
    for (option, harmless, hint) in UNSUPPORTED {
        if let Some(value) = answer.first(option)
            && !harmless.contains(&value)
        {
            return Err(hop.unsupported(&format!("{option} {value}"), hint));
        }
    }
    Ok(())
}

fn parse_jumps(hop: &Hop, value: Option<&str>) -> Result<Vec<Hop>, ConnectError> {
    let value = match value {
        None | Some("" | "none") => return Ok(Vec::new()),
        Some(value) => value,
    };
    let bad = || hop.unsupported(&format!("ProxyJump {value}"), "write it as [user@]host[:port]");
    value.split(',').map(|jump| parse_jump(jump.trim()).ok_or_else(bad)).collect()
}

fn parse_jump(text: &str) -> Option<Hop> {
    let text = text.strip_prefix("ssh://").unwrap_or(text);
    let (user, place) = match text.rsplit_once('@') {
        Some((user, place)) => (Some(user.to_owned()), place),
        None => (None, text),
    };
    let (alias, port) = if let Some(rest) = place.strip_prefix('[') {
        let (alias, after) = rest.split_once(']')?;
        (alias, after.strip_prefix(':'))
    } else {
        match place.split_once(':') {
            // More than one colon: a bare IPv6 address.
            Some((alias, port)) if !port.contains(':') => (alias, Some(port)),
            _ => (place, None),
        }
    };
    let port = port.map(str::parse).transpose().ok()?;
    (!alias.is_empty()).then(|| Hop { alias: alias.to_owned(), user, port })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_read_as_ssh_reads_it() {
        let hop = |alias: &str, user: Option<&str>, port| Hop { alias: alias.into(), user: user.map(Into::into), port };
        for (text, expected) in [
            ("gate", Some(hop("gate", None, None))),
            ("ops@gate:2222", Some(hop("gate", Some("ops"), Some(2222)))),
            ("[::1]:22", Some(hop("::1", None, Some(22)))),
            ("::1", Some(hop("::1", None, None))),
            ("ssh://ops@gate:7", Some(hop("gate", Some("ops"), Some(7)))),
            ("gate:x", None),
            ("", None),
        ] {
            assert_eq!(parse_jump(text), expected, "{text}");
        }
    }
}
