//! The only file that names metrics. Other rooms call these functions; without [`install`] they do nothing. Names carry
//! their unit, labels have few values (never a statement, a user or a transaction).

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use super::process;
use crate::base::{Dialect, clock};

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
    CONNECTIONS = "handfast_client_connections_total", Counter, ["protocol", "outcome"],
        "Clients that connected, by outcome (accepted, refused: login or limits; failed: gone or not understood before it was through)";
    STATEMENTS = "handfast_statements_total", Counter, ["protocol", "route"],
        "Statements run, by protocol and route (one, many, translated, session, unparsed)";
    ERRORS = "handfast_errors_total", Counter, ["sqlstate_class", "backend"],
        "Statements whose client was told an error, by the first two characters of its SQLSTATE, and whose it is (none: Handfast's own)";
    TRANSACTIONS = "handfast_transactions_total", Counter, ["kind", "outcome"],
        "Transactions ended, by kind (none: nothing was to be committed; one_phase, two_phase) and outcome (committed, rolled_back, unknown)";
    COMMIT_SECONDS = "handfast_commit_duration_seconds", Histogram, ["kind"], "From COMMIT or ROLLBACK to its answer, by kind";
    PHASE_SECONDS = "handfast_commit_phase_duration_seconds", Histogram, ["phase"],
        "Time of one participant's prepare, of the decision (decide), of one participant's commit in phase two (finish)";
    IN_DOUBT = "handfast_in_doubt_transactions", Gauge, [], "Transactions that wait for a backend or a person, decided or not: as many as status and the dashboard say";
    IN_DOUBT_AGE = "handfast_in_doubt_oldest_age_seconds", Gauge, [], "Age of the oldest of them; 0 without any";
    UNSETTLED = "handfast_in_doubt_branches", Gauge, ["backend"], "Branches on a backend that recovery must still finish";
    RETRIES = "handfast_finish_retries_total", Counter, ["backend"], "Attempts to finish a branch in doubt that failed";
    SETTLED = "handfast_recovery_branches_total", Counter, ["backend", "action"],
        "Branches that recovery finished, by action (committed, rolled_back)";
    HEURISTIC = "handfast_heuristic_outcomes_total", Counter, ["backend"],
        "Branches that somebody else ended against the decision; must stay 0";
    STRANGERS = "handfast_stranger_branches", Gauge, ["backend"], "Prepared branches on a backend that are not this node's to finish";
    JOURNAL_SYNC = "handfast_journal_sync_duration_seconds", Histogram, [], "Time of one sync of the journal";
    JOURNAL_LAST_SYNC = "handfast_journal_last_sync_seconds", Gauge, [], "Time of the last sync of the journal";
    JOURNAL_BATCH = "handfast_journal_batch_decisions", Histogram, [], "Decisions made durable by one sync";
    JOURNAL_RECORDS = "handfast_journal_decisions", Gauge, ["state"], "Decisions in the journal (unsettled, kept)";
    JOURNAL_BYTES = "handfast_journal_used_bytes", Gauge, [], "Bytes used of the journal's current segment";
    POOL = "handfast_pool_connections", Gauge, ["backend", "state"], "Connections to a backend (active, idle)";
    POOL_SIZE = "handfast_pool_size_connections", Gauge, ["backend"], "Connections to a backend at most";
    POOL_WAITING = "handfast_pool_waiting_sessions", Gauge, ["backend"], "Sessions that wait for a connection to a backend";
    POOL_WAIT = "handfast_pool_wait_duration_seconds", Histogram, ["backend"], "How long sessions waited for a connection";
    BACKEND_UP = "handfast_backend_up", Gauge, ["backend"], "1 while a backend answers";
    BACKEND_PREPARED = "handfast_backend_prepared_branches", Gauge, ["backend"], "Prepared branches on a backend, of whomever";
    RELOADS = "handfast_config_reloads_total", Counter, ["outcome"], "Times that the configuration was read again, by outcome (taken, refused)";
    RELOAD_OK = "handfast_config_last_reload_successful", Gauge, [],
        "1, or 0 when the configuration that was read last was refused and an older one runs";
    RELOADED = "handfast_config_last_reload_success_timestamp_seconds", Gauge, [], "When the configuration that runs was read, seconds since 1970";
    SPANS = "handfast_trace_spans_total", Counter, ["outcome"],
        "Spans of traces (exported, dropped: the queue was full, failed: the collector did not take them)";
    PROCESS_CPU = "process_cpu_seconds_total", Counter, [], "Processor time used, in user and system mode";
    PROCESS_RESIDENT = "process_resident_memory_bytes", Gauge, [], "Memory that is in RAM";
    PROCESS_VIRTUAL = "process_virtual_memory_bytes", Gauge, [], "Address space";
    PROCESS_FDS = "process_open_fds", Gauge, [], "Open file descriptors";
    PROCESS_FDS_MAX = "process_max_fds", Gauge, [], "File descriptors that may be open";
    PROCESS_STARTED = "process_start_time_seconds", Gauge, [], "When the process was started, seconds since 1970";
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
    for outcome in ["taken", "refused"] {
        counter!(RELOADS, "outcome" => outcome).increment(0);
    }
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

