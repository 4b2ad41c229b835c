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

/// Changes what is told while the process runs.
pub struct Filter(Box<dyn Fn(EnvFilter) -> Result<(), tracing_subscriber::reload::Error> + Send + Sync>);

impl std::fmt::Debug for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Filter")
    }
}

impl Filter {
    /// From now on this level, unless the variable overrides it.
    pub fn set(&self, telemetry: &Telemetry) {
        if std::env::var_os(FILTER_VARIABLE).is_some() {
            return;
        }
        match EnvFilter::try_new(&telemetry.log_level) {
            Ok(filter) => {
                if let Err(error) = (self.0)(filter) {
                    tracing::warn!(%error, "telemetry.log_level could not be changed");
                }
            }
            Err(error) => tracing::warn!(%error, "telemetry.log_level cannot be read"),
        }
    }
}

/// Switches diagnostics on for the rest of the process.
///
/// # Errors
/// The filter cannot be read, or it was done before.
pub fn init(telemetry: &Telemetry) -> Result<Filter, LogsError> {
    let text = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| telemetry.log_level.clone());
    let filter = EnvFilter::try_new(&text).map_err(|source| LogsError::Filter { filter: text, source })?;
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    let twice = |source| LogsError::Twice { source };
    if telemetry.log_json {
        let lines = lines.json().with_filter_reloading();
        let handle = lines.reload_handle();
        lines.try_init().map_err(twice)?;
        return Ok(Filter(Box::new(move |filter| handle.reload(filter))));
    }
    let lines = lines.with_filter_reloading();
    let handle = lines.reload_handle();
    lines.try_init().map_err(twice)?;
    Ok(Filter(Box::new(move |filter| handle.reload(filter))))
}
