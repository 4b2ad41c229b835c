//! The session's backend connections: taken from the pool when first needed, given back when it ends.

use mysql_common::collations::{Collation, CollationId};

use super::registry::Cancel;
use super::{Attached, Session};
use crate::backend::mysql::{MysqlConn, Open};
use crate::backend::pool::Loan;
use crate::backend::{Conn, verbs};
use crate::base::{BackendId, Dialect, Engine, Fault, FaultKind};
use crate::commit::Enlisted;
use crate::session::transaction::Transaction;
use crate::sql::ClientCharset;
use crate::wire::mysql::handshake::Login;
use crate::wire::mysql::{caps, com};

impl Session {
    /// The first of the backends that are one participant with this one.
    pub(super) fn participant(&self, backend: BackendId) -> BackendId {
        let config = &self.services.config;
        let mut before = (0..backend.0).map(BackendId);
        before.find(|b| config.same_participant(*b, backend)).unwrap_or(backend)
    }

    /// Where in `attached` this participant's connection is.
    pub(super) fn position(&self, participant: BackendId) -> Option<usize> {
        self.attached.iter().position(|a| a.participant == participant)
    }

    /// Brings `backend`'s connection, new or kept, with the session's settings and in its database.
    pub(super) async fn attach(&mut self, backend: BackendId) -> Result<usize, Fault> {
        if self.services.config.backend(backend).dialect != Dialect::Mysql {
            let name = &self.services.config.backend(backend).name;
            let text = format!("backend \"{name}\" speaks PostgreSQL; MySQL clients cannot use its tables yet");
            return Err(Fault::new(FaultKind::NotSupported, text).hint("Use it by a PostgreSQL client."));
        }
        self.finish_rest().await;
        let participant = self.participant(backend);
        let at = match self.position(participant) {
            Some(at) if !self.attached[at].conn.is_broken() => self.tell_untold(at).await?,
            // Its part of the transaction went with the connection: on a new one the statement would commit by itself.
            Some(_) | None if self.txn.participant(participant).is_some() => {
                return Err(self.lost_fault(participant, &std::io::ErrorKind::NotConnected.into()));
            }
            Some(_) | None => self.attach_new(participant).await?,
        };
        let database = self.database_of(backend);
        let conn = &mut self.attached[at].conn;
        if conn.queue_database(&database) {
            let answered = match conn.flush().await {
                Ok(()) => conn.answer().await,
                Err(error) => Err(error),
            };
            match answered {
                Ok((_, None)) => conn.set_database(&database),
                Ok((_, Some(error))) => return Err(Fault::new(FaultKind::NoSuchDatabase, error.message)),
                Err(error) => return Err(self.lost_fault(backend, &error)),
            }
        }
        Ok(at)
    }

    async fn attach_new(&mut self, participant: BackendId) -> Result<usize, Fault> {
        let flags = self.login.capabilities & caps::SEMANTIC;
        let (pools, owner) = (&self.services.pools, self.pooling.owner);
        let coming = async {
            if self.pooling.on {
                pools.acquire_for(owner, participant, flags).await
            } else {
                pools.acquire_with(participant, flags).await.map(Loan::Clean)
            }
        };
        let loan = self.activity.waiting(participant.0, coming).await;
        let loan = loan.map_err(|e| e.fault())?;
        let kept = matches!(loan, Loan::Kept(_));
        let conn = match loan.into_conn() {
            Conn::Mysql(conn) => conn,
            other @ Conn::Pg(_) => {
                self.services.pools.release(other).await;
                return Err(Fault::new(FaultKind::Internal, "a pool gave a connection of another dialect"));
            }
        };
        self.entry.attached(participant, Some(conn.session()), Cancel::Mysql(Box::new(conn.canceller())));
        self.attached.retain(|a| a.participant != participant);
        self.attached.push(Attached { participant, conn });
        let at = self.attached.len() - 1;
        if kept {
            let closing = self.pooling.tenure_mut(participant).map(|t| std::mem::take(&mut t.closing));
            for id in closing.unwrap_or_default() {
                self.attached[at].conn.queue(com::STMT_CLOSE, &[&id.to_le_bytes()]);
            }
            return self.tell_untold(at).await;
        }
        self.pooling.begin(participant);
        if let Err(error) = self.replay(at).await {
            self.attached.remove(at);
            return Err(self.lost_fault(participant, &error));
        }
        self.all_told(participant);
        Ok(at)
    }

