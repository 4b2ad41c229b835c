//! Transaction pooling for PostgreSQL clients: many share few connections, and none of them can tell. The pools are made so
//! small that a client never gets its own connection back by luck.

mod keeps;

use std::time::Duration;

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::{Direct, Handfast, SqlError};
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use crate::bed::{SETTLE_MAX, Stand, binary, own_servers, runtime, servers, skip, until};

/// Its session's own things, so that others must wait: told so by then.
const BUSY: &str = "53300";

/// A shop on PostgreSQL with this pool.
async fn stand(pool: &str) -> Stand {
    let (store, delivery) = servers(Engine::Postgres);
    let stand = Stand::over(&store, &delivery).await;
    with_pool(stand, pool)
}

fn with_pool(stand: Stand, pool: &str) -> Stand {
    let mode = if pool.contains("mode") { "" } else { "mode = \"transaction\"\n" };
    let text = stand.shop.config_with(&format!("\n[pool]\n{mode}{pool}\n"));
    let handfast = Handfast::with_config(binary(), &stand.shop, &text).unwrap();
    handfast.start().unwrap();
    Stand { handfast: std::sync::Arc::new(handfast), ..stand }
}

fn story<F: Future<Output = ()>>(name: &str, story: impl FnOnce() -> F) {
    if !handfast::testbed::available(Engine::Postgres) {
        return skip(name);
    }
    runtime().block_on(story());
}

/// A client of tokio-postgres, and the task that is its connection.
async fn native(stand: &Stand, tasks: &mut JoinSet<()>, name: &str) -> Client {
    let url = format!("{}&application_name={name}", stand.handfast.url(Dialect::Postgres));
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tasks.spawn(async move {
        if let Err(error) = connection.await {
            println!("a client's connection ended: {error}");
        }
    });
    client
}

/// Makes the next use of another client's connection a taking over.
async fn intrude(stand: &Stand) {
    let mut intruder = stand.client().await;
    intruder.run("SELECT 1").await.unwrap();
    intruder.close().await;
}

async fn first(client: &mut Direct, sql: &str) -> String {
    client.run(sql).await.unwrap_or_else(|error| panic!("{sql}: {error}")).first().unwrap_or("NULL").to_owned()
}

fn is_busy(result: Result<handfast::testbed::Answer, SqlError>) -> bool {
    result.is_err_and(|error| error.state.as_deref() == Some(BUSY))
}

/// One of a thousand: makes itself known, then looks at every step whether it is still itself.
async fn one_of_many(url: String, me: u64) {
    let (client, connection) = tokio_postgres::connect(&format!("{url}&application_name=c{me}"), NoTls).await.unwrap();
    let mut task = JoinSet::new();
    task.spawn(async move { connection.await.is_ok() });
    let zone = format!("+{:02}:{:02}", me % 12, me % 60);
    client.batch_execute(&format!("SET TIME ZONE '{zone}'; SET search_path TO s{me}, public")).await.unwrap();
    client.batch_execute(&format!("SELECT set_config('my.tenant', '{me}', false)")).await.unwrap();
    client.batch_execute(&format!("PREPARE p AS SELECT {me}::bigint AS me")).await.unwrap();
    let own = client.prepare(&format!("SELECT $1::bigint + {me}")).await.unwrap();
    let expected: String = client.query_one("SELECT current_setting('TimeZone')", &[]).await.unwrap().get(0);
    for round in 0..4_i64 {
        let row = client
            .query_one(
                "SELECT current_setting('application_name'), current_setting('search_path'), \
                 current_setting('my.tenant'), current_setting('TimeZone')",
                &[],
            )
            .await
            .unwrap();
        let seen: Vec<String> = (0..4).map(|at| row.get(at)).collect();
        assert_eq!(seen, [format!("c{me}"), format!("s{me}, public"), me.to_string(), expected.clone()]);
        let sum: i64 = client.query_one(&own, &[&round]).await.unwrap().get(0);
        assert_eq!(sum, round + i64::try_from(me).unwrap());
        let rows = client.simple_query("EXECUTE p").await.unwrap();
        let told = rows.iter().find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(ToOwned::to_owned),
            _ => None,
        });
        assert_eq!(told, Some(me.to_string()));
        if me.is_multiple_of(50) {
            client.batch_execute("BEGIN").await.unwrap();
            for table in ["counters", "tallies"] {
                let id = me / 50 % 8;
                client.batch_execute(&format!("UPDATE {table} SET n = n + 1 WHERE id = {id}")).await.unwrap();
            }
            client.batch_execute("COMMIT").await.unwrap();
        }
    }
}

