//! A PostgreSQL client with its store on PostgreSQL and its delivery on MariaDB or MySQL: to it, all of it is PostgreSQL,
//! and one transaction.

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Answer, Direct, SqlError};

use crate::bed::{Stand, on, servers};
use crate::raw_pg::{Raw, column, states};

/// A test for MariaDB and for MySQL from one story.
macro_rules! on_both {
    ($($name:ident;)*) => {
        on_both!(@engine mariadb, Mariadb, $($name)*);
        on_both!(@engine mysql, Mysql, $($name)*);
    };
    (@engine $module:ident, $engine:ident, $($name:ident)*) => {
        mod $module {
            use handfast::base::Engine;
            $(
                #[test]
                fn $name() {
                    let name = concat!(module_path!(), "::", stringify!($name));
                    super::on(Engine::$engine, name, super::$name);
                }
            )*
        }
    };
}

on_both! {
    an_order_over_both_is_there_on_both_or_on_none;
    an_error_on_either_side_fails_the_whole_transaction;
    savepoints_hold_on_both_sides;
    several_statements_in_one_text_are_one_transaction;
    a_deadlock_victim_is_rolled_back_on_both_sides;
    a_lost_backend_rolls_back_both_and_the_session_lives;
    prepared_statements_get_binary_values;
    a_cursor_gives_its_rows_in_parts;
    ddl_takes_effect_at_once_and_says_so;
    repeatable_read_does_not_lose_an_update;
    a_read_only_transaction_writes_nowhere;
    settings_that_cannot_be_honoured_are_refused_by_name;
    a_client_that_wants_no_conversion_gets_utf8;
    a_statement_over_both_is_refused_and_nothing_is_done;
    begin_inside_a_transaction_changes_nothing;
    what_is_not_committed_goes_with_the_connection;
    a_failed_statement_behind_a_savepoint_costs_only_what_followed_it;
    one_connection_has_many_transactions_one_after_another;
    a_batch_over_both_is_there_whole_or_not_at_all;
    a_truncate_is_rolled_back_like_any_write;
    rows_keep_zeros_and_rounded_fractions;
    a_zone_that_only_the_server_was_told_counts_at_once;
}

async fn stand(engine: Engine) -> Stand {
    let (store, _) = servers(Engine::Postgres);
    let (delivery, _) = servers(engine);
    let stand = Stand::told_in(&store, &delivery, Dialect::Postgres).await;
    stand.handfast.start().unwrap();
    stand
}

async fn client(stand: &Stand) -> Direct {
    stand.client_of(Dialect::Postgres).await
}

#[track_caller]
fn refused(result: Result<Answer, SqlError>, sqlstate: &str) -> SqlError {
    let error = result.expect_err("it must be refused");
    assert_eq!(error.state.as_deref(), Some(sqlstate), "{error}");
    error
}

/// What Ann carries, past Handfast; 0: nothing.
async fn ann(stand: &Stand) -> i64 {
    stand.delivery("SELECT COALESCE(MAX(order_id), 0) FROM agents WHERE name = 'Ann'").await
}

async fn lamps(stand: &Stand) -> i64 {
    stand.store("SELECT reserved FROM stock WHERE item = 'lamp'").await
}

const LAMP: &str = "UPDATE stock SET reserved = reserved + 1 WHERE item = 'lamp'";

async fn an_order_over_both_is_there_on_both_or_on_none(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    for (id, end, there) in [(1, "ROLLBACK", 0), (2, "COMMIT", 1)] {
        client.run("BEGIN").await.unwrap();
        let order = format!("INSERT INTO orders VALUES ({id}, 'lamp', 'Ann', CURRENT_TIMESTAMP)");
        client.run(&order).await.unwrap();
        let assigned = client.run(&format!("INSERT INTO assignments (order_id, agent) VALUES ({id}, 'Ann')")).await;
        assert_eq!(assigned.unwrap().affected, 1);
        let changed = client.run(&format!("UPDATE agents SET order_id = {id} WHERE name IN ('Ann', 'Ben')")).await;
        assert_eq!(changed.unwrap().affected, 2);
        assert_eq!(client.number("SELECT COUNT(*) FROM assignments").await, Ok(1), "it sees its own");
        client.run(end).await.unwrap();
        assert_eq!(stand.sides(id).await, (there, there), "{end}");
    }
    assert_eq!(ann(&stand).await, 2);
    let again = client.run("UPDATE agents SET order_id = 2 WHERE name = 'Ann'").await.unwrap();
    assert_eq!(again.affected, 1, "PostgreSQL counts rows that match, also those that stay as they are");
    stand.settled().await;
}

