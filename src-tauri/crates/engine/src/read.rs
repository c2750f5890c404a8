//! Asks a host or an API once, for a check or a post-condition. Its output is compared, and not kept.

use std::time::Duration;

use bytes::Bytes;
use daytwo_model::event::Note;
use daytwo_model::plan::On;
use daytwo_model::{Exit, Host, ProcessIdentity, Stream};

use crate::cancel::Cancel;
use crate::capture::Kept;
use crate::expect::Answer;
use crate::follow::{Listener, Patience, follow};
use crate::http::follow_call;
use crate::late::Ready;
use crate::ports::{HttpEnd, ShellEnd};
use crate::unit::Context;

/// From the deadline of an ask until it is given up: it is only a read.
const GIVE_UP: Duration = Duration::from_secs(5);

/// Why there is no answer.
pub(crate) struct NoAnswer {
    pub(crate) why: String,
    /// No connection to the host could be had.
    pub(crate) unreachable: bool,
}

impl<T: Into<String>> From<T> for NoAnswer {
    fn from(why: T) -> Self {
        Self { why: why.into(), unreachable: false }
    }
}

#[derive(Default)]
struct StdoutOnly(Kept);

impl Listener for StdoutOnly {
    async fn started(&mut self, _process: ProcessIdentity) {}

    async fn output(&mut self, stream: Stream, bytes: Bytes) {
        if stream == Stream::Stdout {
            self.0.push(&bytes);
        }
    }

    async fn noted(&mut self, _note: Note) {}
}

/// The answer, or why there is none.
pub(crate) async fn read(
    context: &Context,
    (host, on): (&Host, On),
    ready: Ready,
    cancel: &Cancel,
) -> Result<Answer, NoAnswer> {
    let deadline = context.settings.ask_wait;
    match ready {
        Ready::Shell(job) => {
            let mut stdout = StdoutOnly::default();
            let patience = Patience { deadline, grace: Some(GIVE_UP) };
            let start = |events, stop| context.shell(on).run(host, job, events, stop);
            match follow(start, patience, cancel, None, &mut stdout).await.end {
                ShellEnd::Exited(exit) => Ok(Answer { exit, stdout: stdout.0 }),
                ShellEnd::Killed | ShellEnd::DeadMan => {
                    Err(format!("the check did not answer within {} s", deadline.as_secs()).into())
                }
                ShellEnd::Unreachable { why } => {
                    Err(NoAnswer { why: format!("the check could not be asked: {why}"), unreachable: true })
                }
                ShellEnd::Unseen { why }
                | ShellEnd::Unaskable { why }
                | ShellEnd::Refused { why }
                | ShellEnd::CannotKeep { why }
                | ShellEnd::Lost { why }
                | ShellEnd::NotStarted { why } => Err(format!("the check could not be asked: {why}").into()),
            }
        }
        Ready::Http(call) => match follow_call(&context.ports, *call, cancel, GIVE_UP).await {
            HttpEnd::Answered { status, headers, body, .. } => {
                let mut stdout = Kept::default().with_headers(headers);
                stdout.push(&body);
                Ok(Answer { exit: Exit::Status(status), stdout })
            }
            HttpEnd::Unreachable { why } | HttpEnd::Unseen { why } | HttpEnd::Refused { why } => {
                Err(format!("the check could not be asked: {why}").into())
            }
        },
        Ready::Set(_) => Err("a change cannot be a check".into()),
        Ready::Wait(_) => Err("a wait has no answer, so it cannot be a check".into()),
    }
}
