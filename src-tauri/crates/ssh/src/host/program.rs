//! The programs that are sent to a host, put together from the texts and from what varies.

use std::fmt::Write as _;
use std::sync::LazyLock;
use std::time::Duration;

use daytwo_engine::ports::{Keep, Kept, ShellJob};
use daytwo_model::attempt::KEPT_DAYS;
use daytwo_model::{ProcessIdentity, SecretValue, quote};

/// What is kept of one stream of one attempt. A script that prints without end is not to fill a host.
const OUTPUT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// `ulimit -f` counts in these.
const BLOCK_BYTES: u64 = 512;

/// How long a host keeps what it knows of an attempt that is over, and what its way back needs.
const RETENTION: Duration = Duration::from_secs(KEPT_DAYS * 24 * 60 * 60);

/// Files of one attempt that are removed elsewhere; a `file` step leaves three.
const LEFT_MAX: u32 = 100;

/// How often a dead-man switch tries to end the script before it gives the way back up. What outlives a kill hangs in
/// the kernel or belongs to somebody else.
const END_TRIES: u32 = 4;

/// Between two of these tries, in seconds.
const END_PAUSE: u32 = 3;

/// For how long "no folder" can mean "never begun". Programs that tidy up temporary folders do so
/// after ten days at the earliest (systemd's default for /tmp).
const TRUST: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// Longest note that is left on a host about who and what, in characters.
const NOTE_CHARS_MAX: usize = 200;

/// A file without its comments and indentation: it is sent with every step.
fn lean(text: &str) -> String {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.fold(String::with_capacity(text.len()), |lean, line| lean + line + "\n")
}

macro_rules! texts {
    ($($file:literal),+) => { concat!($(include_str!($file)),+) };
}

static START: LazyLock<String> = LazyLock::new(|| lean(include_str!("start.sh")));
static DELIVER: LazyLock<String> =
    LazyLock::new(|| lean(texts!("folder.sh", "follow.sh", "kill.sh", "sweep.sh", "deliver.sh")));
static REATTACH: LazyLock<String> = LazyLock::new(|| lean(texts!("folder.sh", "follow.sh", "reattach.sh")));
static END_GROUP: LazyLock<String> = LazyLock::new(|| lean(include_str!("kill.sh")));
static DISARM: LazyLock<String> = LazyLock::new(|| lean(texts!("folder.sh", "kill.sh", "disarm.sh")));
static LOOK: LazyLock<String> = LazyLock::new(|| lean(texts!("folder.sh", "look.sh")));
static TOUCHED: LazyLock<String> = LazyLock::new(|| lean(texts!("folder.sh", "touched.sh")));

/// Tells the console that what comes on standard error is the program's.
const GREET: &str = "echo \"$dt_m\" >&2\n";

/// Claims the attempt's folder, starts the script and follows it.
pub(crate) fn deliver(job: &ShellJob, keep: &Keep) -> SecretValue {
    let after = keep.dead_man.as_ref().map_or(0, |dead_man| whole_seconds(dead_man.after).max(1));
    let inverse = keep.dead_man.as_ref().map_or("", |dead_man| dead_man.script.expose());
    SecretValue::new(format!(
        "{text}dt_attempt={attempt} dt_from_out=0 dt_from_err=0 dt_lease={lease} dt_after={after} \
         dt_blocks={blocks} dt_retention={retention} dt_left_max={LEFT_MAX} dt_end_tries={END_TRIES} \
         dt_end_pause={END_PAUSE}\ndt_by={by}\ndt_what={what}\ndt_start_text={start}\n\
         dt_script={script}\ndt_inverse={inverse}\n{GREET}deliver\n",
        text = *DELIVER,
        attempt = keep.attempt,
        lease = whole_seconds(keep.lease),
        blocks = OUTPUT_BYTES_MAX / BLOCK_BYTES,
        retention = RETENTION.as_secs(),
        by = quote::shell(&note(&keep.by)),
        what = quote::shell(&note(&keep.what)),
        start = quote::shell(&START),
        script = quote::shell(job.script.expose()),
        inverse = quote::shell(inverse),
    ))
}

/// What the console knows of an attempt's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known<'a> {
    /// Its start was not confirmed.
    Nothing,
    /// It was sent to run without a folder, and its start was not confirmed.
    Unkept,
    /// It was started with a folder.
    Kept,
    /// It was started without one, as this process.
    Attached(&'a ProcessIdentity),
}

