//! The only file that names metrics. Other rooms call these functions; without [`install`] they do nothing. Names carry
//! their unit, labels have few values (never a statement, a user or a transaction).

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::base::Dialect;

/// What kind a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// `_bucket`, `_sum` and `_count` of observations.
    Histogram,
}

/// A published metric. Dashboards and alerts are written against this list, and tested against it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Its name, with its unit.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says.
    pub help: &'static str,
}

macro_rules! published {
    ($($constant:ident = $name:literal, $kind:ident, [$($label:literal),*], $help:literal;)*) => {
        $(const $constant: &str = $name;)*

        /// Every metric that Handfast publishes.
        pub const METRICS: &[Metric] =
            &[$(Metric { name: $name, kind: Kind::$kind, labels: &[$($label),*], help: $help },)*];
    };
}

published! {
    BUILD_INFO = "handfast_build_info", Gauge, ["version"], "1, with the version as a label";
    UP_SECONDS = "handfast_up_seconds", Gauge, [], "Time since the start";
    CLIENTS = "handfast_clients", Gauge, ["protocol"], "Client connections, by protocol";
    TRANSACTIONS = "handfast_transactions_total", Counter, ["kind", "outcome"],
        "Transactions ended, by kind (none: nothing was to be committed; one_phase, two_phase) and outcome (committed, rolled_back, unknown)";
    COMMIT_SECONDS = "handfast_commit_duration_seconds", Histogram, ["kind"], "From COMMIT or ROLLBACK to its answer, by kind";
    PHASE_SECONDS = "handfast_commit_phase_duration_seconds", Histogram, ["phase"],
        "Time of one participant's prepare, of the decision (decide), of one participant's commit in phase two (finish)";
    IN_DOUBT = "handfast_in_doubt_transactions", Gauge, [], "Decided transactions of which a branch is not committed yet";
    IN_DOUBT_AGE = "handfast_in_doubt_oldest_age_seconds", Gauge, [], "Age of the oldest of them; 0 without any";
    UNSETTLED = "handfast_in_doubt_branches", Gauge, ["backend"], "Branches on a backend that recovery must still finish";
    RETRIES = "handfast_finish_retries_total", Counter, ["backend"], "Attempts to finish a branch in doubt that failed";
    SETTLED = "handfast_recovery_branches_total", Counter, ["backend", "action"],
        "Branches that recovery finished, by action (committed, rolled_back)";
    HEURISTIC = "handfast_heuristic_outcomes_total", Counter, ["backend"],
        "Branches that somebody else ended against the decision; must stay 0";
    STRANGERS = "handfast_stranger_branches", Gauge, ["backend"], "Prepared branches on a backend that are not this node's to finish";
    JOURNAL_SYNC = "handfast_journal_sync_duration_seconds", Histogram, [], "Time of one sync of the journal";
    JOURNAL_BATCH = "handfast_journal_batch_decisions", Histogram, [], "Decisions made durable by one sync";
    JOURNAL_RECORDS = "handfast_journal_decisions", Gauge, ["state"], "Decisions in the journal (unsettled, kept)";
    JOURNAL_BYTES = "handfast_journal_used_bytes", Gauge, [], "Bytes used of the journal's current segment";
    POOL = "handfast_pool_connections", Gauge, ["backend", "state"], "Connections to a backend (active, idle)";
    POOL_SIZE = "handfast_pool_size_connections", Gauge, ["backend"], "Connections to a backend at most";
    POOL_WAITING = "handfast_pool_waiting_sessions", Gauge, ["backend"], "Sessions that wait for a connection to a backend";
    POOL_WAIT = "handfast_pool_wait_duration_seconds", Histogram, ["backend"], "How long sessions waited for a connection";
    BACKEND_UP = "handfast_backend_up", Gauge, ["backend"], "1 while a backend answers";
    BACKEND_PREPARED = "handfast_backend_prepared_branches", Gauge, ["backend"], "Prepared branches on a backend, of whomever";
    BACKEND_PREPARED_LIMIT = "handfast_backend_prepared_limit", Gauge, ["backend"],
        "How many prepared branches a backend can hold; absent where there is no such bound";
}

/// Seconds; from a local round trip to a hopeless wait.
const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Decisions in one sync.
const DECISIONS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

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
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)?
        .set_buckets_for_metric(Matcher::Full(JOURNAL_BATCH.to_owned()), DECISIONS)
}

fn describe() {
    for metric in METRICS {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, metric.help),
        }
    }
    gauge!(IN_DOUBT).set(0.0);
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
    gauge!(CLIENTS, "protocol" => protocol(dialect)).set(number(count));
}

