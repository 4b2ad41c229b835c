//! Holes that other products have or had, and facts of the servers that make them: each stays closed here.

use std::time::Duration;

use handfast::base::{Dialect, Engine};
use handfast::testbed::{Direct, Handfast, Order, Server};

use crate::bed::{SETTLE_MAX, Stand, bed, binary, on, on_every_engine, own_servers, refused, unique_name, until};
use crate::hands;

on_every_engine! {
    strangers_branches_are_never_touched;
    another_node_of_the_cluster_is_left_alone;
    the_reserved_prefix_is_refused;
    a_backend_that_is_down_at_restart_is_waited_for_and_then_settled;
    a_dead_backend_does_not_hold_up_the_others_branches;
    a_decision_survives_a_configuration_without_its_backend;
    what_is_visible_through_us_is_never_half;
    an_orderly_stop_leaves_nothing;
    a_backend_killed_in_the_middle_is_an_error_and_the_session_lives;
    names_do_not_depend_on_the_environment;
    one_journal_has_one_process;
}

async fn roll_back_by_hand(stand: &Stand, direct: Direct, gtrid: &str) {
    direct.close().await;
    hands::roll_back(&stand.shop.store, stand.shop.dialect(), gtrid, "0").await;
}

async fn listed(stand: &Stand) -> Vec<String> {
    let mut direct = stand.shop.store.direct().await.unwrap();
    let names = direct.branches().await.unwrap();
    direct.close().await;
    names
}

/// A story that makes recovery and sweeps really work: a crash after the decision, a restart, a commit.
async fn crash_and_recover(stand: &Stand, id: u64) {
    stand.cut_off("after-decision", id).await;
    stand.handfast.start().unwrap();
    stand.settled().await;
    assert_eq!(stand.sides(id).await, (1, 1));
}

async fn strangers_branches_are_never_touched(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let name = unique_name();
    // An application's own, another cluster's, and one that only looks like ours.
    let strangers = [format!("app-{name}"), format!("hf1.{name}x.n.1.1"), format!("{}n.1.1x", stand.shop.prefix())];
    let mut hands = Vec::new();
    for (counter, gtrid) in (0..).zip(&strangers) {
        hands.push(hands::prepare(&stand, gtrid, "0", counter).await);
    }
    stand.handfast.start().unwrap();
    stand.cut_off("after-decision", 1).await;
    stand.handfast.start().unwrap();
    until("the order is whole", SETTLE_MAX, || async { stand.sides(1).await == (1, 1) }).await;
    // Two sweeps later they are still there.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let there = listed(&stand).await;
    for gtrid in &strangers {
        assert!(there.contains(&format!("{gtrid}/0")), "{gtrid} is gone: {there:?}");
    }
    for (direct, gtrid) in hands.into_iter().zip(&strangers) {
        roll_back_by_hand(&stand, direct, gtrid).await;
    }
}

async fn another_node_of_the_cluster_is_left_alone(engine: Engine) {
    let stand = Stand::cold(engine).await;
    let gtrid = format!("{}other-node.7.1", stand.shop.prefix());
    let direct = hands::prepare(&stand, &gtrid, "0", 0).await;
    stand.handfast.start().unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(listed(&stand).await.contains(&format!("{gtrid}/0")), "the other node's branch is gone");
    roll_back_by_hand(&stand, direct, &gtrid).await;
}

async fn the_reserved_prefix_is_refused(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut client = stand.client().await;
    let sql = match stand.shop.dialect() {
        Dialect::Postgres => "COMMIT PREPARED 'hf1.shop.n.1.1/0'",
        Dialect::Mysql => "XA COMMIT 'hf1.shop.n.1.1','0'",
    };
    refused(client.run(sql).await, stand.shop.dialect(), "42939", 1227);
    client.run("SELECT 1").await.unwrap();
}

async fn a_backend_that_is_down_at_restart_is_waited_for_and_then_settled(engine: Engine) {
    let (store, delivery) = own_servers(engine, &unique_name());
    let stand = Stand::over(&store, &delivery).await;
    stand.cut_off("after-decision", 1).await;
    delivery.kill9();
    // Whether it opens its fronts without delivery is its own decision; that it forgets nothing is not.
    stand.handfast.launch(None).unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    delivery.restart().unwrap();
    if !stand.handfast.is_running() {
        stand.handfast.launch(None).unwrap();
    }
    stand.handfast.wait_ready(SETTLE_MAX).unwrap();
    stand.settled().await;
    assert_eq!(stand.sides(1).await, (1, 1));
}

