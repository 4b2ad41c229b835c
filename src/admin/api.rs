//! `/api/v1`: the operations model as JSON. Errors are `application/problem+json`.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::{Pages, events};
use crate::base::{Dialect, Fault, FaultKind};
use crate::ops::explain::{Asked, Explained};
use crate::ops::model::{Backends, Clients, Problem, Resolve, Status, Transaction, Transactions};
use crate::ops::{Filter, protocol_named};

/// Transactions in one answer, unless `limit` says otherwise; and at most.
const LIMIT: usize = 100;
const LIMIT_MAX: usize = 10_000;

/// Changes nothing, so whoever may read may ask it.
pub(super) const EXPLAIN: &str = "/api/v1/explain";

type Shared = State<Arc<Pages>>;

/// A fault as an HTTP answer.
pub(super) struct Refusal(pub(super) Fault);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = status_of(self.0.kind);
        let problem = Problem {
            title: self.0.message,
            status: status.as_u16(),
            detail: self.0.detail,
            hint: self.0.hint.or_else(|| self.0.kind.advice()),
            code: self.0.kind.code().to_owned(),
        };
        let body = serde_json::to_vec(&problem).expect("texts and a number, which JSON can say");
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "most faults are told to clients of databases, never here")]
fn status_of(kind: FaultKind) -> StatusCode {
    match kind {
        FaultKind::WouldHalve => StatusCode::CONFLICT,
        FaultKind::NoSuchTransaction | FaultKind::NotFound | FaultKind::UnknownBackend | FaultKind::UnknownClient => {
            StatusCode::NOT_FOUND
        }
        FaultKind::NotOperator => StatusCode::UNAUTHORIZED,
        FaultKind::BadRequest => StatusCode::BAD_REQUEST,
        FaultKind::NotSupported => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

pub(super) fn routes() -> Router<Arc<Pages>> {
    Router::new()
        .route("/status", get(async |State(pages): Shared| Json(pages.house.status())))
        .route("/transactions", get(transactions))
        .route("/transactions/{name}", get(transaction))
        .route("/transactions/{name}/resolve", post(resolve))
        .route("/backends", get(async |State(pages): Shared| Json(pages.house.backends())))
        .route("/strangers", get(async |State(pages): Shared| Json(pages.house.strangers())))
        .route("/clients", get(async |State(pages): Shared| Json(pages.house.clients())))
        .route("/statements", get(async |State(pages): Shared| Json(pages.house.statements())))
        .route("/tables", get(async |State(pages): Shared| Json(pages.house.tables().await)))
        .route("/journal", get(async |State(pages): Shared| Json(pages.house.journal())))
        .route("/samples", get(async |State(pages): Shared| Json(pages.house.samples())))
        .route("/events", get(events::stream))
        .route("/backends/{name}/pause", post(async |pages: Shared, name: Named| pause(&pages, &name, true)))
        .route("/backends/{name}/resume", post(async |pages: Shared, name: Named| pause(&pages, &name, false)))
        .route("/clients/{protocol}/{id}/kill", post(kill))
        .route("/drain", post(drain))
        .route("/explain", post(explain))
        .merge(super::config::routes())
        .method_not_allowed_fallback(nothing_here)
        .fallback(nothing_here)
}

/// Any other path or method.
pub(super) async fn nothing_here() -> Refusal {
    Refusal(Fault::new(FaultKind::NotFound, "there is nothing here").hint("/openapi.json describes what there is."))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    state: Option<String>,
    limit: Option<usize>,
}

async fn transactions(
    State(pages): Shared,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json<Transactions>, Refusal> {
    let Query(wanted) = wanted.map_err(|error| bad(error.body_text()))?;
    let state = wanted.state.as_deref().unwrap_or("all");
    let filter = Filter::named(state)
        .ok_or_else(|| bad(format!("there is no state \"{state}\": in_doubt, ending, finished, all")))?;
    Ok(Json(pages.house.transactions(filter, wanted.limit.unwrap_or(LIMIT).min(LIMIT_MAX))))
}

async fn transaction(State(pages): Shared, Path(name): Path<String>) -> Result<Json<Transaction>, Refusal> {
    let none = || Refusal(Fault::new(FaultKind::NoSuchTransaction, format!("there is no transaction \"{name}\" here")));
    pages.house.transaction(&name).map(Json).ok_or_else(none)
}

async fn resolve(
    State(pages): Shared,
    Path(name): Path<String>,
    asked: Result<Json<Resolve>, JsonRejection>,
) -> Result<Json<Transaction>, Refusal> {
    let Json(asked) = asked.map_err(|error| bad(error.body_text()))?;
    pages.house.resolve(&name, &asked).await.map(Json).map_err(Refusal)
}

type Named = Path<String>;

fn pause(pages: &Pages, name: &str, paused: bool) -> Result<Json<Backends>, Refusal> {
    pages.house.pause(name, paused).map(Json).map_err(Refusal)
}

async fn kill(State(pages): Shared, Path((protocol, id)): Path<(String, String)>) -> Result<Json<Clients>, Refusal> {
    let id = id.parse().map_err(|_| bad(format!("\"{id}\" is no number of a client")))?;
    pages.house.kill(Some(dialect(&protocol)?), id).await.map(Json).map_err(Refusal)
}

/// By its name: `postgres` or `mysql`.
fn dialect(name: &str) -> Result<Dialect, Refusal> {
    protocol_named(name).ok_or_else(|| bad(format!("there is no protocol \"{name}\": postgres, mysql")))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    sql: String,
    client: Option<String>,
    user: Option<String>,
}

async fn explain(
    State(pages): Shared,
    asked: Result<Json<Question>, JsonRejection>,
) -> Result<Json<Explained>, Refusal> {
    let Json(asked) = asked.map_err(|error| bad(error.body_text()))?;
    let client = asked.client.as_deref().map(dialect).transpose()?;
    let whose = Asked { client, user: asked.user.as_deref() };
    pages.house.explain(whose, &asked.sql).await.map(Json).map_err(Refusal)
}

async fn drain(State(pages): Shared) -> Json<Status> {
    pages.house.drain();
    Json(pages.house.status())
}

fn bad(text: String) -> Refusal {
    Refusal(Fault::new(FaultKind::BadRequest, text))
}
