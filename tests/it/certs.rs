//! Certificates for one test run, by the openssl command.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring::default_provider;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

/// A folder with ca, server, app, mallory (each .crt and .key, signed by ca) and self (by itself).
pub fn certs() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(make).as_deref()
}

const SCRIPT: &str = r#"
set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout ca.key -out ca.crt -subj /CN=test-ca
sign() {
  openssl req -newkey rsa:2048 -nodes -keyout $1.key -out $1.csr -subj /CN=$2
  echo "$3" > $1.ext
  openssl x509 -req -in $1.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 30 -sha384 -out $1.crt -extfile $1.ext
}
sign server localhost subjectAltName=DNS:localhost,IP:127.0.0.1
sign app app extendedKeyUsage=clientAuth
sign mallory mallory extendedKeyUsage=clientAuth
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -keyout self.key -out self.crt -subj /CN=app
chmod 600 *.key
"#;

fn make() -> Option<PathBuf> {
    let folder = crate::bed::bed().folder().join("certs");
    std::fs::create_dir_all(&folder).unwrap();
    Command::new("openssl").arg("version").output().ok()?;
    let made = Command::new("bash").args(["-c", SCRIPT]).current_dir(&folder).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Some(folder)
}

/// What `[listen.tls]` says, with more of its keys.
pub fn listen_tls(more: &str) -> String {
    let folder = certs().unwrap().display();
    format!(
        "\n[listen.tls]\nmode = \"prefer\"\ncert = \"{folder}/server.crt\"\nkey = \"{folder}/server.key\"\n{more}\n"
    )
}

/// The server's certificate as channel binding hashes it (it is signed with SHA-384).
pub fn end_point() -> Vec<u8> {
    use sha2::Digest;
    let own = CertificateDer::from_pem_file(certs().unwrap().join("server.crt")).unwrap();
    sha2::Sha384::digest(&own).to_vec()
}

/// A client's side of TLS that takes every certificate, offers these protocols and shows the certificate of this name.
pub fn client(protocols: &[&str], shows: Option<&str>) -> Arc<ClientConfig> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anything));
    let mut config = match shows {
        None => builder.with_no_client_auth(),
        Some(name) => {
            let file = |ending: &str| certs().unwrap().join(format!("{name}.{ending}"));
            let chain = vec![CertificateDer::from_pem_file(file("crt")).unwrap()];
            builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(file("key")).unwrap()).unwrap()
        }
    };
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

#[derive(Debug)]
struct Anything;

impl ServerCertVerifier for Anything {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}
