//! What was run.

use serde::{Deserialize, Serialize};

/// `GET /api/v1/statements`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Statements {
    /// Those with the most time first.
    pub statements: Vec<RunStatement>,
    /// Since when is counted.
    pub since_wall_ms: u64,
    /// Runs of statements whose line has made room for another: telemetry.statements_max are kept.
    pub forgotten: u64,
}

/// One line of the statistics: what was run, how often, for how long.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStatement {
    /// Without values and comments: values and lists of them are `?`.
    pub text: String,
    /// Of its clients: `postgres` or `mysql`.
    pub protocol: String,
    /// How it was answered: by `one` backend, `translated` for one of the other dialect, by the `session` itself, `unparsed` (by the
    /// names in it), or a text of several statements by `many`.
    pub route: String,
    /// How often it was run.
    pub count: u64,
    /// How often its client was told an error.
    pub errors: u64,
    /// All its time, from its receipt to the end of its answer.
    pub total_ms: f64,
    /// On average.
    pub mean_ms: f64,
    /// The longest.
    pub max_ms: f64,
}