    /// Tells a connection what was set since it was here.
    async fn tell_untold(&mut self, at: usize) -> Result<usize, Fault> {
        let participant = self.attached[at].participant;
        if self.pooling.tenure(participant).is_none_or(|t| t.told == self.pooling.said) {
            return Ok(at);
        }
        let untold: Vec<_> = self.untold(participant).map(|s| s.text.clone()).collect();
        self.after_reading(participant, None);
        for text in untold {
            match self.attached[at].conn.run(&text).await {
                Ok((_, None)) => {}
                Ok((_, Some(error))) => {
                    tracing::debug!(errno = error.errno, "a setting was not taken over: {}", error.message);
                }
                Err(error) => {
                    self.attached.remove(at);
                    return Err(self.lost_fault(participant, &error));
                }
            }
        }
        self.all_told(participant);
        Ok(at)
    }

    /// The client's character set, then its settings in their order. A setting that this server does not know is left
    /// out: the client was answered by the home backend, which does.
    async fn replay(&mut self, at: usize) -> std::io::Result<()> {
        let more = self.more_to_tell(self.attached[at].participant);
        let home = self.pooling.on && self.attached[at].participant == self.participant(self.home);
        let conn = &mut self.attached[at].conn;
        let names = set_names(self.login.charset, conn.engine());
        let own = names.iter().count()..names.iter().count() + self.settings.len();
        // Pooled connections are old. What the database's own character set is now, USE tells, but not of the current one.
        let database = conn.database().to_vec();
        conn.queue(com::INIT_DB, &[b"information_schema"]);
        conn.queue(com::INIT_DB, &[&database]);
        let mut due = 0;
        let settings = self.settings.iter().map(|s| s.text.as_slice());
        for text in names.iter().map(String::as_bytes).chain(settings).chain(more.iter().map(Vec::as_slice)) {
            conn.queue(com::QUERY, &[text]);
            due += 1;
        }
        conn.flush().await?;
        let (away, back) = (conn.answer().await?, conn.answer().await?);
        if away.1.is_none() && back.1.is_some() {
            // It is gone: the client hears so when it is needed.
            conn.set_database(b"information_schema");
        }
        for number in 0..due {
            if let (_, Some(error)) = conn.answer().await? {
                if home && own.contains(&number) {
                    // The client was told once that it holds.
                    return Err(std::io::Error::other(format!("a setting could not be made again: {}", error.message)));
                }
                tracing::debug!(errno = error.errno, "a setting was not taken over: {}", error.message);
            }
        }
        Ok(())
    }

    pub(super) fn database_of(&self, backend: BackendId) -> Vec<u8> {
        match &self.home_database {
            Some(database) if backend == self.home => database.clone(),
            Some(_) | None => self.services.config.backend(backend).database.clone().into_bytes(),
        }
    }

    /// What a client is told when a connection breaks.
    pub(super) fn lost_fault(&self, backend: BackendId, error: &std::io::Error) -> Fault {
        let name = &self.services.config.backend(backend).name;
        Fault::new(FaultKind::BackendLost, format!("connection to backend \"{name}\" was lost: {error}"))
    }

    /// Takes the transaction's connections out of the session, for the coordinator.
    pub(super) fn take_enlisted(&mut self) -> Vec<Enlisted> {
        let participants = std::mem::take(&mut self.txn.participants);
        let mut enlisted = Vec::with_capacity(participants.len());
        for p in participants {
            if let Some(at) = self.position(p.backend) {
                let conn = Conn::Mysql(self.attached.remove(at).conn);
                enlisted.push(Enlisted { place: p.place, wrote: p.wrote, conn });
            } else if let Some(conn) = self.held(p.backend).and_then(|h| h.conn.take()) {
                enlisted.push(Enlisted { place: p.place, wrote: p.wrote, conn: Conn::Pg(conn) });
            }
        }
        enlisted
    }

