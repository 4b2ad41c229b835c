//! A MySQL client with its store on PostgreSQL and its delivery on MariaDB or MySQL: to it, all of it is MySQL, and one
//! transaction.

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Answer, Direct, SqlError};

use crate::bed::{Stand, on, servers};

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
    an_error_undoes_its_statement_and_leaves_the_transaction_open;
    savepoints_hold_on_both_sides;
    a_deadlock_victim_is_rolled_back_on_both_sides;
    a_lost_backend_rolls_back_both;
    autocommit_off_begins_and_set_back_on_commits;
    a_prepared_statement_gets_binary_values;
    the_last_key_is_the_session_s_whoever_made_it;
    ddl_on_a_foreign_table_commits_first;
    a_read_only_transaction_writes_nowhere;
    a_running_statement_can_be_killed;
    what_only_its_own_server_can_do_is_refused_by_name;
    begin_inside_a_transaction_commits_it;
    what_is_not_committed_goes_with_the_connection;
    a_failed_statement_behind_a_savepoint_costs_nothing_else;
    one_connection_has_many_transactions_one_after_another;
    a_batch_over_both_is_there_whole_or_not_at_all;
    a_truncate_commits_first_and_stays;
}

async fn stand(engine: Engine) -> Stand {
    let (store, _) = servers(Engine::Postgres);
    let (delivery, _) = servers(engine);
    let stand = Stand::told_in(&store, &delivery, Dialect::Mysql).await;
    stand.handfast.start().unwrap();
    stand
}

async fn client(stand: &Stand) -> Direct {
    stand.client_of(Dialect::Mysql).await
}

#[track_caller]
fn refused(result: Result<Answer, SqlError>, number: u16) -> SqlError {
    let error = result.expect_err("it must be refused");
    assert_eq!(error.number, Some(number), "{error}");
    error
}

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
        assert_eq!(client.run(&order).await.unwrap().affected, 1);
        client.run(&format!("INSERT INTO assignments (order_id, agent) VALUES ({id}, 'Ann')")).await.unwrap();
        assert_eq!(client.number("SELECT COUNT(*) FROM orders").await, Ok(1), "it sees its own");
        client.run(end).await.unwrap();
        assert_eq!(stand.sides(id).await, (there, there), "{end}");
    }
    stand.settled().await;
}

async fn an_error_undoes_its_statement_and_leaves_the_transaction_open(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run_all(&["BEGIN", "UPDATE agents SET order_id = 7 WHERE name = 'Ann'", LAMP]).await.unwrap();
    refused(client.run("INSERT INTO stock VALUES ('new', 0), ('lamp', 0)").await, 1062);
    refused(client.run("SELECT no_such_column FROM stock").await, 1054);
    refused(client.run("INSERT INTO agents (name) VALUES ('Ann')").await, 1062);
    client.run_all(&[LAMP, "COMMIT"]).await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (2, 7));
    assert_eq!(stand.store("SELECT COUNT(*) FROM stock WHERE item = 'new'").await, 0);
    // The first statement of a participant may be the one that fails.
    client.run("BEGIN").await.unwrap();
    refused(client.run("INSERT INTO stock VALUES ('lamp', 0)").await, 1062);
    client.run_all(&[LAMP, "COMMIT"]).await.unwrap();
    assert_eq!(lamps(&stand).await, 3);
    stand.settled().await;
}

async fn savepoints_hold_on_both_sides(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run_all(&["BEGIN", "UPDATE agents SET order_id = 1 WHERE name = 'Ann'", "SAVEPOINT a", LAMP]).await.unwrap();
    client.run_all(&["SAVEPOINT b", LAMP, "UPDATE agents SET order_id = 2 WHERE name = 'Ann'"]).await.unwrap();
    client.run("ROLLBACK TO b").await.unwrap();
    assert_eq!(client.number("SELECT reserved FROM stock WHERE item = 'lamp'").await, Ok(1));
    assert_eq!(client.number("SELECT order_id FROM agents WHERE name = 'Ann'").await, Ok(1));
    // The store joined after this one: all that it did is undone.
    client.run("ROLLBACK TO a").await.unwrap();
    assert_eq!(client.number("SELECT reserved FROM stock WHERE item = 'lamp'").await, Ok(0));
    refused(client.run("ROLLBACK TO b").await, 1305);
    client.run_all(&[LAMP, "RELEASE SAVEPOINT a", "COMMIT"]).await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 1));
    stand.settled().await;
}

