//! What people may know of distributed transactions: those that are ending, those that are in doubt, and the last that
//! ended. The driver and the settlers write it, `ops` reads it. Nobody decides by it: that is the journal's and the
//! registry's. A transaction with one participant never gets here (INV-9).

mod words;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use tokio::sync::broadcast;

use super::spans::{self, Trace};
use crate::base::limits::{LEDGER_MOMENTS_MAX, LEDGER_NEWS_MAX};
use crate::base::{BackendId, BranchName, Dialect, Place, TxnId, clock};
use crate::telemetry::traces::Tracer;

pub use words::{BranchState, Moment, Standing, Told, What};

/// Whose transaction it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client<'a> {
    /// Which wire it speaks.
    pub protocol: Dialect,
    /// As whom it has logged in.
    pub user: &'a str,
    /// Its spans are put beside these.
    pub trace: Trace,
}

/// One branch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BranchRecord {
    /// Its position in the names.
    pub place: Place,
    /// Where.
    pub backend: BackendId,
    /// The server's id of the session that worked on it; `None`: only the journal knows.
    pub session: Option<u64>,
    /// How far it is.
    pub state: BranchState,
    /// What was met last.
    pub problem: Option<String>,
    /// How often it was tried to finish it.
    pub attempts: u32,
}

/// One transaction.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its name.
    pub txn: TxnId,
    /// Whose: protocol and user. `None`: from before this start.
    pub client: Option<(Dialect, String)>,
    /// Its spans are put beside these.
    pub trace: Trace,
    /// When it was tried last to finish a branch in doubt, or when that was left to recovery.
    pub(super) tried: Instant,
    /// When its end began (COMMIT was asked, or it was found), milliseconds since 1970.
    pub begun_wall_ms: u64,
    begun: Instant,
    /// When it was decided, milliseconds since 1970.
    pub decided_wall_ms: Option<u64>,
    /// What its client was told; `None`: not yet, or before this start.
    pub told: Option<Told>,
    /// Why it was not committed, in words.
    pub cause: Option<String>,
    /// Whether its coordinator still works on it.
    pub running: bool,
    /// Its branches, in the order of their places.
    pub branches: Vec<BranchRecord>,
    /// What happened, oldest first.
    pub timeline: Vec<Moment>,
}

impl Record {
    fn new(txn: TxnId, client: Option<Client<'_>>, begun_wall_ms: u64, running: bool) -> Self {
        let trace = client.map(|client| client.trace).unwrap_or_default();
        let client = client.map(|client| (client.protocol, client.user.to_owned()));
        let (branches, timeline) = (Vec::new(), Vec::new());
        let (begun, decided_wall_ms, told, cause) = (clock::now(), None, None, None);
        let tried = begun;
        Self {
            txn,
            client,
            trace,
            tried,
            begun_wall_ms,
            begun,
            decided_wall_ms,
            told,
            cause,
            running,
            branches,
            timeline,
        }
    }

    /// How it stands as a whole.
    pub fn standing(&self) -> Standing {
        let handed_over =
            self.branches.iter().any(|b| matches!(b.state, BranchState::Unreachable | BranchState::Heuristic));
        let all_final = self.branches.iter().all(|b| b.state.is_final());
        match (self.running, self.told) {
            (_, Some(Told::Unknown)) => Standing::Unknown,
            _ if handed_over => Standing::InDoubt,
            (true, _) => Standing::Ending,
            (false, _) if !all_final => Standing::InDoubt,
            (false, _) if self.decided_wall_ms.is_some() || self.told == Some(Told::Committed) => Standing::Committed,
            (false, _) => Standing::RolledBack,
        }
    }

    fn note(&mut self, what: What, backend: Option<BackendId>, detail: Option<String>) {
        self.note_code(what, backend, detail, None);
    }

    fn note_code(&mut self, what: What, backend: Option<BackendId>, detail: Option<String>, sqlstate: Option<String>) {
        let again = |m: &Moment| m.what == what && m.backend == backend && m.detail == detail;
        // What is tried for ever fails for ever: the attempts are counted, the timeline tells it once.
        if what == What::Failed && self.timeline.iter().any(again) {
            return;
        }
        if self.timeline.len() < LEDGER_MOMENTS_MAX {
            let at = self.begun.elapsed();
            self.timeline.push(Moment { at, what, backend, detail, sqlstate });
        }
    }

