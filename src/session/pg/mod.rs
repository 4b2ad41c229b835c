//! A PostgreSQL client's session. Messages are served in order; those of the extended protocol are queued for their
//! backend without waiting, and their replies drained when the order or the client asks for it.

mod again;
mod control;
mod ear;
mod effects;
mod end;
mod extended;
mod foreign;
mod keeps;
mod names;
mod oops;
mod parking;
mod pipeline;
mod place;
mod reading;
mod renewal;
mod running;
mod settings;
mod simple;
mod slots;
mod wait;

use std::sync::Arc;

use tokio::sync::watch;

pub use oops::Exit;
pub use running::Running;

use crate::backend::pg::PgConn;
use crate::backend::pool::Owner;
use crate::base::{BackendId, Dialect, Fault, FaultKind, clock};
use crate::commit::Rest;
use crate::config::PoolMode;
use crate::relay::pg::Client;
use crate::route::Reach;
use crate::session::Services;
use crate::session::outcome::Last;
use crate::session::transaction::{Mode, Transaction};
use crate::session::watch::{Watch, Watched, sqlstate};
use crate::sql::Reading;
use crate::telemetry::activity::{Activity, BackendSet};
use crate::wire::pg::client::{self as message, tag};
use crate::wire::pg::error::{Severity, put_error, put_fault, put_server_error, put_server_fatal};
use crate::wire::pg::server::{self, Status};
use crate::wire::pg::{HEADER_BYTES, Header};
use ear::{Alarm, Ear};
use foreign::{ForeignSlot, View};
use names::Names;
use oops::Oops;
use pipeline::Pipeline;
use settings::Settings;
use slots::Slot;

/// Whether the proxy runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It does.
    No,
    /// Sessions end when their transaction has ended.
    Drain,
    /// Sessions end now.
    Now,
}

/// One client's session.
#[derive(Debug)]
pub struct Session {
    services: Arc<Services>,
    client: Client,
    home: BackendId,
    reading: Reading,
    txn: Transaction,
    /// The last setting's serial at each savepoint.
    marks: Vec<u64>,
    slots: Vec<Slot>,
    /// Connections to backends of the other dialect.
    foreign: Vec<ForeignSlot>,
    /// The client's settings as they were last asked for.
    view: Option<Arc<View>>,
    /// The client's login name.
    user: String,
    /// What it may use.
    reach: Reach,
    /// As the pools know it.
    owner: Owner,
    /// Connections are parked between transactions.
    pooling: bool,
    generations: u64,
    /// Who ran the last INSERT: `lastval()` is asked of it.
    inserted: Option<BackendId>,
    /// Where a RESET has just undone startup parameters.
    restores: Option<BackendId>,
    settings: Settings,
    names: Names,
    pipeline: Pipeline,
    running: Arc<Running>,
    /// Phase two of the last commit, if the client has been answered before it.
    rest: Option<Rest>,
    /// The last distributed transaction.
    last: Option<Last>,
    /// The statement of this moment, for statistics.
    watch: Watch,
    ear: Ear,
    /// Goes off when the client is idle in a transaction for too long.
    alarm: Alarm,
    /// What operators see of it.
    activity: Arc<Activity>,
}

impl Session {
    /// A session of a client that has logged in as this user. `startup`: its startup parameters that are settings.
    pub fn new(
        services: Arc<Services>,
        client: Client,
        (user, reach): (String, Reach),
        home: BackendId,
        startup: &[(Vec<u8>, Vec<u8>)],
        running: Arc<Running>,
        stop: watch::Receiver<Stop>,
    ) -> Self {
        let mut settings = Settings::default();
        for (name, value) in startup {
            settings.startup(name, value);
        }
        let (owner, pooling) = (services.pools.owner(), services.config.pool.mode == PoolMode::Transaction);
        Self {
            services,
            client,
            home,
            reading: Reading::new(Dialect::Postgres),
            txn: Transaction::none(),
            marks: Vec::new(),
            slots: Vec::new(),
            foreign: Vec::new(),
            view: None,
            user,
            reach,
            owner,
            pooling,
            generations: 0,
            inserted: None,
            restores: None,
            settings,
            names: Names::default(),
            pipeline: Pipeline::default(),
            ear: Ear::new(stop, running.killed()),
            running,
            rest: None,
            last: None,
            watch: Watch::default(),
            alarm: Alarm::default(),
            activity: Arc::default(),
        }
    }

