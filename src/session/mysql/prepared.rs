//! Prepared statements are the client's: an id of ours, and the backends' ids on whichever connections they were
//! prepared. They are prepared again where they are missing.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::foreign::Pieces;
use super::held_back::HeldBack;
use super::query::Said;
use super::run::{executes, with_id};
use super::{Ran, Session, Step, Stop};
use crate::backend::mysql::MysqlConn;
use crate::base::{BackendId, Fault, FaultKind};
use crate::relay::mysql::foreign::Form;
use crate::relay::mysql::{Relayed, Shape};
use crate::route::{ForeignTable, Plan};
use crate::session::outcome::{self, Question};
use crate::session::watch::one;
use crate::sql::{Access, Analysis, Kind, Statement};
use crate::telemetry::statements::Route;
use crate::wire::mysql::{Reader, answer, com, status};

/// Statements of one session at most; as MySQL's max_prepared_stmt_count, but each session has its own.
const STATEMENTS_MAX: usize = 16_382;

/// Statement id, flags, iterations.
const EXECUTE_BYTES_MIN: usize = 9;

/// A client's prepared statement.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) text: Bytes,
    pub(super) analysis: Arc<Analysis>,
    /// It is answered here when executed: COMMIT and the like.
    local: bool,
    pub(super) parameters: u16,
    /// Types of the parameters, as sent last: clients send them once.
    pub(super) types: Vec<u8>,
    on: Vec<There>,
    /// Pieces of parameters wait there.
    long_data: Option<BackendId>,
    /// Where it ran last: its cursor is there.
    ran: Option<BackendId>,
    /// Pieces of parameters, if they are sent with the execution.
    held_back: HeldBack,
    /// The home database when it was prepared.
    database: Option<Vec<u8>>,
    /// Of a statement for a backend of the other dialect: its parameters in pieces.
    pub(super) pieces: Option<Pieces>,
    /// It asks what became of a transaction.
    question: Option<Question>,
}

/// A statement as one connection knows it.
#[derive(Clone, Copy, Debug)]
struct There {
    backend: BackendId,
    /// The connection's tenure: another connection does not know the statement.
    tenure: u64,
    id: u32,
    typed: bool,
}

impl Prepared {
    fn there(&mut self, backend: BackendId, tenure: u64) -> Option<&mut There> {
        self.on.iter_mut().find(|t| t.backend == backend && t.tenure == tenure)
    }
}

/// Whether executing it concerns the session, not a backend.
fn is_local(statement: &Statement, text: &[u8]) -> bool {
    match statement.kind {
        Kind::Begin(_)
        | Kind::Commit(_)
        | Kind::Rollback(_)
        | Kind::Savepoint(_)
        | Kind::RollbackTo(_)
        | Kind::Release(_)
        | Kind::SetTransaction(_)
        | Kind::SetSessionCharacteristics(_)
        | Kind::SetAutocommit(_)
        | Kind::Use(_)
        | Kind::TwoPhase(_)
        | Kind::LockTables
        | Kind::UnlockTables => true,
        Kind::Set { .. } => !text.contains(&b'?'),
        Kind::Show
        | Kind::Query
        | Kind::Write
        | Kind::Ddl
        | Kind::OutsideTransaction
        | Kind::CopyIn
        | Kind::CopyOut
        | Kind::Prepare(_)
        | Kind::Execute(_)
        | Kind::Deallocate(_)
        | Kind::Declare(_)
        | Kind::Cursor(_)
        | Kind::Notify
        | Kind::Discard(_)
        | Kind::LoadLocal
        | Kind::Other => false,
    }
}

impl Session {
    fn unknown_statement(&mut self, id: u32, command: &str) -> Ran {
        let text = format!("Unknown prepared statement handler ({id}) given to {command}");
        self.refuse(&answer::err(1243, "HY000", &text))
    }

