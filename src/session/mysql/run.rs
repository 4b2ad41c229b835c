//! Running a statement on a backend: enlisting it, sending, relaying the answer, keeping the books.

use bytes::BytesMut;

use super::attach::opening;
use super::query::needs_single;
use super::text::{from_first_word, words};
use super::{Ran, Session, Step, Stop};
use crate::backend::Conn;
use crate::backend::mysql::{Open, is_rolled_back};
use crate::base::{BackendId, Fault, FaultKind, Place};
use crate::commit::Wrote;
use crate::relay::mysql::{Passing, RelayError, Relayed, Shape, relay};
use crate::session::transaction::{self, Transaction};
use crate::session::watch::{one, sqlstate};
use crate::sql::{Access, Kind, Statement};
use crate::wire::mysql::{com, status};

/// ER_LOCK_DEADLOCK: the server has rolled the whole branch back.
const DEADLOCK: u16 = 1213;

/// ER_XAER_OUTSIDE: XA START was refused, because LOCK TABLES holds on the connection.
const OUTSIDE: u16 = 1400;

/// A text for a backend.
pub(super) struct Run<'a> {
    pub(super) backend: BackendId,
    pub(super) text: &'a [u8],
    /// What it is; `None`: several, or not known.
    pub(super) statement: Option<&'a Statement>,
    /// It belongs to the transaction.
    pub(super) enlist: bool,
    /// It must be one statement to the server too.
    pub(super) one: bool,
    /// Another answer follows this one.
    pub(super) more: bool,
}

impl Ran {
    /// Of a run: `None` was told to the client already.
    pub(super) fn of(relayed: Option<Relayed>) -> Self {
        match relayed {
            Some(relayed) if relayed.errno.is_none() => Self::Fine,
            Some(_) | None => Self::Failed,
        }
    }
}

impl Session {
    /// A connection that may run something for this backend now. `None`: the client was told why not.
    pub(super) async fn ready(&mut self, backend: BackendId) -> Result<Option<usize>, Stop> {
        if let Err(fault) = self.services.routes.admit(&self.reach, backend) {
            self.fault(&fault);
            return Ok(None);
        }
        if !self.native
            && !self.services.commits.is_readable(backend)
            && let Err(fault) = self.activity.waiting(backend.0, self.services.commits.wait_readable(backend)).await
        {
            self.fault(&fault);
            return Ok(None);
        }
        let joined =
            self.txn.participant(self.participant(backend)).is_some() || (self.native && self.in_transaction());
        if !joined
            && self.services.pools.is_paused(backend)
            && let Err(fault) = self.activity.waiting(backend.0, self.services.pools.wait_resumed(backend)).await
        {
            self.fault(&fault);
            return Ok(None);
        }
        match self.attach(backend).await {
            Ok(at) => Ok(Some(at)),
            Err(fault) => {
                let closes = fault.kind == FaultKind::BackendLost && self.in_transaction();
                self.fault(&fault);
                if closes { Err(Stop::Close) } else { Ok(None) }
            }
        }
    }

    /// Runs a text and passes its answer on. `None`: it was not run, and the client was told why.
    pub(super) async fn run(&mut self, run: Run<'_>) -> Result<Option<Relayed>, Stop> {
        if self.tell_key(run.backend, run.text, run.statement).await? == Ran::Failed {
            return Ok(None);
        }
        let Some(at) = self.ready(run.backend).await? else { return Ok(None) };
        let participant = self.attached[at].participant;
        self.last = Some(run.backend);
        self.watch.went(one(run.statement), run.backend);
        let single = run.one && needs_single(run.text);
        let joins = run.enlist && self.txn.participant(participant).is_none();
        let mut prefix = (String::new(), 0);
        if joins {
            if single {
                if self.join(at).await? == Ran::Failed {
                    return Ok(None);
                }
            } else {
                prefix = match self.opening(at) {
                    Ok(opening) => opening,
                    Err(fault) => return Ok(told(self.fault(&fault))),
                };
                prefix.0.push(';');
            }
        }
        let swallow = prefix.1;
        let conn = &mut self.attached[at].conn;
        let switched = if single {
            conn.queue_multi_statements(false)
        } else {
            (swallow > 0 || !run.one) && conn.queue_multi_statements(true)
        };
        conn.queue(com::QUERY, &[prefix.0.as_bytes(), run.text]);
        let Some(relayed) = self.exchange(at, Shape::Results, swallow, run.more, switched).await? else {
            return Ok(None);
        };
        if swallow > 0 {
            if !self.joined(participant, &relayed).await {
                return Ok(None);
            }
            if relayed.prefix_error.is_some() {
                // It joined without XA, and what came after the refused opening was not run.
                return Box::pin(self.run(run)).await;
            }
        }
        self.note_key(run.backend, &relayed);
        self.note(participant, run.statement, run.text, &relayed);
        // What it executed may have been a SET.
        self.reading_stale |= !relayed.rows && executes(run.text);
        self.book(participant, run.statement, run.text, &relayed).await;
        Ok(Some(relayed))
    }

