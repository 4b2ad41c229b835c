//! Room for the connections of one front: how many sessions it may have, and how many connections in all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};

use crate::base::limits::CONSOLES_MAX;
use crate::base::{Fault, FaultKind};
use crate::front::newcomers::Newcomers;

/// Connections that are just going, beyond sessions, consoles and those that log in.
const LEAVING_MAX: usize = 64;

/// When there is room for none more, those that are just going have so long for it before the next one is refused.
const LEAVING_TIMEOUT: Duration = Duration::from_secs(1);

/// Sessions of one front, counted against a limit that may change, and its consoles.
#[derive(Clone, Debug)]
pub(super) struct Places {
    sessions: Arc<AtomicUsize>,
    consoles: Arc<Semaphore>,
}

/// A session's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Occupied(Arc<AtomicUsize>);

impl Default for Places {
    fn default() -> Self {
        Self { sessions: Arc::default(), consoles: Arc::new(Semaphore::new(CONSOLES_MAX)) }
    }
}

impl Places {
    /// Connections that there may be in all, when `most` sessions may be. Sessions that were here before their limit was
    /// lowered stay.
    pub(super) fn connections_max(&self, most: usize, newcomers: &Newcomers) -> usize {
        most.max(self.sessions.load(Ordering::Acquire)) + CONSOLES_MAX + newcomers.max() + LEAVING_MAX
    }

    /// A place, if fewer than `most` are taken.
    pub(super) fn enter(&self, most: usize) -> Option<Occupied> {
        let one_more = |taken: usize| (taken < most).then_some(taken + 1);
        let taken = self.sessions.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        taken.ok().map(|_| Occupied(Arc::clone(&self.sessions)))
    }

    /// An operator's place. The places of clients are not for him: when they are all taken, he is needed most.
    pub(super) fn console(&self) -> Result<OwnedSemaphorePermit, Fault> {
        let text = format!("too many consoles are open ({CONSOLES_MAX})");
        let place = Arc::clone(&self.consoles).try_acquire_owned();
        place.map_err(|_| Fault::new(FaultKind::TooManyClients, text))
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Whether there is room for one more connection beside these. Who accepts is faster than who ends: there may be more of
/// those that have been sent away, or have left by themselves, than there is room for. They are waited for.
pub(super) async fn room(connections: &mut JoinSet<()>, most: usize) -> bool {
    let some_leave = async {
        while connections.len() >= most {
            match connections.join_next().await {
                Some(joined) => ended(joined),
                None => return,
            }
        }
    };
    tokio::time::timeout(LEAVING_TIMEOUT, some_leave).await.is_ok()
}

/// Waits for all of them.
pub(super) async fn all_ended(connections: &mut JoinSet<()>) {
    while let Some(joined) = connections.join_next().await {
        ended(joined);
    }
}

/// A connection's task is over.
pub(super) fn ended(joined: Result<(), JoinError>) {
    if let Err(error) = joined {
        tracing::error!(%error, "a connection's task died");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_sessions_may_change_while_they_live() {
        let places = Places::default();
        let (first, second) = (places.enter(2), places.enter(2));
        assert!(first.is_some() && second.is_some() && places.enter(2).is_none());
        let third = places.enter(3);
        assert!(third.is_some());
        drop((first, third));
        assert!(places.enter(1).is_none(), "one is left, and one is allowed now");
        drop(second);
        assert!(places.enter(1).is_some());
    }

    #[tokio::test]
    async fn who_is_just_going_is_waited_for_and_who_stays_is_not() {
        let mut connections = JoinSet::new();
        connections.spawn(std::future::pending());
        connections.spawn(std::future::ready(()));
        assert!(room(&mut connections, 3).await && connections.len() == 2, "there was room already");
        assert!(room(&mut connections, 2).await && connections.len() == 1, "one has gone");
        assert!(!room(&mut connections, 1).await && connections.len() == 1, "one stays");
    }
}
