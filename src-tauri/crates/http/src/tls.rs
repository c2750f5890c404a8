//! Which servers are believed, and by what they know who asks.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// The certificate authorities in use, or why there are none.
pub(crate) enum Trust {
    Rooted(Arc<dyn ServerCertVerifier>),
    Rootless { why: String },
}

/// A client's certificate with those between it and an authority, and its key.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl Trust {
    /// The system's authorities and the extra ones. Uses its own cryptography provider and leaves
    /// the process-wide one alone, which other crates may want to choose.
    pub(crate) fn load(extra_roots_der: &[Vec<u8>]) -> Result<Self, rustls::Error> {
        match verifier(extra_roots_der, provider()) {
            Ok(verifier) => Ok(Self::Rooted(Arc::new(verifier))),
            Err(error) if extra_roots_der.is_empty() => {
                tracing::warn!(%error, "no certificate authorities; https calls will be refused");
                Ok(Self::Rootless { why: error.to_string() })
            }
            Err(error) => Err(error),
        }
    }

    /// The authorities of a PEM file and no others: who names them does not want the system's believed.
    pub(crate) fn only(pem: &[u8]) -> Result<Self, String> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(pem)? {
            roots.add(certificate).map_err(|error| error.to_string())?;
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        verifier.map(|verifier| Self::Rooted(verifier)).map_err(|error| error.to_string())
    }

    /// What a connection is made with. The error says why there can be none to an https server; without
    /// authorities a call to a plain http server is still possible, and never uses what is made here.
    pub(crate) fn config(&self, https: bool, identity: Option<Identity>) -> Result<ClientConfig, String> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        let builder = match self {
            Self::Rooted(verifier) => builder.dangerous().with_custom_certificate_verifier(Arc::clone(verifier)),
            Self::Rootless { why } if https => {
                return Err(format!("no server can be trusted here, because this machine has no certificates: {why}"));
            }
            Self::Rootless { .. } => builder.with_root_certificates(RootCertStore::empty()),
        };
        match identity {
            None => Ok(builder.with_no_client_auth()),
            Some(Identity { chain, key }) => builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| format!("the client certificate and its key cannot be used: {error}")),
        }
    }
}

/// The certificates of a PEM file; at least one.
pub(crate) fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err("it holds no certificate in PEM form".to_owned()),
        Err(_) => Err("it is not a PEM file".to_owned()),
    }
}

/// The private key of a PEM text. Its error never shows what it holds.
pub(crate) fn private_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem).map_err(|_| "the client's key is no private key in PEM form".to_owned())
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn verifier(extra_roots_der: &[Vec<u8>], provider: Arc<CryptoProvider>) -> Result<Verifier, rustls::Error> {
    let roots = extra_roots_der.iter().map(|der| CertificateDer::from(der.clone()));
    Verifier::new_with_extra_roots(roots, provider)
}
