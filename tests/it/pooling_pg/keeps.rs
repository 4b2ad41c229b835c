//! What only one session's connection can have stays with the session until it is given up.

use handfast::base::Dialect;
use tokio::task::JoinSet;
use tokio_postgres::{AsyncMessage, NoTls};

use super::{first, is_busy, stand, story};
use crate::bed::{SETTLE_MAX, until};

/// What is made, what shows that it is there, and what undoes it.
const HELD: [(&str, &str, &str); 5] = [
    ("CREATE TEMP TABLE held AS SELECT 7 AS a", "SELECT a FROM held", "DROP TABLE held"),
    (
        "SELECT pg_advisory_lock(7)",
        "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
        "SELECT pg_advisory_unlock(7)",
    ),
    ("DECLARE held CURSOR WITH HOLD FOR SELECT 7 FROM generate_series(1, 9)", "FETCH FROM held", "CLOSE held"),
    // Nothing of it is in the text that we see.
    (
        "DO 'BEGIN CREATE TABLE pg_temp.hidden (a int); INSERT INTO pg_temp.hidden VALUES (7); END'",
        "SELECT a FROM pg_temp.hidden",
        "DROP TABLE pg_temp.hidden",
    ),
    (
        "DO 'BEGIN PERFORM pg_advisory_lock(7); END'",
        "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
        "SELECT pg_advisory_unlock_all()",
    ),
];

#[test]
fn what_cannot_be_replayed_holds_its_connection_until_it_is_undone() {
    story("what_cannot_be_replayed_holds", || async {
        let stand = stand("size = 1\nacquire_timeout = \"300ms\"").await;
        let (mut one, mut two) = (stand.client().await, stand.client().await);
        for (make, show, undo) in HELD {
            one.run(make).await.unwrap();
            assert!(is_busy(two.run("SELECT 1").await), "{make}");
            assert_eq!(first(&mut one, show).await, "7", "{make}");
            assert!(is_busy(two.run("SELECT 1").await), "{make}");
            one.run(undo).await.unwrap();
            assert_eq!(first(&mut two, "SELECT 2").await, "2", "{undo}");
            assert_eq!(first(&mut one, "SELECT 3").await, "3", "{undo}");
        }
        one.run(HELD[0].0).await.unwrap();
        assert!(is_busy(two.run("SELECT 1").await));
        one.run("DISCARD ALL").await.unwrap();
        two.run("SELECT 1").await.unwrap();
        one.run(HELD[1].0).await.unwrap();
        assert!(is_busy(two.run("SELECT 1").await));
        one.close().await;
        // Nobody needs the connections; still the locks go with their sessions, also those that no text has told of.
        let locks = "SELECT count(*) FROM pg_locks AS l JOIN pg_database AS d ON d.oid = l.database \
                     WHERE l.locktype = 'advisory' AND d.datname = current_database()";
        until("the lock is gone with its session", SETTLE_MAX, || async { stand.store(locks).await == 0 }).await;
        let mut three = stand.client().await;
        three.run(HELD[4].0).await.unwrap();
        assert_eq!(stand.store(locks).await, 1);
        three.close().await;
        until("the hidden lock is gone, too", SETTLE_MAX, || async { stand.store(locks).await == 0 }).await;
    });
}

#[test]
fn what_only_the_server_knows_stays_where_it_is() {
    story("what_only_the_server_knows_stays", || async {
        let stand = stand("size = 1\nacquire_timeout = \"300ms\"").await;
        let (mut one, mut two) = (stand.client().await, stand.client().await);
        for make in
            ["SELECT setseed(0.5)", "SELECT set_config(name, '9MB', false) FROM (VALUES ('work_mem')) AS v (name)"]
        {
            one.run(make).await.unwrap();
            assert!(is_busy(two.run("SELECT 1").await), "{make}");
            one.run("DISCARD ALL").await.unwrap();
            two.run("SELECT 1").await.unwrap();
        }
        one.run("CREATE SEQUENCE pooled").await.unwrap();
        one.run("SELECT nextval('pooled')").await.unwrap();
        assert_eq!(first(&mut one, "SELECT currval('pooled')").await, "1");
        // Once it was asked for, it stays.
        assert!(is_busy(two.run("SELECT 1").await));
        assert_eq!(first(&mut one, "SELECT lastval()").await, "1");
        one.run("DISCARD ALL").await.unwrap();
        one.run("BEGIN").await.unwrap();
        one.run("SELECT nextval('pooled')").await.unwrap();
        assert_eq!(first(&mut one, "SELECT lastval()").await, "2");
        one.run("COMMIT").await.unwrap();
        // In the transaction that made it, it needs no more.
        two.run("SELECT 1").await.unwrap();
    });
}

#[test]
fn who_listens_is_heard_and_keeps_its_connection() {
    story("who_listens_is_heard", || async {
        let stand = stand("size = 1\nacquire_timeout = \"300ms\"").await;
        let url = stand.handfast.url(Dialect::Postgres);
        let mut two = stand.client().await;
        let (listener, mut connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
        let mut tasks = JoinSet::new();
        let (heard, mut told) = tokio::sync::mpsc::unbounded_channel();
        tasks.spawn(async move {
            while let Some(Ok(message)) = std::future::poll_fn(|cx| connection.poll_message(cx)).await {
                if let AsyncMessage::Notification(note) = message {
                    heard.send(note.payload().to_owned()).unwrap();
                }
            }
        });
        listener.batch_execute("LISTEN pooled").await.unwrap();
        assert!(is_busy(two.run("SELECT 1").await));
        let mut direct = stand.shop.store.direct().await.unwrap();
        direct.run("NOTIFY pooled, 'hello'").await.unwrap();
        let said = tokio::time::timeout(SETTLE_MAX, told.recv()).await.unwrap();
        assert_eq!(said.as_deref(), Some("hello"));
        listener.batch_execute("UNLISTEN *").await.unwrap();
        two.run("SELECT 1").await.unwrap();
    });
}