    /// What the home server calls a command in errors; MySQL has one name for all.
    fn named_in_errors(&self, mariadb: &'static str) -> &'static str {
        if self.reading.mariadb { mariadb } else { "mysql_stmt_precheck" }
    }

    /// COM_STMT_PREPARE
    pub(super) async fn prepare(&mut self, text: &[u8]) -> Step {
        if self.prepared.len() >= STATEMENTS_MAX {
            let fault = Fault::new(FaultKind::TooLarge, format!("more than {STATEMENTS_MAX} prepared statements"));
            return Ok(self.fault(&fault));
        }
        if self.renew_reading(text).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        let analysis = self.services.analyses.analyze(self.reading, text);
        self.watch.begin(&self.services, &analysis, text, false);
        self.last_statement_id = self.last_statement_id.wrapping_add(1).max(1);
        let id = self.last_statement_id;
        let local = match analysis.statements.as_slice() {
            [statement] => !self.native && is_local(statement, text),
            [..] => false,
        };
        let question = match analysis.statements.as_slice() {
            [one] if one.kind == Kind::Show => outcome::asked(text.get(one.span.clone()).unwrap_or_default()),
            [..] => None,
        };
        let mut prepared = Prepared {
            text: Bytes::copy_from_slice(text),
            analysis,
            local,
            parameters: 0,
            types: Vec::new(),
            on: Vec::new(),
            long_data: None,
            ran: None,
            held_back: HeldBack::default(),
            database: self.home_database.clone(),
            pieces: None,
            question,
        };
        if prepared.question.is_some() {
            self.tell_outcome_columns(id);
            self.prepared.insert(id, prepared);
            return Ok(Ran::Fine);
        }
        if local {
            let mut ok = [0; 12];
            ok[1..5].copy_from_slice(&id.to_le_bytes());
            self.client.put(&ok);
            self.prepared.insert(id, prepared);
            return Ok(Ran::Fine);
        }
        if let Some((backend, tables)) = self.foreign_place(&prepared) {
            let ran = self.prepare_foreign(id, &mut prepared, backend, &tables).await?;
            if ran == Ran::Fine {
                self.prepared.insert(id, prepared);
            }
            return Ok(ran);
        }
        let (backend, text) = match self.place(&prepared) {
            Ok(place) => place,
            Err(fault) => return Ok(self.fault(&fault)),
        };
        self.watch.went(one(prepared.analysis.statements.first()), backend);
        let Some(at) = self.ready(backend).await? else { return Ok(Ran::Failed) };
        self.attached[at].conn.queue(com::STMT_PREPARE, &[&text]);
        let relayed = self.exchange(at, Shape::Prepared { id }, 0, false, false).await?;
        let Some(Relayed { prepared: Some((there, parameters)), .. }) = relayed else { return Ok(Ran::Failed) };
        let tenure = self.pooling.number(self.participant(backend));
        prepared.on.push(There { backend, tenure, id: there, typed: false });
        prepared.parameters = parameters;
        self.prepared.insert(id, prepared);
        Ok(Ran::Fine)
    }

    /// Where a statement belongs now, and its text there.
    fn place(&self, prepared: &Prepared) -> Result<(BackendId, Vec<u8>), Fault> {
        match prepared.analysis.statements.as_slice() {
            [statement] => {
                let said = Said { text: &prepared.text, statement, alone: true, more: false };
                self.target(said).map(|(backend, text)| (backend, text.into_owned()))
            }
            [..] => Ok((self.home, prepared.text.to_vec())),
        }
    }

    /// The PostgreSQL backend and the tables of a statement that is for one.
    fn foreign_place(&self, prepared: &Prepared) -> Option<(BackendId, Vec<ForeignTable>)> {
        let [statement] = prepared.analysis.statements.as_slice() else { return None };
        match self.plan(&prepared.text, statement) {
            Plan::Foreign { backend, tables } if !self.native => Some((backend, tables)),
            Plan::Foreign { .. } | Plan::Anywhere | Plan::One { .. } | Plan::Refuse(_) => None,
        }
    }

    /// A command about a prepared statement, with its id. To MariaDB -1 is the one prepared last: its connectors execute a
    /// statement before they know its id.
    pub(super) fn with_known_id<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        let last = self.reading.mariadb && Reader::new(body).u32() == Some(u32::MAX);
        if !last || !self.prepared.contains_key(&self.last_statement_id) {
            return Cow::Borrowed(body);
        }
        Cow::Owned(with_id(body, self.last_statement_id).to_vec())
    }