async fn an_error_on_either_side_fails_the_whole_transaction(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    for failing in ["INSERT INTO agents (name) VALUES ('Ann')", "INSERT INTO stock VALUES ('lamp', 0)"] {
        client.run("BEGIN").await.unwrap();
        client.run(LAMP).await.unwrap();
        client.run("UPDATE agents SET order_id = 7 WHERE name = 'Ann'").await.unwrap();
        refused(client.run(failing).await, "23505");
        for next in ["SELECT name FROM agents", "SELECT item FROM stock", "SELECT 1"] {
            refused(client.run(next).await, "25P02");
        }
        client.run("COMMIT").await.unwrap();
        assert_eq!((lamps(&stand).await, ann(&stand).await), (0, 0), "after {failing}");
    }
    client.run("SELECT name FROM agents").await.unwrap();
}

async fn savepoints_hold_on_both_sides(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run_all(&["BEGIN", LAMP, "SAVEPOINT a", "UPDATE agents SET order_id = 1 WHERE name = 'Ann'"]).await.unwrap();
    // Of one name: a stack.
    client.run_all(&["SAVEPOINT a", "UPDATE agents SET order_id = 2 WHERE name = 'Ann'", LAMP]).await.unwrap();
    refused(client.run("INSERT INTO agents (name) VALUES ('Ben')").await, "23505");
    client.run("ROLLBACK TO a").await.unwrap();
    assert_eq!(client.number("SELECT order_id FROM agents WHERE name = 'Ann'").await, Ok(1));
    assert_eq!(client.number("SELECT reserved FROM stock WHERE item = 'lamp'").await, Ok(1));
    client.run_all(&["RELEASE a", "ROLLBACK TO a"]).await.unwrap();
    // Delivery joined after the first one: all that it did is undone.
    assert_eq!(client.run("SELECT order_id FROM agents WHERE name = 'Ann'").await.unwrap().first(), None);
    client.run_all(&["UPDATE agents SET order_id = 3 WHERE name = 'Ann'", "COMMIT"]).await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 3));
    stand.settled().await;
}

async fn several_statements_in_one_text_are_one_transaction(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    let both = format!("{LAMP}; UPDATE agents SET order_id = 5 WHERE name = 'Ann'");
    client.run(&both).await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 5));
    let failing = format!("{LAMP}; UPDATE agents SET order_id = 6; INSERT INTO agents (name) VALUES ('Ann')");
    refused(client.run(&failing).await, "23505");
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 5));
    stand.settled().await;
}

async fn a_deadlock_victim_is_rolled_back_on_both_sides(engine: Engine) {
    let stand = stand(engine).await;
    let (mut one, mut two) = (client(&stand).await, client(&stand).await);
    let take = |name: &str| format!("UPDATE tallies SET n = n + 1 WHERE id = {name}");
    one.run_all(&["BEGIN", LAMP, "SAVEPOINT a", &take("1")]).await.unwrap();
    let chair = "UPDATE stock SET reserved = reserved + 1 WHERE item = 'chair'";
    two.run_all(&["BEGIN", chair, "SAVEPOINT a", &take("2")]).await.unwrap();
    let (first, second) = (take("2"), take("1"));
    let (a, b) = tokio::join!(one.run(&first), two.run(&second));
    let (victim, other) = if a.is_err() { (&mut one, &mut two) } else { (&mut two, &mut one) };
    refused(if a.is_err() { a } else { b }, "40P01");
    refused(victim.run("SELECT 1").await, "25P02");
    refused(victim.run("ROLLBACK TO a").await, "3B001");
    victim.run("ROLLBACK").await.unwrap();
    other.run("COMMIT").await.unwrap();
    let reserved = stand.store("SELECT CAST(SUM(reserved) AS bigint) FROM stock").await;
    assert_eq!(reserved, 1, "what the victim did in the store is undone, too");
    victim.run(&take("3")).await.unwrap();
    stand.settled().await;
}

