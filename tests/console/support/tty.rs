//! A terminal with somebody at it: what they see, and what they type. A real one of the kernel, so that who is asked,
//! what Ctrl-C does and what the end of input is are the kernel's answers.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use super::{Ended, PATIENCE};

/// Wide enough that no line of these tests is broken.
const COLUMNS: u16 = 250;

/// A command at a terminal of its own. Killed when dropped.
pub(crate) struct Tty {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reading: Option<JoinHandle<()>>,
}

impl Tty {
    /// Starts the command in a session of its own, whose terminal this is: only so a key can be a signal.
    pub(crate) fn start(command: &Command) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        tcsetwinsize(&keyboard, Winsize { ws_row: 50, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap().into_string().unwrap();
        let line = || File::options().read(true).write(true).open(&name).unwrap();
        let mut session = Command::new("setsid");
        session.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        session.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TERM", "xterm");
        let child = session.stdin(line()).stdout(line()).stderr(line()).spawn().unwrap();
        // The command line that starts it holds the line too, and with it the terminal would never end.
        drop(session);
        let keyboard = File::from(keyboard);
        let screen = Arc::new(Mutex::new(Vec::new()));
        let (mut from, to) = (keyboard.try_clone().unwrap(), Arc::clone(&screen));
        let reading = std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error is how a terminal tells that nobody has it open any more.
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                to.lock().unwrap().extend_from_slice(&bytes[..count]);
            }
        });
        Self { child, keyboard, screen, reading: Some(reading) }
    }

    /// Everything that was shown so far, without colours and movements of the cursor.
    pub(crate) fn seen(&self) -> String {
        let bytes = self.screen.lock().unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let mut rest = text.as_ref();
        let mut seen = String::new();
        while let Some((before, after)) = rest.split_once("\u{1b}[") {
            seen.push_str(before);
            rest = after.trim_start_matches(|c: char| !c.is_ascii_alphabetic()).get(1..).unwrap_or_default();
        }
        seen + rest
    }

    /// Waits until these words are on the screen.
    pub(crate) fn until_seen(&self, words: &str) {
        let begun = Instant::now();
        while !self.seen().contains(words) {
            assert!(begun.elapsed() < PATIENCE, "{words:?} was never shown; this was:\n{}", self.seen());
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    }

    /// Types a line and presses Enter.
    pub(crate) fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\r").as_bytes()).unwrap();
    }

    /// Holds Ctrl and presses a letter.
    pub(crate) fn presses_ctrl(&mut self, letter: u8) {
        self.keyboard.write_all(&[letter & 0x1f]).unwrap();
    }

    /// Waits for its end. All that was shown counts as its standard output.
    pub(crate) fn ended(mut self) -> Ended {
        let begun = Instant::now();
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(begun.elapsed() < PATIENCE, "it does not end; this was shown:\n{}", self.seen()),
            }
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        };
        if let Some(reading) = self.reading.take() {
            reading.join().unwrap();
        }
        Ended { code: status.code(), stdout: self.seen(), stderr: String::new() }
    }
}

impl Drop for Tty {
    fn drop(&mut self) {
        // Errors mean that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
