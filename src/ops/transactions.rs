//! Transactions, as the ledger and the journal know them.

use std::collections::HashSet;

use super::House;
use super::model::{
    Branch, BranchState, Client, Decided, Event, EventKind, Outcome, Transaction, TransactionState, Transactions,
};
use super::words;
use crate::backend::verbs;
use crate::base::{BackendId, BranchName, Dialect, TxnId, clock};
use crate::commit::ledger::{self, BranchRecord, Moment, Record, Standing, What};
use crate::journal::{Conclusion, Known};

/// Which transactions are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Filter {
    /// Only those in doubt.
    InDoubt,
    /// Only those that are ending now.
    Ending,
    /// Only those that have ended.
    Finished,
    /// All.
    #[default]
    All,
}

impl Filter {
    /// By its name in URLs: `in_doubt`, `ending`, `finished`, `all`.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "in_doubt" => Self::InDoubt,
            "ending" => Self::Ending,
            "finished" => Self::Finished,
            "all" => Self::All,
            _ => return None,
        })
    }

    fn wants(self, state: TransactionState) -> bool {
        use TransactionState as T;
        match self {
            Self::All => true,
            Self::InDoubt => matches!(state, T::InDoubt | T::Unknown),
            Self::Ending => state == T::Ending,
            Self::Finished => matches!(state, T::Committed | T::RolledBack),
        }
    }
}

impl House {
    /// At most `limit` transactions: in doubt first, then ending, then ended; newest first.
    pub fn transactions(&self, filter: Filter, limit: usize) -> Transactions {
        let ledger = self.parts.registry.ledger();
        let mut transactions: Vec<Transaction> = ledger.open().iter().map(|record| self.shown(record)).collect();
        transactions.retain(|t| filter.wants(t.state));
        transactions.sort_by(|a, b| (a.state, b.begun_wall_ms, &b.name).cmp(&(b.state, a.begun_wall_ms, &a.name)));
        if matches!(filter, Filter::Finished | Filter::All) {
            let room = limit.saturating_sub(transactions.len());
            transactions.extend(ledger.ended(room).iter().map(|record| self.shown(record)));
            self.add_kept(&mut transactions, limit);
        }
        transactions.truncate(limit);
        Transactions { transactions }
    }

    /// All that are in doubt, newest first.
    pub fn in_doubt(&self) -> Vec<Transaction> {
        self.transactions(Filter::InDoubt, usize::MAX).transactions
    }

    /// Names of transactions that have come into doubt, or out of it, from now on.
    pub fn news(&self) -> tokio::sync::broadcast::Receiver<TxnId> {
        self.parts.registry.ledger().news()
    }

    /// One by its name.
    pub fn transaction(&self, name: &str) -> Option<Transaction> {
        let txn = TxnId::parse(name)?;
        if let Some(record) = self.parts.registry.ledger().get(&txn) {
            return Some(self.shown(&record));
        }
        let known = self.parts.journal.lookup(&txn).filter(|known| known.settled)?;
        Some(self.kept_decision(&known))
    }

    /// Those that recovery had to finish, as long as the journal keeps them and the ledger does not know them.
    fn add_kept(&self, transactions: &mut Vec<Transaction>, limit: usize) {
        if transactions.len() >= limit {
            return;
        }
        let shown: HashSet<String> = transactions.iter().map(|t| t.name.clone()).collect();
        for txn in self.parts.journal.kept() {
            if transactions.len() >= limit {
                return;
            }
            if !shown.contains(&txn.to_string()) {
                transactions.extend(self.parts.journal.lookup(&txn).map(|known| self.kept_decision(&known)));
            }
        }
    }

    fn kept_decision(&self, known: &Known) -> Transaction {
        let decision = &known.decision;
        let lost = known.concluded.as_ref().is_some_and(|word| !word.committed);
        let branch = |b: &crate::journal::DecidedBranch| {
            let name = BranchName { txn: decision.txn.clone(), place: b.place, session: b.session };
            let contrary = known.alarmed.iter().find(|alarm| alarm.place == b.place).filter(|_| lost);
            let given_up = known.concluded.as_ref().is_some_and(|word| word.given_up.contains(&b.place));
            Branch {
                backend: b.backend.clone(),
                place: b.place.0,
                name: listed_name(b.engine.dialect(), &name),
                state: match (given_up, contrary.is_some()) {
                    (true, _) => BranchState::Unreachable,
                    (false, true) => BranchState::RolledBack,
                    (false, false) => BranchState::Committed,
                },
                problem: contrary.map(|alarm| alarm.problem.clone()),
                attempts: 0,
                by_hand: given_up.then(|| by_hand_sql(b.engine.dialect(), &name, true)),
                session: Some(b.session),
            }
        };
        let decided = Event {
            at_ms: 0.0,
            what: EventKind::Decided,
            backend: None,
            detail: Some(String::from("from the journal")),
        };
        let mut transaction = Transaction {
            name: decision.txn.to_string(),
            state: TransactionState::Committed,
            decision: Some(Decided::Commit),
            decided_wall_ms: Some(decision.decided_wall_ms),
            begun_wall_ms: decision.decided_wall_ms,
            age_ms: clock::wall_ms().saturating_sub(decision.decided_wall_ms),
            client: None,
            traceparent: None,
            why: None,
            next: String::new(),
            branches: decision.branches.iter().map(branch).collect(),
            timeline: std::iter::once(decided).chain(known.concluded.as_ref().map(concluded)).collect(),
        };
        transaction.why = words::why(&transaction, None);
        transaction.next = words::next(&transaction, self.parts.config.get().transactions.resolve_interval);
        transaction
    }

