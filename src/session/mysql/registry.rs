//! Who is connected by MySQL: for KILL.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::backend::mysql::Canceller;
use crate::backend::pg::CancelToken;
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
    cancellers: Vec<(BackendId, Option<u64>, Cancel)>,
    running: Option<BackendId>,
}

/// What ends a running statement, whichever the backend.
#[derive(Clone, Debug)]
pub enum Cancel {
    /// By KILL QUERY.
    Mysql(Canceller),
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
        let theirs =
            || by_id.values().find(|e| locked(&e.shared).cancellers.iter().any(|(_, thread, _)| *thread == Some(id)));
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
            let of_backend = |b| shared.cancellers.iter().find(|(backend, ..)| *backend == b);
            shared.running.and_then(of_backend).map(|(.., canceller)| canceller.clone())
        };
        if let Some(canceller) = running
            && let Err(error) = canceller.send().await
        {
            tracing::warn!(session = id, %error, "KILL did not reach the backend");
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
        shared.cancellers.retain(|(b, ..)| *b != backend);
        shared.cancellers.push((backend, thread, canceller));
    }

    /// Says that no backend's connection belongs to it.
    pub fn detached(&self) {
        let mut shared = locked(&self.shared);
        shared.cancellers.clear();
        shared.running = None;
    }

    /// Says where its statement runs.
    pub fn running(&self, backend: Option<BackendId>) {
        locked(&self.shared).running = backend;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