async fn a_dead_backend_does_not_hold_up_the_others_branches(engine: Engine) {
    let (store, delivery) = own_servers(engine, &unique_name());
    let stand = Stand::over(&store, &delivery).await;
    stand.cut_off("after-decision", 1).await;
    delivery.kill9();
    stand.handfast.launch(None).unwrap();
    // The store's branch is committed although delivery is away.
    until("the store's branch is settled", SETTLE_MAX, || async {
        stand.store("SELECT COUNT(*) FROM orders WHERE id = 1").await == 1
    })
    .await;
    delivery.restart().unwrap();
    stand.settled().await;
    assert_eq!(stand.sides(1).await, (1, 1));
}

async fn a_decision_survives_a_configuration_without_its_backend(engine: Engine) {
    let stand = Stand::cold(engine).await;
    stand.cut_off("after-decision", 1).await;
    let right = stand.shop.config();
    let renamed = right.replace("[backends.delivery]", "[backends.courier]").replace("= \"delivery\"", "= \"courier\"");
    let wrong = Handfast::with_config(binary(), &stand.shop, &renamed).unwrap();
    wrong.launch(None).unwrap();
    // It may refuse to start or wait; what it may not do is forget the decision or roll delivery back.
    wrong.wait_exit(Duration::from_secs(3));
    drop(wrong);
    let (_, assignments) = stand.sides(1).await;
    assert!(assignments == 1 || !stand.shop.branches().await.unwrap().is_empty(), "delivery's branch was rolled back");
    let handfast = Handfast::with_config(binary(), &stand.shop, &right).unwrap();
    handfast.start().unwrap();
    stand.settled().await;
    assert_eq!(stand.sides(1).await, (1, 1));
}

async fn what_is_visible_through_us_is_never_half(engine: Engine) {
    let (store, delivery) = own_servers(engine, &unique_name());
    let stand = Stand::over(&store, &delivery).await;
    stand.handfast.start().unwrap();
    for id in 1..4 {
        let mut client = stand.client().await;
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(id).statements()).await.unwrap();
        // Delivery dies somewhere around COMMIT.
        let dying = std::sync::Arc::clone(&delivery);
        let mut work = tokio::task::JoinSet::new();
        work.spawn_blocking(move || {
            std::thread::sleep(Duration::from_millis(id));
            dying.kill9();
            dying.restart().unwrap();
        });
        let answer = client.run("COMMIT").await;
        drop(client);
        let reader = stand.client().await;
        let seen = read_both(reader, id).await;
        while let Some(done) = work.join_next().await {
            done.unwrap();
        }
        if let Some((orders, assignments)) = seen {
            assert_eq!(orders, assignments, "order {id} is seen half; COMMIT answered {answer:?}");
        }
        stand.settled().await;
        until("both sides are equal", SETTLE_MAX, || async {
            let (orders, assignments) = stand.sides(id).await;
            orders == assignments
        })
        .await;
        if answer.is_ok() {
            assert_eq!(stand.sides(id).await, (1, 1), "order {id} was answered");
        } else if answer
            .as_ref()
            .is_err_and(|e| e.is_answer() && e.state.as_deref() != Some("08007") && !e.message.contains("HF0303"))
        {
            assert_eq!(stand.sides(id).await, (0, 0), "order {id} was refused: {answer:?}");
        }
    }
}

/// Reads both sides of an order through Handfast; `None` when one of them cannot be read now.
async fn read_both(mut reader: Direct, id: u64) -> Option<(i64, i64)> {
    let orders = reader.number(&format!("SELECT COUNT(*) FROM orders WHERE id = {id}")).await.ok()?;
    let assignments = reader.number(&format!("SELECT COUNT(*) FROM assignments WHERE order_id = {id}")).await.ok()?;
    // The other way round for what was committed in between.
    Some((orders, if orders == 0 { 0 } else { assignments }))
}

