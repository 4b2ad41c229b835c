//! Where a statement goes, and whether it may.

use std::ops::Range;

use bytes::Bytes;

use super::Session;
use super::foreign::{Here, Target};
use super::names::Lives;
use super::oops::Oops;
use super::slots::conn;
use crate::backend::pg::PgConn;
use crate::base::ids::NAME_PREFIX;
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::commit::Wrote;
use crate::route::{Edit, Plan};
use crate::session::outcome;
use crate::session::transaction::{Mode, Participant};
use crate::sql::{Access, Kind, Statement, Unpreparable};
use crate::wire::pg::error::Origin;
use crate::wire::pg::server::Status;

/// A place for a statement.
#[derive(Debug)]
pub(super) enum Placed {
    /// A PostgreSQL backend, and the replacements in the text that go with it.
    Native(BackendId, Vec<Edit>),
    /// A backend of the other dialect.
    Foreign(Target),
    /// The session itself: it speaks of a name that no server knows.
    Here(Here),
}

/// Part of the text with the replacements made. Spans are of the whole text.
pub(super) fn edited(text: &[u8], part: Range<usize>, edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(part.len());
    let mut at = part.start;
    for edit in edits {
        if edit.span.start < at || edit.span.end > part.end {
            continue;
        }
        out.extend_from_slice(&text[at..edit.span.start]);
        out.extend_from_slice(edit.text.as_bytes());
        at = edit.span.end;
    }
    out.extend_from_slice(&text[at..part.end]);
    out
}

/// Whether it asks what the session's last sequence gave, as PHP's PDO does after an INSERT.
fn asks_last_value(text: &[u8]) -> bool {
    text.windows(7).any(|word| word.eq_ignore_ascii_case(b"lastval"))
}

fn wrote(access: Access) -> Wrote {
    match access {
        Access::Read => Wrote::No,
        Access::MaybeWrite => Wrote::Maybe,
        Access::Write => Wrote::Yes,
    }
}

impl Session {
    /// Where a statement without a table goes: to the only participant, else home.
    pub(super) fn anywhere(&self) -> BackendId {
        let config = &self.services.config;
        // What names no table is in PostgreSQL's own words, which only PostgreSQL answers.
        let native = |p: &&Participant| config.backend(p.backend).dialect == Dialect::Postgres;
        let mut natives = self.txn.participants.iter().filter(native);
        match (natives.next(), natives.next()) {
            (Some(only), None) => only.backend,
            _ => self.pipeline.current.filter(|_| self.pipeline.executed).unwrap_or(self.home),
        }
    }

    /// The participant that has refused a statement, so that it refuses all others by itself.
    pub(super) fn failed_backend(&mut self) -> Option<BackendId> {
        if self.txn.mode != Mode::Failed {
            return None;
        }
        let failed = |conn: &mut PgConn| conn.status() == Status::Failed && !conn.is_broken();
        let mut backends = self.txn.participants.iter().map(|participant| participant.backend);
        backends.find(|backend| conn(&mut self.slots, *backend).is_some_and(failed))
    }

    /// PREPARE TRANSACTION rolls a failed transaction back, but only on the backend that is sent it.
    pub(super) fn ends_one_of_several(&self, kind: &Kind) -> bool {
        matches!(kind, Kind::TwoPhase(_)) && self.txn.participants.len() > 1
    }

    /// What a text to be sent is made of.
    pub(super) fn origin(&self, text: &Bytes, start: usize, edits: Vec<(Range<usize>, String)>) -> Origin {
        let encoding = self.client.told(b"client_encoding");
        Origin { text: text.clone(), start, edits, utf8: encoding.is_none_or(|encoding| encoding == b"UTF8") }
    }

    /// Where one statement of `text` goes.
    pub(super) fn place(&self, text: &[u8], statement: &Statement) -> Result<Placed, Oops> {
        self.check_two_phase(&statement.kind)?;
        if statement.kind == Kind::Show
            && let Some(question) = outcome::asked(text.get(statement.span.clone()).unwrap_or_default())
        {
            return Ok(Placed::Here(Here::Outcome(question)));
        }
        if let Some(here) = self.here(&statement.kind)? {
            return Ok(Placed::Here(here));
        }
        if let Some(backend) = self.by_name(&statement.kind) {
            return Ok(Placed::Native(backend, Vec::new()));
        }
        match self.services.routes.plan_for(&self.reach, Dialect::Postgres, text, statement) {
            Plan::Anywhere => {
                let inserted = self.inserted.filter(|_| statement.asks_sequence && asks_last_value(text));
                Ok(Placed::Native(inserted.unwrap_or_else(|| self.anywhere()), Vec::new()))
            }
            Plan::One { backend, edits } => Ok(Placed::Native(backend, edits)),
            Plan::Foreign { backend, tables } => Ok(Placed::Foreign(Target { backend, tables })),
            Plan::Refuse(fault) => Err(fault.into()),
        }
    }