async fn a_deadlock_victim_is_rolled_back_on_both_sides(engine: Engine) {
    let stand = stand(engine).await;
    let (mut one, mut two) = (client(&stand).await, client(&stand).await);
    let take = |id: &str| format!("UPDATE counters SET n = n + 1 WHERE id = {id}");
    one.run_all(&["BEGIN", "UPDATE agents SET order_id = 1 WHERE name = 'Ann'", &take("1")]).await.unwrap();
    two.run_all(&["BEGIN", "UPDATE agents SET order_id = 1 WHERE name = 'Ben'", &take("2")]).await.unwrap();
    let (first, second) = (take("2"), take("1"));
    let (a, b) = tokio::join!(one.run(&first), two.run(&second));
    let (victim, other) = if a.is_err() { (&mut one, &mut two) } else { (&mut two, &mut one) };
    refused(if a.is_err() { a } else { b }, 1213);
    victim.run("COMMIT").await.unwrap();
    other.run("COMMIT").await.unwrap();
    assert_eq!(stand.delivery("SELECT COUNT(*) FROM agents WHERE order_id = 1").await, 1);
    stand.settled().await;
}

async fn a_lost_backend_rolls_back_both(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run_all(&["BEGIN", "UPDATE agents SET order_id = 9 WHERE name = 'Ann'", LAMP]).await.unwrap();
    let ended = "SELECT COUNT(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE datname = current_database() AND state = 'idle in transaction'";
    assert_eq!(stand.store(ended).await, 1);
    assert!(client.run(LAMP).await.is_err());
    assert_eq!((lamps(&stand).await, ann(&stand).await), (0, 0));
    stand.settled().await;
}

async fn autocommit_off_begins_and_set_back_on_commits(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run_all(&["SET autocommit = 0", LAMP, "UPDATE agents SET order_id = 4 WHERE name = 'Ann'"]).await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (0, 0), "not committed");
    client.run("ROLLBACK").await.unwrap();
    client.run_all(&[LAMP, "UPDATE agents SET order_id = 5 WHERE name = 'Ann'", "SET autocommit = 1"]).await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 5));
    client.run(LAMP).await.unwrap();
    assert_eq!(lamps(&stand).await, 2, "each statement by itself again");
    stand.settled().await;
}

async fn a_prepared_statement_gets_binary_values(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    for id in 1..=3 {
        client.run("BEGIN").await.unwrap();
        assert_eq!(client.run_prepared("UPDATE counters SET n = n + ? WHERE id = ?", &[id, 1]).await, Ok(1));
        client.run_prepared("UPDATE tallies SET n = n + ? WHERE id = 1", &[id]).await.unwrap();
        client.run("COMMIT").await.unwrap();
    }
    assert_eq!(stand.store("SELECT n FROM counters WHERE id = 1").await, 6);
    let Direct::Mysql(connection) = &mut client else { unreachable!("it speaks MySQL") };
    let row: (i64, i64) = sqlx::query_as("SELECT id, n FROM counters WHERE id = ?")
        .bind(1_i64)
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(row, (1, 6));
    let items: Vec<(String,)> = sqlx::query_as("SELECT item FROM stock WHERE item = ? OR item = ? ORDER BY item")
        .bind("lamp")
        .bind("it's \\ 'quoted'")
        .fetch_all(connection)
        .await
        .unwrap();
    assert_eq!(items, [("lamp".to_owned(),)]);
}

async fn the_last_key_is_the_session_s_whoever_made_it(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run("DROP TABLE orders").await.unwrap();
    client.run("CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, item varchar(40))").await.unwrap();
    client.run("INSERT INTO orders (item) VALUES ('a'), ('b')").await.unwrap();
    assert_eq!(client.number("SELECT ROW_COUNT()").await, Ok(2));
    assert_eq!(client.number("SELECT LAST_INSERT_ID()").await, Ok(1));
    client.run("INSERT INTO orders (item) VALUES ('c')").await.unwrap();
    client.run("UPDATE agents SET order_id = LAST_INSERT_ID() WHERE name = 'Ann'").await.unwrap();
    assert_eq!(ann(&stand).await, 3);
    assert_eq!(client.number("SELECT COUNT(*) FROM orders WHERE id = LAST_INSERT_ID()").await, Ok(1));
}

async fn ddl_on_a_foreign_table_commits_first(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run_all(&["BEGIN", "UPDATE agents SET order_id = 8 WHERE name = 'Ann'", LAMP]).await.unwrap();
    client.run("ALTER TABLE orders ADD COLUMN note varchar(20)").await.unwrap();
    client.run("ROLLBACK").await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 8));
    assert_eq!(client.number("SELECT COUNT(note) FROM orders").await, Ok(0), "the schema is known at once");
    stand.settled().await;
}

