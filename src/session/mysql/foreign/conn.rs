//! The session's PostgreSQL connections: taken from the pool when first needed, set up once with settings of ours, and
//! handed to the coordinator at a transaction's end like all others.

use sha1::{Digest, Sha1};

use super::super::{Ran, Session, Step, Stop};
use super::{Facts, client_gone};
use crate::backend::pg::PgConn;
use crate::backend::pool::Loan;
use crate::backend::{Conn, verbs};
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::relay::mysql::RelayError;
use crate::session::mysql::registry::Cancel;
use crate::session::transaction::{Mode, Transaction};
use crate::sql::{Characteristics, Isolation};

/// What makes a translated text mean the same on every server, whoever configured it.
const SETTINGS: &str = "SET client_encoding='UTF8';SET standard_conforming_strings=on;SET DateStyle='ISO,YMD';\
     SET IntervalStyle='postgres';SET TimeZone='UTC';SET bytea_output='hex';SET extra_float_digits=1";

/// Names longer than this share a prefix with ours and are still whole on PostgreSQL (63 bytes).
const NAME_BYTES_MAX: usize = 60;

/// A PostgreSQL connection of the session.
#[derive(Debug)]
pub(in crate::session::mysql) struct Held {
    pub(in crate::session::mysql) backend: BackendId,
    /// `None` while the transaction ends, and while it is parked.
    pub(in crate::session::mysql) conn: Option<PgConn>,
    /// It has our settings.
    pub(super) set_up: bool,
    /// Its `lock_timeout` in seconds, as far as it is known.
    pub(in crate::session::mysql) lock_wait_s: Option<u64>,
}

/// The verbs before a statement: how many texts were queued, and whether the backend joins by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prefix {
    pub(super) texts: usize,
    pub(super) frame: Frame,
    /// `lock_timeout` after them.
    pub(super) lock_wait_s: u64,
}

/// What surrounds a statement on the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Nothing: it commits by itself.
    Alone,
    /// A transaction for this statement alone.
    Own,
    /// The client's transaction, which the backend joins with this statement.
    Joins,
    /// The client's transaction.
    Inside,
}

/// How PostgreSQL knows a savepoint of the client's: never as one of ours, and never cut.
pub(in crate::session::mysql) fn savepoint_name(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return format!("u_{name}");
    }
    let digest = Sha1::digest(name.as_bytes());
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("h_{hex}")
}

impl Session {
    /// The connection of a PostgreSQL backend.
    pub(in crate::session::mysql) fn held(&mut self, backend: BackendId) -> Option<&mut Held> {
        self.foreign.iter_mut().find(|h| h.backend == backend && h.conn.is_some())
    }

    /// Makes sure of a connection that may run something now. `Failed`: the client was told why not.
    pub(super) async fn foreign_ready(&mut self, backend: BackendId) -> Step {
        if let Err(fault) = self.services.routes.admit(&self.reach, backend) {
            return Ok(self.foreign_fault(&fault));
        }
        if let Err(fault) = self.activity.waiting(backend.0, self.services.commits.wait_readable(backend)).await {
            return Ok(self.foreign_fault(&fault));
        }
        self.finish_rest().await;
        let enlisted = self.txn.participant(backend).is_some();
        if !enlisted
            && let Err(fault) = self.activity.waiting(backend.0, self.services.pools.wait_resumed(backend)).await
        {
            return Ok(self.foreign_fault(&fault));
        }
        match self.held(backend).and_then(|h| h.conn.as_ref()) {
            Some(conn) if !conn.is_broken() => return Ok(Ran::Fine),
            Some(_) | None if enlisted => {
                return self.foreign_lost(backend, &std::io::ErrorKind::NotConnected.into()).await;
            }
            Some(_) | None => {}
        }
        let parked = self.foreign.iter().position(|h| h.backend == backend).map(|at| self.foreign.swap_remove(at));
        let (pools, owner) = (&self.services.pools, self.pooling.owner);
        let coming = async {
            if self.pooling.on {
                pools.acquire_for(owner, backend, 0).await
            } else {
                pools.acquire(backend).await.map(Loan::Clean)
            }
        };
        let loan = self.activity.waiting(backend.0, coming).await;
        let kept = matches!(loan, Ok(Loan::Kept(_)));
        let conn = match loan.map(Loan::into_conn).map_err(|e| e.fault()) {
            Ok(Conn::Pg(conn)) => conn,
            Ok(other @ Conn::Mysql(_)) => {
                self.services.pools.release(other).await;
                let fault = Fault::new(FaultKind::Internal, "a pool gave a connection of another dialect");
                return Ok(self.foreign_fault(&fault));
            }
            Err(fault) => return Ok(self.foreign_fault(&fault)),
        };
        // Their process ids are not thread ids of this client's server: KILL does not find them by number.
        self.entry.attached(backend, None, Cancel::Pg(conn.cancel_token().clone()));
        let (set_up, lock_wait_s) = match parked.filter(|_| kept) {
            Some(parked) => (parked.set_up, parked.lock_wait_s),
            None => (false, None),
        };
        self.foreign.push(Held { backend, conn: Some(conn), set_up, lock_wait_s });
        Ok(Ran::Fine)
    }