    /// A statement about a name of a statement or cursor that lives here.
    fn here(&self, kind: &Kind) -> Result<Option<Here>, Oops> {
        let lives_here =
            |name: &String| self.names.statements.get(name.as_bytes()).is_some_and(|p| p.lives == Lives::Foreign);
        if let Kind::Cursor(Some(name)) = kind
            && self.names.foreign_cursors.contains_key(name)
        {
            return Ok(Some(Here::Cursor(name.clone())));
        }
        if let Kind::Execute(name) = kind
            && lives_here(name)
        {
            let text = "EXECUTE of a statement for a backend of the other dialect is not done";
            return Err(Fault::new(FaultKind::NotSupported, text).hint("Execute it by the driver's own means.").into());
        }
        if let Kind::Deallocate(Some(name)) = kind
            && lives_here(name)
        {
            return Ok(Some(Here::Deallocate(name.clone())));
        }
        Ok(None)
    }

    /// Where a statement goes that speaks of a name of the session.
    fn by_name(&self, kind: &Kind) -> Option<BackendId> {
        if let Kind::Execute(name) | Kind::Deallocate(Some(name)) = kind {
            return self.names.statement(name);
        }
        if let Kind::Cursor(Some(name)) = kind {
            return self.names.cursor(name);
        }
        (*kind == Kind::Notify).then_some(self.home)
    }

    /// The client's own two-phase commit works on its home backend, where its COMMIT PREPARED goes too; with others in the
    /// transaction it would commit a part.
    fn check_two_phase(&self, kind: &Kind) -> Result<(), Oops> {
        let Kind::TwoPhase(name) = kind else { return Ok(()) };
        if name.as_deref().is_some_and(|name| name.starts_with(NAME_PREFIX)) {
            let text = format!("names that start with \"{NAME_PREFIX}\" are reserved");
            return Err(Fault::new(FaultKind::ReservedName, text).hint("Use another transaction identifier.").into());
        }
        let Some(away) = self.txn.participants.iter().find(|p| p.backend != self.home) else { return Ok(()) };
        let name = &self.services.config.backend(away.backend).name;
        let text = format!(
            "two-phase commit by the client works on its home backend alone, and this transaction used \"{name}\""
        );
        Err(Fault::new(FaultKind::CannotPrepare, text)
            .hint("A plain COMMIT is already atomic over all backends.")
            .into())
    }

    /// Refuses the statement that would give the transaction two writers of which one cannot be prepared: at COMMIT it
    /// would be too late for the client to do anything about it (FACTS 3).
    pub(super) fn admit(&mut self, backend: BackendId, statement: &Statement) -> Result<(), Oops> {
        if !self.txn.is_open() {
            return Ok(());
        }
        let mut writers = 0;
        let mut stuck = None;
        let mut count = |at: BackendId, wrote: Wrote, unpreparable: Option<Unpreparable>| {
            writers += usize::from(wrote == Wrote::Yes);
            if let Some(why) = unpreparable.filter(|_| wrote != Wrote::No) {
                stuck = Some((at, why));
            }
        };
        let (mut new_wrote, mut new_why) = (wrote(statement.access), self.unpreparable(statement));
        for participant in &self.txn.participants {
            if participant.backend == backend {
                new_wrote = new_wrote.max(participant.wrote);
                new_why = new_why.or(participant.unpreparable);
            } else {
                count(participant.backend, participant.wrote, participant.unpreparable);
            }
        }
        count(backend, new_wrote, new_why);
        let Some((at, why)) = stuck.filter(|_| writers > 1) else { return Ok(()) };
        let name = &self.services.config.backend(at).name;
        let what = why.words();
        let hint = match why {
            Unpreparable::TemporaryObject => "Use it in a transaction of its own.",
            Unpreparable::Notify => "Do that after the COMMIT.",
            Unpreparable::HoldCursor => "Declare it without WITH HOLD.",
            Unpreparable::ExportedSnapshot => "Export it in a transaction of its own.",
        };
        let text = format!("this transaction {what} on backend \"{name}\" and cannot also write on another backend");
        Err(Fault::new(FaultKind::CannotPrepare, text)
            .detail("PostgreSQL cannot prepare such a transaction, so that its COMMIT could not be atomic")
            .hint(hint)
            .into())
    }

    fn unpreparable(&self, statement: &Statement) -> Option<Unpreparable> {
        let temporary = || statement.tables.iter().any(|table| self.names.temporary.contains(&table.name));
        statement.unpreparable.or_else(|| temporary().then_some(Unpreparable::TemporaryObject))
    }

    /// Remembers what a statement may do on its backend, for the end of the transaction.
    pub(super) fn mark(&mut self, backend: BackendId, statement: &Statement) {
        let (wrote, why) = (wrote(statement.access), self.unpreparable(statement));
        if let Some(participant) = self.txn.participant(backend) {
            participant.wrote = participant.wrote.max(wrote);
            participant.unpreparable = participant.unpreparable.or(why);
        } else {
            self.pipeline.wrote = self.pipeline.wrote.max(wrote);
            self.pipeline.unpreparable = self.pipeline.unpreparable.or(why);
        }
    }
}
