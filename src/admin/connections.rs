//! The admin port's connections. Whoever asks may be anybody who reaches the port, long before a token is looked at: their
//! number and their patience are bounded, so that they can neither take the files that clients and databases need, nor keep
//! a health check out.

use std::collections::VecDeque;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use crate::base::limits::{ADMIN_BODY_BYTES_MAX, ADMIN_CONNECTIONS_MAX, ADMIN_HEAD_BYTES_MAX};

/// A request's head must be here by then; also how long a connection may be idle.
const HEAD_MAX: Duration = Duration::from_secs(15);

/// After an accept that failed, for want of files most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What connections are held to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    connections_max: usize,
    head_max: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { connections_max: ADMIN_CONNECTIONS_MAX, head_max: HEAD_MAX }
    }
}

/// Serves until dropped, and every connection ends with it.
pub(super) async fn serve(listener: TcpListener, router: Router, bounds: Bounds) {
    let router = router.layer(DefaultBodyLimit::max(ADMIN_BODY_BYTES_MAX));
    let mut served = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(ended) = served.join_next() => {
                if let Err(error) = ended.or_else(|error| if error.is_cancelled() { Ok(()) } else { Err(error) }) {
                    tracing::error!(%error, "a connection of the admin port died");
                }
                continue;
            }
        };
        match accepted {
            Ok((stream, _)) => {
                by_age.retain(|one| !one.is_finished());
                if by_age.len() >= bounds.connections_max {
                    // The newest may be a health check, or the operator who wants to know what is going on.
                    by_age.pop_front().iter().for_each(AbortHandle::abort);
                }
                by_age.push_back(served.spawn(connection(stream, router.clone(), bounds)));
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot take a connection now");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router, bounds: Bounds) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(bounds.head_max).max_buf_size(ADMIN_HEAD_BYTES_MAX);
    let done = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
    if let Err(error) = done {
        tracing::debug!(%error, "a connection of the admin port has ended");
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    async fn port(connections_max: usize, head_max: Duration) -> (SocketAddr, JoinSet<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router =
            Router::new().route("/healthz", axum::routing::get(async || "ok\n").post(async |text: String| text));
        let mut served = JoinSet::new();
        served.spawn(serve(listener, router, Bounds { connections_max, head_max }));
        (address, served)
    }

    async fn said(stream: &mut TcpStream) -> String {
        let mut text = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut text)).await;
        // Cut off or closed: either is an end.
        drop(read.expect("the connection ends"));
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn who_sends_its_request_drop_by_drop_is_cut_off() {
        let (address, _served) = port(4, Duration::from_millis(50)).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n").await.unwrap();
        assert!(!said(&mut slow).await.contains("200 OK"));
    }

    #[tokio::test]
    async fn however_many_hold_connections_the_newest_is_answered_and_the_oldest_goes() {
        let (address, _served) = port(4, Duration::from_secs(600)).await;
        let mut silent = Vec::new();
        for _ in 0..4 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut health = TcpStream::connect(address).await.unwrap();
        health.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
        assert!(said(&mut health).await.ends_with("ok\n"));
        assert_eq!(said(&mut silent[0]).await, "", "the oldest was sent away");
    }

    #[tokio::test]
    async fn a_body_beyond_the_bound_is_refused_with_its_first_byte_too_many() {
        let (address, _served) = port(4, Duration::from_secs(600)).await;
        let mut large = TcpStream::connect(address).await.unwrap();
        let bytes = ADMIN_BODY_BYTES_MAX + 1;
        let head = format!("POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: {bytes}\r\n\r\n");
        large.write_all(head.as_bytes()).await.unwrap();
        large.write_all(&vec![b'x'; bytes]).await.unwrap();
        let mut told = [0; 12];
        large.read_exact(&mut told).await.unwrap();
        assert_eq!(&told, b"HTTP/1.1 413");
    }

    #[tokio::test]
    async fn connections_end_with_the_port() {
        let (address, mut served) = port(4, Duration::from_secs(600)).await;
        let mut open = TcpStream::connect(address).await.unwrap();
        open.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let mut first = [0; 4];
        open.read_exact(&mut first).await.unwrap();
        served.shutdown().await;
        said(&mut open).await;
    }
}
