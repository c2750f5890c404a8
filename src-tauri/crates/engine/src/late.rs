//! Puts secrets and captured values into what is about to be sent.

use std::collections::BTreeMap;
use std::time::Duration;

use daytwo_model::plan::{Action, Body, ClientKey, HttpRequest, HttpSet, Proxy, WriteForm};
use daytwo_model::quote::{climbs, plain, url};
use daytwo_model::secret::MASK;
use daytwo_model::text::Missing;
use daytwo_model::{CaptureName, SecretValue, Text};
use serde_json::Value;

use crate::expect::member;
use crate::http::{Form, Member, SetCalls};
use crate::ports::{CallBody, CallIdentity, CallKey, CallProxy, HttpCall, SecretMap, ShellJob};

/// An action, ready to be sent.
pub(crate) enum Ready {
    Shell(ShellJob),
    Http(Box<HttpCall>),
    Set(Box<SetCalls>),
    /// Nothing is sent.
    Wait(Duration),
}

/// The values that were late, for one host.
pub(crate) struct LateValues<'a> {
    pub(crate) secrets: &'a SecretMap,
    pub(crate) captured: &'a BTreeMap<CaptureName, Value>,
}

impl LateValues<'_> {
    pub(crate) fn text(&self, text: &Text) -> Result<SecretValue, String> {
        for name in text.captures() {
            // The real value was not kept, and the mask must never be written to a host.
            if self.captured.get(&name).is_some_and(|value| plain(value).contains(MASK)) {
                return Err(format!("the value captured as {name} held a secret, and was not kept"));
            }
        }
        let filled = text
            .fill(|name| self.secrets.get(name).cloned(), |name| self.captured.get(name).cloned())
            .map_err(|missing: Missing| missing.to_string())?;
        // The inverse of an earlier run may have such a value already in its text.
        if [MASK, &url(MASK)].iter().any(|mask| filled.expose().contains(*mask)) {
            return Err("its text holds a value that was a secret, and was not kept".to_owned());
        }
        Ok(filled)
    }

    /// `deadline` is for HTTP calls; for shell jobs the one who follows them keeps the time.
    pub(crate) fn action(&self, action: &Action, deadline: Duration) -> Result<Ready, String> {
        Ok(match action {
            Action::Run { script, run_as, .. } => Ready::Shell(ShellJob::read(self.text(script)?, run_as.clone())),
            Action::Wait { ms } => Ready::Wait(Duration::from_millis(*ms)),
            Action::Ask { .. } | Action::Fetch { .. } | Action::Put { .. } => {
                return Err("this version does not perform it yet".to_owned());
            }
            Action::Http { request } => Ready::Http(Box::new(self.call(request, deadline)?)),
            Action::HttpSet { set } => Ready::Set(Box::new(self.set(set, deadline)?)),
        })
    }

    fn call(&self, request: &HttpRequest, deadline: Duration) -> Result<HttpCall, String> {
        let url = self.text(&request.url)?;
        if climbs(url.expose()) {
            return Err("a value makes a step up (`.` or `..`) of a part of the URL's path".to_owned());
        }
        let body = request.body.as_ref().map(|body| {
            Ok::<_, String>(match body {
                Body::Json(text) => CallBody::Json(self.text(text)?),
                Body::Form(fields) => CallBody::Form(self.pairs(fields)?),
                Body::Text { content_type, text } => {
                    CallBody::Text { content_type: content_type.clone(), text: self.text(text)? }
                }
                Body::File { content_type, file } => {
                    CallBody::File { content_type: content_type.clone(), file: file.clone() }
                }
            })
        });
        let identity = request.client.as_ref().map(|client| {
            let key = match &client.key {
                ClientKey::File(path) => CallKey::File(path.clone()),
                ClientKey::Text(text) => CallKey::Text(self.text(text)?),
            };
            Ok::<_, String>(CallIdentity { chain: client.chain.clone(), key })
        });
        Ok(HttpCall {
            method: request.method.clone(),
            url,
            headers: self.pairs(&request.headers)?,
            body: body.transpose()?,
            authorities: request.authorities.clone(),
            identity: identity.transpose()?,
            proxy: match &request.proxy {
                Proxy::Console => CallProxy::Console,
                Proxy::None => CallProxy::None,
                Proxy::At(address) => CallProxy::At(self.text(address)?),
            },
            response_bytes_max: request.response_bytes_max,
            deadline,
        })
    }

    fn set(&self, set: &HttpSet, deadline: Duration) -> Result<SetCalls, String> {
        let members = set.members.iter().map(|it| {
            let value = |text: &Text| member(self.text(text)?.expose());
            Ok(Member { pointer: it.pointer.clone(), from: value(&it.from)?, to: value(&it.to)? })
        });
        let form = match &set.form {
            WriteForm::Document => Form::Document,
            WriteForm::MergePatch => Form::MergePatch,
            WriteForm::Fields { with } => {
                let with = serde_json::from_str(self.text(with)?.expose());
                Form::Fields(with.map_err(|_| "what is sent beside the members is not a JSON object".to_owned())?)
            }
        };
        Ok(SetCalls {
            read: self.call(&set.read, deadline)?,
            root: set.root.clone(),
            write: self.call(&set.write, deadline)?,
            form,
            members: members.collect::<Result<_, String>>()?,
            direction: set.direction,
        })
    }

    fn pairs(&self, pairs: &[(String, Text)]) -> Result<Vec<(String, SecretValue)>, String> {
        pairs.iter().map(|(name, value)| Ok((name.clone(), self.text(value)?))).collect()
    }
}
