//! The reading of known_hosts, held against `ssh-keygen`.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use super::{name_of, parse};
use crate::keys::HostKey;

/// Line numbers that `ssh-keygen -F` finds for `name`.
fn found_by_openssh(file: &Path, name: &str) -> BTreeSet<usize> {
    let out = Command::new("ssh-keygen").args(["-F", name, "-f"]).arg(file).output().unwrap();
    let text = String::from_utf8_lossy(&out.stdout);
    let number =
        |line: &str| line.strip_prefix("# Host ")?.split("found: line ").nth(1)?.split(' ').next()?.parse().ok();
    text.lines().filter_map(number).collect()
}

fn found_here(text: &str, name: &str) -> BTreeSet<usize> {
    parse(text).iter().filter(|entry| entry.is_about(name)).map(|entry| entry.line).collect()
}

#[test]
fn the_same_lines_speak_of_a_host_as_in_openssh() {
    let dir = tempfile::tempdir().unwrap();
    let key = HostKey::generate().unwrap().public().to_openssh();
    let hosts = [
        "alpha",
        "alpha,10.0.0.1",
        "[alpha]:2222",
        "*.example.com",
        "*.example.com,!bad.example.com",
        "!bad.example.com,*.example.com",
        "we?-1",
        "10.0.0.*",
        "[*.example.com]:2222",
        "ALPHA.Example.COM",
        "fe80::1",
        "[fe80::1]:2222",
        "*",
    ];
    let mut text = "# a comment\n\n   \n".to_owned();
    for (index, host) in hosts.iter().enumerate() {
        let marker = ["", "@revoked ", "@cert-authority ", "  "][index % 4];
        let gap = if index % 3 == 0 { "\t" } else { " " };
        text.push_str(&format!("{marker}{host}{gap}{key} comment # not a comment\n"));
    }
    text.push_str(&format!("@unknown alpha {key}\nalpha {key} trailing\nalpha\nalpha ssh-ed25519\n#alpha {key}\n"));
    let plain = dir.path().join("plain");
    std::fs::write(&plain, &text).unwrap();

    let names = [
        ("alpha", 22),
        ("Alpha", 22),
        ("alpha", 2222),
        ("10.0.0.1", 22),
        ("10.0.0.17", 22),
        ("a.example.com", 22),
        ("a.example.com", 2222),
        ("bad.example.com", 22),
        ("alpha.example.com", 22),
        ("web-1", 22),
        ("we-1", 22),
        ("fe80::1", 22),
        ("fe80::1", 2222),
        ("nobody", 22),
    ];
    for (address, port) in names {
        let name = name_of(address, port);
        assert_eq!(found_here(&text, &name), found_by_openssh(&plain, &name), "{name}");
    }

    // Names that ssh-keygen can hash: without patterns.
    let hashed = dir.path().join("hashed");
    std::fs::write(&hashed, format!("alpha {key}\n[alpha]:2222 {key}\n10.0.0.1 {key}\n@revoked beta {key}\n")).unwrap();
    let done = Command::new("ssh-keygen").arg("-Hf").arg(&hashed).output().unwrap();
    assert!(done.status.success());
    let text = std::fs::read_to_string(&hashed).unwrap();
    assert!(!text.contains("alpha"), "ssh-keygen hashed it");
    for (address, port) in [("alpha", 22), ("alpha", 2222), ("alpha", 23), ("10.0.0.1", 22), ("beta", 22)] {
        let name = name_of(address, port);
        assert_eq!(found_here(&text, &name), found_by_openssh(&hashed, &name), "{name}");
    }
}
