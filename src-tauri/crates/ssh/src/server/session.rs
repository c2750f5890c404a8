//! One client's connection to the in-process server.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use russh::server::{Auth, ChannelOpenHandle, Handle, Handler, Msg, PublicKeyOffer, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Pty, Sig};
use tokio::sync::mpsc;
use tokio_util::io::StreamReader;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{ExecEnd, ExecIo, ServeExec};
use crate::keys::PublicKey;

/// Channels of one connection; OpenSSH's own default is 10.
const CHANNELS_MAX: usize = 64;

/// Pieces of input that wait for a command to read them; a piece has at most 32 KiB.
const STDIN_PIECES_MAX: usize = 16;

/// russh's number for standard error among extended data (RFC 4254, 5.2).
const EXTENDED_STDERR: u32 = 1;

/// russh's callbacks for one connection. Dropped by russh when the connection ends, which cancels
/// every command of it.
pub(super) struct Session {
    authorized: Arc<[PublicKey]>,
    handler: Arc<dyn ServeExec>,
    tasks: TaskTracker,
    ended: CancellationToken,
    _ends_on_drop: DropGuard,
    /// Open channels that no command was requested on yet.
    waiting: HashMap<ChannelId, Channel<Msg>>,
    /// Channels with a command, and what cancels it.
    running: HashMap<ChannelId, CancellationToken>,
}

impl Session {
    pub(super) fn new(
        authorized: Arc<[PublicKey]>,
        handler: Arc<dyn ServeExec>,
        tasks: TaskTracker,
        ended: CancellationToken,
    ) -> Self {
        let guard = ended.clone().drop_guard();
        let (waiting, running) = (HashMap::new(), HashMap::new());
        Self { authorized, handler, tasks, ended, _ends_on_drop: guard, waiting, running }
    }

    fn decide(&self, key: &russh::keys::PublicKey) -> Auth {
        if self.authorized.contains(&PublicKey::new(key)) { Auth::Accept } else { Auth::reject() }
    }
}

impl Handler for Session {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        Ok(self.decide(offer.public_key))
    }

    async fn auth_publickey(&mut self, _user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        Ok(self.decide(key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        // Dropping the reply turns the client away.
        if self.waiting.len() + self.running.len() < CHANNELS_MAX {
            self.waiting.insert(channel.id(), channel);
            reply.accept().await;
        }
        Ok(())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        let (Some(channel), Ok(command)) = (self.waiting.remove(&id), std::str::from_utf8(command)) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let cancelled = self.ended.child_token();
        self.running.insert(id, cancelled.clone());
        let exec = serve(Arc::clone(&self.handler), command.to_owned(), channel, session.handle(), cancelled);
        self.tasks.spawn(exec);
        Ok(())
    }

    async fn channel_close(
        &mut self,
        id: ChannelId,
        _session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        self.waiting.remove(&id);
        if let Some(cancelled) = self.running.remove(&id) {
            cancelled.cancel();
        }
        Ok(())
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut russh::server::Session) -> Result<(), russh::Error> {
        session.channel_failure(id)
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _term: &str,
        _columns: u32,
        _rows: u32,
        _width: u32,
        _height: u32,
        _modes: &[(Pty, u32)],
        session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        session.channel_failure(id)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        _name: &str,
        session: &mut russh::server::Session,
    ) -> Result<(), russh::Error> {
        session.channel_failure(id)
    }
}

/// Runs one command, and tells the client how it ended.
async fn serve(
    handler: Arc<dyn ServeExec>,
    command: String,
    channel: Channel<Msg>,
    handle: Handle,
    cancelled: CancellationToken,
) {
    let (reader, writer) = channel.split();
    let (pieces, input) = mpsc::channel::<std::io::Result<Bytes>>(STDIN_PIECES_MAX);
    let input = futures::stream::unfold(input, |mut input| async move {
        let piece = input.recv().await?;
        Some((piece, input))
    });
    let io = ExecIo {
        stdin: Box::pin(StreamReader::new(input.boxed())),
        stdout: Box::pin(writer.make_writer()),
        stderr: Box::pin(writer.make_writer_ext(Some(EXTENDED_STDERR))),
        cancelled: cancelled.clone(),
    };
    let executing = handler.exec(command, io);
    let feeding = feed(reader, pieces, cancelled.clone());
    tokio::pin!(executing, feeding);
    let mut fed = false;
    let end = loop {
        tokio::select! {
            end = &mut executing => break end,
            () = &mut feeding, if !fed => fed = true,
        }
    };
    // A client that is gone needs no answer, and takes none.
    if !cancelled.is_cancelled() {
        let _ = answer(&writer, &handle, end).await;
    }
}

/// Passes the client's input on, and notices when it closes the channel.
async fn feed(mut reader: ChannelReadHalf, pieces: mpsc::Sender<std::io::Result<Bytes>>, cancelled: CancellationToken) {
    let mut pieces = Some(pieces);
    loop {
        match reader.wait().await {
            Some(ChannelMsg::Data { data }) => {
                if let Some(open) = &pieces
                    && open.send(Ok(data)).await.is_err()
                {
                    // The command does not read any more; what still comes is dropped.
                    pieces = None;
                }
            }
            Some(ChannelMsg::Eof) => pieces = None,
            Some(ChannelMsg::Close) | None => {
                cancelled.cancel();
                return;
            }
            Some(_) => {}
        }
    }
}

async fn answer(writer: &ChannelWriteHalf<Msg>, handle: &Handle, end: ExecEnd) -> Result<(), russh::Error> {
    writer.eof().await?;
    match end {
        ExecEnd::Code(code) => writer.exit_status(u32::from(code)).await?,
        ExecEnd::Signal(name) => {
            let signal = Sig::Custom(name);
            let told = handle.exit_signal_request(writer.id(), signal, false, String::new(), String::new()).await;
            told.map_err(|()| russh::Error::SendError)?;
        }
    }
    writer.close().await
}
