//! The session's connections to backends of the other dialect: their settings are ours, never the client's.

use std::io;
use std::sync::Arc;

use crate::backend::mysql::{Canceller, MysqlConn, Open};
use crate::backend::pool::Loan;
use crate::backend::{Conn, ServerError, verbs};
use crate::base::{BackendId, Dialect, Engine, Fault, FaultKind, Place};
use crate::session::pg::Session;
use crate::session::pg::oops::Oops;
use crate::session::transaction;
use crate::sql::Characteristics;
use crate::wire::foreign_error::for_pg;
use crate::wire::mysql::com;
use crate::wire::pg::error::foreign_body;

/// Makes the server compute as the translation expects, whatever its own defaults are. Every text has the binary
/// collation that PostgreSQL's clients see; `lc_messages` because counts are read from the OK's text.
const SETTINGS: &str = "time_zone='+00:00',div_precision_increment=30,group_concat_max_len=4294967295,lc_messages='en_US',\
     lc_time_names='en_US',sql_select_limit=18446744073709551615,sql_auto_is_null=0,sql_safe_updates=0,\
     default_week_format=0";

/// How both engines read statements and treat values. `NO_AUTO_VALUE_ON_ZERO`: a 0 stays a 0 in a numbered column;
/// `NO_UNSIGNED_SUBTRACTION`: PostgreSQL knows no unsigned numbers, a difference may be negative.
const MODES: &str = "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,\
     NO_ENGINE_SUBSTITUTION,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,HIGH_NOT_PRECEDENCE,NO_AUTO_VALUE_ON_ZERO,\
     NO_UNSIGNED_SUBTRACTION";

/// A participant of the other dialect that the session is attached to.
#[derive(Debug)]
pub(in crate::session::pg) struct ForeignSlot {
    /// The first of the backends that are one participant.
    pub participant: BackendId,
    /// `None` while the transaction ends, and while it is parked.
    pub conn: Option<MysqlConn>,
    /// The pool keeps it for us meanwhile; all that it knows are settings of ours.
    pub parked: bool,
    /// What ends a statement that runs there.
    pub canceller: Arc<Canceller>,
    /// Its REPEATABLE READ is a snapshot whose writes see conflicts.
    pub snapshot: bool,
}

/// Our name for the client's savepoint at this position: PostgreSQL's savepoints of one name are a stack, MySQL's
/// replace one another.
pub(in crate::session::pg) fn savepoint_name(at: usize) -> String {
    format!("hf1_{at}")
}

impl Session {
    /// The first of the backends that are one participant with this one.
    pub(super) fn participant(&self, backend: BackendId) -> BackendId {
        let config = &self.services.config;
        let mut before = (0..backend.0).map(BackendId);
        before.find(|b| config.same_participant(*b, backend)).unwrap_or(backend)
    }

    pub(super) fn foreign_slot(&mut self, participant: BackendId) -> Option<&mut ForeignSlot> {
        self.foreign.iter_mut().find(|slot| slot.participant == participant)
    }

    /// The connection. Errors: there is none, which the callers have made sure of.
    pub(super) fn foreign_conn(&mut self, participant: BackendId) -> Result<&mut MysqlConn, Oops> {
        let slot = self.foreign_slot(participant).and_then(|slot| slot.conn.as_mut());
        slot.ok_or_else(|| Fault::new(FaultKind::BackendLost, "the backend's connection is gone").into())
    }

    /// Brings the backend's connection, new or kept, in its database. Its participant.
    pub(super) async fn attach_foreign(&mut self, backend: BackendId) -> Result<BackendId, Oops> {
        self.services.routes.admit(&self.reach, backend)?;
        self.finish_rest().await;
        self.activity.waiting(backend.0, self.services.commits.wait_readable(backend)).await?;
        let participant = self.participant(backend);
        let enlisted = self.txn.participant(participant).is_some();
        if !enlisted {
            self.activity.waiting(backend.0, self.services.pools.wait_resumed(backend)).await?;
        }
        let good = self.foreign_slot(participant).and_then(|slot| slot.conn.as_mut()).is_some_and(|conn| {
            // A server that has gone away meanwhile is noticed here rather than by the statement.
            !conn.is_broken() && (enlisted || conn.is_quiet())
        });
        if !good {
            if enlisted {
                return Err(self.lost(participant, &io::ErrorKind::NotConnected.into()));
            }
            self.attach_new_foreign(participant).await?;
        }
        let database = self.services.config.backend(backend).database.clone().into_bytes();
        let conn = self.foreign_conn(participant)?;
        if conn.queue_database(&database) {
            let answered = match conn.flush().await {
                Ok(()) => conn.answer().await,
                Err(error) => Err(error),
            };
            match answered {
                Ok((_, None)) => conn.set_database(&database),
                Ok((_, Some(error))) => return Err(self.backend_error(backend, &error)),
                Err(source) => return Err(self.lost(participant, &source)),
            }
        }
        Ok(participant)
    }

