//! Layer 4: the end of transactions. [`Commits`] is the one door; `driver` runs the pure machine of `txn` against real
//! connections and the journal; `registry` knows what is ending and what is unfinished; `ledger` and `tally` are for people.

mod driver;
pub mod heuristic;
pub mod ledger;
pub mod registry;
pub mod spans;
pub mod tally;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, FutureExt};

use crate::backend::{Conn, ServerError};
use crate::base::{BackendId, Failpoints, Fault, FaultKind, Place, TxnId, clock};
use crate::config::Config;
use crate::journal::Journal;
use crate::telemetry::metrics;
use crate::txn::{Coordinator, Outcome, Part, Policy};

use driver::Driver;
use ledger::Client;
use registry::Registry;
use tally::Tally;

pub use crate::txn::Wrote;

/// A participant handed over for its transaction's end.
#[derive(Debug)]
pub struct Enlisted {
    /// Its position in the branch names.
    pub place: Place,
    /// What it did.
    pub wrote: Wrote,
    /// The connection that holds its open transaction.
    pub conn: Conn,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// How the transaction ended.
    pub ended: Ended,
    /// The connections that are still good, idle, in the order of their places. The others are closed.
    pub conns: Vec<Conn>,
    /// With `transactions.reply = "decided"`: phase two, still to be awaited. Answer the client first, then await this before
    /// anything else of the session runs; it gives the connections back.
    pub rest: Option<Rest>,
}

/// The rest of a commit whose decision the client has heard already.
pub struct Rest(BoxFuture<'static, Vec<Conn>>);

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Rest")
    }
}

impl Future for Rest {
    type Output = Vec<Conn>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Vec<Conn>> {
        self.0.as_mut().poll(context)
    }
}

/// How a transaction ended, for the session to tell its client.
#[derive(Debug)]
pub enum Ended {
    /// Committed; with warnings, such as that a participant follows later.
    Committed {
        /// One line each.
        warnings: Vec<String>,
    },
    /// Rolled back although COMMIT was asked.
    RolledBack(Why),
    /// Not known.
    Unknown {
        /// The transaction, to ask for later.
        txn: TxnId,
    },
}

/// Why a COMMIT became a rollback.
#[derive(Debug)]
pub enum Why {
    /// A participant's server refused; its own error.
    Refused {
        /// Who.
        backend: BackendId,
        /// In its words.
        error: ServerError,
    },
    /// Anything else, told as a fault of ours.
    Fault(Fault),
}

/// Ends transactions: the one door to the coordinator. Shared by all sessions.
#[derive(Debug)]
pub struct Commits {
    config: Arc<Config>,
    journal: Journal,
    registry: Arc<Registry>,
    failpoints: Failpoints,
    /// By backend: itself and those that are one participant with it; a commit of any of them is unfinished under one name.
    together: Vec<Vec<BackendId>>,
    tally: Arc<Tally>,
}

impl Commits {
    /// Made once, in `app`.
    pub fn new(config: Arc<Config>, journal: Journal, registry: Arc<Registry>, failpoints: Failpoints) -> Self {
        let together = together(&config);
        Self { config, journal, registry, failpoints, together, tally: Arc::default() }
    }

    /// The same under another configuration, which has the same backends at the same places, and more perhaps.
    pub fn renewed(&self, config: Arc<Config>) -> Self {
        let (journal, registry, failpoints) =
            (self.journal.clone(), Arc::clone(&self.registry), self.failpoints.clone());
        Self { together: together(&config), config, journal, registry, failpoints, tally: Arc::clone(&self.tally) }
    }

    /// For sessions that have this configuration's only backend: they never need two phases, so nothing of theirs can be
    /// unfinished.
    pub fn of_one_backend(&self, config: Arc<Config>) -> Self {
        Self::new(config, self.journal.clone(), Arc::new(Registry::new(1)), self.failpoints.clone())
    }

    /// A fresh name, never given before.
    pub fn next_txn(&self) -> TxnId {
        self.journal.next_txn()
    }

