//! Layer 4: what finishes what a crash, a lost backend or a late vote left. One settler per backend, so that a dead one
//! never delays another; each sweeps for ever: list, look at the journal, act, list again. Only a list that was taken
//! after the preparing session was gone proves absence (FACTS 5–8a).

pub mod board;
mod sweep;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use self::board::Board;
use crate::backend::control::{Control, ControlError};
use crate::backend::pool::{CONTROL_TIMEOUT, Pools};
use crate::base::limits::BACKENDS_MAX;
use crate::base::swap::Swap;
use crate::base::{BackendId, BranchName, Failpoint, Failpoints, Place};
use crate::commit::ledger::BranchState;
use crate::commit::registry::Registry;
use crate::config::Config;
use crate::journal::{Alarm, Decision, Journal, JournalError};
use crate::telemetry::metrics;
use crate::telemetry::traces::Tracer;
use crate::txn::recover;

/// A journal that this configuration cannot finish.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// An unfinished decision names a backend that is not configured.
    #[error(
        "the journal holds unfinished transaction {txn} on backend \"{backend}\", which is not configured; put \
         [backends.{backend}] back until `handfast transactions list` is empty"
    )]
    UnknownBackend {
        /// The transaction.
        txn: String,
        /// The backend it needs.
        backend: String,
    },
    /// An unfinished decision names another database than the configuration.
    #[error(
        "the journal holds unfinished transaction {txn} in database \"{was}\" of backend \"{backend}\", which is now \
         configured with database \"{is}\"; put the old url back until `handfast transactions list` is empty"
    )]
    OtherDatabase {
        /// The transaction.
        txn: String,
        /// The backend.
        backend: String,
        /// The database it was prepared in.
        was: String,
        /// The database configured now.
        is: String,
    },
}

/// Why nothing can be recovered.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal cannot be opened.
    #[error("the journal cannot be opened: {source}")]
    Journal {
        /// How.
        #[source]
        source: JournalError,
    },
    /// The journal and the configuration do not fit.
    #[error("{source}")]
    Adopt {
        /// How.
        #[source]
        source: AdoptError,
    },
}

/// What all settlers share.
#[derive(Clone, Debug)]
pub struct Recovery {
    /// The configuration; a settler takes the latest before each sweep.
    pub config: Arc<Config>,
    /// The latest.
    pub latest: Arc<Swap<Config>>,
    /// Decisions.
    pub journal: Journal,
    /// Who is ending, what is unfinished.
    pub registry: Arc<Registry>,
    /// Which server sessions are ours and alive.
    pub pools: Arc<Pools>,
    /// What is seen of the backends, for people.
    pub board: Arc<Board>,
    /// For tests.
    pub failpoints: Failpoints,
}

impl Recovery {
    /// Opens the journal, and hands what it holds of unfinished decisions to the settlers to come: also how many they are. One
    /// way for whoever serves and whoever only finishes. `tracer`: who hears of what settlers do.
    ///
    /// # Errors
    /// The journal cannot be read or is another process's, or holds what this configuration cannot finish.
    pub fn open(
        config: &Arc<Config>,
        failpoints: Failpoints,
        tracer: Option<Arc<Tracer>>,
    ) -> Result<(Self, usize), OpenError> {
        let (cluster, node) = (config.node.cluster.clone(), config.node.name.clone());
        let opened = Journal::open(&config.journal, cluster, node, failpoints.clone());
        let (journal, replay) = opened.map_err(|source| OpenError::Journal { source })?;
        let recovery = Self {
            config: Arc::clone(config),
            latest: Arc::new(Swap::new(Arc::clone(config))),
            journal,
            registry: Arc::new(Registry::keeping(BACKENDS_MAX, config.limits.transactions_kept).traced(tracer)),
            pools: Arc::new(Pools::new(Arc::clone(config))),
            board: Arc::new(Board::new(BACKENDS_MAX)),
            failpoints,
        };
        let unfinished = recovery.adopt().map_err(|source| OpenError::Adopt { source })?;
        let journal = &recovery.journal;
        tracing::info!(node = %journal.node(), epoch = journal.epoch(), unfinished, ?replay, "journal open");
        Ok((recovery, unfinished))
    }

    /// Hands every unfinished decision of the journal to the settlers; before any client is let in. Errors: a decision
    /// that this configuration cannot finish.
    fn adopt(&self) -> Result<usize, AdoptError> {
        self.failpoints.hit(Failpoint::RecoveryAfterReplay);
        let unsettled = self.journal.unsettled();
        for (decision, _) in &unsettled {
            let branches = self.locate(decision)?;
            self.registry.hand_over(&decision.txn, decision.decided_wall_ms, &branches);
            let alarmed = self.journal.lookup(&decision.txn).map(|known| known.alarmed).unwrap_or_default();
            for Alarm { txn, place, problem } in alarmed {
                tracing::error!(%txn, %place, problem, "HEURISTIC OUTCOME of an earlier start: a person must look");
                self.registry.contrary(&txn, place, problem);
            }
        }
        Ok(unsettled.len())
    }