    /// Queues what must come before a statement. Errors: the transaction is full.
    pub(super) fn queue_prefix(
        &mut self,
        backend: BackendId,
        own: bool,
        enlist: bool,
        facts: &Facts,
    ) -> Result<Prefix, Fault> {
        let inside = self.txn.participant(backend).is_some();
        let frame = match (inside, enlist, own) {
            (true, ..) => Frame::Inside,
            (false, true, _) => Frame::Joins,
            (false, false, true) => Frame::Own,
            (false, false, false) => Frame::Alone,
        };
        let begin = match frame {
            Frame::Joins => {
                self.room_for_one_more()?;
                Some(self.opening_of(self.txn.with, facts))
            }
            Frame::Own => {
                let next = std::mem::take(&mut self.next);
                Some(begin_text(self.characteristics(next, facts)))
            }
            Frame::Alone | Frame::Inside => None,
        };
        let mut prefix = Prefix { texts: 0, frame, lock_wait_s: facts.lock_wait_s };
        let Some(held) = self.held(backend) else {
            return Err(Fault::new(FaultKind::Internal, "a connection is missing"));
        };
        let (set_up, lock_wait_s) = (held.set_up, held.lock_wait_s);
        let Some(conn) = held.conn.as_mut() else {
            return Err(Fault::new(FaultKind::Internal, "a connection is missing"));
        };
        let mut queue = |text: &str| {
            conn.queue_query(text.as_bytes());
            prefix.texts += 1;
        };
        if !set_up {
            queue(SETTINGS);
        }
        if lock_wait_s != Some(facts.lock_wait_s) {
            let local = if inside { "LOCAL " } else { "" };
            queue(&format!("SET {local}lock_timeout='{}s'", facts.lock_wait_s));
        }
        if let Some(begin) = begin {
            queue(&begin);
        }
        if matches!(frame, Frame::Joins | Frame::Inside) {
            queue(super::program::STATEMENT_BEGINS);
        }
        Ok(prefix)
    }

    fn room_for_one_more(&self) -> Result<(), Fault> {
        let most = self.services.config.transactions.participants_max;
        if self.txn.participants.len() < most {
            return self.alone_under_locks();
        }
        let text = format!("a transaction over more than {most} participants");
        Err(Fault::new(FaultKind::NotSupported, text).hint("Raise transactions.participants_max."))
    }

    /// BEGIN and the transaction's savepoints. One text: if any of it fails, the server is in a failed transaction, and
    /// the statement behind it cannot run by itself.
    fn opening_of(&self, with: Characteristics, facts: &Facts) -> String {
        let mut text = begin_text(self.characteristics(with, facts));
        for name in &self.txn.savepoints {
            text.push(';');
            text.push_str(&verbs::savepoint(Dialect::Postgres, &savepoint_name(name)));
        }
        text
    }

