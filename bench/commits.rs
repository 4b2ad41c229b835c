//! One transaction over two databases: through Handfast, and by hand with packed, parallel PREPARE and COMMIT and no journal
//! at all (the least that two-phase commit can cost; it cannot recover).

use std::sync::Arc;
use std::time::Duration;

use handfast::base::{Dialect, clock};
use handfast::testbed::{Direct, Handfast, Shop};
use tokio::task::JoinSet;

use crate::{median, percentile};

const ROUNDS: usize = 3;

pub(crate) async fn measure(shop: &Arc<Shop>, handfast: &Arc<Handfast>, length: Duration) {
    let engine = shop.store.server.engine();
    println!(
        "\n| {engine:?} + {engine:?}, two-phase commit | by hand | Handfast | Handfast : by hand |\n|---|---|---|---|"
    );
    for clients in [1_usize, 8, 32] {
        let (mut hand, mut ours) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            hand.push(samples(shop, None, clients, round, length).await);
            ours.push(samples(shop, Some(handfast), clients, round, length).await);
        }
        let at =
            |rounds: &[Vec<f64>], percent| median(rounds.iter().map(|sorted| percentile(sorted, percent)).collect());
        for percent in [50, 99] {
            let (hand, ours) = (at(&hand, percent), at(&ours, percent));
            println!("| {clients} clients, p{percent} ms | {hand:.2} | {ours:.2} | {:.2} |", ours / hand);
        }
        let rate = |rounds: &[Vec<f64>]| median(rounds.iter().map(|r| r.len() as f64).collect()) / length.as_secs_f64();
        let (hand, ours) = (rate(&hand), rate(&ours));
        println!("| {clients} clients, transactions/s | {hand:.0} | {ours:.0} | {:.2} |", ours / hand);
    }
}

/// Milliseconds of every transaction, sorted.
async fn samples(
    shop: &Arc<Shop>,
    through: Option<&Arc<Handfast>>,
    clients: usize,
    round: usize,
    length: Duration,
) -> Vec<f64> {
    let mut running = JoinSet::new();
    for client in 0..clients {
        let (shop, url) = (Arc::clone(shop), through.map(|handfast| handfast.url(shop.dialect())));
        running.spawn(async move {
            match url {
                Some(url) => through_handfast(&url, client, length).await,
                None => by_hand(&shop, client, round, length).await,
            }
        });
    }
    let mut all: Vec<f64> = running.join_all().await.into_iter().flatten().collect();
    all.sort_by(f64::total_cmp);
    all
}

/// Rows of its own for each client: locks are not what is measured.
fn updates(client: usize) -> (String, String) {
    let id = client + 1_000;
    (format!("UPDATE counters SET n = n + 1 WHERE id = {id}"), format!("UPDATE tallies SET n = n + 1 WHERE id = {id}"))
}

async fn make_rows(store: &mut Direct, delivery: &mut Direct, client: usize) {
    let id = client + 1_000;
    // They are there from the second round on.
    for (direct, table) in [(store, "counters"), (delivery, "tallies")] {
        if direct.number(&format!("SELECT COUNT(*) FROM {table} WHERE id = {id}")).await.unwrap() == 0 {
            direct.run(&format!("INSERT INTO {table} (id, n) VALUES ({id}, 0)")).await.unwrap();
        }
    }
}

async fn through_handfast(url: &str, client: usize, length: Duration) -> Vec<f64> {
    let mut direct = Direct::connect(url).await.unwrap();
    let (store, delivery) = updates(client);
    let mut samples = Vec::new();
    let end = clock::now() + length;
    while clock::now() < end {
        let began = clock::now();
        for sql in ["BEGIN", &store, &delivery, "COMMIT"] {
            direct.run(sql).await.unwrap();
        }
        samples.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    samples
}

async fn by_hand(shop: &Shop, client: usize, round: usize, length: Duration) -> Vec<f64> {
    let mut store = Direct::connect(&shop.store.url()).await.unwrap();
    let mut delivery = Direct::connect(&shop.delivery.url()).await.unwrap();
    make_rows(&mut store, &mut delivery, client).await;
    let (first, second) = updates(client);
    let mut samples = Vec::new();
    let end = clock::now() + length;
    while clock::now() < end {
        let name = format!("hand-{round}-{client}-{}", samples.len());
        let (begin, prepare, commit) = match shop.dialect() {
            Dialect::Postgres => {
                ("BEGIN".to_owned(), format!("PREPARE TRANSACTION '{name}'"), format!("COMMIT PREPARED '{name}'"))
            }
            Dialect::Mysql => {
                let prepare = format!("XA END '{name}';XA PREPARE '{name}'");
                (format!("XA START '{name}'"), prepare, format!("XA COMMIT '{name}'"))
            }
        };
        let began = clock::now();
        // As the best of applications does it: its statements one after the other, each opening packed with the first of
        // them, the two phases in parallel.
        store.run(&format!("{begin};{first}")).await.unwrap();
        delivery.run(&format!("{begin};{second}")).await.unwrap();
        let prepared = tokio::join!(store.run(&prepare), delivery.run(&prepare));
        prepared.0.and(prepared.1).unwrap();
        let committed = tokio::join!(store.run(&commit), delivery.run(&commit));
        committed.0.and(committed.1).unwrap();
        samples.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    samples
}
