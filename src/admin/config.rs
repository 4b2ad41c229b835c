//! `/api/v1/config` and `/api/v1/reload`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Pages;

pub(super) fn routes() -> Router<Arc<Pages>> {
    Router::new().route("/config", get(values)).route("/reload", post(reload))
}

/// Every value that holds now, with where it came from; secrets as `***`.
async fn values(State(pages): State<Arc<Pages>>) -> Json<Value> {
    let config = pages.house.config();
    let value = |setting: &crate::config::Setting| json!({ "key": setting.key, "value": setting.value, "origin": setting.origin.to_string() });
    Json(json!({ "values": config.settings.iter().map(value).collect::<Vec<_>>() }))
}

/// Every difference to what ran, or 422 and every fault; then nothing was changed.
async fn reload(State(pages): State<Arc<Pages>>) -> Response {
    match pages.house.reload().await {
        Ok(changes) => {
            let change = |change: &crate::config::change::Change| {
                json!({
                    "key": change.key, "from": change.from, "to": change.to,
                    "applies": change.applies.text(), "text": change.to_string(),
                })
            };
            Json(json!({ "changes": changes.iter().map(change).collect::<Vec<_>>() })).into_response()
        }
        Err(errors) => {
            let codes: Vec<_> = errors.codes().iter().map(|code| code.code()).collect();
            let problem = json!({
                "title": "the configuration was not taken; the one that ran goes on running",
                "status": StatusCode::UNPROCESSABLE_ENTITY.as_u16(),
                "detail": errors.to_string(),
                "hint": "Repair what is told and ask again.",
                "code": codes.first(),
                "errors": errors.faults(),
            });
            let kind = [(header::CONTENT_TYPE, "application/problem+json")];
            (StatusCode::UNPROCESSABLE_ENTITY, kind, problem.to_string()).into_response()
        }
    }
}