    fn locate(&self, decision: &Decision) -> Result<Vec<(Place, BackendId)>, AdoptError> {
        let find = |branch: &crate::journal::DecidedBranch| {
            let txn = || decision.txn.to_string();
            let unknown = || AdoptError::UnknownBackend { txn: txn(), backend: branch.backend.clone() };
            let id = self.config.backend_named(&branch.backend).ok_or_else(unknown)?;
            let is = &self.config.backend(id).database;
            if *is != branch.database {
                let (backend, was) = (branch.backend.clone(), branch.database.clone());
                return Err(AdoptError::OtherDatabase { txn: txn(), backend, was, is: is.clone() });
            }
            Ok((branch.place, id))
        };
        decision.branches.iter().map(find).collect()
    }

    /// The settler of one backend.
    pub fn settler(&self, backend: BackendId) -> Settler {
        let (seen, lost) = (Vec::new(), Vec::new());
        // The backend may have come with a reload.
        let recovery = Self { config: self.latest.get(), ..self.clone() };
        metrics::backend_known(&recovery.config.backend(backend).name);
        Settler { recovery, backend, control: None, seen, lost, left: 0, failures: 0 }
    }
}

/// Finishes what is unfinished on one backend, for ever.
#[derive(Debug)]
pub struct Settler {
    recovery: Recovery,
    backend: BackendId,
    control: Option<Control>,
    /// Branches without a decision that the last sweep listed: acted on when listed again, so that a session that is just
    /// ending has ended (FACTS 8a).
    seen: Vec<BranchName>,
    /// Branches that a journal has named which is not the one that we have: told of once.
    lost: Vec<BranchName>,
    /// What the last sweep left for the next one; 0 also if the backend could not be asked.
    left: usize,
    failures: u32,
}

/// What one sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Branches committed.
    pub committed: usize,
    /// Branches rolled back.
    pub rolled_back: usize,
    /// Branches of ours that still need another sweep.
    pub left: usize,
}

impl Settler {
    fn name(&self) -> &str {
        &self.recovery.config.backend(self.backend).name
    }

    /// Sweeps until `closing` is set, which is when no session can leave anything any more, and nothing is unfinished or
    /// abandoned here; or until dropped: whoever waits for that has the bound.
    pub async fn run(mut self, mut closing: watch::Receiver<bool>) {
        loop {
            // Before the sweep: what the last session left is listed by a sweep that begins after its end.
            let last = *closing.borrow();
            let pause = self.sweep_once().await;
            let registry = Arc::clone(&self.recovery.registry);
            if last && self.left == 0 && registry.unfinished_on(self.backend).is_empty() {
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = registry.work(self.backend) => {}
                closed = closing.wait_for(|closing| *closing), if !last => if closed.is_err() {
                    return;
                },
            }
        }
    }

    /// One sweep, bounded; returns how long to pause before the next.
    pub async fn sweep_once(&mut self) -> Duration {
        self.recovery.config = self.recovery.latest.get();
        let interval = self.recovery.config.transactions.resolve_interval;
        let swept = tokio::time::timeout(CONTROL_TIMEOUT, self.sweep()).await;
        let problem = match swept {
            Ok(Ok(swept)) => {
                (self.failures, self.left) = (0, swept.left);
                metrics::backend_up(self.name(), true);
                self.recovery.board.reached(self.backend, None);
                self.recovery.board.swept(swept.committed, swept.rolled_back);
                metrics::swept(self.name(), swept.committed, swept.rolled_back);
                self.count_in_doubt();
                if swept.left == 0 {
                    self.recovery.registry.looked(self.backend);
                }
                let short = interval.min(recover::backoff(1, interval));
                return if swept.left > 0 { short } else { interval };
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {CONTROL_TIMEOUT:?}"),
        };
        metrics::backend_up(self.name(), false);
        self.recovery.board.reached(self.backend, Some(&problem));
        self.recovery.registry.looked(self.backend);
        (self.control, self.left) = (None, 0);
        self.failures = self.failures.saturating_add(1);
        if self.failures == 1 || self.failures.is_multiple_of(30) {
            let failures = self.failures;
            tracing::warn!(
                backend = self.name(),
                problem,
                failures,
                "recovery cannot reach a backend; trying for ever"
            );
        }
        for (txn, place) in self.recovery.registry.unfinished_on(self.backend) {
            metrics::finish_retried(self.name());
            self.recovery.registry.met(&txn, place, problem.clone());
        }
        let ledger = self.recovery.registry.ledger();
        for (txn, place) in ledger.undecided_on(self.backend) {
            ledger.met(&txn, place, &problem, Some(BranchState::Unreachable));
        }
        self.count_in_doubt();
        recover::backoff(self.failures, interval.max(Duration::from_secs(5)))
    }

    fn count_in_doubt(&self) {
        let registry = &self.recovery.registry;
        let undecided = registry.ledger().undecided_on(self.backend).len();
        metrics::in_doubt_branches(self.name(), registry.unfinished_on(self.backend).len() + undecided);
    }

    async fn control(&mut self) -> Result<Control, ControlError> {
        match self.control.take() {
            Some(control) => Ok(control),
            None => Control::connect(self.recovery.config.backend(self.backend)).await,
        }
    }
}
