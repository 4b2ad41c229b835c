//! A translation's steps on the wire: texts out, answers in, the statement undone if one of them fails.
//!
//! Inside the client's transaction a statement is a savepoint of its own, because an error on PostgreSQL fails the
//! transaction, and on this client's server only the statement. Its verbs travel with the statement.

use bytes::Bytes;

use super::super::{Ran, Session, Stop};
use super::conn::{Frame, Prefix};
use super::{Asked, Ended, Facts};
use crate::backend::pg::PgConn;
use crate::base::{Fault, FaultKind};
use crate::relay::mysql::foreign::{Answered, Cells, Ignored, Rows, Shown, answer};
use crate::relay::mysql::{Client, RelayError};
use crate::sql::Access;
use crate::sql::translate::{Counting, Gives, Part, Step as Text, ToPg, literal};
use crate::wire::value::{MyType, PgType, Value};

/// Before a statement inside a transaction.
pub(super) const STATEMENT_BEGINS: &str = "SAVEPOINT hf1_s";
const STATEMENT_ENDS: &str = "RELEASE SAVEPOINT hf1_s";
const STATEMENT_UNDONE: &str = "ROLLBACK TO SAVEPOINT hf1_s;RELEASE SAVEPOINT hf1_s";

/// What came of the steps.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// A verb of ours before the statement was refused; the statement was not run.
    pub(super) prefix_error: Option<Bytes>,
    /// The backend's error.
    pub(super) error: Option<Bytes>,
    /// An error of ours.
    pub(super) fault: Option<Fault>,
    /// The first step that was refused; 0 also if none was.
    pub(super) failed_at: usize,
    /// What the client is told that was affected.
    pub(super) affected: u64,
    /// Rows that an INSERT was given.
    pub(super) records: u64,
    /// The first generated key.
    pub(super) key: Option<u64>,
    /// The key of the last row, however it came.
    pub(super) last_key: Option<u64>,
    /// Rows that the client was given, if it was given any or none of them.
    pub(super) rows: Option<u64>,
}

impl Outcome {
    pub(super) fn is_fine(&self) -> bool {
        self.prefix_error.is_none() && self.error.is_none() && self.fault.is_none()
    }

    fn take(&mut self, answered: Answered, step: usize) -> bool {
        let fine = answered.is_fine();
        self.failed_at = step;
        self.error = answered.error;
        self.fault = answered.fault;
        fine
    }
}

/// All that the steps need.
struct Work<'a> {
    made: &'a ToPg,
    values: &'a [Value],
    last_insert_id: u64,
    /// The first step's text.
    first: String,
    prefix: Prefix,
    shown: Shown<'a>,
    /// Bytes of keys kept for later steps.
    keys_bytes_max: usize,
}

