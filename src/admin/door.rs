//! Who may ask what.
//!
//! | request | on a loopback address | elsewhere |
//! |---|---|---|
//! | probes, the dashboard's files, `/openapi.json` (nothing secret in them) | anybody | anybody |
//! | other reads, and what asks for an explanation | anybody; with a name in `Host` only `localhost` (a page of somebody else's whose name points here is kept out) | the token |
//! | whatever changes something | the token if one is configured; never from another origin's page | the same |

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::api::{EXPLAIN, Refusal};
use crate::base::{Fault, FaultKind};
use crate::config::Secret;

/// The door of the admin port.
#[derive(Debug)]
pub(super) struct Door {
    loopback: bool,
    /// Digests are compared, so that the time it takes says nothing of the token.
    token: Option<[u8; 32]>,
}

fn digest(text: &[u8]) -> [u8; 32] {
    Sha256::digest(text).into()
}

impl Door {
    pub(super) fn new(loopback: bool, token: Option<&Secret>) -> Self {
        Self { loopback, token: token.map(|token| digest(token.expose().as_bytes())) }
    }

    fn brings_token(&self, headers: &HeaderMap) -> bool {
        let brought = headers.get(header::AUTHORIZATION).and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
        match (&self.token, brought) {
            (Some(token), Some(brought)) => digest(brought.trim_ascii()) == *token,
            (_, None) | (None, Some(_)) => false,
        }
    }

    /// Errors: why this request is not served.
    fn check(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Fault> {
        let gets = *method == Method::GET || *method == Method::HEAD;
        if gets && !is_private(path) {
            return Ok(());
        }
        let reads = gets || (*method == Method::POST && path == EXPLAIN);
        let wants_token = if reads { !self.loopback } else { self.token.is_some() || !self.loopback };
        if wants_token && !self.brings_token(headers) {
            return Err(Fault::new(FaultKind::NotOperator, "this needs the operator's token")
                .hint("Send `Authorization: Bearer TOKEN` with the token of admin.token_file."));
        }
        if !wants_token && !host_is_this_machine(headers) {
            return Err(Fault::new(FaultKind::NotOperator, "this port is asked by its address, not by a name")
                .hint("Use http://127.0.0.1, http://[::1] or http://localhost with the port."));
        }
        if !gets && !same_origin(headers) {
            return Err(Fault::new(FaultKind::NotOperator, "a page of another origin may not change anything here"));
        }
        Ok(())
    }
}

fn is_private(path: &str) -> bool {
    path.starts_with("/api/") || path == "/metrics"
}

/// A `Host` of an address or of `localhost`; a name of somebody else's that points here is neither.
fn host_is_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return true };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// No `Origin` (a program), or the one that this very port is.
fn same_origin(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    match headers.get(header::ORIGIN) {
        None => true,
        Some(origin) => origin.to_str().is_ok_and(|origin| {
            origin.split_once("://").is_some_and(|(scheme, named)| matches!(scheme, "http" | "https") && named == host)
        }),
    }
}

/// Lets a request in, or says why not.
pub(super) async fn watch(State(door): State<Arc<Door>>, request: Request, next: Next) -> Response {
    let private = is_private(request.uri().path());
    let mut response = match door.check(request.method(), request.uri().path(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(fault) => Refusal(fault).into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if private {
        // What needs a token must not lie in a cache for who has none.
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "correct-horse-battery";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn door(loopback: bool, token: bool) -> Door {
        Door::new(loopback, token.then(|| Secret::new(TOKEN)).as_ref())
    }

    fn opens(door: &Door, method: &Method, path: &str, pairs: &[(&'static str, &str)]) -> bool {
        door.check(method, path, &headers(pairs)).is_ok()
    }

    #[test]
    fn elsewhere_than_on_loopback_everything_private_needs_the_token() {
        let door = door(false, true);
        let good = [("host", "ops.example:6480"), ("authorization", "Bearer correct-horse-battery")];
        let bad = [("host", "ops.example:6480"), ("authorization", "Bearer correct-horse-batterz")];
        for (method, path) in [
            (Method::GET, "/api/v1/status"),
            (Method::GET, "/metrics"),
            (Method::POST, "/api/v1/drain"),
            (Method::PUT, "/"),
        ] {
            assert!(opens(&door, &method, path, &good), "{method} {path}");
            assert!(!opens(&door, &method, path, &bad), "{method} {path}");
            assert!(!opens(&door, &method, path, &good[..1]), "{method} {path}");
        }
        assert!(opens(&door, &Method::GET, "/healthz", &[]));
        // Should it ever be built without one, it stays shut.
        assert!(!opens(&Door::new(false, None), &Method::GET, "/api/v1/status", &good));
    }

    #[test]
    fn on_loopback_reads_are_open_and_changes_need_the_token_that_is_configured() {
        let local = [("host", "127.0.0.1:6480")];
        let good = [("host", "[::1]:6480"), ("authorization", "Bearer correct-horse-battery")];
        assert!(opens(&door(true, true), &Method::GET, "/api/v1/status", &local));
        assert!(!opens(&door(true, true), &Method::POST, "/api/v1/drain", &local));
        assert!(opens(&door(true, true), &Method::POST, "/api/v1/drain", &good));
        assert!(opens(&door(true, false), &Method::POST, "/api/v1/drain", &local));
        assert!(opens(&door(true, true), &Method::POST, EXPLAIN, &local), "it changes nothing");
        assert!(!opens(&door(false, true), &Method::POST, EXPLAIN, &local));
    }

    #[test]
    fn a_page_of_somebody_else_can_neither_change_nor_read_anything() {
        let door = door(true, false);
        let foreign = [("host", "127.0.0.1:6480"), ("origin", "https://evil.example")];
        assert!(!opens(&door, &Method::POST, "/api/v1/drain", &foreign));
        assert!(!opens(&door, &Method::POST, "/api/v1/drain", &[("host", "localhost:1"), ("origin", "null")]));
        let own = [("host", "localhost:6480"), ("origin", "http://localhost:6480")];
        assert!(opens(&door, &Method::POST, "/api/v1/drain", &own));
        assert!(opens(&door, &Method::POST, EXPLAIN, &own) && !opens(&door, &Method::POST, EXPLAIN, &foreign));
        assert!(!opens(&door, &Method::GET, "/api/v1/status", &[("host", "evil.example:6480")]));
    }
}