async fn a_lost_backend_rolls_back_both_and_the_session_lives(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run_all(&["BEGIN", LAMP, "UPDATE agents SET order_id = 9 WHERE name = 'Ann'"]).await.unwrap();
    // The one that is in the transaction: Handfast has others there.
    let branch = "SELECT p.id FROM information_schema.processlist p JOIN information_schema.innodb_trx t \
                  ON t.trx_mysql_thread_id = p.id WHERE p.user = 'app' AND p.db = DATABASE()";
    let thread = stand.delivery(branch).await;
    stand.on_delivery(&format!("KILL {thread}")).await;
    // The server may close after it has answered once more; a COMMIT tells in any case.
    let lost = client.run("SELECT name FROM agents").await.is_err();
    let committed = client.run("COMMIT").await;
    assert!(lost || committed.is_err(), "{committed:?}");
    assert_eq!((lamps(&stand).await, ann(&stand).await), (0, 0));
    assert_eq!(client.number("SELECT COUNT(*) FROM agents WHERE name = 'Ann'").await, Ok(1));
    stand.settled().await;
}

async fn prepared_statements_get_binary_values(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    for id in 1..=3 {
        client.run("BEGIN").await.unwrap();
        client.run_prepared("UPDATE counters SET n = n + $1 WHERE id = 1", &[id]).await.unwrap();
        let changed = client.run_prepared("UPDATE tallies SET n = n + $1 WHERE id = $2", &[id, 1]).await;
        assert_eq!(changed, Ok(1));
        client.run("COMMIT").await.unwrap();
    }
    assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 1").await, 6);
    let Direct::Postgres(connection) = &mut client else { unreachable!("it speaks PostgreSQL") };
    let row: (i64, i64, Option<String>) =
        sqlx::query_as("SELECT id, n, CASE WHEN n > $2 THEN 'many' END FROM tallies WHERE id = $1")
            .bind(1_i64)
            .bind(100_i64)
            .fetch_one(&mut *connection)
            .await
            .unwrap();
    assert_eq!(row, (1, 6, None));
    let names: Vec<(String,)> = sqlx::query_as("SELECT name FROM agents WHERE name LIKE $1 ORDER BY name DESC LIMIT 2")
        .bind("a_")
        .fetch_all(connection)
        .await
        .unwrap();
    assert_eq!(names, [("a9".to_owned(),), ("a8".to_owned(),)]);
}

async fn a_cursor_gives_its_rows_in_parts(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    refused(client.run("DECLARE c CURSOR FOR SELECT id FROM tallies").await, "25P01");
    client.run_all(&["BEGIN", "DECLARE c CURSOR FOR SELECT id FROM tallies ORDER BY id"]).await.unwrap();
    let parts = [("FETCH 3 FROM c", 3), ("MOVE 1 IN c", 0), ("FETCH ALL FROM c", 4), ("FETCH c", 0)];
    for (fetch, rows) in parts {
        assert_eq!(client.run(fetch).await.unwrap().rows.len(), rows, "{fetch}");
    }
    client.run_all(&["CLOSE c", "DECLARE c CURSOR FOR SELECT id FROM tallies", "COMMIT"]).await.unwrap();
    refused(client.run("FETCH c").await, "34000");
    client.run("DECLARE kept CURSOR WITH HOLD FOR SELECT id FROM tallies ORDER BY id DESC").await.unwrap();
    assert_eq!(client.number("FETCH FORWARD 2 FROM kept").await, Ok(7));
}

