//! The only file that names metrics. Other rooms call these functions; without [`install`] they do nothing. Names carry
//! their unit, labels have few values (never a statement, a user or a transaction).

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::base::Dialect;

const BUILD_INFO: &str = "handfast_build_info";
const SESSIONS: &str = "handfast_sessions";
const TRANSACTIONS: &str = "handfast_transactions_total";
const COMMIT_SECONDS: &str = "handfast_commit_seconds";
const PHASE_SECONDS: &str = "handfast_commit_phase_seconds";
const IN_DOUBT: &str = "handfast_in_doubt_transactions";
const IN_DOUBT_AGE: &str = "handfast_in_doubt_oldest_seconds";
const SETTLED: &str = "handfast_recovery_branches_total";
const UNSETTLED: &str = "handfast_in_doubt_branches";
const HEURISTIC: &str = "handfast_heuristic_outcomes_total";
const STRANGERS: &str = "handfast_stranger_branches";
const JOURNAL_SYNCS: &str = "handfast_journal_syncs_total";
const JOURNAL_DECISIONS: &str = "handfast_journal_decisions_total";
const JOURNAL_SYNC_TIME: &str = "handfast_journal_sync_microseconds_total";
const JOURNAL_LAST_SYNC: &str = "handfast_journal_last_sync_seconds";
const JOURNAL_RECORDS: &str = "handfast_journal_decisions";
const JOURNAL_BYTES: &str = "handfast_journal_segment_used_bytes";
const POOL: &str = "handfast_pool_connections";
const POOL_WAITING: &str = "handfast_pool_waiting_sessions";
const POOL_WAIT: &str = "handfast_pool_wait_seconds";
const BACKEND_UP: &str = "handfast_backend_up";

/// Seconds; from a local round trip to a hopeless wait.
const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Switches metrics on for the rest of the process. The handle renders them; its `run_upkeep` must be called now and
/// then.
///
/// # Errors
/// It was done before.
pub fn install() -> Result<PrometheusHandle, BuildError> {
    let handle = builder()?.install_recorder()?;
    describe();
    Ok(handle)
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new().set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
}

fn describe() {
    describe_gauge!(BUILD_INFO, "1, with the version as a label");
    describe_gauge!(SESSIONS, "Client sessions, by protocol");
    describe_counter!(TRANSACTIONS, "Transactions ended, by outcome and phases (0: nothing was committed)");
    describe_histogram!(COMMIT_SECONDS, "From COMMIT or ROLLBACK to its answer, by phases");
    describe_histogram!(
        PHASE_SECONDS,
        "Time of one participant's prepare, of the decision, of one participant's commit"
    );
    describe_gauge!(IN_DOUBT, "Decided transactions of which a branch is not committed yet");
    describe_gauge!(IN_DOUBT_AGE, "Age of the oldest of them");
    describe_counter!(SETTLED, "Branches that recovery finished, by backend and action");
    describe_gauge!(UNSETTLED, "Branches that recovery could not finish yet, by backend");
    describe_counter!(HEURISTIC, "Branches that somebody else ended against the decision; must stay 0");
    describe_gauge!(STRANGERS, "Prepared branches on a backend that are not this node's");
    describe_counter!(JOURNAL_SYNCS, "Syncs of the journal");
    describe_counter!(JOURNAL_DECISIONS, "Decisions made durable by them");
    describe_counter!(JOURNAL_SYNC_TIME, "Time they took together");
    describe_gauge!(JOURNAL_LAST_SYNC, "Time the last sync took");
    describe_gauge!(JOURNAL_RECORDS, "Decisions in the journal, by state");
    describe_gauge!(JOURNAL_BYTES, "Bytes used of the current segment");
    describe_gauge!(POOL, "Connections to a backend, by state");
    describe_gauge!(POOL_WAITING, "Sessions that wait for a connection to a backend");
    describe_histogram!(POOL_WAIT, "How long sessions waited for a connection");
    describe_gauge!(BACKEND_UP, "1 while a backend answers");
    gauge!(BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
}

fn protocol(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "postgres",
        Dialect::Mysql => "mysql",
    }
}

fn number(count: usize) -> f64 {
    // Gauges are f64 in Prometheus; counts of ours are far below 2^53.
    count as f64
}

/// Sessions of a protocol right now.
pub fn sessions(dialect: Dialect, count: usize) {
    gauge!(SESSIONS, "protocol" => protocol(dialect)).set(number(count));
}

/// A transaction has ended: how, in how many phases (0: nothing was committed), and how long its end took.
pub fn transaction_ended(outcome: &'static str, phases: u8, took: Duration) {
    let phases = match phases {
        0 => "0",
        1 => "1",
        _ => "2",
    };
    counter!(TRANSACTIONS, "outcome" => outcome, "phases" => phases).increment(1);
    histogram!(COMMIT_SECONDS, "phases" => phases).record(took.as_secs_f64());
}

