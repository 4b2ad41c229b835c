//! The verbs of a transaction. A vote is yes only by the right tag (FACTS 2); whatever else comes than a server says to
//! a simple query makes the connection lost.

use std::io;

use bytes::Bytes;

use super::{PgConn, server_error};
use crate::backend::{ServerError, VerbError, verbs};
use crate::base::BranchName;
use crate::wire::pg::server::{Status, tag};
use crate::wire::pg::{HEADER_BYTES, WireError, client, error, server};

/// Longest message accepted in answer to a verb, in bytes.
const VERB_FRAME_BYTES_MAX: usize = 1024 * 1024;

/// undefined_object, as COMMIT PREPARED and ROLLBACK PREPARED say it: no branch of that name.
pub const NO_SUCH_BRANCH: &str = "42704";

/// In one implicit transaction: fails if the session LISTENs, holds a cursor, a session's advisory lock or a temporary
/// object; else does what DISCARD ALL does, which itself cannot be part of a text of several statements. The server's log
/// shows the words if it fails.
const RESET_UNLESS_HELD: &str = "SELECT CAST(CASE \
     WHEN EXISTS (SELECT FROM pg_catalog.pg_listening_channels()) \
       OR EXISTS (SELECT FROM pg_catalog.pg_cursors) \
       OR EXISTS (SELECT FROM pg_catalog.pg_locks AS l \
                  WHERE l.locktype = 'advisory' AND l.pid = pg_catalog.pg_backend_pid()) \
     THEN 'handfast: the session needs this connection' \
     WHEN pg_catalog.pg_my_temp_schema() = 0 THEN '1' \
     WHEN EXISTS (SELECT FROM pg_catalog.pg_class AS c WHERE c.relnamespace = pg_catalog.pg_my_temp_schema()) \
       OR EXISTS (SELECT FROM pg_catalog.pg_type AS t WHERE t.typnamespace = pg_catalog.pg_my_temp_schema()) \
       OR EXISTS (SELECT FROM pg_catalog.pg_proc AS p WHERE p.pronamespace = pg_catalog.pg_my_temp_schema()) \
     THEN 'handfast: the session needs this connection' ELSE '1' END AS pg_catalog.int4); \
     CLOSE ALL; SET SESSION AUTHORIZATION DEFAULT; RESET ALL; DEALLOCATE ALL; UNLISTEN *; \
     SELECT pg_catalog.pg_advisory_unlock_all(); DISCARD PLANS; DISCARD TEMP; DISCARD SEQUENCES";

/// Everything until the next ReadyForQuery.
#[derive(Debug, Default)]
struct Answer {
    /// The last CommandComplete.
    tag: Option<String>,
    /// First column of the last row.
    cell: Option<Bytes>,
    /// The first ErrorResponse.
    error: Option<ServerError>,
}

impl Answer {
    fn refused(self, verb: &'static str) -> Result<Self, VerbError> {
        match self.error {
            Some(error) => Err(VerbError::Refused { verb, error }),
            None => Ok(self),
        }
    }

    fn tagged(self, verb: &'static str, tag: &str) -> Result<(), VerbError> {
        let answer = self.refused(verb)?;
        if answer.tag.as_deref() == Some(tag) {
            return Ok(());
        }
        Err(VerbError::WrongTag { verb, tag: answer.tag.unwrap_or_default() })
    }
}

impl PgConn {
    /// Sends PREPARE TRANSACTION without waiting for the answer.
    pub async fn send_prepare(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        self.send("PREPARE", &verbs::pg_prepare(branch)).await
    }

    /// Waits for its answer: yes only by the tag `PREPARE TRANSACTION`.
    pub async fn finish_prepare(&mut self, _branch: &BranchName) -> Result<(), VerbError> {
        self.answer("PREPARE").await?.tagged("PREPARE", "PREPARE TRANSACTION")
    }