async fn an_orderly_stop_leaves_nothing(engine: Engine) {
    let stand = Stand::start(engine).await;
    let mut open = stand.client().await;
    open.run("BEGIN").await.unwrap();
    open.run_all(&Order::numbered(1).statements()).await.unwrap();
    let url = stand.handfast.url(stand.shop.dialect());
    let mut busy = tokio::task::JoinSet::new();
    busy.spawn(async move {
        let mut id = 100;
        let mut client = Direct::connect(&url).await.unwrap();
        let mut answered = Vec::new();
        loop {
            id += 1;
            let order = Order { id, item: "lamp".into(), agent: "Ben".into() };
            let placed = async {
                client.run("BEGIN").await?;
                client.run_all(&order.statements()).await?;
                client.run("COMMIT").await
            };
            match placed.await {
                Ok(_) => answered.push(id),
                Err(_) => return answered,
            }
        }
    });
    until("some orders are placed", SETTLE_MAX, || async { stand.store("SELECT COUNT(*) FROM orders").await > 5 })
        .await;
    // A client idle in a transaction may hold the stop up to the drain time; it goes away meanwhile.
    let handfast = std::sync::Arc::clone(&stand.handfast);
    let mut stopping = tokio::task::JoinSet::new();
    stopping.spawn_blocking(move || handfast.stop(Duration::from_secs(60)));
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop(open);
    let status = stopping.join_next().await.unwrap().unwrap().expect("it ends on SIGTERM");
    assert!(status.success(), "{status}\n{}", stand.handfast.log_tail());
    assert_eq!(stand.shop.branches().await.unwrap(), Vec::<String>::new());
    for id in busy.join_next().await.unwrap().unwrap() {
        assert_eq!(stand.sides(id).await, (1, 1), "order {id} was answered");
    }
    assert_eq!(
        stand.store("SELECT COUNT(*) FROM orders").await,
        stand.delivery("SELECT COUNT(*) FROM assignments").await
    );
}

async fn a_backend_killed_in_the_middle_is_an_error_and_the_session_lives(engine: Engine) {
    let (store, delivery) = own_servers(engine, &unique_name());
    let stand = Stand::over(&store, &delivery).await;
    stand.handfast.start().unwrap();
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    delivery.kill9();
    let error = client.run("COMMIT").await.expect_err("delivery is gone");
    assert!(error.is_answer(), "the client must be told, not dropped: {error}");
    delivery.restart().unwrap();
    client.run("ROLLBACK").await.unwrap();
    until("both sides can be written again", SETTLE_MAX, || async {
        let mut fresh = stand.client().await;
        fresh.run("UPDATE tallies SET n = 1 WHERE id = 0").await.is_ok()
    })
    .await;
    stand.settled().await;
    assert_eq!(stand.sides(1).await, (0, 0));
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(2).statements()).await.unwrap();
    client.run("COMMIT").await.unwrap();
    assert_eq!(stand.sides(2).await, (1, 1));
}

async fn names_do_not_depend_on_the_environment(engine: Engine) {
    let stand = Stand::cold(engine).await;
    // Again and again: each restart must know the names of the one before it.
    for id in 1..4 {
        crash_and_recover(&stand, id).await;
    }
}

async fn one_journal_has_one_process(engine: Engine) {
    let stand = Stand::start(engine).await;
    let text = stand.shop.config();
    // The same journal on other ports.
    let mut other = text;
    for (_, port) in stand.shop.ports() {
        other = other.replace(&format!(":{port}\""), &format!(":{}\"", bed().free_port()));
    }
    other = other.replace(&format!(":{}\"", stand.shop.admin_port()), &format!(":{}\"", bed().free_port()));
    let second = Handfast::with_config(binary(), &stand.shop, &other).unwrap();
    second.launch(None).unwrap();
    let status = second.wait_exit(Duration::from_secs(20)).expect("the second must refuse to start");
    assert!(!status.success());
    assert!(stand.handfast.is_running());
    let mut client = stand.client().await;
    client.run("SELECT 1").await.unwrap();
}

