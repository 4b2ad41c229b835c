//! From the first byte to the login: TLS, startup packet, password.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::Door;
use super::options::settings;
use super::scram::{self, Asked};
use crate::backend::stream::Stream;
use crate::base::{Dialect, Fault, FaultKind};
use crate::config::TlsMode;
use crate::front::tls::{ALPN_POSTGRES, Tls, TlsStream, shown};
use crate::relay::pg::Client;
use crate::route::Reach;
use crate::session::Services;
use crate::telemetry::metrics;
use crate::wire::pg::client as message;
use crate::wire::pg::error::{Severity, put_fault};
use crate::wire::pg::startup::{self, PROTOCOL_3_2, Parameters, Startup};
use crate::wire::pg::{HEADER_BYTES, WireError, server};

/// Longest message of a client that has not logged in, in bytes.
const LOGIN_BYTES_MAX: usize = 16 * 1024;

/// SSLRequest and GSSENCRequest: one each, then the startup packet.
const FIRST_PACKETS_MAX: usize = 3;

/// The first byte of a TLS handshake: no length of a startup packet begins with it.
const TLS_HANDSHAKE: u8 = 0x16;

/// A client that has logged in; everything up to AuthenticationOk is queued.
pub(super) struct Entered {
    pub client: Client,
    /// The login name.
    pub user: String,
    /// Protocol version agreed.
    pub version: i32,
    /// Startup parameters that are settings.
    pub startup: Parameters,
    /// It has come for the console.
    pub console: bool,
    /// What serves it in the database that it asked for.
    pub services: Arc<Services>,
    /// What its user may use.
    pub reach: Reach,
}

/// A client on its way in.
struct Incoming {
    client: Client,
    /// The certificate that it has shown.
    certificate: Option<Vec<u8>>,
}

fn bad(error: &WireError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}

/// Logs a client in. `None`: it was refused and told so, or it only cancelled.
pub(super) async fn log_in(door: &Door, tcp: TcpStream) -> io::Result<Option<Entered>> {
    let mut first = [0];
    if tcp.peek(&mut first).await? == 0 {
        return Ok(None);
    }
    let mut new = match &door.tls {
        Some(tls) if first == [TLS_HANDSHAKE] => direct(tls, tcp).await?,
        Some(_) | None => Incoming { client: Client::new(Stream::Plain(tcp)), certificate: None },
    };
    let (mut tls_asked, mut gss_asked) = (new.client.is_tls(), false);
    for _ in 0..FIRST_PACKETS_MAX {
        match first_packet(&mut new.client).await? {
            Startup::Ssl if !tls_asked => {
                tls_asked = true;
                match &door.tls {
                    Some(tls) => new = negotiated(tls, new.client).await?,
                    None => new.client.out.extend_from_slice(b"N"),
                }
            }
            Startup::GssEnc if !gss_asked => {
                gss_asked = true;
                new.client.out.extend_from_slice(b"N");
            }
            Startup::Cancel { pid, secret } => {
                cancel(door, pid, &secret).await;
                return Ok(None);
            }
            Startup::Session { version, parameters } => return start(door, new, version, parameters).await,
            Startup::Malformed => {
                let text = "invalid startup packet layout: expected terminator as last byte";
                return refuse(new.client, &Fault::verbatim(FaultKind::ProtocolViolation, text)).await;
            }
            Startup::Ssl => return refuse_version(new.client, startup::SSL).await,
            Startup::GssEnc => return refuse_version(new.client, startup::GSSENC).await,
            Startup::Unsupported(version) => return refuse_version(new.client, version).await,
        }
        new.client.flush().await?;
    }
    Err(invalid("no startup packet"))
}

/// TLS from the first byte on. Since nothing has said so in PostgreSQL's own words, the handshake must: otherwise another
/// protocol's client could be made to talk to us.
async fn direct(tls: &Tls, tcp: TcpStream) -> io::Result<Incoming> {
    let stream = tls.accept(tcp).await?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN_POSTGRES) {
        return Err(invalid("direct TLS without the application protocol \"postgresql\""));
    }
    Ok(encrypted(stream))
}

