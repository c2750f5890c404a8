//! Requests, and members that are set by them, as text.

use daytwo_model::Text;
use daytwo_model::plan::{Body, ClientKey, Direction, HttpRequest, HttpSet, Proxy, SetMember, Via, WriteForm};
use daytwo_model::text::{Late, Part};

/// What stands in the place of what was captured before the change.
const AS_BEFORE: &str = "what it was before";

/// The word for a request.
pub(super) const fn kind(via: Via) -> &'static str {
    match via {
        Via::Console => "http",
        Via::Host => "http via the host",
    }
}

/// A request as it is sent, and what else decides to whom.
pub(super) fn text(request: &HttpRequest) -> String {
    let mut text = format!("{} {}", request.method.as_str(), request.url.preview());
    for (name, value) in &request.headers {
        text.push_str(&format!("\n{name}: {}", value.preview()));
    }
    match &request.body {
        None => {}
        Some(Body::Json(json)) => text.push_str(&format!("\n\n{}", json.preview())),
        Some(Body::Form(fields)) => {
            let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", value.preview())).collect();
            text.push_str(&format!("\n\n{}\n(a form)", fields.join("\n")));
        }
        Some(Body::Text { content_type, text: body }) => {
            text.push_str(&format!("\ncontent-type: {content_type}\n\n{}", body.preview()));
        }
        Some(Body::File { content_type, file }) => {
            let (bytes, digest) = (file.content.bytes, file.content.digest.short());
            text.push_str(&format!(
                "\ncontent-type: {content_type}\n\n(the file {}, {bytes} bytes, {digest})",
                file.path
            ));
        }
    }
    for line in manner(request) {
        text.push_str(&format!("\n({line})"));
    }
    text
}

/// What decides who is asked, who is believed and how much is taken, one line each.
fn manner(request: &HttpRequest) -> Vec<String> {
    let mut lines = Vec::new();
    match &request.proxy {
        Proxy::Console => {}
        Proxy::None => lines.push("through no proxy".to_owned()),
        Proxy::At(address) => lines.push(format!("through the proxy {}", address.preview())),
    }
    if let Some(file) = &request.authorities {
        let digest = file.content.digest.short();
        lines.push(format!("believes only the certificate authorities in {} ({digest})", file.path));
    }
    if let Some(client) = &request.client {
        let key = match &client.key {
            ClientKey::File(path) => format!("the key in {path}"),
            ClientKey::Text(text) => text.preview(),
        };
        let digest = client.chain.content.digest.short();
        lines.push(format!("known by the certificate in {} ({digest}) with {key}", client.chain.path));
    }
    lines.extend(request.response_bytes_max.map(|bytes| format!("takes at most {bytes} bytes of the answer")));
    lines
}

/// What is set and how, as the person who confirms it reads it.
pub(super) fn set_text(set: &HttpSet) -> String {
    let mut text = format!("{} {}", set.read.method.as_str(), set.read.url.preview());
    for (name, value) in &set.read.headers {
        text.push_str(&format!("\n{name}: {}", value.preview()));
    }
    let document = if set.root.is_empty() { "the answer".to_owned() } else { format!("{} of the answer", set.root) };
    text.push_str(&format!("\n\nin {document}, if nobody else changed it:"));
    for member in &set.members {
        text.push_str(&format!("\n  {}", change(member, set.direction)));
    }
    let what = match &set.form {
        WriteForm::Document => "the whole document".to_owned(),
        WriteForm::MergePatch => "a merge patch".to_owned(),
        WriteForm::Fields { with } => format!("these members beside {}", with.preview()),
    };
    text.push_str(&format!("\n\n{} {}\n(sends {what})", set.write.method.as_str(), set.write.url.preview()));
    for line in manner(&set.write) {
        text.push_str(&format!("\n({line})"));
    }
    text
}

/// What is set in one line.
pub(super) fn set_meaning(set: &HttpSet) -> String {
    let members: Vec<_> = set.members.iter().map(|member| change(member, set.direction)).collect();
    members.join(", ")
}

