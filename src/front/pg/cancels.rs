//! Keys of all sessions, for CancelRequests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::session::pg::Running;

/// The largest process id of Linux.
const SERVERS_PID_MAX: i32 = 1 << 22;

/// Secrets and what they cancel, by process id. Two sessions may have the same one: a server's process serves a session of
/// ours before the last one is quite gone.
type Map = HashMap<i32, Vec<(Vec<u8>, Arc<Running>)>>;

/// The sessions by the process ids we gave them.
#[derive(Clone, Debug, Default)]
pub(super) struct Cancels(Arc<Mutex<Map>>);

/// A session's key; its entry ends with it.
#[derive(Debug)]
pub(super) struct Key {
    all: Cancels,
    pid: i32,
    secret: Vec<u8>,
}

impl Cancels {
    /// Gives a session a key with a secret of `key_bytes`; its process id is the server's if one is known.
    pub(super) fn enter(&self, running: Arc<Running>, key_bytes: usize, servers_pid: Option<i32>) -> Key {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pid = servers_pid.unwrap_or(0);
        while pid == 0 || (servers_pid.is_none() && map.contains_key(&pid)) {
            // None that a server's process has, so that one is never taken for the other.
            pid = rand::random_range(SERVERS_PID_MAX + 1..=i32::MAX);
        }
        let entries = map.entry(pid).or_default();
        let mut secret: Vec<u8> = Vec::new();
        while secret.is_empty() || entries.iter().any(|(known, _)| *known == secret) {
            secret = (0..key_bytes).map(|_| rand::random::<u8>()).collect();
        }
        entries.push((secret.clone(), running));
        Key { all: self.clone(), pid, secret }
    }

    /// The session with this key, if there is one.
    pub(super) fn find(&self, pid: i32, secret: &[u8]) -> Option<Arc<Running>> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = map.get(&pid)?.iter().find(|(known, _)| same(known, secret))?;
        Some(Arc::clone(&found.1))
    }
}

/// Compares in a time that tells nothing of where they differ.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (x, y)| differ | (x ^ y)) == 0
}

impl Key {
    /// As in BackendKeyData.
    pub(super) fn pid(&self) -> i32 {
        self.pid
    }

    /// As in BackendKeyData.
    pub(super) fn secret(&self) -> &[u8] {
        &self.secret
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let mut map = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(entries) = map.get_mut(&self.pid) else { return };
        entries.retain(|(secret, _)| *secret != self.secret);
        if entries.is_empty() {
            map.remove(&self.pid);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_key_finds_a_session_and_only_while_it_lives() {
        let cancels = Cancels::default();
        let key = cancels.enter(Arc::new(Running::default()), 32, None);
        assert!(cancels.find(key.pid(), key.secret()).is_some());
        assert!(cancels.find(key.pid(), &key.secret()[..4]).is_none());
        assert!(cancels.find(key.pid().wrapping_add(1), key.secret()).is_none());
        let mut again = cancels.enter(Arc::new(Running::default()), 32, Some(key.pid()));
        assert_eq!(again.pid(), key.pid(), "the server's own, whoever else still has it");
        assert_ne!(again.secret(), key.secret());
        again = cancels.enter(Arc::new(Running::default()), 32, Some(7));
        assert_eq!(again.pid(), 7);
        assert!(cancels.find(key.pid(), key.secret()).is_some());
        let (pid, secret) = (key.pid(), key.secret().to_vec());
        drop(key);
        assert!(cancels.find(pid, &secret).is_none());
    }
}
