//! What the settlers see of their backends, for people. Nobody decides by it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::backend::control::{Listed, ServerFacts};
use crate::base::{BackendId, clock};

/// One backend as it was seen last.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Whether it answered; `None`: not asked yet.
    pub up: Option<bool>,
    /// Since when that is so, milliseconds since 1970.
    pub since_wall_ms: u64,
    /// What was met when it was last not reached; stays after it is back.
    pub last_error: Option<String>,
    /// Every prepared branch that it listed, of whomever.
    pub listed: Vec<Listed>,
    /// What it is.
    pub facts: Option<ServerFacts>,
}

/// All backends, by [`BackendId`].
#[derive(Debug)]
pub struct Board {
    seen: Vec<Mutex<Seen>>,
    committed: AtomicU64,
    rolled_back: AtomicU64,
}

impl Board {
    /// For so many backends, none of them seen.
    pub fn new(backends: usize) -> Self {
        let seen = (0..backends).map(|_| Mutex::default()).collect();
        Self { seen, committed: AtomicU64::new(0), rolled_back: AtomicU64::new(0) }
    }

    fn at(&self, backend: BackendId) -> MutexGuard<'_, Seen> {
        // Every change under the lock is complete before anything in it can panic.
        self.seen[usize::from(backend.0)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was seen.
    pub fn seen(&self, backend: BackendId) -> Seen {
        self.at(backend).clone()
    }

    /// It has said what it is.
    pub fn facts(&self, backend: BackendId, facts: ServerFacts) {
        self.at(backend).facts = Some(facts);
    }

    /// It has listed its prepared branches.
    pub(super) fn listed(&self, backend: BackendId, listed: Vec<Listed>) {
        self.at(backend).listed = listed;
    }

    /// So many branches were finished by recovery.
    pub(super) fn swept(&self, committed: usize, rolled_back: usize) {
        self.committed.fetch_add(committed as u64, Ordering::Relaxed);
        self.rolled_back.fetch_add(rolled_back as u64, Ordering::Relaxed);
    }

    /// Branches that recovery has committed and rolled back since the start.
    pub fn finished(&self) -> (u64, u64) {
        (self.committed.load(Ordering::Relaxed), self.rolled_back.load(Ordering::Relaxed))
    }

    /// It was reached, or not.
    pub(super) fn reached(&self, backend: BackendId, problem: Option<&str>) {
        let mut seen = self.at(backend);
        let up = problem.is_none();
        if seen.up != Some(up) {
            (seen.up, seen.since_wall_ms) = (Some(up), clock::wall_ms());
        }
        if let Some(problem) = problem {
            seen.last_error = Some(problem.to_owned());
        }
    }
}
