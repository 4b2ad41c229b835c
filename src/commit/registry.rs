//! Which transactions are ending here right now, and which are decided and not finished. Recovery asks the first before it
//! touches a branch; readers wait for the second; operators see both.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::ledger::{BranchState, Ledger};
use crate::base::limits::LEDGER_KEPT;
use crate::base::{BackendId, Fault, FaultKind, Place, TxnId, clock};
use crate::telemetry::traces::Tracer;

/// Live and unfinished transactions of this process.
#[derive(Debug)]
pub struct Registry {
    state: Mutex<State>,
    /// How many branches of each backend are still to be committed; changed under the lock, read without it by every statement.
    per_backend: Vec<AtomicUsize>,
    /// One per backend: readers wait on it for the settler.
    settled: Vec<Notify>,
    /// One per backend: the settler waits on it for work.
    work: Vec<Notify>,
    /// Backends whose settler has found nothing left, or nobody to ask, since the start.
    looked: watch::Sender<BTreeSet<BackendId>>,
    born: Instant,
    /// How long after the start all of them had.
    looked_after: Mutex<Option<Duration>>,
    /// What people may know.
    ledger: Ledger,
}

#[derive(Debug, Default)]
struct State {
    ending: HashSet<TxnId>,
    unfinished: BTreeMap<TxnId, Unfinished>,
    /// Branches that their servers have ended against the decision. They stay unfinished until a person has looked, but nothing
    /// comes any more, so nobody waits for them.
    contrary: HashSet<(TxnId, Place)>,
}

/// A decided transaction whose commit is not known to have reached every participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unfinished {
    /// When it was decided, milliseconds since 1970.
    pub decided_wall_ms: u64,
    /// Branches not known to be committed.
    pub branches: BTreeMap<Place, BackendId>,
    /// What the settler last met, per branch.
    pub met: BTreeMap<Place, String>,
}

/// Marks a transaction as ending in this process, until dropped.
#[derive(Debug)]
pub struct Ending {
    registry: Arc<Registry>,
    txn: TxnId,
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.registry.state().ending.remove(&self.txn);
    }
}

impl Registry {
    /// An empty registry for so many backends.
    pub fn new(backends: usize) -> Self {
        Self::keeping(backends, LEDGER_KEPT)
    }

    /// The same, whose ledger keeps so many ended transactions.
    pub fn keeping(backends: usize, kept_max: usize) -> Self {
        let notifies = || (0..backends).map(|_| Notify::new()).collect();
        let per_backend = (0..backends).map(|_| AtomicUsize::new(0)).collect();
        Self {
            state: Mutex::default(),
            per_backend,
            settled: notifies(),
            work: notifies(),
            looked: watch::Sender::default(),
            born: clock::now(),
            looked_after: Mutex::default(),
            ledger: Ledger::new(kept_max),
        }
    }

    /// The same, whose transactions are told as spans.
    pub fn traced(mut self, tracer: Option<Arc<Tracer>>) -> Self {
        self.ledger.traced(tracer);
        self
    }

    /// What people may know of transactions.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change under the lock is complete before anything in it can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks a transaction as ending here. Taken before the first PREPARE is sent, dropped after the decision is in the
    /// journal's index or the abort is over: a listed branch that is neither ending nor decided can never be decided.
    pub fn ending(self: &Arc<Self>, txn: &TxnId) -> Ending {
        self.state().ending.insert(txn.clone());
        Ending { registry: Arc::clone(self), txn: txn.clone() }
    }

    /// Whether a transaction is ending in this process.
    pub fn is_ending(&self, txn: &TxnId) -> bool {
        self.state().ending.contains(txn)
    }

    /// Hands branches of a decided transaction to the settlers of their backends.
    pub fn hand_over(&self, txn: &TxnId, decided_wall_ms: u64, branches: &[(Place, BackendId)]) {
        let backends: BTreeSet<BackendId> = branches.iter().map(|(_, backend)| *backend).collect();
        {
            let mut guard = self.state();
            let state = &mut *guard;
            let entry = state.unfinished.entry(txn.clone()).or_insert_with(|| Unfinished {
                decided_wall_ms,
                branches: BTreeMap::new(),
                met: BTreeMap::new(),
            });
            for (place, backend) in branches {
                // Counted once, however often it is handed over: a count too many would hold up readers for ever.
                let new = entry.branches.insert(*place, *backend).is_none();
                if new && !state.contrary.contains(&(txn.clone(), *place)) {
                    self.per_backend[usize::from(backend.0)].fetch_add(1, Ordering::SeqCst);
                }
            }
        }
        self.ledger.handed_over(txn, decided_wall_ms, branches);
        for backend in backends {
            self.work[usize::from(backend.0)].notify_one();
        }
    }

