//! Which servers are believed.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

/// The certificate authorities in use, or why there are none.
pub(crate) enum Trust {
    Rooted(Box<ClientConfig>),
    Rootless { why: String },
}

impl Trust {
    /// The system's authorities and the extra ones. Uses its own cryptography provider and leaves
    /// the process-wide one alone, which other crates may want to choose.
    pub(crate) fn load(extra_roots_der: &[Vec<u8>]) -> Result<Self, rustls::Error> {
        let provider = Arc::new(ring::default_provider());
        match verifier(extra_roots_der, Arc::clone(&provider)) {
            Ok(verifier) => {
                let config = ClientConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()?
                    .dangerous()
                    .with_custom_certificate_verifier(Arc::new(verifier))
                    .with_no_client_auth();
                Ok(Self::Rooted(Box::new(config)))
            }
            Err(error) if extra_roots_der.is_empty() => {
                tracing::warn!(%error, "no certificate authorities; https calls will be refused");
                Ok(Self::Rootless { why: error.to_string() })
            }
            Err(error) => Err(error),
        }
    }
}

fn verifier(extra_roots_der: &[Vec<u8>], provider: Arc<CryptoProvider>) -> Result<Verifier, rustls::Error> {
    let roots = extra_roots_der.iter().map(|der| CertificateDer::from(der.clone()));
    Verifier::new_with_extra_roots(roots, provider)
}
