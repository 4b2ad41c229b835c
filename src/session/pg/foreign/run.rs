//! Runs the steps of a translation on its backend, and keeps the transaction's books.

use std::sync::Arc;

use super::{Target, View};
use crate::backend::mysql::{Open, is_rolled_back};
use crate::backend::{Conn, ServerError};
use crate::base::limits::{FOREIGN_KEYS_BYTES_MAX, FOREIGN_LATER_BYTES_MAX};
use crate::base::{BackendId, Fault, FaultKind};
use crate::commit::Wrote;
use crate::relay::pg::RelayError;
use crate::relay::pg::foreign::{Keys, Later, Rows, Said, Wanted, described, foreign_answer};
use crate::session::pg::oops::Oops;
use crate::session::pg::running::Cancel;
use crate::session::pg::{Exit, Session};
use crate::session::transaction::Mode;
use crate::sql::Access;
use crate::sql::translate::{Counting, Gives, Part, Sql, Step, ToMysql, Verb, literal};
use crate::wire::mysql::com;
use crate::wire::pg::server::put_row_description;
use crate::wire::value::pg::Format;
use crate::wire::value::{PgType, Value};

/// ER_LOCK_DEADLOCK, and ER_CHECKREAD of `innodb_snapshot_isolation`: the server has rolled the whole branch back.
const WHOLE_BRANCH: [u16; 2] = [1213, 1020];
/// ER_BAD_FIELD_ERROR, ER_NO_SUCH_TABLE: what we know of the tables may be old.
const OUTDATED: [u16; 2] = [1054, 1146];
/// ER_CANT_EXECUTE_IN_READ_ONLY_TRANSACTION
const READ_ONLY: u16 = 1792;

/// A statement to run.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) target: &'a Target,
    pub(super) text: &'a [u8],
    pub(super) declared: &'a [Option<PgType>],
    pub(super) values: &'a [Value],
    pub(super) view: &'a View,
    pub(super) formats: &'a [Format],
    /// A RowDescription belongs to the answer.
    pub(super) describe: bool,
    /// Rows for now; the others are kept.
    pub(super) rows_max: u64,
}

/// What it came to.
#[derive(Debug, Default)]
pub(super) struct Completed {
    /// The command tag.
    pub(super) tag: String,
    /// The rows that the client has not asked for yet.
    pub(super) later: Later,
    /// Rows that were sent.
    pub(super) sent: u64,
}

/// Why it did not come to an end.
struct Failed {
    oops: Oops,
    /// The server does not know a column or table, and nothing has happened yet.
    outdated: bool,
}

impl<T: Into<Oops>> From<T> for Failed {
    fn from(oops: T) -> Self {
        Self { oops: oops.into(), outdated: false }
    }
}

/// How far the steps have come.
#[derive(Default)]
struct Progress {
    keys: Option<Keys>,
    count: Option<u64>,
    described: bool,
    sent: u64,
    later: Later,
}

impl Session {
    /// Runs it. The transaction must be as it shall be: an open one is joined.
    pub(super) async fn run_foreign(&mut self, call: &Call<'_>, translation: &Arc<ToMysql>) -> Result<Completed, Oops> {
        let failed = match self.run_steps(call, translation).await {
            Ok(completed) => return Ok(completed),
            Err(failed) => failed,
        };
        if !failed.outdated {
            return Err(failed.oops);
        }
        self.services.schemas.forget(call.target.backend);
        let again = self.translated(call.target, call.text, call.declared, call.view).await?;
        if again.columns != translation.columns || again.parameters != translation.parameters {
            return Err(Fault::new(FaultKind::NotSupported, "cached plan must not change result type").into());
        }
        self.run_steps(call, &again).await.map_err(|failed| failed.oops)
    }

