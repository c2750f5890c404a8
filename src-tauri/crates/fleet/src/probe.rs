//! The probe: one script that only reads, and the reading of what it prints.
//!
//! What a host prints is not to be trusted: it is bounded, stripped of everything that could
//! steer a terminal or reorder text, and a line that makes no sense is a fact that is not known.

use crate::observation::{Disk, Facts, Load, Memory};

/// The script, for any POSIX shell.
pub const SCRIPT: &str = include_str!("probe.sh");
/// How much of a host's answer is looked at; a real one has about 500 bytes.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// The longest text that is kept as a fact.
pub const FACT_CHARS_MAX: usize = 200;
/// The first line of a real answer. A login banner may stand before it.
const MARK: &str = "daytwo_probe=1";

/// What a host answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    /// Its facts; the clock skew is left to who knows when it was asked.
    pub facts: Facts,
    /// The host's clock, in seconds since 1970.
    pub host_time_s: Option<i64>,
}

/// The host printed something else: a forced command, a menu, a shell that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the host did not run the probe; it printed {0:?}")]
pub struct NotAProbe(String);

/// Reads what the script printed.
pub fn parse(output: &str) -> Result<Answer, NotAProbe> {
    let output = head(output);
    let mut lines = output.lines();
    if !lines.any(|line| line.trim() == MARK) {
        return Err(NotAProbe(clean(output)));
    }
    let mut answer = Answer::default();
    let (mut total_kib, mut available_kib) = (None, None);
    for line in lines {
        let Some((key, value)) = line.split_once('=') else { continue };
        let (facts, value) = (&mut answer.facts, value.trim());
        match key {
            "time" => answer.host_time_s = value.parse().ok().filter(|seconds| *seconds >= 0),
            "hostname" => facts.hostname = text(value),
            "kernel" => facts.kernel = text(value),
            "os" => facts.os = text(value.trim_matches(['"', '\''])),
            "boot_id" => facts.boot_id = text(value),
            "app_version" => facts.app_version = text(value),
            "uptime_s" => facts.uptime_s = value.parse().ok().filter(|seconds| *seconds <= SAFE_INTEGER_MAX),
            "load" => facts.load = load(value),
            "cpus" => facts.cpus = value.parse().ok().filter(|cpus| *cpus > 0),
            "memory_total_kib" => total_kib = kib(value),
            "memory_available_kib" => available_kib = kib(value),
            "disk" => facts.disk = disk(value),
            "failed_units" => facts.failed_units = value.parse().ok(),
            _ => {}
        }
    }
    if let (Some(total_bytes), Some(available_bytes)) = (total_kib, available_kib) {
        answer.facts.memory =
            (total_bytes > 0 && available_bytes <= total_bytes).then_some(Memory { total_bytes, available_bytes });
    }
    Ok(answer)
}

/// JavaScript counts exactly up to here, and the window shows these numbers.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

fn head(output: &str) -> &str {
    let mut end = output.len().min(ANSWER_BYTES_MAX);
    while !output.is_char_boundary(end) {
        end -= 1;
    }
    output.get(..end).unwrap_or_default()
}

fn text(value: &str) -> Option<String> {
    let value = clean(value);
    (!value.is_empty()).then_some(value)
}

/// Without control and invisible formatting characters, and not too long.
fn clean(value: &str) -> String {
    let steering = |c: char| {
        c.is_control()
            || matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
    };
    let kept: String = value.chars().filter(|c| !steering(*c)).take(FACT_CHARS_MAX).collect();
    kept.trim().to_owned()
}

fn kib(value: &str) -> Option<u64> {
    value.parse::<u64>().ok()?.checked_mul(1024).filter(|bytes| *bytes <= SAFE_INTEGER_MAX)
}

fn load(value: &str) -> Option<Load> {
    let mut numbers = value.split_whitespace().map(|word| word.parse::<f64>().ok().filter(|n| (0.0..1e6).contains(n)));
    Some(Load { one: numbers.next()??, five: numbers.next()??, fifteen: numbers.next()?? })
}

