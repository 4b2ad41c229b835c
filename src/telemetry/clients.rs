//! Who is connected.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use super::activity::Activity;
use crate::base::{Dialect, clock};

/// All clients that have logged in.
#[derive(Debug, Default)]
pub struct Clients(Mutex<State>);

#[derive(Default)]
struct State {
    last: u64,
    by_id: BTreeMap<u64, Connected>,
    killers: BTreeMap<u64, Killer>,
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("by_id", &self.by_id).finish_non_exhaustive()
    }
}

/// Ends a client's session, as its own wire does it.
pub type Killer = Arc<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// One of them.
#[derive(Clone, Debug)]
pub struct Connected {
    /// Which wire.
    pub protocol: Dialect,
    /// As whom.
    pub user: String,
    /// From where.
    pub address: String,
    /// Since when, milliseconds since 1970.
    pub since_wall_ms: u64,
    /// What it is doing.
    pub activity: Arc<Activity>,
}

/// A client's place in the list; it leaves when this is dropped.
#[derive(Debug)]
pub struct Present {
    clients: Arc<Clients>,
    id: u64,
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut state = self.clients.state();
        state.by_id.remove(&self.id);
        state.killers.remove(&self.id);
    }
}

impl Present {
    /// How its session is ended on an operator's word.
    pub fn killed_by(&self, killer: Killer) {
        self.clients.state().killers.insert(self.id, killer);
    }
}

impl Clients {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is one operation.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a client that has logged in; its session tells what it is doing.
    pub fn enter(self: &Arc<Self>, protocol: Dialect, user: &str, address: String, activity: Arc<Activity>) -> Present {
        let mut state = self.state();
        state.last += 1;
        let id = state.last;
        let since_wall_ms = clock::wall_ms();
        state.by_id.insert(id, Connected { protocol, user: user.to_owned(), address, since_wall_ms, activity });
        Present { clients: Arc::clone(self), id }
    }

    /// Ends a client's session: what it runs is cancelled, what is open is rolled back, a COMMIT that has begun is finished.
    /// `protocol`: only if it speaks this one. False: there is no such client.
    pub async fn kill(&self, protocol: Option<Dialect>, id: u64) -> bool {
        let killer = {
            let state = self.state();
            let speaks =
                state.by_id.get(&id).is_some_and(|client| protocol.is_none_or(|wanted| wanted == client.protocol));
            state.killers.get(&id).filter(|_| speaks).cloned()
        };
        let Some(killer) = killer else { return false };
        killer().await;
        true
    }

    /// How many speak a protocol.
    pub fn count(&self, protocol: Dialect) -> usize {
        self.state().by_id.values().filter(|client| client.protocol == protocol).count()
    }

    /// All of them, by their numbers.
    pub fn all(&self) -> Vec<(u64, Connected)> {
        self.state().by_id.iter().map(|(id, client)| (*id, client.clone())).collect()
    }
}
