//! One MySQL client's session. Its backend connections stay with it until it ends (`attach`), or are parked between its
//! transactions (`park`); texts are cut and routed
//! (`query`), run (`run`), prepared (`prepared`); transactions end in `end`; settings are kept in `settings`; tables on PostgreSQL are `foreign`.
//!
//! With one participant configured nothing is wrapped in XA: transactions are the backend's own (`native`).

mod aftermath;
mod asked;
mod attach;
mod end;
mod foreign;
mod held_back;
mod leavings;
mod local;
mod locks;
pub mod login;
mod outcome;
mod park;
mod prepared;
mod query;
pub mod registry;
mod renewal;
mod run;
mod settings;
mod tenure;
mod text;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::sync::watch;

use super::Services;
use super::outcome::Last;
use super::transaction::Transaction;
use super::watch::{Watch, sqlstate};
use crate::backend::mysql::MysqlConn;
use crate::base::{BackendId, Dialect, Engine, Fault, FaultKind, clock};
use crate::commit::Rest;
use crate::config::PoolMode;
use crate::relay::mysql::Client;
use crate::route::{Plan, Reach};
use crate::sql::{Characteristics, Reading, Statement};
use crate::telemetry::activity::{Activity, BackendSet};
use crate::telemetry::clients::Present;
use crate::wire::mysql::answer::{self, Done};
use crate::wire::mysql::auth::SCRAMBLE_BYTES;
use crate::wire::mysql::handshake::Login;
use crate::wire::mysql::{FrameError, com, status};
use registry::{Entry, Sessions};

/// Why a session ends.
#[derive(Debug)]
enum Stop {
    /// The client is gone.
    Client(io::Error),
    /// The client was told, or has asked.
    Close,
}

impl From<io::Error> for Stop {
    fn from(source: io::Error) -> Self {
        Self::Client(source)
    }
}

/// Whether the statement succeeded; after a failure the rest of a text is not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ran {
    Fine,
    Failed,
}

type Step = Result<Ran, Stop>;

/// What a session that waits for its client gets.
enum Came {
    Command(io::Result<Option<BytesMut>>),
    Idle,
    Leaving,
}

/// What is wrong with the client's packets, if that is the error.
fn of_frames(error: &io::Error) -> Option<FrameError> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<FrameError>()).copied()
}

/// A participant's connection, kept for the session.
#[derive(Debug)]
struct Attached {
    /// The first of the backends that this participant stands for.
    participant: BackendId,
    conn: MysqlConn,
}

/// A statement that SQL-level PREPARE has made.
#[derive(Debug)]
struct Named {
    backend: BackendId,
    /// How it is made again on another connection; `None` if that is not known.
    text: Option<Vec<u8>>,
    /// Executing it may leave anything.
    stays: bool,
}

/// One client's session.
#[derive(Debug)]
pub struct Session {
    services: Arc<Services>,
    client: Client,
    sessions: Arc<Sessions>,
    entry: Arc<Entry>,
    user: String,
    /// Its place in the list of clients.
    present: Present,
    /// What its user may use.
    reach: Reach,
    login: Login,
    /// What the client has proved its password by.
    scramble: [u8; SCRAMBLE_BYTES],
    home: BackendId,
    /// One participant only: transactions are its own.
    native: bool,
    /// The client may send several statements in one text.
    multi: bool,
    attached: Vec<Attached>,
    /// Connections to PostgreSQL.
    foreign: Vec<foreign::Held>,
    /// What foreign statements need to know of the session; `None`: to be asked again.
    facts: Option<Arc<foreign::Facts>>,
    /// The last statement, if it ran on PostgreSQL.
    after: Option<foreign::After>,
    /// The last generated key, if PostgreSQL made it and no server of this dialect has been told.
    untold_key: Option<u64>,
    /// Who generated the last key, or was told it.
    key_at: Option<BackendId>,
    txn: Transaction,
    autocommit: bool,
    /// SET SESSION TRANSACTION READ ONLY holds.
    read_only: bool,
    /// User variables that a backend set from its tables: only there they have their values.
    variables: HashMap<String, BackendId>,
    /// By SET TRANSACTION, for the next transaction.
    next: Characteristics,
    settings: Vec<settings::Setting>,
    prepared: HashMap<u32, prepared::Prepared>,
    last_statement_id: u32,
    /// SQL-level PREPARE: who has it.
    named: HashMap<String, Named>,
    /// LOCK TABLES holds on some connection, perhaps.
    locked: bool,
    /// FLUSH TABLES … WITH READ LOCK holds, perhaps.
    flush_locked: bool,
    /// What is known of its connections.
    pooling: tenure::Pooling,
    /// What its last statement left to be asked for.
    aftermath: aftermath::Aftermath,
    /// Who ran the last statement.
    last: Option<BackendId>,
    /// Of the last COMMIT.
    warnings: Vec<String>,
    reading: Reading,
    /// The server may read texts otherwise by now.
    reading_stale: bool,
    /// The home connection's database, if the client changed it.
    home_database: Option<Vec<u8>>,
    /// Phase two of the last COMMIT, if the client has been answered before it.
    rest: Option<Rest>,
    /// The last distributed transaction.
    last_txn: Option<Last>,
    /// Each distributed COMMIT tells its name by a warning.
    notice: bool,
    /// The statement of this moment, for statistics.
    watch: Watch,
    /// What operators see of it.
    activity: Arc<Activity>,
}

