//! Recovery works from before the first client until after the last one, and only on what its journal can answer for.

use std::process::Command;
use std::time::Duration;

use handfast::base::Engine;
use handfast::testbed::{Direct, Handfast, Order, Shop};

use crate::bed::{SETTLE_MAX, Stand, bed, binary, on, on_every_engine, own_servers, servers, unique_name, until};

on_every_engine! {
    what_is_abandoned_while_the_house_drains_is_cleared_before_it_ends;
}

/// Asks for an orderly stop without waiting for it.
fn ask_to_stop(handfast: &Handfast) {
    let status = Command::new("kill").args(["-TERM", &handfast.pid().unwrap().to_string()]).status().unwrap();
    assert!(status.success());
}

/// A vote that comes after its time leaves a branch without a decision; with no proxy running, nobody would end it.
async fn what_is_abandoned_while_the_house_drains_is_cleared_before_it_ends(engine: Engine) {
    let (store, delivery) = own_servers(engine, "drain");
    let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let more = "[transactions]\nprepare_timeout = \"500ms\"\ncommit_wait = \"1s\"\n[limits]\ndrain_timeout = \"20s\"\n";
    let handfast = Handfast::with_config(binary(), &shop, &shop.config_with(more)).unwrap();
    handfast.start().unwrap();
    let url = handfast.url(shop.dialect());
    let (mut late, mut open) = (Direct::connect(&url).await.unwrap(), Direct::connect(&url).await.unwrap());
    // Orders that meet on no row.
    for (client, id) in [(&mut late, 1), (&mut open, 10)] {
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(id).statements()).await.unwrap();
    }
    ask_to_stop(&handfast);
    until("it is draining", SETTLE_MAX, || async { Direct::connect(&url).await.is_err() }).await;
    delivery.freeze();
    late.run("COMMIT").await.expect_err("delivery has not voted in time");
    delivery.thaw();
    let cleared = || handfast.log_text().contains("rolled back a branch without a decision");
    until("the late vote is there", SETTLE_MAX, || async { cleared() || !shop.branches().await.unwrap().is_empty() })
        .await;
    open.run("COMMIT").await.unwrap();
    open.close().await;
    let status = handfast.wait_exit(SETTLE_MAX).expect("it ends");
    assert!(status.success(), "{status}\n{}", handfast.log_tail());
    assert_eq!(shop.branches().await.unwrap(), Vec::<String>::new(), "{}", handfast.log_tail());
}

#[test]
fn two_users_of_one_server_are_two_participants_that_settle() {
    on(Engine::Mariadb, "two_users_of_one_server_are_two_participants_that_settle", two_users);
}

/// Neither user sees the other's sessions, but each sees all branches.
async fn two_users(engine: Engine) {
    let (server, _) = servers(engine);
    let shop = Shop::create(bed(), &server, &server, &unique_name()).await.unwrap();
    let mut root = shop.store.direct().await.unwrap();
    for (user, database) in [("keeper", &shop.store.name), ("rider", &shop.delivery.name)] {
        let user = format!("{user}_{}@127.0.0.1", shop.prefix().replace(|c: char| !c.is_ascii_alphanumeric(), ""));
        root.run(&format!("CREATE USER {} IDENTIFIED BY 'app'", quoted(&user))).await.unwrap();
        root.run(&format!("GRANT ALL ON {database}.* TO {}", quoted(&user))).await.unwrap();
    }
    let of = |user: &str| format!("{user}_{}:app", shop.prefix().replace(|c: char| !c.is_ascii_alphanumeric(), ""));
    let url = |user: &str, url: String| url.replace("app:app", &of(user));
    let config = shop
        .config()
        .replace(&shop.store.url(), &url("keeper", shop.store.url()))
        .replace(&shop.delivery.url(), &url("rider", shop.delivery.url()));
    let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
    let stand = Stand { shop: shop.into(), handfast: handfast.into() };
    for (id, (failpoint, there)) in [("after-prepare", 0), ("after-decision", 1)].into_iter().enumerate() {
        stand.start_to_die(failpoint);
        let order = Order::numbered(id as u64);
        let mut client = stand.client().await;
        client.run("BEGIN").await.unwrap();
        client.run_all(&order.statements()).await.unwrap();
        client.run("COMMIT").await.expect_err("it dies");
        stand.handfast.wait_exit(SETTLE_MAX).expect("it died");
        stand.handfast.start().unwrap();
        stand.settled().await;
        assert_eq!(stand.sides(order.id).await, (there, there), "{failpoint}\n{}", stand.handfast.log_tail());
    }
}

fn quoted(user: &str) -> String {
    let (name, host) = user.split_once('@').unwrap();
    format!("'{name}'@'{host}'")
}

#[test]
fn a_branch_of_a_lost_journal_is_told_of_and_left_alone() {
    on(Engine::Postgres, "a_branch_of_a_lost_journal_is_told_of_and_left_alone", lost_journal);
}

/// Its decision may have been in the journal that is gone: to presume an abort could make half of it.
async fn lost_journal(engine: Engine) {
    let (store, delivery) = servers(engine);
    let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let config = shop.config().replace("[node]\n", "[node]\nname = \"n-fixed\"\n");
    let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
    let stand = Stand { shop: shop.into(), handfast: handfast.into() };
    stand.start_to_die("after-decision");
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run_all(&Order::numbered(1).statements()).await.unwrap();
    client.run("COMMIT").await.expect_err("it dies");
    stand.handfast.wait_exit(SETTLE_MAX).expect("it died");
    let left = stand.shop.branches().await.unwrap();
    assert_eq!(left.len(), 2, "{left:?}");
    std::fs::remove_dir_all(stand.shop.journal()).unwrap();
    stand.handfast.start().unwrap();
    let told = || stand.handfast.log_text().matches("A BRANCH FROM A JOURNAL THAT IS LOST").count() >= 2;
    until("the operator is told", SETTLE_MAX, || async { told() }).await;
    // Its names begin anew, and still nobody takes the old branch for a new one.
    let mut client = stand.client().await;
    for id in [10, 19, 28] {
        client.run("BEGIN").await.unwrap();
        client.run_all(&Order::numbered(id).statements()).await.unwrap();
        client.run("COMMIT").await.unwrap();
    }
    let sweeps = clock_plus(Duration::from_secs(3));
    while handfast::base::clock::now() < sweeps {
        assert_eq!(stand.shop.branches().await.unwrap(), left, "{}", stand.handfast.log_tail());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    stand.handfast.kill9();
    for database in [&stand.shop.store, &stand.shop.delivery] {
        let mut root = database.direct().await.unwrap();
        for name in root.branches().await.unwrap().iter().filter(|name| left.contains(name)) {
            root.run(&format!("ROLLBACK PREPARED '{name}'")).await.unwrap();
        }
    }
}

fn clock_plus(time: Duration) -> std::time::Instant {
    handfast::base::clock::now() + time
}
