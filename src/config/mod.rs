//! Layer 1: the configuration as checked, plain data. `file` is the TOML's shape and `read` its typed values, `check` turns
//! it into [`Config`] (`backends`, `tables` and `logins` are its large sections), `report` prints every fault at once with
//! its place, `overrides` puts the environment and `--set` over the file, `settings` remembers where each value came from,
//! `seen` notes its files, `schema` is made of what was read, `expand` replaces `${NAME}`, `units` reads `"250ms"` and `"16MiB"`.

mod backends;
pub mod change;
mod check;
mod expand;
mod file;
mod logins;
mod mask;
mod overrides;
mod read;
mod report;
pub mod schema;
mod seen;
mod settings;
mod source;
mod tables;
#[cfg(test)]
mod tests;
pub mod units;
#[cfg(test)]
mod value_tests;
mod verifier;
#[cfg(test)]
mod wrong_tests;

pub use backends::{FromUrl, from_url, to_url};
pub use check::{Source, World, parse};
pub use file::{Env, ReadFile, nearest};
pub use overrides::Overrides;
pub use report::{ConfigCode, ConfigErrors};
pub use seen::Seen;
pub use settings::{Origin, Setting};
pub use verifier::{Verifier, hmac};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::base::{BackendId, ClusterName, Dialect, NodeName};

/// All of `handfast.toml`, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// Who we are.
    pub node: Node,
    /// Where clients connect.
    pub listen: Listen,
    /// Who may.
    pub users: Vec<User>,
    /// The databases, in the order of their names; [`BackendId`] is the index.
    pub backends: Vec<Backend>,
    /// Table rules, as written.
    pub tables: Vec<TableRule>,
    /// Connections to backends.
    pub pool: Pool,
    /// How transactions behave.
    pub transactions: Transactions,
    /// Where decisions are kept.
    pub journal: Journal,
    /// Statements for backends of the other dialect.
    pub foreign: Foreign,
    /// Bounds on clients.
    pub limits: Limits,
    /// The operator's port.
    pub admin: Admin,
    /// Diagnostics.
    pub telemetry: Telemetry,
    /// Every value with where it came from, in the order of the sections.
    pub settings: Vec<Setting>,
}

impl Config {
    /// A configured backend. Ids are only made from this very list.
    pub fn backend(&self, id: BackendId) -> &Backend {
        &self.backends[usize::from(id.0)]
    }

    /// The id of the backend with this name.
    pub fn backend_named(&self, name: &str) -> Option<BackendId> {
        let index = self.backends.iter().position(|b| b.name == name)?;
        u16::try_from(index).ok().map(BackendId)
    }

    /// The backend that answers what belongs to no table, for clients of `dialect`: the one marked `default`, else the
    /// only one of that dialect.
    pub fn home(&self, dialect: Dialect) -> Option<BackendId> {
        let of_dialect = |b: &&Backend| b.dialect == dialect;
        let marked = self.backends.iter().filter(of_dialect).find(|b| b.default);
        let home = marked.or_else(|| self.backends.iter().find(of_dialect))?;
        self.backend_named(&home.name)
    }

    /// The same with the home backend of `dialect` alone, in another database of its server.
    pub fn of_database(&self, dialect: Dialect, database: &str) -> Self {
        let home = self.home(dialect).map(|id| self.backend(id).clone());
        let backends: Vec<_> = home.into_iter().map(|b| Backend { database: database.to_owned(), ..b }).collect();
        let listen = Listen { database: database.to_owned(), ..self.listen.clone() };
        Self { listen, backends, tables: Vec::new(), ..self.clone() }
    }

    /// How many participants a transaction can have: backends, those that are one participant counted once.
    pub fn participants(&self) -> usize {
        let ids: Vec<BackendId> =
            (0..self.backends.len()).filter_map(|i| u16::try_from(i).ok().map(BackendId)).collect();
        let first = |id: &&BackendId| !ids.iter().any(|other| other < *id && self.same_participant(*other, **id));
        ids.iter().filter(first).count()
    }

    /// Whether two backends are one participant: databases of one MySQL server under one user (FACTS 12).
    pub fn same_participant(&self, a: BackendId, b: BackendId) -> bool {
        let (x, y) = (self.backend(a), self.backend(b));
        a == b
            || (x.dialect == Dialect::Mysql
                && y.dialect == Dialect::Mysql
                && x.address == y.address
                && x.user == y.user)
    }
}

