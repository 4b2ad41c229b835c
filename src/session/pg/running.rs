//! What a session runs now, for CancelRequests that come over other connections.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use crate::backend::mysql::Canceller;
use crate::backend::pg::CancelToken;

/// What cancels a running statement.
#[derive(Clone, Debug)]
pub(super) enum Cancel {
    /// On PostgreSQL.
    Pg(CancelToken),
    /// On MySQL or MariaDB.
    Mysql(Arc<Canceller>),
}

impl Cancel {
    /// Cancels it, over a second connection.
    async fn send(&self) -> io::Result<()> {
        match self {
            Self::Pg(token) => token.send().await,
            Self::Mysql(canceller) => canceller.cancel().await.map_err(io::Error::other),
        }
    }
}

/// The running statement of one session, if any.
#[derive(Debug, Default)]
pub struct Running {
    now: Mutex<Now>,
    sent: Notify,
    killed: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Now {
    cancel: Option<Cancel>,
    /// Cancels that are on their way to the server.
    sending: usize,
}

impl Running {
    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A statement runs, or none (also: the session commits, which nothing cancels).
    pub(super) fn set(&self, cancel: Option<Cancel>) {
        self.now().cancel = cancel;
    }

    /// Ends the session on an operator's word: what it runs is cancelled, and it ends when that has.
    pub async fn kill(self: &Arc<Self>) {
        self.killed.send_replace(true);
        let Some(cancelling) = self.cancelling() else { return };
        if let Err(error) = cancelling.send().await {
            tracing::warn!(%error, "the statement of a killed session could not be cancelled");
        }
    }

    /// Becomes true when the session shall end.
    pub(super) fn killed(&self) -> watch::Receiver<bool> {
        self.killed.subscribe()
    }

    /// Takes up the cancelling of what runs; `None`: nothing does.
    pub fn cancelling(self: &Arc<Self>) -> Option<Cancelling> {
        let mut now = self.now();
        let cancel = now.cancel.clone()?;
        now.sending += 1;
        Some(Cancelling { cancel, running: Arc::clone(self) })
    }

    /// Returns when no cancel is on its way any more. Until then the connection must not be anybody else's: the cancel
    /// would hit what that one runs. Nothing may be running.
    pub(super) async fn settled(&self) {
        loop {
            let sent = self.sent.notified();
            if self.now().sending == 0 {
                return;
            }
            sent.await;
        }
    }
}

/// A cancel on its way.
#[derive(Debug)]
pub struct Cancelling {
    cancel: Cancel,
    running: Arc<Running>,
}

impl Cancelling {
    /// Sends it. Errors: it could not be passed on.
    pub async fn send(self) -> io::Result<()> {
        self.cancel.send().await
    }
}

impl Drop for Cancelling {
    fn drop(&mut self) {
        self.running.now().sending -= 1;
        self.running.sent.notify_waiters();
    }
}
