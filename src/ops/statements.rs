//! Which statements were run, how often and for how long.

use super::House;
use super::lists::ms;
use super::model::{RunStatement, Statements};
use super::transactions::protocol_name;
use crate::telemetry::statements::Line;

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