    async fn attach_new_foreign(&mut self, participant: BackendId) -> Result<(), Oops> {
        self.foreign.retain(|slot| slot.participant != participant || slot.parked);
        let coming = self.services.pools.acquire_for(self.owner, participant, 0);
        let loan = self.activity.waiting(participant.0, coming).await.map_err(|error| error.fault())?;
        let mut conn = match loan {
            Loan::Kept(Conn::Mysql(conn)) => {
                if let Some(slot) = self.foreign_slot(participant) {
                    slot.conn = Some(conn);
                    slot.parked = false;
                    return Ok(());
                }
                // Nobody knows it any more.
                self.services.pools.release(Conn::Mysql(conn)).await;
                return Err(Fault::new(FaultKind::Internal, "the pool gave a connection that was not parked").into());
            }
            Loan::Clean(Conn::Mysql(conn)) => conn,
            Loan::Kept(other) | Loan::Clean(other) => {
                self.services.pools.release(other).await;
                return Err(Fault::new(FaultKind::Internal, "the pool gave a connection of another dialect").into());
            }
        };
        self.foreign.retain(|slot| slot.participant != participant);
        match set_up(&mut conn).await {
            Ok(Ok(snapshot)) => {
                let canceller = Arc::new(conn.canceller());
                self.foreign.push(ForeignSlot { participant, conn: Some(conn), parked: false, canceller, snapshot });
                Ok(())
            }
            Ok(Err(error)) => Err(self.backend_error(participant, &error)),
            Err(source) => Err(self.lost(participant, &source)),
        }
    }

    /// The verbs that make the participant join the open transaction, and how many there are.
    pub(super) fn foreign_opening(
        &mut self,
        participant: BackendId,
        defaults: Characteristics,
    ) -> Result<(String, usize), Oops> {
        let participants_max = self.services.config.transactions.participants_max;
        if self.txn.participants.len() >= participants_max {
            let text = format!("more than {participants_max} backends in one transaction");
            return Err(Fault::new(FaultKind::NotSupported, text)
                .hint("Raise transactions.participants_max, or use fewer backends in one transaction.")
                .into());
        }
        let id = match &self.txn.id {
            Some(id) => id.clone(),
            None => self.services.commits.next_txn(),
        };
        self.txn.id = Some(id.clone());
        let with = Characteristics {
            isolation: self.txn.with.isolation.or(defaults.isolation),
            read_only: self.txn.with.read_only.or(defaults.read_only),
            ..Characteristics::default()
        };
        let (place, savepoints) = (Place(self.txn.joined), self.txn.savepoints.len());
        let snapshot = self.foreign_slot(participant).is_some_and(|slot| slot.snapshot);
        let session = self.foreign_conn(participant)?.session();
        let with = verbs::of_postgres_client(with, snapshot);
        let mut text = verbs::xa_start(&transaction::branch(&id, place, session), with);
        let mut count = 1 + text.matches(';').count();
        for at in 0..savepoints {
            text.push(';');
            text.push_str(&verbs::savepoint(Dialect::Mysql, &savepoint_name(at)));
            count += 1;
        }
        text.push(';');
        Ok((text, count))
    }

    /// A backend's error of the other dialect, in the client's words.
    pub(in crate::session::pg) fn backend_error(&self, backend: BackendId, error: &ServerError) -> Oops {
        Oops::Server(Box::new(self.in_our_words(backend, error)), None)
    }

    /// The same as a PostgreSQL server's error; one that is that already is left as it is.
    pub(in crate::session::pg) fn in_our_words(&self, backend: BackendId, error: &ServerError) -> ServerError {
        if error.errno == 0 {
            return error.clone();
        }
        let name = &self.services.config.backend(backend).name;
        let said = for_pg(error.errno, &error.sqlstate, &error.message, name);
        let raw = foreign_body(&said).freeze();
        ServerError { sqlstate: said.sqlstate, errno: 0, message: said.message, raw }
    }

    /// Runs a verb on every foreign participant, in turn. The first refusal is the answer, after all have answered.
    pub(in crate::session::pg) async fn on_foreign_participants(&mut self, text: &str) -> Result<(), Oops> {
        let all: Vec<BackendId> = self.txn.participants.iter().map(|participant| participant.backend).collect();
        let mut outcome = Ok(());
        for participant in all {
            if self.foreign_slot(participant).is_none() {
                continue;
            }
            let answered = self.foreign_conn(participant)?.run(text.as_bytes()).await;
            let told = match answered {
                Ok((_, None)) => Ok(()),
                Ok((_, Some(error))) => Err(self.backend_error(participant, &error)),
                Err(source) => Err(self.lost(participant, &source)),
            };
            outcome = outcome.and(told);
        }
        outcome
    }

    /// Whether a backend of the other dialect takes part.
    pub(in crate::session::pg) fn has_foreign_participant(&self) -> bool {
        let is_foreign = |backend| self.services.config.backend(backend).dialect != Dialect::Postgres;
        self.txn.participants.iter().any(|participant| is_foreign(participant.backend))
    }
}

/// Our settings, all at once. Whether REPEATABLE READ is a snapshot there; or the server's refusal.
async fn set_up(conn: &mut MysqlConn) -> io::Result<Result<bool, ServerError>> {
    debug_assert!(conn.open() == Open::None, "it comes from the pool");
    // Fractions of a second are rounded, as on PostgreSQL. MySQL does so by itself, and refuses the mode's name.
    let (collation, rounding) = match conn.engine() {
        Engine::Mariadb => ("utf8mb4_nopad_bin", ",TIME_ROUND_FRACTIONAL"),
        Engine::Mysql | Engine::Postgres => ("utf8mb4_0900_bin", ""),
    };
    let set = format!("SET NAMES utf8mb4 COLLATE {collation},sql_mode='{MODES}{rounding}',{SETTINGS}");
    conn.queue(com::QUERY, &[set.as_bytes()]);
    conn.queue(com::QUERY, &[b"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"]);
    // Only MariaDB has it, and only some versions.
    conn.queue(com::QUERY, &[b"SET SESSION innodb_snapshot_isolation=ON"]);
    conn.flush().await?;
    let mut refused = None;
    for _ in 0..2 {
        let (_, error) = conn.answer().await?;
        refused = refused.or(error);
    }
    let (_, error) = conn.answer().await?;
    Ok(match refused {
        Some(error) => Err(error),
        None => Ok(error.is_none()),
    })
}
