//! TLS towards clients.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::base::{Fault, FaultKind};
use crate::config::{ClientCert, ListenTls, TlsMode};
use crate::wire::certificate;

/// A client's TLS.
pub type TlsStream = tokio_rustls::server::TlsStream<TcpStream>;

/// The application protocol by which clients of PostgreSQL's wire say that they mean it (its registered ALPN name).
pub const ALPN_POSTGRES: &[u8] = b"postgresql";

/// What accepts TLS, and what a login over it needs to know.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    /// The hash of our certificate that logins are bound to; `None`: its signature has none.
    end_point: Option<Arc<[u8]>>,
    client_cert: ClientCert,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("client_cert", &self.client_cert).finish_non_exhaustive()
    }
}

impl Tls {
    /// As configured; `None` if TLS is off. `alpn`: the protocol that a client must mean if it names any. Errors name the
    /// file that cannot be read.
    pub fn new(listen: &ListenTls, alpn: Option<&[u8]>) -> io::Result<Option<Self>> {
        let (Some(cert), Some(key)) = (&listen.cert, &listen.key) else { return Ok(None) };
        if listen.mode == TlsMode::Off {
            return Ok(None);
        }
        let chain = certificates("listen.tls.cert", cert)?;
        let end_point = chain.first().and_then(|own| certificate::end_point(own)).map(Arc::from);
        let key = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable("listen.tls.key", key, &e))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = client_verifier(listen)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(io::Error::other)?;
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Ok(Some(Self { acceptor, end_point, client_cert: listen.client_cert }))
    }

    /// The handshake.
    pub async fn accept(&self, tcp: TcpStream) -> io::Result<TlsStream> {
        self.acceptor.accept(tcp).await
    }

    /// What SCRAM-SHA-256-PLUS binds a login to.
    pub fn end_point(&self) -> Option<&[u8]> {
        self.end_point.as_deref()
    }

    /// Whether this client may log in as `user` by the certificate that it has shown, if one is demanded. `shown`: its
    /// own certificate, which the handshake has verified.
    pub fn admits(&self, shown: Option<&[u8]>, user: &str) -> Result<(), Fault> {
        let no = |text: String| Err(Fault::new(FaultKind::CertificateRequired, text));
        match (self.client_cert, shown) {
            (ClientCert::Optional, _) | (ClientCert::Require, Some(_)) => Ok(()),
            (ClientCert::Require | ClientCert::VerifyFull, None) => {
                no(String::from("connection requires a valid client certificate"))
            }
            (ClientCert::VerifyFull, Some(shown)) => match certificate::common_name(shown) {
                Some(name) if name == user => Ok(()),
                Some(_) | None => no(format!("certificate authentication failed for user \"{user}\"")),
            },
        }
    }

    /// Whether nobody may log in without TLS, since nobody could show a certificate.
    pub fn is_needed(&self) -> bool {
        self.client_cert != ClientCert::Optional
    }
}

/// The certificate that a client has shown.
pub fn shown(stream: &TlsStream) -> Option<Vec<u8>> {
    stream.get_ref().1.peer_certificates()?.first().map(|own| own.to_vec())
}

fn client_verifier(listen: &ListenTls) -> io::Result<Arc<dyn ClientCertVerifier>> {
    let Some(path) = &listen.client_ca else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let mut roots = RootCertStore::empty();
    for root in certificates("listen.tls.client_ca", path)? {
        roots.add(root).map_err(|e| unreadable("listen.tls.client_ca", path, &e))?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // One that is missing is told after the handshake, in the words of the client's protocol.
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).allow_unauthenticated();
    verifier.build().map_err(|e| unreadable("listen.tls.client_ca", path, &e)).map(|verifier| verifier as _)
}

fn certificates(what: &str, path: &Path) -> io::Result<Vec<CertificateDer<'static>>> {
    CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|e| unreadable(what, path, &e))
}

fn unreadable(what: &str, path: &Path, source: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{what}: cannot read {}: {source}", path.display()))
}
