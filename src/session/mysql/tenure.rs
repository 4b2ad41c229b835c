//! What a session knows of the connections that it has or had: with `pool.mode = "transaction"` they are parked between
//! its transactions (`park`), and another session may take them.

use std::collections::{HashMap, HashSet};

use super::leavings::{Leavings, Lock};
use crate::backend::pool::Owner;
use crate::base::BackendId;

/// The time in which a connection of a participant keeps the session's state: until the pool gives another one.
#[derive(Debug)]
pub(super) struct Tenure {
    pub(super) participant: BackendId,
    /// Tells it from the session's others, before and after.
    pub(super) number: u64,
    /// The session's settings up to this number are known there.
    pub(super) told: u64,
    /// It has what no other connection can be given.
    pub(super) stays: bool,
    /// It stays until another statement has run.
    pub(super) until_next: bool,
    /// The client's own XA runs, or has run, here: it may hold a prepared branch.
    pub(super) two_phase: bool,
    /// GET_LOCK: how often each name was asked for and not released.
    locks: HashMap<Option<Vec<u8>>, u32>,
    /// Statements that were closed while it was parked.
    pub(super) closing: Vec<u32>,
    /// User variables and settings (`@name`, `@@session.name`) whose values only it knows.
    pub(super) unread: Vec<String>,
    /// LAST_INSERT_ID(), if it is known.
    pub(super) key: Option<u64>,
}

impl Tenure {
    /// Whether something holds the connection for the session.
    pub(super) fn is_held(&self) -> bool {
        self.stays || self.until_next || self.two_phase || !self.locks.is_empty()
    }

    /// Takes note of what a statement has left.
    pub(super) fn leave(&mut self, leavings: Leavings) {
        self.stays |= leavings.stays;
        self.until_next = leavings.until_next;
        self.unread.extend(leavings.values);
        if leavings.key {
            self.key = None;
        }
        for lock in leavings.locks {
            match lock {
                // A call that got nothing counts as well: rather one too many than one too few.
                Lock::Get(name) => *self.locks.entry(name).or_default() += 1,
                Lock::Release(Some(name)) => {
                    let name = Some(name);
                    if let Some(count) = self.locks.get_mut(&name) {
                        *count -= 1;
                    }
                    self.locks.retain(|_, count| *count > 0);
                }
                // It may be any of them: none is taken for released.
                Lock::Release(None) => {}
                Lock::ReleaseAll => self.locks.clear(),
            }
        }
    }
}

/// What `pool.mode = "transaction"` needs in a session.
#[derive(Debug)]
pub(super) struct Pooling {
    /// Connections are parked.
    pub(super) on: bool,
    pub(super) owner: Owner,
    tenures: Vec<Tenure>,
    numbers: u64,
    /// The number of the last setting.
    pub(super) said: u64,
    /// Everything stays: the session has something that is nowhere to be replayed in order.
    pub(super) stays: bool,
    /// Prepared statements with an open cursor.
    pub(super) cursors: HashSet<u32>,
    /// Status flags of the last answer where transactions are the backend's own.
    pub(super) status: Option<u16>,
}

impl Pooling {
    pub(super) fn new(on: bool, owner: Owner) -> Self {
        Self {
            on,
            owner,
            tenures: Vec::new(),
            numbers: 0,
            said: 0,
            stays: false,
            cursors: HashSet::new(),
            status: None,
        }
    }

    /// Begins a tenure by a fresh connection.
    pub(super) fn begin(&mut self, participant: BackendId) {
        self.numbers += 1;
        let key = self.tenure(participant).map_or(Some(0), |t| t.key);
        self.tenures.retain(|t| t.participant != participant);
        self.tenures.push(Tenure {
            participant,
            number: self.numbers,
            told: 0,
            stays: false,
            until_next: false,
            two_phase: false,
            locks: HashMap::new(),
            closing: Vec::new(),
            unread: Vec::new(),
            key,
        });
    }

    /// The last tenure of a participant.
    pub(super) fn tenure(&self, participant: BackendId) -> Option<&Tenure> {
        self.tenures.iter().find(|t| t.participant == participant)
    }

    /// The same, to be changed.
    pub(super) fn tenure_mut(&mut self, participant: BackendId) -> Option<&mut Tenure> {
        self.tenures.iter_mut().find(|t| t.participant == participant)
    }

    /// Its number; 0: none.
    pub(super) fn number(&self, participant: BackendId) -> u64 {
        self.tenure(participant).map_or(0, |t| t.number)
    }

    /// Forgets everything, as after a reset.
    pub(super) fn forget(&mut self) {
        *self = Self { numbers: self.numbers, ..Self::new(self.on, self.owner) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::pool::Pools;

    #[test]
    fn a_lock_holds_the_connection_until_it_is_released_as_often_as_it_was_asked_for() {
        let pools = Pools::new(std::sync::Arc::new(crate::sql::tests::corpus::config(&[], &[])));
        let mut pooling = Pooling::new(true, pools.owner());
        pooling.begin(BackendId(0));
        let tenure = pooling.tenure_mut(BackendId(0)).unwrap();
        let name = || Some(b"'a'".to_vec());
        let mut leave = |lock| {
            tenure.leave(Leavings { locks: vec![lock], ..Leavings::default() });
            tenure.is_held()
        };
        assert!(!leave(Lock::Release(name())));
        assert!(leave(Lock::Get(name())));
        assert!(leave(Lock::Get(name())));
        assert!(leave(Lock::Release(name())));
        assert!(!leave(Lock::Release(name())));
        assert!(leave(Lock::Get(None)));
        assert!(leave(Lock::Release(name())));
        assert!(leave(Lock::Release(None)));
        assert!(!leave(Lock::ReleaseAll));
    }
}
