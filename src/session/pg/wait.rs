//! Between messages: waiting for the client while the backends may speak, and the end of the session.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use super::{Exit, Session, Stop};
use crate::backend::Conn;
use crate::base::limits::RELAY_BUFFER_BYTES;
use crate::base::{BackendId, Fault, FaultKind, clock};
use crate::relay::pg::asides;
use crate::wire::pg::error::{Severity, put_fault};

/// How long a client is given to take the last words.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(1);

/// What ended the wait.
enum Heard {
    Client(io::Result<()>),
    Backend(BackendId, io::Result<()>),
    Stop,
    Idle,
}

impl Session {
    /// Waits for bytes of the client. Notifications that come meanwhile are passed on.
    pub(super) async fn wait_for_client(&mut self) -> Result<(), Exit> {
        loop {
            let stop = self.ear.heard();
            if stop == Stop::Now || (stop == Stop::Drain && !self.txn.is_open() && self.pipeline.is_idle()) {
                if self.ear.is_killed() {
                    // As after pg_terminate_backend.
                    let text = "terminating connection due to administrator command";
                    return Err(Exit::fatal(Fault::verbatim(FaultKind::ShuttingDown, text)));
                }
                let text = "terminating connection: Handfast is stopping";
                return Err(Exit::fatal(Fault::new(FaultKind::ShuttingDown, text)));
            }
            // Together: phase two must not wait for a client that does not read.
            let rest = futures_util::future::OptionFuture::from(self.rest.take());
            let (flushed, conns) = tokio::join!(self.client.flush(), rest);
            if let Some(conns) = conns {
                self.put_back(conns).await;
            }
            flushed.map_err(Exit::Gone)?;
            if self.rest_connections().await? {
                return Ok(());
            }
            self.client.rest();
            self.tell_answered();
            match self.hear().await {
                // What comes after a kill is not run, however soon it comes.
                Heard::Client(_) if self.ear.is_killed() => {}
                Heard::Client(read) => {
                    self.watch.hears(clock::now());
                    return read.map_err(Exit::Gone);
                }
                Heard::Backend(backend, read) => {
                    self.heard_backend(backend, read)?;
                    self.hear_early(backend).await?;
                }
                Heard::Stop => {}
                Heard::Idle => {
                    let limit = self.services.config.transactions.idle_timeout;
                    let text = format!("the session was idle in a transaction for more than {limit:?}");
                    return Err(Exit::fatal(
                        Fault::new(FaultKind::IdleTimeout, text)
                            .hint("End transactions sooner, or raise transactions.idle_timeout."),
                    ));
                }
            }
        }
    }

    async fn hear(&mut self) -> Heard {
        let idle_timeout = self.services.config.transactions.idle_timeout;
        let limited = self.txn.is_open() && !idle_timeout.is_zero();
        let deadline = limited.then(|| clock::now() + idle_timeout);
        let Self { client, slots, ear, alarm, pipeline, .. } = self;
        poll_fn(|cx| {
            // A pipeline that waits for more runs meanwhile, as on the server, and its errors come first: a client that
            // never pauses would not hear them.
            if let Some(current) = pipeline.current
                && let Some(conn) = super::slots::conn(slots, current)
                && let Poll::Ready(read) = conn.poll_fill(cx)
            {
                return Poll::Ready(Heard::Backend(current, read));
            }
            if let Poll::Ready(read) = client.poll_fill(cx) {
                return Poll::Ready(Heard::Client(read));
            }
            for slot in slots.iter_mut() {
                let Some(conn) = slot.conn.as_mut() else { continue };
                // Bytes that wait already are a part of an aside or belong to a pipeline. Of a pipeline whose answers
                // nobody has asked for yet, no more is read than a buffer holds.
                if conn.is_unsynced() && conn.buffered().len() >= RELAY_BUFFER_BYTES {
                    continue;
                }
                if let Poll::Ready(read) = conn.poll_fill(cx) {
                    return Poll::Ready(Heard::Backend(slot.backend, read));
                }
            }
            if ear.poll_changed(cx).is_ready() {
                return Poll::Ready(Heard::Stop);
            }
            match deadline {
                Some(deadline) => alarm.poll_at(deadline, cx).map(|()| Heard::Idle),
                None => Poll::Pending,
            }
        })
        .await
    }

    fn heard_backend(&mut self, backend: BackendId, read: io::Result<()>) -> Result<(), Exit> {
        let Some(conn) = super::slots::conn(&mut self.slots, backend) else { return Ok(()) };
        if conn.is_unsynced() || conn.outstanding() > 0 {
            // Replies to a pipeline that is not flushed yet: they wait for their turn.
            if read.is_err() {
                conn.set_broken();
            }
            return Ok(());
        }
        if let Err(error) = read.and_then(|()| asides(conn, &mut self.client)) {
            tracing::info!(backend = backend.0, %error, "an idle backend connection has ended");
            // A participant's slot stays, broken: its next use, or COMMIT, must fail.
            if self.txn.participant(backend).is_none() {
                if self.slot(backend).is_some_and(|slot| slot.keeps.is_precious()) {
                    return Err(self.lost_for_good(backend));
                }
                self.slots.retain(|slot| slot.backend != backend);
            }
        }
        Ok(())
    }

    /// The end: the client is told why if it can hear it, what runs is cancelled, what is open is rolled back, and the
    /// connections are given back.
    pub(super) async fn close(mut self, exit: Exit) {
        match exit {
            Exit::Fatal(fault) => put_fault(&mut self.client.out, Severity::Fatal, &fault),
            Exit::Gone(error) => tracing::debug!(%error, "the client is gone"),
            Exit::Terminated => {}
        }
        self.running.set(None);
        if let Ok(Err(error)) = tokio::time::timeout(GOODBYE_TIMEOUT, self.client.flush()).await {
            tracing::debug!(%error, "the client did not hear the end");
        }
        for slot in &self.slots {
            let Some(conn) = slot.conn.as_ref().filter(|conn| conn.outstanding() > 0 || conn.is_unsynced()) else {
                continue;
            };
            if let Err(error) = conn.cancel().await {
                tracing::debug!(backend = slot.backend.0, %error, "a running statement could not be cancelled");
            }
        }
        self.finish_rest().await;
        self.roll_back().await;
        self.running.settled().await;
        self.give_up_parked().await;
        for slot in self.slots {
            if let Some(conn) = slot.conn.filter(|conn| !conn.is_broken() && conn.is_idle()) {
                self.services.pools.release(Conn::Pg(conn)).await;
            }
        }
        for conn in self.foreign.into_iter().filter_map(|slot| slot.conn) {
            self.services.pools.release(Conn::Mysql(conn)).await;
        }
    }
}
