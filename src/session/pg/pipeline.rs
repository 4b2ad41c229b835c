//! What was forwarded in the extended protocol and is not answered yet, in the client's order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::names::Prepared;
use super::oops::Oops;
use super::running::Cancel;
use super::settings::Settings;
use super::{Exit, Session, slots};
use crate::base::BackendId;
use crate::commit::Wrote;
use crate::relay::pg::{Pass, Until, answer};
use crate::session::transaction::Mode;
use crate::session::watch::Watched;
use crate::sql::{Kind, Unpreparable};
use crate::wire::pg::HEADER_BYTES;
use crate::wire::pg::client as message;
use crate::wire::pg::error::Origin;
use crate::wire::pg::header;
use crate::wire::pg::server::{put_empty, put_parameters, tag};

/// Places for replies that an idle session keeps at most.
const PENDING_KEPT_MAX: usize = 64;

/// A reply that the client waits for.
#[derive(Debug)]
pub(super) enum Pending {
    /// From the pipeline's backend.
    Backend {
        /// Which frame ends it.
        until: Until,
        /// What of it is shown.
        pass: Pass,
        /// Parse: the name, to be forgotten if it is refused.
        parsed: Option<Bytes>,
        /// Execute: what was executed, and whether its text says all.
        executed: Option<(Arc<Prepared>, bool)>,
        /// For the positions in its errors.
        origin: Option<Arc<Origin>>,
        /// For statistics.
        watched: Option<Watched>,
    },
    /// From the pipeline's backend, to a Parse of ours.
    Again {
        /// The statement's name.
        name: Bytes,
    },
    /// From the pipeline's backend, to a Describe of a statement.
    Description {
        /// The statement's name.
        name: Bytes,
        /// What of it is shown.
        pass: Pass,
        /// It must be what it was, else it is the first one.
        again: bool,
    },
    /// The session's own: a frame without a body.
    Own(u8),
    /// The session's own ParameterDescription and NoData.
    OwnDescription(Vec<u32>),
    /// The session's own frames.
    OwnFrames(Bytes),
}

impl Pending {
    fn is_backends(&self) -> bool {
        matches!(self, Self::Backend { .. } | Self::Again { .. } | Self::Description { .. })
    }
}

/// The pipeline since the last Sync.
#[derive(Debug)]
pub(super) struct Pipeline {
    /// Replies to come.
    pub pending: VecDeque<Pending>,
    /// The backend that they come from.
    pub current: Option<BackendId>,
    /// Something was bound or executed there, outside an explicit transaction.
    pub executed: bool,
    /// What that may have written.
    pub wrote: Wrote,
    /// Why it could not be prepared.
    pub unpreparable: Option<Unpreparable>,
    /// After an error: everything up to the Sync is dropped.
    pub skipping: bool,
    /// The settings before the first one that was made in it, outside an explicit transaction: an error undoes them.
    pub before: Option<Settings>,
    /// When the answer to its last statement ended.
    pub answered: Option<Instant>,
}

impl Default for Pipeline {
    fn default() -> Self {
        Self {
            pending: VecDeque::new(),
            current: None,
            executed: false,
            wrote: Wrote::No,
            unpreparable: None,
            skipping: false,
            before: None,
            answered: None,
        }
    }
}

fn sets(kind: &Kind) -> bool {
    matches!(kind, Kind::Set { .. } | Kind::SetSessionCharacteristics(_))
}

impl Pipeline {
    /// Whether nothing has happened since the last Sync.
    pub(super) fn is_idle(&self) -> bool {
        self.pending.is_empty() && self.current.is_none() && !self.skipping
    }

    /// What simple queries have done is no part of a pipeline that comes after them.
    pub(super) fn forget_marks(&mut self) {
        self.wrote = Wrote::No;
        self.unpreparable = None;
    }

    /// As new, with its memory kept for the next one.
    fn reset(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        pending.clear();
        if pending.capacity() > PENDING_KEPT_MAX {
            pending = VecDeque::new();
        }
        *self = Self { pending, ..Self::default() };
    }
}

