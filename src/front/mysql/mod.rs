//! Placeholder; see the room above.

/// stub
pub async fn serve(
    listener: tokio::net::TcpListener,
    services: std::sync::Arc<crate::session::Services>,
    tls: Option<tokio_rustls::TlsAcceptor>,
    shutdown: tokio::sync::watch::Receiver<bool>,
) {
}
