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

impl State {
    /// Whether a user may have one more; 0: no bound.
    fn has_room(&self, user: &str, most: usize) -> bool {
        most == 0 || self.by_id.values().filter(|client| client.user == user).count() < most
    }
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
    activity: Arc<Activity>,
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

    /// By which its session tells what it is doing.
    pub fn activity(&self) -> Arc<Activity> {
        Arc::clone(&self.activity)
    }

    /// It has logged in anew, as another user. False: that one has `most` sessions already, and nothing has changed.
    pub fn becomes(&self, user: &str, most: usize) -> bool {
        let mut state = self.clients.state();
        let same = state.by_id.get(&self.id).is_some_and(|client| client.user == user);
        if !same && !state.has_room(user, most) {
            return false;
        }
        if let Some(client) = state.by_id.get_mut(&self.id) {
            user.clone_into(&mut client.user);
        }
        true
    }
}

impl Clients {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is one operation.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a client that has logged in; `None`: its user has `most` sessions already, of both protocols together (0: no
    /// bound).
    pub fn enter(self: &Arc<Self>, protocol: Dialect, user: &str, address: String, most: usize) -> Option<Present> {
        let mut state = self.state();
        if !state.has_room(user, most) {
            return None;
        }
        state.last += 1;
        let id = state.last;
        let since_wall_ms = clock::wall_ms();
        let activity = Arc::<Activity>::default();
        let known = Arc::clone(&activity);
        state.by_id.insert(id, Connected { protocol, user: user.to_owned(), address, since_wall_ms, activity: known });
        Some(Present { clients: Arc::clone(self), id, activity })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_users_sessions_are_counted_over_both_protocols_until_they_end() {
        let clients = Arc::new(Clients::default());
        let enter = |protocol, user| clients.enter(protocol, user, String::new(), 2);
        let (first, second) = (enter(Dialect::Postgres, "app"), enter(Dialect::Mysql, "app"));
        assert!(first.is_some() && second.is_some());
        assert!(enter(Dialect::Postgres, "app").is_none() && enter(Dialect::Mysql, "app").is_none());
        let other = enter(Dialect::Mysql, "report").unwrap();
        assert!(!other.becomes("app", 2), "a change of user is a login");
        assert_eq!(clients.all().iter().filter(|(_, client)| client.user == "report").count(), 1);
        drop(second);
        assert!(other.becomes("app", 2) && other.becomes("app", 2), "its own place is its own");
        assert!(enter(Dialect::Postgres, "app").is_none());
        assert!(clients.enter(Dialect::Postgres, "app", String::new(), 0).is_some(), "no bound");
        drop((first, other));
        assert!(enter(Dialect::Postgres, "app").is_some());
    }
}
