//! `pool.mode = "transaction"`: MySQL clients share connections and do not notice. That every statement answers the same
//! when all connections are taken in between is in `mysql_is_the_same`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::{Direct, Handfast, Order, Server, Shop, SqlError};
use sqlx::Row;

use crate::bed::{SETTLE_MAX, Stand, bed, binary, on, servers, unique_name, until};

macro_rules! on_both_engines {
    ($($name:ident;)*) => {
        mod mariadb {
            use handfast::base::Engine;
            $(#[test] fn $name() { super::on(Engine::Mariadb, concat!(module_path!(), "::", stringify!($name)), super::$name); })*
        }
        mod mysql {
            use handfast::base::Engine;
            $(#[test] fn $name() { super::on(Engine::Mysql, concat!(module_path!(), "::", stringify!($name)), super::$name); })*
        }
    };
}

on_both_engines! {
    a_thousand_clients_on_twenty_connections_keep_what_is_theirs;
    orders_of_fifty_clients_on_two_connections_are_whole;
    a_connection_stays_for_what_no_other_one_could_be_given;
    a_parked_connection_that_the_server_kills_is_not_missed;
    a_kill_never_hits_another_sessions_statement;
    a_client_that_vanishes_leaves_no_locks;
}

/// A shop whose Handfast has this `[pool]`.
async fn stand(store: &Arc<Server>, delivery: &Arc<Server>, pool: &str, voice: Dialect) -> Stand {
    let shop = Shop::create(bed(), store, delivery, &unique_name()).await.unwrap().told_in(voice);
    let config = shop.config_with(&format!("\n[pool]\nmode = \"transaction\"\n{pool}\n"));
    let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
    handfast.start().unwrap();
    Stand { shop: Arc::new(shop), handfast: Arc::new(handfast) }
}

async fn scarce(engine: Engine, pool: &str) -> Stand {
    let (store, delivery) = servers(engine);
    stand(&store, &delivery, pool, Dialect::Mysql).await
}

/// What one client has set, and asks for again and again.
struct Own {
    client: Direct,
    number: i64,
    zone: i64,
    away: bool,
}

impl Own {
    async fn new(stand: &Stand, number: i64) -> Self {
        let mut client = stand.client().await;
        let (zone, away) = (number % 12 + 1, number % 3 == 0);
        client.run(&format!("SET @me = {number}")).await.unwrap();
        client.run("SELECT CONCAT('c', @me) INTO @name").await.unwrap();
        client.run(&format!("SET time_zone = '+{zone:02}:00'")).await.unwrap();
        if away {
            client.run("USE information_schema").await.unwrap();
        }
        Self { client, number, zone, away }
    }

    async fn check(&mut self, store: &str) {
        let database = if self.away { "information_schema" } else { store };
        let expected = format!("{}/c{}/+{:02}:00/{database}", self.number, self.number, self.zone);
        let asked = "SELECT CONCAT_WS('/', @me, @name, @@time_zone, DATABASE())";
        assert_eq!(self.client.run(asked).await.unwrap().first(), Some(expected.as_str()));
        // sqlx keeps it prepared.
        let Direct::Mysql(connection) = &mut self.client else { unreachable!() };
        let prepared = sqlx::query("SELECT CAST(? AS SIGNED) + @me AS sum").bind(self.number).fetch_one(connection);
        assert_eq!(prepared.await.unwrap().get::<i64, _>(0), 2 * self.number);
        let key = self.number + 1;
        self.client.run(&format!("DO LAST_INSERT_ID({key})")).await.unwrap();
        assert_eq!(self.client.number("SELECT LAST_INSERT_ID()").await.unwrap(), key);
    }
}

async fn a_thousand_clients_on_twenty_connections_keep_what_is_theirs(engine: Engine) {
    const CLIENTS: i64 = 1000;
    const ROUNDS: usize = 2;
    // Recovery and the schema cache have connections of their own.
    const OTHERS: i64 = 4;
    let stand = scarce(engine, "size = 20\nacquire_timeout = \"60s\"").await;
    let store = stand.shop.store.name.clone();
    let mut owns = Vec::new();
    for number in 0..CLIENTS {
        owns.push(Own::new(&stand, number).await);
    }
    for _round in 0..ROUNDS {
        let mut tasks = tokio::task::JoinSet::new();
        for mut own in owns.drain(..) {
            let store = store.clone();
            tasks.spawn(async move {
                own.check(&store).await;
                own
            });
        }
        while let Some(own) = tasks.join_next().await {
            owns.push(own.unwrap());
        }
    }
    assert_eq!(owns.len(), 1000);
    let mut root = stand.shop.store.direct().await.unwrap();
    let theirs = format!("user = 'app' AND db IN ('{store}', 'information_schema')");
    let sql = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE {theirs}");
    let used = root.number(&sql).await.unwrap();
    assert!(used <= 20 + OTHERS, "{used} connections");
}

async fn orders_of_fifty_clients_on_two_connections_are_whole(engine: Engine) {
    const CLIENTS: u64 = 50;
    const ORDERS: u64 = 4;
    let stand = scarce(engine, "size = 2\nacquire_timeout = \"60s\"").await;
    whole_orders(&stand, CLIENTS, ORDERS).await;
}

async fn once(client: &mut Direct, order: &Order, end: &str) -> Result<(), SqlError> {
    client.run("BEGIN").await?;
    client.run_all(&order.statements()).await?;
    client.run(end).await.map(drop)
}

async fn whole_orders(stand: &Stand, clients: u64, orders: u64) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..clients {
        let mut client = stand.client().await;
        tasks.spawn(async move {
            let mut done = Vec::new();
            for order in 0..orders {
                let order = Order::numbered(1 + number * orders + order);
                let end = if order.id.is_multiple_of(5) { "ROLLBACK" } else { "COMMIT" };
                // A victim of a deadlock tries again, as applications do.
                while let Err(error) = once(&mut client, &order, end).await {
                    assert_eq!(error.number, Some(1213), "{error}");
                }
                done.push((order.id, end == "COMMIT"));
            }
            done
        });
    }
    let mut committed = 0;
    while let Some(done) = tasks.join_next().await {
        for (id, kept) in done.unwrap() {
            committed += i64::from(kept);
            assert_eq!(stand.sides(id).await, (i64::from(kept), i64::from(kept)), "order {id}");
        }
    }
    assert_eq!(stand.store("SELECT SUM(reserved) FROM stock").await, committed);
    stand.settled().await;
}

async fn a_connection_stays_for_what_no_other_one_could_be_given(engine: Engine) {
    let stand = scarce(engine, "size = 1\nacquire_timeout = \"200ms\"").await;
    let cases = [
        ("SELECT GET_LOCK('mine', 0)", "SELECT RELEASE_LOCK('mine')"),
        ("SELECT GET_LOCK('one', 0)", "SELECT RELEASE_ALL_LOCKS()"),
        ("LOCK TABLES counters WRITE", "UNLOCK TABLES"),
        ("BEGIN; UPDATE counters SET n = n + 1", "COMMIT"),
        // Nothing gives it back but the session's end or a reset.
        ("CREATE TEMPORARY TABLE counted (n int)", ""),
    ];
    let mut other = stand.client().await;
    for (hold, release) in cases {
        let mut client = stand.client().await;
        client.run(hold).await.unwrap();
        let error = other.run("SELECT 1").await.expect_err(hold);
        assert!(error.message.contains("pool.size"), "{error}");
        if release.is_empty() {
            client.run("INSERT INTO counted VALUES (1)").await.unwrap();
            client.close().await;
            let deadline = clock::now() + SETTLE_MAX;
            while other.run("SELECT 1").await.is_err() {
                assert!(clock::now() < deadline, "{hold}");
            }
        } else {
            client.run(release).await.unwrap();
            other.run("SELECT 1").await.unwrap_or_else(|error| panic!("{hold}: {error}"));
            client.close().await;
        }
    }
}

/// The threads of the application on the store's server, but for the asking one.
async fn threads(stand: &Stand) -> Vec<i64> {
    let mut root = stand.shop.store.direct().await.unwrap();
    let name = &stand.shop.store.name;
    let sql = format!("SELECT id FROM information_schema.processlist WHERE user = 'app' AND db = '{name}'");
    let rows = root.run(&sql).await.unwrap().rows;
    root.close().await;
    rows.iter().filter_map(|row| row.first()?.as_deref()?.parse().ok()).collect()
}

async fn a_parked_connection_that_the_server_kills_is_not_missed(engine: Engine) {
    let stand = scarce(engine, "size = 5").await;
    let mut client = stand.client().await;
    client.run("SET @a = 5").await.unwrap();
    client.run("SET time_zone = '+03:00'").await.unwrap();
    assert_eq!(client.run_prepared("UPDATE counters SET n = ? WHERE id = ?", &[7, 1]).await.unwrap(), 1);
    let mut root = stand.shop.store.direct().await.unwrap();
    for thread in threads(&stand).await {
        root.run(&format!("KILL {thread}")).await.unwrap();
    }
    until("the server has closed them", SETTLE_MAX, async || threads(&stand).await.is_empty()).await;
    let asked = client.run("SELECT CONCAT(@a, @@time_zone)").await.unwrap();
    assert_eq!(asked.first(), Some("5+03:00"));
    assert_eq!(client.run_prepared("UPDATE counters SET n = ? WHERE id = ?", &[8, 1]).await.unwrap(), 1);
}

async fn a_kill_never_hits_another_sessions_statement(engine: Engine) {
    const KILLS: u64 = 300;
    let stand = Arc::new(scarce(engine, "size = 1\nacquire_timeout = \"60s\"").await);
    let mut victim = stand.client().await;
    let id = victim.number("SELECT CONNECTION_ID()").await.unwrap();
    let (stop, hit) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    let (over, hits) = (Arc::clone(&stop), Arc::clone(&hit));
    tasks.spawn(async move {
        while !over.load(Ordering::Relaxed) {
            // An interrupted SLEEP gives 1, or an error.
            if victim.number("SELECT SLEEP(0.003)").await.ok() != Some(0) {
                hits.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    for _bystander in 0..3 {
        let (over, mut client) = (Arc::clone(&stop), stand.client().await);
        tasks.spawn(async move {
            while !over.load(Ordering::Relaxed) {
                assert_eq!(client.number("SELECT SLEEP(0.003)").await.unwrap(), 0);
            }
        });
    }
    let mut killer = stand.client().await;
    let (mut kills, deadline) = (0, clock::now() + SETTLE_MAX);
    // Many, and as many as it takes until the victim was caught in a statement.
    while kills < KILLS || hit.load(Ordering::Relaxed) == 0 && clock::now() < deadline {
        killer.run(&format!("KILL QUERY {id}")).await.unwrap();
        kills += 1;
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    assert!(hit.load(Ordering::Relaxed) > 0, "none of {kills} kills hit its target");
}

async fn a_client_that_vanishes_leaves_no_locks(engine: Engine) {
    let stand = scarce(engine, "size = 2").await;
    let mut client = stand.client().await;
    client.run("BEGIN").await.unwrap();
    client.run("UPDATE counters SET n = n + 1 WHERE id = 1").await.unwrap();
    client.run("UPDATE tallies SET n = n + 1 WHERE id = 1").await.unwrap();
    let asleep = tokio::time::timeout(Duration::from_millis(300), client.run("SELECT SLEEP(600) FROM counters")).await;
    assert!(asleep.is_err(), "it sleeps");
    drop(client);
    let mut other = stand.client().await;
    let began = clock::now();
    other.run("UPDATE counters SET n = n + 1 WHERE id = 1").await.unwrap();
    other.run("UPDATE tallies SET n = n + 1 WHERE id = 1").await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(20), "its locks were there for {:?}", began.elapsed());
    assert_eq!(stand.store("SELECT n FROM counters WHERE id = 1").await, 1);
}

#[test]
fn connections_to_the_other_dialect_are_shared_as_well() {
    on(Engine::Mariadb, "connections_to_the_other_dialect", |engine| async move {
        let ((store, _), (delivery, _)) = (servers(engine), servers(Engine::Postgres));
        let stand = stand(&store, &delivery, "size = 2\nacquire_timeout = \"60s\"", Dialect::Mysql).await;
        whole_orders(&stand, 20, 3).await;
    });
}
