//! One plain COMMIT is atomic over two databases, and everything around it behaves as on the real server.

use handfast::base::{Dialect, Engine};
use handfast::testbed::Order;

use crate::bed::{Stand, on_every_engine, refused};

on_every_engine! {
    a_commit_is_on_both_sides;
    a_rollback_is_on_neither;
    a_lost_client_leaves_nothing;
    one_backend_commits_without_prepare_and_without_the_journal;
    a_participant_that_only_read_is_released;
    a_savepoint_spans_both_sides;
    a_participant_that_joined_after_the_savepoint_is_rolled_back_whole;
    a_duplicate_has_the_dialects_own_code;
    prepared_statements_reach_both_sides;
    the_deadlock_victim_is_rolled_back_everywhere_with_its_code;
    concurrent_increments_are_equal_on_both_sides;
    commit_and_chain_begins_anew;
    one_statement_over_two_backends_is_refused_with_a_hint;
    a_read_only_transaction_may_read_both_sides;
    two_databases_of_one_server_are_atomic_too;
}

async fn a_commit_is_on_both_sides(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    assert_eq!(stand.sides(1).await, (0, 0), "nothing is visible before COMMIT");
    client.run("COMMIT").await.unwrap();
    // The reply comes after phase two: visible to everyone, at once.
    assert_eq!(stand.sides(1).await, (1, 1));
    assert_eq!(stand.shop.branches().await.unwrap(), Vec::<String>::new());
}

async fn a_rollback_is_on_neither(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    client.run("ROLLBACK").await.unwrap();
    assert_eq!(stand.sides(1).await, (0, 0));
    // The session goes on.
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(2).statements()).await.unwrap();
    client.run("COMMIT").await.unwrap();
    assert_eq!(stand.sides(2).await, (1, 1));
}

async fn a_lost_client_leaves_nothing(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    drop(client);
    // Its locks are free again: another client can take the same rows.
    let mut other = stand.client().await;
    other.run("BEGIN").await.unwrap();
    other.run_all(&Order { id: 2, ..Order::numbered(1) }.statements()).await.unwrap();
    other.run("COMMIT").await.unwrap();
    assert_eq!((stand.sides(1).await, stand.sides(2).await), ((0, 0), (1, 1)));
}

/// INV-9.
async fn one_backend_commits_without_prepare_and_without_the_journal(engine: Engine) {
    let stand = Stand::cold(engine).await;
    for point in ["before-journal-sync", "after-first-prepared"] {
        // It would die there.
        stand.start_to_die(point);
        let mut client = stand.client().await;
        client.run("BEGIN").await.unwrap();
        client.run("UPDATE counters SET n = n + 1 WHERE id = 0").await.unwrap();
        client.run("UPDATE counters SET n = n + 1 WHERE id = 1").await.unwrap();
        client.run("COMMIT").await.unwrap();
        assert!(stand.handfast.is_running());
    }
    assert_eq!(stand.store("SELECT SUM(n) FROM counters").await, 4);
}

async fn a_participant_that_only_read_is_released(engine: Engine) {
    let stand = Stand::cold(engine).await;
    stand.start_to_die("before-journal-sync");
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    assert_eq!(client.number("SELECT n FROM counters WHERE id = 0").await.unwrap(), 0);
    client.run("UPDATE tallies SET n = n + 1 WHERE id = 0").await.unwrap();
    client.run("COMMIT").await.unwrap();
    assert!(stand.handfast.is_running());
    assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, 1);
}

async fn a_savepoint_spans_both_sides(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run("UPDATE counters SET n = 1 WHERE id = 0").await.unwrap();
    client.run("UPDATE tallies SET n = 1 WHERE id = 0").await.unwrap();
    client.run("SAVEPOINT here").await.unwrap();
    client.run("UPDATE counters SET n = 2 WHERE id = 0").await.unwrap();
    client.run("UPDATE tallies SET n = 2 WHERE id = 0").await.unwrap();
    client.run("ROLLBACK TO SAVEPOINT here").await.unwrap();
    client.run("RELEASE SAVEPOINT here").await.unwrap();
    client.run("COMMIT").await.unwrap();
    assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 1);
    assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, 1);
}

