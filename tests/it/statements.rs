//! The statistics of statements: what was run is counted once, on both wires, by every way to run it, and no value of a
//! client is ever shown.

use std::time::Duration;

use handfast::base::{Dialect, Engine};
use mysql_async::prelude::Queryable;
use serde_json::Value;

use crate::bed::{SETTLE_MAX, Stand, on, servers, until};
use crate::http;

/// A line by its text and protocol.
fn line(port: u16, protocol: &str, text: &str) -> Option<Value> {
    let all = http::read_json(port, "/api/v1/statements");
    all["statements"].as_array().unwrap().iter().find(|one| one["protocol"] == protocol && one["text"] == text).cloned()
}

/// Waits for it: a client hears the end of its answer before the line is written.
async fn figures(port: u16, protocol: &str, text: &str, route: &str, count: u64, errors: u64) {
    let right = || {
        line(port, protocol, text).is_some_and(|one| {
            one["count"] == count
                && one["errors"] == errors
                && one["route"] == route
                && one["total_ms"].as_f64().unwrap() > 0.0
        })
    };
    let all = || http::read_json(port, "/api/v1/statements").to_string();
    let limit = handfast::base::clock::now() + SETTLE_MAX;
    while !right() {
        assert!(handfast::base::clock::now() < limit, "{protocol} {text} {route} {count} {errors} is not in {}", all());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[test]
fn what_postgres_clients_run_is_counted_once_by_every_way_to_run_it() {
    on(Engine::Postgres, "what_postgres_clients_run_is_counted_once_by_every_way_to_run_it", postgres);
}

async fn postgres(engine: Engine) {
    let stand = Stand::start(engine).await;
    let port = stand.handfast.admin_port();
    let (client, connection) =
        tokio_postgres::connect(&stand.handfast.url(Dialect::Postgres), tokio_postgres::NoTls).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(connection);
    for secret in ["hunter2", "s3cret"] {
        let text = format!("SELECT  reserved FROM stock /* {secret} */ WHERE item = '{secret}'");
        client.simple_query(&text).await.unwrap();
    }
    figures(port, "postgres", "SELECT reserved FROM stock WHERE item = ?", "one", 2, 0).await;
    let prepared = client.prepare("SELECT n FROM counters WHERE id = $1::int4").await.unwrap();
    // Together: a pipeline.
    let (one, two, three) = tokio::join!(
        client.query(&prepared, &[&1_i32]),
        client.query(&prepared, &[&2_i32]),
        client.query(&prepared, &[&3_i32])
    );
    for rows in [one, two, three] {
        assert!(!rows.unwrap().is_empty());
    }
    figures(port, "postgres", "SELECT n FROM counters WHERE id = ?::int4", "one", 3, 0).await;
    client.query("SELECT pg_sleep(0.05)", &[]).await.unwrap();
    figures(port, "postgres", "SELECT pg_sleep(?)", "one", 1, 0).await;
    assert!(line(port, "postgres", "SELECT pg_sleep(?)").unwrap()["total_ms"].as_f64().unwrap() >= 50.0);
    // What has come together waits for its client's own, which is no time of its own.
    let texts = ["SELECT pg_sleep(2) AS long", "SELECT n AS behind FROM counters WHERE id = 1"];
    let (long, behind) = tokio::join!(client.simple_query(texts[0]), client.simple_query(texts[1]));
    long.and(behind).unwrap();
    figures(port, "postgres", "SELECT pg_sleep(?) AS long", "one", 1, 0).await;
    let behind = "SELECT n AS behind FROM counters WHERE id = ?";
    figures(port, "postgres", behind, "one", 1, 0).await;
    assert!(line(port, "postgres", behind).unwrap()["total_ms"].as_f64().unwrap() < 2_000.0);
    client.query("SELECT 1 / (n - n) FROM counters", &[]).await.unwrap_err();
    client.simple_query("SELECT 1 / (n - n) FROM counters").await.unwrap_err();
    figures(port, "postgres", "SELECT ? / (n - n) FROM counters", "one", 2, 2).await;
    client.prepare("SELECT nothing_there FROM stock").await.unwrap_err();
    figures(port, "postgres", "SELECT nothing_there FROM stock", "one", 1, 1).await;
    client.simple_query("SELECT a.order_id FROM stock s, agents a").await.map(drop).unwrap_err();
    figures(port, "postgres", "SELECT a.order_id FROM stock s, agents a", "session", 1, 1).await;
    client.simple_query("SELECT reserved FROM stock WHERE item = 'the'hunter2'").await.map(drop).unwrap_err();
    figures(port, "postgres", "SELECT …", "one", 1, 1).await;
    client.batch_execute("BEGIN").await.unwrap();
    client
        .batch_execute("UPDATE counters SET n = 1 WHERE id = 1; UPDATE tallies SET n = 2 WHERE id = 1")
        .await
        .unwrap();
    client.batch_execute("COMMIT").await.unwrap();
    figures(port, "postgres", "BEGIN", "session", 1, 0).await;
    figures(port, "postgres", "COMMIT", "session", 1, 0).await;
    let both = "UPDATE counters SET n = ? WHERE id = ?; UPDATE tallies SET n = ? WHERE id = ?";
    figures(port, "postgres", both, "many", 1, 0).await;
    let shown = http::read_json(port, "/api/v1/statements").to_string();
    assert!(!shown.contains("hunter2") && !shown.contains("s3cret"), "{shown}");
    metrics(port).await;
    drop(client);
    tasks.join_next().await.unwrap().unwrap().unwrap();
}

async fn metrics(port: u16) {
    let told = http::get(port, "/metrics").body;
    let value = |name: &str| -> f64 {
        let line =
            told.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("no {name} in {told}"));
        line.trim().parse().unwrap()
    };
    assert!(value("process_resident_memory_bytes ") > 1e6 && value("process_cpu_seconds_total ") > 0.0, "{told}");
    assert!(value("process_open_fds ") < value("process_max_fds "), "{told}");
    assert!(
        value("handfast_config_last_reload_success_timestamp_seconds ") >= value("process_start_time_seconds ") - 1.0
    );
    assert!(value("handfast_client_connections_total{protocol=\"postgres\",outcome=\"accepted\"} ") >= 1.0, "{told}");
    let division = "handfast_errors_total{sqlstate_class=\"22\",backend=\"store\"} 2";
    let ours = "handfast_errors_total{sqlstate_class=\"0A\",backend=\"none\"} 1";
    let run = "handfast_statements_total{protocol=\"postgres\",route=\"many\"} 1";
    for wanted in [division, ours, run] {
        until(wanted, SETTLE_MAX, || async { http::get(port, "/metrics").body.lines().any(|line| line == wanted) })
            .await;
    }
}

#[test]
fn what_mysql_clients_run_is_counted_once_by_every_way_to_run_it() {
    on(Engine::Mariadb, "what_mysql_clients_run_is_counted_once_by_every_way_to_run_it", mysql);
}

async fn mysql(engine: Engine) {
    let stand = Stand::start(engine).await;
    let port = stand.handfast.admin_port();
    let mut client = mysql_async::Conn::from_url(stand.handfast.url(Dialect::Mysql)).await.unwrap();
    for secret in ["hunter2", "s3cret"] {
        client.query_drop(format!("SELECT reserved FROM stock # {secret}\nWHERE item = \"{secret}\"")).await.unwrap();
    }
    figures(port, "mysql", "SELECT reserved FROM stock WHERE item = ?", "one", 2, 0).await;
    for id in 1..=3 {
        client.exec_drop("SELECT n FROM counters WHERE id = ?", (id,)).await.unwrap();
    }
    figures(port, "mysql", "SELECT n FROM counters WHERE id = ?", "one", 3, 0).await;
    client.query_drop("SELECT nothing_there FROM stock").await.unwrap_err();
    client.exec_drop("SELECT nothing_there FROM stock", ()).await.unwrap_err();
    figures(port, "mysql", "SELECT nothing_there FROM stock", "one", 2, 2).await;
    client.query_drop("SELECT reserved FROM stock WHERE item = 'the'hunter2'").await.unwrap_err();
    figures(port, "mysql", "SELECT …", "one", 1, 1).await;
    client.query_drop("START TRANSACTION").await.unwrap();
    client.query_drop("UPDATE counters SET n = 1 WHERE id = 1").await.unwrap();
    client.query_drop("UPDATE tallies SET n = 2 WHERE id IN (1, 2)").await.unwrap();
    client.query_drop("COMMIT").await.unwrap();
    figures(port, "mysql", "COMMIT", "session", 1, 0).await;
    figures(port, "mysql", "UPDATE tallies SET n = ? WHERE id IN (?)", "one", 1, 0).await;
    let shown = http::read_json(port, "/api/v1/statements").to_string();
    assert!(!shown.contains("hunter2") && !shown.contains("s3cret"), "{shown}");
    let wanted = "handfast_errors_total{sqlstate_class=\"42\",backend=\"store\"} 3";
    until(wanted, SETTLE_MAX, || async { http::get(port, "/metrics").body.lines().any(|line| line == wanted) }).await;
    client.disconnect().await.unwrap();
}

#[test]
fn a_translated_statement_is_counted_as_such() {
    on(Engine::Mariadb, "a_translated_statement_is_counted_as_such", translated);
}

async fn translated(_: Engine) {
    let (store, delivery) = (servers(Engine::Postgres).0, servers(Engine::Mariadb).1);
    let stand = Stand::told_in(&store, &delivery, Dialect::Postgres).await;
    stand.handfast.start().unwrap();
    let port = stand.handfast.admin_port();
    let mut postgres = stand.client_of(Dialect::Postgres).await;
    postgres.run("SELECT name FROM agents WHERE order_id = 7").await.unwrap();
    figures(port, "postgres", "SELECT name FROM agents WHERE order_id = ?", "translated", 1, 0).await;
}
