//! What a statement that succeeded leaves behind in the session.

use std::sync::Arc;

use bytes::Bytes;

use super::end::TRACE_SETTING;
use super::names::{Lives, Prepared};
use super::oops::Oops;
use super::{Session, slots};
use crate::base::{BackendId, Fault, FaultKind};
use crate::session::transaction::Mode;
use crate::sql::{Analysis, Characteristics, Fingerprint, Kind, SetScope, Statement, Unpreparable};
use crate::wire::pg::server::Status;

impl Session {
    /// Notes it. `text`: the statement as sent; `plain`: it has no parameters, so that its text can be replayed.
    pub(super) fn note_effects(&mut self, backend: BackendId, statement: &Statement, text: &[u8], plain: bool) {
        let in_txn = self.txn.is_open();
        self.note_keeps(backend, statement, text, plain);
        match &statement.kind {
            Kind::Set { scope, names, .. } if plain && *scope != SetScope::Global => {
                self.note_set(backend, *scope, names, text, in_txn);
            }
            Kind::Set { .. } if !plain => self.settings.untold(),
            Kind::SetSessionCharacteristics(with) => {
                let names = characteristics(*with);
                self.settings.add(names, Bytes::copy_from_slice(text), false, in_txn);
                self.applied(backend);
            }
            Kind::Discard(true) => {
                self.names.discard_all();
                self.settings.reset(Bytes::copy_from_slice(text), in_txn);
                self.applied_up_to_reset(backend);
            }
            Kind::Deallocate(None) => {
                self.names.statements.clear();
                self.on_other_slots(backend, "deallocate all", text);
            }
            Kind::Cursor(None) => {
                self.names.foreign_cursors.clear();
                self.on_other_slots(backend, "close all", text);
            }
            Kind::Deallocate(Some(name)) => {
                self.names.statements.remove(name.as_bytes());
            }
            Kind::Prepare(name) => self.note_prepare(backend, name, statement),
            Kind::Declare(name) => {
                self.names.cursors.insert(name.clone(), backend);
            }
            Kind::Begin(_)
            | Kind::Commit(_)
            | Kind::Rollback(_)
            | Kind::Savepoint(_)
            | Kind::RollbackTo(_)
            | Kind::Release(_)
            | Kind::SetTransaction(_)
            | Kind::SetAutocommit(_)
            | Kind::Set { .. }
            | Kind::Show
            | Kind::Use(_)
            | Kind::Query
            | Kind::Write
            | Kind::Ddl
            | Kind::OutsideTransaction
            | Kind::CopyIn
            | Kind::CopyOut
            | Kind::Execute(_)
            | Kind::Cursor(_)
            | Kind::Notify
            | Kind::Discard(_)
            | Kind::LockTables
            | Kind::UnlockTables
            | Kind::LoadLocal
            | Kind::TwoPhase(_)
            | Kind::Other => {}
        }
        self.note_load(backend, statement, text);
        if begins_with(text, b"create") && statement.unpreparable == Some(Unpreparable::TemporaryObject) {
            self.names.temporary.extend(statement.tables.first().map(|table| table.name.clone()));
        }
    }

    /// LOAD: a library stays in the server's process; other connections load it, too.
    fn note_load(&mut self, backend: BackendId, statement: &Statement, text: &[u8]) {
        if statement.kind == Kind::Other && begins_with(text, b"load ") {
            let name = String::from_utf8_lossy(text.trim_ascii()).into_owned();
            self.settings.add(vec![name], Bytes::copy_from_slice(text), false, self.txn.is_open());
            self.applied(backend);
        }
    }

    fn note_set(&mut self, backend: BackendId, scope: SetScope, names: &[String], text: &[u8], in_txn: bool) {
        let text = Bytes::copy_from_slice(text);
        if names.iter().any(|name| name == "all") || is_reset_all(&text) {
            self.settings.reset(text, in_txn);
            self.applied_up_to_reset(backend);
            self.watch.name(None);
            return;
        }
        let resets = is_reset(&text);
        if names.is_empty() {
            self.settings.untold();
        } else if in_txn || scope == SetScope::Session {
            self.settings.add(names.to_vec(), text, scope == SetScope::Local, in_txn);
            if names.iter().any(|name| name == TRACE_SETTING) {
                self.hear_trace();
            }
        }
        self.applied(backend);
        if resets && self.settings.reset_of(names, in_txn) {
            self.restores = Some(backend);
        }
    }

    /// Gives startup parameters their values again that a RESET has just undone, before the client hears of it.
    pub(super) async fn restore_startup(&mut self) -> Result<(), super::Exit> {
        let Some(backend) = self.restores.take() else { return Ok(()) };
        if self.txn.mode == Mode::Failed {
            return Ok(());
        }
        let restored = match self.prepare_slot(backend).await {
            Ok(()) => self.swallow_prefix(backend).await,
            Err(oops) => Err(oops),
        };
        match restored {
            Err(Oops::Exit(exit)) => Err(exit),
            // What was not restored now is so before the next statement.
            Ok(()) | Err(Oops::Told | Oops::Fault(_) | Oops::Server(..)) => Ok(()),
        }
    }