    /// The nearest level that allows no more than the client's: READ UNCOMMITTED is READ COMMITTED on PostgreSQL, and
    /// REPEATABLE READ is a snapshot on both.
    fn characteristics(&self, with: Characteristics, facts: &Facts) -> Characteristics {
        let isolation = match with.isolation.unwrap_or(facts.isolation) {
            Isolation::ReadUncommitted | Isolation::ReadCommitted => Isolation::ReadCommitted,
            Isolation::RepeatableRead => Isolation::RepeatableRead,
            Isolation::Serializable => Isolation::Serializable,
        };
        Characteristics {
            isolation: Some(isolation),
            read_only: Some(with.read_only.unwrap_or(facts.read_only || self.read_only)),
            ..Characteristics::default()
        }
    }

    /// Books a backend that has joined.
    pub(super) fn book_foreign(&mut self, backend: BackendId) {
        let commits = &self.services.commits;
        self.txn.id.get_or_insert_with(|| commits.next_txn());
        self.txn.enlist(backend);
    }

    /// A backend that could not join: its connection is closed with whatever is open on it.
    pub(super) async fn not_joined(&mut self, backend: BackendId) {
        self.drop_held(backend).await;
        if self.txn.mode == Mode::Implicit && self.txn.participants.is_empty() {
            self.txn = Transaction::none();
        }
    }

    async fn drop_held(&mut self, backend: BackendId) {
        let dropped = self.held(backend).and_then(|h| h.conn.take());
        self.foreign.retain(|h| h.backend != backend);
        if let Some(mut conn) = dropped {
            conn.set_broken();
            self.services.pools.release(Conn::Pg(conn)).await;
        }
    }

    /// What a broken relay means for the session.
    pub(super) async fn foreign_broke(&mut self, backend: BackendId, error: RelayError) -> Step {
        match error {
            RelayError::Client(error) => {
                if let Some(conn) = self.held(backend).and_then(|h| h.conn.take()) {
                    if let Err(error) = conn.cancel().await {
                        tracing::debug!(%error, "a statement of a gone client could not be cancelled");
                    }
                    self.services.pools.release(Conn::Pg(conn)).await;
                }
                self.foreign.retain(|h| h.backend != backend);
                Err(client_gone(error))
            }
            RelayError::Backend { source, torn } => {
                debug_assert!(!torn, "whole packets only are given to the client");
                self.foreign_lost(backend, &source).await
            }
        }
    }

    /// A connection broke. Its part of a transaction is gone, so the client cannot go on as if nothing had happened.
    pub(in crate::session::mysql) async fn foreign_lost(
        &mut self,
        backend: BackendId,
        source: &std::io::Error,
    ) -> Step {
        let enlisted = self.txn.participant(backend).is_some();
        self.drop_held(backend).await;
        let mut fault = self.lost_fault(backend, source);
        if !enlisted {
            fault = fault.hint("The statement may or may not have been executed.");
            return Ok(self.foreign_fault(&fault));
        }
        self.rollback_all().await;
        fault = fault.hint("The transaction is rolled back on all backends; it can be retried.");
        self.foreign_fault(&fault);
        Err(Stop::Close)
    }
}

fn begin_text(with: Characteristics) -> String {
    let begin = verbs::pg_begin(with);
    match begin.strip_prefix("BEGIN").filter(|rest| !rest.is_empty()) {
        Some(rest) => format!("BEGIN;SET TRANSACTION{rest}"),
        None => begin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn savepoints_keep_their_names_apart_however_long() {
        let long = |end: &str| savepoint_name(&format!("{}{end}", "x".repeat(64)));
        assert_ne!(long("a"), long("b"));
        assert!(long("a").len() <= 63);
        assert_eq!(savepoint_name("a"), "u_a");
        assert!(!savepoint_name("hf1_s").starts_with("hf1"));
    }

    #[test]
    fn a_transaction_begins_in_a_state_that_a_failure_keeps() {
        let with = Characteristics {
            isolation: Some(Isolation::RepeatableRead),
            read_only: Some(false),
            ..Characteristics::default()
        };
        assert_eq!(begin_text(with), "BEGIN;SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ WRITE");
        assert_eq!(begin_text(Characteristics::default()), "BEGIN");
    }
}
