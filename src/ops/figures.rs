//! Metrics that are known only when they are asked for.

use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;

use super::House;
use crate::base::{Dialect, clock};
use crate::telemetry::metrics;
use crate::telemetry::statements::Route;

impl House {
    /// All metrics as they are now, in Prometheus' text format.
    pub fn metrics(&self, handle: &PrometheusHandle) -> String {
        let (count, oldest_wall_ms) = self.parts.registry.ledger().in_doubt();
        metrics::in_doubt(count);
        let age_ms = oldest_wall_ms.map_or(0, |oldest| clock::wall_ms().saturating_sub(oldest));
        metrics::in_doubt_oldest(Duration::from_millis(age_ms));
        for dialect in [Dialect::Postgres, Dialect::Mysql] {
            for route in Route::ALL {
                metrics::statements(dialect, route.word(), self.parts.statements.total(dialect, route));
            }
        }
        metrics::render(handle)
    }
}
