//! Between transactions a session takes a new configuration.

use std::sync::Arc;

use super::Session;
use super::names::{Lives, Prepared};
use crate::base::Dialect;
use crate::session::Services;

impl Session {
    /// Takes the latest services, unless something is under way that began under the old ones.
    pub(super) fn renew(&mut self) {
        let Some(services) = self.services.renewed() else { return };
        if self.txn.is_open() || !self.pipeline.is_idle() || self.rest.is_some() {
            return;
        }
        // Also for a session that stays with the old rules. Nobody's who is not configured any more: whoever is in stays in.
        if let Some(reach) = services.routes.reach(&self.user) {
            self.reach = reach;
        }
        if !self.services.routes_like(&services) {
            // What SQL's PREPARE made runs where it was made, whatever the rules say now.
            let of_sql =
                |p: &Arc<Prepared>| matches!(p.lives, Lives::On(_)) && p.frame.is_empty() && !p.text.is_empty();
            if self.names.statements.values().any(of_sql) {
                return;
            }
            let old = Arc::clone(&self.services);
            for prepared in self.names.statements.values_mut() {
                if goes_elsewhere(&old, &services, prepared) {
                    Arc::make_mut(prepared).changed = true;
                }
            }
        }
        self.services = services;
    }
}

/// Whether a prepared statement would go to another backend now, or under another name.
fn goes_elsewhere(old: &Services, new: &Services, prepared: &Prepared) -> bool {
    let Some(statement) = prepared.statement() else { return false };
    let plan = |services: &Services| services.routes.plan(Dialect::Postgres, &prepared.text, statement);
    plan(old) != plan(new)
}
