//! Many clients, `kill -9` of Handfast and of every database at random moments, then the databases are asked.
//! `HANDFAST_CHAOS_TXNS` sets the number of orders for each pair; from 20,000 on, Handfast is killed 20 times and each
//! database 5 times. `HANDFAST_CHAOS_SEED` repeats a run's plan.

use std::sync::Arc;
use std::time::Duration;

use handfast::base::Engine;
use handfast::testbed::{Load, Verdict};

use crate::bed::{SETTLE_MAX, Stand, on_every_engine, own_servers};

on_every_engine! {
    nothing_is_half_done_after_havoc;
}

fn number_from(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

async fn nothing_is_half_done_after_havoc(engine: Engine) {
    let orders = number_from("HANDFAST_CHAOS_TXNS", 1_000);
    let load = Load {
        orders,
        first_id: 1,
        clients: 32,
        seed: number_from("HANDFAST_CHAOS_SEED", 20_261),
        proxy_kills: usize::try_from(orders / 1_000).unwrap().clamp(4, 20),
        backend_kills: usize::try_from(orders / 4_000).unwrap().clamp(2, 5),
        time_max: Duration::from_secs(240 + orders / 20),
    };
    let (store, delivery) = own_servers(engine, "chaos");
    let stand = Stand::over(&store, &delivery).await;
    stand.handfast.start().unwrap();
    let tally = load.run(&stand.shop, &stand.handfast, |_| ()).await.unwrap();
    let seed = load.seed;
    let verdict = Verdict::read(&stand.shop, &tally, SETTLE_MAX).await.unwrap();
    println!(
        "{engine:?}: seed {seed}, {} kills, {} committed, {} absent, {} unknown: {verdict:?}",
        tally.kills,
        tally.committed.len(),
        tally.absent.len(),
        tally.unknown.len()
    );
    assert!(verdict.whole(), "seed {seed}: {verdict:?}\n{}", stand.handfast.log_tail());
    assert!(
        tally.committed.len() as u64 > orders / 2,
        "most orders must go through: {} ({:#?})",
        tally.committed.len(),
        tally.errors
    );

    // MariaDB can list a branch again only after a restart of its own (FACTS 8a): look again then.
    stand.handfast.kill9();
    for server in [Arc::clone(&store), Arc::clone(&delivery)] {
        server.restart().unwrap();
    }
    stand.handfast.start().unwrap();
    let again = Verdict::read(&stand.shop, &tally, SETTLE_MAX).await.unwrap();
    assert!(again.whole(), "seed {seed}, after all were restarted: {again:?}\n{}", stand.handfast.log_tail());
}
