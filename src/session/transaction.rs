//! A session's transaction, whichever the dialect: who takes part, how far it got, its savepoints. Plain data; the
//! sessions of both wires drive it.

use crate::base::{BackendId, BranchName, Place, TxnId};
use crate::commit::Wrote;
use crate::sql::{Characteristics, Unpreparable};

/// How the transaction was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// None: each statement commits by itself.
    Autocommit,
    /// By the client's BEGIN.
    Explicit,
    /// By a multi-statement text or a pipeline (PostgreSQL), or by `autocommit=0` (MySQL).
    Implicit,
    /// Explicit, and an error has happened that only ROLLBACK (TO) mends (PostgreSQL clients).
    Failed,
}

/// A backend enlisted in the transaction.
#[derive(Clone, Debug)]
pub struct Participant {
    /// Which backend; one of several that share a server and user stands for all of them.
    pub backend: BackendId,
    /// Its position in the branch names.
    pub place: Place,
    /// What it did so far.
    pub wrote: Wrote,
    /// Why it cannot be prepared, if so.
    pub unpreparable: Option<Unpreparable>,
}

/// The transaction of one session.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// How it was begun, or that there is none.
    pub mode: Mode,
    /// Given at BEGIN or by SET TRANSACTION; reach every participant.
    pub with: Characteristics,
    /// Savepoints, oldest first.
    pub savepoints: Vec<String>,
    /// Who takes part, in order of joining.
    pub participants: Vec<Participant>,
    /// How many ever joined: the next place. More than [`Self::participants`] means that one was lost, and then the
    /// transaction can only be rolled back ([`crate::commit::Commits::commit`] checks it).
    pub joined: u16,
    /// Its name; made when the first participant joins.
    pub id: Option<TxnId>,
}

impl Default for Transaction {
    fn default() -> Self {
        Self::none()
    }
}

impl Transaction {
    /// No transaction.
    pub fn none() -> Self {
        Self {
            mode: Mode::Autocommit,
            with: Characteristics::default(),
            savepoints: Vec::new(),
            participants: Vec::new(),
            joined: 0,
            id: None,
        }
    }

    /// One that has begun and has no participant.
    pub fn begun(mode: Mode, with: Characteristics) -> Self {
        Self { mode, with, ..Self::none() }
    }

    /// Whether the client is inside a transaction.
    pub fn is_open(&self) -> bool {
        self.mode != Mode::Autocommit
    }

    /// The participant of this backend, if enlisted.
    pub fn participant(&mut self, backend: BackendId) -> Option<&mut Participant> {
        self.participants.iter_mut().find(|p| p.backend == backend)
    }

    /// Enlists a backend; its place is the next one.
    pub fn enlist(&mut self, backend: BackendId) -> &mut Participant {
        let place = Place(self.joined);
        self.joined += 1;
        self.participants.push(Participant { backend, place, wrote: Wrote::No, unpreparable: None });
        let last = self.participants.len() - 1;
        &mut self.participants[last]
    }

    /// The position of a savepoint: the youngest of that name.
    pub fn savepoint(&self, name: &str) -> Option<usize> {
        self.savepoints.iter().rposition(|s| s == name)
    }
}

/// The branch of a participant whose connection is the server's session `session`.
pub fn branch(txn: &TxnId, place: Place, session: u64) -> BranchName {
    BranchName { txn: txn.clone(), place, session }
}
