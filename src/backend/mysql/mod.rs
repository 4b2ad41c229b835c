//! A connection to MySQL or MariaDB: commands out, packets in, and what is known of its state. `login` makes it, `verbs`
//! ends transactions on it.

mod ask;
mod cancel;
mod frames;
mod login;
mod verbs;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::BytesMut;

use super::HomeInfo;
use super::pool::Lease;
use super::stream::Stream;
use crate::base::{BackendId, Engine};
use crate::config;
use crate::wire::mysql::handshake::Greeting;

pub use ask::{Cell, column_type};
pub use cancel::{CancelError, Canceller};
pub(crate) use frames::server_error;
pub use verbs::{NO_SUCH_BRANCH, is_rolled_back};

/// The transaction that is open on a connection, as far as XA tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Open {
    /// None.
    None,
    /// Begun by BEGIN or `autocommit=0`.
    Plain,
    /// XA START was answered OK.
    Active,
    /// XA END was answered OK.
    Ended,
    /// The server rolled its work back (deadlock); only XA ROLLBACK is left (FACTS 11).
    RollbackOnly,
    /// XA PREPARE was sent; the connection may not be reset (FACTS 8).
    Prepared,
}

/// A connection to MySQL or MariaDB, logged in.
#[derive(Debug)]
pub struct MysqlConn {
    id: BackendId,
    config: config::Backend,
    connect_timeout: Duration,
    greeting: Greeting,
    engine: Engine,
    flags: u32,
    stream: Stream,
    inbuf: BytesMut,
    out: BytesMut,
    open: Open,
    database: Vec<u8>,
    multi_statements: bool,
    status: u16,
    /// Of each answer that is awaited: the number of its first packet. A command of several packets moves it.
    awaited: VecDeque<u8>,
    broken: bool,
    lease: Option<Lease>,
}

impl MysqlConn {
    /// Whose connection it is.
    pub fn backend(&self) -> BackendId {
        self.id
    }

    /// MariaDB or MySQL, by its greeting.
    pub fn engine(&self) -> Engine {
        self.engine
    }

    /// The server's thread id of this session.
    pub fn session(&self) -> u64 {
        u64::from(self.greeting.thread_id)
    }

    /// What the server said of itself.
    pub fn greeting(&self) -> &Greeting {
        &self.greeting
    }

    /// The semantic capabilities it was opened with ([`crate::wire::mysql::caps::SEMANTIC`]).
    pub fn flags(&self) -> u32 {
        self.flags
    }

    /// Status flags of the last answer that was read to its end.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The open transaction.
    pub fn open(&self) -> Open {
        self.open
    }

    /// Says what a statement that the session relayed did to the transaction.
    pub fn set_open(&mut self, open: Open) {
        self.open = open;
    }

    /// The current database.
    pub fn database(&self) -> &[u8] {
        &self.database
    }

    /// Whether the server accepts several statements in one text.
    pub fn multi_statements(&self) -> bool {
        self.multi_statements
    }

    /// Moves it to the runtime of the thread that calls this; see [`crate::backend::stream::Stream::adopt`].
    pub fn adopt(mut self) -> std::io::Result<Self> {
        self.stream = self.stream.adopt()?;
        Ok(self)
    }

    /// Whether nothing has come since the last answer: see [`Stream::is_quiet`].
    pub fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }

    /// Takes its place in a pool with it.
    pub fn set_lease(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// Gives the place in the pool up.
    pub fn take_lease(&mut self) -> Option<Lease> {
        self.lease.take()
    }

    /// What the server says of itself, for the greeting of clients.
    pub fn home_info(&self) -> HomeInfo {
        HomeInfo {
            engine: self.engine,
            version: self.greeting.version.clone(),
            parameters: Vec::new(),
            charset: self.greeting.charset,
        }
    }

    /// Whether the connection cannot be used any more.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Whether it may be reset and used by another session.
    pub fn is_idle(&self) -> bool {
        self.open == Open::None
            && self.awaited.is_empty()
            && !self.broken
            && self.inbuf.is_empty()
            && self.out.is_empty()
    }

    /// The number of the first packet of the answer that is awaited next.
    pub fn due(&self) -> u8 {
        self.awaited.front().copied().unwrap_or(1)
    }

    /// The right to end what runs here, by a second connection.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(self.config.clone(), self.id, self.greeting.thread_id, self.connect_timeout)
    }
}
