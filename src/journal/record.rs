//! Layer 2, pure: what a decision record holds and how it is written.

use crate::base::{Engine, Place, TxnId};

/// The durable fact that a transaction commits: all that recovery needs, without configuration or memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Which transaction.
    pub txn: TxnId,
    /// When it was decided, milliseconds since 1970.
    pub decided_wall_ms: u64,
    /// The branches that were prepared, all of them.
    pub branches: Vec<DecidedBranch>,
}

/// One prepared branch of a decided transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DecidedBranch {
    /// Its place in the branch name.
    pub place: Place,
    /// The backend's configured name.
    pub backend: String,
    /// The database it was prepared in.
    pub database: String,
    /// The role that prepared it.
    pub role: String,
    /// Which server.
    pub engine: Engine,
    /// The preparing session's process id (PostgreSQL) or thread id (MySQL): recovery ends it before it believes a list.
    pub session: u64,
    /// Whether the branch wrote for certain; one that did not may vanish from the server's list (FACTS 9).
    pub wrote: bool,
}

/// Proof that a transaction's decision is on disk. Only the journal makes one; phase two takes it by reference, so that
/// "commit before the decision is durable" does not compile (INV-1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Durable {
    txn: TxnId,
}

impl Durable {
    /// The journal's own constructor.
    #[expect(dead_code, reason = "the journal's writer uses it")]
    pub(in crate::journal) fn mint(txn: TxnId) -> Self {
        Self { txn }
    }

    /// For unit tests of the pure rooms, which have no journal.
    #[cfg(test)]
    pub(crate) fn for_tests(txn: TxnId) -> Self {
        Self::mint(txn)
    }

    /// The transaction that it proves decided.
    pub fn txn(&self) -> &TxnId {
        &self.txn
    }
}