    fn branch(&mut self, place: Place) -> Option<&mut BranchRecord> {
        self.branches.iter_mut().find(|b| b.place == place)
    }

    fn set(&mut self, place: Place, state: BranchState, what: What, detail: Option<String>) {
        let Some(branch) = self.branch(place) else { return };
        branch.state = state;
        if state.is_final() {
            branch.problem = None;
        }
        let backend = branch.backend;
        self.note(what, Some(backend), detail);
    }
}

/// A transaction that is ending here; its coordinator writes to it without disturbing the others.
#[derive(Clone, Debug)]
pub struct Entry(Arc<Mutex<Record>>);

impl Entry {
    fn record(&self) -> MutexGuard<'_, Record> {
        // Every change under the lock is complete before anything in it can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A participant's branch comes to a state.
    pub fn set(&self, place: Place, state: BranchState, what: What, detail: Option<String>) {
        self.record().set(place, state, what, detail);
    }

    /// Something went wrong at a branch.
    pub fn problem(&self, place: Place, what: What, problem: String, sqlstate: Option<String>) {
        let mut record = self.record();
        let Some(branch) = record.branch(place) else { return };
        if branch.state != BranchState::Heuristic {
            // Else the alarm's words stay: they say what it means.
            branch.problem = Some(problem.clone());
        }
        let backend = branch.backend;
        record.note_code(what, Some(backend), Some(problem), sqlstate);
    }

    /// A branch is given up for now because its answer is overdue; its settler goes on.
    pub fn overdue(&self, place: Place) {
        let mut record = self.record();
        let Some(backend) = record.branch(place).map(|branch| branch.backend) else { return };
        let last = record.timeline.iter().rfind(|moment| moment.backend == Some(backend)).map(|moment| moment.what);
        if !matches!(last, Some(What::Failed | What::Refused)) {
            record.note(What::Failed, Some(backend), Some(String::from("no answer in time")));
        }
    }

    /// The decision is durable.
    pub fn decided(&self, decided_wall_ms: u64) {
        let mut record = self.record();
        record.decided_wall_ms = Some(decided_wall_ms);
        record.note(What::Decided, None, None);
    }

    /// A branch's connection was closed before it was told how to end.
    pub fn closed(&self, place: Place, abandoned: bool) {
        let mut record = self.record();
        let Some(branch) = record.branch(place).filter(|b| !b.state.is_final()) else { return };
        if abandoned {
            branch.state = BranchState::Unreachable;
        } else {
            branch.state = BranchState::RolledBack;
            let backend = branch.backend;
            record.note(What::RolledBack, Some(backend), Some(String::from("by closing its session")));
        }
    }
}

/// The ledger.
#[derive(Debug)]
pub struct Ledger {
    state: Mutex<State>,
    kept_max: usize,
    news: broadcast::Sender<TxnId>,
    /// Who takes spans.
    tracer: Option<Arc<Tracer>>,
}

#[derive(Debug, Default)]
struct State {
    open: HashMap<TxnId, Entry>,
    ended: VecDeque<Entry>,
}

impl Ledger {
    /// An empty one that keeps so many ended transactions.
    pub fn new(kept_max: usize) -> Self {
        Self { state: Mutex::default(), kept_max, news: broadcast::Sender::new(LEDGER_NEWS_MAX), tracer: None }
    }

