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
    /// Lets the settlers try at once, and waits for them at most `transactions.commit_wait`; with `force`, ends their trying by a
    /// person's word. Returns the transaction as it is then: it may still be in doubt. Errors: what was asked for would
    /// leave it half done, or there is no such transaction.
    pub async fn resolve(&self, name: &str, asked: &Resolve) -> Result<Transaction, Fault> {
        let unknown = || Fault::new(FaultKind::NoSuchTransaction, format!("there is no transaction \"{name}\" here"));
        let txn = TxnId::parse(name).ok_or_else(unknown)?;
        let transaction = self.transaction(name).ok_or_else(unknown)?;
        if let Some(done) = already(&transaction, asked.outcome)? {
            return Ok(done);
        }
        if asked.force {
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

    /// By a person's word: what is not finished is believed to be, and its decision becomes a tombstone. (Should the branch come
    /// back, recovery still does what was decided.)
    async fn conclude(&self, txn: &TxnId, transaction: &Transaction, asked: &Resolve) -> Result<Transaction, Fault> {
        let who = asked.who.trim();
        if who.is_empty() || who.len() > WHO_BYTES_MAX {
            let text = format!("force needs who says so: 1 to {WHO_BYTES_MAX} bytes");
            return Err(Fault::new(FaultKind::BadRequest, text)
                .hint("Give the name of who decides it (`who`); the journal keeps it."));
        }
        let committed = asked.outcome == Outcome::Commit;
        let ledger = self.parts.registry.ledger();
        let record = ledger.get(txn).ok_or_else(|| {
            Fault::new(FaultKind::NoSuchTransaction, format!("{txn} has just ended")).hint("Look at it again.")
        })?;
        if transaction.decision.is_some() {
            let conclusion = Conclusion { txn: txn.clone(), wall_ms: clock::wall_ms(), who: who.to_owned(), committed };
            self.parts.journal.conclude(conclusion).await.map_err(not_recorded)?;
        }
        let waits = record
            .branches
            .iter()
            .filter(|b| !matches!(b.state, ledger::BranchState::Committed | ledger::BranchState::RolledBack));
        let waiting: Vec<Place> = waits.map(|b| b.place).collect();
        tracing::warn!(%txn, who, committed, ?waiting, "A PERSON HAS CONCLUDED A TRANSACTION; Handfast tries no more to finish it");
        let state = if committed { ledger::BranchState::Committed } else { ledger::BranchState::RolledBack };
        for place in waiting {
            self.parts.registry.concluded(txn, place, state, &words::concluded(who, asked.outcome));
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
