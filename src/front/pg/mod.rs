//! The door for PostgreSQL clients: accepts, logs in, cancels, and hands over to the session.

mod cancels;
mod login;
mod options;
mod scram;

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::console::{self, Console, Guest};
use crate::front::Reception;
use crate::front::cores::Cores;
use crate::front::newcomers::{Newcomer, Newcomers};
use crate::front::places::{self, Occupied, Places};
use crate::front::tls::Tls;
use crate::relay::pg::Client;
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

/// What all connections share that arrive under one configuration.
struct Door {
    services: Arc<Services>,
    annexes: Arc<Annexes>,
    tls: Option<Tls>,
    logins: Logins,
    cancels: Arc<Cancels>,
    newcomers: Arc<Newcomers>,
    places: Places,
}

impl Door {
    fn new(reception: &Reception) -> Self {
        let config = &reception.services.config;
        Self {
            logins: Logins::new(&config.users),
            cancels: Arc::default(),
            newcomers: Arc::new(Newcomers::for_sessions(config.limits.clients)),
            places: Places::default(),
            services: Arc::clone(&reception.services),
            annexes: Arc::clone(&reception.annexes),
            tls: reception.postgres_tls.clone(),
        }
    }

    /// The same under another configuration.
    fn renewed(&self, reception: &Reception) -> Self {
        let (cancels, newcomers) = (Arc::clone(&self.cancels), Arc::clone(&self.newcomers));
        Self { cancels, newcomers, places: self.places.clone(), ..Self::new(reception) }
    }

    /// Connections at most.
    fn most(&self) -> usize {
        self.places.connections_max(self.services.config.limits.clients, &self.newcomers)
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
                Ok((tcp, peer)) => {
                    let newcomer = door.newcomers.enter();
                    if !places::room(&mut connections, door.most()).await {
                        metrics::connected(Dialect::Postgres, "refused");
                        tracing::warn!(%peer, "too many connections; one is dropped");
                        continue;
                    }
                    if reception.has_changed().unwrap_or(false) {
                        door = Arc::new(door.renewed(&reception.borrow_and_update()));
                    }
                    tracing::debug!(%peer, "a PostgreSQL client connects");
                    let (door, stopped) = (Arc::clone(&door), stopped.clone());
                    cores.serve(&mut connections, tcp, move |tcp| connection(door, newcomer, tcp, stopped));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(joined) = connections.join_next() => places::ended(joined),
            () = stop_asked(&mut shutdown) => break,
        }
    }
    drop(listener);
    stop.send_replace(Stop::Drain);
    let config = Arc::clone(&reception.borrow().services.config);
    let commit_wait = config.transactions.commit_wait;
    if tokio::time::timeout(config.limits.drain_timeout, places::all_ended(&mut connections)).await.is_err() {
        stop.send_replace(Stop::Now);
        // A session that commits is left to finish: only waiting ones hear the stop.
        if tokio::time::timeout(commit_wait + LAST_WORDS_TIMEOUT, places::all_ended(&mut connections)).await.is_err() {
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

async fn connection(door: Arc<Door>, newcomer: Newcomer, tcp: TcpStream, stop: watch::Receiver<Stop>) {
    if let Err(error) = tcp.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let address = tcp.peer_addr().map_or_else(|_| String::new(), |address| address.to_string());
    let login_timeout = door.services.config.limits.login_timeout;
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
    match place(&door, &entered, address) {
        Ok((place, home, present)) => {
            metrics::connected(Dialect::Postgres, "accepted");
            session(&door, entered, home, place, &present, stop).await;
        }
        Err(refused) => refuse(entered.client, &refused).await,
    }
}

/// The place of a client that has proved who it is, and where it is at home.
fn place(door: &Door, entered: &Entered, address: String) -> Result<(Occupied, BackendId, Present), Fault> {
    let most = door.services.config.limits.clients;
    let full = || format!("sorry, too many clients already (limits.clients {most})");
    let place = door.places.enter(most).ok_or_else(|| Fault::new(FaultKind::TooManyClients, full()))?;
    let home = entered.services.config.home(Dialect::Postgres).ok_or_else(no_home)?;
    let most = door.services.connections_max(&entered.user);
    let present = door.services.clients.enter(Dialect::Postgres, &entered.user, address, most);
    Ok((place, home, present.ok_or_else(|| too_many_of(&entered.user, most))?))
}

fn no_home() -> Fault {
    Fault::new(FaultKind::NotSupported, "no PostgreSQL backend is configured")
}

/// Tells a client that it is not let in.
async fn refuse(mut client: Client, refused: &Fault) {
    metrics::connected(Dialect::Postgres, "refused");
    put_fault(&mut client.out, Severity::Fatal, refused);
    if let Err(error) = client.flush().await {
        tracing::debug!(%error, "a client did not hear its refusal");
    }
}

/// As the server says it for a role's CONNECTION LIMIT, with a word of whose limit it is.
fn too_many_of(user: &str, most: usize) -> Fault {
    let fault = Fault::verbatim(FaultKind::TooManyOfUser, format!("too many connections for role \"{user}\""));
    fault.hint(format!("users.connections_max of this user is {most} in Handfast's configuration."))
}

/// An operator.
async fn console(door: &Door, entered: Entered, stop: watch::Receiver<Stop>) {
    let Entered { client, user, version, .. } = entered;
    let place = door.places.console();
    let (_place, home) = match (place, door.services.postgres_home.as_ref().ok_or_else(no_home)) {
        (Ok(place), Ok(home)) => (place, home),
        (Err(refused), _) | (_, Err(refused)) => return refuse(client, &refused).await,
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
    home: BackendId,
    place: Occupied,
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