#[test]
fn a_thousand_clients_share_twenty_connections_and_none_is_taken_for_another() {
    story("a_thousand_clients", || async {
        let stand = stand(
            "size = 20\nqueue = 2000\nacquire_timeout = \"120s\"\n[limits]\nclients = 2000\nlogin_timeout = \"120s\"",
        )
        .await;
        let mut clients = JoinSet::new();
        for me in 1..=1000 {
            clients.spawn(one_of_many(stand.handfast.url(Dialect::Postgres), me));
        }
        let mut watcher = stand.shop.store.direct().await.unwrap();
        let mut most = 0;
        while !clients.is_empty() {
            match tokio::time::timeout(Duration::from_millis(50), clients.join_next()).await {
                Ok(done) => done.unwrap().unwrap(),
                Err(_) => {
                    let ask = "SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^c[0-9]+$'";
                    most = most.max(watcher.number(ask).await.unwrap());
                }
            }
        }
        watcher.close().await;
        assert!((2..=20).contains(&most), "{most} connections at once");
        assert_eq!(stand.store("SELECT SUM(n)::bigint FROM counters").await, 80);
        assert_eq!(stand.delivery("SELECT SUM(n)::bigint FROM tallies").await, 80);
    });
}

#[test]
fn distributed_transactions_under_pressure_stay_whole() {
    story("distributed_transactions_under_pressure", || async {
        let stand = stand("size = 2\nqueue = 200\nacquire_timeout = \"120s\"").await;
        let mut clients = JoinSet::new();
        for me in 0..50_u64 {
            let url = stand.handfast.url(Dialect::Postgres);
            clients.spawn(async move {
                let mut client = Direct::connect(&url).await.unwrap();
                for round in 0..4 {
                    let end = if (me + round) % 3 == 0 { "ROLLBACK" } else { "COMMIT" };
                    let id = me % 8;
                    client.run("BEGIN").await.unwrap();
                    client.run(&format!("UPDATE counters SET n = n + 1 WHERE id = {id}")).await.unwrap();
                    client.run(&format!("UPDATE tallies SET n = n + 1 WHERE id = {id}")).await.unwrap();
                    client.run(end).await.unwrap();
                    // Outside of it, on whichever connection.
                    client.run("SELECT n FROM tallies WHERE id = 0").await.unwrap();
                }
                client.close().await;
            });
        }
        while let Some(done) = clients.join_next().await {
            done.unwrap();
        }
        stand.settled().await;
        let expected = (0..50).flat_map(|me| (0..4).map(move |round| me + round)).filter(|sum| sum % 3 != 0).count();
        let expected = i64::try_from(expected).unwrap();
        assert_eq!(stand.store("SELECT SUM(n)::bigint FROM counters").await, expected);
        assert_eq!(stand.delivery("SELECT SUM(n)::bigint FROM tallies").await, expected);
    });
}

