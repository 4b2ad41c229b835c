//! What the service manager is told (systemd's `sd_notify` protocol, a datagram to `$NOTIFY_SOCKET`): ready once clients are let
//! in, what is going on, and that the process is alive. Without the variable nobody asked, and nothing is sent.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::commit::registry::Registry;

const EACH: Duration = Duration::from_secs(1);

/// While it starts or stops, the manager's own time-outs begin to count only so long after the last word: a database that is away
/// for an hour is no reason to end the process that waits for it, nor is a long drain. Far more than `EACH`, in microseconds.
const EXTEND: &str = "EXTEND_TIMEOUT_USEC=30000000";

/// The way to the service manager.
#[derive(Debug)]
pub(super) struct Notify {
    socket: UnixDatagram,
    manager: SocketAddr,
}

impl Notify {
    /// To whom `$NOTIFY_SOCKET` points: a path, or a name behind `@`. `None` if nobody asked, or not in a way that we know.
    pub(super) fn from_environment() -> Option<Self> {
        let name = std::env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty())?;
        let manager = match name.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(&name),
        };
        let made = manager.and_then(|manager| {
            let socket = UnixDatagram::unbound()?;
            // A manager that does not read must not hold up the house.
            socket.set_nonblocking(true)?;
            Ok(Self { socket, manager })
        });
        made.inspect_err(|error| tracing::warn!(%error, ?name, "the service manager cannot be told anything")).ok()
    }

    /// No new work is taken.
    pub(super) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, text: &str) {
        if let Err(error) = self.socket.send_to_addr(text.as_bytes(), &self.manager) {
            tracing::debug!(%error, "the service manager did not hear");
        }
    }
}

/// Tells the manager how it is until dropped. `ready`: clients are let in; `stopping`: no new work is taken. The sign of life
/// comes from the same runtime that commits and recovers: if that hangs, it stops, and `WatchdogSec` restarts the process.
pub(super) async fn keep(
    notify: Arc<Notify>,
    mut ready: watch::Receiver<bool>,
    mut stopping: watch::Receiver<bool>,
    registry: Arc<Registry>,
) {
    let (mut told, mut was_ready, mut was_stopping) = (String::new(), false, false);
    loop {
        let (is_ready, is_stopping) = (*ready.borrow_and_update(), *stopping.borrow_and_update());
        let mut lines = vec!["WATCHDOG=1".to_owned()];
        if is_ready && !was_ready {
            lines.push("READY=1".to_owned());
        }
        if is_stopping && !was_stopping {
            lines.push("STOPPING=1".to_owned());
        }
        if !is_ready || is_stopping {
            lines.push(EXTEND.to_owned());
        }
        (was_ready, was_stopping) = (was_ready || is_ready, was_stopping || is_stopping);
        let status = sentence(is_ready, is_stopping, registry.in_doubt());
        if status != told {
            lines.push(format!("STATUS={status}"));
            told = status;
        }
        notify.tell(&lines.join("\n"));
        // A sender that is gone has nothing new to say; the clock alone goes on then.
        tokio::select! {
            Ok(()) = ready.changed() => {}
            Ok(()) = stopping.changed() => {}
            () = tokio::time::sleep(EACH) => {}
        }
    }
}

/// What `systemctl status` shows.
fn sentence(ready: bool, stopping: bool, in_doubt: usize) -> String {
    let doubt = match in_doubt {
        0 => "none in doubt".to_owned(),
        1 => "1 transaction in doubt".to_owned(),
        more => format!("{more} transactions in doubt"),
    };
    let doing = match (stopping, ready) {
        (true, _) => "Stopping: open transactions may end",
        (false, true) => "Serving",
        (false, false) => "Starting: looking at every database for unfinished branches",
    };
    format!("{doing}; {doubt}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listening(name: &str) -> (UnixDatagram, Notify) {
        let manager = SocketAddr::from_abstract_name(format!("handfast-test-{name}-{}", std::process::id())).unwrap();
        let heard = UnixDatagram::bind_addr(&manager).unwrap();
        heard.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        (heard, Notify { socket: UnixDatagram::unbound().unwrap(), manager })
    }

    fn hear(manager: &UnixDatagram, wanted: &str) -> String {
        let mut bytes = [0; 512];
        loop {
            let length = manager.recv(&mut bytes).expect("the manager hears within its time");
            let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
            assert!(text.starts_with("WATCHDOG=1"), "{text}");
            if text.contains(wanted) {
                return text;
            }
            assert!(wanted == "READY=1" || !text.contains("READY=1"), "ready is told once: {text}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_manager_hears_that_we_are_ready_only_when_clients_are_let_in_and_then_that_we_stop() {
        let (manager, notify) = listening("ready");
        let (ready, stopping) = (watch::Sender::new(false), watch::Sender::new(false));
        let registry = Arc::new(Registry::new(2));
        let mut told = tokio::task::JoinSet::new();
        told.spawn(keep(Arc::new(notify), ready.subscribe(), stopping.subscribe(), registry));
        let listen = tokio::task::spawn_blocking(move || {
            let first = hear(&manager, "STATUS=Starting");
            assert!(!first.contains("READY=1") && first.contains("EXTEND_TIMEOUT_USEC="), "{first}");
            let still = hear(&manager, "EXTEND_TIMEOUT_USEC=");
            assert!(!still.contains("STATUS="), "it goes on waiting, and says so: {still}");
            ready.send_replace(true);
            let second = hear(&manager, "READY=1");
            assert!(second.contains("STATUS=Serving; none in doubt"), "{second}");
            assert!(!second.contains("EXTEND_TIMEOUT_USEC="), "{second}");
            stopping.send_replace(true);
            let third = hear(&manager, "STOPPING=1");
            assert!(third.contains("STATUS=Stopping") && third.contains("EXTEND_TIMEOUT_USEC="), "{third}");
            // A sign of life comes also when nothing happens.
            hear(&manager, "WATCHDOG=1");
        });
        listen.await.unwrap();
        told.shutdown().await;
    }

    #[test]
    fn a_manager_that_is_gone_or_deaf_holds_nobody_up() {
        let (manager, notify) = listening("deaf");
        notify.socket.set_nonblocking(true).unwrap();
        for _ in 0..10_000 {
            notify.tell("WATCHDOG=1");
        }
        drop(manager);
        notify.tell("WATCHDOG=1");
    }

    #[test]
    fn the_status_is_one_plain_sentence() {
        assert_eq!(sentence(true, false, 0), "Serving; none in doubt");
        assert_eq!(sentence(true, false, 1), "Serving; 1 transaction in doubt");
        assert_eq!(sentence(false, true, 3), "Stopping: open transactions may end; 3 transactions in doubt");
    }
}