    /// COM_STMT_EXECUTE
    pub(super) async fn execute(&mut self, body: &[u8]) -> Step {
        if self.too_short(body, EXECUTE_BYTES_MIN, true) {
            return Ok(Ran::Failed);
        }
        let id = Reader::new(body).u32().unwrap_or(0);
        let Some(mut prepared) = self.prepared.remove(&id) else {
            return Ok(self.unknown_statement(id, self.named_in_errors("mysqld_stmt_execute")));
        };
        self.warnings.clear();
        self.watch.begin(&self.services, &prepared.analysis, &prepared.text, true);
        let ran = if let Some(question) = &prepared.question {
            Ok(self.tell_outcome(question, Form::Binary, false))
        } else if prepared.local {
            let analysis = prepared.analysis.clone();
            match analysis.statements.as_slice() {
                [statement] => self.statement(Said { text: &prepared.text, statement, alone: true, more: false }).await,
                [..] => Ok(self.unknown_statement(id, self.named_in_errors("mysqld_stmt_execute"))),
            }
        } else if let Some((backend, tables)) = self.foreign_place(&prepared).filter(|_| prepared.pieces.is_some()) {
            self.watch.went(Route::Translated, backend);
            self.execute_foreign(&mut prepared, body, backend, &tables).await
        } else {
            self.execute_there(&mut prepared, body).await
        };
        self.prepared.insert(id, prepared);
        ran
    }

    async fn execute_there(&mut self, prepared: &mut Prepared, body: &[u8]) -> Step {
        let (backend, text) = match self.place(prepared) {
            Ok(place) => place,
            Err(fault) => return Ok(self.fault(&fault)),
        };
        let backend = prepared.long_data.take().unwrap_or(backend);
        if prepared.held_back.too_large {
            prepared.held_back = HeldBack::default();
            let text = "parameters sent in pieces are larger than limits.statement_bytes";
            return Ok(self.fault(&Fault::new(FaultKind::TooLarge, text)));
        }
        let client_id = Reader::new(body).u32().unwrap_or(0);
        let analysis = prepared.analysis.clone();
        let statement = analysis.statements.first();
        self.watch.went(one(statement), backend);
        let commits = statement.is_some_and(|s| matches!(s.kind, Kind::Ddl | Kind::OutsideTransaction));
        if commits && !self.native && self.end_before(false).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        let matters = statement.is_some_and(|s| s.access != Access::Read || !s.tables.is_empty());
        let settles = statement.is_some_and(|s| matches!(s.kind, Kind::Show));
        let enlist = self.enlists() && matters && !commits && !settles;
        if enlist {
            self.begin_implicitly();
        }
        if matters && self.hand_on_next(backend).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        if self.tell_key(backend, &text, statement).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        let Some(at) = self.ready(backend).await? else { return Ok(Ran::Failed) };
        let participant = self.attached[at].participant;
        if enlist && self.txn.participant(participant).is_none() && self.join(at).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        if self.known_there(prepared, backend, at, &text).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        let Some(at) = self.position(participant) else { return Ok(Ran::Failed) };
        let Some(there) = prepared.there(backend, self.pooling.number(participant)).copied() else {
            return Ok(Ran::Failed);
        };
        let body = typed(prepared, there, body);
        for piece in std::mem::take(&mut prepared.held_back).pieces {
            self.attached[at].conn.queue(com::STMT_SEND_LONG_DATA, &[&there.id.to_le_bytes(), &piece]);
        }
        self.last = Some(backend);
        prepared.ran = Some(backend);
        self.attached[at].conn.queue(com::STMT_EXECUTE, &[&body]);
        if body.get(4) == Some(&0)
            && let Some(items) = self.facts_due(participant, &text)
        {
            return self.facts_in_a_row(at, &items, true, false).await;
        }
        let Some(relayed) = self.exchange(at, Shape::Results, 0, false, false).await? else { return Ok(Ran::Failed) };
        self.note_key(backend, &relayed);
        self.note(participant, statement, &text, &relayed);
        self.note_cursor(client_id, &relayed);
        if let Some(Kind::Set { names, .. }) = statement.map(|s| &s.kind)
            && relayed.errno.is_none()
        {
            self.keep_or_read(&text, names.clone());
        }
        let sets = statement.is_some_and(|s| matches!(s.kind, Kind::Set { .. }));
        self.reading_stale |= sets || !relayed.rows && executes(&text);
        self.book(participant, statement, &text, &relayed).await;
        Ok(Ran::of(Some(relayed)))
    }