#[test]
fn an_idle_session_holds_no_connection_and_finds_its_state_on_the_next() {
    story("an_idle_session_holds_no_connection", || async {
        let stand = stand("size = 1\nacquire_timeout = \"30s\"").await;
        let (mut one, mut two) = (stand.client().await, stand.client().await);
        for (client, name) in [(&mut one, "one"), (&mut two, "two")] {
            client.run(&format!("SET application_name TO '{name}'")).await.unwrap();
            client.run(&format!("PREPARE who AS SELECT '{name}'")).await.unwrap();
            client.run("SET statement_timeout = 12345").await.unwrap();
        }
        two.run("RESET statement_timeout").await.unwrap();
        one.run("BEGIN; SET LOCAL lock_timeout = 7; SET work_mem = '7MB'; ROLLBACK").await.unwrap();
        for _ in 0..3 {
            for (client, name, timeout) in [(&mut one, "one", "12345ms"), (&mut two, "two", "0")] {
                assert_eq!(first(client, "SHOW application_name").await, name);
                assert_eq!(first(client, "SHOW statement_timeout").await, timeout);
                assert_eq!(first(client, "EXECUTE who").await, name);
                assert_eq!(first(client, "SHOW work_mem").await, "4MB");
            }
        }
        // A session that only reads is asked and reset like any other.
        let mut reader = stand.client().await;
        reader.run("SET default_transaction_read_only = on").await.unwrap();
        reader.run("SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE").await.unwrap();
        intrude(&stand).await;
        assert_eq!(first(&mut reader, "SHOW transaction_isolation").await, "serializable");
        assert_eq!(first(&mut reader, "SHOW transaction_read_only").await, "on");
        assert_eq!(first(&mut one, "SHOW transaction_read_only").await, "off");
        one.run("DEALLOCATE who").await.unwrap();
        intrude(&stand).await;
        let gone = one.run("EXECUTE who").await.unwrap_err();
        assert_eq!(gone.state.as_deref(), Some("26000"));
        two.run("DISCARD ALL").await.unwrap();
        intrude(&stand).await;
        assert_ne!(first(&mut two, "SHOW application_name").await, "two");
        assert_eq!(two.run("EXECUTE who").await.unwrap_err().state.as_deref(), Some("26000"));
    });
}

#[test]
fn a_session_keeps_its_role_on_every_connection() {
    story("a_session_keeps_its_role", || async {
        let stand = stand("size = 1\nacquire_timeout = \"30s\"").await;
        let role = format!("role_{}", std::process::id());
        let mut one = stand.client().await;
        let mut admin = stand.shop.store.direct().await.unwrap();
        admin.run(&format!("CREATE ROLE {role}")).await.unwrap();
        admin.run(&format!("GRANT {role} TO app")).await.unwrap();
        one.run(&format!("SET ROLE {role}")).await.unwrap();
        intrude(&stand).await;
        assert_eq!(first(&mut one, "SELECT current_user").await, role);
        assert_eq!(one.run("SELECT n FROM counters").await.unwrap_err().state.as_deref(), Some("42501"));
        // Not as anybody else, if that role is gone.
        admin.run(&format!("DROP ROLE {role}")).await.unwrap();
        admin.close().await;
        intrude(&stand).await;
        let told = one.run("SELECT n FROM counters").await.unwrap_err();
        assert!(told.message.contains("does not exist"), "{told}");
        assert!(one.run("SELECT 1").await.is_err(), "the session has ended");
    });
}

#[test]
fn a_prepared_statement_survives_every_change_of_connection() {
    story("a_prepared_statement_survives", || async {
        let stand = stand("size = 1\nacquire_timeout = \"30s\"").await;
        let mut tasks = JoinSet::new();
        let client = native(&stand, &mut tasks, "one").await;
        let rows = client.prepare("SELECT id, n FROM counters WHERE id = $1").await.unwrap();
        let write = client.prepare("UPDATE counters SET n = n + $1 WHERE id = $2").await.unwrap();
        for round in 1..=3_i64 {
            intrude(&stand).await;
            assert_eq!(client.execute(&write, &[&1_i64, &3_i64]).await.unwrap(), 1);
            intrude(&stand).await;
            let row = client.query_one(&rows, &[&3_i64]).await.unwrap();
            assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (3, round));
        }
        // SQL knows it by its name, too, whichever connection it is.
        client.execute(&write, &[&1_i64, &3_i64]).await.unwrap();
        let named = "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'UPDATE counters%'";
        let name: String = client.query_one(named, &[]).await.unwrap().get(0);
        intrude(&stand).await;
        client.batch_execute(&format!("EXECUTE {name} (1, 3)")).await.unwrap();
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 3").await, 5);
        drop(write);
        drop(rows);
        let another = client.prepare("SELECT 'another'::text").await.unwrap();
        let text: String = client.query_one(&another, &[]).await.unwrap().get(0);
        assert_eq!(text, "another");
    });
}