async fn a_participant_that_joined_after_the_savepoint_is_rolled_back_whole(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run("UPDATE counters SET n = 1 WHERE id = 0").await.unwrap();
    client.run("SAVEPOINT here").await.unwrap();
    client.run("UPDATE tallies SET n = 1 WHERE id = 0").await.unwrap();
    client.run("ROLLBACK TO SAVEPOINT here").await.unwrap();
    client.run("UPDATE tallies SET n = n + 5 WHERE id = 1").await.unwrap();
    client.run("COMMIT").await.unwrap();
    assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 1);
    assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, 0);
    assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 1").await, 5);
}

async fn a_duplicate_has_the_dialects_own_code(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run("UPDATE counters SET n = 1 WHERE id = 0").await.unwrap();
    refused(client.run("INSERT INTO tallies (id, n) VALUES (0, 0)").await, stand.shop.dialect(), "23505", 1062);
    match stand.shop.dialect() {
        Dialect::Postgres => {
            // The whole transaction has failed, on all participants.
            let later = client.run("UPDATE counters SET n = 2 WHERE id = 0").await;
            refused(later, Dialect::Postgres, "25P02", 0);
            client.run("COMMIT").await.unwrap();
            assert_eq!(
                stand.store("SELECT n FROM counters WHERE id = 0").await,
                0,
                "COMMIT of a failed transaction rolls back"
            );
        }
        Dialect::Mysql => {
            // The statement alone has failed; the transaction is open.
            client.run("UPDATE tallies SET n = 3 WHERE id = 0").await.unwrap();
            client.run("COMMIT").await.unwrap();
            assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 1);
            assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, 3);
        }
    }
    client.run("UPDATE counters SET n = 9 WHERE id = 7").await.unwrap();
}

async fn prepared_statements_reach_both_sides(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    let (counters, tallies) = match stand.shop.dialect() {
        Dialect::Postgres => {
            ("UPDATE counters SET n = n + $1 WHERE id = $2", "UPDATE tallies SET n = n + $1 WHERE id = $2")
        }
        Dialect::Mysql => ("UPDATE counters SET n = n + ? WHERE id = ?", "UPDATE tallies SET n = n + ? WHERE id = ?"),
    };
    // Over and over, so that the connections behind change under the client's statements.
    for round in 0..10 {
        client.run("BEGIN").await.unwrap();
        assert_eq!(client.run_prepared(counters, &[2, round % 8]).await.unwrap(), 1);
        assert_eq!(client.run_prepared(tallies, &[2, round % 8]).await.unwrap(), 1);
        client.run(if round % 5 == 4 { "ROLLBACK" } else { "COMMIT" }).await.unwrap();
        client.run_prepared(counters, &[0, 0]).await.unwrap();
    }
    assert_eq!(stand.store("SELECT SUM(n) FROM counters").await, 16);
    assert_eq!(stand.delivery("SELECT SUM(n) FROM tallies").await, 16);
}

async fn the_deadlock_victim_is_rolled_back_everywhere_with_its_code(engine: Engine) {
    let stand = Stand::start(engine).await;
    let (mut one, mut two) = (stand.client().await, stand.client().await);
    for client in [&mut one, &mut two] {
        client.run("BEGIN").await.unwrap();
    }
    // Each has done something in the store; the deadlock is in delivery.
    one.run("UPDATE counters SET n = n + 1 WHERE id = 1").await.unwrap();
    two.run("UPDATE counters SET n = n + 1 WHERE id = 2").await.unwrap();
    one.run("UPDATE tallies SET n = n + 1 WHERE id = 1").await.unwrap();
    two.run("UPDATE tallies SET n = n + 1 WHERE id = 2").await.unwrap();
    let (first, second) = tokio::join!(
        one.run("UPDATE tallies SET n = n + 1 WHERE id = 2"),
        two.run("UPDATE tallies SET n = n + 1 WHERE id = 1"),
    );
    let (error, mut victim, mut winner, won) = match (first, second) {
        (Err(error), Ok(_)) => (error, one, two, 2),
        (Ok(_), Err(error)) => (error, two, one, 1),
        (first, second) => panic!("exactly one must be the victim: {first:?} {second:?}"),
    };
    refused(Err(error), stand.shop.dialect(), "40P01", 1213);
    winner.run("COMMIT").await.unwrap();
    victim.run("ROLLBACK").await.unwrap();
    assert_eq!(stand.store("SELECT SUM(n) FROM counters").await, 1, "the victim's part in the store is gone too");
    assert_eq!(stand.store(&format!("SELECT n FROM counters WHERE id = {won}")).await, 1);
    assert_eq!(stand.delivery("SELECT SUM(n) FROM tallies").await, 2);
    // Both sessions go on.
    for client in [&mut victim, &mut winner] {
        client.run("BEGIN").await.unwrap();
        client.run("UPDATE counters SET n = 0 WHERE id = 1").await.unwrap();
        client.run("UPDATE tallies SET n = 0 WHERE id = 1").await.unwrap();
        client.run("COMMIT").await.unwrap();
    }
}

