//! Where MySQL clients arrive: accept, greet, TLS, login; then a session.

use std::io;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;

use crate::backend::stream::Stream;
use crate::base::limits::CONSOLE_TEXT_BYTES_MAX;
use crate::base::{Dialect, Fault, FaultKind};
use crate::console::{self, Console, Guest};
use crate::front::Reception;
use crate::front::cores::Cores;
use crate::front::newcomers::{Newcomer, Newcomers};
use crate::front::places::{self, Occupied, Places};
use crate::front::tls::{self, Tls};
use crate::relay::mysql::Client;
use crate::route::Reach;
use crate::session::Services;
use crate::session::annexes::Annexes;
use crate::session::mysql::Session;
use crate::session::mysql::login::{self, LoginError};
use crate::session::mysql::registry::{Entry, Sessions};
use crate::telemetry::clients::Present;
use crate::telemetry::metrics;
use crate::wire::mysql::answer::{self, Done};
use crate::wire::mysql::auth::SCRAMBLE_BYTES;
use crate::wire::mysql::handshake::{Login, Reply, read_reply};
use crate::wire::mysql::{caps, status};

/// Nothing in a login is larger.
const LOGIN_BYTES_MAX: usize = 64 * 1024;

/// How long sessions have to roll back and to close after the stop.
const LAST_WORDS_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// Accepts clients until `shutdown` becomes true; then waits for their sessions, which end when their transactions do, at
/// most `limits.drain_timeout`.
pub async fn serve(
    listener: TcpListener,
    reception: watch::Receiver<Reception>,
    cores: Arc<Cores>,
    shutdown: watch::Receiver<bool>,
) {
    let sessions = Arc::new(Sessions::default());
    let newcomers = Arc::new(Newcomers::for_sessions(reception.borrow().services.config.limits.clients));
    let places = Places::default();
    let mut tasks = JoinSet::new();
    let mut stopping = shutdown.clone();
    loop {
        metrics::sessions(Dialect::Mysql, tasks.len());
        tokio::select! {
            () = stopped(&mut stopping) => break,
            Some(ended) = tasks.join_next() => places::ended(ended),
            accepted = listener.accept() => match accepted {
                Ok((tcp, _)) => {
                    let Reception { services, annexes, mysql_tls: tls, .. } = reception.borrow().clone();
                    let newcomer = newcomers.enter();
                    let most = places.connections_max(services.config.limits.clients, &newcomers);
                    if !places::room(&mut tasks, most).await {
                        metrics::connected(Dialect::Mysql, "refused");
                        turn_away(tcp, &services);
                        continue;
                    }
                    let arrival = Arrival {
                        services,
                        annexes,
                        sessions: sessions.clone(),
                        places: places.clone(),
                        tls,
                        shutdown: shutdown.clone(),
                    };
                    cores.serve(&mut tasks, tcp, |tcp| arrival.serve(newcomer, tcp));
                }
                Err(error) => {
                    tracing::warn!(%error, "a MySQL client could not be accepted");
                    // Out of file descriptors: without a pause this loop would only spin.
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            },
        }
    }
    drop(listener);
    let services = Arc::clone(&reception.borrow().services);
    let (drain_timeout, commit_wait) = (services.config.limits.drain_timeout, services.config.transactions.commit_wait);
    if tokio::time::timeout(drain_timeout, places::all_ended(&mut tasks)).await.is_err() {
        tracing::warn!(sessions = tasks.len(), "limits.drain_timeout is over: ending the sessions that are left");
        sessions.kill_all();
        // A session that commits is left to finish: only waiting ones hear the stop.
        if tokio::time::timeout(commit_wait + LAST_WORDS_TIMEOUT, places::all_ended(&mut tasks)).await.is_err() {
            tracing::warn!(sessions = tasks.len(), "sessions did not end; they are cut off");
        }
    }
    tasks.shutdown().await;
}

/// Ends when the house stops, or nobody is left who could say so.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    if stopping.wait_for(|stopping| *stopping).await.is_err() {
        tracing::debug!("the house is gone");
    }
}

/// Tells one client too many so, without waiting for it: the packet is small enough for a fresh socket's buffer.
fn turn_away(tcp: TcpStream, services: &Services) {
    let fault = too_many(services);
    let mut out = bytes::BytesMut::new();
    crate::wire::mysql::packet::put(&mut out, &mut 0, &[&answer::fault(&fault)]);
    if let Err(error) = tcp.try_write(&out) {
        tracing::debug!(%error, "a client too many was not told so");
    }
}