impl Session {
    /// Runs a translation's steps and answers the client.
    pub(super) async fn program(&mut self, asked: &Asked<'_>, made: &ToPg, facts: &Facts) -> Result<Ended, Stop> {
        let needs_key = made.steps.iter().any(|step| step.sql.has(&Part::LastInsertId));
        let last_insert_id = if needs_key { self.last_key().await? } else { Some(0) };
        let Some(last_insert_id) = last_insert_id else { return Ok(Ended::Told(Ran::Failed)) };
        let rendered = made.steps.first().map(|step| text_of(step, made, asked.values, "", last_insert_id));
        let first = match rendered {
            Some(Ok(first)) => first,
            Some(Err(fault)) => return Ok(Ended::Told(self.foreign_fault(&fault))),
            None => String::new(),
        };
        if asked.enlist {
            self.begin_implicitly();
        }
        if self.foreign_ready(asked.backend).await? == Ran::Failed {
            return Ok(Ended::Told(Ran::Failed));
        }
        let read_only = made.access != Access::Read && (facts.read_only || self.read_only);
        let said_before = !asked.enlist && self.next != crate::sql::Characteristics::default();
        let own = made.needs_transaction || read_only || said_before;
        let prefix = match self.queue_prefix(asked.backend, own, asked.enlist, facts) {
            Ok(prefix) => prefix,
            Err(fault) => return Ok(Ended::Told(self.foreign_fault(&fault))),
        };
        let more = if asked.more { crate::wire::mysql::status::MORE_RESULTS } else { 0 };
        let mut status = self.status() | more;
        if prefix.frame == Frame::Joins {
            status |= crate::wire::mysql::status::IN_TRANS;
        }
        let work = Work {
            made,
            values: asked.values,
            last_insert_id,
            first,
            prefix,
            shown: Shown::new(&made.columns, asked.form, &facts.table, &facts.zone, facts.charset, status),
            keys_bytes_max: self.services.config.limits.statement_bytes,
        };
        self.entry.running(Some(asked.backend));
        let held = self.foreign.iter_mut().find(|h| h.backend == asked.backend);
        let ran = match held.and_then(|h| h.conn.as_mut()) {
            Some(conn) => run(&mut self.client, conn, work).await,
            None => Err(RelayError::Backend { source: std::io::ErrorKind::NotConnected.into(), torn: false }),
        };
        self.entry.running(None);
        match ran {
            Ok(outcome) => self.conclude(asked, made, prefix, outcome).await,
            Err(error) => self.foreign_broke(asked.backend, error).await.map(Ended::Told),
        }
    }
}

/// Sends the steps one after the other and reads their answers. What is queued before them is answered first.
async fn run(client: &mut Client, conn: &mut PgConn, mut work: Work<'_>) -> Result<Outcome, RelayError> {
    let (made, frame) = (work.made, work.prefix.frame);
    let end = match frame {
        Frame::Alone => None,
        Frame::Own => Some("COMMIT"),
        Frame::Joins | Frame::Inside => Some(STATEMENT_ENDS),
    };
    let (mut outcome, mut keys, mut due) = (Outcome::default(), Keys::new(work.keys_bytes_max), work.prefix.texts);
    let mut ended = None;
    for (at, step) in made.steps.iter().enumerate() {
        if step.sql.has(&Part::Keys) && keys.count == 0 {
            continue;
        }
        let text = if at == 0 {
            Ok(std::mem::take(&mut work.first))
        } else {
            text_of(step, made, work.values, &keys.text, work.last_insert_id)
        };
        match text {
            Ok(text) => conn.queue_query(text.as_bytes()),
            Err(fault) => {
                outcome.fault = Some(fault);
                break;
            }
        }
        // Rows can be refused by us when their statement has ended well: then it must still be there to be undone.
        let is_last = at + 1 == made.steps.len();
        let travels = is_last && (made.access == Access::Read || !gives_rows(step.gives));
        if let Some(end) = end.filter(|_| travels) {
            conn.queue_query(end.as_bytes());
        }
        if !before(client, conn, &mut due, &mut outcome).await? {
            return Ok(outcome);
        }
        let fine = one(client, conn, step.gives, &mut work.shown, &mut keys, &mut outcome, at).await?;
        if end.is_some() && travels {
            ended = Some(answer(client, conn, &mut Ignored).await?);
        }
        if !fine {
            break;
        }
    }
    if !before(client, conn, &mut due, &mut outcome).await? {
        return Ok(outcome);
    }
    if keys.count > 0 && outcome.affected == 0 && !counts(made) {
        outcome.affected = keys.count;
    }
    finish(client, conn, frame, end, ended, &mut outcome).await?;
    if outcome.is_fine() && !made.columns.is_empty() {
        work.shown.begin(client);
        outcome.rows = Some(work.shown.count);
    }
    Ok(outcome)
}

/// Reads the answers to our verbs before the statement. `false`: one was refused.
async fn before(
    client: &mut Client,
    conn: &mut PgConn,
    due: &mut usize,
    outcome: &mut Outcome,
) -> Result<bool, RelayError> {
    while *due > 0 {
        *due -= 1;
        if let Some(error) = answer(client, conn, &mut Ignored).await?.error {
            outcome.prefix_error = Some(error);
            return Ok(false);
        }
    }
    Ok(true)
}

