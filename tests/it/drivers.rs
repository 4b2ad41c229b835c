//! Rust's own drivers, in this process: sqlx (the other tests' client) with its own transactions, tokio-postgres, mysql_async.

use handfast::base::{Dialect, Engine};
use mysql_async::prelude::Queryable;

use crate::bed::{SETTLE_MAX, Stand, on};

#[test]
fn tokio_postgres_works() {
    on(Engine::Postgres, "tokio_postgres_works", |engine| async move {
        let stand = Stand::start(engine).await;
        let url = stand.handfast.url(Dialect::Postgres);
        let (mut client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { connection.await.is_ok() });
        let transaction = client.transaction().await.unwrap();
        // Pipelined: both are sent before either is answered.
        let (one, two) = tokio::join!(
            transaction.execute("UPDATE counters SET n = n + $1 WHERE id = $2", &[&1_i64, &0_i64]),
            transaction.execute("UPDATE tallies SET n = n + $1 WHERE id = $2", &[&1_i64, &0_i64]),
        );
        assert_eq!((one.unwrap(), two.unwrap()), (1, 1));
        transaction.commit().await.unwrap();
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 1);
        assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, 1);
        let transaction = client.transaction().await.unwrap();
        transaction.execute("UPDATE counters SET n = 5 WHERE id = 0", &[]).await.unwrap();
        drop(transaction);
        let duplicate =
            client.execute("INSERT INTO tallies (id, n) VALUES (0, 0)", &[]).await.expect_err("a duplicate");
        assert_eq!(duplicate.code(), Some(&tokio_postgres::error::SqlState::UNIQUE_VIOLATION));
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 1);
    });
}

#[test]
fn commit_as_a_named_prepared_statement_is_a_commit() {
    on(Engine::Postgres, "commit_as_a_named_prepared_statement", |engine| async move {
        let stand = Stand::start(engine).await;
        let url = stand.handfast.url(Dialect::Postgres);
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { connection.await.is_ok() });
        let begin = client.prepare("BEGIN").await.unwrap();
        let commit = client.prepare("COMMIT").await.unwrap();
        let rollback = client.prepare("ROLLBACK").await.unwrap();
        let counters = client.prepare("UPDATE counters SET n = n + 1 WHERE id = 0").await.unwrap();
        let tallies = client.prepare("UPDATE tallies SET n = n + 1 WHERE id = 0").await.unwrap();
        for end in [&commit, &rollback, &commit] {
            client.execute(&begin, &[]).await.unwrap();
            client.execute(&counters, &[]).await.unwrap();
            client.execute(&tallies, &[]).await.unwrap();
            client.execute(end, &[]).await.unwrap();
        }
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 2);
        assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, 2);
    });
}

#[test]
fn a_statement_can_be_cancelled() {
    on(Engine::Postgres, "a_statement_can_be_cancelled", |engine| async move {
        let stand = std::sync::Arc::new(Stand::start(engine).await);
        let url = stand.handfast.url(Dialect::Postgres);
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(async move { connection.await.is_ok() });
        let (token, watching) = (client.cancel_token(), std::sync::Arc::clone(&stand));
        tasks.spawn(async move {
            // The sleep must run before it can be cancelled; it says so in the server's own view.
            let asleep = || async {
                watching.store("SELECT COUNT(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(3_)%' AND state = 'active' AND pid <> pg_backend_pid()").await > 0
            };
            crate::bed::until("the statement runs", SETTLE_MAX, asleep).await;
            token.cancel_query(tokio_postgres::NoTls).await.is_ok()
        });
        let error = client.batch_execute("SELECT pg_sleep(30)").await.expect_err("it must be cancelled");
        assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::QUERY_CANCELED), "{error:?}");
        client.batch_execute("SELECT 1").await.unwrap();
    });
}

async fn mysql_async_works(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut conn = mysql_async::Conn::from_url(stand.handfast.url(Dialect::Mysql)).await.unwrap();
    let mut transaction = conn.start_transaction(mysql_async::TxOpts::default()).await.unwrap();
    transaction.exec_drop("UPDATE counters SET n = n + ? WHERE id = ?", (1, 0)).await.unwrap();
    transaction.exec_drop("UPDATE tallies SET n = n + ? WHERE id = ?", (1, 0)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 1);
    assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, 1);
    let mut transaction = conn.start_transaction(mysql_async::TxOpts::default()).await.unwrap();
    transaction.query_drop("UPDATE counters SET n = 7 WHERE id = 0").await.unwrap();
    let duplicate = transaction.query_drop("INSERT INTO tallies (id, n) VALUES (0, 0)").await.expect_err("a duplicate");
    let mysql_async::Error::Server(duplicate) = duplicate else { panic!("{duplicate}") };
    assert_eq!((duplicate.code, duplicate.state.as_str()), (1062, "23000"));
    transaction.rollback().await.unwrap();
    assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 1);
    let rows: Vec<(i64, i64)> = conn.exec("SELECT id, n FROM tallies WHERE n = ? ORDER BY id", (1,)).await.unwrap();
    assert_eq!(rows, [(0, 1)]);
    conn.reset().await.unwrap();
    conn.query_drop("SELECT 1").await.unwrap();
    conn.disconnect().await.unwrap();
}

#[test]
fn mysql_async_works_on_mariadb() {
    on(Engine::Mariadb, "mysql_async_works_on_mariadb", mysql_async_works);
}

#[test]
fn mysql_async_works_on_mysql() {
    on(Engine::Mysql, "mysql_async_works_on_mysql", mysql_async_works);
}
