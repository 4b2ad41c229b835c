//! Connections that have not logged in: bounded in number, and one that dawdles cannot keep the next one out.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Fewer are never allowed: a small `limits.clients` must not make logins fail each other.
const NEWCOMERS_MIN: usize = 256;

/// All of one front.
#[derive(Debug)]
pub(super) struct Newcomers {
    /// At most so many at a time.
    max: usize,
    list: Mutex<VecDeque<Arc<Notify>>>,
}

/// Sessions of one front, counted against a limit that may change.
#[derive(Clone, Debug, Default)]
pub(super) struct Places(Arc<AtomicUsize>);

/// A session's place, until it is dropped.
#[derive(Debug)]
pub(super) struct Occupied(Places);

impl Places {
    /// A place, if fewer than `most` are taken.
    pub(super) fn enter(&self, most: usize) -> Option<Occupied> {
        let one_more = |taken: usize| (taken < most).then_some(taken + 1);
        self.0.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok().map(|_| Occupied(self.clone()))
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Newcomer<'a> {
    all: &'a Newcomers,
    sent_away: Arc<Notify>,
}

impl Newcomers {
    /// For a front of so many sessions: all of them may log in at once, when the house has just been started again.
    pub(super) fn for_sessions(clients: usize) -> Self {
        Self { max: clients.max(NEWCOMERS_MIN), list: Mutex::default() }
    }

    fn list(&self) -> MutexGuard<'_, VecDeque<Arc<Notify>>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many there can be.
    pub(super) fn max(&self) -> usize {
        self.max
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.list().len()
    }

    /// One more. If there are too many, the one that has been here longest is sent away for it.
    pub(super) fn enter(&self) -> Newcomer<'_> {
        let sent_away = Arc::new(Notify::new());
        let mut list = self.list();
        if list.len() >= self.max
            && let Some(oldest) = list.pop_front()
        {
            oldest.notify_one();
        }
        list.push_back(Arc::clone(&sent_away));
        Newcomer { all: self, sent_away }
    }
}

impl Newcomer<'_> {
    /// Ends when this one has to go.
    pub(super) async fn sent_away(&self) {
        self.sent_away.notified().await;
    }
}

impl Drop for Newcomer<'_> {
    fn drop(&mut self) {
        self.all.list().retain(|other| !Arc::ptr_eq(other, &self.sent_away));
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
    async fn the_one_that_has_been_here_longest_goes_for_the_next() {
        let all = Newcomers { max: 2, list: Mutex::default() };
        let (first, second) = (all.enter(), all.enter());
        let third = all.enter();
        first.sent_away().await;
        assert_eq!(all.count(), 2);
        drop((first, second));
        assert_eq!(all.count(), 1, "who has gone makes room");
        drop(third);
        assert_eq!(all.count(), 0);
    }
}
