//! The door for PostgreSQL clients: accepts, logs in, cancels, and hands over to the session.

mod cancels;
mod login;
mod options;
mod scram;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::base::limits::CONSOLES_MAX;
use crate::base::{Dialect, Fault, FaultKind};
use crate::console::{self, Console, Guest};
use crate::front::Reception;
use crate::front::cores::Cores;
use crate::front::newcomers::{Newcomers, Places};
use crate::front::tls::Tls;
use crate::session::Services;
use crate::session::annexes::Annexes;
use crate::session::pg::{Running, Session, Stop};
use crate::telemetry::clients::Present;
use crate::telemetry::metrics;
use crate::wire::pg::error::{Severity, put_fault};
use crate::wire::pg::startup::PROTOCOL_3_2;
use cancels::Cancels;
use login::Entered;
use scram::Logins;

/// After the drain, sessions are told to end and given this long on top of `transactions.commit_wait`.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_secs(5);

/// After a failed accept (no file descriptors left, for example) the next one waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Connections that are just going, beyond sessions and those that log in.
const LEAVING_MAX: usize = 64;

/// What all connections share that arrive under one configuration.
struct Door {
    services: Arc<Services>,
    annexes: Arc<Annexes>,
    tls: Option<Tls>,
    logins: Logins,
    cancels: Arc<Cancels>,
    newcomers: Arc<Newcomers>,
    places: Places,
    consoles: Arc<Semaphore>,
}

impl Door {
    fn new(reception: &Reception) -> Self {
        let config = &reception.services.config;
        Self {
            logins: Logins::new(&config.users),
            cancels: Arc::default(),
            newcomers: Arc::new(Newcomers::for_sessions(config.limits.clients)),
            places: Places::default(),
            consoles: Arc::new(Semaphore::new(CONSOLES_MAX)),
            services: Arc::clone(&reception.services),
            annexes: Arc::clone(&reception.annexes),
            tls: reception.postgres_tls.clone(),
        }
    }

    /// The same under another configuration.
    fn renewed(&self, reception: &Reception) -> Self {
        let (cancels, newcomers) = (Arc::clone(&self.cancels), Arc::clone(&self.newcomers));
        let (places, consoles) = (self.places.clone(), Arc::clone(&self.consoles));
        Self { cancels, newcomers, places, consoles, ..Self::new(reception) }
    }

    /// Connections at most.
    fn most(&self) -> usize {
        self.services.config.limits.clients + self.newcomers.max() + LEAVING_MAX
    }
}

/// Serves PostgreSQL clients until `shutdown` turns true: then idle sessions end, the others have
/// `limits.drain_timeout` to end their transactions. Returns when all are gone.
pub async fn serve(
    listener: TcpListener,
    mut reception: watch::Receiver<Reception>,
    cores: Arc<Cores>,
    mut shutdown: watch::Receiver<bool>,
) {
    let mut door = Arc::new(Door::new(&reception.borrow_and_update()));
    let (stop, stopped) = watch::channel(Stop::No);
    let mut connections = JoinSet::new();
    loop {
        metrics::sessions(Dialect::Postgres, connections.len());
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, peer)) if connections.len() < door.most() => {
                    if reception.has_changed().unwrap_or(false) {
                        door = Arc::new(door.renewed(&reception.borrow_and_update()));
                    }
                    tracing::debug!(%peer, "a PostgreSQL client connects");
                    let (door, stopped) = (Arc::clone(&door), stopped.clone());
                    cores.serve(&mut connections, tcp, move |tcp| connection(door, tcp, stopped));
                }
                Ok((_, peer)) => {
                    metrics::connected(Dialect::Postgres, "refused");
                    tracing::warn!(%peer, "too many connections; one is dropped");
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(joined) = connections.join_next() => report(joined),
            () = stop_asked(&mut shutdown) => break,
        }
    }
    drop(listener);
    stop.send_replace(Stop::Drain);
    let config = Arc::clone(&reception.borrow().services.config);
    let commit_wait = config.transactions.commit_wait;
    if tokio::time::timeout(config.limits.drain_timeout, join_all(&mut connections)).await.is_err() {
        stop.send_replace(Stop::Now);
        // A session that commits is left to finish: only waiting ones hear the stop.
        if tokio::time::timeout(commit_wait + LAST_WORDS_TIMEOUT, join_all(&mut connections)).await.is_err() {
            tracing::warn!(sessions = connections.len(), "sessions did not end; they are cut off");
        }
    }
    connections.shutdown().await;
}

/// Returns when the process was told to stop (or nobody is left to tell it).
async fn stop_asked(shutdown: &mut watch::Receiver<bool>) {
    if shutdown.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("the house is gone; stopping");
    }
}

async fn join_all(connections: &mut JoinSet<()>) {
    while let Some(joined) = connections.join_next().await {
        report(joined);
    }
}

