//! Questions to the person at the terminal. Where there is none, the answer is no.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// Whether somebody can be asked.
pub(crate) fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether what is typed at the terminal comes to this process: one in the background is stopped when it reads.
#[cfg(unix)]
pub(crate) fn is_in_front() -> bool {
    rustix::termios::tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// Elsewhere the terminal belongs to all of its processes.
#[cfg(not(unix))]
pub(crate) const fn is_in_front() -> bool {
    true
}

/// What was typed before a question was shown is no answer to it: nobody agrees to what they have not read.
pub(crate) fn forget_typed_ahead() {
    #[cfg(unix)]
    if is_in_front() {
        // An error means that it is no terminal after all; then there is no question either.
        let _ = rustix::termios::tcflush(std::io::stdin(), rustix::termios::QueueSelector::IFlush);
    }
}

/// Asks on standard error, so that standard output stays what was asked for. `None` without a terminal.
pub(crate) fn line(question: &str) -> Option<String> {
    if !somebody_is_there() {
        return None;
    }
    forget_typed_ahead();
    eprint!("{question} ");
    std::io::stderr().flush().ok()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).ok()?;
    Some(answer.trim().to_owned())
}

/// Asks for a yes; anything else is a no.
pub(crate) fn yes(question: &str) -> bool {
    line(&format!("{question} [y/N]")).is_some_and(|answer| matches!(answer.as_str(), "y" | "Y" | "yes"))
}
