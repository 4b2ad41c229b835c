//! Whose certificates are believed.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

/// The cryptography of all connections.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The certificates of a file, or else those of this system.
///
/// # Errors
/// The file cannot be read, or holds none.
pub fn roots(ca_file: Option<&Path>) -> io::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca_file {
        let about = |e| io::Error::other(format!("cannot read root certificates {}: {e}", path.display()));
        for certificate in CertificateDer::pem_file_iter(path).map_err(about)? {
            roots.add(certificate.map_err(about)?).map_err(io::Error::other)?;
        }
    } else {
        for certificate in rustls_native_certs::load_native_certs().certs {
            roots.add(certificate).map_err(io::Error::other)?;
        }
    }
    Ok(roots)
}
