//! The four acts.

use std::time::Duration;

use super::{DemoArgs, Stand, by_hand, client, screen::Screen};
use crate::base::{Failpoint, clock};
use crate::testbed::{Database, Direct, Load, Order, SqlError, TestbedError, Verdict};

/// In-doubt branches are finished by then, or the demo has failed.
const SETTLE_MAX: Duration = Duration::from_secs(30);

pub(super) async fn play(stand: &Stand, args: &DemoArgs, screen: &Screen) -> Result<bool, TestbedError> {
    screen.line(&format!("\n=== Store on PostgreSQL, delivery on MariaDB, one transaction from {}", stand.title));
    let one = one_order(stand, screen).await?;
    let two = the_same_by_hand(stand, screen).await?;
    let three = the_worst_moments(stand, screen).await?;
    let four = under_havoc(stand, args, screen).await?;
    Ok(one && two && three && four)
}

fn told(error: SqlError) -> TestbedError {
    TestbedError::Sql { what: "the demo".into(), why: error.to_string() }
}

async fn one_order(stand: &Stand, screen: &Screen) -> Result<bool, TestbedError> {
    screen.act("1  One order, two databases, plain SQL");
    let order = Order { id: 1001, item: "lamp".into(), agent: "Ann".into() };
    let places = ["-> store   ", "-> store   ", "-> delivery", "-> delivery"];
    let statements = order.statements();
    let middle = statements.iter().map(String::as_str).zip(places);
    let script: Vec<(&str, &str)> =
        std::iter::once(("BEGIN", "           ")).chain(middle).chain([("COMMIT", "-> both    ")]).collect();
    for (sql, place) in &script {
        screen.line(&format!("     {:<92} {place}", format!("{sql};")));
    }
    let texts: Vec<&str> = script.iter().map(|(sql, _)| *sql).collect();
    let began = clock::now();
    let who = client::play(stand, &texts).await?;
    let took = began.elapsed().as_secs_f64() * 1000.0;
    let found = Found::of(stand, order.id).await?;
    screen.line(&format!("     by {who} in {took:.0} ms   {found}"));
    Ok(found == Found { store: true, delivery: true })
}

async fn the_same_by_hand(stand: &Stand, screen: &Screen) -> Result<bool, TestbedError> {
    screen.act("2  The same by hand: a transaction on each database, two COMMITs, and a kill -9 between them");
    by_hand::run_and_kill(stand).await?;
    let order = by_hand::order();
    // The servers roll back when they notice that their client is gone; nothing is left to wait for but that.
    let mut found = Found::of(stand, order.id).await?;
    let deadline = clock::now() + Duration::from_secs(1);
    while found.store == found.delivery && clock::now() < deadline {
        found = Found::of(stand, order.id).await?;
    }
    screen.line(&format!("     {found}"));
    repair(&stand.shop.store, &order).await.map_err(told)?;
    screen.line("     (somebody must find and repair that by hand; the demo just did)");
    // Here the damage is what is expected.
    Ok(found == Found { store: true, delivery: false })
}

async fn repair(store: &Database, order: &Order) -> Result<(), SqlError> {
    let mut direct = store.direct().await?;
    direct.run(&format!("DELETE FROM orders WHERE id = {}", order.id)).await?;
    direct.run(&format!("UPDATE stock SET reserved = reserved - 1 WHERE item = '{}'", order.item)).await?;
    direct.close().await;
    Ok(())
}

async fn the_worst_moments(stand: &Stand, screen: &Screen) -> Result<bool, TestbedError> {
    screen.act("3  Through Handfast, killed with -9 at the three worst moments of its COMMIT");
    let moments = [
        (Failpoint::AfterPrepare, "after both prepared", false),
        (Failpoint::AfterDecision, "after the decision", true),
        (Failpoint::AfterFirstCommit, "after the first commit", true),
    ];
    let mut whole = true;
    for (number, (point, words, committed)) in (1003..).zip(moments) {
        let order = Order { id: number, item: "chair".into(), agent: "Cem".into() };
        stand.handfast.launch(Some(point.name()))?;
        stand.handfast.wait_ready(SETTLE_MAX)?;
        let died = place_and_see_it_die(stand, &order).await;
        let began = clock::now();
        stand.handfast.start()?;
        let settled = settled(stand).await?;
        let took = began.elapsed().as_millis();
        let found = Found::of(stand, order.id).await?;
        let right = died && settled && found == Found { store: committed, delivery: committed };
        let verdict = if right { "whole" } else { "NOT AS IT MUST BE" };
        screen.line(&format!("     killed {words:<24} {found}   restarted and settled in {took} ms   {verdict}"));
        whole &= right;
    }
    Ok(whole)
}

