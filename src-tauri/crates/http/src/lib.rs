//! HTTP transport; the only crate that knows reqwest.
//!
//! Tells apart what the engine must know: nothing was sent, it was sent and the end was not seen,
//! it was answered. Nothing is tried twice here, no redirect is followed, and nothing of a request but the
//! origin of its URL (scheme, host, port) is ever shown: paths, queries, user names and headers may hold secrets.

mod call;
mod file;
mod request;
mod tell;
mod tls;

use std::time::Duration;

use async_trait::async_trait;
use daytwo_engine::ports::{Http, HttpCall, HttpEnd};
use daytwo_model::SecretValue;
use tokio_util::sync::CancellationToken;

/// A connection is to be there within this, TLS included, even where the call has longer.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(10);
/// How much of an answer's body is taken where the call does not say. API answers have kilobytes; a metrics page
/// a few hundred.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How much of an answer's headers is kept, names and values together.
pub const HEADERS_BYTES_MAX: usize = 64 * 1024;
/// Where the console's own proxy is never asked: this machine cannot be reached through another.
const NEVER_PROXIED: &str = "localhost,127.0.0.0/8,::1";

/// How HTTP calls are made.
#[derive(Debug, Default)]
pub struct HttpOptions {
    /// A proxy for all calls that name none themselves, but those to this machine, as
    /// `http://[user:password@]host:port`. Without it there is none: the environment is not asked here,
    /// so that a call goes where the plan and the console's settings say.
    pub proxy: Option<SecretValue>,
    /// Certificate authorities, in DER, that are trusted beside those of the system.
    pub extra_roots_der: Vec<Vec<u8>>,
}

/// The transport could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// An extra certificate authority is none.
    #[error("use the extra certificate authorities")]
    Roots(#[source] rustls::Error),
    /// The proxy's address is none.
    #[error("use the proxy: its address is not http://host:port")]
    Proxy,
}

/// Makes HTTP calls. Holds no connection: each call has its own, so that a connection which the
/// server closed meanwhile can never leave a call's fate unknown.
pub struct HttpTransport {
    trust: tls::Trust,
    proxy: Option<reqwest::Proxy>,
}

impl std::fmt::Debug for HttpTransport {
    /// Names nothing inside: a proxy's address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HttpTransport")
    }
}

impl HttpTransport {
    /// A transport that trusts the system's certificate authorities. A machine that has none can
    /// still call `http://`; `https://` is refused there with that reason.
    pub fn new(options: &HttpOptions) -> Result<Self, HttpError> {
        let proxy = match &options.proxy {
            None => None,
            Some(address) => Some(request::proxy(address).ok_or(HttpError::Proxy)?),
        };
        let proxy = proxy.map(|proxy| proxy.no_proxy(reqwest::NoProxy::from_string(NEVER_PROXIED)));
        Ok(Self { trust: tls::Trust::load(&options.extra_roots_der).map_err(HttpError::Roots)?, proxy })
    }
}

#[async_trait]
impl Http for HttpTransport {
    async fn call(&self, call: HttpCall, cancel: CancellationToken) -> HttpEnd {
        call::perform(&self.trust, self.proxy.as_ref(), call, cancel).await
    }
}
