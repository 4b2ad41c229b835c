//! The only file that names metrics. Other rooms call these functions; without [`install`] they do nothing. Names carry
//! their unit, labels have few values (never a statement, a user or a transaction).

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::base::{Dialect, FaultKind};

const BUILD_INFO: &str = "handfast_build_info";
const SESSIONS: &str = "handfast_sessions";
const LOGINS: &str = "handfast_logins_total";
const STATEMENTS: &str = "handfast_statements_total";
const PARSE_FALLBACK: &str = "handfast_parse_fallback_total";
const ERRORS: &str = "handfast_errors_total";
const TRANSACTIONS: &str = "handfast_transactions_total";
const COMMIT_SECONDS: &str = "handfast_commit_seconds";
const PHASE_SECONDS: &str = "handfast_commit_phase_seconds";
const IN_DOUBT: &str = "handfast_in_doubt_transactions";
const IN_DOUBT_AGE: &str = "handfast_in_doubt_oldest_seconds";
const SETTLED: &str = "handfast_recovery_branches_total";
const UNSETTLED: &str = "handfast_in_doubt_branches";
const HEURISTIC: &str = "handfast_heuristic_outcomes_total";
const STRANGERS: &str = "handfast_stranger_branches";
const JOURNAL_SYNC: &str = "handfast_journal_sync_seconds";
const JOURNAL_BATCH: &str = "handfast_journal_batch_records";
const JOURNAL_BYTES: &str = "handfast_journal_bytes";
const JOURNAL_ERRORS: &str = "handfast_journal_errors_total";
const POOL: &str = "handfast_pool_connections";
const POOL_WAITING: &str = "handfast_pool_waiting_sessions";
const POOL_WAIT: &str = "handfast_pool_wait_seconds";
const BACKEND_UP: &str = "handfast_backend_up";

/// Seconds; from a local round trip to a hopeless wait.
const SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Records in one sync.
const RECORDS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0];

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
        .set_buckets_for_metric(Matcher::Full(JOURNAL_BATCH.to_owned()), RECORDS)
}

fn describe() {
    describe_gauge!(BUILD_INFO, "1, with the version as a label");
    describe_gauge!(SESSIONS, "Client sessions, by protocol");
    describe_counter!(LOGINS, "Logins asked for, by protocol and result");
    describe_counter!(STATEMENTS, "Statements, by protocol and where they went");
    describe_counter!(PARSE_FALLBACK, "Statements that were routed by their words because the parser cannot read them");
    describe_counter!(ERRORS, "Errors of ours told to clients, by code");
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
    describe_histogram!(JOURNAL_SYNC, "Time of one sync of the journal");
    describe_histogram!(JOURNAL_BATCH, "Records in one sync of the journal");
    describe_gauge!(JOURNAL_BYTES, "Size of the journal's files");
    describe_counter!(JOURNAL_ERRORS, "Failed writes and syncs of the journal");
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

/// A client asked to log in.
pub fn login(dialect: Dialect, accepted: bool) {
    let result = if accepted { "accepted" } else { "refused" };
    counter!(LOGINS, "protocol" => protocol(dialect), "result" => result).increment(1);
}

/// Where a statement went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routed {
    /// To the owner of its tables.
    Owner,
    /// To the transaction's only participant or home, for it names no table.
    Anywhere,
    /// Nowhere: answered here (BEGIN, COMMIT, SET …).
    Here,
    /// Nowhere: refused.
    Refused,
}

/// A statement was routed.
pub fn statement(dialect: Dialect, routed: Routed) {
    let route = match routed {
        Routed::Owner => "owner",
        Routed::Anywhere => "anywhere",
        Routed::Here => "here",
        Routed::Refused => "refused",
    };
    counter!(STATEMENTS, "protocol" => protocol(dialect), "route" => route).increment(1);
}

/// A statement was routed by its words, because the parser could not read it.
pub fn parse_fallback(dialect: Dialect) {
    counter!(PARSE_FALLBACK, "protocol" => protocol(dialect)).increment(1);
}

/// A client was told an error of ours.
pub fn fault(kind: FaultKind) {
    counter!(ERRORS, "code" => kind.code()).increment(1);
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

/// The journal was synced.
pub fn journal_sync(records: usize, took: Duration) {
    histogram!(JOURNAL_SYNC).record(took.as_secs_f64());
    histogram!(JOURNAL_BATCH).record(number(records));
}

/// Size of the journal's files.
pub fn journal_bytes(bytes: u64) {
    gauge!(JOURNAL_BYTES).set(bytes as f64);
}

/// A write or sync of the journal failed.
pub fn journal_error() {
    counter!(JOURNAL_ERRORS).increment(1);
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
            journal_sync(7, Duration::from_micros(600));
            pool("store", 3, 1, 0);
            in_doubt(2);
        });
        let text = handle.render();
        for line in [
            "handfast_transactions_total{outcome=\"committed\",phases=\"2\"} 1",
            "handfast_commit_phase_seconds_bucket{phase=\"decide\",le=\"0.0025\"} 1",
            "handfast_journal_batch_records_bucket{le=\"8\"} 1",
            "handfast_pool_connections{backend=\"store\",state=\"used\"} 3",
            "handfast_in_doubt_transactions 2",
            "# HELP handfast_in_doubt_transactions ",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
