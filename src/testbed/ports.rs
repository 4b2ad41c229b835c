//! Free loopback ports.

use std::collections::HashSet;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Mutex, PoisonError};

/// Gives ports, none of them twice: a server that is killed leaves its port free until it is started again, and whoever
/// looked for a free one in that moment would take it.
#[derive(Debug, Default)]
pub(super) struct Ports {
    given: Mutex<HashSet<u16>>,
}

impl Ports {
    /// A port that nobody listens on; 0 if there is none. Below the range the kernel gives to outgoing connections: a server
    /// that is restarted on its port must not find a client's end (or a connection to itself) there.
    pub(super) fn free(&self) -> u16 {
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..500 {
            let port = 10_000 + rand::random::<u16>() % 20_000;
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && given.insert(port) {
                return port;
            }
        }
        0
    }
}