    /// Operators see by `activity` what it does.
    pub fn tells(&mut self, activity: Arc<Activity>) {
        self.activity = activity;
    }

    /// Tells that the client has been answered, unless it is in the middle of a pipeline.
    fn tell_answered(&self) {
        if !self.pipeline.is_idle() {
            return;
        }
        let mut held = BackendSet::default();
        self.slots.iter().filter(|slot| slot.conn.is_some()).for_each(|slot| held.add(slot.backend.0));
        self.foreign.iter().filter(|slot| slot.conn.is_some()).for_each(|slot| held.add(slot.participant.0));
        self.activity.answered(self.txn.is_open(), self.txn.id.as_ref().map(|id| id.seq), held);
    }

    /// Greets the client and serves it to its end.
    pub async fn run(mut self, pid: i32, secret: &[u8], startup: &[(Vec<u8>, Vec<u8>)]) {
        let exit = match self.greet(pid, secret, startup).await {
            Ok(()) => self.serve().await,
            Err(exit) => exit,
        };
        self.close(exit).await;
    }

    /// Parameter status, key, ready. Settings that the server may refuse or spell otherwise are tried on the home backend
    /// first, so that the client hears what the server made of them.
    async fn greet(&mut self, pid: i32, secret: &[u8], startup: &[(Vec<u8>, Vec<u8>)]) -> Result<(), Exit> {
        let simple = |(name, value): &(Vec<u8>, Vec<u8>)| {
            // The server replaces what is not plain ASCII in that name.
            (name == b"application_name" && value.iter().all(|b| matches!(b, b' '..=b'~')))
                || (name == b"client_encoding" && is_utf8(value))
        };
        if !startup.iter().all(simple) {
            self.try_startup().await?;
        }
        let mut parameters = match slots::conn(&mut self.slots, self.home) {
            Some(conn) => conn.parameters().to_vec(),
            None => self.services.postgres_home.as_ref().map(|home| home.parameters.clone()).unwrap_or_default(),
        };
        let simple: Vec<_> = startup.iter().filter(|pair| simple(pair)).collect();
        for (name, value) in simple {
            let name = String::from_utf8_lossy(name);
            let value = if name == "client_encoding" { "UTF8".into() } else { String::from_utf8_lossy(value) };
            match parameters.iter_mut().find(|(n, _)| *n == name) {
                Some(pair) => pair.1 = value.into_owned(),
                None => parameters.push((name.into_owned(), value.into_owned())),
            }
        }
        for (name, value) in &parameters {
            self.client.tell_parameter(name.as_bytes(), value.as_bytes());
        }
        server::put_key_data(&mut self.client.out, pid, secret);
        server::put_ready(&mut self.client.out, Status::Idle);
        Ok(())
    }

    async fn try_startup(&mut self) -> Result<(), Exit> {
        let tried = match self.prepare_slot(self.home).await {
            Ok(()) => self.swallow_prefix_strictly(self.home).await,
            Err(oops) => Err(oops),
        };
        match tried {
            Ok(()) => Ok(()),
            Err(Oops::Exit(exit)) => Err(exit),
            Err(Oops::Fault(fault)) => Err(Exit::Fatal(fault)),
            Err(Oops::Server(error, _)) => {
                put_server_fatal(&mut self.client.out, &error.raw);
                Err(Exit::Terminated)
            }
            Err(Oops::Told) => Err(Exit::Terminated),
        }
    }

    async fn serve(&mut self) -> Exit {
        loop {
            let next = match self.next().await {
                Ok(next) => next,
                Err(exit) => return exit,
            };
            let statement = matches!(next.tag, tag::QUERY | tag::EXECUTE | tag::FUNCTION_CALL);
            self.activity.asked(statement, self.watch.heard());
            self.renew();
            let served = self.dispatch(next).await;
            self.running.set(None);
            if let Err(exit) = served {
                return exit;
            }
        }
    }

    /// Waits for the next whole message, within the limit.
    async fn next(&mut self) -> Result<Header, Exit> {
        let bytes_max = self.services.config.limits.statement_bytes;
        loop {
            match self.client.header() {
                Ok(Some(head)) if is_stray_copy(head.tag) => self.client.discard(head.total_bytes),
                Ok(Some(head)) if head.total_bytes > bytes_max => return Err(too_large(head, bytes_max)),
                Ok(Some(head)) if self.client.buffered().len() >= head.total_bytes => return Ok(head),
                Ok(_) => self.wait_for_client().await?,
                Err(error) => return Err(Exit::violation(&error)),
            }
        }
    }