/// A participant voted yes.
pub fn prepared(took: Duration) {
    histogram!(PHASE_SECONDS, "phase" => "prepare").record(took.as_secs_f64());
}

/// A decision became durable.
pub fn decided(took: Duration) {
    histogram!(PHASE_SECONDS, "phase" => "decide").record(took.as_secs_f64());
}

/// A prepared branch was committed.
pub fn settled(took: Duration) {
    histogram!(PHASE_SECONDS, "phase" => "finish").record(took.as_secs_f64());
}

/// Decided transactions that are not finished.
pub fn in_doubt(count: usize) {
    gauge!(IN_DOUBT).set(number(count));
}

/// Age of the oldest unfinished transaction; zero if there is none.
pub fn in_doubt_oldest(age: Duration) {
    gauge!(IN_DOUBT_AGE).set(age.as_secs_f64());
}

/// Recovery looked at a backend: what it finished, and how many branches are left for the next time.
pub fn swept(backend: &str, committed: usize, rolled_back: usize, left: usize) {
    for (action, count) in [("committed", committed), ("rolled_back", rolled_back)] {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        counter!(SETTLED, "backend" => backend.to_owned(), "action" => action).increment(count);
    }
    gauge!(UNSETTLED, "backend" => backend.to_owned()).set(number(left));
}

/// A branch was ended by somebody else against its decision.
pub fn heuristic(backend: &str) {
    counter!(HEURISTIC, "backend" => backend.to_owned()).increment(1);
}

/// Prepared branches on a backend that are not ours.
pub fn strangers(backend: &str, count: usize) {
    gauge!(STRANGERS, "backend" => backend.to_owned()).set(number(count));
}

/// The journal's figures; totals count from this start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalFigures {
    /// Writes, each with one sync.
    pub syncs: u64,
    /// Decisions in them.
    pub decisions: u64,
    /// How long all syncs took together.
    pub sync_total: Duration,
    /// How long the last sync took.
    pub last_sync: Duration,
    /// Decisions of which a branch is not settled.
    pub unsettled: u64,
    /// Finished decisions that are kept for a while.
    pub kept: u64,
    /// Bytes used of the current segment.
    pub segment_used_bytes: u64,
}

/// The journal as it is now.
pub fn journal(figures: JournalFigures) {
    let sync_us = u64::try_from(figures.sync_total.as_micros()).unwrap_or(u64::MAX);
    counter!(JOURNAL_SYNCS).absolute(figures.syncs);
    counter!(JOURNAL_DECISIONS).absolute(figures.decisions);
    counter!(JOURNAL_SYNC_TIME).absolute(sync_us);
    gauge!(JOURNAL_LAST_SYNC).set(figures.last_sync.as_secs_f64());
    gauge!(JOURNAL_RECORDS, "state" => "unsettled").set(figures.unsettled as f64);
    gauge!(JOURNAL_RECORDS, "state" => "kept").set(figures.kept as f64);
    gauge!(JOURNAL_BYTES).set(figures.segment_used_bytes as f64);
}

/// How full a backend's pool is.
pub fn pool(backend: &str, used: usize, idle: usize, waiting: usize) {
    gauge!(POOL, "backend" => backend.to_owned(), "state" => "used").set(number(used));
    gauge!(POOL, "backend" => backend.to_owned(), "state" => "idle").set(number(idle));
    gauge!(POOL_WAITING, "backend" => backend.to_owned()).set(number(waiting));
}

/// A session waited for a connection.
pub fn pool_wait(backend: &str, took: Duration) {
    histogram!(POOL_WAIT, "backend" => backend.to_owned()).record(took.as_secs_f64());
}

/// Whether a backend answers.
pub fn backend_up(backend: &str, up: bool) {
    gauge!(BACKEND_UP, "backend" => backend.to_owned()).set(if up { 1.0 } else { 0.0 });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_rendered_with_its_unit_and_help() {
        let recorder = builder().unwrap().build_recorder();
        let handle = recorder.handle();
        metrics::with_local_recorder(&recorder, || {
            describe();
            transaction_ended("committed", 2, Duration::from_millis(7));
            decided(Duration::from_millis(2));
            journal(JournalFigures {
                syncs: 3,
                decisions: 7,
                sync_total: Duration::from_micros(1800),
                last_sync: Duration::from_micros(600),
                unsettled: 1,
                kept: 0,
                segment_used_bytes: 4096,
            });
            pool("store", 3, 1, 0);
            in_doubt(2);
        });
        let text = handle.render();
        for line in [
            "handfast_transactions_total{outcome=\"committed\",phases=\"2\"} 1",
            "handfast_commit_phase_seconds_bucket{phase=\"decide\",le=\"0.0025\"} 1",
            "handfast_journal_sync_microseconds_total 1800",
            "handfast_pool_connections{backend=\"store\",state=\"used\"} 3",
            "handfast_in_doubt_transactions 2",
            "# HELP handfast_in_doubt_transactions ",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