fn change(member: &SetMember, direction: Direction) -> String {
    let to = value(&member.to);
    match (direction, to) {
        (Direction::Forward, Some(to)) => format!("set {} to {to}", member.pointer),
        (Direction::Forward, None) => format!("remove {}", member.pointer),
        (Direction::Back, Some(to)) => {
            let from = value(&member.from).map_or("not there".to_owned(), |from| format!("still {from}"));
            format!("set {} back to {to}, if it is {from}", member.pointer)
        }
        (Direction::Back, None) => format!("remove {} again, if it is still ours", member.pointer),
    }
}

/// A member's value; none where it is to be absent. What is captured first is not known yet.
pub(super) fn value(member: &Text) -> Option<String> {
    if let [Part::Late { value: Late::Capture(_), .. }] = member.parts() {
        return Some(AS_BEFORE.to_owned());
    }
    let text = member.preview();
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(&text);
    (!inner.is_empty()).then(|| inner.to_owned())
}

#[cfg(test)]
mod tests {
    use daytwo_model::plan::{ClientCertificate, HttpMethod, LocalFile, PinnedFile};
    use daytwo_model::quote::Quote;
    use daytwo_model::{CaptureName, Digest, SecretName};

    use super::*;

    #[test]
    fn a_request_is_shown_with_everything_that_decides_what_is_sent_and_to_whom() {
        let file = |path: &str| PinnedFile { path: path.into(), content: LocalFile { digest: Digest::ZERO, bytes: 5 } };
        let key = Part::Late { value: Late::Secret(SecretName::new("api-key").unwrap()), quote: Quote::None };
        let request = HttpRequest {
            headers: vec![("Authorization".into(), Text::new([Part::Plain("Bearer ".into()), key.clone()]))],
            body: Some(Body::File { content_type: "text/csv".into(), file: file("keys.csv") }),
            client: Some(ClientCertificate { chain: file("me.pem"), key: ClientKey::Text(Text::new([key])) }),
            authorities: Some(file("ca.pem")),
            proxy: Proxy::None,
            response_bytes_max: Some(1000),
            ..HttpRequest::new(HttpMethod::PUT, Text::plain("https://api/keys"))
        };
        assert_eq!(
            text(&request),
            "PUT https://api/keys\nAuthorization: Bearer ‹secret api-key›\ncontent-type: text/csv\n\n\
             (the file keys.csv, 5 bytes, 000000000000)\n(through no proxy)\n\
             (believes only the certificate authorities in ca.pem (000000000000))\n\
             (known by the certificate in me.pem (000000000000) with ‹secret api-key›)\n\
             (takes at most 1000 bytes of the answer)"
        );
    }

    #[test]
    fn members_that_are_set_and_set_back_are_said_in_words() {
        let was = Part::Late { value: Late::Capture(CaptureName::new("w").unwrap()), quote: Quote::Json };
        let (was, ours) = (Text::new([was]), Text::plain("[800]"));
        let request = HttpRequest::new(HttpMethod::GET, Text::plain("https://api/key"));
        let set = |from: &Text, to: &Text, direction| HttpSet {
            read: request.clone(),
            root: "/info".into(),
            write: HttpRequest { method: HttpMethod::POST, ..request.clone() },
            form: WriteForm::Fields { with: Text::plain("{\"key\":1}") },
            members: vec![SetMember { pointer: "/limit".into(), from: from.clone(), to: to.clone() }],
            direction,
        };
        let forward = set(&was, &ours, Direction::Forward);
        assert_eq!(
            set_text(&forward),
            "GET https://api/key\n\nin /info of the answer, if nobody else changed it:\n  set /limit to 800\n\n\
             POST https://api/key\n(sends these members beside {\"key\":1})"
        );
        let back = set_meaning(&set(&ours, &was, Direction::Back));
        assert_eq!(back, "set /limit back to what it was before, if it is still 800");
        let removed = set_meaning(&set(&was, &Text::plain("[]"), Direction::Forward));
        assert_eq!(removed, "remove /limit");
        let undone = set_meaning(&set(&ours, &Text::plain("[null]"), Direction::Back));
        assert_eq!(undone, "set /limit back to null, if it is still 800");
    }
}
