//! What a client may ask about its own distributed transactions: `SHOW handfast.transaction 'name'` and
//! `SHOW handfast.last_transaction`. After a lost connection or an unknown outcome it can look here instead of guessing.

use crate::base::TxnId;
use crate::ops::House;
use crate::ops::model::{Decided, TransactionState};

/// The columns of an answer; all are text.
pub const COLUMNS: [&str; 4] = ["transaction", "outcome", "decision", "detail"];

/// A row of an answer; `None`: NULL.
pub type Row = [Option<String>; 4];

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// What became of this one.
    Named(String),
    /// The session's last.
    Last,
}

/// The session's last distributed transaction, as its own COMMIT or ROLLBACK has told it.
#[derive(Clone, Debug)]
pub struct Last {
    /// Its name.
    pub txn: TxnId,
    /// How it ended, as far as the session has heard.
    pub heard: Heard,
}

/// How a transaction ended, as its session has heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Committed.
    Committed,
    /// Rolled back.
    RolledBack,
    /// Nobody could say.
    Unknown,
}

/// Reads one statement's own text. `None`: it asks nothing of this kind, and is a backend's; so is whatever merely looks
/// similar.
pub fn asked(text: &[u8]) -> Option<Question> {
    // Two bytes tell it from nearly everything.
    if !matches!(text, [b's' | b'S', b'h' | b'H', ..]) {
        return None;
    }
    let text = std::str::from_utf8(text).ok()?.trim_end_matches(|c: char| c == ';' || c.is_ascii_whitespace());
    let rest = after_word(text, "show")?;
    if rest.eq_ignore_ascii_case("handfast.last_transaction") {
        return Some(Question::Last);
    }
    let name = after_word(rest, "handfast.transaction")?;
    let name = name.strip_prefix('\'')?.strip_suffix('\'')?;
    (!name.contains(['\'', '\\'])).then(|| Question::Named(name.to_owned()))
}

/// What follows a word and white space.
fn after_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(word.len())?;
    let apart = rest.starts_with(|c: char| c.is_ascii_whitespace() || c == '\'');
    (head.eq_ignore_ascii_case(word) && apart).then(|| rest.trim_start())
}

/// The answer. Nothing: the session has had no distributed transaction.
pub fn answer(question: &Question, last: Option<&Last>, house: &House) -> Option<Row> {
    let (name, heard) = match (question, last) {
        (Question::Named(name), _) => (name.clone(), None),
        (Question::Last, Some(last)) => (last.txn.to_string(), Some(last.heard)),
        (Question::Last, None) => return None,
    };
    let known = house.transaction(&name);
    let (outcome, decision, detail) = match (&known, heard) {
        (Some(known), _) => {
            let decision = known.decision.map(|decided| match decided {
                Decided::Commit => "commit",
            });
            let outcome = match known.state {
                TransactionState::InDoubt => "in doubt",
                TransactionState::Unknown => "unknown",
                TransactionState::Ending => "ending",
                TransactionState::Committed => "committed",
                TransactionState::RolledBack => "rolled back",
            };
            (outcome, decision, Some(known.next.clone()).filter(|next| !next.is_empty()))
        }
        // One that needed no second phase is in no list; its session has heard the end.
        (None, Some(Heard::Committed)) => ("committed", None, None),
        (None, Some(Heard::RolledBack)) => ("rolled back", None, None),
        (None, Some(Heard::Unknown) | None) => {
            let is_name = TxnId::parse(&name).is_some();
            let why = if is_name {
                "Not among the transactions that this Handfast still knows: it has ended long ago, was on one database only, or \
                 is another node's. Look whether its changes are there."
            } else {
                "No transaction of Handfast has such a name."
            };
            ("unknown name", None, Some(why.to_owned()))
        }
    };
    Some([Some(name), Some(outcome.to_owned()), decision.map(str::to_owned), detail])
}

/// What a NOTICE or warning after a distributed COMMIT says.
pub fn notice(txn: &TxnId) -> String {
    format!("transaction {txn} is committed on all its databases")
}

/// The hint of an error that leaves the outcome open.
pub fn how_to_ask(txn: &TxnId) -> String {
    format!(
        "Do not retry blindly: SHOW handfast.transaction '{txn}' tells its outcome, also in another session and after a restart."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_two_questions_are_ours() {
        let named = |name: &str| Some(Question::Named(name.to_owned()));
        for (text, question) in [
            ("SHOW handfast.transaction 'hf1.a.b.1.2'", named("hf1.a.b.1.2")),
            ("show  HANDFAST.Transaction\n'x' ;", named("x")),
            ("SHOW handfast.transaction''", named("")),
            ("SHOW handfast.last_transaction;", Some(Question::Last)),
            ("SHOW handfast.last_transaction_id", None),
            ("SHOW handfast.last_transaction 'x'", None),
            ("SHOW handfast.transactions", None),
            ("SHOW handfast.transaction", None),
            ("SHOW handfast.transaction x", None),
            ("SHOW handfast.transaction 'x' 'y'", None),
            ("SHOW handfast.transaction 'x", None),
            ("SHOW handfast.transactio", None),
            ("SHOWhandfast.last_transaction", None),
            ("SHOW TABLES", None),
            ("SH", None),
            ("SHOW ä", None),
            ("SELECT 1", None),
            ("", None),
        ] {
            assert_eq!(asked(text.as_bytes()), question, "{text}");
        }
        assert_eq!(asked(b"SHOW \xff"), None);
    }
}
