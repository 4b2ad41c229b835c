//! The last quarter of an hour, a sample each second, for plots that need no Prometheus.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::House;
use super::model::Samples;
use crate::base::clock;
use crate::commit::tally::{Counts, Totals};

/// Between two samples.
pub const SAMPLE_EVERY: Duration = Duration::from_secs(1);

/// Samples kept: 15 minutes.
const KEPT_MAX: usize = 900;

/// Commits of so many seconds make the status's figure.
const MINUTE: usize = 60;

/// The series, in the order of [`Ring::take`]'s values.
pub const SERIES: [&str; 10] = [
    "commits",
    "two_phase",
    "rollbacks",
    "in_doubt",
    "prepare_ms_p50",
    "prepare_ms_p99",
    "sync_ms",
    "finish_ms_p50",
    "finish_ms_p99",
    "pool_waiting",
];

#[derive(Debug, Default)]
pub(super) struct Ring(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    rows: VecDeque<[f64; SERIES.len()]>,
    last_wall_ms: u64,
    totals: Totals,
    prepare: Counts,
    finish: Counts,
    /// The commits' counts of the last minute's seconds, oldest first.
    commits: VecDeque<Counts>,
    syncs: (u64, Duration),
}

impl House {
    /// Takes a sample; called each [`SAMPLE_EVERY`].
    pub fn sample(&self) {
        let tally = self.parts.commits.tally();
        let (totals, prepare, finish) = (tally.totals(), tally.prepare.counts(), tally.finish.counts());
        let stats = self.parts.journal.stats();
        let in_doubt = self.parts.registry.ledger().in_doubt().0;
        let waiting: usize = self.backend_ids().map(|id| self.parts.pools.get().usage(id).waiting).sum();
        let mut state = self.samples.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (prepared, finished) = (prepare.since(&state.prepare), finish.since(&state.finish));
        let (syncs, took) = (stats.writes - state.syncs.0, stats.sync_total.saturating_sub(state.syncs.1));
        let ms = |counts: &Counts, share| counts.quantile_ms(share).unwrap_or(0.0);
        // Counts are far below 2^53.
        let row = [
            (totals.committed - state.totals.committed) as f64,
            (totals.two_phase - state.totals.two_phase) as f64,
            (totals.rolled_back - state.totals.rolled_back) as f64,
            in_doubt as f64,
            ms(&prepared, 0.5),
            ms(&prepared, 0.99),
            if syncs == 0 { 0.0 } else { took.as_secs_f64() * 1000.0 / syncs as f64 },
            ms(&finished, 0.5),
            ms(&finished, 0.99),
            waiting as f64,
        ];
        if state.rows.len() >= KEPT_MAX {
            state.rows.pop_front();
        }
        state.rows.push_back(row);
        if state.commits.len() >= MINUTE {
            state.commits.pop_front();
        }
        state.commits.push_back(tally.commit.counts());
        (state.totals, state.prepare, state.finish) = (totals, prepare, finish);
        (state.last_wall_ms, state.syncs) = (clock::wall_ms(), (stats.writes, stats.sync_total));
    }

    /// The time that 99 % of the last minute's commits did not exceed.
    pub(super) fn p99_commit_ms(&self) -> Option<f64> {
        let now = self.parts.commits.tally().commit.counts();
        let state = self.samples.0.lock().unwrap_or_else(PoisonError::into_inner);
        match state.commits.front() {
            Some(minute_ago) if state.commits.len() >= MINUTE => now.since(minute_ago).quantile_ms(0.99),
            Some(_) | None => now.quantile_ms(0.99),
        }
    }

    /// Transactions that ended in the last minute; sooner after the start, at the rate so far.
    pub(super) fn ended_per_minute(&self) -> u64 {
        let state = self.samples.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = state.rows.len().min(MINUTE);
        let place = |name: &str| SERIES.iter().position(|series| *series == name).unwrap_or_default();
        let (commits, rollbacks) = (place("commits"), place("rollbacks"));
        let ended: f64 = state.rows.iter().rev().take(seconds).map(|row| row[commits] + row[rollbacks]).sum();
        (ended * MINUTE as f64 / seconds.max(1) as f64).round() as u64
    }

    /// All samples.
    pub fn samples(&self) -> Samples {
        let state = self.samples.0.lock().unwrap_or_else(PoisonError::into_inner);
        let every_ms = u64::try_from(SAMPLE_EVERY.as_millis()).unwrap_or(u64::MAX);
        let before = every_ms * (state.rows.len() as u64).saturating_sub(1);
        let column = |index: usize| state.rows.iter().map(|row| row[index]).collect();
        let series: BTreeMap<String, Vec<f64>> =
            SERIES.iter().enumerate().map(|(index, name)| ((*name).to_owned(), column(index))).collect();
        Samples { every_ms, from_wall_ms: state.last_wall_ms.saturating_sub(before), series }
    }
}
