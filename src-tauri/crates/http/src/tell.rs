//! What may be told about a call that did not work.

use std::error::Error;

use reqwest::Url;

/// The longest reason.
const WHY_CHARS_MAX: usize = 300;

/// Scheme, host and port: the only parts of a URL that are shown.
pub(crate) fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or("?");
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// The causes of an error, outermost first. The outermost of reqwest itself names the URL and is
/// left out; those below come from hyper, rustls and the system, which do not know it.
pub(crate) fn causes(error: &reqwest::Error) -> String {
    let mut told: Vec<String> = Vec::new();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = match inner.downcast_ref::<reqwest::Error>() {
            Some(_) => None,
            None => Some(inner.to_string()),
        };
        // hyper only says in which of its layers it was; some layers repeat what is below them.
        let says_more = |text: &String| {
            !text.starts_with("client error (") && !told.iter().any(|before| before.contains(text.as_str()))
        };
        if let Some(text) = text.filter(says_more) {
            told.push(text);
        }
        cause = inner.source();
    }
    if told.is_empty() {
        told.push("the HTTP exchange failed".to_owned());
    }
    told.join(": ").chars().filter(|c| !c.is_control()).take(WHY_CHARS_MAX).collect()
}

/// TLS said no: the server is not who it should be. It answered, and nothing was sent.
pub(crate) fn is_distrust(error: &reqwest::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(rustls::Error::InvalidCertificate(_)) = inner.downcast_ref::<rustls::Error>() {
            return true;
        }
        // An io::Error hides what it carries from `source`, and shows that one's source instead.
        cause = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => inner.source(),
        };
    }
    false
}
