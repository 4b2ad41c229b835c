//! What operators are told, as plain data: HTTP prints it as JSON, the console makes tables of it, the command line prints it.
//! Names end in their unit: `_ms` milliseconds, `_s` seconds, `_wall_ms` milliseconds since 1970.

mod clients;
mod statements;
mod tables;

use serde::{Deserialize, Serialize};

pub use clients::{Clients, ConnectedClient, Doing};
pub use statements::{RunStatement, Statements};
pub use tables::{DoublyTable, Rule, Tables, UnroutedTable};

/// How the house is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HouseState {
    /// Clients are not let in yet.
    Starting,
    /// They are.
    Ready,
    /// It is stopping: open transactions may end.
    Draining,
}

/// `GET /api/v1/status`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// Handfast's version.
    pub version: String,
    /// This node's name.
    pub node: String,
    /// Its cluster's.
    pub cluster: String,
    /// The number of this start.
    pub epoch: u64,
    /// How it is.
    pub state: HouseState,
    /// The same and what is in doubt, in plain words.
    pub sentence: String,
    /// Seconds since the start.
    pub uptime_s: u64,
    /// Clients connected.
    pub clients: ClientCounts,
    /// Transactions in doubt.
    pub in_doubt: usize,
    /// Age of the oldest of them; 0 without any.
    pub oldest_in_doubt_s: u64,
    /// Transactions committed since the start.
    pub committed_total: u64,
    /// Rolled back, asked for or not.
    pub rolled_back_total: u64,
    /// Whose outcome nobody knew.
    pub unknown_total: u64,
    /// Of the committed ones, those that needed two phases.
    pub two_phase_total: u64,
    /// The time that 99 % of the last minute's commits did not exceed; none without commits.
    pub p99_commit_ms: Option<f64>,
    /// Backends that do not answer.
    pub backends_down: Vec<String>,
}

/// Clients, by protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCounts {
    /// PostgreSQL clients.
    pub postgres: usize,
    /// MySQL clients.
    pub mysql: usize,
}

/// `GET /api/v1/transactions`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transactions {
    /// In doubt first, then ending, then ended; newest first.
    pub transactions: Vec<Transaction>,
}

/// How a transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionState {
    /// A branch waits for its backend, or for a person.
    InDoubt,
    /// The journal cannot say: the process is about to stop, and the next start reads it again.
    Unknown,
    /// It is ending now.
    Ending,
    /// Committed on every backend.
    Committed,
    /// Rolled back on every backend.
    RolledBack,
}

/// What is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decided {
    /// That it commits; nothing else is ever written (presumed abort).
    Commit,
}

/// One distributed transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    /// Its name.
    pub name: String,
    /// How it stands.
    pub state: TransactionState,
    /// What is decided.
    pub decision: Option<Decided>,
    /// When.
    pub decided_wall_ms: Option<u64>,
    /// When its end began: COMMIT was asked, or it was found after a start.
    pub begun_wall_ms: u64,
    /// How long ago that is.
    pub age_ms: u64,
    /// Whose it is; none if it is from before this start.
    pub client: Option<Client>,
    /// The W3C trace context that its client has named.
    #[serde(default)]
    pub traceparent: Option<String>,
    /// Why it is not simply done.
    pub why: Option<String>,
    /// What happens next, and who does it.
    pub next: String,
    /// Its branches.
    pub branches: Vec<Branch>,
    /// What happened, oldest first.
    pub timeline: Vec<Event>,
}

/// Whose a transaction is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// `postgres` or `mysql`.
    pub protocol: String,
    /// As whom it has logged in.
    pub user: String,
}

/// How a branch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BranchState {
    /// Not prepared.
    Open,
    /// Prepared.
    Prepared,
    /// Committed.
    Committed,
    /// Rolled back.
    RolledBack,
    /// Its backend does not answer.
    Unreachable,
    /// Somebody else ended it against the decision.
    Heuristic,
}

/// Our part of a transaction on one backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// The backend's configured name.
    pub backend: String,
    /// Its position in the names.
    pub place: u16,
    /// Its name as the server lists it: a gid, or the literal of an xid.
    pub name: String,
    /// How it stands.
    pub state: BranchState,
    /// What was met last.
    pub problem: Option<String>,
    /// How often it was tried to finish it.
    pub attempts: u32,
    /// What a person would type on that backend to do what Handfast will do; none when nothing is to be done.
    pub by_hand: Option<String>,
    /// The server's id of the session that worked on it.
    pub session: Option<u64>,
}

/// What happened, as words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// PREPARE was sent.
    #[serde(rename = "prepare sent")]
    PrepareSent,
    /// A yes vote.
    #[serde(rename = "prepared")]
    Prepared,
    /// A no.
    #[serde(rename = "refused")]
    Refused,
    /// The decision is on disk.
    #[serde(rename = "decided")]
    Decided,
    /// A branch was committed.
    #[serde(rename = "committed")]
    Committed,
    /// A branch was rolled back.
    #[serde(rename = "rolled back")]
    RolledBack,
    /// An attempt failed.
    #[serde(rename = "failed")]
    Failed,
    /// Recovery or a person finished a branch.
    #[serde(rename = "settled")]
    Settled,
}

impl EventKind {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::PrepareSent => "prepare sent",
            Self::Prepared => "prepared",
            Self::Refused => "refused",
            Self::Decided => "decided",
            Self::Committed => "committed",
            Self::RolledBack => "rolled back",
            Self::Failed => "failed",
            Self::Settled => "settled",
        }
    }
}

