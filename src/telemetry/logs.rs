//! Diagnostics: lines on standard error, filtered as configured or by `HANDFAST_LOG`.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::Telemetry;

/// Overrides `telemetry.log_level` for one run.
pub const FILTER_VARIABLE: &str = "HANDFAST_LOG";

/// Why diagnostics could not be switched on.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The filter cannot be read.
    #[error("log filter {filter:?} cannot be read: {source}")]
    Filter {
        /// The text.
        filter: String,
        /// Why.
        source: tracing_subscriber::filter::ParseError,
    },
    /// Another subscriber is there already.
    #[error("diagnostics are switched on already: {source}")]
    Twice {
        /// In the library's words.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Switches diagnostics on for the rest of the process.
///
/// # Errors
/// The filter cannot be read, or it was done before.
pub fn init(telemetry: &Telemetry) -> Result<(), LogsError> {
    let text = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| telemetry.log_level.clone());
    let filter = EnvFilter::try_new(&text).map_err(|source| LogsError::Filter { filter: text, source })?;
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let done = if telemetry.log_json { lines.json().try_init() } else { lines.try_init() };
    done.map_err(|source| LogsError::Twice { source })
}