    /// COMMIT PREPARED. 42704 is told as refused; what it means is for the caller (FACTS 5).
    pub async fn commit_prepared(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        self.send("COMMIT PREPARED", &verbs::pg_commit_prepared(branch)).await?;
        self.answer("COMMIT PREPARED").await?.tagged("COMMIT PREPARED", "COMMIT PREPARED")
    }

    /// ROLLBACK PREPARED.
    pub async fn rollback_prepared(&mut self, branch: &BranchName) -> Result<(), VerbError> {
        self.send("ROLLBACK PREPARED", &verbs::pg_rollback_prepared(branch)).await?;
        self.answer("ROLLBACK PREPARED").await?.tagged("ROLLBACK PREPARED", "ROLLBACK PREPARED")
    }

    /// Sends COMMIT without waiting for the answer.
    pub async fn send_commit(&mut self, _branch: &BranchName) -> Result<(), VerbError> {
        self.send("COMMIT", "COMMIT").await
    }

    /// Waits for its answer: the tag `ROLLBACK` is no commit.
    pub async fn finish_commit(&mut self, _branch: &BranchName) -> Result<(), VerbError> {
        self.answer("COMMIT").await?.tagged("COMMIT", "COMMIT")
    }

    /// Rolls back whatever is open, also in the failed state and after a half-sent pipeline.
    pub async fn rollback(&mut self, _branch: &BranchName) -> Result<(), VerbError> {
        if self.copying {
            self.queue_copy_fail();
        }
        if self.is_unsynced() {
            self.queue_sync();
        }
        // Nobody waits for these answers any more, whatever they say.
        while self.outstanding() > 0 {
            self.flush().await.map_err(|source| VerbError::Lost { verb: "ROLLBACK", source })?;
            self.discard_answer().await?;
        }
        if self.status() == Status::Idle && !self.is_broken() {
            return Ok(());
        }
        self.send("ROLLBACK", "ROLLBACK").await?;
        self.answer("ROLLBACK").await?.tagged("ROLLBACK", "ROLLBACK")
    }

    /// Whether the open transaction has a transaction id, which it gets when it first writes (FACTS 4).
    pub async fn wrote(&mut self) -> Result<bool, VerbError> {
        self.send("asking for writes", "SELECT pg_current_xact_id_if_assigned() IS NOT NULL").await?;
        let answer = self.answer("asking for writes").await?.refused("asking for writes")?;
        match answer.cell.as_deref() {
            Some(b"t") => Ok(true),
            Some(b"f") => Ok(false),
            Some(_) | None => Err(self.verb_lost("asking for writes", "no boolean came")),
        }
    }

    /// DISCARD ALL: as good as new.
    pub async fn reset(&mut self) -> Result<(), VerbError> {
        self.send("DISCARD ALL", "DISCARD ALL").await?;
        self.answer("DISCARD ALL").await?.tagged("DISCARD ALL", "DISCARD ALL")?;
        // What was said to the session before is nothing to the next one.
        drop(self.take_asides());
        Ok(())
    }

    /// The same unless the session has something that cannot be replayed on another connection: false, and nothing was
    /// reset. Any refusal counts as that.
    pub async fn reset_unless_held(&mut self) -> Result<bool, VerbError> {
        self.send("reset", RESET_UNLESS_HELD).await?;
        let answer = self.answer("reset").await?;
        // What was said to the session before is nothing to the next one; to the session itself it is nothing new.
        drop(self.take_asides());
        match answer.error {
            Some(error) if error.message.contains("handfast") => Ok(false),
            Some(error) => {
                tracing::info!(code = error.sqlstate, message = error.message, "a connection could not be asked; held");
                Ok(false)
            }
            None => answer.tagged("reset", "DISCARD SEQUENCES").map(|()| true),
        }
    }

    /// Runs one statement of ours whose rows nobody wants, such as a setting. Errors: the server's refusal, or loss.
    pub async fn run(&mut self, verb: &'static str, text: &str) -> Result<(), VerbError> {
        self.send(verb, text).await?;
        self.answer(verb).await?.refused(verb).map(|_| ())
    }

