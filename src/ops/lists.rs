//! The shorter answers: clients, the journal, and the wish to stop.

use std::time::Duration;

use super::House;
use super::model::{Clients, ConnectedClient, Doing, JournalRecords, JournalSync, JournalView, RecoveryView};
use super::transactions::protocol_name;
use crate::base::{Dialect, Fault, FaultKind, TxnId, clock};
use crate::telemetry::activity::Turn;

/// With three digits after the point.
pub(super) fn ms(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
}

impl House {
    /// Who has logged in.
    pub fn clients(&self) -> Clients {
        let (now, config) = (clock::wall_ms(), self.config());
        let journal = &self.parts.journal;
        let named = |seq: u64| {
            let (cluster, node) = (journal.cluster().clone(), journal.node().clone());
            TxnId { cluster, node, epoch: journal.epoch(), seq }.to_string()
        };
        let shown = |(id, client): (u64, crate::telemetry::clients::Connected)| {
            let seen = client.activity.seen();
            let known = seen.backends.into_iter().filter_map(|id| config.backends.get(usize::from(id)));
            ConnectedClient {
                id,
                protocol: protocol_name(client.protocol).to_owned(),
                user: client.user,
                address: client.address,
                connected_s: now.saturating_sub(client.since_wall_ms) / 1000,
                state: match seen.turn {
                    Turn::Idle => Doing::Idle,
                    Turn::InTransaction => Doing::InTransaction,
                    Turn::Running => Doing::Running,
                    Turn::Committing => Doing::Committing,
                    Turn::Waiting => Doing::Waiting,
                },
                state_s: seen.for_ms / 1000,
                transaction: seen.transaction.map(named),
                backends: known.map(|backend| backend.name.clone()).collect(),
                statements: seen.statements,
            }
        };
        Clients { clients: self.parts.clients.all().into_iter().map(shown).collect() }
    }

    /// Ends a client's session: what is open is rolled back, a COMMIT that has begun is finished. `protocol`: only if it speaks
    /// this one.
    ///
    /// # Errors
    /// There is no such client.
    pub async fn kill(&self, protocol: Option<Dialect>, id: u64) -> Result<Clients, Fault> {
        if !self.parts.clients.kill(protocol, id).await {
            let whose = protocol.map_or_else(String::new, |protocol| format!("{} ", protocol_name(protocol)));
            return Err(Fault::new(FaultKind::UnknownClient, format!("there is no {whose}client {id}")));
        }
        Ok(self.clients())
    }

    /// The journal, and what this start found in it.
    pub fn journal(&self) -> JournalView {
        let stats = self.parts.journal.stats();
        let mean = if stats.writes == 0 { 0.0 } else { ms(stats.sync_total) / stats.writes as f64 };
        let (committed, rolled_back) = self.parts.board.finished();
        JournalView {
            path: self.parts.config.get().journal.path.display().to_string(),
            segments: stats.segment,
            bytes: stats.segment_used_bytes,
            records: JournalRecords { unsettled: stats.unsettled, kept: stats.kept },
            sync: JournalSync { count: stats.writes, mean_ms: mean, last_ms: ms(stats.last_sync) },
            recovery: RecoveryView { found: self.parts.found as u64, committed, rolled_back, took_ms: self.took_ms() },
        }
    }

    fn took_ms(&self) -> Option<u64> {
        self.parts.registry.looked_after().map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
    }

    /// Stops the process gracefully: open transactions may end, phase two is never abandoned.
    pub fn drain(&self) {
        tracing::warn!("an operator asked to drain: stopping");
        self.drain.notify_one();
    }

    /// Waits until somebody has asked to stop.
    pub async fn drain_asked(&self) {
        self.drain.notified().await;
    }
}