    /// A branch has settled. Returns true when it was the transaction's last.
    pub fn settled(&self, txn: &TxnId, place: Place) -> bool {
        let Some((backend, last)) = self.finished(txn, place) else { return false };
        self.ledger.settled(txn, place, BranchState::Committed, "committed by recovery");
        self.settled[usize::from(backend.0)].notify_waiters();
        last
    }

    /// A person has ended our trying: the branch is as that person says, and nobody waits for it any more.
    pub fn concluded(&self, txn: &TxnId, place: Place, state: BranchState, detail: &str) {
        let finished = self.finished(txn, place);
        self.ledger.concluded(txn, place, state, detail);
        if let Some((backend, _)) = finished {
            self.settled[usize::from(backend.0)].notify_waiters();
        }
    }

    /// Takes a branch off the unfinished ones: its backend, and whether it was its transaction's last.
    fn finished(&self, txn: &TxnId, place: Place) -> Option<(BackendId, bool)> {
        let mut state = self.state();
        let entry = state.unfinished.get_mut(txn)?;
        let backend = entry.branches.remove(&place)?;
        entry.met.remove(&place);
        let last = entry.branches.is_empty();
        if last {
            state.unfinished.remove(txn);
        }
        if !state.contrary.remove(&(txn.clone(), place)) {
            self.per_backend[usize::from(backend.0)].fetch_sub(1, Ordering::SeqCst);
        }
        Some((backend, last))
    }

    /// A server has ended a branch against the decision, before or after it was handed over. It stays unfinished, for a person;
    /// readers wait for it no longer: what they would wait for never comes, and the rows must be mended through us, too.
    pub fn contrary(&self, txn: &TxnId, place: Place, problem: String) {
        self.ledger.met(txn, place, &problem, Some(BranchState::Heuristic));
        let mut state = self.state();
        let new = state.contrary.insert((txn.clone(), place));
        let Some(entry) = state.unfinished.get_mut(txn) else { return };
        entry.met.insert(place, problem);
        let backend = entry.branches.get(&place).copied().filter(|_| new);
        drop(state);
        if let Some(BackendId(backend)) = backend {
            self.per_backend[usize::from(backend)].fetch_sub(1, Ordering::SeqCst);
            self.settled[usize::from(backend)].notify_waiters();
        }
    }

    /// Whether a branch is one that was ended against the decision, and no person has looked yet.
    pub fn is_contrary(&self, txn: &TxnId, place: Place) -> bool {
        self.state().contrary.contains(&(txn.clone(), place))
    }

    /// Remembers why a branch is not settled yet, for operators.
    pub fn met(&self, txn: &TxnId, place: Place, what: String) {
        self.ledger.met(txn, place, &what, None);
        if let Some(entry) = self.state().unfinished.get_mut(txn) {
            entry.met.insert(place, what);
        }
    }

    /// Unfinished branches of one backend.
    pub fn unfinished_on(&self, backend: BackendId) -> Vec<(TxnId, Place)> {
        let state = self.state();
        let mut found = Vec::new();
        for (txn, entry) in &state.unfinished {
            let here = entry.branches.iter().filter(|(_, b)| **b == backend);
            found.extend(here.map(|(place, _)| (txn.clone(), *place)));
        }
        found
    }

    /// All unfinished transactions.
    pub fn unfinished(&self) -> Vec<(TxnId, Unfinished)> {
        self.state().unfinished.iter().map(|(txn, entry)| (txn.clone(), entry.clone())).collect()
    }

    /// How many transactions are decided and unfinished.
    pub fn in_doubt(&self) -> usize {
        self.state().unfinished.len()
    }

    /// Notes that a settler has found nothing left on its backend, or cannot reach it.
    pub fn looked(&self, backend: BackendId) {
        self.looked.send_if_modified(|looked| looked.insert(backend));
        if self.looked.borrow().len() == self.work.len() {
            let mut after = self.looked_after.lock().unwrap_or_else(PoisonError::into_inner);
            after.get_or_insert_with(|| self.born.elapsed());
        }
    }