/// One moment of a transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Since `begun_wall_ms`, with fractions.
    pub at_ms: f64,
    /// What.
    pub what: EventKind,
    /// Where; none for the decision.
    pub backend: Option<String>,
    /// More.
    pub detail: Option<String>,
}

/// `GET /api/v1/backends`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backends {
    /// In the order of their names.
    pub backends: Vec<Backend>,
}

/// One configured backend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backend {
    /// Its configured name.
    pub name: String,
    /// `postgres` or `mysql`.
    pub dialect: String,
    /// `PostgreSQL`, `MariaDB` or `MySQL`; none until it has answered once.
    pub engine: Option<String>,
    /// As it says; none until it has answered once.
    pub version: Option<String>,
    /// Host and port.
    pub address: String,
    /// Database or schema.
    pub database: String,
    /// Whether it answered recovery's last question.
    pub up: bool,
    /// Since when that is so.
    pub since_wall_ms: u64,
    /// Whether new statements for it are held back.
    pub paused: bool,
    /// What was met when it was last not reached.
    pub last_error: Option<String>,
    /// Prepared branches on it, of whomever, as listed last.
    pub prepared_now: usize,
    /// How many it can hold; none: no such bound.
    pub prepared_limit: Option<u32>,
    /// Transactions in doubt that wait for it.
    pub in_doubt: usize,
    /// Prepared branches on it that are not this node's to finish.
    pub strangers: usize,
    /// Its pool.
    pub pool: Pool,
}

/// How full a pool is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// `session` or `transaction`.
    pub mode: String,
    /// Connections at most.
    pub size: usize,
    /// Open and unused.
    pub idle: usize,
    /// Held by sessions.
    pub active: usize,
    /// Sessions that wait for one.
    pub waiting: usize,
}

/// `GET /api/v1/strangers`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strangers {
    /// Prepared branches that are not this node's to finish, and what to do about each.
    pub strangers: Vec<Stranger>,
}

/// Whose a prepared branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owner {
    /// This node's, and its journal can say how it ends.
    #[serde(rename = "this node")]
    ThisNode,
    /// It bears this node's name, but is from a journal that was lost or replaced.
    #[serde(rename = "lost journal")]
    LostJournal,
    /// Another node's of this cluster.
    #[serde(rename = "other node")]
    OtherNode,
    /// Another Handfast cluster's.
    #[serde(rename = "other cluster")]
    OtherCluster,
    /// Not Handfast's.
    #[serde(rename = "other software")]
    OtherSoftware,
}

/// A prepared branch of somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stranger {
    /// Where.
    pub backend: String,
    /// As the server takes it: PostgreSQL in COMMIT PREPARED, MySQL in XA COMMIT.
    pub name: String,
    /// Whose.
    pub owner: Owner,
    /// How old; only PostgreSQL knows.
    pub age_s: Option<u64>,
    /// What to do about it.
    pub advice: String,
}

/// `GET /api/v1/journal`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalView {
    /// Its folder.
    pub path: String,
    /// How many segments it has been through; only the last is kept.
    pub segments: u64,
    /// Bytes used of that one.
    pub bytes: u64,
    /// What it holds.
    pub records: JournalRecords,
    /// Its syncs since the start.
    pub sync: JournalSync,
    /// What this start found.
    pub recovery: RecoveryView,
}

/// What the journal holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalRecords {
    /// Decisions of which a branch is not finished.
    pub unsettled: u64,
    /// Finished ones that are kept for a while.
    pub kept: u64,
}

/// Syncs of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct JournalSync {
    /// How many.
    pub count: u64,
    /// How long one took on average.
    pub mean_ms: f64,
    /// How long the last one took.
    pub last_ms: f64,
}

/// What recovery did since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryView {
    /// Decided transactions that the start found unfinished.
    pub found: u64,
    /// Branches that recovery committed since.
    pub committed: u64,
    /// Branches that recovery rolled back since.
    pub rolled_back: u64,
    /// How long the first look at all backends took; none: not through yet.
    pub took_ms: Option<u64>,
}

/// What a person wants of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// That it is committed everywhere.
    Commit,
    /// That it is rolled back everywhere.
    Rollback,
}

impl Outcome {
    /// The word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Commit => "commit",
            Self::Rollback => "rollback",
        }
    }
}

/// `POST /api/v1/transactions/{name}/resolve`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolve {
    /// What is wanted.
    pub outcome: Outcome,
    /// A person has looked at what somebody else has ended: the alarm ends by that person's word.
    #[serde(default)]
    pub force: bool,
    /// Backends that are only not reached and that nobody is to wait for any more, by name.
    #[serde(default)]
    pub give_up: Vec<String>,
    /// Who says so; the journal keeps it. Only needed with `force` and `give_up`.
    #[serde(default)]
    pub who: String,
}

/// `GET /api/v1/samples`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Between two samples.
    pub every_ms: u64,
    /// When the first was taken.
    pub from_wall_ms: u64,
    /// The samples, oldest first, by the series' names: counts per second, or milliseconds.
    pub series: std::collections::BTreeMap<String, Vec<f64>>,
}

/// An error, as `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// One line.
    pub title: String,
    /// HTTP's number for it.
    pub status: u16,
    /// More facts.
    pub detail: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// Ours, for `handfast help CODE`.
    pub code: String,
}