async fn concurrent_increments_are_equal_on_both_sides(engine: Engine) {
    let stand = Stand::start(engine).await;
    let url = stand.handfast.url(stand.shop.dialect());
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..8 {
        let url = url.clone();
        clients.spawn(async move {
            let mut direct = handfast::testbed::Direct::connect(&url).await.unwrap();
            for round in 0..20 {
                let id = (client + round) % 4;
                direct.run("BEGIN").await.unwrap();
                direct.run(&format!("UPDATE counters SET n = n + 1 WHERE id = {id}")).await.unwrap();
                direct.run(&format!("UPDATE tallies SET n = n + 1 WHERE id = {id}")).await.unwrap();
                direct.run("COMMIT").await.unwrap();
            }
            direct.close().await;
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    assert_eq!(stand.store("SELECT SUM(n) FROM counters").await, 160);
    assert_eq!(stand.delivery("SELECT SUM(n) FROM tallies").await, 160);
}

async fn commit_and_chain_begins_anew(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run("UPDATE counters SET n = 1 WHERE id = 0").await.unwrap();
    client.run("UPDATE tallies SET n = 1 WHERE id = 0").await.unwrap();
    client.run("COMMIT AND CHAIN").await.unwrap();
    client.run("UPDATE counters SET n = 2 WHERE id = 0").await.unwrap();
    client.run("UPDATE tallies SET n = 2 WHERE id = 0").await.unwrap();
    client.run("ROLLBACK").await.unwrap();
    assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 1);
    assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, 1);
}

async fn one_statement_over_two_backends_is_refused_with_a_hint(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    let sql = "SELECT COUNT(*) FROM orders JOIN assignments ON orders.id = assignments.order_id";
    let error = refused(client.run(sql).await, stand.shop.dialect(), "0A000", 1235);
    assert!(error.hint.is_some() || error.message.contains("hint"), "{error:?}");
    client.run("SELECT 1").await.unwrap();
}

async fn a_read_only_transaction_may_read_both_sides(engine: Engine) {
    let stand = Stand::cold(engine).await;
    stand.start_to_die("before-journal-sync");
    let mut client = stand.client().await;
    client.run("START TRANSACTION READ ONLY").await.unwrap();
    assert_eq!(client.number("SELECT COUNT(*) FROM counters").await.unwrap(), 8);
    assert_eq!(client.number("SELECT COUNT(*) FROM tallies").await.unwrap(), 8);
    // READ ONLY reaches every participant.
    refused(client.run("UPDATE tallies SET n = 1 WHERE id = 0").await, stand.shop.dialect(), "25006", 1792);
    client.run("ROLLBACK").await.unwrap();
    client.run("START TRANSACTION READ ONLY").await.unwrap();
    client.run("SELECT COUNT(*) FROM counters").await.unwrap();
    client.run("SELECT COUNT(*) FROM tallies").await.unwrap();
    client.run("COMMIT").await.unwrap();
    assert!(stand.handfast.is_running());
}

async fn two_databases_of_one_server_are_atomic_too(engine: Engine) {
    let (server, _) = crate::bed::servers(engine);
    let stand = Stand::over(&server, &server).await;
    stand.handfast.start().unwrap();
    let mut client = stand.client().await;
    for (id, end) in [(1, "COMMIT"), (2, "ROLLBACK")] {
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(id).statements()).await.unwrap();
        client.run(end).await.unwrap();
    }
    assert_eq!((stand.sides(1).await, stand.sides(2).await), ((1, 1), (0, 0)));
}

