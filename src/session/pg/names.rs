//! Where the client's names live: prepared statements, portals, cursors, temporary tables.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use crate::base::BackendId;
use crate::sql::{Analysis, Statement};

/// Who answers for a prepared statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lives {
    /// The session itself: transaction control.
    Here,
    /// This backend.
    On(BackendId),
}

/// A prepared statement.
#[derive(Clone, Debug)]
pub(super) struct Prepared {
    /// What its text says.
    pub analysis: Arc<Analysis>,
    /// The text.
    pub text: Bytes,
    /// Who has it.
    pub lives: Lives,
    /// Which connection of that backend has it.
    pub generation: u64,
    /// The Parse as sent, to prepare it again on another connection; empty for SQL's own PREPARE.
    pub frame: Bytes,
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
}

/// All names of a session.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// By name; empty: unnamed. SQL's PREPARE and the protocol's share them.
    pub statements: HashMap<Bytes, Arc<Prepared>>,
    /// By name.
    pub portals: HashMap<Bytes, Portal>,
    /// DECLAREd cursors.
    pub cursors: HashMap<String, BackendId>,
    /// Temporary tables made by this session.
    pub temporary: HashSet<String>,
}

impl Names {
    /// The cursor's or portal's backend.
    pub(super) fn cursor(&self, name: &str) -> Option<BackendId> {
        if let Some(backend) = self.cursors.get(name) {
            return Some(*backend);
        }
        match self.portals.get(name.as_bytes())?.prepared.lives {
            Lives::On(backend) => Some(backend),
            Lives::Here => None,
        }
    }

    /// The prepared statement's backend.
    pub(super) fn statement(&self, name: &str) -> Option<BackendId> {
        match self.statements.get(name.as_bytes())?.lives {
            Lives::On(backend) => Some(backend),
            Lives::Here => None,
        }
    }
}
