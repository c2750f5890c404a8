//! Questions to the person at the terminal. Where there is none, the answer is no.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

/// Whether somebody can be asked.
pub(crate) fn somebody_is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks on standard error, so that standard output stays what was asked for. `None` without a terminal.
pub(crate) fn line(question: &str) -> Option<String> {
    if !somebody_is_there() {
        return None;
    }
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