/// One step's answer. `false`: it failed.
async fn one(
    client: &mut Client,
    conn: &mut PgConn,
    gives: Gives,
    shown: &mut Shown<'_>,
    keys: &mut Keys,
    outcome: &mut Outcome,
    at: usize,
) -> Result<bool, RelayError> {
    match gives {
        Gives::Nothing => {
            let answered = answer(client, conn, &mut Ignored).await?;
            Ok(outcome.take(answered, at))
        }
        Gives::Count(counting) => {
            let answered = answer(client, conn, &mut Ignored).await?;
            outcome.affected += match counting {
                Counting::Affected | Counting::Matched | Counting::Records => answered.count,
                Counting::Always(count) => count,
            };
            Ok(outcome.take(answered, at))
        }
        Gives::Rows | Gives::RowsAndCount => {
            let answered = answer(client, conn, shown).await?;
            if gives == Gives::RowsAndCount {
                outcome.affected += answered.count;
            }
            Ok(outcome.take(answered, at))
        }
        Gives::Keys => {
            let answered = answer(client, conn, keys).await?;
            Ok(outcome.take(answered, at))
        }
        Gives::Generated => {
            let mut generated = Generated::default();
            let answered = answer(client, conn, &mut generated).await?;
            outcome.affected += generated.affected;
            outcome.records += generated.rows;
            outcome.key = outcome.key.or(generated.key);
            outcome.last_key = generated.last.or(outcome.last_key);
            Ok(outcome.take(answered, at))
        }
        Gives::RowsAndKey => {
            let mut keyed = Keyed { shown, key: None };
            let answered = answer(client, conn, &mut keyed).await?;
            outcome.affected += answered.count;
            outcome.key = outcome.key.or(keyed.key);
            Ok(outcome.take(answered, at))
        }
    }
}

/// Ends what surrounds the statement, or undoes it.
async fn finish(
    client: &mut Client,
    conn: &mut PgConn,
    frame: Frame,
    end: Option<&'static str>,
    ended: Option<Answered>,
    outcome: &mut Outcome,
) -> Result<(), RelayError> {
    let Some(end) = end else { return Ok(()) };
    let ended = match ended {
        None if outcome.is_fine() => {
            conn.queue_query(end.as_bytes());
            Some(answer(client, conn, &mut Ignored).await?)
        }
        other => other,
    };
    match ended {
        Some(ended) if ended.is_fine() && (frame != Frame::Own || ended.verb == "COMMIT") => return Ok(()),
        // A COMMIT of a failed transaction is a rollback.
        Some(ended) if frame == Frame::Own => {
            if outcome.is_fine() {
                outcome.error = ended.error;
                if outcome.error.is_none() {
                    outcome.fault = Some(Fault::new(FaultKind::RolledBack, "the statement was rolled back"));
                }
            }
            return Ok(());
        }
        Some(ended) if outcome.is_fine() => outcome.error = ended.error,
        Some(_) | None => {}
    }
    conn.queue_query(if frame == Frame::Own { b"ROLLBACK" } else { STATEMENT_UNDONE.as_bytes() });
    let undone = answer(client, conn, &mut Ignored).await?;
    if undone.is_fine() {
        return Ok(());
    }
    conn.set_broken();
    let source = std::io::Error::other("a statement could not be undone");
    Err(RelayError::Backend { source, torn: false })
}

fn gives_rows(gives: Gives) -> bool {
    match gives {
        Gives::Rows | Gives::RowsAndCount | Gives::RowsAndKey | Gives::Keys => true,
        // Rows of these are never refused by us.
        Gives::Nothing | Gives::Count(_) | Gives::Generated => false,
    }
}

/// Whether a step says how many rows the client is told.
fn counts(made: &ToPg) -> bool {
    made.steps
        .iter()
        .any(|step| matches!(step.gives, Gives::Count(_) | Gives::RowsAndCount | Gives::RowsAndKey | Gives::Generated))
}