mod postgres_only {
    use super::*;
    use crate::bed::on;

    #[test]
    fn a_string_of_statements_is_one_transaction_over_both_sides() {
        on(Engine::Postgres, "a_string_of_statements", |engine| async move {
            let stand = Stand::start(engine).await;
            let mut client = stand.client().await;
            client.run(&Order::numbered(1).statements().join("; ")).await.unwrap();
            assert_eq!(stand.sides(1).await, (1, 1));
            // The last statement fails: nothing of the string stays, on either side.
            let twice = [Order::numbered(2).statements(), Order::numbered(1).statements()].concat().join("; ");
            refused(client.run(&twice).await, Dialect::Postgres, "23505", 0);
            assert_eq!(stand.sides(2).await, (0, 0));
            // And nothing of it leaks into the next transaction.
            client.run("BEGIN").await.unwrap();
            client.run("UPDATE counters SET n = 5 WHERE id = 0").await.unwrap();
            assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 0);
            client.run("ROLLBACK").await.unwrap();
        });
    }

    #[test]
    fn ddl_is_part_of_the_transaction() {
        on(Engine::Postgres, "ddl_is_part_of_the_transaction", |engine| async move {
            let stand = Stand::start(engine).await;
            let mut client = stand.client().await;
            for (end, there) in [("ROLLBACK", 0), ("COMMIT", 1)] {
                client.run("BEGIN").await.unwrap();
                client.run("CREATE TABLE extra (id int)").await.unwrap();
                client.run("UPDATE tallies SET n = n + 1 WHERE id = 0").await.unwrap();
                client.run(end).await.unwrap();
                assert_eq!(stand.store("SELECT COUNT(*) FROM pg_class WHERE relname = 'extra'").await, there);
                assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, there);
            }
        });
    }

    #[test]
    fn what_cannot_be_prepared_is_refused_with_a_hint_and_the_session_lives() {
        on(Engine::Postgres, "what_cannot_be_prepared", |engine| async move {
            let stand = Stand::start(engine).await;
            for first in
                ["CREATE TEMP TABLE scratch (id int)", "NOTIFY somebody", "DECLARE c CURSOR WITH HOLD FOR SELECT 1"]
            {
                let mut client = stand.client().await;
                client.run("BEGIN").await.unwrap();
                let story = [
                    first,
                    "UPDATE counters SET n = 1 WHERE id = 0",
                    "UPDATE tallies SET n = 1 WHERE id = 0",
                    "COMMIT",
                ];
                let error = client.run_all(&story).await.expect_err(first);
                assert_eq!(error.state.as_deref(), Some("0A000"), "{first}: {error}");
                assert!(error.hint.is_some(), "{first}: {error:?}");
                client.run("ROLLBACK").await.unwrap();
                client.run("SELECT 1").await.unwrap();
                assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 0);
                assert_eq!(stand.delivery("SELECT n FROM tallies WHERE id = 0").await, 0);
            }
        });
    }

    #[test]
    fn the_same_things_are_fine_with_one_backend() {
        on(Engine::Postgres, "the_same_things_are_fine", |engine| async move {
            let stand = Stand::start(engine).await;
            let mut client = stand.client().await;
            client.run("BEGIN").await.unwrap();
            client.run("CREATE TEMP TABLE scratch (id int)").await.unwrap();
            client.run("NOTIFY somebody").await.unwrap();
            client.run("UPDATE counters SET n = 1 WHERE id = 0").await.unwrap();
            client.run("COMMIT").await.unwrap();
            // The temporary table stays with the session.
            client.run("INSERT INTO scratch VALUES (1)").await.unwrap();
            assert_eq!(client.number("SELECT COUNT(*) FROM scratch").await.unwrap(), 1);
        });
    }

    #[test]
    fn a_failed_prepare_is_an_ordinary_error_and_nothing_stays() {
        on(Engine::Postgres, "a_failed_prepare", |engine| async move {
            let stand = Stand::start(engine).await;
            let deferred = "ALTER TABLE assignments ADD CONSTRAINT known FOREIGN KEY (agent) REFERENCES agents (name) \
                            DEFERRABLE INITIALLY DEFERRED";
            stand.on_delivery(deferred).await;
            let mut client = stand.client().await;
            client.run("BEGIN").await.unwrap();
            client.run_all(&Order { agent: "Nobody".into(), ..Order::numbered(1) }.statements()).await.unwrap();
            refused(client.run("COMMIT").await, Dialect::Postgres, "23503", 0);
            assert_eq!(stand.sides(1).await, (0, 0));
            stand.settled().await;
            client.run("BEGIN").await.unwrap();
            client.run_all(&Order::numbered(2).statements()).await.unwrap();
            client.run("COMMIT").await.unwrap();
            assert_eq!(stand.sides(2).await, (1, 1));
        });
    }
}

