//! The end of a transaction: COMMIT, ROLLBACK, and what an error makes of it.

use super::Session;
use super::oops::Oops;
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::commit::ledger::Client;
use crate::commit::{Ended, Why, Wrote};
use crate::relay::pg::{Pass, Until, answer};
use crate::session::outcome::{self, Heard, Last};
use crate::session::transaction::{Mode, Transaction};
use crate::sql::Characteristics;
use crate::telemetry::traces::TraceContext;
use crate::wire::pg::client::{self as message, Target};
use crate::wire::pg::error::{Severity, put_error};

/// Our name for the statement and the portal that make a pipeline's transaction explicit: with our prefix, so that they
/// take no name of the client's, least of all the unnamed ones.
const OUR_BEGIN: &[u8] = b"hf1.begin";

/// A client that has set this hears the name of each distributed transaction that it commits.
const NOTICE_SETTING: &str = "handfast.notice";

/// A client that has set this has its transactions traced beside this span.
pub(super) const TRACE_SETTING: &str = "handfast.traceparent";

impl Session {
    /// Commits the open transaction on all its participants. Afterwards there is none, whatever came of it.
    pub(super) async fn end_by_commit(&mut self) -> Result<(), Oops> {
        // From here on nothing is cancelled: a cancel must not hit phase two.
        self.running.set(None);
        self.running.settled().await;
        let (id, joined) = (self.txn.id.take(), self.txn.joined);
        let taken = self.take_participants();
        self.forget_transaction();
        let Some(id) = id.filter(|_| joined > 0) else {
            self.settings.committed();
            self.names.end_cursors(true);
            return Ok(());
        };
        let notice = joined > 1 && self.settings.is_on(NOTICE_SETTING);
        let watched = self.watch.commit(&self.services);
        let client = Client { protocol: Dialect::Postgres, user: &self.user, trace: watched.trace() };
        let ending = self.services.commits.commit(&id, client, joined, taken);
        let report = self.activity.committing(id.seq, ending).await;
        watched.ended(&self.services, Dialect::Postgres, &id, joined, &report.ended);
        self.rest = report.rest;
        self.put_back(report.conns).await;
        self.names.end_cursors(matches!(report.ended, Ended::Committed { .. }));
        if joined > 1 {
            let heard = match &report.ended {
                Ended::Committed { .. } => Heard::Committed,
                Ended::RolledBack(_) => Heard::RolledBack,
                Ended::Unknown { .. } => Heard::Unknown,
            };
            self.last = Some(Last { txn: id.clone(), heard });
        }
        match report.ended {
            Ended::Committed { warnings } => {
                self.settings.committed();
                self.hear_trace();
                if notice {
                    put_error(&mut self.client.out, Severity::Notice, "00000", &outcome::notice(&id), None, None);
                }
                for warning in warnings {
                    self.warn("01000", &warning);
                }
                Ok(())
            }
            Ended::RolledBack(why) => {
                self.undo_settings();
                Err(match why {
                    Why::Refused { backend, error } => {
                        let name = &self.services.config.backend(backend).name;
                        let code = FaultKind::RolledBack.code();
                        let detail = format!("{code}: backend \"{name}\" refused; rolled back on all backends");
                        let detail = (joined > 1).then_some(detail);
                        Oops::Server(Box::new(self.in_our_words(backend, &error)), detail)
                    }
                    Why::Fault(fault) => fault.into(),
                })
            }
            Ended::Unknown { txn } => {
                // The settings' fate is the transaction's; what the connections have is read again where it matters.
                self.settings.committed();
                let text = format!("it is not known whether transaction {txn} was committed");
                Err(Fault::new(FaultKind::OutcomeUnknown, text).hint(outcome::how_to_ask(&txn)).into())
            }
        }
    }

    /// Waits for the phase two of a commit that the client has been told of, and takes its connections back.
    pub(super) async fn finish_rest(&mut self) {
        if let Some(rest) = self.rest.take() {
            let conns = rest.await;
            self.put_back(conns).await;
        }
    }

    /// Rolls the open transaction back on all its participants. Afterwards there is none.
    pub(super) async fn roll_back(&mut self) {
        self.running.set(None);
        self.roll_back_participants().await;
        if self.txn.is_open() {
            self.undo_settings();
        }
        self.forget_transaction();
        self.names.end_cursors(false);
    }