    async fn run_steps(&mut self, call: &Call<'_>, translation: &ToMysql) -> Result<Completed, Failed> {
        let backend = call.target.backend;
        let participant = self.attach_foreign(backend).await?;
        if let Verb::Ddl(tag) = translation.verb {
            return self.run_ddl(call, translation, participant, tag).await;
        }
        let mut progress = Progress::default();
        progress.later.bytes_max = FOREIGN_LATER_BYTES_MAX;
        for (at, step) in translation.steps.iter().enumerate() {
            self.run_step(call, translation, participant, step, at == 0, &mut progress).await?;
        }
        let Progress { keys, count, described: told, sent, later } = progress;
        if call.describe && !told && !translation.columns.is_empty() {
            put_row_description(&mut self.client.out, &described(&translation.columns, call.formats));
        }
        let count = count.or(keys.map(|keys| keys.count)).unwrap_or(0);
        let tag = match translation.verb {
            Verb::Select => format!("SELECT {sent}"),
            Verb::Insert => format!("INSERT 0 {count}"),
            Verb::Update => format!("UPDATE {count}"),
            Verb::Delete => format!("DELETE {count}"),
            Verb::Truncate => String::from("TRUNCATE TABLE"),
            Verb::Ddl(tag) => tag.to_owned(),
        };
        Ok(Completed { tag, later, sent })
    }

    async fn run_step(
        &mut self,
        call: &Call<'_>,
        translation: &ToMysql,
        participant: BackendId,
        step: &Step,
        first: bool,
        progress: &mut Progress,
    ) -> Result<(), Failed> {
        let found = progress.keys.as_ref().filter(|keys| keys.count > 0).map(|keys| keys.text.as_str());
        if step.sql.has(&Part::Keys) && found.is_none() {
            return Ok(());
        }
        let text = render(&step.sql, call.values, &translation.parameters, found)?;
        let mut keys = Keys { bytes_max: FOREIGN_KEYS_BYTES_MAX, ..Keys::default() };
        let mut later = std::mem::take(&mut progress.later);
        let wanted = match step.gives {
            Gives::Nothing | Gives::Count(_) | Gives::Generated | Gives::RowsAndKey => Wanted::Nothing,
            Gives::Keys => Wanted::Keys(&mut keys),
            Gives::Rows | Gives::RowsAndCount => Wanted::Rows(Rows {
                columns: &translation.columns,
                formats: call.formats,
                style: &call.view.style,
                describe: call.describe && !progress.described,
                rows_max: call.rows_max,
                later: &mut later,
            }),
        };
        let said = self.ask_foreign(call, participant, &text, wanted).await;
        progress.later = later;
        let said = said?;
        progress.described |= said.described;
        progress.sent += said.sent;
        self.mark_foreign(participant, translation, &text, &said);
        if let Some(error) = &said.error {
            let outdated = first && OUTDATED.contains(&error.errno);
            return Err(Failed { oops: self.refused_foreign(participant, error).await, outdated });
        }
        if let Some(fault) = said.fault {
            return Err(fault.into());
        }
        match step.gives {
            Gives::Nothing | Gives::Rows => {}
            Gives::Count(how) => {
                let counted = match how {
                    Counting::Affected => said.done.affected,
                    Counting::Matched => said.matched.unwrap_or(said.done.affected),
                    Counting::Always(number) => number,
                    Counting::Records => said.records.unwrap_or(said.done.affected),
                };
                progress.count = Some(progress.count.unwrap_or(0) + counted);
            }
            Gives::RowsAndCount | Gives::Generated | Gives::RowsAndKey => {
                progress.count = Some(progress.count.unwrap_or(0) + said.rows)
            }
            Gives::Keys => progress.keys = Some(keys),
        }
        Ok(())
    }

