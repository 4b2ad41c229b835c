//! Which statements were run, how often and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::House;
use super::transactions::protocol_name;
use crate::telemetry::statements::Line;

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

fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

impl House {
    /// Which statements were run; those with the most time first.
    pub fn statements(&self) -> Statements {
        let kept = &self.parts.statements;
        let mut lines = kept.all();
        lines.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.text.cmp(&b.text)));
        let shown = |line: Line| RunStatement {
            text: line.text.to_string(),
            protocol: protocol_name(line.protocol).to_owned(),
            route: line.route.word().to_owned(),
            count: line.count,
            errors: line.errors,
            total_ms: ms(line.total),
            mean_ms: ms(line.total) / line.count.max(1) as f64,
            max_ms: ms(line.max),
        };
        Statements {
            statements: lines.into_iter().map(shown).collect(),
            since_wall_ms: kept.since_wall_ms(),
            forgotten: kept.forgotten(),
        }
    }
}
