//! Against a scripted server; the verbs against a real one are in the integration tests.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;
use crate::backend::{ConnectError, VerbError};
use crate::base::{BranchName, ClusterName, Dialect, NodeName, Place, TxnId};
use crate::config::{Address, Backend, BackendTls, Secret};
use crate::wire::pg::frame::put;
use crate::wire::pg::{error, server as wire};

fn config(port: u16) -> Backend {
    Backend {
        name: String::from("store"),
        dialect: Dialect::Postgres,
        address: Address { host: String::from("127.0.0.1"), port },
        user: String::from("shop"),
        password: Secret::new("secret"),
        database: String::from("store"),
        tls: BackendTls::Disable,
        ca_file: None,
        client_cert: None,
        default: true,
        pool_size: None,
        allow_unsafe_durability: false,
    }
}

fn branch() -> BranchName {
    let txn = TxnId { cluster: ClusterName::new("t").unwrap(), node: NodeName::new("n").unwrap(), epoch: 1, seq: 1 };
    BranchName { txn, place: Place(0), session: 7 }
}

fn greeting() -> BytesMut {
    let mut out = BytesMut::new();
    wire::put_auth_ok(&mut out);
    wire::put_parameter(&mut out, b"server_version", b"15.18");
    wire::put_key_data(&mut out, 77, &[1, 2, 3, 4]);
    wire::put_ready(&mut out, Status::Idle);
    out
}

/// Plays a server: sends `first` after the startup packet, then one of `answers` after each thing that it reads.
async fn against(first: BytesMut, answers: Vec<BytesMut>) -> Result<PgConn, ConnectError> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let listener = listener.into_std().unwrap();
        runtime.block_on(async move {
            let (mut socket, _) = TcpListener::from_std(listener).unwrap().accept().await.unwrap();
            let mut buf = [0; 4096];
            assert!(socket.read(&mut buf).await.unwrap() > 0);
            socket.write_all(&first).await.unwrap();
            for answer in answers {
                assert!(socket.read(&mut buf).await.unwrap() > 0);
                socket.write_all(&answer).await.unwrap();
            }
        });
    });
    PgConn::connect(&config(port), BackendId(0), Duration::from_secs(5)).await
}

/// A connection to a server that takes whatever it is sent and says nothing.
pub(crate) async fn to_a_listener() -> PgConn {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let listener = listener.into_std().unwrap();
    std::thread::spawn(move || {
        listener.set_nonblocking(false).unwrap();
        let (mut socket, _) = listener.accept().unwrap();
        assert!(std::io::Read::read(&mut socket, &mut [0; 4096]).unwrap() > 0);
        std::io::Write::write_all(&mut socket, &greeting()).unwrap();
        drop(std::io::copy(&mut socket, &mut std::io::sink()));
    });
    PgConn::connect(&config(port), BackendId(0), Duration::from_secs(5)).await.unwrap()
}

fn answer(tag: &str, status: Status) -> BytesMut {
    let mut out = BytesMut::new();
    wire::put_complete(&mut out, tag);
    wire::put_ready(&mut out, status);
    out
}

#[tokio::test]
async fn a_login_keeps_parameters_and_process_id() {
    let conn = against(greeting(), vec![]).await.unwrap();
    assert!(conn.is_idle());
    assert_eq!(conn.session(), 77);
    assert_eq!(conn.home_info().version, "15.18");
}

#[tokio::test]
async fn prepare_answered_by_rollback_is_no_vote() {
    let mut conn = against(greeting(), vec![answer("ROLLBACK", Status::Idle)]).await.unwrap();
    conn.send_prepare(&branch()).await.unwrap();
    let vote = conn.finish_prepare(&branch()).await;
    assert!(matches!(vote, Err(VerbError::WrongTag { tag, .. }) if tag == "ROLLBACK"));
    assert!(conn.is_idle());
}

#[tokio::test]
async fn a_commit_answered_by_rollback_is_no_commit() {
    let mut conn = against(greeting(), vec![answer("ROLLBACK", Status::Idle)]).await.unwrap();
    conn.send_commit(&branch()).await.unwrap();
    assert!(matches!(conn.finish_commit(&branch()).await, Err(VerbError::WrongTag { .. })));
}

#[tokio::test]
async fn notices_during_a_verb_are_kept_for_the_client() {
    let mut said = BytesMut::new();
    error::put_error(&mut said, error::Severity::Warning, "01000", "mind the gap", None, None);
    let notice = said.clone();
    said.extend_from_slice(&answer("COMMIT", Status::Idle));
    let mut conn = against(greeting(), vec![said]).await.unwrap();
    conn.send_commit(&branch()).await.unwrap();
    conn.finish_commit(&branch()).await.unwrap();
    assert_eq!(conn.take_asides(), notice);
}

#[tokio::test]
async fn a_protocol_surprise_makes_the_connection_lost_for_good() {
    let mut out = BytesMut::new();
    put(&mut out, b'?', |_| {});
    let mut conn = against(greeting(), vec![out]).await.unwrap();
    conn.send_commit(&branch()).await.unwrap();
    assert!(matches!(conn.finish_commit(&branch()).await, Err(VerbError::Lost { .. })));
    assert!(!conn.is_idle());
    assert!(matches!(conn.send_commit(&branch()).await, Err(VerbError::Lost { .. })));
}

#[tokio::test]
async fn a_refused_login_is_told_in_the_servers_words() {
    let mut out = BytesMut::new();
    error::put_error(&mut out, error::Severity::Fatal, "28P01", "wrong password", None, None);
    let refused = against(out, vec![]).await;
    assert!(matches!(refused, Err(ConnectError::Refused { error, .. }) if error.sqlstate == "28P01"));
}

#[tokio::test]
async fn an_answer_that_nobody_asked_for_is_not_taken_as_ready() {
    let mut out = answer("COMMIT", Status::Idle);
    out.extend_from_slice(&answer("COMMIT", Status::Idle));
    let mut conn = against(greeting(), vec![out]).await.unwrap();
    conn.send_commit(&branch()).await.unwrap();
    conn.finish_commit(&branch()).await.unwrap();
    if conn.is_idle() {
        conn.fill().await.unwrap();
    }
    assert!(!conn.is_idle());
}