/// TLS after an SSLRequest.
async fn negotiated(tls: &Tls, mut client: Client) -> io::Result<Incoming> {
    // Bytes that came before the handshake are not protected by it (CVE-2021-23214): they are refused, not read.
    if !client.buffered().is_empty() {
        return Err(invalid("bytes before the TLS handshake"));
    }
    client.out.extend_from_slice(b"S");
    client.flush().await?;
    match client.into_stream() {
        Some(Stream::Plain(tcp)) => Ok(encrypted(tls.accept(tcp).await?)),
        Some(Stream::Accepted(_) | Stream::Connected(_)) | None => Err(invalid("bytes before the TLS handshake")),
    }
}

fn encrypted(stream: TlsStream) -> Incoming {
    let certificate = shown(&stream);
    Incoming { client: Client::new(Stream::Accepted(Box::new(stream))), certificate }
}

async fn first_packet(client: &mut Client) -> io::Result<Startup> {
    loop {
        match startup::length(client.buffered()).map_err(|error| bad(&error))? {
            Some(bytes) if client.buffered().len() >= bytes => {
                let packet = client.take(bytes);
                return startup::read(&packet).map_err(|error| bad(&error));
            }
            Some(_) | None => client.fill().await?,
        }
    }
}

/// A wrong key, or nothing to cancel, is never told.
async fn cancel(door: &Door, pid: i32, secret: &[u8]) {
    let Some(cancelling) = door.cancels.find(pid, secret).and_then(|running| running.cancelling()) else { return };
    if let Err(error) = cancelling.send().await {
        tracing::warn!(%error, "a cancel could not be passed on");
    }
}

async fn refuse(mut client: Client, fault: &Fault) -> io::Result<Option<Entered>> {
    metrics::connected(Dialect::Postgres, "refused");
    put_fault(&mut client.out, Severity::Fatal, fault);
    client.flush().await?;
    Ok(None)
}

/// Told in the form that a client of that version reads: before protocol 3 an error was a text.
async fn refuse_version(mut client: Client, asked: i32) -> io::Result<Option<Entered>> {
    let (major, minor) = (asked >> 16, asked & 0xFFFF);
    let text = format!("unsupported frontend protocol {major}.{minor}: server supports 3.0 to 3.2");
    if major >= 3 {
        return refuse(client, &Fault::verbatim(FaultKind::NotSupported, text)).await;
    }
    metrics::connected(Dialect::Postgres, "refused");
    client.out.extend_from_slice(format!("EFATAL:  {text}\n\0").as_bytes());
    client.flush().await?;
    Ok(None)
}

/// What the startup packet must say.
struct Wishes {
    user: String,
    database: String,
}

/// Reads user and database, and refuses what is not served. The server's own order and words.
fn wishes(parameters: &Parameters) -> Result<Wishes, Fault> {
    let find =
        |wanted: &[u8]| parameters.iter().rev().find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice());
    if let Some(replication) = find(b"replication")
        && replication_wanted(replication)?
    {
        let fault = Fault::new(FaultKind::NotSupported, "replication connections are not served");
        return Err(fault.hint("Connect to the database server itself."));
    }
    let Some(user) = find(b"user").filter(|user| !user.is_empty()) else {
        return Err(Fault::verbatim(FaultKind::InvalidLogin, "no PostgreSQL user name specified in startup packet"));
    };
    let user = String::from_utf8_lossy(user).into_owned();
    let database = find(b"database").filter(|name| !name.is_empty());
    let database = database.map_or_else(|| user.clone(), |name| String::from_utf8_lossy(name).into_owned());
    Ok(Wishes { user, database })
}

/// `database`, or a boolean as the server reads one: any beginning that is nobody else's, whatever the case.
fn replication_wanted(value: &[u8]) -> Result<bool, Fault> {
    let word = value.to_ascii_lowercase();
    let begins = |full: &[u8], least: usize| word.len() >= least && full.starts_with(&word);
    if word == b"database" || begins(b"true", 1) || begins(b"yes", 1) || word == b"on" || word == b"1" {
        return Ok(true);
    }
    if begins(b"false", 1) || begins(b"no", 1) || begins(b"off", 2) || word == b"0" {
        return Ok(false);
    }
    let text = format!("invalid value for parameter \"replication\": \"{}\"", String::from_utf8_lossy(value));
    Err(Fault::verbatim(FaultKind::InvalidParameter, text)
        .hint("Valid values are: \"false\", 0, \"true\", 1, \"database\"."))
}

