//! TLS towards a backend, as its `sslmode` asks.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::TlsConnector;

use super::stream::Stream;
use crate::base::trust::{provider, roots};
use crate::config::{Backend, BackendTls};
use crate::wire::certificate;

/// The connector for a backend; `None` if its `sslmode` is `disable`. Errors: the root certificates cannot be read.
pub fn connector(backend: &Backend) -> io::Result<Option<TlsConnector>> {
    let verifier: Arc<dyn ServerCertVerifier> = match backend.tls {
        BackendTls::Disable => return Ok(None),
        BackendTls::Prefer | BackendTls::Require => Arc::new(Unverified { provider: provider() }),
        BackendTls::VerifyFull => {
            let roots = Arc::new(roots(backend.ca_file.as_deref())?);
            WebPkiServerVerifier::builder_with_provider(roots, provider()).build().map_err(io::Error::other)?
        }
    };
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match &backend.client_cert {
        None => config.with_no_client_auth(),
        Some(files) => {
            let (cert, key) = files.as_ref();
            let unreadable = |path: &Path, e| io::Error::other(format!("cannot read {}: {e}", path.display()));
            let chain = CertificateDer::pem_file_iter(cert).and_then(Iterator::collect);
            let key_read = PrivateKeyDer::from_pem_file(key).map_err(|e| unreadable(key, e))?;
            let chain = chain.map_err(|e| unreadable(cert, e))?;
            config.with_client_auth_cert(chain, key_read).map_err(io::Error::other)?
        }
    };
    Ok(Some(TlsConnector::from(Arc::new(config))))
}

/// What a login over this connection is bound to (`tls-server-end-point`); `None`: nothing, or the server's certificate
/// has no hash function.
pub fn end_point(stream: &Stream) -> Option<Vec<u8>> {
    let Stream::Connected(tls) = stream else { return None };
    certificate::end_point(tls.get_ref().1.peer_certificates()?.first()?)
}

/// The name to verify: the configured host.
pub fn server_name(backend: &Backend) -> io::Result<ServerName<'static>> {
    ServerName::try_from(backend.address.host.clone()).map_err(io::Error::other)
}

/// libpq's `prefer` and `require`: encrypted, not authenticated.
#[derive(Debug)]
struct Unverified {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Unverified {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
