//! What asks the process to end.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT and SIGTERM, listened for since this was made.
pub(super) struct StopSignals {
    interrupt: Option<Signal>,
    terminate: Option<Signal>,
}

impl StopSignals {
    /// From now on they no longer end the process by themselves.
    pub(super) fn listen() -> Self {
        let listen = |kind| match signal(kind) {
            Ok(stream) => Some(stream),
            Err(error) => {
                tracing::error!(%error, "a signal cannot be listened for");
                None
            }
        };
        Self { interrupt: listen(SignalKind::interrupt()), terminate: listen(SignalKind::terminate()) }
    }

    /// Returns at the first of them.
    pub(super) async fn first(self) {
        tokio::select! {
            () = came(self.interrupt) => {}
            () = came(self.terminate) => {}
        }
    }
}

async fn came(stream: Option<Signal>) {
    match stream {
        Some(mut stream) => {
            stream.recv().await;
        }
        None => std::future::pending().await,
    }
}
