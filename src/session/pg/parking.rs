//! Between transactions a session parks its connections in their pools (`pool.mode = "transaction"`), and takes them back
//! at its next need: as it left them, or others on which it replays its state.

use std::future::poll_fn;
use std::task::Poll;

use super::oops::Oops;
use super::slots::Slot;
use super::{Exit, Session};
use crate::backend::Conn;
use crate::backend::pg::PgConn;
use crate::backend::pool::Loan;
use crate::base::{BackendId, Fault, FaultKind};

impl Session {
    /// Parks what can be parked, unless the client's next message is here already and nobody waits for a connection.
    /// True: the client has said something.
    pub(super) async fn rest_connections(&mut self) -> Result<bool, Exit> {
        let at_rest = !self.txn.is_open() && self.pipeline.is_idle() && self.rest.is_none();
        let any = self.slots.iter().any(|slot| slot.conn.is_some()) || self.foreign.iter().any(|s| s.conn.is_some());
        if !self.pooling || !at_rest || !any {
            return Ok(false);
        }
        if !self.is_waited_for() {
            // Most clients take their time; one that does not keeps what it has.
            let client = &mut self.client;
            if let Poll::Ready(read) = poll_fn(|cx| Poll::Ready(client.poll_fill(cx))).await {
                return read.map(|()| true).map_err(Exit::Gone);
            }
        }
        // A cancel that is still on its way would hit whoever gets the connection next.
        self.running.settled().await;
        self.park();
        Ok(false)
    }

    fn is_waited_for(&self) -> bool {
        let pools = &self.services.pools;
        self.slots.iter().any(|slot| pools.is_waited_for(slot.backend))
            || self.foreign.iter().any(|slot| pools.is_waited_for(slot.participant))
    }

    fn park(&mut self) {
        let pools = &self.services.pools;
        for slot in &mut self.slots {
            if !slot.prefix.is_empty() || slot.keeps.stays() {
                continue;
            }
            if let Some(conn) = slot.conn.take_if(|conn| conn.is_idle()) {
                pools.park(self.owner, Conn::Pg(conn));
                slot.parked = true;
            }
        }
        for slot in &mut self.foreign {
            if let Some(conn) = slot.conn.take_if(|conn| conn.is_idle()) {
                pools.park(self.owner, Conn::Mysql(conn));
                slot.parked = true;
            }
        }
    }

    /// At the session's end: what others may wait for, such as its locks, goes at once.
    pub(super) async fn give_up_parked(&mut self) {
        let held = self.slots.iter().filter(|slot| slot.parked && slot.keeps.is_precious()).map(|slot| slot.backend);
        let held: Vec<BackendId> = held.collect();
        for backend in held {
            match self.services.pools.acquire_for(self.owner, backend, 0).await {
                Ok(loan) => self.services.pools.release(loan.into_conn()).await,
                // The pool resets it within a second.
                Err(error) => tracing::debug!(%error, "a parked connection waits for its reset"),
            }
        }
        self.services.pools.forget(self.owner);
    }

    /// What a session is told that has lost more than a connection.
    pub(super) fn lost_for_good(&self, backend: BackendId) -> Exit {
        let name = &self.services.config.backend(backend).name;
        let text = format!("terminating connection: the connection to backend \"{name}\" was lost");
        Exit::fatal(
            Fault::new(FaultKind::BackendLost, text)
                .detail("It had what only this session had: temporary objects, locks, cursors, LISTEN or the like.")
                .hint("Connect again."),
        )
    }

    /// Brings a connection to the backend: the parked one, or one on which everything is still to be replayed.
    pub(super) async fn attach_pg(&mut self, backend: BackendId) -> Result<(), Oops> {
        let old = self.slots.iter().position(|slot| slot.backend == backend);
        if let Some(at) = old.filter(|at| !self.slots[*at].parked) {
            let slot = self.slots.remove(at);
            if slot.keeps.is_precious() {
                return Err(self.lost_for_good(backend).into());
            }
        }
        let coming = self.services.pools.acquire_for(self.owner, backend, 0);
        let loan = self.activity.waiting(backend.0, coming).await.map_err(|error| error.fault())?;
        let parked = self.slots.iter().position(|slot| slot.backend == backend);
        let (conn, kept) = match loan {
            Loan::Kept(Conn::Pg(conn)) if parked.is_some() => (conn, true),
            Loan::Clean(Conn::Pg(conn)) => (conn, false),
            Loan::Kept(other) | Loan::Clean(other) => {
                self.services.pools.release(other).await;
                return Err(Fault::new(FaultKind::Internal, "the pool gave a connection of another kind").into());
            }
        };
        if kept && let Some(slot) = self.slots.iter_mut().find(|slot| slot.backend == backend) {
            slot.conn = Some(conn);
            slot.parked = false;
            return Ok(());
        }
        self.replaced(backend, conn, parked).await
    }

    async fn replaced(&mut self, backend: BackendId, conn: PgConn, parked: Option<usize>) -> Result<(), Oops> {
        let lost = self.services.pools.take_lost(self.owner, backend);
        if let Some(slot) = parked.map(|at| self.slots.remove(at))
            && slot.keeps.is_precious()
            && lost
        {
            self.services.pools.release(Conn::Pg(conn)).await;
            return Err(self.lost_for_good(backend).into());
        }
        self.generations += 1;
        self.slots.push(Slot::new(backend, conn, self.generations));
        Ok(())
    }
}
