//! Where the client's names live: prepared statements, portals, cursors, temporary tables.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::foreign;
use crate::base::BackendId;
use crate::relay::pg::Description;
use crate::relay::pg::foreign::Later;
use crate::sql::{Analysis, Statement};
use crate::wire::pg::error::Origin;

/// Who answers for a prepared statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lives {
    /// The session itself: transaction control.
    Here,
    /// This backend.
    On(BackendId),
    /// The session itself: a backend of the other dialect knows none of the client's statements.
    Foreign,
}

/// A prepared statement.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// What its text says.
    pub analysis: Arc<Analysis>,
    /// The text; of SQL's own PREPARE, all of it, as it was sent.
    pub text: Bytes,
    /// Who has it.
    pub lives: Lives,
    /// Which connection of that backend has it.
    pub generation: u64,
    /// For [`Lives::Foreign`].
    pub foreign: Option<Arc<foreign::Prepared>>,
    /// Of what its text was made, if not as the client sent it.
    pub origin: Option<Arc<Origin>>,
    /// The Parse as sent, to prepare it again on another connection; empty for SQL's own PREPARE.
    pub frame: Bytes,
    /// What its server said it takes and gives.
    pub described: Option<Arc<Description>>,
    /// Prepared on another connection it would give something else.
    pub changed: bool,
}

impl Prepared {
    /// Its statement, unless the text is empty or the backend is to refuse it.
    pub(super) fn statement(&self) -> Option<&Statement> {
        match self.analysis.statements.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }
}

/// A bound portal.
#[derive(Clone, Debug)]
pub(super) struct Portal {
    /// Of which statement.
    pub prepared: Arc<Prepared>,
    /// It has no parameters, so that its text says all.
    pub plain: bool,
    /// A portal of [`Lives::Here`] that was run.
    pub done: bool,
    /// For [`Lives::Foreign`].
    pub foreign: Option<Arc<foreign::Bound>>,
}

/// What an executed portal of [`Lives::Foreign`] has still to give.
#[derive(Debug)]
pub(super) struct Leftover {
    /// Rows.
    pub rows: Later,
    /// The command tag; `None`: a SELECT's, which counts the rows that it comes with.
    pub tag: Option<String>,
}

/// All names of a session.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By name; empty: unnamed. SQL's PREPARE and the protocol's share them.
    pub statements: HashMap<Bytes, Arc<Prepared>>,
    /// By name.
    pub portals: HashMap<Bytes, Portal>,
    /// By portal.
    pub leftovers: HashMap<Bytes, Leftover>,
    /// DECLAREd cursors over tables of a backend of the other dialect.
    pub foreign_cursors: HashMap<String, foreign::Cursor>,
    /// DECLAREd cursors.
    pub cursors: HashMap<String, BackendId>,
    /// Temporary tables made by this session.
    pub temporary: HashSet<String>,
}

impl Names {
    /// As a new session.
    pub(super) fn discard_all(&mut self) {
        self.statements.clear();
        self.cursors.clear();
        self.foreign_cursors.clear();
        self.temporary.clear();
    }

    /// No portal outlives its transaction.
    pub(super) fn forget_portals(&mut self) {
        self.portals.clear();
        self.leftovers.clear();
    }

    /// The transaction has ended: cursors WITH HOLD outlive the one that declared them if it has committed.
    pub(super) fn end_cursors(&mut self, committed: bool) {
        self.foreign_cursors.retain(|_, cursor| cursor.kept || (cursor.hold && committed));
        self.foreign_cursors.values_mut().for_each(|cursor| cursor.kept = true);
    }

    /// The unnamed statement and the unnamed portal go. Most sessions that send simple queries never had any.
    pub(super) fn forget_unnamed(&mut self) {
        if !self.statements.is_empty() {
            self.statements.remove(&b""[..]);
        }
        if !self.portals.is_empty() || !self.leftovers.is_empty() {
            self.forget_portal(b"");
        }
    }

    /// One portal less.
    pub(super) fn forget_portal(&mut self, name: &[u8]) -> Option<Portal> {
        self.leftovers.remove(name);
        self.portals.remove(name)
    }

    /// The cursor's or portal's backend.
    pub(super) fn cursor(&self, name: &str) -> Option<BackendId> {
        if let Some(backend) = self.cursors.get(name) {
            return Some(*backend);
        }
        match self.portals.get(name.as_bytes())?.prepared.lives {
            Lives::On(backend) => Some(backend),
            Lives::Here | Lives::Foreign => None,
        }
    }

    /// The prepared statement's backend.
    pub(super) fn statement(&self, name: &str) -> Option<BackendId> {
        match self.statements.get(name.as_bytes())?.lives {
            Lives::On(backend) => Some(backend),
            Lives::Here | Lives::Foreign => None,
        }
    }
}