async fn ddl_takes_effect_at_once_and_says_so(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run_all(&["BEGIN", LAMP, "DROP TABLE assignments", "ROLLBACK"]).await.unwrap();
    refused(client.run("SELECT COUNT(*) FROM assignments").await, "42P01");
    assert_eq!(lamps(&stand).await, 0);
    client.run("BEGIN").await.unwrap();
    client.run("UPDATE agents SET order_id = 1").await.unwrap();
    let error = refused(client.run("CREATE TABLE assignments (order_id bigint PRIMARY KEY)").await, "25001");
    assert!(error.hint.is_some(), "{error}");
    client.run("ROLLBACK").await.unwrap();
    let create = "CREATE TABLE assignments (order_id bigint PRIMARY KEY, agent varchar(40) NOT NULL)";
    client.run(create).await.unwrap();
    assert_eq!(client.number("SELECT COUNT(*) FROM assignments").await, Ok(0), "the schema is known at once");
}

async fn repeatable_read_does_not_lose_an_update(engine: Engine) {
    let stand = stand(engine).await;
    let mut one = client(&stand).await;
    one.run_all(&["BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT n FROM tallies WHERE id = 1"]).await.unwrap();
    // Past Handfast, as another application would; where reads lock, it has to wait and gives up.
    let mut other = stand.shop.delivery.direct().await.unwrap();
    other.run("SET innodb_lock_wait_timeout = 1").await.unwrap();
    let changed = other.run("UPDATE tallies SET n = n + 10 WHERE id = 1").await.is_ok();
    let seen = one.number("SELECT n FROM tallies WHERE id = 1").await;
    assert_eq!(seen, Ok(0), "a snapshot, or a lock");
    let updated = one.run("UPDATE tallies SET n = 1 WHERE id = 1").await;
    if changed {
        refused(updated, "40001");
    } else {
        updated.unwrap();
    }
    one.run("ROLLBACK").await.unwrap();
    other.close().await;
}

async fn a_read_only_transaction_writes_nowhere(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    for write in ["UPDATE agents SET order_id = 1", LAMP] {
        client.run("BEGIN READ ONLY").await.unwrap();
        client.run("SELECT name FROM agents").await.unwrap();
        refused(client.run(write).await, "25006");
        client.run("ROLLBACK").await.unwrap();
    }
    client.run("SET default_transaction_read_only = on").await.unwrap();
    refused(client.run("UPDATE agents SET order_id = 1").await, "25006");
    client.run("RESET default_transaction_read_only").await.unwrap();
    client.run("UPDATE agents SET order_id = 1").await.unwrap();
}

async fn settings_that_cannot_be_honoured_are_refused_by_name(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    for (set, reset, name) in [
        ("SET client_encoding = 'LATIN1'", "SET client_encoding = 'UTF8'", "client_encoding"),
        ("SET datestyle = 'German'", "RESET datestyle", "DateStyle"),
        ("SET intervalstyle = 'iso_8601'", "RESET intervalstyle", "IntervalStyle"),
    ] {
        client.run(set).await.unwrap();
        let error = refused(client.run("SELECT name FROM agents").await, "0A000");
        assert!(error.message.contains(name), "{error}");
        client.run(reset).await.unwrap();
        client.run("SELECT name FROM agents").await.unwrap();
    }
}

async fn a_client_that_wants_no_conversion_gets_utf8(engine: Engine) {
    let stand = stand(engine).await;
    let mut raw = Raw::connect(stand.handfast.port(Dialect::Postgres), "shop").unwrap();
    // As in a database that was made without a locale.
    assert!(states(&raw.query(b"SET client_encoding = 'SQL_ASCII'")).is_empty());
    assert!(states(&raw.query("INSERT INTO agents (name) VALUES ('Jörg')".as_bytes())).is_empty());
    assert_eq!(column(&raw.query("SELECT name FROM agents WHERE name = 'Jörg'".as_bytes())), ["Jörg"]);
    assert_eq!(
        states(&raw.query(b"INSERT INTO agents (name) VALUES ('J\xf6rg')")),
        ["0A000"],
        "other bytes are refused"
    );
}

