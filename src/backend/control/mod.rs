//! The control plane's own connection to a backend, by `sqlx`: what recovery lists, ends and finishes, and what the
//! start-up probe asks. Never carries a client's statement.

mod mysql;
mod pg;

pub(super) use mysql::connection as mysql_connection;
pub(super) use pg::connection as pg_connection;

use std::path::Path;

use crate::base::{BranchName, Dialect, Engine};
use crate::config::{Backend, BackendTls};
use crate::journal::Durable;

/// A control connection.
#[derive(Debug)]
pub enum Control {
    /// PostgreSQL.
    Pg(pg::PgControl),
    /// MySQL or MariaDB.
    Mysql(mysql::MysqlControl),
}

/// A prepared branch as a server lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The name, if it is one of Handfast's (any cluster's).
    pub branch: Option<BranchName>,
    /// The name as the server prints it.
    pub name: String,
    /// When it was prepared, milliseconds since 1970; PostgreSQL only.
    pub prepared_wall_ms: Option<u64>,
}

/// The server's answer to an act on a branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted {
    /// It says that it is done. Believed only after the branch is no longer listed (FACTS 8a).
    Done,
    /// It knows no such branch, or the branch is attached to another session.
    NotFound,
    /// The server decided on its own (`XA_RB*`, `XA_HEUR*`).
    Heuristic(String),
    /// Another refusal: permission, busy …
    Refused(String),
}

impl std::fmt::Display for Acted {
    /// In the server's words, where it has said any.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Done => f.write_str("it says that it is done"),
            Self::NotFound => f.write_str("it knows no such branch"),
            Self::Heuristic(text) | Self::Refused(text) => f.write_str(text),
        }
    }
}

/// A control statement failed.
#[derive(Debug, thiserror::Error)]
#[error("{during} on backend \"{backend}\": {source}")]
pub struct ControlError {
    /// Who.
    pub backend: String,
    /// What was tried.
    pub during: &'static str,
    /// How it failed.
    pub source: sqlx::Error,
}

/// What the start-up probe learns of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// Which server.
    pub engine: Engine,
    /// Its version, as it says.
    pub version: String,
    /// How many prepared transactions it can hold (`max_prepared_transactions`); `None`: it has no such bound.
    pub prepared_limit: Option<u32>,
    /// Why it cannot take part in two-phase commits, each with its fix. Empty: it can.
    pub unfit: Vec<Unfit>,
}

impl ServerFacts {
    /// `PostgreSQL 15.18`: without what the packagers add.
    pub fn title(&self) -> String {
        let short = self.version.split([' ', '-']).next().unwrap_or_default();
        format!("{} {short}", self.engine.name())
    }
}

/// One reason against two-phase commit on a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfit {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub fix: String,
    /// It only concerns durability in a power cut, and `allow_unsafe_durability` accepts it.
    pub durability: bool,
}

macro_rules! each {
    ($self:ident . $name:ident ( $($arg:expr),* )) => {
        match $self {
            Control::Pg(c) => c.$name($($arg),*).await,
            Control::Mysql(c) => c.$name($($arg),*).await,
        }
    };
}

impl Control {
    /// Connects and logs in.
    pub async fn connect(backend: &Backend) -> Result<Self, ControlError> {
        match backend.dialect {
            Dialect::Postgres => pg::PgControl::connect(backend).await.map(Self::Pg),
            Dialect::Mysql => mysql::MysqlControl::connect(backend).await.map(Self::Mysql),
        }
    }

    /// All prepared branches that could be ours: of this database on PostgreSQL, of the server on MySQL.
    pub async fn list(&mut self) -> Result<Vec<Listed>, ControlError> {
        each!(self.list())
    }

    /// Whether the server's session `session` of our role still lives. `not_after_ms`: a session that began later is
    /// another one with a reused id (known on PostgreSQL only).
    pub async fn is_session_alive(&mut self, session: u64, not_after_ms: Option<u64>) -> Result<bool, ControlError> {
        each!(self.is_session_alive(session, not_after_ms))
    }

    /// Asks the server to end a session; it may take a moment.
    pub async fn end_session(&mut self, session: u64) -> Result<(), ControlError> {
        each!(self.end_session(session))
    }

    /// Commits a prepared branch of a decided transaction.
    pub async fn commit(&mut self, branch: &BranchName, decision: &Durable) -> Result<Acted, ControlError> {
        assert_eq!(decision.txn(), &branch.txn, "INV-1: a decision proves only its own transaction");
        each!(self.commit(branch))
    }

    /// Rolls back a prepared branch.
    pub async fn roll_back(&mut self, branch: &BranchName) -> Result<Acted, ControlError> {
        each!(self.roll_back(branch))
    }

    /// The tables that a bare name can mean, with their comments: of the database on MySQL, of the search path on PostgreSQL.
    pub async fn tables(&mut self) -> Result<Vec<(String, String)>, ControlError> {
        each!(self.tables())
    }

    /// Runs a statement of ours that answers nothing: the stand-ins' DDL.
    pub async fn run(&mut self, sql: &str) -> Result<(), ControlError> {
        each!(self.run(sql))
    }

    /// What the probe wants to know.
    pub async fn facts(&mut self) -> Result<ServerFacts, ControlError> {
        each!(self.facts())
    }
}

/// Root certificates and mode as `sqlx` takes them.
fn tls(backend: &Backend) -> (BackendTls, Option<&Path>) {
    (backend.tls, backend.ca_file.as_deref())
}

/// Maps an error of `sqlx` to ours.
pub(super) fn failed(backend: &str, during: &'static str) -> impl FnOnce(sqlx::Error) -> ControlError + use<> {
    let backend = backend.to_owned();
    move |source| ControlError { backend, during, source }
}
