//! Transactions under LOCK TABLES. XA START is refused there, so that the participant joins by a plain transaction, and is the
//! only one. `autocommit=0` begins it; START TRANSACTION would release the locks.

use super::end::Verb;
use super::query::Said;
use super::{Ran, Session, Step};
use crate::backend::mysql::Open;
use crate::backend::verbs;
use crate::base::{Dialect, Fault, FaultKind};
use crate::wire::mysql::status;

impl Session {
    /// Joins a participant that XA START was refused on; `false`: that is not because of table locks, or it failed.
    pub(super) async fn join_under_locks(&mut self, at: usize) -> bool {
        let savepoints = self.txn.savepoints.iter().map(|name| verbs::savepoint(Dialect::Mysql, name));
        let texts: Vec<String> = std::iter::once(String::from("SET autocommit=0")).chain(savepoints).collect();
        let Some(attached) = self.attached.get_mut(at) else { return false };
        if attached.conn.status() & status::IN_TRANS != 0 {
            return false;
        }
        // From here on a rollback, and a commit too, put autocommit back.
        attached.conn.set_open(Open::Plain);
        for text in texts {
            let refused = match attached.conn.run(text.as_bytes()).await {
                Ok((_, None)) => continue,
                Ok((_, Some(error))) => std::io::Error::other(error.message),
                Err(error) => error,
            };
            // Half joined: with the connection goes all that it has begun.
            let refused = attached.conn.lost(refused);
            tracing::debug!(error = %refused, "a transaction under table locks");
            return false;
        }
        let participant = attached.participant;
        self.txn.enlist(participant);
        true
    }

    /// A transaction under table locks cannot be prepared: no other participant may join it.
    pub(super) fn alone_under_locks(&self) -> Result<(), Fault> {
        let enlisted = |participant| self.txn.participants.iter().any(|p| p.backend == participant);
        if !self.attached.iter().any(|a| a.conn.open() == Open::Plain && enlisted(a.participant)) {
            return Ok(());
        }
        let text = "a second backend in a transaction under LOCK TABLES";
        Err(Fault::new(FaultKind::NotSupported, text)
            .hint("UNLOCK TABLES first, or lock rows with SELECT … FOR UPDATE."))
    }

    /// UNLOCK TABLES: everywhere; commits what was done under the locks. Without locks it does nothing.
    pub(super) async fn unlock(&mut self, said: Said<'_>) -> Step {
        if self.locked && self.end_before(said.more).await? == Ran::Failed {
            return Ok(Ran::Failed);
        }
        // A global read lock is no LOCK TABLES: giving it up commits nothing.
        if self.locked || self.flush_locked && !self.txn.is_open() {
            (self.locked, self.flush_locked) = (false, false);
            if self.fan_out(Verb::UnlockTables).await? == Ran::Failed {
                return Ok(Ran::Failed);
            }
        }
        Ok(self.ok_and(said.more))
    }
}