fn too_many(services: &Services) -> Fault {
    let most = services.config.limits.clients;
    Fault::new(FaultKind::TooManyClients, "Too many connections").hint(format!("limits.clients is {most}."))
}

/// What a client needs to become a session.
struct Arrival {
    services: Arc<Services>,
    annexes: Arc<Annexes>,
    sessions: Arc<Sessions>,
    places: Places,
    tls: Option<Tls>,
    shutdown: watch::Receiver<bool>,
}

/// What one gets who has proved who he is.
enum Place {
    /// An application.
    Session(Found),
    /// An operator.
    Console(OwnedSemaphorePermit),
}

/// What an application's session needs.
struct Found {
    services: Arc<Services>,
    present: Present,
    reach: Reach,
    place: Occupied,
}

/// Who has logged in.
enum Entered {
    /// An application, and its place.
    Session(Box<Session>, Occupied),
    /// An operator, and his.
    Console(Box<console::mysql::Session>, OwnedSemaphorePermit),
}

impl Arrival {
    async fn serve(self, newcomer: Newcomer, tcp: TcpStream) {
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY");
        }
        let address = tcp.peer_addr().map_or_else(|_| String::new(), |address| address.to_string());
        let (entry, killed) = self.sessions.enter();
        let client = Client::new(Stream::Plain(tcp), LOGIN_BYTES_MAX, killed);
        let bound = self.services.config.limits.login_timeout;
        let entered = tokio::select! {
            entered = tokio::time::timeout(bound, self.log_in(client, &entry, address)) => entered,
            () = newcomer.sent_away() => {
                metrics::connected(Dialect::Mysql, "refused");
                tracing::debug!("too many connections log in; the oldest is dropped");
                return self.sessions.leave(&entry);
            }
        };
        drop(newcomer);
        match entered {
            Ok(Ok(Entered::Session(session, _place))) => {
                metrics::connected(Dialect::Mysql, "accepted");
                let (sessions, id, user) = (Arc::clone(&self.sessions), entry.id(), session.user().to_owned());
                session.present().killed_by(Arc::new(move || {
                    let (sessions, user) = (Arc::clone(&sessions), user.clone());
                    Box::pin(async move {
                        let killed = sessions.kill(u64::from(id), &user, false).await;
                        tracing::debug!(?killed, session = id, "killed by an operator");
                    })
                }));
                session.serve(self.shutdown).await;
            }
            Ok(Ok(Entered::Console(session, _place))) => session.serve(self.shutdown).await,
            Ok(Err(error)) => {
                let refused = matches!(error, LoginError::Refused(_));
                metrics::connected(Dialect::Mysql, if refused { "refused" } else { "failed" });
                tracing::debug!(%error, "no login");
            }
            Err(_) => {
                metrics::connected(Dialect::Mysql, "failed");
                tracing::debug!("limits.login_timeout is over");
            }
        }
        self.sessions.leave(&entry);
    }

    async fn log_in(&self, mut client: Client, entry: &Arc<Entry>, address: String) -> Result<Entered, LoginError> {
        let none = || Fault::new(FaultKind::NotSupported, "no MySQL backend is configured");
        let greeting = login::greeting(&self.services, entry.id(), self.tls.is_some()).ok_or_else(none)?;
        client.put(&greeting.write());
        client.flush().await?;
        let (mut client, reply, certificate) = self.reply(client, entry).await?;
        let admitted = self.admit(&mut client, (reply, certificate), greeting.scramble, address).await;
        let (user, login, scramble, place) = match admitted {
            Ok(admitted) => admitted,
            Err(error) => {
                if let LoginError::Refused(fault) = &error {
                    client.put(&login::refusal(fault));
                    client.flush().await?;
                }
                return Err(error);
            }
        };
        client.put(&answer::ok(Done { status: status::AUTOCOMMIT, ..Done::default() }));
        client.flush().await?;
        entry.set_user(&user);
        let Found { services, present, reach, place } = match place {
            Place::Session(found) => found,
            Place::Console(place) => {
                let session = self.console(client, entry, user).ok_or_else(none)?;
                return Ok(Entered::Console(Box::new(session), place));
            }
        };
        client.set_payload_bytes_max(self.services.config.limits.statement_bytes);
        let login = Login { capabilities: login.capabilities & caps::OFFERED, ..login };
        let (sessions, entry) = (self.sessions.clone(), entry.clone());
        let who = (user, present, reach);
        let session = Session::new(services, client, (sessions, entry), who, (login, scramble));
        Ok(Entered::Session(Box::new(session.ok_or_else(none)?), place))
    }

    /// Who the client is, as it has proved, its login, the scramble of its proof, and its place.
    async fn admit(
        &self,
        client: &mut Client,
        (reply, certificate): (Option<Login>, Option<Vec<u8>>),
        scramble: [u8; SCRAMBLE_BYTES],
        address: String,
    ) -> Result<(String, Login, [u8; SCRAMBLE_BYTES], Place), LoginError> {
        let login = reply.ok_or_else(|| Fault::new(FaultKind::ProtocolViolation, "not a login of protocol 4.1"))?;
        let (user, scramble) = login::authenticate(client, &self.services, &login, scramble, false).await?;
        if let Some(tls) = &self.tls {
            tls.admits(certificate.as_deref(), &user)?;
        }
        let place = self.place(&user, &login, address).await?;
        Ok((user, login, scramble, place))
    }

    /// The place of a client that has proved who it is.
    async fn place(&self, user: &str, login: &Login, address: String) -> Result<Place, Fault> {
        if self.services.is_console(&String::from_utf8_lossy(&login.database)) {
            return self.places.console().map(Place::Console);
        }
        let place = self.places.enter(self.services.config.limits.clients).ok_or_else(|| too_many(&self.services))?;
        let services = self.services_for(&login.database).await?;
        let reach = services.reach(user, Dialect::Mysql)?;
        let most = self.services.connections_max(user);
        let present = self.services.clients.enter(Dialect::Mysql, user, address, most);
        let present = present.ok_or_else(|| login::too_many_of(user, most))?;
        Ok(Place::Session(Found { services, present, reach, place }))
    }

    fn console(&self, mut client: Client, entry: &Entry, user: String) -> Option<console::mysql::Session> {
        let home = self.services.mysql_home.as_ref()?;
        client.set_payload_bytes_max(CONSOLE_TEXT_BYTES_MAX);
        let guest = Guest {
            dialect: Dialect::Mysql,
            user,
            connection: entry.id(),
            server_version: home.version.trim_start_matches("5.5.5-").to_owned(),
            parameters: Vec::new(),
        };
        Some(console::mysql::Session::new(client, Console::new(Arc::clone(&self.services), guest)))
    }

    /// What serves a session in this database; none is the house's own.
    async fn services_for(&self, database: &[u8]) -> Result<Arc<Services>, Fault> {
        if database.is_empty() {
            return Ok(Arc::clone(&self.services));
        }
        self.annexes.enter(Dialect::Mysql, &String::from_utf8_lossy(database)).await
    }

    /// The client's reply to the greeting, after TLS if it asks for it, and the certificate that it has shown. No reply:
    /// malformed.
    async fn reply(
        &self,
        mut client: Client,
        entry: &Arc<Entry>,
    ) -> io::Result<(Client, Option<Login>, Option<Vec<u8>>)> {
        let gone = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let first = client.message_alone().await?.ok_or_else(gone)?;
        let acceptor = match (read_reply(&first), &self.tls) {
            (Some(Reply::Login(login)), _) => return Ok((client, Some(login), None)),
            (None, _) | (Some(Reply::Tls), None) => return Ok((client, None, None)),
            (Some(Reply::Tls), Some(acceptor)) => acceptor,
        };
        let killed = client.kill_switch();
        let (stream, seq) = client.into_stream()?;
        let Stream::Plain(tcp) = stream else { return Err(gone()) };
        let tls = acceptor.accept(tcp).await?;
        let certificate = tls::shown(&tls);
        let mut client = Client::new(Stream::Accepted(Box::new(tls)), LOGIN_BYTES_MAX, killed);
        client.resume(seq);
        tracing::trace!(session = entry.id(), "TLS");
        let second = client.message().await?.ok_or_else(gone)?;
        match read_reply(&second) {
            Some(Reply::Login(login)) => Ok((client, Some(login), certificate)),
            Some(Reply::Tls) | None => Ok((client, None, None)),
        }
    }
}