    /// From now on it tells spans.
    pub(super) fn traced(&mut self, tracer: Option<Arc<Tracer>>) {
        self.tracer = tracer;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_entry(&self, txn: &TxnId) -> Option<Entry> {
        self.state().open.get(txn).cloned()
    }

    /// Names of transactions that have come into doubt, or out of it.
    pub fn news(&self) -> broadcast::Receiver<TxnId> {
        self.news.subscribe()
    }

    fn tell(&self, txn: &TxnId) {
        // Nobody listens most of the time.
        if self.news.send(txn.clone()).is_err() {
            tracing::trace!("nobody wants news of transactions");
        }
    }

    /// A transaction with several participants begins to end.
    pub fn begin(&self, txn: &TxnId, client: Client<'_>, branches: &[(Place, BackendId, u64)]) -> Entry {
        let mut record = Record::new(txn.clone(), Some(client), clock::wall_ms(), true);
        record.branches.extend(branches.iter().map(|(place, backend, session)| BranchRecord {
            place: *place,
            backend: *backend,
            session: Some(*session),
            state: BranchState::Open,
            problem: None,
            attempts: 0,
        }));
        let entry = Entry(Arc::new(Mutex::new(record)));
        self.state().open.insert(txn.clone(), entry.clone());
        entry
    }

    /// Its coordinator has ended (or was dropped).
    pub fn left(&self, entry: &Entry, told: Option<Told>, cause: Option<String>) {
        let (txn, standing) = {
            let mut record = entry.record();
            record.running = false;
            record.told = told.or(record.told);
            record.cause = cause.or(record.cause.take());
            let undecided = record.decided_wall_ms.is_none() && told != Some(Told::Unknown);
            for branch in &mut record.branches {
                match branch.state {
                    // Nothing of it can outlive its session.
                    BranchState::Open if undecided => branch.state = BranchState::RolledBack,
                    BranchState::Open
                    | BranchState::Asked
                    | BranchState::Prepared
                    | BranchState::Committed
                    | BranchState::RolledBack
                    | BranchState::Unreachable
                    | BranchState::Heuristic
                    | BranchState::GivenUp => {}
                }
            }
            if let Some(tracer) = &self.tracer {
                spans::ended(tracer, &record, record.begun);
            }
            (record.txn.clone(), record.standing())
        };
        match standing {
            Standing::Committed | Standing::RolledBack => self.close(&txn),
            Standing::InDoubt | Standing::Unknown => self.tell(&txn),
            Standing::Ending => {}
        }
    }

    /// Moves a transaction to the ended ones.
    fn close(&self, txn: &TxnId) {
        let mut state = self.state();
        let Some(entry) = state.open.remove(txn) else { return };
        while state.ended.len() >= self.kept_max.max(1) {
            state.ended.pop_front();
        }
        state.ended.push_back(entry);
    }

    /// A decided transaction's branches are the settlers' now.
    pub fn handed_over(&self, txn: &TxnId, decided_wall_ms: u64, branches: &[(Place, BackendId)]) {
        let entry = self.open_entry(txn).unwrap_or_else(|| {
            let mut record = Record::new(txn.clone(), None, decided_wall_ms, false);
            record.note(What::Decided, None, None);
            let entry = Entry(Arc::new(Mutex::new(record)));
            self.state().open.insert(txn.clone(), entry.clone());
            entry
        });
        let mut record = entry.record();
        record.decided_wall_ms = Some(decided_wall_ms);
        record.tried = clock::now();
        for (place, backend) in branches {
            match record.branch(*place) {
                // What its server has ended by itself stays told so.
                Some(branch) if branch.state.is_final() || branch.state == BranchState::Heuristic => {}
                Some(branch) => branch.state = BranchState::Unreachable,
                None => record.branches.push(BranchRecord {
                    place: *place,
                    backend: *backend,
                    session: None,
                    state: BranchState::Unreachable,
                    problem: None,
                    attempts: 0,
                }),
            }
        }
        drop(record);
        self.tell(txn);
    }

    /// A settler has listed a prepared branch that nobody decided and nobody ends here.
    pub fn found(&self, branch: &BranchName, backend: BackendId, prepared_wall_ms: Option<u64>) {
        let entry = self.open_entry(&branch.txn).unwrap_or_else(|| {
            let began = prepared_wall_ms.unwrap_or_else(clock::wall_ms);
            let mut record = Record::new(branch.txn.clone(), None, began, false);
            record.cause = Some(String::from("Handfast stopped before it was decided"));
            let entry = Entry(Arc::new(Mutex::new(record)));
            self.state().open.insert(branch.txn.clone(), entry.clone());
            entry
        });
        let mut record = entry.record();
        match record.branch(branch.place) {
            Some(known) => known.state = BranchState::Prepared,
            None => record.branches.push(BranchRecord {
                place: branch.place,
                backend,
                session: Some(branch.session),
                state: BranchState::Prepared,
                problem: None,
                attempts: 0,
            }),
        }
        drop(record);
        self.tell(&branch.txn);
    }

    /// A settler has tried and met something.
    pub fn met(&self, txn: &TxnId, place: Place, problem: &str, state: Option<BranchState>) {
        let Some(entry) = self.open_entry(txn) else { return };
        {
            let mut record = entry.record();
            let Some(branch) = record.branch(place) else { return };
            branch.problem = Some(problem.to_owned());
            branch.attempts = branch.attempts.saturating_add(1);
            branch.state = state.unwrap_or(branch.state);
            let backend = branch.backend;
            record.note(What::Failed, Some(backend), Some(problem.to_owned()));
            spans::tried(self.tracer.as_deref(), &mut record, place, true);
        }
        self.tell(txn);
    }

    /// A settler has finished a branch.
    pub fn settled(&self, txn: &TxnId, place: Place, state: BranchState, detail: &str) {
        self.finished(txn, place, state, detail, self.tracer.as_deref());
    }

    /// A person has: nothing was done on its backend, so no span tells of it.
    pub fn concluded(&self, txn: &TxnId, place: Place, state: BranchState, detail: &str) {
        self.finished(txn, place, state, detail, None);
    }

    fn finished(&self, txn: &TxnId, place: Place, state: BranchState, detail: &str, tracer: Option<&Tracer>) {
        let Some(entry) = self.open_entry(txn) else { return };
        let standing = {
            let mut record = entry.record();
            if record.branch(place).is_none_or(|branch| branch.state.is_final()) {
                // Somebody was faster: a settler while a person's word was written.
                return;
            }
            record.set(place, state, What::Settled, Some(detail.to_owned()));
            spans::tried(tracer, &mut record, place, false);
            record.standing()
        };
        if matches!(standing, Standing::Committed | Standing::RolledBack) {
            self.close(txn);
        }
        self.tell(txn);
    }

    /// Branches on a backend without a decision whose coordinator has left: the settler tells what became of them.
    pub fn undecided_on(&self, backend: BackendId) -> Vec<(TxnId, Place)> {
        let mut found = Vec::new();
        for entry in self.state().open.values() {
            let record = entry.record();
            if record.running || record.decided_wall_ms.is_some() || record.told == Some(Told::Unknown) {
                continue;
            }
            let here = record.branches.iter().filter(|b| b.backend == backend && !b.state.is_final());
            found.extend(here.map(|b| (record.txn.clone(), b.place)));
        }
        found
    }

    /// How many transactions are in doubt, and when the oldest of them began to end (milliseconds since 1970).
    pub fn in_doubt(&self) -> (usize, Option<u64>) {
        let entries: Vec<Entry> = self.state().open.values().cloned().collect();
        let (mut count, mut oldest) = (0, None::<u64>);
        for entry in entries {
            let record = entry.record();
            if matches!(record.standing(), Standing::InDoubt | Standing::Unknown) {
                count += 1;
                oldest = Some(oldest.map_or(record.begun_wall_ms, |o| o.min(record.begun_wall_ms)));
            }
        }
        (count, oldest)
    }

    /// All that are not ended, in no order.
    pub fn open(&self) -> Vec<Record> {
        let entries: Vec<Entry> = self.state().open.values().cloned().collect();
        entries.iter().map(|entry| entry.record().clone()).collect()
    }

    /// At most `limit` that have ended, newest first.
    pub fn ended(&self, limit: usize) -> Vec<Record> {
        let entries: Vec<Entry> = self.state().ended.iter().rev().take(limit).cloned().collect();
        entries.iter().map(|entry| entry.record().clone()).collect()
    }

    /// One of them.
    pub fn get(&self, txn: &TxnId) -> Option<Record> {
        let state = self.state();
        let entry = state.open.get(txn).or_else(|| state.ended.iter().rev().find(|e| e.record().txn == *txn)).cloned();
        drop(state);
        entry.map(|entry| entry.record().clone())
    }
}
