//! Sets members of a document behind an API: reads, compares, writes once.
//!
//! Until the write is sent nothing was changed, and the end says so. The write is sent once; an answer
//! that was not seen leaves its end unknown. What came of it is asked afterwards, as with any other change.

use std::sync::Arc;

use bytes::Bytes;
use daytwo_model::plan::{Direction, PlannedStep};
use daytwo_model::{Event, Exit, OutputTally, SecretValue, Stream};
use serde_json::Value;
use tokio::time::Instant;

use super::document::{Form, Member, Outcome, decide};
use super::{follow_call, header, points_to};
use crate::capture::Kept;
use crate::ports::{CallBody, HttpCall, HttpEnd};
use crate::redact::Ending;
use crate::sink::Sink;
use crate::unit::Unit;

/// What is read, compared and written, with everything filled in.
pub(crate) struct SetCalls {
    pub(crate) read: HttpCall,
    pub(crate) root: String,
    pub(crate) write: HttpCall,
    pub(crate) form: Form,
    pub(crate) members: Vec<Member>,
    pub(crate) direction: Direction,
}

/// Why nothing was written.
enum Unwritten {
    /// There was no connection.
    Unreachable(String),
    /// It was given up.
    Cancelled,
    /// What was read forbids it, or nothing could be read.
    Refused(String, Exit),
}

/// What reading and comparing came to.
struct Decided {
    body: Option<String>,
    etag: Option<String>,
    status: u16,
}

/// The exit code of a comparison that failed: nothing was written, and no answer says so.
const CONFLICT: Exit = Exit::Code(1);

impl Unit {
    /// Sets the members; the facts of its end.
    pub(crate) async fn set(self, step: &PlannedStep, calls: SetCalls) -> Vec<Event> {
        // One deadline for both calls: it is the step's.
        let until = Instant::now() + calls.write.deadline;
        let SetCalls { read, root, mut write, form, members, direction } = calls;
        let decided = match self.look(read, &root, &form, &members, direction).await {
            Ok(decided) => decided,
            Err(Unwritten::Unreachable(why)) => return vec![self.unreachable(&why)],
            Err(Unwritten::Cancelled) => return vec![self.cancelled(OutputTally::default())],
            Err(Unwritten::Refused(why, exit)) => return self.unwritten(step, &why, exit, direction).await,
        };
        let Some(body) = decided.body else {
            let told = "it is so already, and nothing was written\n";
            return self.ended(step, Exit::Status(decided.status), &Bytes::new(), told, Ending::Seen).await;
        };
        write.deadline = until.saturating_duration_since(Instant::now());
        if write.deadline.is_zero() {
            let why = "no time was left for the write, so nothing was written";
            return self.unwritten(step, why, CONFLICT, direction).await;
        }
        let guarded = decided.etag.is_some();
        arm(&mut write, &form, body, decided.etag);
        self.write(step, write, guarded).await
    }

    /// Reads the document and decides what has to be written.
    async fn look(
        &self,
        read: HttpCall,
        root: &str,
        form: &Form,
        members: &[Member],
        direction: Direction,
    ) -> Result<Decided, Unwritten> {
        let refused = |why: String, exit| Err(Unwritten::Refused(format!("{why}; nothing was written"), exit));
        let (status, headers, body) = match self.follow(read).await {
            HttpEnd::Answered { status, headers, body, cut: false } => (status, headers, body),
            HttpEnd::Answered { status, cut: true, .. } => {
                return refused("the document is longer than is taken".to_owned(), Exit::Status(status));
            }
            HttpEnd::Unreachable { why } => return Err(Unwritten::Unreachable(why)),
            HttpEnd::Unseen { .. } if self.at.cancel.is_cancelled() => return Err(Unwritten::Cancelled),
            HttpEnd::Unseen { why } | HttpEnd::Refused { why } => {
                return refused(format!("the document could not be read: {why}"), CONFLICT);
            }
        };
        // It could be sent on, so what is asked for now is still refused.
        if self.at.cancel.is_cancelled() {
            return Err(Unwritten::Cancelled);
        }
        let exit = Exit::Status(status);
        if !exit.is_success() {
            let to = points_to(status, &headers).map(|to| format!(", which points to {to}")).unwrap_or_default();
            return refused(format!("the document could not be read: the answer was {exit}{to}"), exit);
        }
        let text = String::from_utf8_lossy(&body);
        let Ok(answer) = serde_json::from_str::<Value>(&text) else {
            return refused("the document is not JSON".to_owned(), CONFLICT);
        };
        let Some(document) = answer.pointer(root) else {
            return refused(format!("the answer has nothing at {root:?}"), CONFLICT);
        };
        match decide(document, &text, form, members, direction) {
            Ok(Outcome::AsWanted) => Ok(Decided { body: None, etag: None, status }),
            Ok(Outcome::Write(body)) => Ok(Decided { body: Some(body), etag: strong_etag(&headers), status }),
            Err(why) => refused(why, CONFLICT),
        }
    }