    /// Prepares the statement on this connection unless it is known there.
    async fn known_there(&mut self, prepared: &mut Prepared, backend: BackendId, at: usize, text: &[u8]) -> Step {
        let tenure = self.pooling.number(self.participant(backend));
        if prepared.there(backend, tenure).is_some() {
            return Ok(Ran::Fine);
        }
        let home_database = std::mem::replace(&mut self.home_database, prepared.database.clone());
        let (then, now) = (self.database_of(backend), {
            self.home_database = home_database;
            self.database_of(backend)
        });
        let conn = &mut self.attached[at].conn;
        let answered = match in_database(conn, &then).await {
            Ok(()) => conn.prepare(text).await,
            Err(error) => Err(error),
        };
        let answered = match in_database(conn, &now).await {
            Ok(()) => answered,
            Err(error) => Err(error),
        };
        match answered {
            Ok(Ok(id)) => {
                prepared.on.retain(|t| t.backend != backend);
                prepared.on.push(There { backend, tenure, id, typed: false });
                Ok(Ran::Fine)
            }
            Ok(Err(error)) => Ok(self.refuse(&error.raw)),
            Err(source) => self.backend_lost(at, &source, false).await,
        }
    }

    /// The connection that knows this statement, and its id there.
    fn found(&mut self, id: u32) -> Option<(usize, u32)> {
        let prepared = self.prepared.get(&id)?;
        let there = prepared.ran.and_then(|b| prepared.on.iter().find(|t| t.backend == b)).or(prepared.on.first())?;
        let at = self.position(self.participant(there.backend))?;
        (self.pooling.number(self.attached[at].participant) == there.tenure).then_some((at, there.id))
    }

    /// COM_STMT_SEND_LONG_DATA: is not answered, so an error waits for EXECUTE.
    pub(super) async fn send_long_data(&mut self, body: &[u8]) -> Result<(), Stop> {
        let id = Reader::new(body).u32().unwrap_or(0);
        let bytes_max = self.services.config.limits.statement_bytes;
        if let Some(pieces) = self.prepared.get_mut(&id).and_then(|p| p.pieces.as_mut()) {
            pieces.add(body.get(4..).unwrap_or_default(), bytes_max);
            return Ok(());
        }
        if self.pooling.on {
            if let Some(prepared) = self.prepared.get_mut(&id) {
                prepared.held_back.add(body.get(4..).unwrap_or_default(), bytes_max);
            }
            return Ok(());
        }
        let Some((at, there)) = self.found(id) else { return Ok(()) };
        let participant = self.attached[at].participant;
        let backend = self.prepared.get(&id).and_then(|p| p.ran.or(p.on.first().map(|t| t.backend)));
        if let Some(prepared) = self.prepared.get_mut(&id) {
            prepared.long_data = backend.or(Some(participant));
        }
        let conn = &mut self.attached[at].conn;
        conn.queue(com::STMT_SEND_LONG_DATA, &[&there.to_le_bytes(), body.get(4..).unwrap_or_default()]);
        if let Err(source) = conn.flush().await {
            self.backend_lost(at, &source, false).await?;
        }
        Ok(())
    }

    /// COM_STMT_CLOSE: is not answered; the backends hear it with their next command.
    pub(super) fn close_statement(&mut self, body: &[u8]) {
        let id = Reader::new(body).u32().unwrap_or(0);
        let Some(prepared) = self.prepared.remove(&id) else { return };
        self.pooling.cursors.remove(&id);
        for there in prepared.on {
            let participant = self.participant(there.backend);
            if self.pooling.number(participant) != there.tenure {
                continue;
            }
            if let Some(at) = self.position(participant) {
                self.attached[at].conn.queue(com::STMT_CLOSE, &[&there.id.to_le_bytes()]);
            } else if let Some(tenure) = self.pooling.tenure_mut(participant) {
                tenure.closing.push(there.id);
            }
        }
    }