/// `[node]`
#[derive(Clone, Debug)]
pub struct Node {
    /// In every branch name.
    pub cluster: ClusterName,
    /// `None`: made once and kept beside the journal.
    pub name: Option<NodeName>,
}

/// `[listen]`
#[derive(Clone, Debug)]
pub struct Listen {
    /// PostgreSQL clients; `None` switches that front off.
    pub postgres: Option<SocketAddr>,
    /// MySQL clients.
    pub mysql: Option<SocketAddr>,
    /// The name under which clients see all tables as one database.
    pub database: String,
    /// Whether they may log in to others.
    pub other_databases: OtherDatabases,
    /// TLS towards clients.
    pub tls: ListenTls,
}

/// What becomes of a login to a database that the house does not serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherDatabases {
    /// There is no such database.
    Refuse,
    /// It is one of the home server's, without the other backends.
    Home,
}

/// `[listen.tls]`
#[derive(Clone, Debug)]
pub struct ListenTls {
    /// Whether TLS is offered or demanded.
    pub mode: TlsMode,
    /// PEM certificate chain; present unless `mode` is off.
    pub cert: Option<PathBuf>,
    /// PEM private key; present unless `mode` is off.
    pub key: Option<PathBuf>,
    /// PEM roots that sign clients' certificates; `None`: clients are not asked for one.
    pub client_ca: Option<PathBuf>,
    /// What a client must show.
    pub client_cert: ClientCert,
}

/// What certificate a client must show, as PostgreSQL's `clientcert`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCert {
    /// None; one that is shown must be good.
    Optional,
    /// One that `client_ca` has signed.
    Require,
    /// One whose common name is the login name, too.
    VerifyFull,
}

/// TLS towards clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsMode {
    /// Not offered.
    Off,
    /// Offered.
    Prefer,
    /// Demanded.
    Require,
}

/// TLS towards a backend, as in libpq's `sslmode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BackendTls {
    /// Plain text.
    Disable,
    /// TLS if the server offers it, unverified.
    Prefer,
    /// TLS, unverified.
    Require,
    /// TLS, certificate chain and host name verified against the system's roots or `ca_file`.
    VerifyFull,
}

/// `[[users]]`
#[derive(Clone)]
pub struct User {
    /// Login name.
    pub name: String,
    /// What a login is checked by; never printed.
    pub login: Credential,
    /// Sessions at a time, of both protocols together; 0: no bound of its own.
    pub connections_max: usize,
    /// The backends it may use, by name; `None`: all.
    pub backends: Option<Vec<String>>,
}

/// What a login is checked by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The password in the clear.
    Password(Secret),
    /// What `handfast hash-password` has made of it.
    Stored(Box<Verifier>),
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User").field("name", &self.name).finish_non_exhaustive()
    }
}

/// A text that never reaches a log, an error or a page.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for authentication only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// `[backends.NAME]`
#[derive(Clone, Debug)]
pub struct Backend {
    /// Its name here; also usable as a qualifier in SQL.
    pub name: String,
    /// From the URL's scheme.
    pub dialect: Dialect,
    /// Host name or address, and port.
    pub address: Address,
    /// Login there.
    pub user: String,
    /// Password there.
    pub password: Secret,
    /// Database (PostgreSQL) or schema (MySQL).
    pub database: String,
    /// TLS towards it.
    pub tls: BackendTls,
    /// Root certificates for [`BackendTls::VerifyFull`], PEM; `None`: the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM files of our own certificate chain and its key, shown to a server that asks.
    pub client_cert: Option<Box<(PathBuf, PathBuf)>>,
    /// Owns the tables that no rule names, for clients of its dialect.
    pub default: bool,
    /// Connections at most; overrides [`Pool::size`].
    pub pool_size: Option<usize>,
    /// Accept a server whose settings can lose a committed transaction in a power cut.
    pub allow_unsafe_durability: bool,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Host name or IP address.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

/// One line of `[tables]`. The most specific rule that matches a name wins: one with a schema over any without, an exact
/// name over a pattern, the pattern with more characters other than `*`; `check` refuses what is still a tie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRule {
    /// `items`, `courier_*`, `delivery.*`, `fleet.couriers`.
    pub pattern: String,
    /// The owner.
    pub backend: BackendId,
    /// Its name there, if different: `couriers` or `fleet.couriers`. Only for rules without a wildcard.
    pub rename: Option<String>,
    /// Line in the file, for messages (1-based).
    pub line: usize,
}

