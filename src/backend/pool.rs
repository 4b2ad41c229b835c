//! A bounded pool of connections per backend. A connection whose state is uncertain is closed, never given back.

use super::{Conn, ConnectError};
use crate::base::BackendId;

/// The pools of all backends.
#[derive(Debug)]
pub struct Pools {}

#[allow(clippy::unused_async, unused_variables, reason = "placeholder")]
impl Pools {
    /// A connection, reset, for the exclusive use of one session: an idle one, a new one, or after waiting in the bounded
    /// queue.
    pub async fn acquire(&self, backend: BackendId) -> Result<Conn, ConnectError> {
        unimplemented!()
    }

    /// Gives it back: reset and kept if idle, else closed.
    pub async fn release(&self, conn: Conn) {
        unimplemented!()
    }
}
