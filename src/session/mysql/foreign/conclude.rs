//! What the steps came to, for the client and for the books.

use bytes::Bytes;

use super::super::{Ran, Session, Stop};
use super::conn::{Frame, Prefix};
use super::program::Outcome;
use super::{After, Asked, Ended};
use crate::base::{Fault, FaultKind};
use crate::commit::Wrote;
use crate::sql::Access;
use crate::sql::translate::{ToPg, Verb};
use crate::wire::mysql::answer::{self, Done};
use crate::wire::mysql::read::put_lenenc_bytes;
use crate::wire::mysql::{caps, status};
use crate::wire::pg::error::field;

impl Session {
    /// Keeps the books and answers the client.
    pub(super) async fn conclude(
        &mut self,
        asked: &Asked<'_>,
        made: &ToPg,
        prefix: Prefix,
        outcome: Outcome,
    ) -> Result<Ended, Stop> {
        if let Some(error) = &outcome.prefix_error {
            self.not_joined(asked.backend).await;
            return Ok(Ended::Told(self.server_refusal(asked.backend, error)));
        }
        if let Some(held) = self.held(asked.backend) {
            held.set_up = true;
            held.lock_wait_s = Some(prefix.lock_wait_s);
        }
        if prefix.frame == Frame::Joins {
            self.book_foreign(asked.backend);
        }
        if !outcome.is_fine() {
            return self.conclude_failure(asked, outcome).await;
        }
        if let Some(enlisted) = self.txn.participant(asked.backend) {
            enlisted.wrote = enlisted.wrote.max(wrote(made, &outcome));
        }
        Ok(Ended::Told(self.conclude_success(asked, made, &outcome)))
    }

    async fn conclude_failure(&mut self, asked: &Asked<'_>, outcome: Outcome) -> Result<Ended, Stop> {
        let Some(error) = outcome.error else {
            let fault = outcome.fault.unwrap_or_else(|| Fault::new(FaultKind::Internal, "a failure without a reason"));
            return Ok(Ended::Told(self.foreign_fault(&fault)));
        };
        match sqlstate(&error).as_str() {
            // Deadlock, serialization failure: the victim's whole transaction is gone, as on this client's server.
            "40P01" | "40001" => {
                if self.txn.participant(asked.backend).is_some() {
                    self.rollback_all().await;
                }
                Ok(Ended::Told(self.deadlock(asked, &error)))
            }
            // Unknown table, column, function; types that do not fit: perhaps we know an older table.
            "42P01" | "42703" | "42883" | "42804" if outcome.failed_at == 0 => Ok(Ended::Stale(error)),
            _other => Ok(Ended::Told(self.server_refusal(asked.backend, &error))),
        }
    }

    /// Applications of this dialect try again when they read this number.
    fn deadlock(&mut self, asked: &Asked<'_>, error: &Bytes) -> Ran {
        let name = &self.services.config.backend(asked.backend).name;
        let words = field(error, b'M').ok().flatten().unwrap_or_default();
        tracing::debug!(backend = name, error = %String::from_utf8_lossy(words), "a victim; rolled back everywhere");
        let text = "Deadlock found when trying to get lock; try restarting transaction";
        self.after = Some(After::failed(1213, text.to_owned()));
        self.refuse(&answer::err(1213, "40001", text))
    }

    fn conclude_success(&mut self, asked: &Asked<'_>, made: &ToPg, outcome: &Outcome) -> Ran {
        let more = if asked.more { status::MORE_RESULTS } else { 0 };
        let flags = self.status() | more;
        if let Some(key) = outcome.key {
            self.untold_key = Some(key);
        }
        if let Some(rows) = outcome.rows {
            self.after = Some(After::rows(rows));
            self.client.put(&answer::eof(flags, 0));
            return Ran::Fine;
        }
        self.after = Some(After::count(outcome.affected));
        let facts = Done {
            affected: outcome.affected,
            insert_id: outcome.key.or(outcome.last_key).unwrap_or(0),
            status: flags,
            warnings: 0,
        };
        let mut ok = answer::ok(facts);
        if let Some(info) = info(made, outcome) {
            put_lenenc_bytes(&mut ok, info.as_bytes());
        }
        self.client.put(&ok);
        Ran::Fine
    }

    /// Whether the client counts the rows found rather than those changed.
    pub(super) fn counts_found(&self) -> bool {
        self.login.capabilities & caps::FOUND_ROWS != 0
    }
}

fn sqlstate(error: &[u8]) -> String {
    let code = field(error, b'C').ok().flatten().unwrap_or_default();
    String::from_utf8_lossy(code).into_owned()
}

/// The text in an OK packet, as servers write it. None for an UPDATE: PostgreSQL tells the rows matched or the rows
/// changed, as the client counts, and never both.
fn info(made: &ToPg, outcome: &Outcome) -> Option<String> {
    match made.verb {
        Verb::Insert if outcome.records > 1 => {
            let records = outcome.records;
            let duplicates = outcome.affected.saturating_sub(records);
            Some(format!("Records: {records}  Duplicates: {duplicates}  Warnings: 0"))
        }
        Verb::Insert | Verb::Select | Verb::Update | Verb::Delete | Verb::Truncate | Verb::Ddl(_) => None,
    }
}

/// What a statement did. Nobody affected is no proof: triggers may have run; the server can be asked.
fn wrote(made: &ToPg, outcome: &Outcome) -> Wrote {
    match made.access {
        Access::Read => Wrote::No,
        Access::MaybeWrite => Wrote::Maybe,
        Access::Write if outcome.affected == 0 => Wrote::Maybe,
        Access::Write => Wrote::Yes,
    }
}