    /// How long after the start every settler had looked at its backend; `None`: not yet.
    pub fn looked_after(&self) -> Option<Duration> {
        *self.looked_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until every settler has finished what the last run left, or could not reach its backend.
    /// `all`: how many there are.
    pub async fn all_looked(&self, all: usize) {
        // The sender lives in `self`, so that waiting cannot fail.
        if self.looked.subscribe().wait_for(|looked| looked.len() >= all).await.is_err() {
            tracing::debug!("the registry is gone");
        }
    }

    /// Waits until this backend's settler has work.
    pub async fn work(&self, backend: BackendId) {
        self.work[usize::from(backend.0)].notified().await;
    }

    /// Wakes a backend's settler.
    pub fn wake(&self, backend: BackendId) {
        self.work[usize::from(backend.0)].notify_one();
    }

    /// Whether every decided transaction is committed on this backend.
    pub fn is_readable(&self, backend: BackendId) -> bool {
        self.per_backend[usize::from(backend.0)].load(Ordering::SeqCst) == 0
    }

    /// Returns at once unless a decided transaction is not yet committed on this backend; else waits for the settler, at
    /// most `bound`: nobody sees half of a transaction (FACTS 31).
    pub async fn wait_readable(&self, backend: BackendId, name: &str, bound: Duration) -> Result<(), Fault> {
        let index = usize::from(backend.0);
        if self.is_readable(backend) {
            return Ok(());
        }
        let all_settled = async {
            loop {
                let settled = self.settled[index].notified();
                tokio::pin!(settled);
                settled.as_mut().enable();
                if self.per_backend[index].load(Ordering::SeqCst) == 0 {
                    return;
                }
                settled.await;
            }
        };
        tokio::time::timeout(bound, all_settled).await.map_err(|_| {
            let count = self.per_backend[index].load(Ordering::SeqCst);
            Fault::new(
                FaultKind::Unresolved,
                format!("{count} committed transaction(s) are not finished on backend \"{name}\" yet"),
            )
            .detail(format!("waited {bound:?} (transactions.commit_wait) for their commit to arrive there"))
            .hint("Retry; Handfast finishes them as soon as the backend answers.")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ClusterName, NodeName};

    fn txn(seq: u64) -> TxnId {
        TxnId { cluster: ClusterName::new("c").unwrap(), node: NodeName::new("n").unwrap(), epoch: 1, seq }
    }

    #[tokio::test]
    async fn a_reader_waits_until_the_last_branch_of_its_backend_has_settled() {
        let registry = Registry::new(2);
        let (a, b) = (BackendId(0), BackendId(1));
        registry.hand_over(&txn(1), 0, &[(Place(0), a), (Place(1), b)]);
        let short = Duration::from_millis(5);
        let fault = registry.wait_readable(a, "store", short).await.unwrap_err();
        assert_eq!(fault.kind, FaultKind::Unresolved);

        let waiting = registry.wait_readable(a, "store", Duration::from_secs(20));
        let settling = async { assert!(!registry.settled(&txn(1), Place(0)), "the other branch is open") };
        let (read, ()) = tokio::join!(waiting, settling);
        assert!(read.is_ok());
        assert!(registry.settled(&txn(1), Place(1)), "the last one");
        assert_eq!(registry.in_doubt(), 0);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_branch_that_its_server_has_ended_against_the_decision() {
        let (store, no_time) = (BackendId(0), Duration::ZERO);
        // The alarm may be raised before the branch is handed over, and after.
        for order in [[true, false], [false, true]] {
            let registry = Registry::new(1);
            for alarm in order {
                match alarm {
                    true => registry.contrary(&txn(1), Place(0), String::from("rolled back")),
                    false => registry.hand_over(&txn(1), 0, &[(Place(0), store)]),
                }
            }
            registry.contrary(&txn(1), Place(0), String::from("rolled back, still"));
            assert!(registry.wait_readable(store, "store", no_time).await.is_ok());
            assert_eq!(registry.in_doubt(), 1, "a person must look");
            registry.hand_over(&txn(2), 0, &[(Place(0), store)]);
            assert!(registry.wait_readable(store, "store", no_time).await.is_err(), "others are waited for");
            registry.concluded(&txn(1), Place(0), BranchState::RolledBack, "ann says so");
            assert!(registry.wait_readable(store, "store", no_time).await.is_err(), "and still are");
            assert!(registry.settled(&txn(2), Place(0)));
            assert!(registry.wait_readable(store, "store", no_time).await.is_ok());
        }
    }

    #[test]
    fn a_transaction_is_ending_exactly_as_long_as_its_mark_lives() {
        let registry = Arc::new(Registry::new(0));
        let mark = registry.ending(&txn(7));
        assert!(registry.is_ending(&txn(7)));
        drop(mark);
        assert!(!registry.is_ending(&txn(7)));
    }
}