/// What a client that prepared `SELECT * FROM planned` sees of DDL in between. `taken`: its connection is another one then.
async fn sees_ddl(stand: &Stand, url: &str, ddl: &str, taken: bool) -> Result<usize, SqlState> {
    let mut admin = stand.shop.store.direct().await.unwrap();
    admin.run("DROP TABLE IF EXISTS planned").await.unwrap();
    admin.run("CREATE TABLE planned (id bigint PRIMARY KEY, n bigint)").await.unwrap();
    admin.run("INSERT INTO planned VALUES (1, 1)").await.unwrap();
    admin.run("GRANT ALL ON planned TO PUBLIC").await.unwrap();
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { connection.await.is_ok() });
    let planned = client.prepare("SELECT * FROM planned WHERE id = $1").await.unwrap();
    assert_eq!(client.query(&planned, &[&1_i64]).await.unwrap().len(), 1);
    admin.run(ddl).await.unwrap();
    admin.close().await;
    if taken {
        intrude(stand).await;
    }
    let seen = client.query(&planned, &[&1_i64]).await;
    // It is as usable as before.
    let again = client.query(&planned, &[&1_i64]).await;
    assert_eq!(seen.is_err(), again.is_err(), "{ddl}");
    let fresh = client.query("SELECT count(*) FROM planned", &[]).await;
    assert!(fresh.is_ok() || ddl.starts_with("DROP"), "{ddl}: {fresh:?}");
    seen.map(|rows| rows.len()).map_err(|error| error.code().unwrap().clone())
}

#[test]
fn ddl_is_seen_by_prepared_statements_as_it_is_directly() {
    story("ddl_is_seen_by_prepared_statements", || async {
        let stand = stand("size = 1\nacquire_timeout = \"30s\"").await;
        let (direct, pooled) = (stand.shop.store.url(), stand.handfast.url(Dialect::Postgres));
        for (ddl, expected) in [
            ("ALTER TABLE planned ADD COLUMN more text", Err(SqlState::FEATURE_NOT_SUPPORTED)),
            ("ALTER TABLE planned ALTER n TYPE text", Err(SqlState::FEATURE_NOT_SUPPORTED)),
            ("ALTER TABLE planned ALTER id TYPE text", Err(SqlState::UNDEFINED_FUNCTION)),
            ("ALTER TABLE planned ADD CHECK (n > 0)", Ok(1)),
            ("CREATE INDEX ON planned (n)", Ok(1)),
            ("DROP TABLE planned", Err(SqlState::UNDEFINED_TABLE)),
        ] {
            assert_eq!(sees_ddl(&stand, &direct, ddl, false).await, expected, "{ddl}: directly");
            assert_eq!(sees_ddl(&stand, &pooled, ddl, false).await, expected, "{ddl}: on the same connection");
            assert_eq!(sees_ddl(&stand, &pooled, ddl, true).await, expected, "{ddl}: on another connection");
        }
    });
}

async fn terminate_all(stand: &Stand) {
    let mut admin = stand.shop.store.direct().await.unwrap();
    admin
        .run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() \
             AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
        )
        .await
        .unwrap();
    let others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    let deadline = clock::now() + SETTLE_MAX;
    while admin.number(others).await.unwrap() > 0 {
        assert!(clock::now() < deadline, "they are still there");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    admin.close().await;
}

