//! The end of a transaction: XA's verbs, and the plain ones where there is one participant only.

use std::io;

use super::frames::broken;
use super::{MysqlConn, Open};
use crate::backend::{ServerError, VerbError, verbs};
use crate::base::BranchName;
use crate::wire::mysql::{com, status};

/// XAER_NOTA: no branch of that name.
pub const NO_SUCH_BRANCH: u16 = 1397;

/// XA_RBROLLBACK, XA_RBTIMEOUT, XA_RBDEADLOCK: the server has rolled the branch's work back.
pub fn is_rolled_back(errno: u16) -> bool {
    matches!(errno, 1402 | 1613 | 1614)
}

fn lost(verb: &'static str, source: io::Error) -> VerbError {
    VerbError::Lost { verb, source }
}

impl MysqlConn {
    /// Sends a verb without waiting for its answer.
    async fn send(&mut self, verb: &'static str, text: &str) -> Result<(), VerbError> {
        // Answers that a broken-off fan-out left behind are not this verb's.
        while !self.awaited.is_empty() {
            self.answer().await.map_err(|source| lost(verb, source))?;
        }
        self.queue(com::QUERY, &[text.as_bytes()]);
        self.flush().await.map_err(|source| lost(verb, source))
    }

    /// Reads a verb's answers; how many OKs came before an error tells how far it got.
    async fn finish(&mut self, verb: &'static str, due: usize) -> Result<(usize, Option<ServerError>), VerbError> {
        let (oks, error) = self.answer().await.map_err(|source| lost(verb, source))?;
        if error.is_none() && oks.len() != due {
            return Err(lost(verb, self.lost(broken("another number of answers than of statements"))));
        }
        Ok((oks.len(), error))
    }

    /// One verb, one OK.
    pub(super) async fn verb(&mut self, verb: &'static str, text: &str) -> Result<(), VerbError> {
        self.send(verb, text).await?;
        match self.finish(verb, 1).await? {
            (_, None) => Ok(()),
            (_, Some(error)) => Err(VerbError::Refused { verb, error }),
        }
    }

    /// Sends `XA END;XA PREPARE` as one packet.
    pub async fn send_prepare(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        self.multi_on("XA PREPARE").await?;
        // From here on the server may have prepared it, whatever we hear: never reset this connection (FACTS 8).
        self.open = Open::Prepared;
        self.send("XA PREPARE", &verbs::xa_prepare(branch)).await
    }

    /// A yes vote is two OKs.
    pub async fn finish_prepare(&mut self, _branch: &BranchName) -> Result<(), VerbError> {
        match self.finish("XA PREPARE", 2).await? {
            (_, None) => Ok(()),
            (ended, Some(error)) => {
                self.open = if ended == 0 || is_rolled_back(error.errno) { Open::RollbackOnly } else { Open::Ended };
                Err(VerbError::Refused { verb: "XA PREPARE", error })
            }
        }
    }

    /// Phase two, on the session that prepared (FACTS 8a).
    pub async fn commit_prepared(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        self.verb("XA COMMIT", &verbs::xa_commit(branch)).await?;
        self.open = Open::None;
        Ok(())
    }

    /// Rolls back what this session prepared.
    pub async fn rollback_prepared(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        self.verb("XA ROLLBACK", &verbs::xa_rollback(branch)).await?;
        self.open = Open::None;
        Ok(())
    }

    /// Sends COMMIT, or `XA END;XA COMMIT … ONE PHASE` as one packet.
    pub async fn send_commit(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        match self.open {
            Open::None | Open::Plain => self.send("COMMIT", "COMMIT").await,
            Open::Active | Open::Ended | Open::RollbackOnly | Open::Prepared => {
                self.multi_on("XA COMMIT ONE PHASE").await?;
                self.send("XA COMMIT ONE PHASE", &verbs::xa_commit_one_phase(branch)).await
            }
        }
    }

