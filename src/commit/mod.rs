//! Layer 4: the tokio driver of the coordinator, and the registry of live and in-doubt transactions.

pub mod registry;

use crate::backend::{Conn, ServerError};
use crate::base::{BackendId, Fault, Place, TxnId};

/// What a participant is known to have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wrote {
    /// Only statements that certainly read.
    No,
    /// The text does not tell.
    Maybe,
    /// A statement that writes succeeded.
    Yes,
}

/// A participant handed over for its transaction's end.
#[derive(Debug)]
pub struct Enlisted {
    /// Its position in the branch names.
    pub place: Place,
    /// What it did.
    pub wrote: Wrote,
    /// The connection that holds its open transaction.
    pub conn: Conn,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// How the transaction ended.
    pub ended: Ended,
    /// The connections that are still good, idle, in the order they came. The others are closed.
    pub conns: Vec<Conn>,
}

/// How a transaction ended, for the session to tell its client.
#[derive(Debug)]
pub enum Ended {
    /// Committed; with warnings, such as that a participant follows later.
    Committed {
        /// One line each.
        warnings: Vec<String>,
    },
    /// Rolled back although COMMIT was asked.
    RolledBack(Why),
    /// Not known.
    Unknown {
        /// The transaction, to ask for later.
        txn: TxnId,
    },
}

/// Why a COMMIT became a rollback.
#[derive(Debug)]
pub enum Why {
    /// A participant's server refused; its own error.
    Refused {
        /// Who.
        backend: BackendId,
        /// In its words.
        error: ServerError,
    },
    /// Anything else, told as a fault of ours.
    Fault(Fault),
}

/// Ends transactions: the one door to the coordinator. Shared by all sessions.
#[derive(Debug)]
pub struct Commits {}

#[allow(clippy::unused_async, unused_variables, reason = "placeholder")]
impl Commits {
    /// A fresh name, never given before.
    pub fn next_txn(&self) -> TxnId {
        unimplemented!()
    }

    /// COMMIT over these participants: none, one phase or two phases as they need it. Never fails: what can go wrong is
    /// an outcome. The caller must not drop the future; a client that is gone changes nothing.
    pub async fn commit(&self, txn: &TxnId, participants: Vec<Enlisted>) -> Report {
        unimplemented!()
    }

    /// ROLLBACK over these participants. Always ends as rolled back: a connection that cannot say so is closed.
    pub async fn rollback(&self, txn: &TxnId, participants: Vec<Enlisted>) -> Vec<Conn> {
        unimplemented!()
    }

    /// Returns at once unless a decided transaction is not yet committed on this backend; then waits for the settler, at
    /// most `transactions.commit_wait` (FACTS 31). Call before each statement that a backend shall run.
    pub async fn wait_readable(&self, backend: BackendId) -> Result<(), Fault> {
        unimplemented!()
    }
}
