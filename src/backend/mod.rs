//! Layer 3: connections to the databases. Raw frames for clients' traffic and the verbs of a transaction; `sqlx` only for
//! scans and probes.

pub mod control;
pub mod knock;
pub mod mysql;
pub mod pg;
pub mod pool;
pub mod probe;
pub mod schema;
pub mod stream;
pub mod tls;
pub mod verbs;

use std::time::Duration;

use bytes::Bytes;

use crate::base::{BackendId, BranchName, Dialect, Engine, Fault, FaultKind};
use crate::journal::Durable;

/// A connection to one backend, logged in.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each session and backend; a box would cost every statement a hop"
)]
pub enum Conn {
    /// PostgreSQL.
    Pg(pg::PgConn),
    /// MySQL or MariaDB.
    Mysql(mysql::MysqlConn),
}

/// An error that a server sent: its own words, kept whole so that a client of the same dialect gets them unchanged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerError {
    /// SQLSTATE.
    pub sqlstate: String,
    /// MySQL's number; 0 from PostgreSQL.
    pub errno: u16,
    /// Primary message.
    pub message: String,
    /// PostgreSQL: body of the ErrorResponse. MySQL: payload of the ERR packet.
    pub raw: Bytes,
}

impl ServerError {
    /// Whether this routine of PostgreSQL's sources made it.
    pub fn is_from(&self, routine: &[u8]) -> bool {
        crate::wire::pg::error::field(&self.raw, b'R') == Ok(Some(routine))
    }
}

/// Why a verb did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum VerbError {
    /// The server answered no; the connection lives.
    #[error("{verb} was refused: {} {}", error.sqlstate, error.message)]
    Refused {
        /// Which verb.
        verb: &'static str,
        /// The server's answer.
        error: ServerError,
    },
    /// The server answered success by a tag that means something else (FACTS 2).
    #[error("{verb} was answered {tag:?}")]
    WrongTag {
        /// Which verb.
        verb: &'static str,
        /// What was answered.
        tag: String,
    },
    /// The connection broke or the time was over: what the server did is not known.
    #[error("connection lost during {verb}: {source}")]
    Lost {
        /// Which verb.
        verb: &'static str,
        /// How.
        source: std::io::Error,
    },
}

impl VerbError {
    /// Whether the server has ended a prepared branch otherwise than it was told to (`XA_RB*`).
    pub fn is_contrary(&self) -> bool {
        match self {
            Self::Refused { error, .. } => mysql::is_rolled_back(error.errno),
            Self::WrongTag { .. } | Self::Lost { .. } => false,
        }
    }

    /// Its SQLSTATE: the server's, or that of a lost connection.
    pub fn sqlstate(&self) -> Option<&str> {
        match self {
            // What a server sends may be anything.
            Self::Refused { error, .. } => Some(error.sqlstate.as_str())
                .filter(|code| code.len() == 5 && code.bytes().all(|byte| byte.is_ascii_alphanumeric())),
            Self::WrongTag { .. } => None,
            Self::Lost { .. } => Some(FaultKind::BackendLost.sqlstate()),
        }
    }

    /// Whether the server knows no such branch (42704, XAER_NOTA). It proves nothing (FACTS 5), unless who hears it has prepared the
    /// branch on the same connection and tells it for the first time how to end: then somebody else has ended it.
    pub fn is_unknown_branch(&self) -> bool {
        match self {
            Self::Refused { error, .. } => error.sqlstate == pg::NO_SUCH_BRANCH || error.errno == mysql::NO_SUCH_BRANCH,
            Self::WrongTag { .. } | Self::Lost { .. } => false,
        }
    }
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The network or TLS said no.
    #[error("cannot connect to {backend} at {address}: {source}")]
    Unreachable {
        /// Backend name.
        backend: String,
        /// host:port.
        address: String,
        /// How.
        source: std::io::Error,
    },
    /// The server refused the login.
    #[error("{backend} refused the login: {} {}", error.sqlstate, error.message)]
    Refused {
        /// Backend name.
        backend: String,
        /// The server's answer.
        error: ServerError,
    },
    /// The server asks for something that we don't do.
    #[error("{backend} at {address}: {what}")]
    Unsupported {
        /// Backend name.
        backend: String,
        /// host:port.
        address: String,
        /// What.
        what: String,
    },
    /// No connection became free.
    #[error("no connection to {backend} became free within {waited:?} (pool.size {size}, {queued} waiting)")]
    PoolTimeout {
        /// Backend name.
        backend: String,
        /// How long.
        waited: Duration,
        /// pool.size
        size: usize,
        /// Waiting sessions.
        queued: usize,
    },
    /// The queue for a connection is full.
    #[error("{queued} sessions already wait for a connection to {backend} (pool.queue)")]
    QueueFull {
        /// Backend name.
        backend: String,
        /// Waiting sessions.
        queued: usize,
    },
}

impl ConnectError {
    /// As a client is told.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Unreachable { backend, .. } => Fault::new(FaultKind::BackendDown, self.to_string())
                .hint(format!("Check that the database of backend \"{backend}\" runs and is reachable.")),
            Self::Refused { backend, .. } => Fault::new(FaultKind::BackendDown, self.to_string())
                .hint(format!("Check user, password and database in [backends.{backend}].")),
            Self::Unsupported { .. } => Fault::new(FaultKind::BackendDown, self.to_string()),
            Self::PoolTimeout { .. } | Self::QueueFull { .. } => {
                Fault::new(FaultKind::PoolTimeout, self.to_string()).hint("Raise pool.size or end transactions sooner.")
            }
        }
    }
}