    /// What was counted since the start.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn policy(&self) -> Policy {
        let transactions = &self.config.transactions;
        Policy {
            prepare_timeout: transactions.prepare_timeout,
            commit_wait: transactions.commit_wait,
            reply: transactions.reply,
        }
    }

    /// COMMIT over these participants: none, one phase or two phases as they need it. Never fails: what can go wrong is
    /// an outcome. The caller must not drop the future; a client that is gone changes nothing.
    ///
    /// `joined`: how many participants the transaction ever had. If fewer are handed over, one was lost with its part of
    /// the work, and the others are rolled back.
    pub async fn commit(
        self: &Arc<Self>,
        txn: &TxnId,
        client: Client<'_>,
        joined: u16,
        participants: Vec<Enlisted>,
    ) -> Report {
        if usize::from(joined) != participants.len() {
            let conns = self.rollback(txn, participants).await;
            let fault = Fault::new(
                FaultKind::BackendLost,
                "a backend was lost in this transaction; rolled back on all backends",
            )
            .hint("Nothing was kept; the transaction can be retried.");
            return Report { ended: Ended::RolledBack(Why::Fault(fault)), conns, rest: None };
        }
        let in_doubt_max = self.config.transactions.in_doubt_max;
        if participants.len() > 1 && self.registry.in_doubt() >= in_doubt_max {
            let conns = self.rollback(txn, participants).await;
            let fault = Fault::new(
                FaultKind::InDoubtLimit,
                format!(
                    "{in_doubt_max} distributed transactions are in doubt (transactions.in_doubt_max); rolled back"
                ),
            )
            .hint("Bring back the backend that they wait for; `handfast transactions list` names it.");
            return Report { ended: Ended::RolledBack(Why::Fault(fault)), conns, rest: None };
        }
        let started = clock::now();
        let parts = participants.iter().map(|p| Part { place: p.place, wrote: p.wrote }).collect();
        let machine = Coordinator::new(txn.clone(), parts, self.policy(), std::time::Duration::ZERO);
        let mut driver = Driver::new(Arc::clone(self), machine, participants, started).told_of(client);
        let outcome = driver.run().await;
        metrics::transaction_ended(outcome_label(&outcome), driver.phases(), started.elapsed());
        self.tally.ended(&outcome, driver.phases(), started.elapsed());
        let ended = driver.explain(outcome);
        if driver.is_done() {
            return Report { ended, conns: driver.into_conns(), rest: None };
        }
        Report { ended, conns: Vec::new(), rest: Some(Rest(driver.finish().boxed())) }
    }

    /// ROLLBACK over these participants. Always ends as rolled back: a connection that cannot say so is closed.
    pub async fn rollback(self: &Arc<Self>, txn: &TxnId, participants: Vec<Enlisted>) -> Vec<Conn> {
        let started = clock::now();
        let parts = participants.iter().map(|p| Part { place: p.place, wrote: p.wrote }).collect();
        let machine = Coordinator::rollback(txn.clone(), parts, self.policy(), std::time::Duration::ZERO);
        let mut driver = Driver::new(Arc::clone(self), machine, participants, started);
        let outcome = driver.run().await;
        metrics::transaction_ended(outcome_label(&outcome), 0, started.elapsed());
        self.tally.ended(&outcome, 0, started.elapsed());
        driver.into_conns()
    }

    /// Whether [`Self::wait_readable`] returns at once.
    pub fn is_readable(&self, backend: BackendId) -> bool {
        self.together[usize::from(backend.0)].iter().all(|id| self.registry.is_readable(*id))
    }

    /// Returns at once unless a decided transaction is not yet committed on this backend; then waits for the settler, at
    /// most `transactions.commit_wait` (FACTS 31). Called before each statement that a backend shall run.
    pub async fn wait_readable(&self, backend: BackendId) -> Result<(), Fault> {
        let bound = self.config.transactions.commit_wait;
        for id in &self.together[usize::from(backend.0)] {
            self.registry.wait_readable(*id, &self.config.backend(*id).name, bound).await?;
        }
        Ok(())
    }
}

fn together(config: &Config) -> Vec<Vec<BackendId>> {
    let ids = || (0..config.backends.len()).filter_map(|index| u16::try_from(index).ok().map(BackendId));
    ids().map(|a| ids().filter(|b| config.same_participant(a, *b)).collect()).collect()
}

fn outcome_label(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Committed { .. } => "committed",
        Outcome::RolledBack(_) => "rolled_back",
        Outcome::Unknown => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ClusterName, Dialect};
    use crate::journal::core::Settings;
    use crate::journal::memory::Memory;
    use crate::sql::tests::corpus::config;

    #[tokio::test]
    async fn readers_of_every_database_of_a_participant_wait_for_it() {
        let three = [("a", Dialect::Mysql, true), ("b", Dialect::Mysql, false), ("c", Dialect::Mysql, false)];
        let mut config = config(&three, &[]);
        config.backends[1].address = config.backends[0].address.clone();
        config.transactions.commit_wait = std::time::Duration::from_millis(20);
        let keep = std::time::Duration::from_secs(1);
        let settings = Settings { cluster: ClusterName::new("shop").unwrap(), node: None, segment_bytes: 4096, keep };
        let (journal, _) = Journal::open_on(Box::new(Memory::default()), settings, Failpoints::default()).unwrap();
        let registry = Arc::new(Registry::new(3));
        let commits = Commits::new(Arc::new(config), journal, Arc::clone(&registry), Failpoints::default());
        let (a, b, c) = (BackendId(0), BackendId(1), BackendId(2));
        let txn = commits.next_txn();
        for unfinished in [a, b] {
            registry.hand_over(&txn, 0, &[(Place(0), unfinished)]);
            registry.hand_over(&txn, 0, &[(Place(0), unfinished)]);
            for reader in [a, b] {
                let fault = commits.wait_readable(reader).await.unwrap_err();
                assert_eq!(fault.kind, FaultKind::Unresolved, "{reader:?} while {unfinished:?} is unfinished");
            }
            commits.wait_readable(c).await.unwrap();
            assert!(registry.settled(&txn, Place(0)));
            for reader in [a, b, c] {
                commits.wait_readable(reader).await.unwrap();
            }
        }
    }
}