mod mysql_dialect {
    use super::*;
    use crate::bed::on;

    async fn autocommit_off_is_one_transaction(engine: Engine) {
        let stand = Stand::start(engine).await;
        let mut client = stand.client().await;
        client.run("SET autocommit = 0").await.unwrap();
        client.run_all(&Order::numbered(1).statements()).await.unwrap();
        assert_eq!(stand.sides(1).await, (0, 0));
        client.run("COMMIT").await.unwrap();
        assert_eq!(stand.sides(1).await, (1, 1));
        client.run_all(&Order::numbered(2).statements()).await.unwrap();
        client.run("ROLLBACK").await.unwrap();
        assert_eq!(stand.sides(2).await, (0, 0));
        client.run_all(&Order::numbered(3).statements()).await.unwrap();
        // This commits.
        client.run("SET autocommit = 1").await.unwrap();
        assert_eq!(stand.sides(3).await, (1, 1));
        client.run("UPDATE counters SET n = 1 WHERE id = 0").await.unwrap();
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 1);
    }

    async fn ddl_commits_first_on_both_sides(engine: Engine) {
        let stand = Stand::start(engine).await;
        let mut client = stand.client().await;
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(1).statements()).await.unwrap();
        client.run("CREATE TABLE extra (id int)").await.unwrap();
        client.run("ROLLBACK").await.unwrap();
        assert_eq!(stand.sides(1).await, (1, 1));
        client.run("INSERT INTO extra VALUES (1)").await.unwrap();
    }

    async fn begin_inside_a_transaction_commits_it(engine: Engine) {
        let stand = Stand::start(engine).await;
        let mut client = stand.client().await;
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(1).statements()).await.unwrap();
        client.run("START TRANSACTION").await.unwrap();
        client.run_all(&Order::numbered(2).statements()).await.unwrap();
        client.run("ROLLBACK").await.unwrap();
        assert_eq!((stand.sides(1).await, stand.sides(2).await), ((1, 1), (0, 0)));
    }

    #[test]
    fn autocommit_off_is_one_transaction_on_mariadb() {
        on(Engine::Mariadb, "autocommit_off_is_one_transaction_on_mariadb", autocommit_off_is_one_transaction);
    }

    #[test]
    fn autocommit_off_is_one_transaction_on_mysql() {
        on(Engine::Mysql, "autocommit_off_is_one_transaction_on_mysql", autocommit_off_is_one_transaction);
    }

    #[test]
    fn ddl_commits_first_on_both_sides_on_mariadb() {
        on(Engine::Mariadb, "ddl_commits_first_on_both_sides_on_mariadb", ddl_commits_first_on_both_sides);
    }

    #[test]
    fn ddl_commits_first_on_both_sides_on_mysql() {
        on(Engine::Mysql, "ddl_commits_first_on_both_sides_on_mysql", ddl_commits_first_on_both_sides);
    }

    #[test]
    fn begin_inside_a_transaction_commits_it_on_mariadb() {
        on(Engine::Mariadb, "begin_inside_a_transaction_commits_it_on_mariadb", begin_inside_a_transaction_commits_it);
    }

    #[test]
    fn begin_inside_a_transaction_commits_it_on_mysql() {
        on(Engine::Mysql, "begin_inside_a_transaction_commits_it_on_mysql", begin_inside_a_transaction_commits_it);
    }
}
