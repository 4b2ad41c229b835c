//! Between transactions a session takes a new configuration.

use super::Session;
use crate::base::BackendId;
use crate::config::Config;

impl Session {
    /// Takes the latest services, unless something is under way that began under the old ones. A session whose transactions
    /// are its server's own stays with what it began with when that is no longer so: the server has state of it that the
    /// session would have to know.
    pub(super) fn renew(&mut self) {
        let Some(services) = self.services.renewed() else { return };
        let busy = self.in_transaction() || self.rest.is_some() || self.locked || self.flush_locked;
        if busy {
            return;
        }
        // Also for a session that stays with the old rules. Nobody's who is not configured any more: whoever is in stays in.
        if let Some(reach) = services.routes.reach(&self.user) {
            self.reach = reach;
        }
        if self.native != is_native(&services.config, self.home) {
            return;
        }
        // What SQL's PREPARE made runs where it was made, whatever the rules say now.
        if !self.named.is_empty() && !self.services.routes_like(&services) {
            return;
        }
        self.facts = None;
        self.services = services;
    }
}

/// Whether there is one participant only.
pub(super) fn is_native(config: &Config, home: BackendId) -> bool {
    let mut ids = (0..config.backends.len()).filter_map(|i| u16::try_from(i).ok().map(BackendId));
    ids.all(|id| config.same_participant(id, home))
}
