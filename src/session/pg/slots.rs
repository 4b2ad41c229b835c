//! The session's backend connections: one per backend, from its first need on. Between transactions it may be parked
//! (`parking`); names, settings and cursors stay where they are, or are brought to the next connection.

use std::collections::VecDeque;
use std::io;

use super::keeps::Keeps;
use super::oops::Oops;
use super::{Exit, Session};
use crate::backend::pg::PgConn;
use crate::backend::{Conn, VerbError, verbs};
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::commit::Enlisted;
use crate::relay::pg::{Pass, RelayError, Until, answer, asides};
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
    /// True: what follows may only run if it succeeds.
    pub prefix: VecDeque<bool>,
    /// The pool keeps the connection for us meanwhile.
    pub parked: bool,
    /// What only this connection has.
    pub keeps: Keeps,
}

impl Slot {
    /// With a connection on which everything is still to be replayed.
    pub(super) fn new(backend: BackendId, conn: PgConn, generation: u64) -> Self {
        Self {
            backend,
            conn: Some(conn),
            generation,
            applied: 0,
            prefix: VecDeque::new(),
            parked: false,
            keeps: Keeps::default(),
        }
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
        self.services.routes.admit(&self.reach, backend)?;
        self.finish_rest().await;
        if !self.services.commits.is_readable(backend) {
            self.activity.waiting(backend.0, self.services.commits.wait_readable(backend)).await?;
        }
        if self.txn.participant(backend).is_none() && self.services.pools.is_paused(backend) {
            self.activity.waiting(backend.0, self.services.pools.wait_resumed(backend)).await?;
        }
        self.hear_out(backend);
        let generations = self.generations;
        if self.slot(backend).is_none_or(|slot| slot.conn.as_ref().is_none_or(PgConn::is_broken)) {
            self.attach(backend).await?;
        }
        let joins = self.txn.is_open() && self.txn.participant(backend).is_none();
        let lacks = self.lacks_settings(backend);
        if (joins || lacks) && self.conn(backend)?.is_unsynced() {
            self.settle(backend).await?;
        }
        if lacks {
            self.queue_settings(backend, joins);
        }
        if self.generations != generations {
            self.queue_prepares(backend);
        }
        if joins {
            self.enlist(backend)?;
            self.queue_settings(backend, false);
        }
        if self.slot(backend).is_some_and(|slot| slot.prefix.contains(&true)) {
            self.swallow_prefix(backend).await?;
        }
        Ok(())
    }

    /// Attaches the home backend at once if its pool has plenty of room. Returns the server's own process id, which is then
    /// the client's, too: drivers compare it with those in notifications, and tools ask `pg_locks` for it. `None`: the
    /// connection comes with the first statement.
    pub async fn reach_home(&mut self) -> Option<i32> {
        if !self.services.pools.has_plenty(self.home) {
            return None;
        }
        match self.attach(self.home).await {
            Ok(()) => self.conn(self.home).ok().map(|conn| conn.cancel_token().pid()),
            Err(oops) => {
                tracing::info!(?oops, "the home backend could not be reached at a login");
                None
            }
        }
    }

    /// What came unasked is no part of the next answer: asides are passed on, and after anything else the connection is
    /// not used again.
    fn hear_out(&mut self, backend: BackendId) {
        let Some(conn) = conn(&mut self.slots, backend) else { return };
        if conn.outstanding() > 0 || conn.is_unsynced() || conn.buffered().is_empty() {
            return;
        }
        if let Err(error) = asides(conn, &mut self.client) {
            conn.set_broken();
            tracing::warn!(backend = backend.0, %error, "a connection is given up");
        }
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
            slot.prefix.push_back(setting.is_role());
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
            slot.prefix.push_back(false);
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
        while let Some(slot) = self.slot(backend) {
            let Some(vital) = slot.prefix.pop_front() else { break };
            let Some(conn) = slot.conn.as_mut() else { break };
            let finished = conn.finish_run("BEGIN or SET").await;
            asides.unsplit(conn.take_asides());
            let in_txn = conn.status() == Status::Failed;
            match finished {
                Ok(()) => {}
                Err(VerbError::Lost { source, .. }) => return Err(self.lost(backend, &source)),
                Err(error) if in_txn => outcome = outcome.and(Err(error.into())),
                Err(VerbError::Refused { error, .. }) if vital => {
                    // To be tried again before the next statement there: none may run with other rights.
                    if let Some(slot) = self.slot(backend) {
                        slot.applied = 0;
                    }
                    let name = &self.services.config.backend(backend).name;
                    let detail = format!(
                        "{}: the session's role does not go over to backend \"{name}\"",
                        FaultKind::NotSupported.code()
                    );
                    outcome = outcome.and(Err(Oops::Server(Box::new(error), Some(detail))));
                }
                Err(error) => tracing::warn!(backend = backend.0, %error, "a setting could not be replayed"),
            }
        }
        self.client.asides(&asides);
        outcome
    }

    /// As [`Self::swallow_prefix`], but any refusal counts: at the login.
    pub(super) async fn swallow_prefix_strictly(&mut self, backend: BackendId) -> Result<(), Oops> {
        let mut refused = Ok(());
        while let Some(slot) = self.slot(backend).filter(|slot| !slot.prefix.is_empty()) {
            slot.prefix.pop_front();
            let Some(conn) = slot.conn.as_mut() else { break };
            match conn.finish_run("SET").await {
                Ok(()) => {}
                Err(VerbError::Lost { source, .. }) => return Err(self.lost(backend, &source)),
                Err(error) => refused = refused.and(Err(error.into())),
            }
        }
        drop(self.conn(backend)?.take_asides());
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

    /// Whether this backend is all that the client knows as its server. When that one ends the session (an operator's
    /// `pg_terminate_backend`, a time-out), the session has ended; a participant among several is only a part of it.
    fn is_own_server(&self, backend: BackendId) -> bool {
        let others = self.txn.participants.iter().any(|participant| participant.backend != backend);
        backend == self.home && !others
    }

    /// What a broken relay means for the session.
    pub(super) fn relay_failed(&mut self, backend: BackendId, error: RelayError) -> Oops {
        match error {
            RelayError::Client(source) => Exit::Gone(source).into(),
            RelayError::Ended { frame, .. } if self.is_own_server(backend) => {
                self.client.out.extend_from_slice(&frame);
                Exit::Terminated.into()
            }
            RelayError::Backend(source) | RelayError::Ended { source, .. } => self.lost(backend, &source),
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
            slot.prefix.clear();
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
