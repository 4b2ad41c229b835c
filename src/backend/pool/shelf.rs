//! The idle connections of one pool, and which of them is given to whom.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::{Lease, Owner, Registered};
use crate::backend::Conn;

/// A connection that nobody uses.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) conn: Conn,
    pub(super) registered: Registered,
    pub(super) born: Instant,
    pub(super) since: Instant,
    pub(super) flags: u32,
    pub(super) state: State,
    /// Its place in the pool, if its session cannot do without it: only that one gets it.
    pub(super) held: Option<OwnedSemaphorePermit>,
    /// Another thread has adopted it meanwhile.
    pub(super) moved: bool,
}

impl Idle {
    pub(super) fn is_old(&self, max_lifetime: Duration) -> bool {
        self.born.elapsed() >= max_lifetime
    }

    /// In use again, in the place that it is given.
    pub(super) fn leased(self, permit: OwnedSemaphorePermit) -> Conn {
        let Self { mut conn, registered, born, flags, .. } = self;
        conn.set_lease(Lease { permit, registered, born, flags });
        conn
    }
}

/// What an idle connection still knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing: it was reset.
    Clean,
    /// Its session may come back for it.
    Parked(Owner),
    /// Things of a session that has ended.
    Abandoned,
}

/// What was found for somebody who holds a place in the pool.
#[derive(Debug)]
pub(super) enum Taken {
    /// The connection that it has parked.
    Own(Idle),
    /// Another one. If it is another session's, its owner waits until it is decided what becomes of it.
    Other(Idle),
    /// Its own one is just being asked whether it may be taken.
    Asked,
    /// There is none; there is room for a new one.
    Nothing,
}

/// All idle connections of one pool, in the order in which they were left.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    idle: Vec<Idle>,
    /// Owners whose connections are just being asked whether they may be taken.
    asked: Vec<Owner>,
    /// Those of them whose sessions have ended meanwhile.
    ended: Vec<Owner>,
    /// Owners whose connections are closed without having been asked.
    lost: HashSet<Owner>,
}

impl Shelf {
    pub(super) fn push(&mut self, idle: Idle) {
        self.idle.push(idle);
    }

    /// Connections that hold no place.
    pub(super) fn free(&self) -> usize {
        self.idle.iter().filter(|idle| idle.held.is_none()).count()
    }

    /// The session has ended: what it has parked is anybody's.
    pub(super) fn forget(&mut self, owner: Owner) {
        for idle in self.idle.iter_mut().filter(|idle| idle.state == State::Parked(owner)) {
            idle.state = State::Abandoned;
            idle.held = None;
        }
        if self.asked.contains(&owner) {
            self.ended.push(owner);
        }
        self.lost.remove(&owner);
    }

    /// A connection in this state is closed, and nobody knows what was lost by it.
    pub(super) fn lose(&mut self, state: State) {
        if let State::Parked(owner) = state
            && !self.ended.contains(&owner)
        {
            self.lost.insert(owner);
        }
    }

    pub(super) fn take_lost(&mut self, owner: Owner) -> bool {
        self.lost.remove(&owner)
    }

    /// Keeps a connection in this place of the pool until its session needs it.
    pub(super) fn hold(&mut self, mut idle: Idle, permit: OwnedSemaphorePermit) {
        if self.ended.iter().any(|owner| idle.state == State::Parked(*owner)) {
            idle.state = State::Abandoned;
        } else {
            idle.held = Some(permit);
        }
        self.idle.push(idle);
    }

    /// The owner's connection that is held for it, and the place that it holds.
    pub(super) fn take_held(&mut self, owner: Owner, flags: u32) -> Option<(Idle, OwnedSemaphorePermit)> {
        let own = |i: &Idle| i.flags == flags && i.state == State::Parked(owner) && i.held.is_some();
        let at = self.idle.iter().position(own)?;
        let mut idle = self.idle.remove(at);
        let permit = idle.held.take()?;
        if idle.conn.is_quiet() {
            return Some((idle, permit));
        }
        self.lose(idle.state);
        None
    }

    /// An idle connection with these flags that is not dead: the session's own, else the youngest that nobody has parked,
    /// else, if there is no room for a new one, the one that was parked first. Without one, makes room for a new
    /// connection. `used`: places that are taken, the caller's among them.
    pub(super) fn take(&mut self, owner: Option<Owner>, flags: u32, used: usize, size: usize) -> Taken {
        if owner.is_some_and(|owner| self.asked.contains(&owner)) {
            return Taken::Asked;
        }
        let own = |i: &Idle| owner.is_some_and(|owner| i.state == State::Parked(owner));
        let parked = |i: &Idle| matches!(i.state, State::Parked(_));
        loop {
            let full = self.free() + used > size;
            let idle = &self.idle;
            let at = idle.iter().rposition(|i| i.flags == flags && own(i));
            let at = at.or_else(|| idle.iter().rposition(|i| i.flags == flags && i.state == State::Clean));
            let at = at.or_else(|| idle.iter().rposition(|i| i.flags == flags && !parked(i)));
            let at = at.or_else(|| idle.iter().position(|i| full && i.flags == flags && i.held.is_none()));
            let Some(at) = at else { break };
            // In their order, so that the first is the one that was parked first.
            let mut found = self.idle.remove(at);
            if !found.conn.is_quiet() {
                self.lose(found.state);
                continue;
            }
            if own(&found) {
                return Taken::Own(found);
            }
            if let State::Parked(other) = found.state {
                self.asked.push(other);
            }
            return Taken::Other(found);
        }
        while self.free() + used > size {
            let Some(at) = self.idle.iter().position(|idle| idle.held.is_none()) else { break };
            let state = self.idle.remove(at).state;
            self.lose(state);
        }
        Taken::Nothing
    }

    /// Whatever was asked for this owner is decided.
    pub(super) fn decided(&mut self, owner: Owner) {
        self.asked.retain(|asked| *asked != owner);
        self.ended.retain(|ended| *ended != owner);
    }

    /// Closes what nobody has parked and was idle for too long or is too old.
    pub(super) fn expire(&mut self, idle_timeout: Duration, max_lifetime: Duration) {
        let expired = |i: &Idle| i.since.elapsed() >= idle_timeout || i.is_old(max_lifetime);
        self.idle.retain(|idle| matches!(idle.state, State::Parked(_)) || !expired(idle));
    }

    /// The next one whose session has ended.
    pub(super) fn take_abandoned(&mut self) -> Option<Idle> {
        let at = self.idle.iter().position(|idle| idle.state == State::Abandoned)?;
        Some(self.idle.remove(at))
    }

    /// The next parked one that was idle for too long or is too old, to be asked whether it may be closed.
    pub(super) fn take_expired(&mut self, idle_timeout: Duration, max_lifetime: Duration) -> Option<(Owner, Idle)> {
        let expired = |i: &Idle| i.since.elapsed() >= idle_timeout || i.is_old(max_lifetime);
        let candidate = |i: &Idle| matches!(i.state, State::Parked(_)) && i.held.is_none() && expired(i);
        let at = self.idle.iter().position(candidate)?;
        let idle = self.idle.remove(at);
        let State::Parked(owner) = idle.state else { return None };
        self.asked.push(owner);
        Some((owner, idle))
    }
}