fn report(joined: Result<(), tokio::task::JoinError>) {
    if let Err(error) = joined {
        tracing::error!(%error, "a session died");
    }
}

async fn connection(door: Arc<Door>, tcp: TcpStream, stop: watch::Receiver<Stop>) {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let address = tcp.peer_addr().map_or_else(|_| String::new(), |address| address.to_string());
    let login_timeout = door.services.config.limits.login_timeout;
    let newcomer = door.newcomers.enter();
    let entered = tokio::select! {
        entered = tokio::time::timeout(login_timeout, login::log_in(&door, tcp)) => entered,
        () = newcomer.sent_away() => {
            metrics::connected(Dialect::Postgres, "refused");
            return tracing::debug!("too many connections log in; the oldest is dropped");
        }
    };
    drop(newcomer);
    let entered = match entered {
        Ok(Ok(Some(entered))) => entered,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => {
            metrics::connected(Dialect::Postgres, "failed");
            return tracing::debug!(%error, "a client did not log in");
        }
        Err(_) => {
            metrics::connected(Dialect::Postgres, "failed");
            return tracing::debug!("a client did not log in within limits.login_timeout");
        }
    };
    if entered.console {
        return console(&door, entered, stop).await;
    }
    let refused =
        match (door.places.enter(door.services.config.limits.clients), entered.services.config.home(Dialect::Postgres))
        {
            (Some(place), Some(home)) => {
                let most = door.services.connections_max(&entered.user);
                match door.services.clients.enter(Dialect::Postgres, &entered.user, address, most) {
                    Some(present) => {
                        metrics::connected(Dialect::Postgres, "accepted");
                        session(&door, entered, home, place, &present, stop).await;
                        return drop(present);
                    }
                    None => too_many_of(&entered.user, most),
                }
            }
            (None, _) => {
                let most = door.services.config.limits.clients;
                Fault::new(
                    FaultKind::TooManyClients,
                    format!("sorry, too many clients already (limits.clients {most})"),
                )
            }
            (Some(_), None) => Fault::new(FaultKind::NotSupported, "no PostgreSQL backend is configured"),
        };
    metrics::connected(Dialect::Postgres, "refused");
    let mut client = entered.client;
    put_fault(&mut client.out, Severity::Fatal, &refused);
    if let Err(error) = client.flush().await {
        tracing::debug!(%error, "a client did not hear its refusal");
    }
}

/// As the server says it for a role's CONNECTION LIMIT, with a word of whose limit it is.
fn too_many_of(user: &str, most: usize) -> Fault {
    let fault = Fault::verbatim(FaultKind::TooManyOfUser, format!("too many connections for role \"{user}\""));
    fault.hint(format!("users.connections_max of this user is {most} in Handfast's configuration."))
}

/// An operator. The places of clients are not for him: when they are all taken, he is needed most.
async fn console(door: &Door, entered: Entered, stop: watch::Receiver<Stop>) {
    let Entered { mut client, user, version, .. } = entered;
    let (Ok(_place), Some(home)) = (door.consoles.try_acquire(), &door.services.postgres_home) else {
        let text = format!("too many consoles are open ({CONSOLES_MAX})");
        put_fault(&mut client.out, Severity::Fatal, &Fault::new(FaultKind::TooManyClients, text));
        if let Err(error) = client.flush().await {
            tracing::debug!(%error, "a client did not hear its refusal");
        }
        return;
    };
    let key_bytes = if version < PROTOCOL_3_2 { 4 } else { 32 };
    let key = door.cancels.enter(Arc::new(Running::default()), key_bytes, None);
    let guest = Guest {
        dialect: Dialect::Postgres,
        user,
        connection: key.pid().cast_unsigned(),
        server_version: home.version.clone(),
        parameters: home.parameters.clone(),
    };
    let console = Console::new(Arc::clone(&door.services), guest);
    console::pg::Session::new(client, console).run(key.pid(), key.secret(), stop).await;
}

async fn session(
    door: &Door,
    entered: Entered,
    home: crate::base::BackendId,
    place: crate::front::newcomers::Occupied,
    present: &Present,
    stop: watch::Receiver<Stop>,
) {
    let Entered { client, user, version, startup, services, reach, console: _ } = entered;
    let running = Arc::new(Running::default());
    let killed = Arc::clone(&running);
    present.killed_by(Arc::new(move || {
        let running = Arc::clone(&killed);
        Box::pin(async move { running.kill().await })
    }));
    // Protocols before 3.2 know keys of four bytes only.
    let key_bytes = if version < PROTOCOL_3_2 { 4 } else { 32 };
    let mut session = Session::new(services, client, (user, reach), home, &startup, Arc::clone(&running), stop);
    session.tells(present.activity());
    let key = door.cancels.enter(running, key_bytes, session.reach_home().await);
    session.run(key.pid(), key.secret(), &startup).await;
    drop(place);
}
