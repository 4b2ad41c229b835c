//! Free loopback ports.

use std::net::{Ipv4Addr, TcpListener};

/// A port that nobody listens on. Below the range the kernel gives to outgoing connections: a server that is restarted on
/// its port must not find a client's end (or a connection to itself) there.
pub fn free_port() -> u16 {
    for _ in 0..500 {
        let port = 10_000 + rand::random::<u16>() % 20_000;
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    0
}