/// Places an order; whether Handfast died on it.
async fn place_and_see_it_die(stand: &Stand, order: &Order) -> bool {
    let placed = async {
        let mut client = Direct::connect(&stand.handfast.url(stand.shop.dialect())).await?;
        client.run("BEGIN").await?;
        client.run_all(&order.statements()).await?;
        client.run("COMMIT").await
    };
    placed.await.is_err_and(|error| !error.is_answer()) && stand.handfast.wait_exit(Duration::from_secs(10)).is_some()
}

/// Waits until no branch of ours is left.
async fn settled(stand: &Stand) -> Result<bool, TestbedError> {
    let deadline = clock::now() + SETTLE_MAX;
    while !stand.shop.branches().await.map_err(told)?.is_empty() {
        if clock::now() > deadline {
            return Ok(false);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(true)
}

async fn under_havoc(stand: &Stand, args: &DemoArgs, screen: &Screen) -> Result<bool, TestbedError> {
    let (orders, clients, proxy_kills) = (args.orders.max(1), 8, 5);
    screen.act(&format!(
        "4  {orders} orders by {clients} clients; {proxy_kills} x kill -9 of Handfast and 1 x of each database at random moments"
    ));
    let load = Load {
        orders,
        first_id: 10_000,
        clients,
        seed: args.seed,
        proxy_kills,
        backend_kills: 1,
        time_max: Duration::from_secs(60 + orders / 5),
    };
    let began = clock::now();
    let tally = load.run(&stand.shop, &stand.handfast, |done| screen.progress(done, orders)).await?;
    let mut verdict = Verdict::read(&stand.shop, &tally, SETTLE_MAX).await?;
    if verdict.branches.is_empty() && !verdict.whole() {
        // A commit that is still on its way in Handfast settles within moments.
        verdict = Verdict::read(&stand.shop, &tally, SETTLE_MAX).await?;
    }
    let took = began.elapsed().as_secs_f64();
    let (committed, absent, unknown) = (tally.committed.len(), tally.absent.len(), tally.unknown.len());
    let Verdict { unknown_committed, unknown_rolled_back, .. } = verdict;
    screen.line(&format!("     {took:.1} s, {} kills; COMMIT answered {committed}, ended without COMMIT {absent}, no answer {unknown} ({unknown_committed} found committed, {unknown_rolled_back} rolled back)", tally.kills));
    screen.line(&format!(
        "     packets reserved {} = orders {} = assignments {}",
        verdict.reserved, verdict.orders, verdict.assignments
    ));
    screen.line(&format!(
        "     answered and lost {}   not committed and there {}   branches left {}   HALF DONE: {}",
        verdict.lost.len(),
        verdict.ghosts.len(),
        verdict.branches.len(),
        verdict.half_done.len()
    ));
    if !verdict.whole() {
        screen.line(&format!("     {verdict:?}\n{}", stand.handfast.log_tail()));
    }
    Ok(verdict.whole())
}

/// Where an order is.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Found {
    store: bool,
    delivery: bool,
}

impl Found {
    async fn of(stand: &Stand, id: u64) -> Result<Self, TestbedError> {
        let orders = format!("SELECT COUNT(*) FROM orders WHERE id = {id}");
        let assignments = format!("SELECT COUNT(*) FROM assignments WHERE order_id = {id}");
        let store = count(&stand.shop.store, &orders).await.map_err(told)? == 1;
        let delivery = count(&stand.shop.delivery, &assignments).await.map_err(told)? == 1;
        Ok(Self { store, delivery })
    }
}

async fn count(database: &Database, sql: &str) -> Result<i64, SqlError> {
    let mut direct = database.direct().await?;
    let number = direct.number(sql).await?;
    direct.close().await;
    Ok(number)
}

impl std::fmt::Display for Found {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let words = |there| if there { "reserved" } else { "nothing " };
        let verdict = if self.store == self.delivery { "" } else { "   HALF DONE" };
        write!(f, "store: {}  delivery: {}{verdict}", words(self.store), words(self.delivery))
    }
}