async fn a_read_only_transaction_writes_nowhere(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run("START TRANSACTION READ ONLY").await.unwrap();
    client.run("SELECT item FROM stock").await.unwrap();
    refused(client.run(LAMP).await, 1792);
    client.run("COMMIT").await.unwrap();
    client.run("SET SESSION TRANSACTION READ ONLY").await.unwrap();
    refused(client.run(LAMP).await, 1792);
    client.run("SET SESSION TRANSACTION READ WRITE").await.unwrap();
    client.run(LAMP).await.unwrap();
    assert_eq!(lamps(&stand).await, 1);
}

async fn a_running_statement_can_be_killed(engine: Engine) {
    let stand = stand(engine).await;
    let (mut holder, mut waiter, mut killer) = (client(&stand).await, client(&stand).await, client(&stand).await);
    holder.run_all(&["BEGIN", LAMP]).await.unwrap();
    waiter.run("BEGIN").await.unwrap();
    waiter.run("UPDATE agents SET order_id = 3 WHERE name = 'Ann'").await.unwrap();
    let id = waiter.number("SELECT CONNECTION_ID()").await.unwrap();
    let kill = async {
        let waits = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                     AND wait_event_type = 'Lock'";
        crate::bed::until("the statement waits", crate::bed::SETTLE_MAX, || async { stand.store(waits).await == 1 })
            .await;
        killer.run(&format!("KILL QUERY {id}")).await.unwrap();
    };
    let (killed, ()) = tokio::join!(waiter.run(LAMP), kill);
    refused(killed, 1317);
    holder.run("ROLLBACK").await.unwrap();
    waiter.run_all(&[LAMP, "COMMIT"]).await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 3), "the transaction lived on");
    stand.settled().await;
}

async fn what_only_its_own_server_can_do_is_refused_by_name(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    let error = refused(client.run("LOCK TABLES stock WRITE").await, 1235);
    assert!(error.message.contains("LOCK TABLES"), "{error}");
    refused(client.run("SELECT orders.id FROM orders JOIN agents ON agents.order_id = orders.id").await, 1235);
    assert_eq!(client.number("SELECT 1").await, Ok(1));
}

async fn begin_inside_a_transaction_commits_it(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run_all(&["BEGIN", LAMP, "UPDATE agents SET order_id = 4 WHERE name = 'Ann'", "BEGIN"]).await.unwrap();
    assert_eq!((lamps(&stand).await, ann(&stand).await), (1, 4), "committed by the second BEGIN");
    client.run_all(&[LAMP, "UPDATE agents SET order_id = 5 WHERE name = 'Ann'", "ROLLBACK"]).await.unwrap();
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

async fn a_failed_statement_behind_a_savepoint_costs_nothing_else(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    for failing in ["INSERT INTO agents (name) VALUES ('Ann')", "INSERT INTO stock VALUES ('lamp', 0)"] {
        client.run_all(&["BEGIN", LAMP, "INSERT INTO assignments VALUES (1, 'Ann')", "SAVEPOINT a"]).await.unwrap();
        refused(client.run(failing).await, 1062);
        client.run_all(&[LAMP, "INSERT INTO assignments VALUES (2, 'Ann')", "ROLLBACK TO a"]).await.unwrap();
        client.run_all(&["INSERT INTO assignments VALUES (3, 'Ben')", LAMP, "COMMIT"]).await.unwrap();
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
            let values = [1000 + id, id];
            client.run_prepared("INSERT INTO counters (id, n) VALUES (?, ?)", &values).await.unwrap();
            client.run_prepared("INSERT INTO tallies (id, n) VALUES (?, ?)", &values).await.unwrap();
        }
        client.run(end).await.unwrap();
        let count = |table: &str| format!("SELECT COUNT(*) FROM {table} WHERE id >= 1000");
        let both = (stand.store(&count("counters")).await, stand.delivery(&count("tallies")).await);
        assert_eq!(both, (there, there), "{end}");
    }
    stand.settled().await;
}

async fn a_truncate_commits_first_and_stays(engine: Engine) {
    let stand = stand(engine).await;
    let mut client = client(&stand).await;
    client.run("INSERT INTO orders VALUES (1, 'lamp', 'Ann', CURRENT_TIMESTAMP)").await.unwrap();
    client.run_all(&["BEGIN", LAMP, "UPDATE agents SET order_id = 4 WHERE name = 'Ann'"]).await.unwrap();
    client.run_all(&["TRUNCATE TABLE orders", LAMP, "ROLLBACK"]).await.unwrap();
    assert_eq!(stand.store("SELECT COUNT(*) FROM orders").await, 0);
    // What stands behind it is no transaction any more, as on MySQL.
    assert_eq!((lamps(&stand).await, ann(&stand).await), (2, 4));
    stand.settled().await;
}