async fn a_statement_over_both_is_refused_and_nothing_is_done(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    let crossing = "SELECT * FROM orders JOIN agents ON agents.order_id = orders.id";
    let error = refused(client.run(crossing).await, "0A000");
    assert!(error.message.contains("agents") && error.message.contains("orders"), "{error}");
    let nonsense = refused(client.run("SELECT no_such_column FROM agents").await, "42703");
    assert!(nonsense.message.contains("no_such_column"), "{nonsense}");
    assert_eq!(client.number("SELECT 1").await, Ok(1));
}

async fn begin_inside_a_transaction_changes_nothing(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    // A warning, no savepoint: the inner COMMIT or ROLLBACK ends all of it, the outer one has nothing to end.
    for (end, there) in [("ROLLBACK", (0, 0)), ("COMMIT", (1, 4))] {
        client.run_all(&["BEGIN", LAMP, "BEGIN", "UPDATE agents SET order_id = 4 WHERE name = 'Ann'"]).await.unwrap();
        assert_eq!((lamps(&stand).await, ann(&stand).await), (0, 0), "nothing was committed");
        client.run(end).await.unwrap();
        assert_eq!((lamps(&stand).await, ann(&stand).await), there, "{end}");
        client.run("ROLLBACK").await.unwrap();
    }
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 4));
    stand.settled().await;
}

async fn what_is_not_committed_goes_with_the_connection(engine: Engine) {
    let stand = stand(engine).await;
    let mut leaving = client(&stand).await;
    leaving.run_all(&["BEGIN", LAMP, "UPDATE agents SET order_id = 4 WHERE name = 'Ann'"]).await.unwrap();
    leaving.close().await;
    // The locks are gone with it.
    let mut client = client(&stand).await;
    client.run_all(&["BEGIN", LAMP, "UPDATE agents SET order_id = 5 WHERE name = 'Ann'", "COMMIT"]).await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 5));
    stand.settled().await;
}

async fn a_failed_statement_behind_a_savepoint_costs_only_what_followed_it(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    for failing in ["INSERT INTO agents (name) VALUES ('Ann')", "INSERT INTO stock VALUES ('lamp', 0)"] {
        client.run_all(&["BEGIN", LAMP, "INSERT INTO assignments VALUES (1, 'Ann')", "SAVEPOINT a"]).await.unwrap();
        client.run_all(&[LAMP, "INSERT INTO assignments VALUES (2, 'Ann')"]).await.unwrap();
        refused(client.run(failing).await, "23505");
        refused(client.run("SELECT 1").await, "25P02");
        client.run_all(&["ROLLBACK TO a", "INSERT INTO assignments VALUES (3, 'Ben')", LAMP, "COMMIT"]).await.unwrap();
        assert_eq!(stand.delivery("SELECT SUM(order_id) FROM assignments").await, 4, "1 and 3");
        client.run("DELETE FROM assignments").await.unwrap();
    }
    assert_eq!(lamps(&stand).await, 4);
    stand.settled().await;
}

async fn one_connection_has_many_transactions_one_after_another(engine: Engine) {
    let stand = stand(engine).await;
    let (mut one, mut two) = (client(&stand).await, client(&stand).await);
    for id in 0..12_u64 {
        for (client, id) in [(&mut one, id), (&mut two, 100 + id)] {
            client.run("BEGIN").await.unwrap();
            let order = format!("INSERT INTO orders VALUES ({id}, 'lamp', 'Ann', CURRENT_TIMESTAMP)");
            let assigned = format!("INSERT INTO assignments VALUES ({id}, 'Ann')");
            // Either side may be the first one.
            let both = if id % 2 == 0 { [order, assigned] } else { [assigned, order] };
            client.run_all(&both).await.unwrap();
            client.run(if id % 3 == 0 { "ROLLBACK" } else { "COMMIT" }).await.unwrap();
        }
    }
    for (id, there) in [(0, 0), (1, 1), (2, 1), (3, 0), (100, 1), (102, 0), (111, 0), (110, 1)] {
        assert_eq!(stand.sides(id).await, (there, there), "{id}");
    }
    let stored = stand.store("SELECT COUNT(*) FROM orders").await;
    assert_eq!((stored, stand.delivery("SELECT COUNT(*) FROM assignments").await), (16, 16));
    stand.settled().await;
}