    /// The first column of our own query's last row; `None`: NULL, or no row.
    pub async fn value(&mut self, verb: &'static str, text: &str) -> Result<Option<bytes::Bytes>, VerbError> {
        self.send(verb, text).await?;
        Ok(self.answer(verb).await?.refused(verb)?.cell)
    }

    /// Waits for the answer to one queued and flushed statement of ours. Errors: the server's refusal, or loss.
    pub async fn finish_run(&mut self, verb: &'static str) -> Result<(), VerbError> {
        self.answer(verb).await?.refused(verb).map(|_| ())
    }

    fn verb_lost(&mut self, verb: &'static str, why: &str) -> VerbError {
        self.set_broken();
        VerbError::Lost { verb, source: io::Error::new(io::ErrorKind::InvalidData, why.to_owned()) }
    }

    async fn send(&mut self, verb: &'static str, text: &str) -> Result<(), VerbError> {
        if self.is_broken() {
            return Err(self.verb_lost(verb, "the connection is broken already"));
        }
        if self.is_unsynced() || self.outstanding() > 0 {
            return Err(self.verb_lost(verb, "an answer is still outstanding"));
        }
        self.queue_query(text.as_bytes());
        self.flush().await.map_err(|source| VerbError::Lost { verb, source })
    }

    async fn answer(&mut self, verb: &'static str) -> Result<Answer, VerbError> {
        let mut answer = Answer::default();
        loop {
            let (head, frame) =
                self.frame(VERB_FRAME_BYTES_MAX).await.map_err(|source| VerbError::Lost { verb, source })?;
            let body = &frame[HEADER_BYTES..];
            let read = match head.tag {
                tag::READY => return Ok(answer),
                tag::ERROR => {
                    if error::field(body, b'S') == Ok(Some(b"FATAL")) {
                        self.set_broken();
                    }
                    answer.error.get_or_insert_with(|| server_error(body));
                    Ok(())
                }
                tag::COMPLETE => {
                    server::complete(body).map(|text| answer.tag = Some(String::from_utf8_lossy(text).into_owned()))
                }
                tag::ROW => {
                    server::first_column(body).map(|cell| answer.cell = cell.map(|value| frame.slice_ref(value)))
                }
                tag::NOTICE | tag::NOTIFICATION | tag::PARAMETER => {
                    self.set_aside(&frame);
                    Ok(())
                }
                tag::ROW_DESCRIPTION | tag::EMPTY_QUERY | tag::PARSE_COMPLETE => Ok(()),
                other => {
                    let what = format!("a message {:?}", char::from(other));
                    Err(WireError::Invalid { during: verb, what })
                }
            };
            if let Err(error) = read {
                return Err(VerbError::Lost { verb, source: self.lost(&error) });
            }
        }
    }

    /// Reads to the next ReadyForQuery, whatever comes; a COPY that the server waits for is failed.
    async fn discard_answer(&mut self) -> Result<(), VerbError> {
        let lost = |source| VerbError::Lost { verb: "ROLLBACK", source };
        loop {
            let head = self.peek().await.map_err(lost)?;
            match head.tag {
                tag::COPY_IN | tag::COPY_BOTH => {
                    self.queue_copy_fail();
                    self.skip(head.total_bytes).await.map_err(lost)?;
                }
                tag::READY | tag::PARAMETER => {
                    let (head, _) = self.frame(VERB_FRAME_BYTES_MAX).await.map_err(lost)?;
                    if head.tag == tag::READY {
                        return Ok(());
                    }
                }
                _ => self.skip(head.total_bytes).await.map_err(lost)?,
            }
        }
    }

    fn queue_copy_fail(&mut self) {
        self.copying = false;
        client::put_copy_fail(&mut self.outbound, "rolled back");
    }

    /// Drops the next `bytes` bytes, reading them piece by piece.
    async fn skip(&mut self, mut bytes: usize) -> io::Result<()> {
        loop {
            let now = bytes.min(self.buffered().len());
            self.consume(now);
            bytes -= now;
            if bytes == 0 {
                return Ok(());
            }
            self.fill().await?;
        }
    }
}
