//! Who is connected by MySQL: for KILL.
//!
//! A KILL aims at a connection of a backend and may arrive late, when its statement is over. So that it never hits somebody
//! else's, a session that gives a connection on first withdraws it ([`Entry::withdraw`]) and waits for what was aimed at it;
//! a connection that was aimed at is closed.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::backend::mysql::Canceller;
use crate::backend::pg::CancelToken;
use crate::backend::pool::CONTROL_TIMEOUT;
use crate::base::BackendId;

/// All sessions of the MySQL front, by the id in their greeting.
#[derive(Debug, Default)]
pub struct Sessions {
    next: AtomicU32,
    by_id: Mutex<HashMap<u32, Arc<Entry>>>,
}

/// What others may know of a session.
#[derive(Debug)]
pub struct Entry {
    id: u32,
    kill: watch::Sender<bool>,
    shared: Mutex<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    user: String,
    targets: Vec<Target>,
    running: Option<BackendId>,
}

/// A connection that KILL may aim at.
#[derive(Debug)]
struct Target {
    backend: BackendId,
    thread: Option<u64>,
    cancel: Cancel,
    aims: Aims,
}

/// Who has aimed at a connection: how many are at it, how many ever were.
#[derive(Clone, Debug)]
struct Aims(watch::Sender<(u32, u32)>);

impl Default for Aims {
    fn default() -> Self {
        Self(watch::Sender::new((0, 0)))
    }
}

impl Aims {
    fn take(&self) -> Aim {
        self.0.send_modify(|(now, ever)| (*now, *ever) = (*now + 1, *ever + 1));
        Aim(self.clone())
    }

    /// Waits until nobody aims; how many did.
    async fn settled(&self) -> u32 {
        self.0.subscribe().wait_for(|(now, _)| *now == 0).await.map_or(1, |aims| aims.1)
    }
}

/// One KILL on its way.
struct Aim(Aims);

impl Drop for Aim {
    fn drop(&mut self) {
        self.0.0.send_modify(|(now, _)| *now = now.saturating_sub(1));
    }
}

/// What ends a running statement, whichever the backend.
#[derive(Clone, Debug)]
pub enum Cancel {
    /// By KILL QUERY.
    Mysql(Box<Canceller>),
    /// By a CancelRequest.
    Pg(CancelToken),
}

impl Cancel {
    /// Asks the server. Errors: why it could not be asked.
    async fn send(&self) -> Result<(), String> {
        match self {
            Self::Mysql(canceller) => canceller.cancel().await.map_err(|error| error.to_string()),
            Self::Pg(token) => token.send().await.map_err(|error| error.to_string()),
        }
    }
}

/// What KILL came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Killed {
    /// Done.
    Yes,
    /// No such session.
    Unknown,
    /// It is another user's.
    NotOwner,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sessions {
    /// Enters a new session; the receiver tells it when it is killed.
    pub fn enter(&self) -> (Arc<Entry>, watch::Receiver<bool>) {
        let (kill, killed) = watch::channel(false);
        let mut by_id = locked(&self.by_id);
        let id = loop {
            let id = self.next.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
            if id != 0 && !by_id.contains_key(&id) {
                break id;
            }
        };
        let entry = Arc::new(Entry { id, kill, shared: Mutex::default() });
        by_id.insert(id, entry.clone());
        (entry, killed)
    }

    /// Takes it out.
    pub fn leave(&self, entry: &Entry) {
        locked(&self.by_id).remove(&entry.id);
    }

    /// Ends every session that waits for its client or runs a statement; one that commits goes on to the end of that.
    pub fn kill_all(&self) {
        for entry in locked(&self.by_id).values() {
            entry.kill.send_replace(true);
        }
    }

    fn find(&self, id: u64) -> Option<Arc<Entry>> {
        let by_id = locked(&self.by_id);
        let ours = u32::try_from(id).ok().and_then(|id| by_id.get(&id));
        let theirs = || by_id.values().find(|e| locked(&e.shared).targets.iter().any(|t| t.thread == Some(id)));
        ours.or_else(theirs).cloned()
    }

    /// KILL (QUERY): `id` is from our greeting, or a backend's (`CONNECTION_ID()`). Only one's own sessions.
    pub async fn kill(&self, id: u64, user: &str, query_only: bool) -> Killed {
        let Some(entry) = self.find(id) else { return Killed::Unknown };
        let running = {
            let shared = locked(&entry.shared);
            if shared.user != user {
                return Killed::NotOwner;
            }
            let of_backend = |b| shared.targets.iter().find(|t| t.backend == b);
            shared.running.and_then(of_backend).map(|target| (target.cancel.clone(), target.aims.take()))
        };
        if let Some((cancel, _aim)) = running {
            match tokio::time::timeout(CONTROL_TIMEOUT, cancel.send()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::warn!(session = id, %error, "KILL did not reach the backend"),
                Err(_) => tracing::warn!(session = id, "KILL was not answered by the backend"),
            }
        }
        if !query_only {
            entry.kill.send_replace(true);
        }
        Killed::Yes
    }
}

impl Entry {
    /// The id in the greeting.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Says who logged in.
    pub fn set_user(&self, user: &str) {
        locked(&self.shared).user = user.to_owned();
    }

    /// Says that a backend's connection belongs to the session now. `thread`: its number, if clients may know it.
    pub fn attached(&self, backend: BackendId, thread: Option<u64>, canceller: Cancel) {
        let mut shared = locked(&self.shared);
        shared.targets.retain(|t| t.backend != backend);
        shared.targets.push(Target { backend, thread, cancel: canceller, aims: Aims::default() });
    }

    /// Says that a backend's connection belongs to it no longer, and waits for the KILLs that are on their way to it.
    /// `false`: it was aimed at, and must be closed.
    pub async fn withdraw(&self, backend: BackendId) -> bool {
        let target = {
            let mut shared = locked(&self.shared);
            let at = shared.targets.iter().position(|t| t.backend == backend);
            at.map(|at| shared.targets.swap_remove(at))
        };
        let Some(target) = target else { return true };
        target.aims.settled().await == 0
    }

    /// Says that no backend's connection belongs to it.
    pub fn detached(&self) {
        let mut shared = locked(&self.shared);
        shared.targets.clear();
        shared.running = None;
    }

    /// Says where its statement runs.
    pub fn running(&self, backend: Option<BackendId>) {
        locked(&self.shared).running = backend;
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn a_connection_is_given_on_only_after_the_last_kill_that_was_aimed_at_it() {
        let (aims, mut context) = (Aims::default(), Context::from_waker(Waker::noop()));
        assert_eq!(pin!(aims.settled()).poll(&mut context), Poll::Ready(0));
        let aim = aims.take();
        let mut settled = pin!(aims.settled());
        assert!(settled.as_mut().poll(&mut context).is_pending());
        drop(aim);
        assert_eq!(settled.as_mut().poll(&mut context), Poll::Ready(1));
    }

    #[tokio::test]
    async fn only_the_owner_may_kill() {
        let sessions = Sessions::default();
        let (entry, killed) = sessions.enter();
        entry.set_user("ann");
        let id = u64::from(entry.id());
        assert_eq!(sessions.kill(id, "bob", false).await, Killed::NotOwner);
        assert_eq!(sessions.kill(id + 7, "ann", false).await, Killed::Unknown);
        assert_eq!(sessions.kill(id, "ann", true).await, Killed::Yes);
        assert!(!*killed.borrow());
        assert_eq!(sessions.kill(id, "ann", false).await, Killed::Yes);
        assert!(*killed.borrow());
    }
}
