//! Layer 6: the operator's port. HTTP on a loopback address: `/healthz` (the process answers), `/readyz` (clients are let in
//! and the journal takes decisions), `/metrics` (Prometheus text).

pub mod web;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What the pages show.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Whether clients are let in.
    pub ready: watch::Receiver<bool>,
}

/// Serves the pages until dropped.
pub async fn serve(listener: TcpListener, pages: Pages) {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .merge(web::routes())
        .route("/metrics", get(async |State(pages): State<Arc<Pages>>| pages.metrics.render()))
        .with_state(Arc::new(pages));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the admin port failed");
    }
}

async fn ready(State(pages): State<Arc<Pages>>) -> (StatusCode, &'static str) {
    if *pages.ready.borrow() { (StatusCode::OK, "ready\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready\n") }
}