    /// Takes back the connections that the coordinator returned. The others are closed, and with them their state.
    pub(super) fn take_back(&mut self, conns: Vec<Conn>) {
        for conn in conns {
            match conn {
                Conn::Mysql(conn) => self.attached.push(Attached { participant: conn.backend(), conn }),
                Conn::Pg(mut conn) => {
                    // Notices are not this client's.
                    drop(conn.take_asides());
                    let backend = conn.backend();
                    if let Some(held) = self.foreign.iter_mut().find(|h| h.backend == backend) {
                        held.conn = Some(conn);
                    }
                }
            }
        }
    }

    /// Waits for the rest of the last commit: whatever comes next in this session is ordered behind it.
    pub(super) async fn finish_rest(&mut self) {
        if let Some(rest) = self.rest.take() {
            let conns = rest.await;
            self.take_back(conns);
        }
    }

    /// Ends everything: rolls back, gives the connections back.
    pub(super) async fn detach_all(&mut self) {
        self.finish_rest().await;
        self.rollback_all().await;
        self.services.pools.forget(self.pooling.owner);
        let bound = self.services.config.pool.connect_timeout;
        for attached in std::mem::take(&mut self.attached) {
            let mut conn = attached.conn;
            // A server that does not answer must not keep the session, and with it its places in the pools, for ever.
            match tokio::time::timeout(bound, last_commands(&mut conn)).await {
                Ok(()) => self.give_back(attached.participant, conn).await,
                Err(_) => tracing::warn!(?bound, "a backend did not answer at a session's end; closed"),
            }
        }
        for held in std::mem::take(&mut self.foreign) {
            if let Some(conn) = held.conn
                && self.entry.withdraw(held.backend).await
            {
                self.services.pools.release(Conn::Pg(conn)).await;
            }
        }
        self.entry.detached();
        self.txn = Transaction::none();
    }
}

async fn last_commands(conn: &mut MysqlConn) {
    if conn.open() == Open::Plain && !conn.is_broken() {
        native_rollback(conn).await;
    }
    if let Err(error) = conn.flush().await {
        tracing::debug!(%error, "the last unanswered commands of a session");
    }
}

async fn native_rollback(conn: &mut MysqlConn) {
    match conn.run(b"ROLLBACK").await {
        Ok((_, None)) => conn.set_open(Open::None),
        Ok((_, Some(error))) => tracing::debug!("a rollback at the end of a session: {}", error.message),
        Err(error) => tracing::debug!(%error, "a rollback at the end of a session"),
    }
}

/// The XA START of a participant, with the transaction's savepoints: by ROLLBACK TO one that is older than the
/// participant's joining, all that it did is undone.
pub(super) fn opening(txn: &Transaction, branch: &crate::base::BranchName) -> (String, usize) {
    let mut text = verbs::xa_start(branch, txn.with);
    let mut count = 1 + text.matches(';').count();
    for name in &txn.savepoints {
        text.push(';');
        text.push_str(&verbs::savepoint(Dialect::Mysql, name));
        count += 1;
    }
    (text, count)
}

/// A login with the home server's default collation if the client has named none that is known: so servers do it.
pub(super) fn with_charset(login: Login, home: u8) -> Login {
    let known = known_collation(login.charset).is_some();
    Login { charset: if known { login.charset } else { home }, ..login }
}

fn known_collation(charset: u8) -> Option<Collation<'static>> {
    let collation = Collation::resolve(CollationId::from(u16::from(charset)));
    let set = collation.charset();
    let known = charset != 0 && !set.is_empty() && !set.contains("UNKNOWN");
    known.then_some(collation)
}

/// How texts of a client with this collation are read.
pub(super) fn client_charset(charset: u8) -> ClientCharset {
    known_collation(charset).map_or_else(ClientCharset::default, |collation| ClientCharset::named(collation.charset()))
}

/// The client's collation, as SET NAMES. `None` if the number is unknown: then the server's default holds, as it would
/// without us. MariaDB lacks MySQL's newer collations.
fn set_names(charset: u8, engine: Engine) -> Option<String> {
    let collation = known_collation(charset)?;
    let (set, name) = (collation.charset(), collation.collation());
    let foreign = engine == Engine::Mariadb && name.contains("_0900_");
    Some(if foreign { format!("SET NAMES {set}") } else { format!("SET NAMES {set} COLLATE {name}") })
}