/// What a home backend says of itself, for the greeting of clients (FACTS 18).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HomeInfo {
    /// Which server.
    pub engine: Engine,
    /// PostgreSQL `server_version`; MySQL the greeting's version with its `5.5.5-` prefix.
    pub version: String,
    /// PostgreSQL: parameter status as after a login. Empty on MySQL.
    pub parameters: Vec<(String, String)>,
    /// MySQL: the greeting's character set. 0 on PostgreSQL.
    pub charset: u8,
}

/// Delegates a verb to whichever wire the connection speaks.
macro_rules! verb {
    ($self:ident . $name:ident ( $($arg:expr),* )) => {
        match $self {
            Conn::Pg(conn) => conn.$name($($arg),*).await,
            Conn::Mysql(conn) => conn.$name($($arg),*).await,
        }
    };
}

impl Conn {
    /// Whose connection it is.
    pub fn backend(&self) -> BackendId {
        match self {
            Self::Pg(conn) => conn.backend(),
            Self::Mysql(conn) => conn.backend(),
        }
    }

    /// Its dialect.
    pub fn dialect(&self) -> Dialect {
        self.engine().dialect()
    }

    /// Which server.
    pub fn engine(&self) -> Engine {
        match self {
            Self::Pg(_) => Engine::Postgres,
            Self::Mysql(conn) => conn.engine(),
        }
    }

    /// The server's process or thread id of this session.
    pub fn session(&self) -> u64 {
        match self {
            Self::Pg(conn) => conn.session(),
            Self::Mysql(conn) => conn.session(),
        }
    }

    /// Sends PREPARE without waiting for the answer.
    pub async fn send_prepare(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        verb!(self.send_prepare(branch))
    }

    /// Waits for PREPARE's answer. `Ok` only for the right tag: it is a yes vote (FACTS 2).
    pub async fn finish_prepare(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        verb!(self.finish_prepare(branch))
    }

    /// Phase two. The decision must be durable, and of this branch's transaction (INV-1).
    pub async fn commit_prepared(&mut self, branch: &BranchName, decision: &Durable) -> Result<(), VerbError> {
        assert_eq!(decision.txn(), &branch.txn, "INV-1: a decision proves only its own transaction");
        verb!(self.commit_prepared(branch))
    }

    /// Rolls back a branch that this session prepared.
    pub async fn rollback_prepared(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        verb!(self.rollback_prepared(branch))
    }

    /// Sends the one-phase commit without waiting for the answer.
    pub async fn send_commit(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        verb!(self.send_commit(branch))
    }

    /// Waits for the one-phase commit's answer.
    pub async fn finish_commit(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        verb!(self.finish_commit(branch))
    }

    /// Rolls back the open, not prepared transaction, in whatever state it is (failed, deadlock victim, active).
    pub async fn rollback(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        verb!(self.rollback(branch))
    }

    /// Asks the server whether the open transaction wrote (FACTS 4). On MySQL, which cannot say without privileges,
    /// always `true`.
    pub async fn wrote(&mut self) -> Result<bool, VerbError> {
        verb!(self.wrote())
    }

    /// Makes the connection as good as new, for another session. Never called while a branch is prepared (FACTS 8).
    pub async fn reset(&mut self) -> Result<(), VerbError> {
        verb!(self.reset())
    }

    /// The same for a connection that its session has parked: false if there is something that the session could not
    /// replay elsewhere, and then nothing was reset.
    pub async fn reset_unless_held(&mut self) -> Result<bool, VerbError> {
        match self {
            Self::Pg(conn) => conn.reset_unless_held().await,
            // A session parks only what it can replay.
            Self::Mysql(conn) => conn.reset().await.map(|()| true),
        }
    }

    /// Whether nothing has come from the server since the last answer: false means closed, or a word we did not ask for.
    pub fn is_quiet(&mut self) -> bool {
        match self {
            Self::Pg(conn) => conn.is_quiet(),
            Self::Mysql(conn) => conn.is_quiet(),
        }
    }

    /// Moves it to the runtime of the thread that calls this.
    pub fn adopt(self) -> std::io::Result<Self> {
        match self {
            Self::Pg(conn) => conn.adopt().map(Self::Pg),
            Self::Mysql(conn) => conn.adopt().map(Self::Mysql),
        }
    }

    /// Takes its place in a pool with it.
    pub fn set_lease(&mut self, lease: pool::Lease) {
        match self {
            Self::Pg(conn) => conn.set_lease(lease),
            Self::Mysql(conn) => conn.set_lease(lease),
        }
    }

    /// Gives the place in the pool up.
    pub fn take_lease(&mut self) -> Option<pool::Lease> {
        match self {
            Self::Pg(conn) => conn.take_lease(),
            Self::Mysql(conn) => conn.take_lease(),
        }
    }

    /// Whether it may be reset and used by another session: no transaction open, nothing outstanding, not broken.
    pub fn is_idle(&self) -> bool {
        match self {
            Self::Pg(conn) => conn.is_idle(),
            Self::Mysql(conn) => conn.is_idle(),
        }
    }
}