    /// Sends a text and reads its answer; the participant joins an open transaction in the same packet.
    async fn ask_foreign(
        &mut self,
        call: &Call<'_>,
        participant: BackendId,
        text: &str,
        wanted: Wanted<'_>,
    ) -> Result<Said, Oops> {
        let joins = self.txn.is_open() && self.txn.participant(participant).is_none();
        let (before, verbs) = if joins {
            self.foreign_opening(participant, call.view.defaults)?
        } else if !self.txn.is_open() && call.view.defaults.read_only == Some(true) {
            (String::from("SET TRANSACTION READ ONLY;"), 1)
        } else {
            (String::new(), 0)
        };
        let said = self.exchange_foreign(participant, &[before.as_bytes(), text.as_bytes()], verbs, wanted).await?;
        if !joins && verbs > 0 && said.error.is_some() {
            // A statement that is refused leaves the next one read-only, too.
            let undone =
                self.exchange_foreign(participant, &[b"SET TRANSACTION READ WRITE"], 0, Wanted::Nothing).await?;
            if let Some(error) = &undone.error {
                return Err(self.backend_error(participant, error));
            }
        }
        if let Some((passed, error)) = &said.refused_before {
            if *passed > 0 {
                // Perhaps XA START is among those that succeeded: an unbooked branch goes with its connection.
                self.foreign.retain(|slot| slot.participant != participant);
            }
            return Err(self.backend_error(participant, error));
        }
        if joins {
            self.foreign_conn(participant)?.set_open(Open::Active);
            self.txn.enlist(participant);
        }
        Ok(said)
    }

    async fn exchange_foreign(
        &mut self,
        participant: BackendId,
        pieces: &[&[u8]],
        before: usize,
        wanted: Wanted<'_>,
    ) -> Result<Said, Oops> {
        let row_bytes_max = self.services.config.limits.statement_bytes;
        let slot = self.foreign.iter_mut().find(|slot| slot.participant == participant);
        let found = slot.and_then(|slot| Some((slot.conn.as_mut()?, Arc::clone(&slot.canceller))));
        let Some((conn, canceller)) = found else {
            return Err(Fault::new(FaultKind::BackendLost, "the backend's connection is gone").into());
        };
        conn.queue(com::QUERY, pieces);
        self.running.set(Some(Cancel::Mysql(canceller)));
        let outcome = match conn.flush().await {
            Ok(()) => foreign_answer(conn, &mut self.client, before, wanted, row_bytes_max).await,
            Err(source) => Err(RelayError::Backend(source)),
        };
        self.running.set(None);
        match outcome {
            Ok(said) => Ok(said),
            Err(RelayError::Backend(source) | RelayError::Ended { source, .. }) => Err(self.lost(participant, &source)),
            Err(RelayError::Client(source)) => {
                self.drop_foreign(participant).await;
                Err(Exit::Gone(source).into())
            }
        }
    }

    /// The client has gone in the middle of an answer: what runs is ended, and the branch goes with the connection.
    async fn drop_foreign(&mut self, participant: BackendId) {
        let Some(at) = self.foreign.iter().position(|slot| slot.participant == participant) else { return };
        let Some(conn) = self.foreign.remove(at).conn else { return };
        if let Err(error) = conn.canceller().cancel().await {
            tracing::debug!(%error, "a statement of a gone client could not be cancelled");
        }
        self.services.pools.release(Conn::Mysql(conn)).await;
    }

    /// What a statement did, judged by its text and its answer. MySQL cannot be asked later.
    fn mark_foreign(&mut self, participant: BackendId, translation: &ToMysql, text: &str, said: &Said) {
        let Some(enlisted) = self.txn.participant(participant) else { return };
        let untouched = said.error.is_none() && said.done.affected == 0 && said.matched.unwrap_or(0) == 0;
        let wrote = match (translation.access, translation.verb) {
            (Access::Read, _) => Wrote::No,
            _ if text.starts_with("SELECT") => Wrote::No,
            (_, Verb::Update | Verb::Delete | Verb::Truncate) if untouched && said.rows == 0 => Wrote::No,
            (Access::Write | Access::MaybeWrite, _) => Wrote::Yes,
        };
        enlisted.wrote = enlisted.wrote.max(wrote);
    }

