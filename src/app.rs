//! Layer 7: the only composition root.

use crate::base::Failpoints;
use crate::config::Config;

/// Why the proxy stopped.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// There is no house yet.
    #[error("serving is not built yet")]
    NotBuilt,
}

/// Runs the proxy until it is told to stop.
///
/// # Errors
/// It could not start, or a part that must not end has ended.
#[allow(clippy::unused_async, unused_variables, reason = "placeholder")]
pub async fn serve(config: Config, failpoints: Failpoints) -> Result<(), ServeError> {
    Err(ServeError::NotBuilt)
}
