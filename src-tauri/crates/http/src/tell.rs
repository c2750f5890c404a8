//! What may be told about a call that did not work.

use std::error::Error;

use reqwest::Url;
use rustls::AlertDescription;

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

/// Why no TLS connection came about although the server answered. Nothing was sent.
pub(crate) enum Verdict {
    /// The server is not who it should be.
    NotTrusted,
    /// The server does not accept who asks.
    ClientRefused,
}

/// What TLS said, if it was TLS that said no.
pub(crate) fn verdict(error: &reqwest::Error) -> Option<Verdict> {
    let mut cause = error.source();
    while let Some(inner) = cause {
        match inner.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(_)) => return Some(Verdict::NotTrusted),
            // With TLS 1.3 a server says so only after the client thinks that it is connected, but
            // before it lets anything of the request through.
            Some(rustls::Error::AlertReceived(alert)) if is_about_the_client(*alert) => {
                return Some(Verdict::ClientRefused);
            }
            _ => {}
        }
        // An io::Error hides what it carries from `source`, and shows that one's source instead.
        cause = match inner.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(carried) => Some(carried),
            None => inner.source(),
        };
    }
    None
}

const fn is_about_the_client(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::CertificateRequired
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
    )
}