async fn start(door: &Door, new: Incoming, asked: i32, parameters: Parameters) -> io::Result<Option<Entered>> {
    let Incoming { mut client, certificate } = new;
    let listen = &door.services.config.listen;
    let unknown: Vec<&[u8]> =
        parameters.iter().map(|(name, _)| name.as_slice()).filter(|name| name.starts_with(b"_pq_.")).collect();
    let version = asked.min(PROTOCOL_3_2);
    if asked > PROTOCOL_3_2 || !unknown.is_empty() {
        server::put_negotiate(&mut client.out, version, &unknown);
    }
    let wishes = match wishes(&parameters) {
        Ok(wishes) => wishes,
        Err(fault) => return refuse(client, &fault).await,
    };
    let tls_needed = listen.tls.mode == TlsMode::Require || door.tls.as_ref().is_some_and(Tls::is_needed);
    if tls_needed && !client.is_tls() {
        let fault = Fault::new(FaultKind::TlsRequired, "this server accepts encrypted connections only");
        return refuse(client, &fault.hint("Connect with sslmode=require.")).await;
    }
    match check_password(door, &mut client, &wishes.user).await? {
        Ok(()) => {}
        Err(fault) => return refuse(client, &fault).await,
    }
    let admitted = door.tls.as_ref().map_or(Ok(()), |tls| tls.admits(certificate.as_deref(), &wishes.user));
    if let Err(fault) = admitted {
        return refuse(client, &fault).await;
    }
    let console = door.services.is_console(&wishes.database);
    if console && let Err(fault) = door.services.admits_to_console(&wishes.user) {
        return refuse(client, &fault).await;
    }
    let entered = if console {
        Ok((Arc::clone(&door.services), Reach::nothing(&wishes.user)))
    } else {
        let entered = door.annexes.enter(Dialect::Postgres, &wishes.database).await;
        entered.and_then(|services| services.reach(&wishes.user, Dialect::Postgres).map(|reach| (services, reach)))
    };
    let (services, reach) = match entered {
        Ok(entered) => entered,
        Err(fault) => return refuse(client, &fault).await,
    };
    server::put_auth_ok(&mut client.out);
    match settings(&parameters) {
        Ok(startup) => Ok(Some(Entered { client, user: wishes.user, version, startup, services, console, reach })),
        Err(fault) => refuse(client, &fault).await,
    }
}

/// SCRAM-SHA-256, the same steps for known and unknown users.
async fn check_password(door: &Door, client: &mut Client, user: &str) -> io::Result<Result<(), Fault>> {
    let end_point = door.tls.as_ref().filter(|_| client.is_tls()).and_then(Tls::end_point);
    let offered: &[&str] = if end_point.is_some() { &[scram::PLUS, scram::PLAIN] } else { &[scram::PLAIN] };
    server::put_auth_sasl(&mut client.out, offered);
    client.flush().await?;
    let first = match password_message(client).await? {
        Ok(first) => first,
        Err(fault) => return Ok(Err(fault)),
    };
    let (mechanism, data) = message::sasl_initial(&first).map_err(|error| bad(&error))?;
    let (answer, exchange) = match door.logins.begin(&Asked { user, mechanism, end_point }, data) {
        Ok(begun) => begun,
        Err(fault) => return Ok(Err(fault)),
    };
    server::put_auth_sasl_continue(&mut client.out, answer.as_bytes());
    client.flush().await?;
    let last = match password_message(client).await? {
        Ok(last) => last,
        Err(fault) => return Ok(Err(fault)),
    };
    Ok(exchange.finish(&last).and_then(|proof| match proof {
        Some(proof) => {
            server::put_auth_sasl_final(&mut client.out, proof.as_bytes());
            Ok(())
        }
        None => {
            let text = format!("password authentication failed for user \"{user}\"");
            Err(Fault::verbatim(FaultKind::AuthFailed, text))
        }
    }))
}

/// The body of the next message, which must be an answer to our authentication request.
async fn password_message(client: &mut Client) -> io::Result<Result<bytes::Bytes, Fault>> {
    loop {
        match client.header().map_err(|error| bad(&error))? {
            Some(head) if head.tag != message::tag::PASSWORD => {
                let text = format!("expected SASL response, got message type {}", head.tag);
                return Ok(Err(Fault::verbatim(FaultKind::ProtocolViolation, text)));
            }
            Some(head) if head.total_bytes > LOGIN_BYTES_MAX => return Err(invalid("a password message too long")),
            Some(head) if client.buffered().len() >= head.total_bytes => {
                return Ok(Ok(client.take(head.total_bytes).slice(HEADER_BYTES..)));
            }
            Some(_) | None => client.fill().await?,
        }
    }
}
