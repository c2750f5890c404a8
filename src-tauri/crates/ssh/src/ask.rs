//! A short question to a host's shell: script in, bounded answer out. For reads, and for cancelling.

use bytes::Bytes;
use daytwo_model::Exit;
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelWriteHalf};

use crate::job::{Found, Scan, new_mark};

/// Largest answer that is taken.
pub const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// How much of standard error is kept for a failure's text.
const COMPLAINT_BYTES_MAX: usize = 2 * 1024;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Standard output behind the mark.
    pub(crate) stdout: Vec<u8>,
    /// The beginning of standard error.
    pub(crate) complaint: String,
    pub(crate) exit: Option<Exit>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    #[error("{0}")]
    NoMark(String),
    #[error("the host does not execute commands")]
    ExecDenied,
    #[error("the connection was lost")]
    Lost,
    #[error("the answer is longer than 1 MiB")]
    TooLong,
}

/// Closes a channel when the code that uses it ends, in whatever way.
pub(crate) struct CloseOnDrop(pub(crate) ChannelWriteHalf<Msg>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        use futures::FutureExt as _;
        // The queue to the connection's task nearly always has room, so one poll is enough. Where it
        // has none, the channel lives until the connection ends, and what arrives on it is dropped.
        let _ = self.0.close().now_or_never();
    }
}

/// Runs `script` in the shell that `command` starts, without standard input.
///
/// The caller sets the deadline. Dropping the future closes the channel.
pub(crate) async fn ask(channel: Channel<Msg>, command: &str, script: &str) -> Result<Answer, AskError> {
    let (mut reader, writer) = channel.split();
    let writer = CloseOnDrop(writer);
    let mark = new_mark().map_err(AskError::NoMark)?;
    // In braces: a shell that reads only half of it finds no end and runs nothing.
    let text = Bytes::from(format!("echo {mark}; {{\n{script}\n}} </dev/null\n"));
    let send = async {
        writer.0.exec(true, command).await?;
        writer.0.data_bytes(text).await?;
        writer.0.eof().await
    };
    tokio::pin!(send);
    let mut sending = true;
    let mut scan = Scan::new(&mark);
    let mut marked = false;
    let mut denied = false;
    let mut answer = Answer { stdout: Vec::new(), complaint: String::new(), exit: None };
    loop {
        let message = tokio::select! {
            sent = &mut send, if sending => {
                sent.map_err(|_| AskError::Lost)?;
                sending = false;
                continue;
            }
            message = reader.wait() => message,
        };
        match message {
            Some(ChannelMsg::Data { data }) if marked => answer.stdout.extend_from_slice(&data),
            Some(ChannelMsg::Data { data }) => {
                if let Some(Found { rest, .. }) = scan.feed(&data) {
                    marked = true;
                    answer.stdout.extend_from_slice(&rest);
                }
            }
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                let room = COMPLAINT_BYTES_MAX.saturating_sub(answer.complaint.len());
                let data = data.get(..room.min(data.len())).unwrap_or_default();
                answer.complaint.push_str(&String::from_utf8_lossy(data).replace(char::is_control, " "));
            }
            Some(ChannelMsg::ExitStatus { exit_status }) => answer.exit = Some(exit_code(exit_status)),
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => answer.exit = Some(exit_signal(&signal_name)),
            Some(ChannelMsg::Failure) => denied = true,
            Some(ChannelMsg::Close) | None if denied => return Err(AskError::ExecDenied),
            Some(ChannelMsg::Close) => break,
            None => return Err(AskError::Lost),
            Some(_) => {}
        }
        if answer.stdout.len() > ANSWER_BYTES_MAX {
            return Err(AskError::TooLong);
        }
        if denied {
            return Err(AskError::ExecDenied);
        }
    }
    if marked {
        return Ok(answer);
    }
    let said = [scan.noise(), answer.complaint.trim().to_owned()].join(" ");
    Err(AskError::NoMark(format!("no POSIX shell answered ({})", said.trim())))
}

pub(crate) fn exit_code(status: u32) -> Exit {
    Exit::Code(i32::try_from(status).unwrap_or(i32::MAX))
}

pub(crate) fn exit_signal(signal: &russh::Sig) -> Exit {
    let name = match signal {
        russh::Sig::Custom(name) => name.strip_prefix("SIG").unwrap_or(name).to_owned(),
        known => format!("{known:?}"),
    };
    Exit::Signal(name)
}