    pub(super) async fn roll_back_participants(&mut self) {
        self.pipeline.current = None;
        self.pipeline.executed = false;
        let taken = self.take_participants();
        if let Some(id) = self.txn.id.take().filter(|_| !taken.is_empty()) {
            if taken.len() > 1 {
                self.last = Some(Last { txn: id.clone(), heard: Heard::RolledBack });
            }
            let conns = self.services.commits.rollback(&id, taken).await;
            self.put_back(conns).await;
        }
    }

    pub(super) fn forget_transaction(&mut self) {
        self.txn = Transaction::none();
        self.slots.iter_mut().for_each(|slot| slot.keeps.at_rest());
        self.marks.clear();
        self.names.forget_portals();
        self.pipeline.current = None;
        self.pipeline.executed = false;
    }

    /// Which trace the client's settings name now.
    pub(super) fn hear_trace(&mut self) {
        let text = self.settings.text_of(TRACE_SETTING);
        self.watch.name(text.as_deref().and_then(TraceContext::find));
    }

    pub(super) fn undo_settings(&mut self) {
        let serial = self.settings.rolled_back();
        self.hear_trace();
        for slot in &mut self.slots {
            slot.applied = slot.applied.min(serial);
        }
    }

    /// A new transaction.
    pub(super) fn begin(&mut self, mode: Mode, with: Characteristics) {
        self.txn = Transaction::begun(mode, with);
        self.settings.begin();
    }

    /// What an error makes of the transaction. `native`: the error is the backend's own, so that its pipeline has ended
    /// by itself.
    pub(super) async fn fail_transaction(&mut self, native: bool) -> Result<(), super::Exit> {
        self.pipeline.pending.clear();
        match self.txn.mode {
            Mode::Autocommit => {
                if let Some(before) = self.pipeline.before.take() {
                    self.settings.undone(before);
                }
                let current = self.pipeline.current.filter(|_| self.pipeline.executed && !native);
                if let Some(backend) = current {
                    // The statements before the error must not be committed by the Sync behind it.
                    match self.make_explicit(backend, Mode::Implicit).await {
                        Err(Oops::Exit(exit)) => return Err(exit),
                        Ok(()) | Err(Oops::Told | Oops::Fault(_) | Oops::Server(..)) => self.roll_back().await,
                    }
                }
            }
            Mode::Implicit => self.roll_back().await,
            Mode::Explicit => {
                self.txn.mode = Mode::Failed;
                // As a server's own abort does, let go of the locks at once; only a savepoint could want them back.
                let several = self.txn.participants.len() > 1 || self.has_foreign_participant();
                if self.txn.savepoints.is_empty() && several {
                    self.roll_back_participants().await;
                }
            }
            Mode::Failed => {}
        }
        Ok(())
    }

    /// Turns the implicit transaction of a pipeline into an explicit one on its backend: a BEGIN within it takes in what
    /// it did before. All replies to the pipeline must have been drained.
    pub(super) async fn make_explicit(&mut self, backend: BackendId, mode: Mode) -> Result<(), Oops> {
        let mut frames = bytes::BytesMut::new();
        message::put_parse(&mut frames, OUR_BEGIN, b"BEGIN");
        message::put_bind(&mut frames, OUR_BEGIN, OUR_BEGIN);
        message::put_execute(&mut frames, OUR_BEGIN);
        message::put_close(&mut frames, Target::Statement, OUR_BEGIN);
        message::put_empty(&mut frames, message::tag::FLUSH);
        self.conn(backend)?.queue_extended(&frames);
        for until in [Until::Parsed, Until::Bound, Until::Executed, Until::Closed] {
            let Some(conn) = super::slots::conn(&mut self.slots, backend) else { break };
            match answer(conn, &mut self.client, until, Pass::Asides).await {
                Ok(done) if done.failed => return Err(Oops::Told),
                Ok(_) => {}
                Err(error) => return Err(self.relay_failed(backend, error)),
            }
        }
        let portals = std::mem::take(&mut self.names.portals);
        let wrote = std::mem::replace(&mut self.pipeline.wrote, Wrote::No);
        let unpreparable = self.pipeline.unpreparable.take();
        self.begin(mode, Characteristics::default());
        self.names.portals = portals;
        self.txn.id = Some(self.services.commits.next_txn());
        let participant = self.txn.enlist(backend);
        participant.wrote = wrote;
        participant.unpreparable = unpreparable;
        Ok(())
    }
}
