//! What is done each second, for as long as the process lives.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::backend::pool::Pools;
use crate::base::swap::Swap;
use crate::base::{TxnId, clock};
use crate::commit::registry::Registry;
use crate::config::Config;
use crate::journal::Journal;
use crate::ops::{House, SAMPLE_EVERY};
use crate::telemetry::metrics;

/// Keeps the metrics bounded, and copies the journal's figures into them.
pub(super) async fn upkeep(handle: PrometheusHandle, journal: Journal) {
    let started = clock::now();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let stats = journal.stats();
        metrics::journal(stats.unsettled, stats.kept, stats.segment_used_bytes);
        metrics::up(started.elapsed());
        handle.run_upkeep();
    }
}

/// Warns of transactions that are in doubt for longer than `transactions.warn_after`, each once.
pub(super) async fn watch_in_doubt(registry: Arc<Registry>, config: Arc<Swap<Config>>) {
    let mut told = BTreeSet::new();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (now_ms, warn_after) = (clock::wall_ms(), config.get().transactions.warn_after);
        let unfinished = registry.unfinished();
        let age = |decided_ms: u64| Duration::from_millis(now_ms.saturating_sub(decided_ms));
        // There may be thousands when a database is away, and this runs beside the commits.
        let still: BTreeSet<&TxnId> = unfinished.iter().map(|(txn, _)| txn).collect();
        told.retain(|txn| still.contains(txn));
        for (txn, entry) in unfinished.iter().filter(|(_, entry)| age(entry.decided_wall_ms) >= warn_after) {
            if told.insert(txn.clone()) {
                let age = age(entry.decided_wall_ms);
                tracing::warn!(%txn, ?age, met = ?entry.met, "a committed transaction waits for a backend");
            }
        }
    }
}

pub(super) async fn take_samples(house: Arc<House>) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        house.sample();
    }
}

pub(super) async fn sweep_pools(pools: Arc<Swap<Pools>>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        pools.get().sweep().await;
    }
}