/// How long the process has been up.
pub fn up(time: Duration) {
    gauge!(UP_SECONDS).set(time.as_secs_f64());
}

/// A transaction has ended: how, in how many phases (0: nothing was to be committed), and how long its end took.
pub fn transaction_ended(outcome: &'static str, phases: u8, took: Duration) {
    let kind = match phases {
        0 => "none",
        1 => "one_phase",
        _ => "two_phase",
    };
    counter!(TRANSACTIONS, "outcome" => outcome, "kind" => kind).increment(1);
    histogram!(COMMIT_SECONDS, "kind" => kind).record(took.as_secs_f64());
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

/// Recovery looked at a backend: what it finished.
pub fn swept(backend: &str, committed: usize, rolled_back: usize) {
    for (action, count) in [("committed", committed), ("rolled_back", rolled_back)] {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        counter!(SETTLED, "backend" => backend.to_owned(), "action" => action).increment(count);
    }
}

/// Branches in doubt on a backend.
pub fn in_doubt_branches(backend: &str, count: usize) {
    gauge!(UNSETTLED, "backend" => backend.to_owned()).set(number(count));
}

/// A backend is configured: what must stay 0 is there to be seen from the start.
pub fn backend_known(backend: &str) {
    counter!(RETRIES, "backend" => backend.to_owned()).increment(0);
    counter!(HEURISTIC, "backend" => backend.to_owned()).increment(0);
    swept(backend, 0, 0);
    in_doubt_branches(backend, 0);
}

/// A branch was ended by somebody else against its decision.
pub fn heuristic(backend: &str) {
    counter!(HEURISTIC, "backend" => backend.to_owned()).increment(1);
}

/// Prepared branches on a backend that are not ours.
pub fn strangers(backend: &str, count: usize) {
    gauge!(STRANGERS, "backend" => backend.to_owned()).set(number(count));
}

/// A branch in doubt could not be finished.
pub fn finish_retried(backend: &str) {
    counter!(RETRIES, "backend" => backend.to_owned()).increment(1);
}

/// The journal was synced once, with so many decisions.
pub fn synced(took: Duration, decisions: u64) {
    histogram!(JOURNAL_SYNC).record(took.as_secs_f64());
    // At most some thousands.
    histogram!(JOURNAL_BATCH).record(decisions as f64);
}

/// What the journal holds.
pub fn journal(unsettled: u64, kept: u64, used_bytes: u64) {
    gauge!(JOURNAL_RECORDS, "state" => "unsettled").set(unsettled as f64);
    gauge!(JOURNAL_RECORDS, "state" => "kept").set(kept as f64);
    gauge!(JOURNAL_BYTES).set(used_bytes as f64);
}

/// Prepared branches that a backend has listed.
pub fn prepared_branches(backend: &str, count: usize) {
    gauge!(BACKEND_PREPARED, "backend" => backend.to_owned()).set(number(count));
}

/// How many prepared branches a backend can hold.
pub fn prepared_limit(backend: &str, limit: u32) {
    gauge!(BACKEND_PREPARED_LIMIT, "backend" => backend.to_owned()).set(f64::from(limit));
}

/// How full a backend's pool is.
pub fn pool(backend: &str, size: usize, used: usize, idle: usize, waiting: usize) {
    gauge!(POOL_SIZE, "backend" => backend.to_owned()).set(number(size));
    gauge!(POOL, "backend" => backend.to_owned(), "state" => "active").set(number(used));
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
            synced(Duration::from_micros(1800), 7);
            journal(1, 0, 4096);
            pool("store", 20, 3, 1, 0);
            in_doubt(2);
        });
        let text = handle.render();
        for line in [
            "handfast_transactions_total{outcome=\"committed\",kind=\"two_phase\"} 1",
            "handfast_commit_phase_duration_seconds_bucket{phase=\"decide\",le=\"0.0025\"} 1",
            "handfast_journal_batch_decisions_bucket{le=\"8\"} 1",
            "handfast_pool_connections{backend=\"store\",state=\"active\"} 3",
            "handfast_in_doubt_transactions 2",
            "# HELP handfast_in_doubt_transactions ",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }

    #[test]
    fn every_name_is_ours_says_its_unit_and_has_help() {
        for (index, metric) in METRICS.iter().enumerate() {
            let name = metric.name;
            assert!(name.starts_with("handfast_") && !metric.help.is_empty(), "{name}");
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert!(METRICS[..index].iter().all(|other| other.name != name), "{name} twice");
            let words = ["count", "sum", "bucket", "milliseconds", "microseconds", "ms"];
            assert!(!words.iter().any(|word| name.ends_with(&format!("_{word}"))), "{name}");
        }
    }
}