#[test]
fn a_parked_connection_that_dies_is_not_noticed_unless_something_is_lost_with_it() {
    story("a_parked_connection_that_dies", || async {
        let stand = stand("size = 2\nacquire_timeout = \"30s\"").await;
        let mut tasks = JoinSet::new();
        let client = native(&stand, &mut tasks, "one").await;
        client.batch_execute("SET my.word TO 'kept'").await.unwrap();
        let word = client.prepare("SELECT current_setting('my.word')").await.unwrap();
        let mut holder = stand.client().await;
        holder.run("SELECT pg_advisory_lock(9)").await.unwrap();
        terminate_all(&stand).await;
        let said: String = client.query_one(&word, &[]).await.unwrap().get(0);
        assert_eq!(said, "kept");
        // Nobody may go on in the belief that it holds a lock.
        let told = holder.run("SELECT 1").await.unwrap_err();
        assert!(told.message.contains("lost"), "{told}");
        assert!(holder.run("SELECT 1").await.is_err(), "the session has ended");
    });
}

#[test]
fn a_cancel_hits_its_own_statement_and_nobody_elses() {
    story("a_cancel_hits_its_own_statement", || async {
        let stand = stand("size = 1\nacquire_timeout = \"60s\"").await;
        let mut tasks = JoinSet::new();
        let (one, mut two) = (native(&stand, &mut tasks, "one").await, stand.client().await);
        let cancel = one.cancel_token();
        let sleeper = async { one.batch_execute("SELECT pg_sleep(60)").await.unwrap_err() };
        let canceller = async {
            let running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' \
                           AND application_name = 'one'";
            until("it runs", SETTLE_MAX, || async { stand.store(running).await == 1 }).await;
            cancel.cancel_query(NoTls).await.unwrap();
        };
        let begun = clock::now();
        let (error, ()) = tokio::join!(sleeper, canceller);
        assert_eq!(error.code(), Some(&SqlState::QUERY_CANCELED));
        assert!(begun.elapsed() < Duration::from_secs(30));
        // Cancels that come late, when the connection is another's.
        let cancels = async {
            for _ in 0..150 {
                let (done, _) = tokio::join!(one.batch_execute("SELECT 1"), cancel.cancel_query(NoTls));
                assert!(done.is_ok() || done.unwrap_err().code() == Some(&SqlState::QUERY_CANCELED));
            }
        };
        let others = async {
            for _ in 0..150 {
                two.run("SELECT count(*) FROM generate_series(1, 3000)").await.unwrap();
            }
        };
        tokio::join!(cancels, others);
    });
}

#[test]
fn a_client_that_vanishes_in_a_statement_lets_go_of_its_locks() {
    story("a_client_that_vanishes", || async {
        let stand = stand("size = 4").await;
        let url = stand.handfast.url(Dialect::Postgres);
        for opening in
            ["BEGIN; UPDATE counters SET n = 1 WHERE id = 0; UPDATE tallies SET n = 1 WHERE id = 0", "SELECT 1"]
        {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
            let mut tasks = JoinSet::new();
            tasks.spawn(async move { connection.await.is_ok() });
            client.batch_execute(opening).await.unwrap();
            let locked = client.batch_execute("SELECT pg_advisory_lock(5), n, pg_sleep(60) FROM counters WHERE id = 0");
            let runs = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' \
                        AND pid <> pg_backend_pid() AND datname = current_database()";
            tokio::select! {
                ended = locked => panic!("{ended:?}"),
                () = until("it runs", SETTLE_MAX, || async { stand.store(runs).await == 1 }) => {}
            }
            tasks.shutdown().await;
            until("nothing of it runs", Duration::from_secs(20), || async { stand.store(runs).await == 0 }).await;
            let mut other = stand.client().await;
            other.run("SET lock_timeout = '10s'").await.unwrap();
            other.run("UPDATE counters SET n = n WHERE id = 0").await.unwrap();
            other.run("UPDATE tallies SET n = n WHERE id = 0").await.unwrap();
            other.run("SELECT pg_advisory_lock(5)").await.unwrap();
            other.close().await;
        }
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 0);
    });
}

