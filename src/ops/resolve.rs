//! What a person may do with a transaction. Nothing here can leave one half done: a decided one is only ever committed, one
//! without a decision only ever rolled back. What somebody else has broken can be concluded, by name.

use std::collections::BTreeSet;
use std::time::Duration;

use super::model::{BranchState, Decided, Outcome, Resolve, Transaction, TransactionState};
use super::{House, words};
use crate::base::{BackendId, Fault, FaultKind, Place, TxnId, clock};
use crate::commit::ledger;
use crate::journal::{Conclusion, DecideError};

/// How often a transaction is looked at while the settlers try.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A person's name is kept in the journal.
const WHO_BYTES_MAX: usize = 200;

impl House {
    /// Lets the settlers try at once, and waits for them at most `transactions.commit_wait`. With `force`, ends the alarm of what
    /// somebody else has ended, and with `give_up`, the waiting for backends that are named, both by a person's word. Returns the transaction as it is then: it may still be in doubt. Errors: what was asked for would
    /// leave it half done, or there is no such transaction.
    pub async fn resolve(&self, name: &str, asked: &Resolve) -> Result<Transaction, Fault> {
        let unknown = || Fault::new(FaultKind::NoSuchTransaction, format!("there is no transaction \"{name}\" here"));
        let txn = TxnId::parse(name).ok_or_else(unknown)?;
        let transaction = self.transaction(name).ok_or_else(unknown)?;
        if let Some(done) = already(&transaction, asked.outcome)? {
            return Ok(done);
        }
        if asked.force || !asked.give_up.is_empty() {
            return self.conclude(&txn, &transaction, asked).await;
        }
        let broken: Vec<&str> = of_state(&transaction, BranchState::Heuristic);
        if !broken.is_empty() {
            let text = format!("somebody else ended this transaction on {} against its decision", broken.join(", "));
            return Err(Fault::new(FaultKind::WouldHalve, text)
                .detail("nothing that Handfast can do mends that")
                .hint("Mend the rows by hand; then resolve it by force and by name: that is recorded, and ends the alarm."));
        }
        self.try_now(&txn, name).await.ok_or_else(unknown)
    }