#[test]
fn a_late_prepare_is_found_and_rolled_back() {
    on(Engine::Postgres, "a_late_prepare_is_found_and_rolled_back", |engine| async move {
        let stand = Stand::start(engine).await;
        stand
            .on_delivery(
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END'; \
                 CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON assignments DEFERRABLE INITIALLY DEFERRED \
                 FOR EACH ROW EXECUTE FUNCTION slow()",
            )
            .await;
        let url = stand.handfast.url(Dialect::Postgres);
        let mut clients = tokio::task::JoinSet::new();
        clients.spawn(async move {
            let mut client = Direct::connect(&url).await.unwrap();
            client.run("BEGIN").await.unwrap();
            client.run_all(&Order::numbered(1).statements()).await.unwrap();
            client.run("COMMIT").await.is_ok()
        });
        let preparing = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
                         AND query LIKE '%PREPARE TRANSACTION%' AND pid <> pg_backend_pid()";
        until("delivery prepares", SETTLE_MAX, || async { stand.delivery(preparing).await > 0 }).await;
        stand.handfast.kill9();
        stand.handfast.start().unwrap();
        assert!(!clients.join_next().await.unwrap().unwrap());
        // The PREPARE would have come to its end by now.
        tokio::time::sleep(Duration::from_secs(4)).await;
        stand.settled().await;
        assert_eq!(stand.sides(1).await, (0, 0));
    });
}

#[test]
fn a_prepare_slower_than_the_limit_rolls_everything_back_for_good() {
    on(Engine::Postgres, "a_prepare_slower_than_the_limit", |engine| async move {
        let stand = Stand::cold(engine).await;
        stand
            .on_delivery(
                "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(3); RETURN NULL; END'; \
                 CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON assignments DEFERRABLE INITIALLY DEFERRED \
                 FOR EACH ROW EXECUTE FUNCTION slow()",
            )
            .await;
        let text = stand.shop.config_with("\n[transactions]\nprepare_timeout = \"500ms\"\n");
        let handfast = Handfast::with_config(binary(), &stand.shop, &text).unwrap();
        handfast.start().unwrap();
        let mut client = stand.client().await;
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(1).statements()).await.unwrap();
        let error = client.run("COMMIT").await.expect_err("the vote is late");
        assert!(error.is_answer(), "{error}");
        tokio::time::sleep(Duration::from_secs(4)).await;
        stand.settled().await;
        assert_eq!(stand.sides(1).await, (0, 0));
        client.run("SELECT 1").await.unwrap();
    });
}

#[test]
fn a_server_that_cannot_prepare_is_refused_at_start_with_the_fix() {
    on(Engine::Postgres, "a_server_that_cannot_prepare", |engine| async move {
        let name = unique_name();
        let store =
            Server::start_with(bed(), engine, &format!("{name}-off"), &["-c", "max_prepared_transactions=0"]).unwrap();
        let (_, delivery) = crate::bed::servers(engine);
        let stand = Stand::over(&std::sync::Arc::new(store), &delivery).await;
        stand.handfast.launch(None).unwrap();
        let status = stand.handfast.wait_exit(Duration::from_secs(20)).expect("it must refuse to start");
        assert!(!status.success());
        let said = stand.handfast.log_text();
        assert!(said.contains("max_prepared_transactions"), "{said}");
    });
}

#[test]
fn a_failed_autocommit_statement_leaks_nothing_into_the_next_transaction() {
    on(Engine::Postgres, "a_failed_autocommit_statement", |engine| async move {
        let stand = Stand::start(engine).await;
        let mut client = stand.client().await;
        let both = "UPDATE counters SET n = 9 WHERE id = 0; INSERT INTO tallies (id, n) VALUES (0, 0)";
        refused(client.run(both).await, Dialect::Postgres, "23505", 0);
        client.run("BEGIN").await.unwrap();
        client.run("UPDATE counters SET n = 1 WHERE id = 0").await.unwrap();
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 0, "committed before COMMIT");
        client.run("ROLLBACK").await.unwrap();
        assert_eq!(stand.store("SELECT n FROM counters WHERE id = 0").await, 0);
    });
}

#[test]
fn a_prepared_branch_of_mariadb_is_committed_although_its_session_died() {
    // FACTS 8a: XA COMMIT right after the preparing session's end can answer OK and commit nothing.
    on(Engine::Mariadb, "a_prepared_branch_of_mariadb", |engine| async move {
        let (store, delivery) = own_servers(engine, &unique_name());
        let stand = Stand::over(&store, &delivery).await;
        for id in 1..13 {
            crash_and_recover(&stand, id).await;
        }
        for server in [&store, &delivery] {
            server.restart().unwrap();
        }
        assert_eq!(stand.shop.branches().await.unwrap(), Vec::<String>::new(), "a branch came back from the dead");
        for id in 1..13 {
            assert_eq!(stand.sides(id).await, (1, 1), "order {id}");
        }
    });
}
