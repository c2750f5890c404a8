//! Requests, rendered with the values of one host. What is sent from files is pinned by their digests.

use daytwo_model::Text;
use daytwo_model::plan::{
    BODY_FILE_BYTES_MAX, Body, ClientCertificate, ClientKey, HttpRequest, PEM_BYTES_MAX, PinnedFile, Proxy,
};
use daytwo_model::text::Part;

use super::render::{Flawed, Renderer, at, known_now};
use crate::request::{BodyTemplate, ClientTemplate, HttpTemplate, KeyTemplate, ProxyTemplate};
use crate::template::{JsonTemplate, Rendering, Template, UrlTemplate};

impl Renderer<'_> {
    /// A request.
    pub(super) fn request(&self, http: &HttpTemplate, rendering: &Rendering<'_>) -> Result<HttpRequest, Flawed> {
        let mut headers = Vec::with_capacity(http.headers.len());
        for (name, template) in &http.headers {
            let value = at(template, template.render(rendering))?;
            // A line end would begin a header of its own.
            let broken = |part: &Part| matches!(part, Part::Plain(text) if text.contains(['\r', '\n']));
            if value.parts().iter().any(broken) {
                return at(template, Err(format!("the header {name} holds a line end")));
            }
            headers.push((name.clone(), value));
        }
        let authorities = http.tls.authorities.as_ref().map(|path| self.pinned(path, PEM_BYTES_MAX, rendering));
        Ok(HttpRequest {
            url: url(&http.url, rendering)?,
            headers,
            body: http.body.as_ref().map(|body| self.body(body, rendering)).transpose()?,
            via: http.via,
            authorities: authorities.transpose()?,
            client: http.tls.client.as_ref().map(|client| self.client(client, rendering)).transpose()?,
            proxy: match &http.proxy {
                ProxyTemplate::Console => Proxy::Console,
                ProxyTemplate::None => Proxy::None,
                ProxyTemplate::At(address) => Proxy::At(url(address, rendering)?),
            },
            response_bytes_max: http.response_bytes_max,
            method: http.method.clone(),
        })
    }

    fn body(&self, body: &BodyTemplate, rendering: &Rendering<'_>) -> Result<Body, Flawed> {
        Ok(match body {
            BodyTemplate::Json(json) => Body::Json(document(json, rendering)?),
            BodyTemplate::Form(fields) => {
                let fields = fields.iter().map(|(name, value)| Ok((name.clone(), at(value, value.render(rendering))?)));
                Body::Form(fields.collect::<Result<_, Flawed>>()?)
            }
            BodyTemplate::Text { content_type, text } => {
                Body::Text { content_type: content_type.clone(), text: at(text, text.render(rendering))? }
            }
            BodyTemplate::File { content_type, path } => Body::File {
                content_type: content_type.clone(),
                file: self.pinned(path, BODY_FILE_BYTES_MAX, rendering)?,
            },
        })
    }

    fn client(&self, client: &ClientTemplate, rendering: &Rendering<'_>) -> Result<ClientCertificate, Flawed> {
        let key = match &client.key {
            KeyTemplate::Text(key) => {
                let text = at(key, key.render(rendering))?;
                if text.secrets().is_empty() {
                    return at(key, Err("a private key is a secret, and this is none".to_owned()));
                }
                ClientKey::Text(text)
            }
            KeyTemplate::File(path) => ClientKey::File(self.path(path, rendering)?),
        };
        Ok(ClientCertificate { chain: self.pinned(&client.chain, PEM_BYTES_MAX, rendering)?, key })
    }

    fn path(&self, path: &Template, rendering: &Rendering<'_>) -> Result<String, Flawed> {
        at(path, path.render(rendering).and_then(|text| known_now(&text, "a local path")))
    }

    /// A local file with what it holds now.
    fn pinned(&self, path: &Template, bytes_max: u64, rendering: &Rendering<'_>) -> Result<PinnedFile, Flawed> {
        let written = self.path(path, rendering)?;
        let content = at(path, self.file(&written))?;
        if content.bytes > bytes_max {
            let mib = bytes_max / 1024 / 1024;
            return at(
                path,
                Err(format!("{written} is larger than {mib} MiB, which is the most that is sent or read here")),
            );
        }
        Ok(PinnedFile { path: written, content })
    }
}

/// A URL, whose path leads where it says.
pub(super) fn url(template: &UrlTemplate, rendering: &Rendering<'_>) -> Result<Text, Flawed> {
    let line = template.templates().next().map(|template| template.place().line);
    let url = template.render(rendering).map_err(|message| (line, message))?;
    let spaced =
        |part: &Part| matches!(part, Part::Plain(text) if text.contains(|c: char| c.is_whitespace() || c.is_control()));
    if url.parts().iter().any(spaced) {
        return Err((line, "the URL holds a space or a line end".to_owned()));
    }
    if daytwo_model::quote::climbs(&url.preview()) {
        let message = "a part of the URL's path is `.` or `..`, which leads to another place";
        return Err((line, message.to_owned()));
    }
    Ok(url)
}

/// A JSON document.
pub(super) fn document(json: &JsonTemplate, rendering: &Rendering<'_>) -> Result<Text, Flawed> {
    let line = json.templates().first().map(|template| template.place().line);
    json.render(rendering).map_err(|message| (line, message))
}
