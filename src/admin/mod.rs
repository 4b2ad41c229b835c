//! Layer 6: the operator's port. HTTP on a loopback address: `/healthz` (the process answers), `/readyz` (clients are let in
//! and the journal takes decisions), `/metrics` (Prometheus text).

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::ops::House;
use crate::ops::model::HouseState;

/// What the pages show.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Answers operators.
    pub house: Arc<House>,
}

/// Serves the pages until dropped.
pub async fn serve(listener: TcpListener, pages: Pages) {
    let router = Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/api/v1/status", get(async |State(pages): State<Arc<Pages>>| axum::Json(pages.house.status())))
        .route("/metrics", get(async |State(pages): State<Arc<Pages>>| pages.metrics.render()))
        .with_state(Arc::new(pages));
    if let Err(error) = axum::serve(listener, router).await {
        tracing::error!(%error, "the admin port failed");
    }
}

async fn ready(State(pages): State<Arc<Pages>>) -> (StatusCode, &'static str) {
    if pages.house.state() == HouseState::Ready {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