    /// Sends what is queued on a connection and relays the answer. `switched`: an answer of our own comes first.
    pub(super) async fn exchange(
        &mut self,
        at: usize,
        shape: Shape,
        swallow: usize,
        more: bool,
        switched: bool,
    ) -> Result<Option<Relayed>, Stop> {
        let how = Passing { shape, swallow, status_mask: self.status_mask(), status: self.status(), more };
        let participant = self.attached[at].participant;
        self.entry.running(Some(participant));
        let conn = &mut self.attached[at].conn;
        let lost = |source| RelayError::Backend { source, torn: false };
        let sent = match conn.flush().await {
            Ok(()) if switched => conn.answer().await.map(drop),
            other => other,
        };
        let outcome = match sent {
            Ok(()) => relay(&mut self.client, conn, how).await,
            Err(source) => Err(lost(source)),
        };
        self.entry.running(None);
        match outcome {
            Ok(relayed) => {
                self.note_status(at, &relayed);
                if let Some(state) = &relayed.sqlstate {
                    let by = self.watch.backend();
                    self.watch.refused(sqlstate(state), by);
                }
                Ok(Some(relayed))
            }
            Err(RelayError::Client(error)) => {
                let conn = self.attached.remove(at).conn;
                if let Err(error) = conn.canceller().cancel().await {
                    tracing::debug!(%error, "a statement of a gone client could not be cancelled");
                }
                self.services.pools.release(Conn::Mysql(conn)).await;
                Err(Stop::Client(error))
            }
            Err(RelayError::Backend { source, torn }) => self.backend_lost(at, &source, torn).await.map(|_| None),
        }
    }

    /// Who has made the session's last key.
    pub(super) fn note_key(&mut self, backend: BackendId, relayed: &Relayed) {
        if relayed.insert_id != 0 {
            self.key_at = Some(backend);
        }
    }

    /// What a backend's status flags tell.
    fn note_status(&mut self, at: usize, relayed: &Relayed) {
        let Some(flags) = relayed.status else { return };
        self.reading.backslash_escapes = flags & status::NO_BACKSLASH_ESCAPES == 0;
        if self.native {
            let open = if flags & status::IN_TRANS != 0 { Open::Plain } else { Open::None };
            self.attached[at].conn.set_open(open);
        }
    }

    /// A connection broke. Inside a transaction, or with state that only it had, the client cannot go on as if nothing
    /// had happened: a server that goes away ends the session too.
    pub(super) async fn backend_lost(&mut self, at: usize, source: &std::io::Error, torn: bool) -> Step {
        let attached = self.attached.remove(at);
        let fault = self.lost_fault(attached.participant, source);
        let needed = self.native || self.in_transaction() || attached.participant == self.participant(self.home);
        self.services.pools.release(Conn::Mysql(attached.conn)).await;
        if torn {
            return Err(Stop::Close);
        }
        self.rollback_all().await;
        self.fault(&fault);
        if needed { Err(Stop::Close) } else { Ok(Ran::Failed) }
    }

    /// The opening verbs of a participant that would join now, and how many there are.
    fn opening(&mut self, at: usize) -> Result<(String, usize), Fault> {
        let most = self.services.config.transactions.participants_max;
        if self.txn.participants.len() >= most {
            let text = format!("a transaction over more than {most} participants");
            return Err(Fault::new(FaultKind::NotSupported, text).hint("Raise transactions.participants_max."));
        }
        self.alone_under_locks()?;
        debug_assert!(self.attached[at].conn.open() == Open::None, "a branch is opened on an idle connection");
        let place = Place(self.txn.joined);
        let commits = &self.services.commits;
        let id = self.txn.id.get_or_insert_with(|| commits.next_txn()).clone();
        Ok(opening(&self.txn, &transaction::branch(&id, place, self.attached[at].conn.session())))
    }