    /// A record of the ledger, with what the journal knows more.
    pub(super) fn shown(&self, record: &Record) -> Transaction {
        let decision = record.decided_wall_ms.map(|_| Decided::Commit);
        let mut transaction = Transaction {
            name: record.txn.to_string(),
            state: state(record.standing()),
            decision,
            decided_wall_ms: record.decided_wall_ms,
            begun_wall_ms: record.begun_wall_ms,
            age_ms: clock::wall_ms().saturating_sub(record.begun_wall_ms),
            client: record
                .client
                .as_ref()
                .map(|(protocol, user)| Client { protocol: protocol_name(*protocol).to_owned(), user: user.clone() }),
            traceparent: record.trace.shown().map(|context| context.to_string()),
            why: None,
            next: String::new(),
            branches: record.branches.iter().map(|b| self.branch(record, b)).collect(),
            timeline: record.timeline.iter().map(|m| self.event(m)).collect(),
        };
        transaction.why = words::why(&transaction, record.cause.as_deref());
        transaction.next = words::next(&transaction, self.parts.config.get().transactions.resolve_interval);
        transaction
    }

    fn branch(&self, record: &Record, b: &BranchRecord) -> Branch {
        let session = b.session.or_else(|| {
            let known = self.parts.journal.lookup(&record.txn)?;
            known.decision.branches.iter().find(|d| d.place == b.place).map(|d| d.session)
        });
        let config = self.parts.config.get();
        let backend = config.backend(b.backend);
        let name = session.map(|session| BranchName { txn: record.txn.clone(), place: b.place, session });
        let waits = !record.running
            && matches!(
                b.state,
                ledger::BranchState::Unreachable
                    | ledger::BranchState::Prepared
                    | ledger::BranchState::Asked
                    | ledger::BranchState::GivenUp
            );
        let by_hand = name.as_ref().filter(|_| waits);
        Branch {
            backend: backend.name.clone(),
            place: b.place.0,
            name: name.as_ref().map_or_else(String::new, |name| listed_name(backend.dialect, name)),
            state: match b.state {
                ledger::BranchState::Open | ledger::BranchState::Asked => BranchState::Open,
                ledger::BranchState::Prepared => BranchState::Prepared,
                ledger::BranchState::Committed => BranchState::Committed,
                ledger::BranchState::RolledBack => BranchState::RolledBack,
                ledger::BranchState::Unreachable | ledger::BranchState::GivenUp => BranchState::Unreachable,
                ledger::BranchState::Heuristic => BranchState::Heuristic,
            },
            problem: b.problem.clone(),
            attempts: b.attempts,
            by_hand: by_hand.map(|name| by_hand_sql(backend.dialect, name, record.decided_wall_ms.is_some())),
            session,
        }
    }

    fn event(&self, moment: &Moment) -> Event {
        Event {
            at_ms: (moment.at.as_secs_f64() * 1_000_000.0).round() / 1000.0,
            what: match moment.what {
                What::PrepareSent => EventKind::PrepareSent,
                What::Prepared => EventKind::Prepared,
                What::Refused => EventKind::Refused,
                What::Decided => EventKind::Decided,
                What::Committed => EventKind::Committed,
                What::RolledBack => EventKind::RolledBack,
                What::Failed => EventKind::Failed,
                What::Settled => EventKind::Settled,
            },
            backend: moment.backend.map(|id: BackendId| self.backend_name(id)),
            detail: moment.detail.clone(),
        }
    }
}

/// A person's word, as the journal has kept it.
fn concluded(word: &Conclusion) -> Event {
    let outcome = if word.committed { Outcome::Commit } else { Outcome::Rollback };
    Event { at_ms: 0.0, what: EventKind::Settled, backend: None, detail: Some(words::concluded(&word.who, outcome)) }
}

fn state(standing: Standing) -> TransactionState {
    match standing {
        Standing::Ending => TransactionState::Ending,
        Standing::InDoubt => TransactionState::InDoubt,
        Standing::Committed => TransactionState::Committed,
        Standing::RolledBack => TransactionState::RolledBack,
        Standing::Unknown => TransactionState::Unknown,
    }
}

pub(super) fn protocol_name(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Postgres => "postgres",
        Dialect::Mysql => "mysql",
    }
}

/// A protocol by the name that [`protocol_name`] gives it.
pub fn protocol_named(name: &str) -> Option<Dialect> {
    [Dialect::Postgres, Dialect::Mysql].into_iter().find(|dialect| protocol_name(*dialect) == name)
}

/// A branch's name as its server lists it.
fn listed_name(dialect: Dialect, name: &BranchName) -> String {
    match dialect {
        Dialect::Postgres => name.to_string(),
        Dialect::Mysql => verbs::xid(name),
    }
}

/// What a person would type to do what Handfast will do.
fn by_hand_sql(dialect: Dialect, name: &BranchName, commit: bool) -> String {
    match (dialect, commit) {
        (Dialect::Postgres, true) => verbs::pg_commit_prepared(name),
        (Dialect::Postgres, false) => verbs::pg_rollback_prepared(name),
        (Dialect::Mysql, true) => verbs::xa_commit(name),
        (Dialect::Mysql, false) => verbs::xa_rollback(name),
    }
}
