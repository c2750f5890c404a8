//! Reading the answers to short questions about an attempt.

use daytwo_engine::ports::DeadManEnd;
use daytwo_model::Exit;

/// Names of processes that are told; the rest is counted.
const NAMES_MAX: usize = 6;

/// Longest name of a process; the kernel's own limit is 15.
const NAME_CHARS_MAX: usize = 32;

/// What is told of a switch that fired and could not end the script.
const STILL_THERE: &str =
    "the dead-man switch fired, and the script could not be ended; the way back was not run beside it";

/// What is told of a switch that fired and did nothing, once nothing of the script is left either.
const NOTHING_LEFT: &str = "the dead-man switch fired, and nothing was taken back; nothing of the script runs any more";

/// What is told of a switch that fired while the host may still be at it.
const NOT_YET: &str = "the dead-man switch fired, and what came of it is not known yet";

/// What became of a dead-man switch.
pub(crate) fn disarmed(answer: &str, place: &str) -> DeadManEnd {
    let answer = answer.lines().next().unwrap_or_default().trim();
    let words: Vec<&str> = answer.split(' ').collect();
    match words.as_slice() {
        ["disarmed"] => DeadManEnd::Disarmed,
        ["fired", "exit", code] => DeadManEnd::Fired(code.parse().ok().map(Exit::Code)),
        ["fired", "alive"] => DeadManEnd::Failed { why: STILL_THERE.to_owned(), over: false },
        ["fired", "ended"] => DeadManEnd::Failed { why: NOTHING_LEFT.to_owned(), over: true },
        ["fired", "lost"] => DeadManEnd::Fired(None),
        ["fired", ..] => DeadManEnd::Unknown { why: NOT_YET.to_owned() },
        ["unknown", "unarmed"] => DeadManEnd::Unknown { why: format!("no switch is armed for it on {place}") },
        _ => DeadManEnd::Unknown { why: format!("{place} keeps nothing of it") },
    }
}

/// One process of an attempt's session.
struct Process<'a> {
    pid: &'a str,
    name: String,
    on_terminal: bool,
    stopped: bool,
}

/// What lives of an attempt, in one line.
pub(crate) fn looked(answer: &str) -> Option<String> {
    let mut lines = answer.lines();
    let state = lines.next()?.strip_prefix("state ")?.trim();
    let processes: Vec<Process<'_>> = lines.filter_map(process).collect();
    if processes.is_empty() {
        let said = match state {
            "running" => "its process lives",
            "starting" => "the host is about to start it",
            "exit" | "killed" | "fired" => "it has ended",
            "fenced" | "none" => "it was not started",
            "rebooted" => "the host has been started since",
            _ => "nothing of it lives",
        };
        return Some(said.to_owned());
    }
    let count = processes.len();
    let plural = if count == 1 { "1 process lives".to_owned() } else { format!("{count} processes live") };
    let mut names: Vec<&str> = processes.iter().map(|process| process.name.as_str()).collect();
    names.dedup();
    let more = if names.len() > NAMES_MAX { ", …" } else { "" };
    names.truncate(NAMES_MAX);
    let mut text = format!("{plural} ({}{more})", names.join(", "));
    if let Some(waiting) = processes.iter().find(|process| process.on_terminal) {
        text += &format!("; {} (pid {}) waits for somebody to type", waiting.name, waiting.pid);
    } else if let Some(stopped) = processes.iter().find(|process| process.stopped) {
        text += &format!("; {} (pid {}) is stopped", stopped.name, stopped.pid);
    } else {
        text += "; none waits for a terminal";
    }
    Some(text)
}

/// Reads `process PID STATE TERMINAL WAITS-IN NAME`.
fn process(line: &str) -> Option<Process<'_>> {
    let mut words = line.strip_prefix("process ")?.splitn(5, ' ');
    let pid = words.next().filter(|pid| pid.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (state, terminal, waits_in, name) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let name = name.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(NAME_CHARS_MAX).collect();
    // A process may have a terminal and not read from it; where the kernel does not say what it waits
    // for (to others than root it often says 0), nothing is claimed.
    let on_terminal = terminal != "0" && (waits_in.contains("tty_read") || waits_in == "wait_woken");
    Some(Process { pid, name, on_terminal, stopped: matches!(state, "T" | "t") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_switch_is_disarmed_or_fired_and_everything_else_is_not_known() {
        assert_eq!(disarmed("disarmed\n", "h"), DeadManEnd::Disarmed);
        assert_eq!(disarmed("fired exit 3\n", "h"), DeadManEnd::Fired(Some(Exit::Code(3))));
        assert_eq!(disarmed("fired lost\n", "h"), DeadManEnd::Fired(None));
        let failed = |answer| match disarmed(answer, "h") {
            DeadManEnd::Failed { why, over } => (why.contains("was not run"), over),
            other => panic!("{answer}: {other:?}"),
        };
        assert_eq!([failed("fired alive\n"), failed("fired ended\n")], [(true, false), (false, true)]);
        // The host may still be at it: that it took the step back would be a claim that no later answer could mend.
        for odd in ["fired", "fired or so", "", "unknown vanished", "unknown unarmed", "disarmed or so"] {
            assert!(matches!(disarmed(odd, "h"), DeadManEnd::Unknown { .. }), "{odd:?}");
        }
    }

    #[test]
    fn what_lives_is_told_in_one_line_and_no_more_than_is_known() {
        let at_prompt = "state running\nprocess 7 S 0 do_wait sh\nprocess 8 S 34816 n_tty_read sudo\n";
        assert_eq!(looked(at_prompt).unwrap(), "2 processes live (sh, sudo); sudo (pid 8) waits for somebody to type");
        let quiet = "state running\nprocess 7 S 34816 0 sl\u{1b}[2Jeep\nprocess x S 0 0 evil\n";
        assert_eq!(looked(quiet).unwrap(), "1 process lives (sl [2Jeep); none waits for a terminal");
        assert_eq!(looked("state exit\n").unwrap(), "it has ended");
        assert_eq!(looked("sh: not found\n"), None);
    }
}