impl Session {
    /// A session for a client that has logged in; `None` if no MySQL backend is configured.
    pub fn new(
        services: Arc<Services>,
        client: Client,
        (sessions, entry): (Arc<Sessions>, Arc<Entry>),
        (user, present, reach): (String, Present, Reach),
        (login, scramble): (Login, [u8; SCRAMBLE_BYTES]),
    ) -> Option<Self> {
        let home = services.config.home(Dialect::Mysql)?;
        let mut reading = Reading::new(Dialect::Mysql);
        reading.mariadb = services.mysql_home.as_ref().is_some_and(|h| h.engine == Engine::Mariadb);
        let login = attach::with_charset(login, services.mysql_home.as_ref().map_or(0, |h| h.charset));
        reading.charset = attach::client_charset(login.charset);
        let multi = login.capabilities & crate::wire::mysql::caps::MULTI_STATEMENTS != 0;
        let native = renewal::is_native(&services.config, home);
        let parks = services.config.pool.mode == PoolMode::Transaction;
        let pooling = tenure::Pooling::new(parks, services.pools.owner());
        let activity = present.activity();
        Some(Self {
            services,
            client,
            sessions,
            entry,
            user,
            present,
            reach,
            login,
            scramble,
            home,
            native,
            multi,
            attached: Vec::new(),
            foreign: Vec::new(),
            facts: None,
            after: None,
            untold_key: None,
            key_at: None,
            txn: Transaction::none(),
            autocommit: true,
            read_only: false,
            variables: HashMap::new(),
            next: Characteristics::default(),
            settings: Vec::new(),
            prepared: HashMap::new(),
            last_statement_id: 0,
            named: HashMap::new(),
            locked: false,
            flush_locked: false,
            pooling,
            aftermath: aftermath::Aftermath::default(),
            last: None,
            warnings: Vec::new(),
            reading,
            reading_stale: false,
            home_database: None,
            rest: None,
            last_txn: None,
            notice: false,
            watch: Watch::default(),
            activity,
        })
    }

    fn tell_answered(&self) {
        let mut held = BackendSet::default();
        self.attached.iter().for_each(|a| held.add(a.participant.0));
        self.foreign.iter().filter(|h| h.conn.is_some()).for_each(|h| held.add(h.backend.0));
        self.activity.answered(self.in_transaction(), self.txn.id.as_ref().map(|id| id.seq), held);
    }

    /// As whom its client has logged in.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Its place in the list of clients.
    pub fn present(&self) -> &Present {
        &self.present
    }

    /// Where a statement goes that this user sends.
    fn plan(&self, text: &[u8], statement: &Statement) -> Plan {
        self.services.routes.plan_for(&self.reach, Dialect::Mysql, text, statement)
    }

    /// Serves the client until it leaves, is told to, or the house shuts down; then rolls back what is open.
    pub async fn serve(mut self, mut shutdown: watch::Receiver<bool>) {
        let stop = loop {
            let payload = match self.next_command(&mut shutdown).await {
                Ok(Some(payload)) => payload,
                Ok(None) => break Stop::Close,
                Err(stop) => break stop,
            };
            if let Err(stop) = self.command(payload).await {
                break stop;
            }
        };
        match stop {
            Stop::Client(error) => tracing::debug!(session = self.entry.id(), %error, "client gone"),
            Stop::Close => {
                if let Err(error) = self.client.flush().await {
                    tracing::debug!(session = self.entry.id(), %error, "client gone before the last answer");
                }
            }
        }
        self.detach_all().await;
    }

