//! The session's backend connections: one per backend, from its first need on. Between transactions it may be parked
//! (`parking`); names, settings and cursors stay where they are, or are brought to the next connection.

use std::io;

use super::keeps::Keeps;
use super::oops::Oops;
use super::{Exit, Session};
use crate::backend::pg::PgConn;
use crate::backend::{Conn, VerbError, verbs};
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::commit::Enlisted;
use crate::relay::pg::{Pass, RelayError, Until, answer};
use crate::session::transaction::Mode;
use crate::wire::pg::server::Status;

/// A backend that the session is attached to.
#[derive(Debug)]
pub(super) struct Slot {
    pub backend: BackendId,
    /// `None` while the transaction ends, and while it is parked.
    pub conn: Option<PgConn>,
    /// Tells this connection from an earlier one to the same backend.
    pub generation: u64,
    /// Serial of the last setting that the connection has.
    pub applied: u64,
    /// Answers to statements of ours that come before the client's.
    pub prefix: u32,
    /// The pool keeps the connection for us meanwhile.
    pub parked: bool,
    /// What only this connection has.
    pub keeps: Keeps,
}

impl Slot {
    /// With a connection on which everything is still to be replayed.
    pub(super) fn new(backend: BackendId, conn: PgConn, generation: u64) -> Self {
        Self { backend, conn: Some(conn), generation, applied: 0, prefix: 0, parked: false, keeps: Keeps::default() }
    }
}

/// The connection of a backend.
pub(super) fn conn(slots: &mut [Slot], backend: BackendId) -> Option<&mut PgConn> {
    slots.iter_mut().find(|slot| slot.backend == backend)?.conn.as_mut()
}

impl Session {
    pub(super) fn slot(&mut self, backend: BackendId) -> Option<&mut Slot> {
        self.slots.iter_mut().find(|slot| slot.backend == backend)
    }

    /// Makes the backend ready for a statement: waits for its unfinished commits, attaches it, enlists it in an open
    /// transaction, and queues the settings it lacks. All of ours that is queued goes out with the statement.
    pub(super) async fn prepare_slot(&mut self, backend: BackendId) -> Result<(), Oops> {
        self.finish_rest().await;
        self.services.commits.wait_readable(backend).await?;
        let generations = self.generations;
        if self.slot(backend).is_none_or(|slot| slot.conn.as_ref().is_none_or(PgConn::is_broken)) {
            self.attach(backend).await?;
        }
        let joins = self.txn.is_open() && self.txn.participant(backend).is_none();
        let applied = self.slot(backend).map_or(0, |slot| slot.applied);
        let lacks = self.settings.lacks(applied);
        let mut strictly = lacks && self.settings.lacks_role(applied);
        if (joins || lacks) && self.conn(backend)?.is_unsynced() {
            self.settle(backend).await?;
        }
        if lacks {
            self.queue_settings(backend, joins);
        }
        if self.generations != generations {
            self.queue_prepares(backend);
            strictly |= self.settings.decide_rights();
        }
        if strictly {
            // As whom the statement runs must be certain before it is sent.
            self.replay_strictly(backend).await?;
        }
        if joins {
            self.enlist(backend)?;
            self.queue_settings(backend, false);
        }
        Ok(())
    }

    async fn attach(&mut self, backend: BackendId) -> Result<(), Oops> {
        if self.txn.participant(backend).is_some() {
            self.slots.retain(|slot| slot.backend != backend);
            return Err(self.lost(backend, &io::ErrorKind::NotConnected.into()));
        }
        let config = self.services.config.backend(backend);
        if config.dialect != Dialect::Postgres {
            let text = format!("backend \"{}\" speaks {} and this client PostgreSQL", config.name, config.dialect);
            return Err(Fault::new(FaultKind::NotSupported, text)
                .hint("Connect to the MySQL port for tables of that backend.")
                .into());
        }
        self.attach_pg(backend).await
    }

    /// Waits until the settings are there. Errors: one is refused. At home and outside the login that ends the session:
    /// nothing could run any more as whom it should. Elsewhere, it is tried again before the next statement.
    async fn replay_strictly(&mut self, backend: BackendId) -> Result<(), Oops> {
        let Err(oops) = self.swallow_prefix_strictly(backend).await else { return Ok(()) };
        let Oops::Server(error, _) = oops else { return Err(oops) };
        if !self.greeted {
            return Err(Oops::Server(error, None));
        }
        if backend != self.home {
            if let Some(slot) = self.slot(backend) {
                slot.applied = 0;
            }
            let (code, name) = (FaultKind::NotSupported.code(), &self.services.config.backend(backend).name);
            let detail = format!("{code}: the session's role or a setting does not go over to backend \"{name}\"");
            return Err(Oops::Server(error, Some(detail)));
        }
        let text = format!("terminating connection: a setting of the session is refused now: {}", error.message);
        Err(Exit::fatal(Fault::new(FaultKind::BackendLost, text).hint("Connect again.")).into())
    }