impl Session {
    /// Makes `backend` the one that the pipeline goes on with. Replies of another one are drained first; if that one has
    /// executed something in an implicit transaction, it becomes part of a transaction of both (hole P10).
    pub(super) async fn turn_to(&mut self, backend: BackendId) -> Result<(), Oops> {
        if let Some(old) = self.pipeline.current.filter(|old| *old != backend) {
            self.drain(false).await?;
            if self.txn.mode == Mode::Autocommit {
                if self.pipeline.executed {
                    self.make_explicit(old, Mode::Implicit).await?;
                } else {
                    self.settle(old).await?;
                }
            }
        }
        let fresh = self.pipeline.current != Some(backend);
        if fresh || self.lacks_settings(backend) {
            // Settings go between, as queries of ours, so the replies before them must be here.
            self.drain(false).await?;
            self.prepare_slot(backend).await?;
            self.pipeline.current = Some(backend);
        }
        let conn = self.conn(backend)?;
        if conn.queued_bytes() >= crate::base::limits::RELAY_BUFFER_BYTES {
            // Bounded memory: a long pipeline is answered in between.
            self.drain(false).await?;
        }
        Ok(())
    }

    /// What the server says to a pipeline before it is asked to flush: an error, or more than we want to hold. The client
    /// hears it at once, as it does from the server; it may never send a Sync otherwise.
    pub(super) async fn hear_early(&mut self, backend: BackendId) -> Result<(), Exit> {
        if self.pipeline.current != Some(backend) || self.pipeline.pending.is_empty() {
            return Ok(());
        }
        let Some(conn) = slots::conn(&mut self.slots, backend).filter(|conn| !conn.is_broken()) else { return Ok(()) };
        let much = conn.buffered().len() >= crate::base::limits::RELAY_BUFFER_BYTES;
        if !much && !has_error(conn.buffered()) {
            return Ok(());
        }
        let Err(oops) = self.drain(false).await else { return Ok(()) };
        self.tell(oops).await?;
        self.pipeline.skipping = true;
        Ok(())
    }

    pub(super) fn lacks_settings(&self, backend: BackendId) -> bool {
        let slot = self.slots.iter().find(|slot| slot.backend == backend);
        slot.is_none_or(|slot| self.settings.lacks(slot.applied))
    }

    /// Passes on all replies that are still to come. `synced`: a Sync is queued behind the messages already, else the
    /// server is asked to flush. Errors: also the backend's own, which ends the pipeline.
    pub(super) async fn drain(&mut self, synced: bool) -> Result<(), Oops> {
        if let Some(backend) = self.pipeline.current
            && self.pipeline.pending.iter().any(Pending::is_backends)
        {
            let conn = self.conn(backend)?;
            let token = conn.cancel_token().clone();
            if !synced {
                let mut flush = bytes::BytesMut::new();
                message::put_empty(&mut flush, message::tag::FLUSH);
                conn.queue(&flush);
            }
            self.running.set(Some(Cancel::Pg(token)));
            let begun = self.swallow_prefix(backend).await;
            if begun.is_err() {
                self.forget_pending();
                // The statement's own refusal behind it is told by the Sync, silently.
                return begun;
            }
        }
        while let Some(pending) = self.pipeline.pending.pop_front() {
            match pending {
                Pending::Own(tag) => put_empty(&mut self.client.out, tag),
                Pending::OwnFrames(frames) => self.client.out.extend_from_slice(&frames),
                Pending::OwnDescription(oids) => {
                    put_parameters(&mut self.client.out, &oids);
                    put_empty(&mut self.client.out, tag::NO_DATA);
                }
                Pending::Again { name } => {
                    if let Err(oops) = self.drain_again(&name).await {
                        self.forget_pending();
                        return Err(oops);
                    }
                }
                Pending::Description { name, pass, again } => {
                    if let Err(oops) = self.drain_description(&name, pass, again).await {
                        self.forget_pending();
                        return Err(oops);
                    }
                }
                Pending::Backend { until, pass, parsed, executed, origin, watched } => {
                    self.client.origin = origin;
                    let drained = self.drain_one(until, pass, executed, watched).await;
                    self.client.origin = None;
                    if let Err(oops) = drained {
                        if let Some(name) = parsed {
                            self.names.statements.remove(&name);
                        }
                        self.forget_pending();
                        return Err(oops);
                    }
                }
            }
        }
        Ok(())
    }

