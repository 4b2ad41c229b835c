//! KILL by a second connection.

use std::time::Duration;

use super::MysqlConn;
use crate::backend::{ConnectError, VerbError};
use crate::base::BackendId;
use crate::config;

/// The right to end what another connection runs.
#[derive(Clone, Debug)]
pub struct Canceller {
    config: config::Backend,
    id: BackendId,
    thread_id: u32,
    connect_timeout: Duration,
}

/// Why it was not ended.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// No second connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// KILL did not succeed.
    #[error(transparent)]
    Verb(#[from] VerbError),
}

impl Canceller {
    pub(super) fn new(config: config::Backend, id: BackendId, thread_id: u32, connect_timeout: Duration) -> Self {
        Self { config, id, thread_id, connect_timeout }
    }

    /// Ends the statement that runs now, if one does (`KILL QUERY`).
    pub async fn cancel(&self) -> Result<(), CancelError> {
        let mut conn = MysqlConn::connect(&self.config, self.id, 0, self.connect_timeout).await?;
        conn.verb("KILL QUERY", &format!("KILL QUERY {}", self.thread_id)).await?;
        conn.quit().await;
        Ok(())
    }
}
