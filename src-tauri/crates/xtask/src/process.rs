//! Other programs, each with a deadline. Nothing here waits for ever, and no child is left behind when time is up.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write, stdout};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How often a running child is looked at. Short against what a person notices, long against what it costs.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// For a question that a program answers at once, such as its version.
const QUESTION_DEADLINE: Duration = Duration::from_secs(60);

/// A program to run.
#[derive(Debug)]
pub(crate) struct Program {
    command: Command,
    deadline: Option<Duration>,
}

/// Who sees the output of a logged program while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Echo {
    /// It only goes to the log.
    Nobody,
    /// It goes to standard output as well.
    Everybody,
}

impl Program {
    /// A program with no arguments yet. It has a minute, until told otherwise.
    pub(crate) fn new(name: &str) -> Self {
        // npm is a script on Windows, which only its shell's extension finds.
        let name = if cfg!(windows) && name == "npm" { "npm.cmd" } else { name };
        Self { command: Command::new(name), deadline: Some(QUESTION_DEADLINE) }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<std::ffi::OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    /// Without what `cargo run` told this program about its own package. Build scripts that watch those variables
    /// (ring's does) would otherwise compile everything again, each time that cargo is called the other way.
    pub(crate) fn outside_of_cargo(mut self) -> Self {
        for (name, _) in std::env::vars_os() {
            if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|own| name.to_string_lossy().starts_with(own)) {
                self.command.env_remove(name);
            }
        }
        self
    }

    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    pub(crate) fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// For what a person ends: the window.
    pub(crate) fn until_it_ends(mut self) -> Self {
        self.deadline = None;
        self
    }

    /// The command as one would type it.
    pub(crate) fn shown(&self) -> String {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
    }

    /// Runs it and returns its standard output. Its complaints are part of the error.
    pub(crate) fn answer(mut self) -> Result<String> {
        let shown = self.shown();
        let log = Scratch::new()?;
        let complaints = Scratch::new()?;
        self.command.stdin(Stdio::null()).stdout(log.writer()?).stderr(complaints.writer()?);
        let status = self.spawn_and_wait(&shown, || Ok(()))?;
        if !status.success() {
            bail!("`{shown}` ended with {status}\n{}", complaints.text()?.trim_end());
        }
        log.text()
    }

    /// Runs it with this terminal as its own.
    pub(crate) fn attached(mut self) -> Result<()> {
        let shown = self.shown();
        let status = self.spawn_and_wait(&shown, || Ok(()))?;
        if !status.success() {
            bail!("`{shown}` ended with {status}");
        }
        Ok(())
    }

    /// Runs it with both of its streams, in order, appended to a log file.
    pub(crate) fn logged(mut self, log: &Path, echo: Echo) -> Result<()> {
        let shown = self.shown();
        let mut file = File::options().create(true).append(true).open(log)?;
        writeln!(file, "$ {shown}")?;
        let mut follower = File::open(log)?;
        follower.seek(SeekFrom::End(0))?;
        self.command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        let mut follow = || match echo {
            Echo::Nobody => Ok(()),
            Echo::Everybody => copy_what_is_new(&mut follower),
        };
        let status = self.spawn_and_wait(&shown, &mut follow)?;
        follow()?;
        if !status.success() {
            bail!("`{shown}` ended with {status}");
        }
        Ok(())
    }

    fn spawn_and_wait(&mut self, shown: &str, mut meanwhile: impl FnMut() -> Result<()>) -> Result<ExitStatus> {
        let mut child = self.command.spawn().with_context(|| format!("`{shown}` could not be started"))?;
        let started = Instant::now();
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            meanwhile()?;
            if self.deadline.is_some_and(|deadline| started.elapsed() > deadline) {
                end_family(&mut child)?;
                bail!("`{shown}` was ended: it was still running after {}", in_words(started.elapsed()));
            }
            thread::sleep(LOOK_EVERY);
        }
    }
}

fn copy_what_is_new(follower: &mut File) -> Result<()> {
    let mut new = Vec::new();
    follower.read_to_end(&mut new)?;
    let mut out = stdout().lock();
    out.write_all(&new)?;
    out.flush()?;
    Ok(())
}

/// Ends the child and all that descends from it. A process group of its own would be simpler, but would take the
/// child out of reach of Ctrl-C.
fn end_family(child: &mut Child) -> Result<()> {
    #[cfg(target_os = "linux")]
    for descendant in descendants(child.id()) {
        if let Some(pid) = i32::try_from(descendant).ok().and_then(rustix::process::Pid::from_raw) {
            // It may have ended by itself in between, which is what we want.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    child.kill()?;
    child.wait()?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn descendants(ancestor: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            // The name, in parentheses, may hold anything; the parent is the second field after it.
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect();
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// A file for the output of one question, removed afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("daytwo-xtask-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        File::create_new(&path).with_context(|| format!("{} could not be created", path.display()))?;
        Ok(Self(path))
    }

    fn writer(&self) -> Result<File> {
        Ok(File::options().append(true).open(&self.0)?)
    }

    fn text(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.0)?).into_owned())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// A length of time for people.
pub(crate) fn in_words(time: Duration) -> String {
    match time.as_secs() {
        0..=9 => format!("{:.1} s", time.as_secs_f64()),
        seconds @ 10..=119 => format!("{seconds} s"),
        seconds => format!("{} min {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_program_that_hangs_is_ended_with_all_its_children_when_its_time_is_up() {
        let folder = tempfile::tempdir().unwrap();
        let pid_file = folder.path().join("pid");
        let script = format!("sleep 300 & echo $! > {}; wait", pid_file.display());
        let error = Program::new("sh").args(["-c", &script]).deadline(Duration::from_millis(400)).answer().unwrap_err();
        assert!(error.to_string().contains("was ended"), "{error}");

        let grandchild = fs::read_to_string(pid_file).unwrap();
        let proc = PathBuf::from(format!("/proc/{}/stat", grandchild.trim()));
        let state = |text: String| text.rsplit_once(')').unwrap().1.trim_start().chars().next();
        let gone = || fs::read_to_string(&proc).ok().and_then(state).is_none_or(|state| state == 'Z');
        let until = Instant::now() + Duration::from_secs(5);
        while !gone() && Instant::now() < until {
            thread::sleep(LOOK_EVERY);
        }
        assert!(gone(), "the grandchild outlived its deadline");
    }

    #[test]
    #[cfg(unix)]
    fn a_failed_program_tells_its_command_and_its_complaint() {
        let error = Program::new("sh").args(["-c", "echo no disk >&2; exit 3"]).answer().unwrap_err().to_string();
        assert!(error.contains("`sh -c 'echo no disk >&2; exit 3'`") && error.ends_with("no disk"), "{error}");
    }
}
