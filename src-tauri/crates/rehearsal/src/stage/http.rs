//! APIs that answer from recordings. What is sent to them is found among what the plan's steps ask now.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use daytwo_engine::ports::{CallBody, Http, HttpCall, HttpEnd};
use daytwo_model::plan::{Action, Body, HttpRequest, HttpSet};
use daytwo_model::{SecretValue, Text};
use daytwo_runbook::{Part, Says};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Stage;
use crate::trace::{Due, Trace};

impl Stage {
    fn is_request(&self, trace: &Trace, host: u32, request: &HttpRequest, call: &HttpCall) -> bool {
        let same = |text: &Text, sent: &SecretValue| self.fill(trace, host, text).as_deref() == Some(sent.expose());
        let headers = request.headers.iter().zip(&call.headers);
        request.method == call.method
            && same(&request.url, &call.url)
            && request.headers.len() == call.headers.len()
            && { headers }.all(|((name, text), (sent_name, sent))| name == sent_name && same(text, sent))
            && self.is_body(trace, host, request.body.as_ref(), call.body.as_ref())
    }

    fn is_body(&self, trace: &Trace, host: u32, planned: Option<&Body>, sent: Option<&CallBody>) -> bool {
        let same = |text: &Text, sent: &SecretValue| self.fill(trace, host, text).as_deref() == Some(sent.expose());
        match (planned, sent) {
            (None, None) => true,
            (Some(Body::Json(text)), Some(CallBody::Json(sent))) => same(text, sent),
            (Some(Body::Form(fields)), Some(CallBody::Form(sent))) => {
                let both = fields.iter().zip(sent);
                fields.len() == sent.len() && { both }
                    .all(|((name, text), (sent_name, sent))| name == sent_name && same(text, sent))
            }
            (Some(Body::Text { text, content_type }), Some(CallBody::Text { text: sent, content_type: sent_type })) => {
                content_type == sent_type && same(text, sent)
            }
            (Some(Body::File { file, .. }), Some(CallBody::File { file: sent, .. })) => file == sent,
            _ => false,
        }
    }

    /// Whether a call is the write of members that are set. What it says depends on what was read.
    fn is_write(&self, trace: &Trace, host: u32, set: &HttpSet, call: &HttpCall) -> bool {
        let url = self.fill(trace, host, &set.write.url);
        set.write.method == call.method
            && url.as_deref() == Some(call.url.expose())
            && matches!(call.body, Some(CallBody::Json(_)))
    }
}

/// A body as a test reads it.
fn told(body: &CallBody) -> String {
    match body {
        CallBody::Json(text) | CallBody::Text { text, .. } => text.expose().to_owned(),
        CallBody::Form(fields) => {
            fields.iter().map(|(name, value)| format!("{name}={}", value.expose())).collect::<Vec<_>>().join("&")
        }
        CallBody::File { file, .. } => format!("(the file {})", file.path),
    }
}

#[async_trait]
impl Http for Stage {
    async fn call(&self, call: HttpCall, cancel: CancellationToken) -> HttpEnd {
        let is_it = |trace: &Trace, due: Due, action: &Action| match (action, due.part) {
            (Action::Http { request }, _) => self.is_request(trace, due.host, request, &call),
            (Action::HttpSet { set }, Part::Read) => self.is_request(trace, due.host, &set.read, &call),
            (Action::HttpSet { set }, _) => self.is_write(trace, due.host, set, &call),
            _ => false,
        };
        let body = call.body.as_ref().map(|body| format!(" {}", told(body))).unwrap_or_default();
        let text = format!("{} {}{body}", call.method.as_str(), call.url.expose());
        let hosts = (0_u32..).zip(&self.plan.plan().hosts).map(|(index, _)| index);
        let asked = match self.reply(hosts, &text, is_it) {
            Ok(asked) => asked,
            Err(why) => return HttpEnd::Refused { why },
        };
        let unseen = |why: &str| HttpEnd::Unseen { why: why.to_owned() };
        let end = match &asked.reply.says {
            Says::Answer { status, headers, body } => HttpEnd::Answered {
                status: *status,
                headers: headers.clone(),
                body: Bytes::copy_from_slice(body.as_bytes()),
                cut: false,
            },
            Says::Fine | Says::Never => HttpEnd::answered(200, Bytes::new()),
            Says::Lost | Says::Reboot | Says::NotStarted => unseen("the connection was lost before an answer was seen"),
            Says::Unreachable => HttpEnd::Unreachable { why: "no connection could be had".to_owned() },
            Says::Refused => HttpEnd::Refused { why: "the server's certificate is not trusted".to_owned() },
            Says::Process { .. } => HttpEnd::Refused { why: asked.wrong_kind("status, json and body") },
        };
        let takes = match asked.reply.says {
            Says::Never => call.deadline,
            _ => Duration::from_millis(asked.reply.after_ms),
        };
        tokio::select! {
            biased;
            () = sleep(takes.min(call.deadline)) => {
                if takes < call.deadline { end } else { unseen("no answer within the step's time") }
            }
            () = cancel.cancelled() => unseen("it was given up before an answer was seen"),
        }
    }
}