/// A step's text with everything in its places.
fn text_of(step: &Text, made: &ToPg, values: &[Value], keys: &str, last_insert_id: u64) -> Result<String, Fault> {
    let mut text = String::new();
    for part in step.sql.parts() {
        match part {
            Part::Text(piece) => text.push_str(piece),
            Part::Parameter(at) => {
                let at = usize::from(*at);
                let (value, ty) = (values.get(at).unwrap_or(&Value::Null), made.parameters.get(at));
                text.push_str(&literal::postgres(value, ty.unwrap_or(&MyType::Null))?);
            }
            Part::Keys => text.push_str(keys),
            Part::LastInsertId => text.push_str(&last_insert_id.to_string()),
        }
    }
    Ok(text)
}

/// Keys of rows, as literals for later steps.
struct Keys {
    text: String,
    count: u64,
    bytes_max: usize,
}

impl Keys {
    fn new(bytes_max: usize) -> Self {
        Self { text: String::new(), count: 0, bytes_max }
    }
}

impl Rows for Keys {
    fn described(&mut self, _types: Vec<PgType>, _client: &mut Client) -> Result<(), Fault> {
        Ok(())
    }

    fn row(&mut self, cells: &Cells<'_>, _client: &mut Client) -> Result<(), Fault> {
        if self.count > 0 {
            self.text.push_str(", ");
        }
        let several = cells.len() > 1;
        self.text.push_str(if several { "(" } else { "" });
        for (at, cell) in cells.iter().enumerate() {
            self.text.push_str(if at > 0 { ", " } else { "" });
            match cell {
                None => self.text.push_str("NULL"),
                // As the server printed it, with standard_conforming_strings on: only quotes mean anything.
                Some(bytes) => {
                    self.text.push('\'');
                    self.text.push_str(&String::from_utf8_lossy(bytes).replace('\'', "''"));
                    self.text.push('\'');
                }
            }
        }
        self.text.push_str(if several { ")" } else { "" });
        self.count += 1;
        if self.text.len() > self.bytes_max {
            let text = format!("the statement is about more rows than {} bytes of keys", self.bytes_max);
            return Err(Fault::new(FaultKind::TooLarge, text).hint("limits.statement_bytes bounds it."));
        }
        Ok(())
    }
}

/// What an INSERT says of each of its rows: the generated key, and how many affected rows it counts for.
#[derive(Debug, Default)]
struct Generated {
    key: Option<u64>,
    last: Option<u64>,
    affected: u64,
    rows: u64,
}

impl Rows for Generated {
    fn described(&mut self, _types: Vec<PgType>, _client: &mut Client) -> Result<(), Fault> {
        Ok(())
    }

    fn row(&mut self, cells: &Cells<'_>, _client: &mut Client) -> Result<(), Fault> {
        let number = |at: usize| number(cells.get(at).copied());
        self.key = self.key.or_else(|| number(0));
        self.last = number(2).or(self.last);
        self.affected += number(1).unwrap_or(1);
        self.rows += 1;
        Ok(())
    }
}

fn number(cell: Option<Option<&[u8]>>) -> Option<u64> {
    let text = cell.flatten().and_then(|bytes| std::str::from_utf8(bytes).ok());
    text.and_then(|text| text.parse().ok())
}

/// Rows for the client, with the generated key as one column more.
struct Keyed<'a, 's> {
    shown: &'a mut Shown<'s>,
    key: Option<u64>,
}

impl Rows for Keyed<'_, '_> {
    fn described(&mut self, mut types: Vec<PgType>, client: &mut Client) -> Result<(), Fault> {
        types.pop();
        self.shown.described(types, client)
    }

    fn row(&mut self, cells: &Cells<'_>, client: &mut Client) -> Result<(), Fault> {
        let (key, told) = cells.split_last().unzip();
        self.key = self.key.or_else(|| number(key.copied()));
        self.shown.row(told.unwrap_or_default(), client)
    }
}