    async fn drain_one(
        &mut self,
        until: Until,
        pass: Pass,
        executed: Option<(Arc<Prepared>, bool)>,
        mut watched: Option<Watched>,
    ) -> Result<(), Oops> {
        let Some(backend) = self.pipeline.current else { return Ok(()) };
        self.conn(backend)?;
        let Some(conn) = slots::conn(&mut self.slots, backend) else { return Ok(()) };
        match answer(conn, &mut self.client, until, pass).await {
            Ok(done) if done.failed => {
                watched.iter_mut().for_each(|watched| watched.refused(done.sqlstate, Some(backend)));
                self.watched(watched);
                return Err(Oops::Told);
            }
            Ok(_) => self.watched(watched),
            Err(error) => {
                let oops = self.relay_failed(backend, error);
                watched.iter_mut().for_each(|watched| watched.refused(*b"08006", Some(backend)));
                self.watched(watched);
                return Err(oops);
            }
        }
        if let Some((prepared, plain)) = executed
            && let Some(statement) = prepared.statement()
        {
            if self.txn.mode == Mode::Autocommit && self.pipeline.before.is_none() && sets(&statement.kind) {
                self.pipeline.before = Some(self.settings.clone());
            }
            self.note_effects(backend, statement, &prepared.text, plain);
            if matches!(statement.kind, Kind::Prepare(_))
                && let Ok(parse) = message::parse(prepared.frame.get(HEADER_BYTES..).unwrap_or_default())
            {
                self.note_sent(statement, parse.text);
            }
        }
        Ok(())
    }

    /// Drops what is not answered; statements whose Parse is among it were never prepared.
    fn forget_pending(&mut self) {
        for pending in std::mem::take(&mut self.pipeline.pending) {
            if let Pending::Backend { parsed: Some(name), .. } = pending {
                self.names.statements.remove(&name);
            } else if let Pending::Again { name } = pending {
                self.not_again(&name);
            }
        }
    }

    /// Sync: all backends are synced, an implicit transaction commits, and one ReadyForQuery tells the session's status.
    pub(super) async fn on_sync(&mut self) -> Result<(), Exit> {
        self.sync_silently().await?;
        self.restore_startup().await?;
        self.ready();
        Ok(())
    }

    /// As [`Self::on_sync`], without the ReadyForQuery.
    pub(super) async fn sync_silently(&mut self) -> Result<(), Exit> {
        let skipped = self.pipeline.skipping;
        let synced = self.sync(skipped).await;
        let told = match synced {
            Err(oops) => self.tell(oops).await,
            Ok(()) if self.txn.mode == Mode::Implicit => match self.end_by_commit().await {
                Ok(()) => Ok(()),
                Err(oops) => self.tell(oops).await,
            },
            Ok(()) => Ok(()),
        };
        if self.txn.mode == Mode::Autocommit {
            self.names.forget_portals();
        }
        self.pipeline.reset();
        told
    }

    async fn sync(&mut self, skipped: bool) -> Result<(), Oops> {
        if let Some(backend) = self.pipeline.current {
            let conn = self.conn(backend)?;
            conn.queue_sync();
            let drained = self.drain(true).await;
            if let Err(oops @ (Oops::Exit(_) | Oops::Fault(_))) = drained {
                return Err(oops);
            }
            self.swallow_prefix(backend).await?;
            let Some(conn) = slots::conn(&mut self.slots, backend) else { return drained };
            let pass = if drained.is_ok() && !skipped { Pass::Asides } else { Pass::Silent };
            match answer(conn, &mut self.client, Until::Ready, pass).await {
                Ok(done) if done.failed && pass == Pass::Asides => return Err(Oops::Told),
                Ok(_) => {}
                Err(error) => return Err(self.relay_failed(backend, error)),
            }
            drained?;
            self.reconcile(backend, true)?;
        } else {
            self.drain(true).await?;
        }
        self.pipeline.current = None;
        self.pipeline.executed = false;
        self.settle_all().await
    }
}

/// Whether an ErrorResponse is among the frames.
fn has_error(frames: &[u8]) -> bool {
    let mut rest = frames;
    while let Ok(Some(head)) = header(rest) {
        if head.tag == tag::ERROR {
            return true;
        }
        rest = &rest[head.total_bytes.min(rest.len())..];
    }
    false
}
