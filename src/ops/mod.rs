//! Layer 5: the operations model. [`House`] answers what an operator asks, from the registry, the ledger, the journal, the
//! settlers' board and the pools; `model` is the answers' shape, `words` says them plainly. HTTP, the SQL console and the command
//! line all show the same.

mod backends;
pub mod explain;
mod figures;
mod lists;
pub mod model;
pub mod reload;
mod resolve;
mod samples;
mod statements;
pub mod tables;
#[cfg(test)]
mod tests;
mod transactions;
mod words;

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::watch;

use crate::backend::pool::Pools;
use crate::base::swap::Swap;
use crate::base::{BackendId, Dialect, clock};
use crate::commit::Commits;
use crate::commit::registry::Registry;
use crate::config::Config;
use crate::journal::Journal;
use crate::recovery::board::Board;
use crate::telemetry::clients::Clients;
use crate::telemetry::statements::Statements;

pub use backends::{Named, stranger};
pub use samples::{SAMPLE_EVERY, SERIES};
pub use transactions::{Filter, protocol_named};

use model::{ClientCounts, HouseState, Status};

/// What the house is made of; all of it is shared.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The configuration.
    pub config: Arc<Swap<Config>>,
    /// Decisions.
    pub journal: Journal,
    /// Who is ending, what is unfinished.
    pub registry: Arc<Registry>,
    /// Connections.
    pub pools: Arc<Swap<Pools>>,
    /// What the settlers see.
    pub board: Arc<Board>,
    /// What was counted.
    pub commits: Arc<Commits>,
    /// Who is connected.
    pub clients: Arc<Clients>,
    /// Which statements were run.
    pub statements: Arc<Statements>,
    /// Decided transactions that this start found unfinished.
    pub found: usize,
    /// Whether clients are let in.
    pub ready: watch::Receiver<bool>,
    /// Whether the process was told to stop.
    pub stopping: watch::Receiver<bool>,
    /// For [`House::reload`].
    pub reloads: reload::Reloads,
}

/// Answers operators. Made once, in `app`.
#[derive(Debug)]
pub struct House {
    parts: Parts,
    started: Instant,
    samples: samples::Ring,
    drain: tokio::sync::Notify,
    /// Whose turn it is to ask for an explanation.
    explaining: tokio::sync::Mutex<()>,
    look: tables::Look,
}

impl House {
    /// Of these parts.
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            started: clock::now(),
            samples: samples::Ring::default(),
            drain: tokio::sync::Notify::new(),
            explaining: tokio::sync::Mutex::default(),
            look: tables::Look::default(),
        }
    }

    /// The configuration that runs.
    pub fn config(&self) -> Arc<Config> {
        self.parts.config.get()
    }

    /// Reads the configuration again. Errors: see [`reload::Reloads::reload`].
    pub async fn reload(&self) -> reload::Reloaded {
        self.parts.reloads.reload().await
    }

    fn backend_ids(&self) -> impl Iterator<Item = BackendId> + use<> {
        (0..self.parts.config.get().backends.len()).filter_map(|index| u16::try_from(index).ok().map(BackendId))
    }

    fn backend_name(&self, id: BackendId) -> String {
        self.parts.config.get().backend(id).name.clone()
    }

    /// How the house is.
    pub fn state(&self) -> HouseState {
        match (*self.parts.stopping.borrow(), *self.parts.ready.borrow()) {
            (true, _) => HouseState::Draining,
            (false, true) => HouseState::Ready,
            (false, false) => HouseState::Starting,
        }
    }

    /// The whole at a glance.
    pub fn status(&self) -> Status {
        let totals = self.parts.commits.tally().totals();
        let in_doubt = self.in_doubt();
        let oldest_ms = in_doubt.iter().map(|t| t.age_ms).max().unwrap_or(0);
        let down = self.backend_ids().filter(|id| self.parts.board.seen(*id).up == Some(false));
        let mut status = Status {
            version: String::from(env!("CARGO_PKG_VERSION")),
            node: self.parts.journal.node().to_string(),
            cluster: self.parts.journal.cluster().to_string(),
            epoch: self.parts.journal.epoch(),
            state: self.state(),
            sentence: String::new(),
            uptime_s: self.started.elapsed().as_secs(),
            clients: ClientCounts {
                postgres: self.parts.clients.count(Dialect::Postgres),
                mysql: self.parts.clients.count(Dialect::Mysql),
            },
            in_doubt: in_doubt.len(),
            oldest_in_doubt_s: oldest_ms / 1000,
            committed_total: totals.committed,
            rolled_back_total: totals.rolled_back,
            unknown_total: totals.unknown,
            two_phase_total: totals.two_phase,
            p99_commit_ms: self.p99_commit_ms(),
            backends_down: down.map(|id| self.backend_name(id)).collect(),
        };
        status.sentence =
            words::sentence(&status, &in_doubt, self.parts.config.get().backends.len(), self.ended_per_minute());
        status
    }
}
