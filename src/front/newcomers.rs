//! Connections that have not logged in: bounded in number, and one that dawdles cannot keep the next one out.

use std::collections::VecDeque;
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

/// One of them, until it is dropped.
#[derive(Debug)]
pub(super) struct Newcomer {
    all: Arc<Newcomers>,
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

    /// One more. If there are too many, the one that has been here longest is sent away for it. To be called where
    /// connections are accepted, one by one: their own tasks first run in any order, and might take the last one that
    /// came for the oldest.
    pub(super) fn enter(self: &Arc<Self>) -> Newcomer {
        let sent_away = Arc::new(Notify::new());
        let mut list = self.list();
        if list.len() >= self.max
            && let Some(oldest) = list.pop_front()
        {
            oldest.notify_one();
        }
        list.push_back(Arc::clone(&sent_away));
        Newcomer { all: Arc::clone(self), sent_away }
    }
}

impl Newcomer {
    /// Ends when this one has to go.
    pub(super) async fn sent_away(&self) {
        self.sent_away.notified().await;
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.all.list().retain(|other| !Arc::ptr_eq(other, &self.sent_away));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_one_that_has_been_here_longest_goes_for_the_next() {
        let all = Arc::new(Newcomers { max: 2, list: Mutex::default() });
        let (first, second) = (all.enter(), all.enter());
        let third = all.enter();
        first.sent_away().await;
        assert_eq!(all.list().len(), 2);
        drop((first, second));
        assert_eq!(all.list().len(), 1, "who has gone makes room");
        drop(third);
        assert_eq!(all.list().len(), 0);
    }
}