    /// The backend has refused the statement. If that was the end of its branch, it is the end of the whole transaction.
    async fn refused_foreign(&mut self, participant: BackendId, error: &ServerError) -> Oops {
        let oops = self.backend_error(participant, error);
        let whole = WHOLE_BRANCH.contains(&error.errno) || is_rolled_back(error.errno);
        if !whole || self.txn.participant(participant).is_none() {
            return oops;
        }
        if let Ok(conn) = self.foreign_conn(participant) {
            conn.set_open(Open::RollbackOnly);
        }
        self.roll_back_participants().await;
        // No savepoint can bring that back.
        self.txn.savepoints.clear();
        self.marks.clear();
        if self.txn.mode == Mode::Explicit {
            self.txn.mode = Mode::Failed;
        }
        oops
    }

    /// MySQL's DDL cannot be undone: it runs at once, outside of the transaction, which must not have touched that
    /// backend (the DDL would wait for the transaction's own locks, and the transaction for the DDL).
    async fn run_ddl(
        &mut self,
        call: &Call<'_>,
        translation: &ToMysql,
        participant: BackendId,
        tag: &str,
    ) -> Result<Completed, Failed> {
        let backend = call.target.backend;
        if self.txn.participant(participant).is_some() {
            let name = &self.services.config.backend(backend).name;
            let text = format!("{tag} cannot run in a transaction that has used backend \"{name}\" before");
            return Err(Fault::new(FaultKind::ActiveTransaction, text)
                .detail("DDL of MySQL cannot be rolled back")
                .hint("Run it outside of the transaction, or as its first statement for that backend.")
                .into());
        }
        let read_only = self.txn.with.read_only.filter(|_| self.txn.is_open()).or(call.view.defaults.read_only);
        if read_only == Some(true) {
            let message = String::from("Cannot execute statement in a READ ONLY transaction.");
            let (sqlstate, raw) = (String::from("25006"), bytes::Bytes::new());
            let error = ServerError { sqlstate, errno: READ_ONLY, message, raw };
            return Err(self.backend_error(backend, &error).into());
        }
        if self.txn.is_open() {
            self.warn("01000", &format!("{tag} on a MySQL backend takes effect at once and is not undone by ROLLBACK"));
        }
        for step in &translation.steps {
            let text = render(&step.sql, call.values, &translation.parameters, None)?;
            let said = self.exchange_foreign(participant, &[text.as_bytes()], 0, Wanted::Nothing).await;
            self.services.schemas.forget(backend);
            if let Some(error) = &said?.error {
                return Err(self.backend_error(backend, error).into());
            }
        }
        Ok(Completed { tag: tag.to_owned(), ..Completed::default() })
    }
}

/// A step's text with what is known now.
fn render(sql: &Sql, values: &[Value], types: &[PgType], keys: Option<&str>) -> Result<String, Fault> {
    let mut text = String::new();
    for part in sql.parts() {
        match part {
            Part::Text(fixed) => text.push_str(fixed),
            Part::Parameter(at) => {
                let at = usize::from(*at);
                let (Some(value), Some(ty)) = (values.get(at), types.get(at)) else {
                    let text = format!("there is no parameter ${}", at + 1);
                    return Err(Fault::new(FaultKind::Syntax, text));
                };
                text.push_str(&literal::mysql(value, ty)?);
            }
            Part::Keys => text.push_str(keys.unwrap_or("NULL")),
            Part::LastInsertId => {
                return Err(Fault::new(FaultKind::Internal, "PostgreSQL's clients have no last generated key"));
            }
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_printed_twice_is_there_twice_and_a_missing_one_is_told() {
        let mut sql = Sql::text("SELECT 1 WHERE a IN (");
        sql.append(Sql::part(Part::Keys)).push(")");
        assert_eq!(render(&sql, &[], &[], Some("1, 2")).unwrap(), "SELECT 1 WHERE a IN (1, 2)");
        let sql = Sql::part(Part::Parameter(0));
        assert!(render(&sql, &[], &[], None).unwrap_err().message.contains("$1"));
    }
}
