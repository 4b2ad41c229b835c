//! Layer 6: the operator's port. HTTP: `/healthz` (the process answers), `/readyz` (clients are let in and the journal takes
//! decisions), `/metrics` (Prometheus text), `/api/v1/…` (the operations model as JSON; `openapi.json` describes it), `/openapi.json`,
//! and the dashboard.
//!
//! Never open by accident: who may ask what is decided in `door`, for every request.

mod api;
mod config;
mod connections;
mod door;
mod events;
mod web;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::TcpListener;

use crate::config::Secret;
use crate::ops::House;
use crate::ops::model::HouseState;

/// The description of the interface, as served.
pub const OPENAPI: &str = include_str!("openapi.json");

/// What is served.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Renders the metrics.
    pub metrics: PrometheusHandle,
    /// Answers operators.
    pub house: Arc<House>,
    /// What requests must bring (see `door`).
    pub token: Option<Secret>,
}

/// Serves the pages until dropped.
pub async fn serve(listener: TcpListener, pages: Pages) {
    let address = match listener.local_addr() {
        Ok(address) => address,
        Err(error) => return tracing::error!(%error, "the admin port has no address"),
    };
    // The configuration refuses this, too.
    if !address.ip().is_loopback() && pages.token.is_none() {
        return tracing::error!(%address, "the admin port is open to the network without a token: not served");
    }
    let door = Arc::new(door::Door::new(address.ip().is_loopback(), pages.token.as_ref()));
    let router = router(Arc::new(pages)).layer(axum::middleware::from_fn_with_state(door, door::watch));
    connections::serve(listener, router, connections::Bounds::default()).await;
}

fn router(pages: Arc<Pages>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(async || ([(header::CONTENT_TYPE, "application/json")], OPENAPI)))
        .nest("/api/v1", api::routes())
        .merge(web::routes())
        .fallback(api::nothing_here)
        .with_state(pages)
}

async fn ready(State(pages): State<Arc<Pages>>) -> (StatusCode, &'static str) {
    match pages.house.state() {
        HouseState::Ready => (StatusCode::OK, "ready\n"),
        HouseState::Starting => (StatusCode::SERVICE_UNAVAILABLE, "not ready: starting\n"),
        HouseState::Draining => (StatusCode::SERVICE_UNAVAILABLE, "not ready: draining\n"),
    }
}

async fn metrics(State(pages): State<Arc<Pages>>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], pages.house.metrics(&pages.metrics))
}
