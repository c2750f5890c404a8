//! Requests of a runbook as they were written: templates, not yet values.

use daytwo_model::plan::{HttpMethod, Via};

use crate::template::{JsonTemplate, Template, UrlTemplate};

/// A request.
#[derive(Debug, Clone)]
pub struct HttpTemplate {
    /// The method; `GET` where it is absent.
    pub method: HttpMethod,
    /// From where it goes out.
    pub via: Via,
    pub(crate) url: UrlTemplate,
    pub(crate) headers: Vec<(String, Template)>,
    pub(crate) body: Option<BodyTemplate>,
    pub(crate) tls: TlsTemplate,
    pub(crate) proxy: ProxyTemplate,
    /// The longest answer that is taken, in bytes.
    pub(crate) response_bytes_max: Option<u64>,
}

/// What is sent with a request.
#[derive(Debug, Clone)]
pub(crate) enum BodyTemplate {
    Json(JsonTemplate),
    Form(Vec<(String, Template)>),
    Text {
        content_type: String,
        text: Template,
    },
    /// A local path: literal, or a `file` input.
    File {
        content_type: String,
        path: Template,
    },
}

/// Who is believed, and by what a server knows who asks. Paths are literal, or `file` inputs.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsTemplate {
    pub(crate) authorities: Option<Template>,
    pub(crate) client: Option<ClientTemplate>,
}

/// A client certificate and its key.
#[derive(Debug, Clone)]
pub(crate) struct ClientTemplate {
    pub(crate) chain: Template,
    pub(crate) key: KeyTemplate,
}

/// Where a private key comes from.
#[derive(Debug, Clone)]
pub(crate) enum KeyTemplate {
    File(Template),
    Text(Template),
}

/// Through what a request goes out.
#[derive(Debug, Clone, Default)]
pub(crate) enum ProxyTemplate {
    #[default]
    Console,
    None,
    At(Box<UrlTemplate>),
}

/// Members of a document behind an API, set by comparing first.
#[derive(Debug, Clone)]
pub struct HttpSetTemplate {
    /// How the document is read; what it says of headers, TLS and proxy is true of the write too.
    pub read: HttpTemplate,
    /// How it is written.
    pub write_method: HttpMethod,
    /// Where it is written to, if not to where it is read from.
    pub(crate) write_url: Option<UrlTemplate>,
    pub(crate) form: FormTemplate,
    /// Where in the answer the document stands, as a JSON pointer.
    pub(crate) root: String,
    /// The members by their pointers in the document; none: it is removed.
    pub(crate) members: Vec<(String, Option<JsonTemplate>)>,
}

/// What a write's body says.
#[derive(Debug, Clone)]
pub(crate) enum FormTemplate {
    Document,
    MergePatch,
    Fields(JsonTemplate),
}

impl HttpTemplate {
    /// The local files that it names, with what each is.
    pub(crate) fn files(&self) -> Vec<(&Template, &'static str)> {
        let body = match &self.body {
            Some(BodyTemplate::File { path, .. }) => Some((path, "`file`")),
            _ => None,
        };
        let client = self.tls.client.as_ref();
        let key = client.and_then(|client| match &client.key {
            KeyTemplate::File(path) => Some((path, "`key_file`")),
            KeyTemplate::Text(_) => None,
        });
        let authorities = self.tls.authorities.as_ref().map(|path| (path, "`ca`"));
        body.into_iter().chain(authorities).chain(client.map(|client| (&client.chain, "`cert`"))).chain(key).collect()
    }