async fn a_batch_over_both_is_there_whole_or_not_at_all(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    for (end, there) in [("ROLLBACK", 0), ("COMMIT", 300)] {
        client.run("BEGIN").await.unwrap();
        for id in 0..300 {
            let values = [id, id];
            client.run_prepared("INSERT INTO counters (id, n) VALUES (1000 + $1, $2)", &values).await.unwrap();
            client.run_prepared("INSERT INTO tallies (id, n) VALUES (1000 + $1, $2)", &values).await.unwrap();
        }
        client.run(end).await.unwrap();
        let count = |table: &str| format!("SELECT COUNT(*) FROM {table} WHERE id >= 1000");
        let both = (stand.store(&count("counters")).await, stand.delivery(&count("tallies")).await);
        assert_eq!(both, (there, there), "{end}");
    }
    stand.settled().await;
}

async fn a_truncate_is_rolled_back_like_any_write(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run("INSERT INTO assignments VALUES (1, 'Ann')").await.unwrap();
    for (end, rows) in [("ROLLBACK", 1), ("COMMIT", 0)] {
        client.run_all(&["BEGIN", LAMP, "UPDATE assignments SET agent = 'Ben'", "TRUNCATE assignments"]).await.unwrap();
        assert_eq!(client.number("SELECT COUNT(*) FROM assignments").await, Ok(0));
        client.run("TRUNCATE TABLE orders").await.unwrap();
        client.run(end).await.unwrap();
        assert_eq!(stand.delivery("SELECT COUNT(*) FROM assignments").await, rows, "{end}");
    }
    assert_eq!(lamps(&stand).await, 1);
    stand.settled().await;
}

async fn rows_keep_zeros_and_rounded_fractions(engine: Engine) {
    let stand = stand(engine).await;
    stand.on_delivery("DROP TABLE assignments").await;
    let create = "CREATE TABLE assignments (id int AUTO_INCREMENT PRIMARY KEY, at datetime(0), small int unsigned)";
    stand.on_delivery(create).await;
    let mut client = client(&stand).await;
    client.run("INSERT INTO assignments VALUES (0, '2024-12-31 23:59:59.6', 1)").await.unwrap();
    client.run("INSERT INTO assignments (at, small) VALUES ('2024-01-01 00:00:00.4', 2)").await.unwrap();
    let zero = client.run("SELECT at FROM assignments WHERE id = 0").await.unwrap();
    assert_eq!(zero.first(), Some("2025-01-01 00:00:00"));
    assert_eq!(client.number("SELECT small - 5 FROM assignments WHERE id = 1").await, Ok(-3));
}

async fn a_zone_that_only_the_server_was_told_counts_at_once(engine: Engine) {
    let stand = stand(engine).await;
    stand.on_delivery("DROP TABLE assignments").await;
    stand.on_delivery("CREATE TABLE assignments (id int PRIMARY KEY, at timestamp NOT NULL)").await;
    let mut client = client(&stand).await;
    client.run("INSERT INTO assignments VALUES (1, '2024-07-01 12:00:00+00')").await.unwrap();
    let read = "SELECT at FROM assignments";
    for (before, zone, after, shown) in [
        ("SELECT 1", "+05:30", "SELECT 1", "2024-07-01 17:30:00+05:30"),
        ("BEGIN", "+03:00", "ROLLBACK", "2024-07-01 17:30:00+05:30"),
        ("BEGIN", "+04:00", "COMMIT", "2024-07-01 16:00:00+04"),
    ] {
        client.run(before).await.unwrap();
        let Direct::Postgres(connection) = &mut client else { unreachable!("it speaks PostgreSQL") };
        let name = format!("<{zone}>-{}", &zone[1..]);
        sqlx::query("SELECT set_config('TimeZone', $1, false)").bind(name).execute(connection).await.unwrap();
        client.run(read).await.unwrap();
        client.run(after).await.unwrap();
        assert_eq!(client.run(read).await.unwrap().first(), Some(shown), "{zone}");
    }
}