#[test]
fn idle_and_old_connections_are_closed_and_their_sessions_do_not_notice() {
    story("idle_and_old_connections", || async {
        let (store, delivery) = own_servers(Engine::Postgres, "limits");
        for limit in ["idle_timeout", "max_lifetime"] {
            let stand = with_pool(Stand::over(&store, &delivery).await, &format!("size = 4\n{limit} = \"1s\""));
            let (mut plain, mut holder) = (stand.client().await, stand.client().await);
            plain.run("SET application_name TO 'plain'").await.unwrap();
            plain.run("PREPARE who AS SELECT 'plain'").await.unwrap();
            holder.run("SET application_name TO 'holder'").await.unwrap();
            holder.run("CREATE TEMP TABLE held AS SELECT 7 AS a").await.unwrap();
            let held = first(&mut holder, "SELECT pg_backend_pid()").await;
            let there = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'plain'";
            until("the parked one is closed", SETTLE_MAX, || async { stand.store(there).await == 0 }).await;
            assert_eq!(first(&mut plain, "SHOW application_name").await, "plain");
            assert_eq!(first(&mut plain, "EXECUTE who").await, "plain");
            assert_eq!(first(&mut holder, "SELECT a FROM held").await, "7", "{limit}");
            assert_eq!(first(&mut holder, "SELECT pg_backend_pid()").await, held, "{limit}");
        }
    });
}

#[test]
fn in_session_mode_a_session_keeps_its_connection() {
    story("in_session_mode", || async {
        let stand = stand("mode = \"session\"\nsize = 1\nacquire_timeout = \"300ms\"").await;
        let url = stand.handfast.url(Dialect::Postgres);
        let late = || async { Direct::connect(&url).await?.run("SELECT 1").await };
        let mut one = stand.client().await;
        let pid = first(&mut one, "SELECT pg_backend_pid()").await;
        assert!(is_busy(late().await));
        assert_eq!(first(&mut one, "SELECT pg_backend_pid()").await, pid);
        one.close().await;
        until("it is given back", SETTLE_MAX, || async { late().await.is_ok() }).await;
    });
}

#[test]
fn connections_to_the_other_dialect_are_shared_too() {
    story("connections_to_the_other_dialect", || async {
        for engine in [Engine::Mariadb, Engine::Mysql] {
            if !handfast::testbed::available(engine) {
                skip(&format!("connections_to_the_other_dialect ({engine:?} is not installed here)"));
                continue;
            }
            let ((store, _), (delivery, _)) = (servers(Engine::Postgres), servers(engine));
            let stand = Stand::told_in(&store, &delivery, Dialect::Postgres).await;
            let stand = with_pool(stand, "size = 1\nqueue = 100\nacquire_timeout = \"60s\"");
            let mut clients = JoinSet::new();
            for _ in 0..10 {
                let url = stand.handfast.url(Dialect::Postgres);
                clients.spawn(async move {
                    let mut client = Direct::connect(&url).await.unwrap();
                    for _ in 0..3 {
                        client.run("BEGIN").await.unwrap();
                        client.run("UPDATE counters SET n = n + 1 WHERE id = 1").await.unwrap();
                        client.run("UPDATE tallies SET n = n + 1 WHERE id = 1").await.unwrap();
                        client.run("COMMIT").await.unwrap();
                        let quotient = client.run("SELECT 'a' || 'b', 7 / 2 FROM tallies WHERE id = 1").await.unwrap();
                        assert_eq!(quotient.rows[0], [Some("ab".to_owned()), Some("3".to_owned())]);
                    }
                    client.close().await;
                });
            }
            while let Some(done) = clients.join_next().await {
                done.unwrap();
            }
            assert_eq!(stand.store("SELECT n FROM counters WHERE id = 1").await, 30);
            assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 1").await, 30);
        }
    });
}
