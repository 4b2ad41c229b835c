//! Who is connected.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::base::{Dialect, clock};

/// All clients that have logged in.
#[derive(Debug, Default)]
pub struct Clients(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: u64,
    by_id: BTreeMap<u64, Connected>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connected {
    /// Which wire.
    pub protocol: Dialect,
    /// As whom.
    pub user: String,
    /// From where.
    pub address: String,
    /// Since when, milliseconds since 1970.
    pub since_wall_ms: u64,
}

/// A client's place in the list; it leaves when this is dropped.
#[derive(Debug)]
pub struct Present {
    clients: Arc<Clients>,
    id: u64,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.clients.state().by_id.remove(&self.id);
    }
}

impl Clients {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is one operation.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a client that has logged in.
    pub fn enter(self: &Arc<Self>, protocol: Dialect, user: &str, address: String) -> Present {
        let mut state = self.state();
        state.last += 1;
        let id = state.last;
        let since_wall_ms = clock::wall_ms();
        state.by_id.insert(id, Connected { protocol, user: user.to_owned(), address, since_wall_ms });
        Present { clients: Arc::clone(self), id }
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