    /// COM_STMT_RESET
    pub(super) async fn reset_statement(&mut self, body: &[u8]) -> Step {
        if self.too_short(body, 4, false) {
            return Ok(Ran::Failed);
        }
        let id = Reader::new(body).u32().unwrap_or(0);
        self.pooling.cursors.remove(&id);
        match (self.found(id), self.prepared.get_mut(&id)) {
            (_, None) => Ok(self.unknown_statement(id, self.named_in_errors("mysqld_stmt_reset"))),
            (None, Some(prepared)) => {
                prepared.held_back = HeldBack::default();
                if let Some(pieces) = &mut prepared.pieces {
                    *pieces = Pieces::default();
                }
                Ok(self.ok())
            }
            (Some((at, there)), Some(prepared)) => {
                prepared.long_data = None;
                prepared.held_back = HeldBack::default();
                self.attached[at].conn.queue(com::STMT_RESET, &[&there.to_le_bytes()]);
                self.exchange(at, Shape::Results, 0, false, false).await.map(Ran::of)
            }
        }
    }

    /// COM_STMT_FETCH
    pub(super) async fn fetch(&mut self, body: &[u8]) -> Step {
        if self.too_short(body, 8, false) {
            return Ok(Ran::Failed);
        }
        let id = Reader::new(body).u32().unwrap_or(0);
        let parked = self.found(id).is_none() && self.prepared.get(&id).is_some_and(|p| p.ran.is_some());
        if parked || self.prepared.get(&id).is_some_and(|p| p.pieces.is_some()) {
            let end = if self.reading.mariadb { "" } else { "." };
            let text = format!("The statement ({id}) has no open cursor{end}");
            return Ok(self.refuse(&answer::err(1421, "HY000", &text)));
        }
        let Some((at, there)) = self.found(id) else {
            return Ok(self.unknown_statement(id, self.named_in_errors("mysqld_stmt_fetch")));
        };
        self.attached[at].conn.queue(com::STMT_FETCH, &[&with_id(body, there)]);
        let relayed = self.exchange(at, Shape::Rows, 0, false, false).await?;
        if let Some(relayed) = &relayed {
            self.note_cursor(id, relayed);
        }
        Ok(Ran::of(relayed))
    }

    /// An open cursor holds its connection.
    fn note_cursor(&mut self, id: u32, relayed: &Relayed) {
        let flags = relayed.status.unwrap_or(0);
        if flags & status::CURSOR_EXISTS != 0 && flags & status::LAST_ROW_SENT == 0 {
            self.pooling.cursors.insert(id);
        } else {
            self.pooling.cursors.remove(&id);
        }
    }
}

/// Makes this the connection's database. Errors: the connection broke. One that is gone is not entered.
async fn in_database(conn: &mut MysqlConn, database: &[u8]) -> std::io::Result<()> {
    if conn.queue_database(database) {
        conn.flush().await?;
        if let (_, None) = conn.answer().await? {
            conn.set_database(database);
        }
    }
    Ok(())
}

/// EXECUTE's body for a connection: its id, and the parameter types if this connection has not had them. Body: id (4),
/// flags (1), iterations (4), NULL bitmap, "types follow" (1), types (2 each), values.
fn typed(prepared: &mut Prepared, there: There, body: &[u8]) -> BytesMut {
    let count = usize::from(prepared.parameters);
    let flag_at = 9 + count.div_ceil(8);
    let mut out = with_id(body, there.id);
    if count == 0 || body.len() <= flag_at {
        return out;
    }
    let sent = body[flag_at] == 1;
    if sent {
        prepared.types = body.get(flag_at + 1..flag_at + 1 + 2 * count).unwrap_or_default().to_vec();
    } else if !there.typed && !prepared.types.is_empty() {
        out.truncate(flag_at);
        out.extend_from_slice(&[1]);
        out.extend_from_slice(&prepared.types);
        out.extend_from_slice(&body[flag_at + 1..]);
    }
    if let Some(there) = prepared.there(there.backend, there.tenure) {
        there.typed = true;
    }
    out
}