    /// Every template of it.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        let mut all: Vec<&Template> = self.url.templates().collect();
        all.extend(self.headers.iter().map(|(_, value)| value));
        match &self.body {
            Some(BodyTemplate::Json(json)) => all.extend(json.templates()),
            Some(BodyTemplate::Form(fields)) => all.extend(fields.iter().map(|(_, value)| value)),
            Some(BodyTemplate::Text { text, .. }) => all.push(text),
            Some(BodyTemplate::File { .. }) | None => {}
        }
        all.extend(self.files().into_iter().map(|(path, _)| path));
        if let Some(ClientTemplate { key: KeyTemplate::Text(key), .. }) = &self.tls.client {
            all.push(key);
        }
        if let ProxyTemplate::At(url) = &self.proxy {
            all.extend(url.templates());
        }
        all
    }

    /// Whether twice is told apart from once: by its method, or by a key that the server compares.
    pub(crate) fn may_be_repeated(&self) -> bool {
        self.method.is_idempotent() || self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("idempotency-key"))
    }
}

impl HttpSetTemplate {
    /// Every template of it, each once.
    pub(crate) fn templates(&self) -> Vec<&Template> {
        let mut all = self.read.templates();
        all.extend(self.write_url.iter().flat_map(UrlTemplate::templates));
        if let FormTemplate::Fields(with) = &self.form {
            all.extend(with.templates());
        }
        all.extend(self.members.iter().filter_map(|(_, value)| value.as_ref()).flat_map(JsonTemplate::templates));
        all
    }

    /// The templates of its URLs.
    pub(crate) fn url_templates(&self) -> impl Iterator<Item = &Template> {
        self.read.url.templates().chain(self.write_url.iter().flat_map(UrlTemplate::templates))
    }
}

impl HttpTemplate {
    /// The request as it was written.
    pub(crate) fn written(&self) -> String {
        let mut text = format!("{} {}", self.method.as_str(), self.url.written());
        text.push_str(&self.manner());
        match &self.body {
            None => {}
            Some(BodyTemplate::Json(json)) => text.push_str(&format!("\n\n{}", json.written())),
            Some(BodyTemplate::Form(fields)) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", value.written())).collect();
                text.push_str(&format!("\n\n{}", fields.join("\n")));
            }
            Some(BodyTemplate::Text { content_type, text: body }) => {
                text.push_str(&format!("\ncontent-type: {content_type}\n\n{}", body.written()));
            }
            Some(BodyTemplate::File { content_type, path }) => {
                text.push_str(&format!("\ncontent-type: {content_type}\n\n(the file {})", path.written()));
            }
        }
        text
    }

    /// Through what it goes, by what it is known, and its headers.
    fn manner(&self) -> String {
        let mut text = String::new();
        if self.via == Via::Host {
            text.push_str("\n(through the host)");
        }
        match &self.proxy {
            ProxyTemplate::Console => {}
            ProxyTemplate::None => text.push_str("\n(through no proxy)"),
            ProxyTemplate::At(url) => text.push_str(&format!("\n(through the proxy {})", url.written())),
        }
        if let Some(authorities) = &self.tls.authorities {
            text.push_str(&format!("\n(believes {} only)", authorities.written()));
        }
        if let Some(client) = &self.tls.client {
            text.push_str(&format!("\n(known by the certificate {})", client.chain.written()));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!("\n{name}: {}", value.written()));
        }
        text
    }
}

impl HttpSetTemplate {
    /// What is set, and where, as it was written.
    pub(crate) fn written(&self) -> String {
        let document = if self.root.is_empty() { String::new() } else { format!("{} of ", self.root) };
        let mut text = format!("sets in {document}{}", self.read.url.written());
        for (pointer, value) in &self.members {
            match value {
                Some(value) => text.push_str(&format!("\n  {pointer}: {}", value.written())),
                None => text.push_str(&format!("\n  {pointer} is removed")),
            }
        }
        let url = self.write_url.as_ref().unwrap_or(&self.read.url).written();
        let what = match &self.form {
            FormTemplate::Document => "the whole document".to_owned(),
            FormTemplate::MergePatch => "a merge patch".to_owned(),
            FormTemplate::Fields(with) => format!("these members, with {}", with.written()),
        };
        text.push_str(&format!("\nby {} {url}: {what}", self.write_method.as_str()));
        text.push_str(&self.read.manner());
        text
    }
}
