//! BEGIN, COMMIT, ROLLBACK, savepoints and autocommit, where transactions are ours.

use bytes::Bytes;

use super::foreign::savepoint_name;
use super::{Ran, Session, Step, Stop};
use crate::backend::{VerbError, verbs};
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::commit::ledger::Client;
use crate::commit::{Ended, Why};
use crate::session::outcome::{self, Heard, Last};
use crate::session::transaction::{Mode, Transaction};
use crate::sql::{Characteristics, EndOptions};
use crate::wire::foreign_error::for_mysql;
use crate::wire::mysql::{answer, com};

/// A verb for all of the session's connections.
#[derive(Clone, Copy, Debug)]
pub(super) enum Verb<'a> {
    Savepoint(&'a str),
    RollbackTo(&'a str),
    Release(&'a str),
    UnlockTables,
}

impl Verb<'_> {
    fn text(self, dialect: Dialect) -> String {
        let name = |name: &str| match dialect {
            Dialect::Mysql => name.to_owned(),
            Dialect::Postgres => savepoint_name(name),
        };
        match self {
            Self::Savepoint(it) => verbs::savepoint(dialect, &name(it)),
            Self::RollbackTo(it) => verbs::rollback_to(dialect, &name(it)),
            Self::Release(it) => verbs::release(dialect, &name(it)),
            Self::UnlockTables => String::from("UNLOCK TABLES"),
        }
    }
}

impl Session {
    /// BEGIN: commits what is open, then is only remembered.
    pub(super) async fn begin(&mut self, with: Characteristics, more: bool) -> Step {
        if self.end_before(more).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        if self.locked {
            self.fan_out(Verb::UnlockTables).await?;
            self.locked = false;
        }
        let next = std::mem::take(&mut self.next);
        let with = Characteristics {
            isolation: with.isolation.or(next.isolation),
            read_only: with.read_only.or(next.read_only),
            ..with
        };
        self.txn = Transaction::begun(Mode::Explicit, with);
        Ok(self.ok_and(more))
    }

    /// With `autocommit=0` a transaction begins by the first statement that could matter in it.
    pub(super) fn begin_implicitly(&mut self) {
        if !self.txn.is_open() {
            self.txn = Transaction::begun(Mode::Implicit, std::mem::take(&mut self.next));
        }
    }

    /// The implicit COMMIT before BEGIN and DDL. After a failure the statement is not run, and the client was told.
    pub(super) async fn end_before(&mut self, _more: bool) -> Step {
        match self.commit_all().await {
            Ok(()) => Ok(Ran::Fine),
            Err(raw) => Ok(self.refuse(&raw)),
        }
    }

    /// COMMIT.
    pub(super) async fn commit(&mut self, options: EndOptions, more: bool) -> Step {
        let with = self.txn.with;
        if let Err(raw) = self.commit_all().await {
            return Ok(self.refuse(&raw));
        }
        self.ended(options, with, more)
    }

    /// ROLLBACK.
    pub(super) async fn rollback(&mut self, options: EndOptions, more: bool) -> Step {
        let with = self.txn.with;
        self.rollback_all().await;
        self.ended(options, with, more)
    }

    fn ended(&mut self, options: EndOptions, with: Characteristics, more: bool) -> Step {
        if options.chain {
            self.txn = Transaction::begun(Mode::Explicit, with);
        }
        self.ok_and(more);
        if options.release { Err(Stop::Close) } else { Ok(Ran::Fine) }
    }

    /// Commits what is open; what the client must be told instead of success is the error. The future is not dropped
    /// when the client leaves: nothing selects on it.
    pub(super) async fn commit_all(&mut self) -> Result<(), Bytes> {
        let (id, joined) = (self.txn.id.take(), self.txn.joined);
        let enlisted = self.take_enlisted();
        self.txn = Transaction::none();
        let Some(id) = id.filter(|_| joined > 0) else { return Ok(()) };
        let watched = self.watch.commit(&self.services);
        let client = Client { protocol: Dialect::Mysql, user: &self.user, trace: watched.trace() };
        let ending = self.services.commits.commit(&id, client, joined, enlisted);
        let report = self.activity.committing(id.seq, ending).await;
        watched.ended(&self.services, Dialect::Mysql, &id, joined, &report.ended);
        self.take_back(report.conns);
        self.rest = report.rest;
        if joined > 1 {
            let heard = match &report.ended {
                Ended::Committed { .. } => Heard::Committed,
                Ended::RolledBack(_) => Heard::RolledBack,
                Ended::Unknown { .. } => Heard::Unknown,
            };
            self.last_txn = Some(Last { txn: id.clone(), heard });
        }
        match report.ended {
            Ended::Committed { warnings } => {
                self.warnings = warnings;
                if self.notice && joined > 1 {
                    self.warnings.push(outcome::notice(&id));
                }
                Ok(())
            }
            Ended::RolledBack(Why::Refused { error, .. }) if error.errno != 0 => Err(error.raw),
            Ended::RolledBack(Why::Refused { backend, error }) => {
                let name = &self.services.config.backend(backend).name;
                let told = for_mysql(&error.raw, self.reading.mariadb, name);
                Err(answer::err(told.errno, &told.sqlstate, &told.message).into())
            }
            Ended::RolledBack(Why::Fault(fault)) => Err(answer::fault(&fault).into()),
            Ended::Unknown { txn } => {
                let fault =
                    Fault::new(FaultKind::OutcomeUnknown, format!("the outcome of transaction {txn} is unknown"))
                        .hint(outcome::how_to_ask(&txn));
                Err(answer::fault(&fault).into())
            }
        }
    }

    /// Rolls back what is open.
    pub(super) async fn rollback_all(&mut self) {
        let id = self.txn.id.take();
        let enlisted = self.take_enlisted();
        self.txn = Transaction::none();
        if let Some(id) = id.filter(|_| !enlisted.is_empty()) {
            if enlisted.len() > 1 {
                self.last_txn = Some(Last { txn: id.clone(), heard: Heard::RolledBack });
            }
            let conns = self.services.commits.rollback(&id, enlisted).await;
            self.take_back(conns);
        }
    }

    /// A statement that is a transaction by itself takes what SET TRANSACTION has said for the next one; its backend
    /// must hear it.
    pub(super) async fn hand_on_next(&mut self, backend: BackendId) -> Step {
        if self.native || self.enlists() || self.next == Characteristics::default() {
            return Ok(Ran::Fine);
        }
        let Some(at) = self.ready(backend).await? else { return Ok(Ran::Failed) };
        let next = std::mem::take(&mut self.next);
        if let Some(text) = verbs::set_transaction(next) {
            self.tell(at, text.as_bytes()).await?;
            if let Some(tenure) = self.pooling.tenure_mut(self.participant(backend)) {
                tenure.until_next = true;
            }
        }
        Ok(Ran::Fine)
    }

    /// SET TRANSACTION: the next one. Inside a transaction it is too late.
    pub(super) fn set_transaction(&mut self, with: Characteristics, more: bool) -> Ran {
        if self.txn.is_open() {
            let text = "Transaction characteristics can't be changed while a transaction is in progress";
            return self.refuse(&answer::err(1568, "25001", text));
        }
        self.next.isolation = with.isolation.or(self.next.isolation);
        self.next.read_only = with.read_only.or(self.next.read_only);
        self.ok_and(more)
    }

    /// SET autocommit: from 0 to 1 commits.
    pub(super) async fn set_autocommit(&mut self, on: bool, more: bool) -> Step {
        if on && !self.autocommit && self.end_before(more).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        self.autocommit = on;
        Ok(self.ok_and(more))
    }

    /// SAVEPOINT: a name used again moves to the end.
    pub(super) async fn savepoint(&mut self, name: &str, more: bool) -> Step {
        if self.enlists() {
            self.begin_implicitly();
            if self.fan_out(Verb::Savepoint(name)).await? == Ran::Failed {
                return Ok(Ran::Failed);
            }
            self.txn.savepoints.retain(|s| s != name);
            self.txn.savepoints.push(name.to_owned());
        }
        Ok(self.ok_and(more))
    }

    /// ROLLBACK TO: the younger ones are gone.
    pub(super) async fn rollback_to(&mut self, name: &str, more: bool) -> Step {
        let Some(at) = self.txn.savepoint(name) else { return Ok(self.no_savepoint(name)) };
        if self.fan_out(Verb::RollbackTo(name)).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        self.txn.savepoints.truncate(at + 1);
        Ok(self.ok_and(more))
    }

    /// RELEASE SAVEPOINT: it and the younger ones are gone.
    pub(super) async fn release(&mut self, name: &str, more: bool) -> Step {
        let Some(at) = self.txn.savepoint(name) else { return Ok(self.no_savepoint(name)) };
        if self.fan_out(Verb::Release(name)).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        self.txn.savepoints.truncate(at);
        Ok(self.ok_and(more))
    }

    fn no_savepoint(&mut self, name: &str) -> Ran {
        self.refuse(&answer::err(1305, "42000", &format!("SAVEPOINT {name} does not exist")))
    }

    /// Runs a verb on every connection of the transaction, or on all of the session's if there is none.
    pub(super) async fn fan_out(&mut self, verb: Verb<'_>) -> Step {
        let text = verb.text(Dialect::Mysql);
        let enlisted: Vec<_> = self.txn.participants.iter().map(|p| p.backend).collect();
        let all = self.attached.iter().map(|a| a.participant).filter(|p| !self.txn.is_open() || enlisted.contains(p));
        let all: Vec<_> = all.collect();
        for participant in &all {
            let Some(at) = self.position(*participant) else { continue };
            let conn = &mut self.attached[at].conn;
            conn.queue(com::QUERY, &[text.as_bytes()]);
            if let Err(source) = conn.flush().await {
                return self.backend_lost(at, &source, false).await;
            }
        }
        let mut refused = None;
        for participant in &all {
            let Some(at) = self.position(*participant) else { continue };
            match self.attached[at].conn.answer().await {
                Ok((_, None)) => {}
                Ok((_, Some(error))) => refused = refused.or(Some(error.raw)),
                Err(source) => return self.backend_lost(at, &source, false).await,
            }
        }
        match refused {
            Some(raw) => Ok(self.refuse(&raw)),
            None => self.fan_out_foreign(verb).await,
        }
    }

    /// The same on PostgreSQL, where a verb that fails fails the transaction.
    async fn fan_out_foreign(&mut self, verb: Verb<'_>) -> Step {
        let enlisted: Vec<_> = self.txn.participants.iter().map(|p| p.backend).collect();
        let text = verb.text(Dialect::Postgres);
        for backend in enlisted {
            let Some(held) = self.held(backend) else { continue };
            if matches!(verb, Verb::RollbackTo(_)) {
                // A setting made since is undone as well.
                held.lock_wait_s = None;
            }
            let Some(conn) = held.conn.as_mut() else { continue };
            match conn.run("a savepoint's verb", &text).await {
                Ok(()) => {}
                Err(VerbError::Lost { source, .. }) => return self.foreign_lost(backend, &source).await,
                Err(error @ (VerbError::Refused { .. } | VerbError::WrongTag { .. })) => {
                    return self.foreign_lost(backend, &std::io::Error::other(error.to_string())).await;
                }
            }
        }
        Ok(Ran::Fine)
    }
}
