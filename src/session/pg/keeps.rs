//! What makes a connection stay with its session although no transaction is open. What the server can be asked for is
//! asked when another session would like to have the connection (see `backend::pool`); this here is what it cannot be
//! asked for, and what must not be lost silently.

use super::Session;
use crate::base::BackendId;
use crate::sql::{Access, Kind, SetScope, Statement, Unpreparable};

/// What a session has on one connection and nowhere else, as far as its statements say.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Keeps {
    /// It LISTENs: it must be heard also while the client says nothing.
    listens: bool,
    /// Something that the server does not tell: the seed of random(), the last values of sequences, dblink's connections,
    /// settings of which nobody but the server knows what was set to what.
    untold: bool,
    /// Something that the server tells: temporary objects, advisory locks, cursors WITH HOLD. Perhaps it is gone already.
    told: bool,
    /// The open transaction has written there.
    wrote: bool,
}

impl Keeps {
    /// Whether the connection is never anybody else's.
    pub(super) fn stays(self) -> bool {
        self.listens || self.untold
    }

    /// Whether the server is to tell it of notifications.
    pub(super) fn listens(self) -> bool {
        self.listens
    }

    /// Whether the session cannot go on as if nothing had happened when the connection is lost.
    pub(super) fn is_precious(self) -> bool {
        self.stays() || self.told
    }

    /// The transaction has ended.
    pub(super) fn at_rest(&mut self) {
        self.wrote = false;
    }

    fn note(&mut self, statement: &Statement, text: &[u8], plain: bool, in_txn: bool) {
        if statement.kind == Kind::Discard(true) {
            *self = Self::default();
            return;
        }
        if statement.kind == Kind::Notify {
            let word = text.trim_ascii_start();
            let is = |name: &[u8]| word.get(..name.len()).is_some_and(|w| w.eq_ignore_ascii_case(name));
            self.listens = is(b"listen") || (self.listens && !(is(b"unlisten") && word.contains(&b'*')));
        }
        if let Kind::Set { scope: SetScope::Session, names, .. } = &statement.kind {
            self.untold |= names.is_empty() || !plain || names.iter().any(|name| name == "seed");
        } else if statement.leaves_state {
            let untold = ["set_config", "setseed", "dblink_connect"].iter().any(|word| contains(text, word.as_bytes()));
            self.untold |= untold;
            self.told |= !untold;
        }
        let unpreparable = statement.unpreparable;
        self.told |= matches!(unpreparable, Some(Unpreparable::TemporaryObject | Unpreparable::HoldCursor));
        // What it asks for was most likely given in the same transaction, if that has written before.
        self.untold |= statement.asks_sequence && !self.wrote;
        self.wrote |= in_txn && statement.access != Access::Read;
    }
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}

impl Session {
    /// Notes what a statement that has succeeded leaves on its backend's connection. `plain`: its text says all.
    pub(super) fn note_keeps(&mut self, backend: BackendId, statement: &Statement, text: &[u8], plain: bool) {
        let in_txn = self.txn.is_open();
        let begin = text.trim_ascii_start().get(..6);
        if statement.kind == Kind::Write && begin.is_some_and(|word| word.eq_ignore_ascii_case(b"insert")) {
            self.inserted = Some(backend);
        }
        let executed = self.executed_by(statement);
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.backend == backend) else { return };
        match executed.as_deref().and_then(|prepared| Some((prepared.statement()?, &prepared.text))) {
            Some((inner, text)) => slot.keeps.note(inner, text, plain, in_txn),
            None => slot.keeps.note(statement, text, plain, in_txn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dialect;
    use crate::sql::{Reading, analyze};

    fn after(in_txn: bool, texts: &[&str]) -> Keeps {
        let mut keeps = Keeps::default();
        for text in texts {
            for statement in analyze(Reading::new(Dialect::Postgres), text.as_bytes()).statements {
                keeps.note(&statement, text.as_bytes(), true, in_txn);
            }
        }
        keeps
    }

    #[test]
    fn what_the_server_cannot_be_asked_for_stays() {
        for text in [
            "LISTEN a",
            "SELECT setseed(0.5)",
            "SET seed TO 0.5",
            "SELECT currval('a_id_seq')",
            "SELECT lastval()",
            "SELECT dblink_connect('a', 'dbname=b')",
            "SELECT set_config(name, value, false) FROM my_settings",
        ] {
            assert!(after(false, &[text]).stays(), "{text}");
            assert!(!after(false, &[text, "DISCARD ALL"]).is_precious(), "{text}");
        }
        assert!(!after(false, &["LISTEN a", "UNLISTEN *"]).stays());
        assert!(after(false, &["LISTEN a", "UNLISTEN b"]).stays());
    }

    #[test]
    fn what_the_server_can_be_asked_for_is_only_precious() {
        for text in [
            "SELECT pg_advisory_lock(1)",
            "CREATE TEMP TABLE t (a int)",
            "SELECT 1 AS a INTO TEMP t",
            "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
        ] {
            let keeps = after(false, &[text]);
            assert!(keeps.is_precious() && !keeps.stays(), "{text}");
        }
    }

    #[test]
    fn what_can_be_replayed_is_nothing_to_keep() {
        for text in [
            "SELECT 1",
            "INSERT INTO a VALUES (1)",
            "SET a.b = 1",
            "SET LOCAL a.b = 1",
            "SELECT set_config('a.b', '1', false)",
            "SELECT set_config('a.b', $1, true)",
            "SELECT pg_advisory_xact_lock(1)",
            "NOTIFY a",
            "SELECT nextval('a')",
        ] {
            assert!(!after(false, &[text]).is_precious(), "{text}");
        }
    }

    #[test]
    fn a_sequence_asked_for_in_the_transaction_that_wrote_is_nothing_to_keep() {
        let texts = ["INSERT INTO a DEFAULT VALUES", "INSERT INTO b VALUES (currval('a_id_seq'))", "SELECT lastval()"];
        assert!(!after(true, &texts).stays());
        assert!(after(false, &texts).stays());
    }
}