/// For how long a session keeps a backend connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PoolMode {
    /// Until it ends.
    Session,
    /// As long as it is in a transaction, or has state on it that cannot be replayed.
    Transaction,
}

/// `[pool]`
#[derive(Clone, Debug)]
pub struct Pool {
    /// For how long sessions keep connections.
    pub mode: PoolMode,
    /// Connections to one backend at most.
    pub size: usize,
    /// Sessions that may wait for a connection of one backend at most.
    pub queue: usize,
    /// A session waits this long for a connection.
    pub acquire_timeout: Duration,
    /// Connecting to a backend takes at most this long.
    pub connect_timeout: Duration,
    /// An unused connection is closed after this.
    pub idle_timeout: Duration,
    /// A connection is closed instead of reused after this.
    pub max_lifetime: Duration,
}

/// When a COMMIT over several participants is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// After phase two on every reachable participant: what was committed can be read by everyone.
    Committed,
    /// Right after the decision.
    Decided,
}

/// `[transactions]`
#[derive(Clone, Debug)]
pub struct Transactions {
    /// A participant that has not voted by then: everything rolls back.
    pub prepare_timeout: Duration,
    /// After the decision the client waits this long for all participants; also how long a reader waits for an
    /// unresolved participant.
    pub commit_wait: Duration,
    /// A session idle in a transaction for longer is ended. Zero: never.
    pub idle_timeout: Duration,
    /// Participants of one transaction at most.
    pub participants_max: usize,
    /// Unfinished transactions at most, before new distributed commits are refused.
    pub in_doubt_max: usize,
    /// How often unfinished branches are looked for and tried again.
    pub resolve_interval: Duration,
    /// An in-doubt transaction older than this is warned of.
    pub warn_after: Duration,
    /// When COMMIT is answered.
    pub reply: Reply,
}

/// `[journal]`
#[derive(Clone, Debug)]
pub struct Journal {
    /// Folder; one process at a time.
    pub path: PathBuf,
    /// A segment's preallocated size in bytes.
    pub segment_bytes: u64,
    /// Decisions that recovery had to finish are kept (and swept again) this long (FACTS 8a).
    pub keep: Duration,
}

/// `[foreign]`
#[derive(Clone, Debug)]
pub struct Foreign {
    /// A table's schema is asked for again after this.
    pub schema_ttl: Duration,
}

/// `[limits]`
#[derive(Clone, Debug)]
pub struct Limits {
    /// Client sessions at most.
    pub clients: usize,
    /// Largest client message in bytes.
    pub statement_bytes: usize,
    /// Analyses kept, by statement text.
    pub statement_cache: usize,
    /// A client must have logged in by then.
    pub login_timeout: Duration,
    /// A stop waits this long for open transactions.
    pub drain_timeout: Duration,
    /// Ended distributed transactions that can still be looked at.
    pub transactions_kept: usize,
}

/// `[admin]`
#[derive(Clone, Debug)]
pub struct Admin {
    /// HTTP for `/metrics`, `/healthz`, `/readyz`; `None`: off.
    pub listen: Option<SocketAddr>,
    /// What requests must bring; there unless `listen` is a loopback address.
    pub token: Option<Secret>,
    /// Login names that may open the SQL console; each is one of `users`.
    pub users: Vec<String>,
}

/// `[telemetry]`
#[derive(Clone, Debug)]
pub struct Telemetry {
    /// A `tracing` filter, such as `info` or `handfast=debug`.
    pub log_level: String,
    /// JSON lines instead of text.
    pub log_json: bool,
    /// Statements that are told apart in the statistics, at most; 0: none are kept.
    pub statements_max: usize,
    /// Where spans go.
    pub traces: Traces,
}

/// `[telemetry.traces]`
#[derive(Clone, Debug)]
pub struct Traces {
    /// An OTLP collector, by HTTP; `None`: no traces.
    pub endpoint: Option<String>,
    /// Who signs its certificate, with https; `None`: one of those that this system believes.
    pub ca_file: Option<PathBuf>,
    /// Of the transactions whose client names no trace, the share that begins one; 0 to 1.
    pub sample_ratio: f64,
}