    /// Queues the settings that the connection lacks; `before`: only those from before the transaction.
    fn queue_settings(&mut self, backend: BackendId, before: bool) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.backend == backend) else { return };
        let Some(conn) = slot.conn.as_mut() else { return };
        for setting in self.settings.after(slot.applied) {
            if before && !self.settings.is_before_transaction(setting) {
                break;
            }
            conn.queue_query(&setting.text);
            slot.applied = setting.serial;
            slot.prefix += 1;
        }
        if !before {
            // Also those that were undone since.
            slot.applied = self.settings.last();
        }
    }

    /// The backend joins the transaction. BEGIN, its characteristics and the savepoints go as one text: if any of it
    /// fails, the server is in a failed transaction, and what is pipelined behind cannot run by itself.
    fn enlist(&mut self, backend: BackendId) -> Result<(), Oops> {
        let participants_max = self.services.config.transactions.participants_max;
        if self.txn.participants.len() >= participants_max {
            let text = format!("more than {participants_max} backends in one transaction");
            return Err(Fault::new(FaultKind::NotSupported, text)
                .hint("Raise transactions.participants_max, or use fewer backends in one transaction.")
                .into());
        }
        let mut text = String::from("BEGIN");
        let with = verbs::pg_begin(self.txn.with);
        if let Some(characteristics) = with.strip_prefix("BEGIN").filter(|rest| !rest.is_empty()) {
            text.push_str(";SET TRANSACTION");
            text.push_str(characteristics);
        }
        for name in &self.txn.savepoints {
            text.push(';');
            text.push_str(&verbs::savepoint(Dialect::Postgres, name));
        }
        self.conn(backend)?.queue_query(text.as_bytes());
        if let Some(slot) = self.slot(backend) {
            slot.prefix += 1;
        }
        if self.txn.id.is_none() {
            self.txn.id = Some(self.services.commits.next_txn());
        }
        self.txn.enlist(backend);
        Ok(())
    }

    /// Reads the answers to what was queued before the client's statement. What fails the transaction is the client's
    /// error; a setting from before it that this backend refuses is not.
    pub(super) async fn swallow_prefix(&mut self, backend: BackendId) -> Result<(), Oops> {
        let mut outcome = Ok(());
        let mut asides = bytes::BytesMut::new();
        while let Some(slot) = self.slot(backend).filter(|slot| slot.prefix > 0) {
            slot.prefix -= 1;
            let Some(conn) = slot.conn.as_mut() else { break };
            let finished = conn.finish_run("BEGIN or SET").await;
            asides.unsplit(conn.take_asides());
            let in_txn = conn.status() == Status::Failed;
            match finished {
                Ok(()) => {}
                Err(VerbError::Lost { source, .. }) => return Err(self.lost(backend, &source)),
                Err(error) if in_txn => outcome = outcome.and(Err(error.into())),
                Err(error) => tracing::warn!(backend = backend.0, %error, "a setting could not be replayed"),
            }
        }
        self.client.asides(&asides);
        outcome
    }

    /// As [`Self::swallow_prefix`], but any refusal counts: at the login, and where settings decide who one is.
    pub(super) async fn swallow_prefix_strictly(&mut self, backend: BackendId) -> Result<(), Oops> {
        let mut refused = Ok(());
        while let Some(slot) = self.slot(backend).filter(|slot| slot.prefix > 0) {
            slot.prefix -= 1;
            let Some(conn) = slot.conn.as_mut() else { break };
            match conn.finish_run("SET").await {
                Ok(()) => {}
                Err(VerbError::Lost { source, .. }) => return Err(self.lost(backend, &source)),
                Err(error) => refused = refused.and(Err(error.into())),
            }
        }
        let asides = self.conn(backend)?.take_asides();
        if self.greeted {
            self.client.asides(&asides);
        }
        refused
    }

    /// Ends the backend's pipeline by a Sync of ours. In a transaction that changes nothing but the expectation.
    pub(super) async fn settle(&mut self, backend: BackendId) -> Result<(), Oops> {
        self.swallow_prefix(backend).await?;
        let Some(conn) = conn(&mut self.slots, backend).filter(|conn| conn.is_unsynced()) else { return Ok(()) };
        conn.queue_sync();
        let synced = answer(conn, &mut self.client, Until::Ready, Pass::Asides).await;
        if self.pipeline.current == Some(backend) {
            self.pipeline.current = None;
            self.pipeline.executed = false;
        }
        match synced {
            Ok(done) if done.failed => Err(Oops::Told),
            Ok(_) => Ok(()),
            Err(error) => Err(self.relay_failed(backend, error)),
        }
    }

    /// Settles all backends.
    pub(super) async fn settle_all(&mut self) -> Result<(), Oops> {
        let backends: Vec<BackendId> = self.slots.iter().map(|slot| slot.backend).collect();
        for backend in backends {
            self.settle(backend).await?;
        }
        Ok(())
    }

    /// What a broken relay means for the session.
    pub(super) fn relay_failed(&mut self, backend: BackendId, error: RelayError) -> Oops {
        match error {
            RelayError::Client(source) => Exit::Gone(source).into(),
            RelayError::Backend(source) => self.lost(backend, &source),
        }
    }

    /// A backend's connection is lost: its part of an open transaction is rolled back by the server.
    pub(super) fn lost(&mut self, backend: BackendId, source: &io::Error) -> Oops {
        let precious = self.slot(backend).is_some_and(|slot| slot.keeps.is_precious());
        self.slots.retain(|slot| slot.backend != backend);
        self.foreign.retain(|slot| slot.participant != backend);
        if precious {
            return self.lost_for_good(backend).into();
        }
        if self.pipeline.current == Some(backend) {
            self.pipeline.current = None;
            self.pipeline.executed = false;
        }
        let name = &self.services.config.backend(backend).name;
        let fault =
            Fault::new(FaultKind::BackendLost, format!("the connection to backend \"{name}\" was lost: {source}"));
        if self.txn.participant(backend).is_none() {
            return fault.hint("The statement may or may not have been executed.").into();
        }
        self.txn.participants.retain(|participant| participant.backend != backend);
        // No savepoint can bring that part back.
        self.txn.savepoints.clear();
        self.marks.clear();
        if self.txn.mode == Mode::Explicit {
            self.txn.mode = Mode::Failed;
        }
        fault.hint("The transaction is rolled back on all backends; it can be retried.").into()
    }

    /// Hands over the participants' connections for the end of the transaction.
    pub(super) fn take_participants(&mut self) -> Vec<Enlisted> {
        let mut taken = Vec::with_capacity(self.txn.participants.len());
        for participant in std::mem::take(&mut self.txn.participants) {
            let (place, wrote, backend) = (participant.place, participant.wrote, participant.backend);
            if let Some(conn) = self.foreign.iter_mut().find(|slot| slot.participant == backend) {
                taken.extend(conn.conn.take().map(|conn| Enlisted { place, wrote, conn: Conn::Mysql(conn) }));
                continue;
            }
            let Some(slot) = self.slots.iter_mut().find(|slot| slot.backend == backend) else { continue };
            slot.prefix = 0;
            taken.extend(slot.conn.take().map(|conn| Enlisted { place, wrote, conn: Conn::Pg(conn) }));
        }
        taken
    }

    /// Takes back the connections that are still good.
    pub(super) async fn put_back(&mut self, conns: Vec<Conn>) {
        for conn in conns {
            match conn {
                Conn::Pg(mut conn) => {
                    let asides = conn.take_asides();
                    self.client.asides(&asides);
                    let backend = conn.backend();
                    if let Some(slot) = self.slot(backend) {
                        slot.conn = Some(conn);
                    } else {
                        self.services.pools.release(Conn::Pg(conn)).await;
                    }
                }
                Conn::Mysql(conn) => {
                    let backend = conn.backend();
                    if let Some(slot) = self.foreign.iter_mut().find(|slot| slot.participant == backend) {
                        slot.conn = Some(conn);
                    } else {
                        self.services.pools.release(Conn::Mysql(conn)).await;
                    }
                }
            }
        }
        if self.rest.is_none() {
            self.foreign.retain(|slot| slot.conn.is_some() || slot.parked);
            self.slots.retain(|slot| slot.conn.is_some() || slot.parked);
        }
    }
}