/// So many statements were run since the start.
pub fn statements(dialect: Dialect, route: &'static str, total: u64) {
    counter!(STATEMENTS, "protocol" => protocol(dialect), "route" => route).absolute(total);
}

/// Classes of SQLSTATE that servers and we send: a label must not have as many values as a server likes.
const CLASSES: [&str; 47] = [
    "01", "02", "03", "08", "09", "0A", "0B", "0F", "0L", "0P", "0Z", "10", "20", "21", "22", "23", "24", "25", "26",
    "27", "28", "2B", "2D", "2F", "34", "38", "39", "3B", "3D", "3F", "40", "42", "44", "45", "53", "54", "55", "57",
    "58", "70", "72", "F0", "HV", "HY", "P0", "XA", "XX",
];

/// A statement's client was told an error. `backend`: whose it is; none: ours.
pub fn error(sqlstate: &[u8; 5], backend: Option<&str>) {
    let class = CLASSES.into_iter().find(|class| sqlstate.starts_with(class.as_bytes())).unwrap_or("other");
    counter!(ERRORS, "sqlstate_class" => class, "backend" => backend.unwrap_or("none").to_owned()).increment(1);
}

/// A client connected: `accepted`, `refused` or `failed`.
pub fn connected(dialect: Dialect, outcome: &'static str) {
    counter!(CONNECTIONS, "protocol" => protocol(dialect), "outcome" => outcome).increment(1);
}

/// The configuration was read again.
pub fn reloaded(taken: bool) {
    counter!(RELOADS, "outcome" => if taken { "taken" } else { "refused" }).increment(1);
    gauge!(RELOAD_OK).set(if taken { 1.0 } else { 0.0 });
    if taken {
        gauge!(RELOADED).set(clock::wall_ms() as f64 / 1000.0);
    }
}

/// A process has started with the configuration that it has read just now.
pub fn started() {
    gauge!(RELOAD_OK).set(1.0);
    gauge!(RELOADED).set(clock::wall_ms() as f64 / 1000.0);
}

/// Spans of traces: `exported`, `dropped` or `failed`.
pub fn spans(outcome: &'static str, count: u64) {
    counter!(SPANS, "outcome" => outcome).increment(count);
}

/// Everything in Prometheus' text format, with the figures of the process as they are now. (The library's counters are whole
/// numbers; processor time is not.)
pub fn render(handle: &PrometheusHandle) -> String {
    let mut text = handle.render();
    let Some(process) = process::read() else { return text };
    let values = [
        (PROCESS_CPU, Some(process.cpu_s)),
        (PROCESS_RESIDENT, Some(process.resident_bytes as f64)),
        (PROCESS_VIRTUAL, Some(process.virtual_bytes as f64)),
        (PROCESS_FDS, Some(process.open_fds as f64)),
        (PROCESS_FDS_MAX, process.max_fds.map(|max| max as f64)),
        (PROCESS_STARTED, process.started_s),
    ];
    for (name, value) in values {
        let (Some(metric), Some(value)) = (METRICS.iter().find(|metric| metric.name == name), value) else { continue };
        let kind = if metric.kind == Kind::Counter { "counter" } else { "gauge" };
        text.push_str(&format!("# HELP {name} {}\n# TYPE {name} {kind}\n{name} {value}\n\n", metric.help));
    }
    text
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
    gauge!(JOURNAL_LAST_SYNC).set(took.as_secs_f64());
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
            assert!(
                (name.starts_with("handfast_") || name.starts_with("process_")) && !metric.help.is_empty(),
                "{name}"
            );
            assert_eq!(name.ends_with("_total"), metric.kind == Kind::Counter, "{name}");
            assert!(METRICS[..index].iter().all(|other| other.name != name), "{name} twice");
            let words = ["count", "sum", "bucket", "milliseconds", "microseconds", "ms"];
            assert!(!words.iter().any(|word| name.ends_with(&format!("_{word}"))), "{name}");
        }
    }
}