    /// Answers what is owed, then waits for a command: not longer than the idle bound inside a transaction, and outside
    /// of one not longer than the house is open.
    async fn next_command(&mut self, shutdown: &mut watch::Receiver<bool>) -> Result<Option<BytesMut>, Stop> {
        let farewell = loop {
            if self.rest.is_some() || !self.client.has_input() {
                // Together: phase two must not wait for a client that does not read.
                let rest = futures_util::future::OptionFuture::from(self.rest.take());
                let (flushed, conns) = tokio::join!(self.client.flush(), rest);
                self.take_back(conns.unwrap_or_default());
                flushed?;
                self.park().await?;
            }
            self.tell_answered();
            match self.came(shutdown).await {
                Came::Command(Ok(command)) => return Ok(command),
                Came::Command(Err(error)) => match of_frames(&error) {
                    // The client is still understood, as by servers: only this command is not done.
                    Some(FrameError::TooLarge { .. }) => {
                        self.too_large();
                    }
                    Some(FrameError::OutOfOrder { .. }) => {
                        break Fault::new(FaultKind::ProtocolViolation, format!("Got packets out of order: {error}"));
                    }
                    None => return Err(error.into()),
                },
                Came::Idle => {
                    let bound = self.services.config.transactions.idle_timeout;
                    break Fault::new(FaultKind::IdleTimeout, format!("idle in a transaction for {bound:?}"))
                        .hint("transactions.idle_timeout bounds it; the transaction was rolled back.");
                }
                // By KILL: servers close without a word, and an error would be taken for the next answer.
                Came::Leaving if !*shutdown.borrow() => return Err(Stop::Close),
                Came::Leaving => break Fault::new(FaultKind::ShuttingDown, "the session is being closed"),
            }
        };
        self.client.put(&answer::fault(&farewell));
        self.client.flush().await?;
        Err(Stop::Close)
    }

    async fn came(&mut self, shutdown: &mut watch::Receiver<bool>) -> Came {
        let open = self.in_transaction();
        let bound = self.services.config.transactions.idle_timeout;
        let bounded = open && !bound.is_zero();
        let mut killed = self.client.kill_switch();
        let came = tokio::select! {
            biased;
            command = self.client.command() => Came::Command(command),
            () = tokio::time::sleep(bound), if bounded => Came::Idle,
            _ = shutdown.wait_for(|stopping| *stopping), if !open => Came::Leaving,
            _ = killed.wait_for(|killed| *killed) => Came::Leaving,
        };
        // What comes after a KILL is not run, however soon it comes.
        if *killed.borrow() { Came::Leaving } else { came }
    }

    fn too_large(&mut self) -> Ran {
        let most = self.services.config.limits.statement_bytes;
        let fault = Fault::new(FaultKind::TooLarge, "Got a packet bigger than 'max_allowed_packet' bytes")
            .hint(format!("limits.statement_size is {most} bytes."));
        self.fault(&fault)
    }

    /// Whether a transaction is open that an end of the session would roll back.
    fn in_transaction(&self) -> bool {
        self.txn.is_open() || self.attached.iter().any(|a| a.conn.open() != crate::backend::mysql::Open::None)
    }

    async fn command(&mut self, payload: BytesMut) -> Result<(), Stop> {
        self.watch.hears(clock::now());
        self.activity.asked(matches!(payload.first(), Some(&(com::QUERY | com::STMT_EXECUTE))), self.watch.heard());
        self.renew();
        let Some((&command, body)) = payload.split_first() else {
            self.fault(&Fault::new(FaultKind::UnknownCommand, "an empty command"));
            return Ok(());
        };
        match command {
            com::QUERY => {
                let ran = self.query(body).await;
                self.watched(ran)
            }
            com::STMT_PREPARE => {
                let ran = self.prepare(body).await;
                self.watched(ran)
            }
            com::STMT_EXECUTE => {
                let ran = self.execute(&self.with_known_id(body)).await;
                self.watched(ran)
            }
            com::STMT_SEND_LONG_DATA => self.send_long_data(&self.with_known_id(body)).await,
            com::STMT_CLOSE => {
                self.close_statement(&self.with_known_id(body));
                Ok(())
            }
            com::STMT_RESET => self.reset_statement(&self.with_known_id(body)).await.map(drop),
            com::STMT_FETCH => self.fetch(&self.with_known_id(body)).await.map(drop),
            com::PING => {
                self.ok();
                Ok(())
            }
            com::QUIT => Err(Stop::Close),
            com::INIT_DB => self.use_database(body, false).await.map(drop),
            com::FIELD_LIST => self.field_list(body).await.map(drop),
            com::STATISTICS => self.pass_to_home(command, body, crate::relay::mysql::Shape::Line).await.map(drop),
            com::PROCESS_INFO => self.pass_to_home(command, body, crate::relay::mysql::Shape::Results).await.map(drop),
            com::REFRESH => self.refresh(body).await.map(drop),
            com::DEBUG => self.pass_to_home(command, body, crate::relay::mysql::Shape::Results).await.map(drop),
            com::SET_OPTION => {
                self.set_option(body);
                Ok(())
            }
            com::PROCESS_KILL => self.kill_command(body).await,
            com::RESET_CONNECTION => self.reset_connection().await,
            com::CHANGE_USER => self.change_user(body).await,
            unknown => {
                tracing::debug!(session = self.entry.id(), command = unknown, "an unknown command");
                self.unknown_command();
                Ok(())
            }
        }
    }

