//! Statements that the session answers itself: the control of transactions.

use super::Session;
use super::foreign::savepoint_name;
use super::oops::Oops;
use crate::backend::verbs;
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::session::transaction::Mode;
use crate::sql::{Characteristics, Control, EndOptions, Kind};

/// Whether it may run in a failed transaction.
pub(super) fn mends(kind: &Kind) -> bool {
    matches!(kind, Kind::Commit(_) | Kind::Rollback(_) | Kind::RollbackTo(_))
}

/// PostgreSQL's own refusal in a failed transaction.
pub(super) fn in_failed_transaction() -> Fault {
    let text = "current transaction is aborted, commands ignored until end of transaction block";
    Fault::verbatim(FaultKind::InFailedTransaction, text)
}

fn outside(what: &str) -> Oops {
    Fault::verbatim(FaultKind::NoActiveTransaction, format!("{what} can only be used in transaction blocks")).into()
}

impl Session {
    /// Runs one and returns its command tag. All replies before it must have been drained.
    pub(super) async fn control(&mut self, kind: &Kind, text: &[u8]) -> Result<&'static str, Oops> {
        if self.txn.mode == Mode::Failed && !mends(kind) {
            return Err(in_failed_transaction().into());
        }
        if let (Kind::Begin(_) | Kind::Rollback(_), Mode::Autocommit, true) =
            (kind, self.txn.mode, self.pipeline.executed)
            && let Some(backend) = self.pipeline.current
        {
            self.make_explicit(backend, Mode::Implicit).await?;
        }
        let refused = self.txn.mode == Mode::Autocommit
            && matches!(kind, Kind::Savepoint(_) | Kind::RollbackTo(_) | Kind::Release(_));
        if !refused {
            self.settle_all().await?;
        }
        match kind.control() {
            Some(Control::Begin(with)) => {
                self.on_begin(with).await?;
                self.begin_where_listening().await?;
                let first = text.iter().find(|b| b.is_ascii_alphabetic()).map(u8::to_ascii_lowercase);
                Ok(if first == Some(b's') { "START TRANSACTION" } else { "BEGIN" })
            }
            Some(Control::Commit(options)) => self.on_commit(options).await,
            Some(Control::Rollback(options)) => self.on_rollback(options).await,
            Some(Control::Savepoint(name)) => self.on_savepoint(name).await,
            Some(Control::RollbackTo(name)) => self.on_rollback_to(name).await,
            Some(Control::Release(name)) => self.on_release(name).await,
            Some(Control::SetTransaction(with)) => self.on_set_transaction(with, text).await,
            // No text of a PostgreSQL client is read as the last.
            None | Some(Control::SetAutocommit(_)) => {
                Err(Fault::new(FaultKind::Internal, "not a statement of transaction control").into())
            }
        }
    }

    async fn on_begin(&mut self, with: Characteristics) -> Result<(), Oops> {
        match self.txn.mode {
            Mode::Autocommit => self.begin(Mode::Explicit, with),
            Mode::Implicit => {
                self.txn.mode = Mode::Explicit;
                self.merge(with);
            }
            Mode::Explicit | Mode::Failed => {
                self.warn("25001", "there is already a transaction in progress");
                // What it says of the transaction holds for the one that is open.
                if with != Characteristics::default() {
                    let text = verbs::pg_begin(with).replacen("BEGIN", "SET TRANSACTION", 1);
                    self.on_set_transaction(with, text.as_bytes()).await?;
                }
            }
        }
        Ok(())
    }

    /// A server gives no notifications to a session that is in a transaction, also in one that has done nothing yet: for one
    /// that listens, BEGIN is not only remembered.
    async fn begin_where_listening(&mut self) -> Result<(), Oops> {
        let listening = self.slots.iter().find(|slot| slot.keeps.listens()).map(|slot| slot.backend);
        let Some(backend) = listening.filter(|_| self.txn.mode == Mode::Explicit) else { return Ok(()) };
        self.prepare_slot(backend).await?;
        self.conn(backend)?.flush().await.map_err(|source| self.lost(backend, &source))?;
        self.swallow_prefix(backend).await
    }

    fn merge(&mut self, with: Characteristics) {
        let old = &mut self.txn.with;
        old.isolation = with.isolation.or(old.isolation);
        old.read_only = with.read_only.or(old.read_only);
        old.deferrable = with.deferrable.or(old.deferrable);
    }

    async fn on_commit(&mut self, options: EndOptions) -> Result<&'static str, Oops> {
        let with = self.txn.with;
        match self.txn.mode {
            Mode::Autocommit | Mode::Implicit if options.chain => return Err(outside("COMMIT AND CHAIN")),
            Mode::Autocommit => self.warn("25P01", "there is no transaction in progress"),
            Mode::Failed => {
                self.roll_back().await;
                self.chain(options, with);
                return Ok("ROLLBACK");
            }
            Mode::Implicit => {
                self.warn("25P01", "there is no transaction in progress");
                self.end_by_commit().await?;
            }
            Mode::Explicit => self.end_by_commit().await?,
        }
        self.chain(options, with);
        Ok("COMMIT")
    }

    async fn on_rollback(&mut self, options: EndOptions) -> Result<&'static str, Oops> {
        let with = self.txn.with;
        match self.txn.mode {
            Mode::Autocommit | Mode::Implicit if options.chain => return Err(outside("ROLLBACK AND CHAIN")),
            Mode::Autocommit => self.warn("25P01", "there is no transaction in progress"),
            Mode::Implicit => {
                self.warn("25P01", "there is no transaction in progress");
                self.roll_back().await;
            }
            Mode::Explicit | Mode::Failed => self.roll_back().await,
        }
        self.chain(options, with);
        Ok("ROLLBACK")
    }

    fn chain(&mut self, options: EndOptions, with: Characteristics) {
        if options.chain {
            self.begin(Mode::Explicit, with);
        }
    }

    async fn on_savepoint(&mut self, name: &str) -> Result<&'static str, Oops> {
        if self.txn.mode != Mode::Explicit {
            return Err(outside("SAVEPOINT"));
        }
        let here = savepoint_name(self.txn.savepoints.len());
        self.on_foreign_participants(&verbs::savepoint(Dialect::Mysql, &here)).await?;
        self.on_participants(&verbs::savepoint(Dialect::Postgres, name)).await?;
        self.txn.savepoints.push(name.to_owned());
        self.marks.push(self.settings.last());
        Ok("SAVEPOINT")
    }

    async fn on_rollback_to(&mut self, name: &str) -> Result<&'static str, Oops> {
        if !matches!(self.txn.mode, Mode::Explicit | Mode::Failed) {
            return Err(outside("ROLLBACK TO SAVEPOINT"));
        }
        let at = self.savepoint(name)?;
        self.on_foreign_participants(&verbs::rollback_to(Dialect::Mysql, &savepoint_name(at))).await?;
        self.on_participants(&verbs::rollback_to(Dialect::Postgres, name)).await?;
        let serial = self.marks[at];
        self.txn.savepoints.truncate(at + 1);
        self.marks.truncate(at + 1);
        self.settings.rolled_back_to(serial);
        for slot in &mut self.slots {
            slot.applied = slot.applied.min(serial);
        }
        self.txn.mode = Mode::Explicit;
        Ok("ROLLBACK")
    }

    async fn on_release(&mut self, name: &str) -> Result<&'static str, Oops> {
        if self.txn.mode != Mode::Explicit {
            return Err(outside("RELEASE SAVEPOINT"));
        }
        let at = self.savepoint(name)?;
        self.on_foreign_participants(&verbs::release(Dialect::Mysql, &savepoint_name(at))).await?;
        self.on_participants(&verbs::release(Dialect::Postgres, name)).await?;
        self.txn.savepoints.truncate(at);
        self.marks.truncate(at);
        Ok("RELEASE")
    }

    fn savepoint(&self, name: &str) -> Result<usize, Oops> {
        let found = self.txn.savepoint(name);
        found.ok_or_else(|| {
            Fault::verbatim(FaultKind::NoSuchSavepoint, format!("savepoint \"{name}\" does not exist")).into()
        })
    }

    async fn on_set_transaction(&mut self, with: Characteristics, text: &[u8]) -> Result<&'static str, Oops> {
        if !self.txn.is_open() {
            // As a parameter (`SET transaction_isolation = …`) it is only without effect.
            let words = text.to_ascii_lowercase();
            let words: Vec<&[u8]> =
                words.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).take(3).collect();
            let local = words.contains(&b"local".as_slice());
            let told = if words.contains(&b"transaction".as_slice()) {
                Some("SET TRANSACTION")
            } else {
                local.then_some("SET LOCAL")
            };
            if let Some(what) = told {
                self.warn("25P01", &format!("{what} can only be used in transaction blocks"));
            }
            return Ok("SET");
        }
        if self.has_foreign_participant() {
            let text = "SET TRANSACTION must be called before any query on a backend of the other dialect";
            return Err(Fault::new(FaultKind::ActiveTransaction, text).hint("Say it right after BEGIN.").into());
        }
        if !self.txn.participants.is_empty() {
            let text = String::from_utf8_lossy(text).into_owned();
            self.on_participants(&text).await?;
        }
        self.merge(with);
        Ok("SET")
    }

    /// Runs a statement of transaction control on every PostgreSQL participant, all at once. The first refusal is the answer, after
    /// all have answered.
    async fn on_participants(&mut self, text: &str) -> Result<(), Oops> {
        let config = &self.services.config;
        let native = |backend: &BackendId| config.backend(*backend).dialect == Dialect::Postgres;
        let all = self.txn.participants.iter().map(|participant| participant.backend);
        let backends: Vec<BackendId> = all.filter(native).collect();
        for &backend in &backends {
            let conn = self.conn(backend)?;
            conn.queue_query(text.as_bytes());
            if let Err(source) = conn.flush().await {
                return Err(self.lost(backend, &source));
            }
        }
        let mut outcome = Ok(());
        for &backend in &backends {
            let Ok(conn) = self.conn(backend) else { continue };
            let finished = conn.finish_run("transaction control").await;
            let asides = conn.take_asides();
            self.client.asides(&asides);
            let told = match finished {
                Ok(()) => Ok(()),
                Err(crate::backend::VerbError::Lost { source, .. }) => Err(self.lost(backend, &source)),
                Err(error) => Err(error.into()),
            };
            outcome = outcome.and(told);
        }
        outcome
    }
}