    /// Wakes the settlers it waits for, until it has ended or the bound is over.
    async fn try_now(&self, txn: &TxnId, name: &str) -> Option<Transaction> {
        for backend in self.waited_for(txn) {
            self.parts.registry.wake(backend);
        }
        let until = clock::now() + self.parts.config.get().transactions.commit_wait;
        loop {
            let now = self.transaction(name)?;
            if now.state != TransactionState::InDoubt || clock::now() >= until {
                return Some(now);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    fn waited_for(&self, txn: &TxnId) -> BTreeSet<BackendId> {
        let record = self.parts.registry.ledger().get(txn);
        record.into_iter().flat_map(|r| r.branches.into_iter().map(|b| b.backend)).collect()
    }

    /// By a person's word: what somebody else has ended is believed to be as that person says, what is given up is waited for no
    /// more, and the decision becomes a tombstone. (Should a branch come back, recovery still does what was decided.)
    async fn conclude(&self, txn: &TxnId, transaction: &Transaction, asked: &Resolve) -> Result<Transaction, Fault> {
        let who = asked.who.trim();
        if who.is_empty() || who.len() > WHO_BYTES_MAX {
            let text = format!("force and giving up need who says so: 1 to {WHO_BYTES_MAX} bytes");
            return Err(Fault::new(FaultKind::BadRequest, text)
                .hint("Give the name of who decides it (`who`); the journal keeps it."));
        }
        let committed = asked.outcome == Outcome::Commit;
        let ledger = self.parts.registry.ledger();
        let record = ledger.get(txn).ok_or_else(|| {
            Fault::new(FaultKind::NoSuchTransaction, format!("{txn} has just ended")).hint("Look at it again.")
        })?;
        may_conclude(&self.shown(&record), asked)?;
        let is_open = |b: &&ledger::BranchRecord| {
            !matches!(b.state, ledger::BranchState::Committed | ledger::BranchState::RolledBack)
        };
        let (broken, given_up): (Vec<_>, Vec<_>) =
            record.branches.iter().filter(is_open).partition(|b| b.state == ledger::BranchState::Heuristic);
        let places = |of: &[&ledger::BranchRecord]| of.iter().map(|b| b.place).collect::<Vec<Place>>();
        let (broken, given_up) = (places(&broken), places(&given_up));
        if transaction.decision.is_some() {
            let (wall_ms, who, given_up) = (clock::wall_ms(), who.to_owned(), given_up.clone());
            let conclusion = Conclusion { txn: txn.clone(), wall_ms, who, committed, given_up };
            self.parts.journal.conclude(conclusion).await.map_err(not_recorded)?;
        }
        tracing::warn!(%txn, who, committed, ?broken, ?given_up, "A PERSON HAS CONCLUDED A TRANSACTION; Handfast tries no more to finish it");
        let state = if committed { ledger::BranchState::Committed } else { ledger::BranchState::RolledBack };
        for place in broken {
            self.parts.registry.concluded(txn, place, state, &words::concluded(who, asked.outcome));
        }
        for place in given_up {
            self.parts.registry.concluded(txn, place, ledger::BranchState::GivenUp, &words::given_up(who));
        }
        let name = txn.to_string();
        self.transaction(&name).ok_or_else(|| Fault::new(FaultKind::NoSuchTransaction, format!("{name} has ended")))
    }
}

fn not_recorded(error: DecideError) -> Fault {
    let text = match &error {
        DecideError::Refused { .. } => format!("nothing was concluded: {error}"),
        // INV-5
        DecideError::Unknown { why } => {
            format!("nobody knows whether it is concluded, for the journal has failed: {why}")
        }
    };
    Fault::new(FaultKind::Internal, text).hint("Handfast stops when its journal fails. Start it, and look again.")
}

/// Whether a person's word covers all that is open, and nothing else. What is only not reached Handfast finishes by itself: it is
/// never given up by the way.
fn may_conclude(transaction: &Transaction, asked: &Resolve) -> Result<(), Fault> {
    let broken = of_state(transaction, BranchState::Heuristic);
    if !asked.force && !broken.is_empty() {
        let text = format!("somebody else ended this transaction on {}", broken.join(", "));
        return Err(Fault::new(FaultKind::WouldHalve, text)
            .detail("giving up another backend does not end that alarm")
            .hint("Mend the rows by hand; then resolve it by force, too."));
    }
    let waits: Vec<&str> = [BranchState::Open, BranchState::Prepared, BranchState::Unreachable]
        .into_iter()
        .flat_map(|state| of_state(transaction, state))
        .collect();
    if let Some(other) = asked.give_up.iter().find(|name| !waits.contains(&name.as_str())) {
        let text = format!("this transaction does not wait for \"{other}\": there is nothing to give up");
        let hint = if waits.is_empty() { String::from("no backend") } else { waits.join(", ") };
        return Err(Fault::new(FaultKind::BadRequest, text).hint(format!("It waits for {hint}.")));
    }
    let unnamed: Vec<&str> = waits.into_iter().filter(|name| asked.give_up.iter().all(|other| other != name)).collect();
    if unnamed.is_empty() {
        return Ok(());
    }
    let verb = if transaction.decision.is_some() { "commits" } else { "rolls back" };
    let text = format!("this transaction still waits for {}, and force does not give that up", unnamed.join(", "));
    Err(Fault::new(FaultKind::WouldHalve, text)
        .detail(format!("Handfast {verb} it there by itself as soon as it answers"))
        .hint(format!(
            "Wait for it, then ask again. Only what is gone for good is given up, by name: --give-up {} (give_up over HTTP). The statement to \
             run there by hand, should it ever come back, is shown with the transaction.",
            unnamed.join(" --give-up ")
        )))
}

fn of_state(transaction: &Transaction, state: BranchState) -> Vec<&str> {
    transaction.branches.iter().filter(|b| b.state == state).map(|b| b.backend.as_str()).collect()
}

/// The transaction itself if it is what was asked for already. Errors: it can never be.
fn already(transaction: &Transaction, wanted: Outcome) -> Result<Option<Transaction>, Fault> {
    let refuse = |text: String| Fault::new(FaultKind::WouldHalve, text);
    match (transaction.state, transaction.decision, wanted) {
        (TransactionState::Committed, _, Outcome::Commit) | (TransactionState::RolledBack, _, Outcome::Rollback) => {
            Ok(Some(transaction.clone()))
        }
        (TransactionState::Committed, _, Outcome::Rollback) => {
            Err(refuse(String::from("this transaction is committed on every backend"))
                .hint("Undo it by a new transaction of the application, if it must be undone."))
        }
        (TransactionState::RolledBack, _, Outcome::Commit) => {
            Err(refuse(String::from("this transaction is rolled back on every backend"))
                .hint("The application can run it again."))
        }
        (TransactionState::Ending, ..) => {
            Err(refuse(String::from("this transaction is ending right now")).hint("Ask again in a moment."))
        }
        (TransactionState::Unknown, ..) => Err(refuse(String::from("the journal cannot say whether it is decided"))
            .hint("Restart Handfast: it reads the journal again and finishes it, all or nothing.")),
        // Somebody else may have rolled it back; only then can a person say so.
        (TransactionState::InDoubt, Some(Decided::Commit), Outcome::Rollback)
            if of_state(transaction, BranchState::Heuristic).is_empty() =>
        {
            let committed = of_state(transaction, BranchState::Committed);
            let on = if committed.is_empty() {
                String::new()
            } else {
                format!(" and is committed on {}", committed.join(", "))
            };
            let open: Vec<&str> = transaction
                .branches
                .iter()
                .filter(|b| b.state != BranchState::Committed)
                .map(|b| b.backend.as_str())
                .collect();
            let text = format!(
                "this transaction was decided COMMIT{on}; rolling back {} would leave it half done",
                open.join(", ")
            );
            Err(refuse(text)
                .hint("Nothing needs to be done: Handfast commits it when the backend answers. To resolve it as COMMIT tries now."))
        }
        (TransactionState::InDoubt, None, Outcome::Commit) => Err(refuse(String::from(
            "this transaction was never decided; committing what is left of it would make half of it",
        ))
        .hint("Its client was not told that it committed. To resolve it as ROLLBACK tries now.")),
        (TransactionState::InDoubt, Some(Decided::Commit), Outcome::Commit | Outcome::Rollback)
        | (TransactionState::InDoubt, None, Outcome::Rollback) => Ok(None),
    }
}
