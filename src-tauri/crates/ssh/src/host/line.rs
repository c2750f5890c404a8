//! What a host says behind the mark.

use daytwo_model::{Exit, ProcessIdentity};

/// A line behind the mark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    /// The script runs.
    Start(ProcessIdentity),
    /// The stream goes on from this byte; some of what comes may have come before.
    At(u64),
    /// That is all.
    End(End),
}

/// How it ended, and how much there is of both streams.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) how: Ended,
    /// Bytes of standard output and standard error, from the attempt's beginning.
    pub(crate) bytes: (u64, u64),
    /// The host did not keep all output.
    pub(crate) cut: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    Exit(Exit),
    /// Somebody ended it, and it is gone.
    Killed,
    /// Its own dead-man switch ended it.
    DeadMan,
    Lost(&'static str),
    NotStarted(&'static str),
    /// This cannot be said now.
    Unseen(&'static str),
    /// The host keeps it already.
    Taken,
    /// The host cannot keep it: no place, or no way to hand a script on unseen.
    CannotKeep(&'static str),
}

impl Line {
    /// Reads what stands behind the mark. Nothing for what no program of ours says.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let (kind, rest) = line.trim().split_once(' ')?;
        match kind {
            "start" => start(rest).map(Self::Start),
            "at" => rest.parse().ok().map(Self::At),
            "end" => end(rest).map(Self::End),
            _ => None,
        }
    }
}

fn start(rest: &str) -> Option<ProcessIdentity> {
    let mut words = rest.splitn(5, ' ');
    let mut word = || words.next().filter(|word| *word != "-");
    let pid: u32 = word()?.parse().ok()?;
    let group = word().and_then(|group| group.parse().ok()).filter(|group| *group != pid);
    let start_ticks = word().map(str::to_owned);
    let boot_id = word().map(str::to_owned);
    let place = word().map(str::to_owned);
    Some(ProcessIdentity { pid, group, place, boot_id, start_ticks })
}

fn end(rest: &str) -> Option<End> {
    let words: Vec<&str> = rest.split(' ').collect();
    let [word, detail, out, err, cut] = words.as_slice() else { return None };
    let how = match *word {
        "exit" => Ended::Exit(Exit::Code(detail.parse().ok()?)),
        "killed" => Ended::Killed,
        "fired" => Ended::DeadMan,
        "lost" => Ended::Lost(lost(detail)),
        "none" => Ended::NotStarted(match *detail {
            "broken" => "the host could not start its shell",
            _ => "it had not arrived when the host was asked, and will be refused should it still arrive",
        }),
        "unseen" => Ended::Unseen(match *detail {
            "attached" => "it still runs, but the host keeps neither its output nor its end",
            "unkept" => "it was sent to run without being kept by the host, so what became of it cannot be asked",
            _ => "the host keeps nothing of it and has no place to make sure that it never begins",
        }),
        "refused" => match *detail {
            "taken" => Ended::Taken,
            "mute" => Ended::CannotKeep("its shell has no way to hand on a script unseen"),
            _ => Ended::CannotKeep("it has no place that can be written"),
        },
        _ => return None,
    };
    Some(End { how, bytes: (out.parse().ok()?, err.parse().ok()?), cut: *cut == "cut" })
}

fn lost(detail: &str) -> &'static str {
    match detail {
        "rebooted" => "the host has been started since, and it left no exit code",
        "booted" => "the host has been started since it was sent, and keeps nothing of it",
        "gone" => "its process is gone and left no exit code",
        "halfway" => "the host began to take it, and what came of that is not known",
        "vanished" => "what the host kept of it has been removed",
        "attached" => "its process is gone, and the host kept neither its output nor its end",
        "ageless" => "the host keeps nothing of it, and does not say since when it runs",
        "forgotten" | "swept" => "it is so long ago that the host may have removed what it kept",
        _ => "the host keeps nothing of it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_names_process_group_and_place() {
        let start = |line: &str| match Line::parse(line) {
            Some(Line::Start(process)) => process,
            other => panic!("{other:?}"),
        };
        let process = start(" start 7 7 99 boot /home/a b/x");
        assert_eq!(process.group, None, "its own group goes without saying");
        assert_eq!(process.place.as_deref(), Some("/home/a b/x"));
        assert_eq!((process.start_ticks.as_deref(), process.boot_id.as_deref()), (Some("99"), Some("boot")));
        let bare = start("start 7 3 - - -");
        assert_eq!((bare.group, bare.place, bare.boot_id, bare.start_ticks), (Some(3), None, None, None));
    }

    #[test]
    fn an_end_that_makes_no_sense_is_no_end() {
        for line in [
            "end",
            "end exit",
            "end exit x 0 0 -",
            "end exit 0 0 -",
            "end exit 0 -1 0 -",
            "end done - 0 0 -",
            "end exit 0 0 0 - -",
            "started 7",
            "",
        ] {
            assert_eq!(Line::parse(line), None, "{line:?}");
        }
        let end = End { how: Ended::Exit(Exit::Code(3)), bytes: (12, 4), cut: true };
        assert_eq!(Line::parse("end exit 3 12 4 cut"), Some(Line::End(end)));
        assert!(matches!(Line::parse("end killed - 0 0 -"), Some(Line::End(End { how: Ended::Killed, .. }))));
        assert!(matches!(Line::parse("end fired 143 0 0 -"), Some(Line::End(End { how: Ended::DeadMan, .. }))));
    }
}
