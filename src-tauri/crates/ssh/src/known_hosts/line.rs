//! One line of a known_hosts file, and whether it speaks of a host. Format: sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT".

use hmac::{Hmac, KeyInit as _, Mac as _};
use russh::keys::ssh_key::known_hosts::HostPatterns;
use sha1::Sha1;

use crate::keys::PublicKey;

/// What a line says about its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// It is a host's key.
    HostKey,
    /// It is an authority's key: it proves certificates, never a plain host key.
    CertAuthority,
    /// It must not be accepted.
    Revoked,
}

/// A line that could be read.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    /// Its number in the file, from 1.
    pub(crate) line: usize,
    pub(crate) marker: Marker,
    pub(crate) key: PublicKey,
    hosts: Hosts,
}

#[derive(Debug, Clone)]
enum Hosts {
    Patterns(String),
    Hashed { salt: Vec<u8>, hash: Vec<u8> },
}

impl Entry {
    /// Reads a line. `None` for comments, blank lines, and lines that OpenSSH would pass over too.
    pub(crate) fn parse(number: usize, line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let (marker, rest) = match line.strip_prefix('@') {
            None => (Marker::HostKey, line),
            Some(marked) => {
                let (word, rest) = marked.split_once([' ', '\t'])?;
                let marker = match word {
                    "cert-authority" => Marker::CertAuthority,
                    "revoked" => Marker::Revoked,
                    _ => return None,
                };
                (marker, rest.trim_start())
            }
        };
        let (hosts, key) = rest.split_once([' ', '\t'])?;
        Some(Self { line: number, marker, key: key.trim_start().parse().ok()?, hosts: Hosts::parse(hosts)? })
    }

    /// Whether it speaks of `name`, which is `host` or `[host]:port`, in lower case.
    pub(crate) fn is_about(&self, name: &str) -> bool {
        match &self.hosts {
            Hosts::Patterns(patterns) => matches_list(patterns, name),
            Hosts::Hashed { salt, hash } => Hmac::<Sha1>::new_from_slice(salt)
                .is_ok_and(|mac| mac.chain_update(name.as_bytes()).verify_slice(hash).is_ok()),
        }
    }
}

impl Hosts {
    fn parse(field: &str) -> Option<Self> {
        if !field.starts_with('|') {
            return Some(Self::Patterns(field.to_lowercase()));
        }
        match field.parse() {
            Ok(HostPatterns::HashedName { salt, hash }) => Some(Self::Hashed { salt, hash: hash.to_vec() }),
            Ok(HostPatterns::Patterns(_)) | Err(_) => None,
        }
    }
}

/// Comma-separated patterns; one that is negated and matches beats all the others.
fn matches_list(patterns: &str, name: &str) -> bool {
    let mut found = false;
    for pattern in patterns.split(',') {
        match pattern.strip_prefix('!') {
            Some(negated) if matches_glob(negated.as_bytes(), name.as_bytes()) => return false,
            Some(_) => {}
            None => found |= matches_glob(pattern.as_bytes(), name.as_bytes()),
        }
    }
    found
}

/// `*` stands for any characters, `?` for one. Linear but for the last `*`, so no pattern is slow.
fn matches_glob(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, n));
                p += 1;
            }
            Some(c) if *c == b'?' || Some(c) == name.get(n) => {
                p += 1;
                n += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    p = star + 1;
                    n = from + 1;
                    retry = Some((star, n));
                }
                None => return false,
            },
        }
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|c| *c == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negated_pattern_beats_every_other() {
        for (patterns, name, expected) in [
            ("web-1", "web-1", true),
            ("web-1", "web-10", false),
            ("web-*,!web-9", "web-1", true),
            ("web-*,!web-9", "web-9", false),
            ("!web-9,web-*", "web-9", false),
            ("10.0.?.1", "10.0.7.1", true),
            ("10.0.?.1", "10.0.17.1", false),
            ("[*.example]:2222", "[a.example]:2222", true),
            ("[*.example]:2222", "a.example", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("*", "anything", true),
            ("", "anything", false),
        ] {
            assert_eq!(matches_list(patterns, name), expected, "{patterns:?} about {name:?}");
        }
    }
}
