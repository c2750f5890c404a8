//! Who is believed, and by what a server knows who asks.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use daytwo_engine::ports::{CallIdentity, CallKey, Http as _, HttpCall, HttpEnd};
use daytwo_http::{HttpOptions, HttpTransport};
use daytwo_model::SecretValue;
use daytwo_model::plan::{HttpMethod, PinnedFile};
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{answered, call, end, pinned};

type Certified = rcgen::CertifiedKey<rcgen::KeyPair>;

/// PEM, of which rcgen makes none here.
fn pem(what: &str, der: &[u8]) -> String {
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", STANDARD.encode(der))
}

fn certificate(of: &Certified) -> String {
    pem("CERTIFICATE", of.cert.der())
}

fn private_key(of: &Certified) -> String {
    pem("PRIVATE KEY", &of.signing_key.serialize_der())
}

fn certified(name: &str) -> Certified {
    rcgen::generate_simple_self_signed([name.to_owned()]).unwrap()
}

#[tokio::test]
async fn a_server_proves_who_it_is_or_nothing_is_sent() {
    let key = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let wrong = rcgen::generate_simple_self_signed(["other.example".to_owned()]).unwrap();
    let root = key.cert.der().to_vec();
    let wrong_root = wrong.cert.der().to_vec();
    let (base, got, _life) = serve_tls(key, None).await;
    let (wrong_base, wrong_got, _wrong_life) = serve_tls(wrong, None).await;
    let trusting = |roots: Vec<Vec<u8>>| {
        HttpTransport::new(&HttpOptions { extra_roots_der: roots, ..HttpOptions::default() }).unwrap()
    };
    let none = CancellationToken::new;
    let end = trusting(vec![root.clone()]).call(call(HttpMethod::GET, &base), none()).await;
    assert_eq!(end, answered(200, "ok"));
    assert_eq!(got.load(Ordering::SeqCst), 1);
    let unknown = trusting(vec![wrong_root.clone()]).call(call(HttpMethod::POST, &base), none()).await;
    assert!(matches!(&unknown, HttpEnd::Refused { why } if why.contains("not trusted")), "{unknown:?}");
    let misnamed = trusting(vec![wrong_root]).call(call(HttpMethod::POST, &wrong_base), none()).await;
    assert!(matches!(&misnamed, HttpEnd::Refused { why } if why.contains("not trusted")), "{misnamed:?}");
    assert_eq!((got.load(Ordering::SeqCst), wrong_got.load(Ordering::SeqCst)), (1, 0), "no request arrived");
}

#[tokio::test]
async fn authorities_from_a_file_are_believed_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (key, other) = (certified("127.0.0.1"), certified("127.0.0.1"));
    let right = pinned(folder.path(), "right.pem", certificate(&key).as_bytes());
    let wrong = pinned(folder.path(), "wrong.pem", certificate(&other).as_bytes());
    let root = key.cert.der().to_vec();
    let (base, got, _life) = serve_tls(key, None).await;
    let with = |authorities: &PinnedFile| {
        let mut call = call(HttpMethod::POST, &base);
        call.authorities = Some(authorities.clone());
        call
    };
    assert_eq!(end(with(&right)).await, answered(200, "ok"));
    // The transport itself believes the server, but this call is to believe the file only.
    let options = HttpOptions { extra_roots_der: vec![root], ..HttpOptions::default() };
    let transport = HttpTransport::new(&options).unwrap();
    let distrusted = transport.call(with(&wrong), CancellationToken::new()).await;
    assert!(matches!(&distrusted, HttpEnd::Refused { why } if why.contains("not trusted")), "{distrusted:?}");
    // Another file under the planned name, and one that is no certificate.
    std::fs::write(&right.path, certificate(&other)).unwrap();
    let changed = end(with(&right)).await;
    assert!(matches!(&changed, HttpEnd::Refused { why } if why.contains("was changed since")), "{changed:?}");
    let nonsense = end(with(&pinned(folder.path(), "none.pem", b"hello"))).await;
    assert!(matches!(&nonsense, HttpEnd::Refused { why } if why.contains("no certificate")), "{nonsense:?}");
    assert_eq!(got.load(Ordering::SeqCst), 1, "one request arrived");
}

#[tokio::test]
async fn a_server_that_asks_who_is_there_is_answered_with_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let (server, client, stranger) = (certified("127.0.0.1"), certified("console"), certified("stranger"));
    let authorities = pinned(folder.path(), "ca.pem", certificate(&server).as_bytes());
    let (base, got, _life) = serve_tls(server, Some(&client)).await;
    let with = |who: Option<(&Certified, bool)>| -> HttpCall {
        let mut call = call(HttpMethod::POST, &base);
        call.authorities = Some(authorities.clone());
        call.identity = who.map(|(who, key_in_file)| identity(folder.path(), who, key_in_file));
        call
    };
    assert_eq!(end(with(Some((&client, false)))).await, answered(200, "ok"), "the key is a secret");
    assert_eq!(end(with(Some((&client, true)))).await, answered(200, "ok"), "the key is in a file");
    for who in [None, Some((&stranger, false))] {
        let end = end(with(who)).await;
        assert!(matches!(&end, HttpEnd::Refused { why } if why.contains("the client certificate")), "{end:?}");
    }
    // A key that belongs to another certificate, and something that is no key, which is never shown.
    let mut mixed = with(Some((&client, false)));
    mixed.identity.as_mut().unwrap().key = CallKey::Text(SecretValue::new(private_key(&stranger)));
    let end_of_mixed = end(mixed).await;
    assert!(matches!(&end_of_mixed, HttpEnd::Refused { why } if why.contains("its key")), "{end_of_mixed:?}");
    let mut no_key = with(Some((&client, false)));
    no_key.identity.as_mut().unwrap().key = CallKey::Text(SecretValue::new("hunter2"));
    let end = end(no_key).await;
    assert!(matches!(&end, HttpEnd::Refused { why } if !why.contains("hunter2")), "{end:?}");
    assert_eq!(got.load(Ordering::SeqCst), 2, "two requests arrived");
}

fn identity(folder: &Path, who: &Certified, key_in_file: bool) -> CallIdentity {
    let key = private_key(who);
    let key = if key_in_file {
        CallKey::File(pinned(folder, "key.pem", key.as_bytes()).path)
    } else {
        CallKey::Text(SecretValue::new(key))
    };
    CallIdentity { chain: pinned(folder, "client.pem", certificate(who).as_bytes()), key }
}

/// Answers `ok` over TLS and counts the requests that arrived.
async fn serve_tls(key: Certified, client: Option<&Certified>) -> (String, Arc<AtomicUsize>, JoinSet<()>) {
    let private = PrivatePkcs8KeyDer::from(key.signing_key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match client {
        None => builder.with_no_client_auth(),
        Some(client) => {
            let mut roots = RootCertStore::empty();
            roots.add(client.cert.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(vec![key.cert.der().clone()], private.into()).unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}/", listener.local_addr().unwrap());
    let got = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&got);
    let mut life = JoinSet::new();
    life.spawn(async move {
        loop {
            let (socket, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(socket).await else { continue };
            let mut buffer = [0; 1024];
            if stream.read(&mut buffer).await.is_ok_and(|bytes| bytes > 0) {
                counter.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    (base, got, life)
}
