//! Cancelling a running statement: a second connection that says only which session.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::connect::open;
use crate::config;
use crate::wire::pg::startup;

/// All that is needed to cancel what a session of a server runs, from anywhere.
#[derive(Clone, Debug)]
pub struct CancelToken(Arc<Inner>);

struct Inner {
    config: config::Backend,
    connect_timeout: Duration,
    pid: i32,
    secret: Vec<u8>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").field("backend", &self.config.name).field("pid", &self.pid).finish_non_exhaustive()
    }
}

impl CancelToken {
    pub(super) fn new(config: config::Backend, connect_timeout: Duration, pid: i32, secret: Vec<u8>) -> Self {
        Self(Arc::new(Inner { config, connect_timeout, pid, secret }))
    }

    /// The server's process id.
    pub fn pid(&self) -> i32 {
        self.0.pid
    }

    /// Asks the server to cancel. The server never says whether there was something to cancel. Waits until the server
    /// has closed the connection, so that the cancel cannot hit a later statement.
    pub async fn send(&self) -> io::Result<()> {
        let inner = &self.0;
        let work = async {
            let mut stream = open(&inner.config).await?;
            let mut out = BytesMut::new();
            startup::put_cancel(&mut out, inner.pid, &inner.secret);
            stream.write_all(&out).await?;
            stream.flush().await?;
            let mut end = [0; 1];
            match stream.read(&mut end).await {
                Ok(_) => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(()),
                Err(error) => Err(error),
            }
        };
        tokio::time::timeout(inner.connect_timeout, work).await.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
    }
}