impl<'a> Known<'a> {
    pub(crate) fn of(kept: &'a Kept) -> Self {
        match &kept.process {
            None if kept.attached => Self::Unkept,
            None => Self::Nothing,
            Some(process) if process.place.is_some() => Self::Kept,
            Some(process) => Self::Attached(process),
        }
    }
}

/// Says what became of an attempt, and follows it.
pub(crate) fn reattach(kept: &Kept, known: Known<'_>) -> SecretValue {
    let mut text = format!(
        "{text}dt_attempt={attempt} dt_ago={ago} dt_from_out={out} dt_from_err={err} dt_trust={trust} ",
        text = *REATTACH,
        attempt = kept.attempt,
        ago = whole_seconds(kept.sent_ago),
        out = kept.have.0,
        err = kept.have.1,
        trust = TRUST.as_secs(),
    );
    let _ = match known {
        Known::Nothing => write!(text, "dt_known=-"),
        Known::Unkept => write!(text, "dt_known=unkept"),
        Known::Kept => write!(text, "dt_known=kept"),
        Known::Attached(process) => write!(
            text,
            "dt_known=attached dt_known_pid={} dt_known_boot={} dt_known_ticks={}",
            process.pid,
            word(process.boot_id.as_deref()),
            word(process.start_ticks.as_deref())
        ),
    };
    SecretValue::new(format!("{text}\n{GREET}reattach\n"))
}

/// Ends the process group of `process`; at once where `terminate` is none.
pub(crate) fn end_group(process: &ProcessIdentity, terminate: Option<Duration>) -> String {
    let tenths = terminate.map_or(0, |terminate| terminate.as_millis().div_ceil(100).max(1));
    format!(
        "{}dt_end_group {} {} {} {tenths} {}\n",
        *END_GROUP,
        process.pid,
        word(process.boot_id.as_deref()),
        word(process.start_ticks.as_deref()),
        word(process.place.as_deref()),
    )
}

/// Tells a host that all is well.
pub(crate) fn disarm(kept: &Kept) -> String {
    format!("{}dt_attempt={}\ndisarm\n", *DISARM, kept.attempt)
}

/// Lists an attempt's processes.
pub(crate) fn look(kept: &Kept) -> String {
    format!("{}dt_attempt={}\nlook\n", *LOOK, kept.attempt)
}

/// Lists the attempts of everybody, at most this many of one place.
pub(crate) fn touched(each_max: usize) -> String {
    format!("{}dt_each_max={each_max}\ntouched\n", *TOUCHED)
}

/// What a host says of itself is a word here and nothing more.
fn word(text: Option<&str>) -> String {
    quote::shell(text.unwrap_or("-"))
}

fn whole_seconds(duration: Duration) -> u64 {
    duration.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX)
}

/// One line, and not a long one.
fn note(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(NOTE_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_host_calls_its_boot_id_is_a_word_and_nothing_more() {
        let process = ProcessIdentity { pid: 7, boot_id: Some("$(reboot)".into()), ..ProcessIdentity::default() };
        let script = end_group(&process, Some(Duration::from_millis(250)));
        assert!(script.ends_with("dt_end_group 7 '$(reboot)' - 3 -\n"), "{script}");
        assert!(end_group(&process, None).ends_with(" - 0 -\n"), "at once");
    }

    #[test]
    fn no_text_needs_a_file_for_a_script_or_gives_one_to_a_program() {
        for text in [&*START, &*DELIVER, &*REATTACH, &*END_GROUP, &*DISARM, &*LOOK, &*TOUCHED] {
            assert!(!text.contains("<<"), "a here-document is a file in some shells:\n{text}");
            for line in text.lines().filter(|line| line.contains("$dt_script") || line.contains("$dt_inverse")) {
                assert!(line.contains("dt_start \"$dt_"), "a script goes through dt_start only: {line}");
            }
        }
    }

    #[test]
    fn the_texts_are_plain_sh_to_shellcheck() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/host");
        let texts = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
        let texts: Vec<_> = texts.filter(|path| path.extension().is_some_and(|kind| kind == "sh")).collect();
        assert!(texts.len() > 9);
        // The texts are put together and share their variables, so each alone has some that it never sets.
        let options = ["-s", "sh", "-S", "warning", "-e", "SC2154,SC2034"];
        match std::process::Command::new("shellcheck").args(options).args(texts).output() {
            Ok(said) => assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout)),
            Err(_) => eprintln!("not tested here, because it is not installed: shellcheck"),
        }
    }

    #[test]
    fn a_note_is_one_line() {
        assert_eq!(note("a\nend exit 0\u{1b}[2J"), "a end exit 0 [2J");
    }
}