/// The last line of `df -Pk /`: `device total used available percent% mount`. Read from the end,
/// because a device's name may hold blanks.
fn disk(value: &str) -> Option<Disk> {
    let mut words = value.split_whitespace().rev().skip(1);
    let percent = words.next()?.strip_suffix('%')?.parse::<u8>().ok()?;
    let (available, used, total) = (kib(words.next()?)?, kib(words.next()?)?, kib(words.next()?)?);
    let plausible = percent <= 100 && total > 0 && used <= total && available <= total;
    let available_bytes = Some(available);
    plausible.then_some(Disk { total_bytes: total, used_bytes: used, available_bytes, used_percent: percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the script the way a host does: on the shell's standard input.
    fn run(shell: &[&str], path: Option<&str>) -> (String, String) {
        use std::io::Write as _;
        let mut command = std::process::Command::new(shell[0]);
        command.args(&shell[1..]).stdin(std::process::Stdio::piped());
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        if let Some(path) = path {
            command.env("PATH", path);
        }
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(SCRIPT.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{:?}", output.status);
        (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_script_runs_in_the_shells_of_this_machine_and_says_nothing_on_stderr() {
        let shells: &[&[&str]] =
            &[&["/bin/sh", "-eu", "-s"], &["dash", "-s"], &["bash", "--posix", "-s"], &["busybox", "sh", "-s"]];
        for shell in shells {
            if std::process::Command::new(shell[0]).arg("-c").arg(":").output().is_err() {
                continue;
            }
            let (out, err) = run(shell, None);
            assert_eq!(err, "", "{shell:?}");
            let answer = parse(&out).unwrap();
            let facts = answer.facts;
            let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
            assert_eq!(facts.kernel.as_deref(), Some(kernel.trim()), "{shell:?}");
            let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
            assert_eq!(facts.boot_id.as_deref(), Some(boot_id.trim()), "{shell:?}");
            assert!(facts.uptime_s.is_some() && facts.load.is_some() && facts.memory.is_some(), "{out}");
            assert!(facts.disk.is_some() && facts.cpus.is_some() && facts.hostname.is_some(), "{out}");
            assert!(answer.host_time_s.unwrap() > 1_700_000_000);
        }
    }

    #[test]
    #[cfg(unix)]
    fn failed_units_are_counted_and_a_systemctl_that_fails_is_not_zero() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let stand_in = folder.path().join("systemctl");
        let counted = |script: &str| {
            std::fs::write(&stand_in, script).unwrap();
            std::fs::set_permissions(&stand_in, std::fs::Permissions::from_mode(0o755)).unwrap();
            parse(&run(&["/bin/sh", "-s"], Some(&path)).0).unwrap().facts.failed_units
        };
        let listed = "printf 'app.service loaded failed failed App\\nssh.service loaded active running SSH\\n'";
        assert_eq!(counted(&format!("#!/bin/sh\n{listed}\n")), Some(1));
        assert_eq!(counted("#!/bin/sh\nexit 0\n"), Some(0));
        assert_eq!(counted("#!/bin/sh\necho 'Failed to connect to bus' >&2\nexit 1\n"), None);
    }

    #[test]
    fn a_hostile_answer_is_bounded_and_harmless() {
        let long = "x".repeat(100_000);
        let answer = parse(&format!(
            "Welcome!\r\n\u{1b}[2Jdaytwo\ndaytwo_probe=1\r\nhostname=a\u{1b}[31mb\u{202e}c\u{7}\nload=NaN inf -1\n\
             uptime_s=-5\ncpus=0\nmemory_total_kib=18446744073709551615\nmemory_available_kib=1\n\
             disk=x 1 2 3 400% /\nfailed_units=many\nnonsense\n=\nos=\"\"\nkernel={long}\ntime=-1\n"
        ))
        .unwrap();
        let kernel = answer.facts.kernel.clone().unwrap();
        assert_eq!(kernel.len(), FACT_CHARS_MAX);
        let expected = Facts { hostname: Some("a[31mbc".into()), kernel: Some(kernel), ..Facts::default() };
        assert_eq!(answer, Answer { facts: expected, host_time_s: None });
    }

    #[test]
    fn what_is_not_the_probes_answer_is_told_as_such() {
        let error = parse("This service allows sftp connections only.\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the host did not run the probe; it printed \"This service allows sftp connections only.\""
        );
    }

    #[test]
    fn a_device_with_blanks_in_its_name_still_has_a_size() {
        let disk = disk("my disk 1000 400 600 40% /").unwrap();
        assert_eq!(
            disk,
            Disk { total_bytes: 1_024_000, used_bytes: 409_600, available_bytes: Some(614_400), used_percent: 40 }
        );
    }
}
