//! Keys of all sessions, for CancelRequests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::session::pg::Running;

/// The largest process id of Linux.
const SERVERS_PID_MAX: i32 = 1 << 22;

type Map = HashMap<i32, (Vec<u8>, Arc<Running>)>;

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
    /// Gives a session a key with a secret of `key_bytes`, and the process id that it wants if no other session has it.
    pub(super) fn enter(&self, running: Arc<Running>, key_bytes: usize, wanted: Option<i32>) -> Key {
        let secret: Vec<u8> = (0..key_bytes).map(|_| rand::random::<u8>()).collect();
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pid = wanted.unwrap_or(0);
        while pid == 0 || map.contains_key(&pid) {
            // None that a server's process has, so that one is never taken for the other.
            pid = rand::random_range(SERVERS_PID_MAX + 1..=i32::MAX);
        }
        map.insert(pid, (secret.clone(), running));
        Key { all: self.clone(), pid, secret }
    }

    /// The session with this key, if there is one.
    pub(super) fn find(&self, pid: i32, secret: &[u8]) -> Option<Arc<Running>> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, running) = map.get(&pid)?;
        same(known, secret).then(|| Arc::clone(running))
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
        self.all.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.pid);
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
        let wanted = |pid| cancels.enter(Arc::new(Running::default()), 4, Some(pid));
        assert_ne!(wanted(key.pid()).pid(), key.pid(), "it is taken");
        assert_eq!(wanted(7).pid(), 7);
        let (pid, secret) = (key.pid(), key.secret().to_vec());
        drop(key);
        assert!(cancels.find(pid, &secret).is_none());
    }
}