    fn applied(&mut self, backend: BackendId) {
        let last = self.settings.last();
        if let Some(slot) = self.slot(backend) {
            slot.applied = last;
        }
    }

    /// As [`Self::applied`], but the startup parameters behind the reset are still to be set again: to the server, they
    /// were no startup parameters.
    fn applied_up_to_reset(&mut self, backend: BackendId) {
        self.applied(backend);
        let startup = self.settings.startup_count();
        self.restores = (startup > 0).then_some(backend);
        if let Some(slot) = self.slot(backend) {
            slot.applied -= startup.min(slot.applied);
        }
    }

    /// Other connections that are attached follow before their next use.
    fn on_other_slots(&mut self, backend: BackendId, name: &str, text: &[u8]) {
        if self.slots.len() > 1 {
            self.settings.add(vec![name.to_owned()], Bytes::copy_from_slice(text), false, self.txn.is_open());
            let last = self.settings.last();
            if let Some(slot) = self.slot(backend) {
                slot.applied = last;
            }
        }
    }

    fn note_prepare(&mut self, backend: BackendId, name: &str, statement: &Statement) {
        let mut executed = statement.clone();
        executed.kind = Kind::Other;
        let generation = self.slot(backend).map_or(0, |slot| slot.generation);
        let prepared = Prepared {
            analysis: Arc::new(Analysis { statements: vec![executed], fingerprint: Fingerprint::default() }),
            text: Bytes::new(),
            lives: Lives::On(backend),
            generation,
            foreign: None,
            frame: Bytes::new(),
            described: None,
            changed: false,
            origin: None,
        };
        self.names.statements.insert(Bytes::copy_from_slice(name.as_bytes()), Arc::new(prepared));
    }

    /// Compares the backend's transaction status with ours after its ReadyForQuery.
    pub(super) fn reconcile(&mut self, backend: BackendId, own_two_phase: bool) -> Result<(), Oops> {
        let Some(conn) = slots::conn(&mut self.slots, backend) else { return Ok(()) };
        let status = conn.status();
        let enlisted = self.txn.participant(backend).is_some();
        match (status, enlisted) {
            (Status::Idle, false) | (Status::Open | Status::Failed, true) => Ok(()),
            (Status::Idle, true) if own_two_phase && self.txn.participants.len() == 1 => {
                // The client's own PREPARE TRANSACTION has ended it.
                if self.txn.mode == Mode::Failed {
                    self.undo_settings();
                    self.names.end_cursors(false);
                } else {
                    self.settings.committed();
                }
                self.forget_transaction();
                Ok(())
            }
            (Status::Idle, true) => {
                let name = self.services.config.backend(backend).name.clone();
                self.txn.participants.retain(|participant| participant.backend != backend);
                let text = format!("backend \"{name}\" ended its transaction by itself");
                Err(Fault::new(FaultKind::Internal, text).hint("End transactions by COMMIT or ROLLBACK.").into())
            }
            (Status::Open | Status::Failed, false) => {
                // It opened one in a way that our reading did not see: from now on it is the session's.
                let mode = if status == Status::Open { Mode::Explicit } else { Mode::Failed };
                self.begin(mode, Characteristics::default());
                self.txn.id = Some(self.services.commits.next_txn());
                self.txn.enlist(backend).wrote = crate::commit::Wrote::Maybe;
                Ok(())
            }
        }
    }
}

/// RESET x, or SET x TO DEFAULT.
fn is_reset(text: &[u8]) -> bool {
    let text = text.trim_ascii().to_ascii_lowercase();
    let text = text.strip_suffix(b";").unwrap_or(&text).trim_ascii_end();
    text.starts_with(b"reset") || text.ends_with(b"default") || text.ends_with(b"local")
}

/// The settings that it sets.
fn characteristics(with: Characteristics) -> Vec<String> {
    let given = [
        (with.isolation.is_some(), "default_transaction_isolation"),
        (with.read_only.is_some(), "default_transaction_read_only"),
        (with.deferrable.is_some(), "default_transaction_deferrable"),
    ];
    given.into_iter().filter(|(given, _)| *given).map(|(_, name)| name.to_owned()).collect()
}

fn begins_with(text: &[u8], word: &[u8]) -> bool {
    text.trim_ascii_start().get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word))
}

fn is_reset_all(text: &[u8]) -> bool {
    let text = text.trim_ascii().to_ascii_lowercase();
    let mut words = text.split(|b| b.is_ascii_whitespace() || *b == b';').filter(|word| !word.is_empty());
    words.next() == Some(b"reset") && words.next() == Some(b"all")
}