    async fn write(self, step: &PlannedStep, call: HttpCall, guarded: bool) -> Vec<Event> {
        match self.follow(call).await {
            HttpEnd::Answered { status, headers, body, cut } => {
                let told = match (status, points_to(status, &headers)) {
                    (412, _) if guarded => {
                        "somebody changed it between our read and our write, and the API refused the write\n".to_owned()
                    }
                    (_, Some(to)) => format!("the answer points to {to}, and redirects are not followed\n"),
                    _ => String::new(),
                };
                let ending = if cut { Ending::CutOff } else { Ending::Seen };
                self.ended(step, Exit::Status(status), &body, &told, ending).await
            }
            HttpEnd::Unseen { why } => vec![self.unknown(&why, OutputTally::default())],
            HttpEnd::Unreachable { why } => vec![self.unreachable(&format!("{why}; nothing was written"))],
            HttpEnd::Refused { why } => vec![self.refused(&format!("{why}; nothing was written"))],
        }
    }

    async fn follow(&self, call: HttpCall) -> HttpEnd {
        let context = &self.at.context;
        follow_call(&context.ports, call, &self.at.cancel, context.settings.cancel_grace).await
    }

    /// Nothing was written. On the way forward that is a refusal; on the way back it is an end that a
    /// person has to look at, with the reason in what the attempt told.
    async fn unwritten(self, step: &PlannedStep, why: &str, exit: Exit, direction: Direction) -> Vec<Event> {
        match direction {
            Direction::Forward => vec![self.refused(why)],
            Direction::Back => {
                let exit = if exit.is_success() { CONFLICT } else { exit };
                self.ended(step, exit, &Bytes::new(), &format!("{why}\n"), Ending::Seen).await
            }
        }
    }

    async fn ended(self, step: &PlannedStep, exit: Exit, body: &Bytes, told: &str, ending: Ending) -> Vec<Event> {
        let mut sink = Sink::new(Arc::clone(&self.at.context), self.attempt, false);
        sink.write(Stream::Stdout, body).await;
        sink.write(Stream::Stderr, told.as_bytes()).await;
        let (output, _) = sink.finish(ending).await;
        // A way back that failed is stuck, and the sentence says more than the exit.
        let why = (!told.is_empty() && !exit.is_success()).then(|| self.at.context.reason(told.trim_end()));
        let mut facts = self.finished(step, exit, output, &Kept::default());
        facts.extend(why.map(|why| Event::AttemptStuck { attempt: self.attempt, why }));
        facts
    }
}

/// Gives the write its body, and its guard where there is one.
fn arm(write: &mut HttpCall, form: &Form, body: String, etag: Option<String>) {
    let named = |headers: &[(String, SecretValue)], name: &str| {
        headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    };
    if let Some(etag) = etag
        && !named(&write.headers, "if-match")
    {
        write.headers.push(("If-Match".to_owned(), SecretValue::new(etag)));
    }
    if matches!(form, Form::MergePatch) && !named(&write.headers, "content-type") {
        let kind = SecretValue::new("application/merge-patch+json");
        write.headers.push(("Content-Type".to_owned(), kind));
    }
    write.body = Some(CallBody::Json(SecretValue::new(body)));
}

/// The entity tag, if it can be compared byte for byte. A weak one says only that two answers mean the same,
/// and `If-Match` must not take it (RFC 9110, section 13.1.1).
fn strong_etag(headers: &[(String, String)]) -> Option<String> {
    header(headers, "etag").filter(|etag| etag.starts_with('"') && etag.ends_with('"')).map(str::to_owned)
}
