//! TLS towards clients.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::{ListenTls, TlsMode};

/// The acceptor; `None` if TLS is off. Errors name the file that cannot be read.
pub fn acceptor(listen: &ListenTls) -> io::Result<Option<TlsAcceptor>> {
    let (Some(cert), Some(key)) = (&listen.cert, &listen.key) else { return Ok(None) };
    if listen.mode == TlsMode::Off {
        return Ok(None);
    }
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect)
        .map_err(|e| unreadable("listen.tls.cert", cert, &e))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable("listen.tls.key", key, &e))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    Ok(Some(TlsAcceptor::from(Arc::new(config))))
}

fn unreadable(what: &str, path: &Path, source: &dyn std::fmt::Display) -> io::Error {
    io::Error::other(format!("{what}: cannot read {}: {source}", path.display()))
}
