//! What a session runs now, for CancelRequests that come over other connections.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::backend::mysql::Canceller;
use crate::backend::pg::CancelToken;

/// What cancels a running statement.
#[derive(Clone, Debug)]
pub enum Cancel {
    /// On PostgreSQL.
    Pg(CancelToken),
    /// On MySQL or MariaDB.
    Mysql(Arc<Canceller>),
}

impl Cancel {
    /// Cancels it, over a second connection.
    pub async fn send(&self) -> io::Result<()> {
        match self {
            Self::Pg(token) => token.send().await,
            Self::Mysql(canceller) => canceller.cancel().await.map_err(io::Error::other),
        }
    }
}

/// The running statement of one session, if any.
#[derive(Debug, Default)]
pub struct Running(Mutex<Option<Cancel>>);

impl Running {
    /// A statement runs, or none (also: the session commits, which nothing cancels).
    pub(super) fn set(&self, cancel: Option<Cancel>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = cancel;
    }

    /// What to cancel.
    pub fn token(&self) -> Option<Cancel> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