    /// The one-phase commit's answer.
    pub async fn finish_commit(&mut self, _branch: &BranchName) -> Result<(), VerbError> {
        let (verb, due) = match self.open {
            Open::None | Open::Plain => ("COMMIT", 1),
            Open::Active | Open::Ended | Open::RollbackOnly | Open::Prepared => ("XA COMMIT ONE PHASE", 2),
        };
        match self.finish(verb, due).await? {
            (_, None) => {
                self.end_of_plain().await;
                self.open = Open::None;
                Ok(())
            }
            (ended, Some(error)) => {
                if due == 2 {
                    let gone = ended == 0 || is_rolled_back(error.errno);
                    self.open = if gone { Open::RollbackOnly } else { Open::Ended };
                }
                Err(VerbError::Refused { verb, error })
            }
        }
    }

    /// Rolls back the open transaction, in whatever state it is. A server that no longer knows the branch is not
    /// believed: the connection is closed then, which rolls back as well.
    pub async fn rollback(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        match self.open {
            Open::None => return Ok(()),
            Open::Plain => {
                self.verb("ROLLBACK", "ROLLBACK").await?;
                self.end_of_plain().await;
            }
            Open::Active => match self.verb("XA END", &verbs::xa_end(branch)).await {
                Ok(()) => self.xa_rollback(branch).await?,
                Err(VerbError::Refused { .. }) => self.xa_rollback(branch).await?,
                Err(error @ (VerbError::Lost { .. } | VerbError::WrongTag { .. })) => return Err(error),
            },
            Open::Ended | Open::RollbackOnly | Open::Prepared => self.xa_rollback(branch).await?,
        }
        self.open = Open::None;
        Ok(())
    }

    /// A plain transaction that `autocommit=0` has begun leaves autocommit on behind. It has ended already: if this fails,
    /// the connection is broken, and its next user hears so.
    async fn end_of_plain(&mut self) {
        if self.open == Open::Plain
            && self.status() & status::AUTOCOMMIT == 0
            && let Err(error) = self.autocommit_on().await
        {
            tracing::debug!(%error, "autocommit after a transaction under table locks");
        }
    }

    async fn xa_rollback(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        match self.verb("XA ROLLBACK", &verbs::xa_rollback(branch)).await {
            Ok(()) => Ok(()),
            Err(VerbError::Refused { error, .. }) if is_rolled_back(error.errno) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// MySQL cannot tell without privileges whether a transaction wrote.
    #[allow(clippy::unused_async, reason = "PostgreSQL asks its server here")]
    pub async fn wrote(&mut self) -> Result<bool, VerbError> {
        Ok(true)
    }

    /// As good as new: session state by COM_RESET_CONNECTION, then the database and the options of a fresh login.
    pub async fn reset(&mut self) -> Result<(), VerbError> {
        assert!(self.open != Open::Prepared, "FACTS 8: a reset loses a prepared branch");
        let verb = "COM_RESET_CONNECTION";
        let database = self.config.database.clone().into_bytes();
        self.queue(com::RESET_CONNECTION, &[]);
        let moved = self.queue_database(&database);
        let switched = self.queue_multi_statements(true);
        self.flush().await.map_err(|source| lost(verb, source))?;
        for _ in 0..(1 + usize::from(moved) + usize::from(switched)) {
            if let (_, Some(error)) = self.finish(verb, 1).await? {
                return Err(VerbError::Refused { verb, error });
            }
        }
        self.set_database(&database);
        self.open = Open::None;
        if self.status() & status::AUTOCOMMIT == 0 {
            self.autocommit_on().await.map_err(|source| lost(verb, source))?;
        }
        Ok(())
    }

    /// Lets the server accept our packed verbs, if the client's text had switched that off.
    async fn multi_on(&mut self, verb: &'static str) -> Result<(), VerbError> {
        if !self.queue_multi_statements(true) {
            return Ok(());
        }
        self.flush().await.map_err(|source| lost(verb, source))?;
        match self.finish(verb, 1).await? {
            (_, None) => Ok(()),
            (_, Some(error)) => Err(lost(verb, self.lost(broken(&error.message)))),
        }
    }
}