    /// Opens a branch in a round trip of its own, for statements that cannot share a packet with it.
    pub(super) async fn join(&mut self, at: usize) -> Step {
        let (text, count) = match self.opening(at) {
            Ok(opening) => opening,
            Err(fault) => return Ok(self.fault(&fault)),
        };
        let participant = self.attached[at].participant;
        let conn = &mut self.attached[at].conn;
        let switched = conn.queue_multi_statements(true);
        conn.queue(com::QUERY, &[text.as_bytes()]);
        let answered = match conn.flush().await {
            Ok(()) if switched => match conn.answer().await {
                Ok(_) => conn.answer().await,
                Err(error) => Err(error),
            },
            Ok(()) => conn.answer().await,
            Err(error) => Err(error),
        };
        let (oks, error) = match answered {
            Ok(answered) => answered,
            Err(source) => return self.backend_lost(at, &source, false).await,
        };
        let relayed = Relayed { swallowed: oks.len(), prefix_error: error, ..Relayed::default() };
        debug_assert!(relayed.prefix_error.is_some() || oks.len() == count, "one OK for each verb");
        Ok(if self.joined(participant, &relayed).await { Ran::Fine } else { Ran::Failed })
    }

    /// Books a participant whose opening verbs were answered; `false`: one was refused, and the client was told.
    async fn joined(&mut self, participant: BackendId, relayed: &Relayed) -> bool {
        let Some(at) = self.position(participant) else { return false };
        let Some(error) = &relayed.prefix_error else {
            self.attached[at].conn.set_open(Open::Active);
            self.txn.enlist(participant);
            return true;
        };
        if error.errno == OUTSIDE && self.txn.joined == 0 && self.join_under_locks(at).await {
            return true;
        }
        let raw = error.raw.clone();
        if relayed.swallowed > 0 {
            // Perhaps XA START is among those that succeeded: an unbooked branch goes with its connection.
            let mut conn = self.attached.remove(at).conn;
            conn.set_open(Open::Active);
            self.services.pools.release(Conn::Mysql(conn)).await;
        }
        if self.txn.mode == transaction::Mode::Implicit && self.txn.participants.is_empty() {
            self.txn = Transaction::none();
        }
        self.refuse(&raw);
        false
    }

    /// What the answer means for the transaction.
    pub(super) async fn book(
        &mut self,
        participant: BackendId,
        statement: Option<&Statement>,
        text: &[u8],
        relayed: &Relayed,
    ) {
        let Some(enlisted) = self.txn.participant(participant) else { return };
        enlisted.wrote = enlisted.wrote.max(wrote(statement, text, relayed));
        if relayed.errno.is_some_and(|errno| errno == DEADLOCK || is_rolled_back(errno)) {
            if let Some(at) = self.position(participant)
                && self.attached[at].conn.open() != Open::Plain
            {
                self.attached[at].conn.set_open(Open::RollbackOnly);
            }
            self.rollback_all().await;
        }
    }

    /// Passes a command without a transaction to the home backend.
    pub(super) async fn pass_to_home(&mut self, command: u8, body: &[u8], shape: Shape) -> Step {
        let Some(at) = self.ready(self.home).await? else { return Ok(Ran::Failed) };
        self.attached[at].conn.queue(command, &[body]);
        self.exchange(at, shape, 0, false, false).await.map(Ran::of)
    }
}

/// EXECUTE, EXECUTE IMMEDIATE and CALL.
pub(super) fn executes(text: &[u8]) -> bool {
    let text = from_first_word(text);
    let begins = |word: &[u8]| text.get(..word.len()).is_some_and(|t| t.eq_ignore_ascii_case(word));
    begins(b"EXECUTE") || begins(b"CALL")
}

fn told(_: Ran) -> Option<Relayed> {
    None
}

/// What a statement did, judged by its text and its answer. An UPDATE that matched rows without changing them may have
/// run triggers.
fn wrote(statement: Option<&Statement>, text: &[u8], relayed: &Relayed) -> Wrote {
    let Some(statement) = statement else { return Wrote::Yes };
    let nothing = relayed.affected == 0 && !relayed.matched && !relayed.rows;
    match (statement.access, &statement.kind) {
        (Access::Read, _) => Wrote::No,
        (Access::Write, Kind::Write) if nothing && relayed.errno.is_some() => Wrote::Maybe,
        (Access::Write, Kind::Write) if nothing => {
            let first = words(text, 1);
            let plain = first.first().is_some_and(|w| w == "UPDATE" || w == "DELETE");
            if plain { Wrote::No } else { Wrote::Maybe }
        }
        (Access::Write | Access::MaybeWrite, _) => Wrote::Yes,
    }
}

/// A copy of a command's body with another statement id.
pub(super) fn with_id(body: &[u8], id: u32) -> BytesMut {
    let mut out = BytesMut::from(body);
    if let Some(at) = out.get_mut(..4) {
        at.copy_from_slice(&id.to_le_bytes());
    }
    out
}