    async fn dispatch(&mut self, head: Header) -> Result<(), Exit> {
        let frame = self.client.take(head.total_bytes);
        match head.tag {
            tag::QUERY => self.on_query(frame.slice(HEADER_BYTES..)).await,
            tag::PARSE | tag::BIND | tag::DESCRIBE | tag::EXECUTE | tag::CLOSE | tag::FLUSH => {
                self.on_extended(head.tag, frame).await
            }
            tag::SYNC => {
                if let Err(error) = message::empty(&frame[HEADER_BYTES..], "Sync") {
                    self.tell(Oops::from(&error)).await?;
                }
                self.on_sync().await
            }
            tag::FUNCTION_CALL => self.on_function_call(frame).await,
            tag::TERMINATE => Err(Exit::Terminated),
            other => {
                let text = format!("invalid frontend message type {other}");
                Err(Exit::fatal(Fault::new(FaultKind::ProtocolViolation, text)))
            }
        }
    }

    /// The session's transaction status, as the client is told.
    fn status(&self) -> Status {
        match self.txn.mode {
            Mode::Autocommit | Mode::Implicit => Status::Idle,
            Mode::Explicit => Status::Open,
            Mode::Failed => Status::Failed,
        }
    }

    /// The one ReadyForQuery.
    fn ready(&mut self) {
        let status = self.status();
        self.client.put_ready(status);
        if !self.client.buffered().is_empty() {
            // Until now the next one has waited for its client's own.
            self.watch.hears(clock::now());
        }
    }

    /// A statement that was answered later is done.
    fn watched(&mut self, watched: Option<Watched>) {
        let Some(mut watched) = watched else { return };
        if !watched.counts() {
            return;
        }
        let now = clock::now();
        self.watch.hears(now);
        if watched.runs() {
            watched.not_before(self.pipeline.answered.replace(now));
        }
        watched.ended(&self.services, Dialect::Postgres, now);
    }

    /// The statement of this moment is refused.
    fn watch_refused(&mut self, oops: &Oops) {
        match oops {
            Oops::Fault(fault) => self.watch.refused(sqlstate(fault.kind.sqlstate()), None),
            Oops::Server(error, _) => {
                let by = self.watch.backend();
                self.watch.refused(sqlstate(&error.sqlstate), by);
            }
            Oops::Told | Oops::Exit(_) => {}
        }
    }

    /// Tells the client what went wrong, and what that makes of the transaction.
    async fn tell(&mut self, oops: Oops) -> Result<(), Exit> {
        let native = matches!(oops, Oops::Told);
        match oops {
            Oops::Fault(fault) => put_fault(&mut self.client.out, Severity::Error, &fault),
            Oops::Server(error, detail) => put_server_error(&mut self.client.out, &error.raw, detail.as_deref()),
            Oops::Told => {}
            Oops::Exit(exit) => return Err(exit),
        }
        self.fail_transaction(native).await
    }

    /// A warning of PostgreSQL's own kind.
    fn warn(&mut self, sqlstate: &str, text: &str) {
        put_error(&mut self.client.out, Severity::Warning, sqlstate, text, None, None);
    }

    /// The attached connection of a backend. Errors: there is none, which the callers have made sure of.
    fn conn(&mut self, backend: BackendId) -> Result<&mut PgConn, Oops> {
        slots::conn(&mut self.slots, backend)
            .ok_or_else(|| Fault::new(FaultKind::BackendLost, "the backend's connection is gone").into())
    }
}

fn is_utf8(encoding: &[u8]) -> bool {
    let plain: Vec<u8> = encoding.iter().filter(|b| b.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect();
    matches!(plain.as_slice(), b"utf8" | b"unicode")
}

/// COPY data that comes after the COPY has failed is dropped, as the server does.
fn is_stray_copy(tag: u8) -> bool {
    matches!(tag, tag::COPY_DATA | tag::COPY_DONE | tag::COPY_FAIL)
}

fn too_large(head: Header, bytes_max: usize) -> Exit {
    let text = format!("a message of {} bytes is larger than limits.statement_bytes ({bytes_max})", head.total_bytes);
    Exit::fatal(Fault::new(FaultKind::TooLarge, text).hint("Send less at once, or raise limits.statement."))
}