    /// A command that may have been a statement is done.
    fn watched(&mut self, ran: Step) -> Result<(), Stop> {
        if matches!(ran, Ok(Ran::Failed)) {
            // Whoever has told an error has said which; this is for what has not.
            self.watch.refused(*b"HY000", None);
        }
        self.watch.end(&self.services, Dialect::Mysql);
        ran.map(drop)
    }

    /// The status flags that are ours to say: with XA underneath the backend's own would confuse clients.
    fn status(&self) -> u16 {
        if self.native {
            // The others tell of the statement that the server ran last, not of the session.
            let lasting =
                status::IN_TRANS | status::IN_TRANS_READONLY | status::AUTOCOMMIT | status::NO_BACKSLASH_ESCAPES;
            let home = self.attached.first().map(|a| a.conn.status());
            return home.or(self.pooling.status).unwrap_or(status::AUTOCOMMIT) & lasting;
        }
        let in_trans = if self.txn.is_open() { status::IN_TRANS } else { 0 };
        let read_only = self.txn.is_open() && self.txn.with.read_only.unwrap_or(self.read_only);
        let read_only = if read_only { status::IN_TRANS_READONLY } else { 0 };
        let autocommit = if self.autocommit { status::AUTOCOMMIT } else { 0 };
        let escapes = if self.reading.backslash_escapes { 0 } else { status::NO_BACKSLASH_ESCAPES };
        in_trans | read_only | autocommit | escapes
    }

    /// Which of a backend's status flags are replaced by [`Self::status`].
    fn status_mask(&self) -> u16 {
        if self.native { 0 } else { status::IN_TRANS | status::IN_TRANS_READONLY | status::AUTOCOMMIT }
    }

    fn ok(&mut self) -> Ran {
        self.ok_and(false)
    }

    /// An OK of ours; `more`: another answer to the same text follows.
    fn ok_and(&mut self, more: bool) -> Ran {
        self.aftermath.say_ok();
        let more = if more { status::MORE_RESULTS } else { 0 };
        let warnings = u16::try_from(self.warnings.len()).unwrap_or(u16::MAX);
        self.client.put(&answer::ok(Done { status: self.status() | more, warnings, ..Done::default() }));
        Ran::Fine
    }

    fn fault(&mut self, fault: &Fault) -> Ran {
        self.client.put(&answer::fault(fault));
        self.watch.refused(sqlstate(fault.kind.mysql_state()), None);
        Ran::Failed
    }

    /// Whether a command is shorter than servers take it; then the client was told. MariaDB minds it in EXECUTE only.
    fn too_short(&mut self, body: &[u8], bytes_min: usize, mariadb_minds: bool) -> bool {
        let minds = mariadb_minds || !self.reading.mariadb;
        if body.len() >= bytes_min || !minds {
            return false;
        }
        let stop = if self.reading.mariadb { "" } else { "." };
        self.refuse(&answer::err(1835, "HY000", &format!("Malformed communication packet{stop}")));
        true
    }

    /// As servers say it.
    fn unknown_command(&mut self) -> Ran {
        self.refuse(&answer::err(1047, "08S01", "Unknown command"))
    }

    /// A backend's own error, or one in its words, unchanged.
    fn refuse(&mut self, raw: &[u8]) -> Ran {
        self.client.put(raw);
        let state = answer::read_err(raw).map(|refusal| sqlstate(&refusal.sqlstate));
        let by = self.watch.backend();
        self.watch.refused(state.unwrap_or(*b"HY000"), by);
        Ran::Failed
    }
}
