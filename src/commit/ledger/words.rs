//! The words that the ledger tells things by.

use std::time::Duration;

use crate::base::BackendId;

/// How far a branch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchState {
    /// Its work is done, nothing was asked of it yet.
    Open,
    /// PREPARE was sent; not answered.
    Asked,
    /// It voted yes.
    Prepared,
    /// Committed.
    Committed,
    /// Rolled back, or never prepared and its session gone.
    RolledBack,
    /// It may be prepared, and its backend does not answer.
    Unreachable,
    /// Somebody else ended it against the decision.
    Heuristic,
    /// Its backend does not answer, and a person has said that nobody waits for it any more.
    GivenUp,
}

impl BranchState {
    /// Whether nothing can change any more.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Committed | Self::RolledBack | Self::GivenUp)
    }
}

/// What the client was told, or would have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// Committed.
    Committed,
    /// Rolled back.
    RolledBack,
    /// That nobody knows (INV-5).
    Unknown,
}

/// How a whole transaction stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its coordinator works on it.
    Ending,
    /// A branch waits for its backend, or for a person.
    InDoubt,
    /// Committed everywhere.
    Committed,
    /// Rolled back everywhere.
    RolledBack,
    /// The journal cannot say.
    Unknown,
}

/// What happened, for a timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// PREPARE was sent.
    PrepareSent,
    /// A yes vote.
    Prepared,
    /// A no.
    Refused,
    /// The decision is durable.
    Decided,
    /// A branch was committed by its own session.
    Committed,
    /// A branch was rolled back.
    RolledBack,
    /// An attempt failed.
    Failed,
    /// A settler or a person has finished a branch.
    Settled,
}

/// One moment of a timeline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Since the transaction's end began.
    pub at: Duration,
    /// What.
    pub what: What,
    /// Where.
    pub backend: Option<BackendId>,
    /// More, in words.
    pub detail: Option<String>,
    /// The SQLSTATE of what failed.
    pub sqlstate: Option<String>,
}
