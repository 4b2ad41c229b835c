//! From the first byte to the login: TLS, startup packet, password.

use std::io;

use super::Door;
use crate::backend::stream::Stream;
use crate::base::{Fault, FaultKind};
use crate::config::TlsMode;
use crate::relay::pg::Client;
use crate::wire::pg::client as message;
use crate::wire::pg::error::{Severity, put_fault};
use crate::wire::pg::startup::{self, PROTOCOL_3_2, Parameters, Startup};
use crate::wire::pg::{HEADER_BYTES, WireError, server};

/// Longest message of a client that has not logged in, in bytes.
const LOGIN_BYTES_MAX: usize = 16 * 1024;

/// SSLRequest and GSSENCRequest: one each, then the startup packet.
const FIRST_PACKETS_MAX: usize = 3;

/// The only mechanism that we offer.
const MECHANISM: &str = "SCRAM-SHA-256";

/// A client that has logged in; everything up to AuthenticationOk is queued.
pub(super) struct Entered {
    pub client: Client,
    /// The login name.
    pub user: String,
    /// Protocol version agreed.
    pub version: i32,
    /// Startup parameters that are settings.
    pub startup: Parameters,
}

fn bad(error: &WireError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

fn invalid(text: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text.to_owned())
}

/// Logs a client in. `None`: it was refused and told so, or it only cancelled.
pub(super) async fn log_in(door: &Door, mut client: Client) -> io::Result<Option<Entered>> {
    for _ in 0..FIRST_PACKETS_MAX {
        match first_packet(&mut client).await? {
            Startup::Ssl => match &door.tls {
                Some(acceptor) if !client.is_tls() => {
                    client.out.extend_from_slice(b"S");
                    client.flush().await?;
                    // Bytes that came before the handshake are not protected by it (CVE-2021-23214).
                    let stream = client.into_stream().ok_or_else(|| invalid("bytes before the TLS handshake"))?;
                    let Stream::Plain(tcp) = stream else { return Err(invalid("TLS within TLS")) };
                    client = Client::new(Stream::Accepted(Box::new(acceptor.accept(tcp).await?)));
                }
                Some(_) | None => client.out.extend_from_slice(b"N"),
            },
            Startup::GssEnc => client.out.extend_from_slice(b"N"),
            Startup::Cancel { pid, secret } => {
                cancel(door, pid, &secret).await;
                return Ok(None);
            }
            Startup::Session { version, parameters } => return start(door, client, version, parameters).await,
        }
        client.flush().await?;
    }
    Err(invalid("no startup packet"))
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
    put_fault(&mut client.out, Severity::Fatal, fault);
    client.flush().await?;
    Ok(None)
}

async fn start(door: &Door, mut client: Client, asked: i32, parameters: Parameters) -> io::Result<Option<Entered>> {
    let config = &door.services.config;
    let unknown: Vec<&[u8]> =
        parameters.iter().map(|(name, _)| name.as_slice()).filter(|name| name.starts_with(b"_pq_.")).collect();
    let version = asked.min(PROTOCOL_3_2);
    if asked > PROTOCOL_3_2 || !unknown.is_empty() {
        server::put_negotiate(&mut client.out, version, &unknown);
    }
    let find = |wanted: &[u8]| parameters.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_slice());
    if config.listen.tls.mode == TlsMode::Require && !client.is_tls() {
        let fault = Fault::new(FaultKind::TlsRequired, "this server accepts encrypted connections only");
        return refuse(client, &fault.hint("Connect with sslmode=require.")).await;
    }
    let replicates = find(b"replication").is_some_and(|value| !matches!(value, b"false" | b"off" | b"no" | b"0"));
    if replicates {
        let fault = Fault::new(FaultKind::NotSupported, "replication connections are not served");
        return refuse(client, &fault.hint("Connect to the database itself.")).await;
    }
    let Some(user) = find(b"user").filter(|user| !user.is_empty()) else {
        let text = "no PostgreSQL user name specified in startup packet";
        return refuse(client, &Fault::new(FaultKind::ProtocolViolation, text)).await;
    };
    let user = String::from_utf8_lossy(user).into_owned();
    let database = find(b"database").map_or_else(|| user.clone(), |name| String::from_utf8_lossy(name).into_owned());
    if !check_password(door, &mut client, &user).await? {
        let text = format!("password authentication failed for user \"{user}\"");
        return refuse(client, &Fault::new(FaultKind::AuthFailed, text)).await;
    }
    if database != config.listen.database {
        let fault = Fault::new(FaultKind::NoSuchDatabase, format!("database \"{database}\" does not exist"));
        return refuse(client, &fault.hint(format!("Connect to \"{}\".", config.listen.database))).await;
    }
    server::put_auth_ok(&mut client.out);
    match settings(&parameters) {
        Ok(startup) => Ok(Some(Entered { client, user, version, startup })),
        Err(fault) => refuse(client, &fault).await,
    }
}

/// SCRAM-SHA-256, the same steps for known and unknown users.
async fn check_password(door: &Door, client: &mut Client, user: &str) -> io::Result<bool> {
    server::put_auth_sasl(&mut client.out, &[MECHANISM]);
    client.flush().await?;
    let first = password_message(client).await?;
    let (mechanism, data) = message::sasl_initial(&first).map_err(|error| bad(&error))?;
    if mechanism != MECHANISM.as_bytes() {
        return Ok(false);
    }
    let Some((answer, exchange)) = door.logins.begin(user, data) else { return Ok(false) };
    server::put_auth_sasl_continue(&mut client.out, answer.as_bytes());
    client.flush().await?;
    let last = password_message(client).await?;
    let Some(proof) = exchange.finish(&last) else { return Ok(false) };
    server::put_auth_sasl_final(&mut client.out, proof.as_bytes());
    Ok(true)
}

/// The body of the next message, which must be an answer to our authentication request.
async fn password_message(client: &mut Client) -> io::Result<bytes::Bytes> {
    loop {
        match client.header().map_err(|error| bad(&error))? {
            Some(head) if head.tag != message::tag::PASSWORD => return Err(invalid("no password message")),
            Some(head) if head.total_bytes > LOGIN_BYTES_MAX => return Err(invalid("a password message too long")),
            Some(head) if client.buffered().len() >= head.total_bytes => {
                return Ok(client.take(head.total_bytes).slice(HEADER_BYTES..));
            }
            Some(_) | None => client.fill().await?,
        }
    }
}

/// The startup parameters that are settings, `options` (`-c name=value`) among them.
fn settings(parameters: &[(Vec<u8>, Vec<u8>)]) -> Result<Parameters, Fault> {
    let mut list = Vec::new();
    for (name, value) in parameters {
        match name.as_slice() {
            b"user" | b"database" | b"replication" => {}
            b"options" => list.extend(options(value)?),
            other if other.starts_with(b"_pq_.") => {}
            _ => list.push((name.clone(), value.clone())),
        }
    }
    Ok(list)
}

/// `-c name=value` and `--name=value`, words split at blanks, a backslash keeping the next byte.
fn options(text: &[u8]) -> Result<Parameters, Fault> {
    let mut list = Vec::new();
    let mut words = words(text).into_iter();
    while let Some(word) = words.next() {
        let assignment = match word.strip_prefix(b"--") {
            Some(rest) => Some(rest.to_vec()),
            None if word == b"-c" => words.next(),
            None => word.strip_prefix(b"-c").map(<[u8]>::to_vec),
        };
        let pair = assignment.as_deref().and_then(|pair| {
            let at = pair.iter().position(|&b| b == b'=')?;
            Some((pair[..at].iter().map(|&b| if b == b'-' { b'_' } else { b }).collect(), pair[at + 1..].to_vec()))
        });
        list.push(pair.ok_or_else(|| {
            let word = String::from_utf8_lossy(&word).into_owned();
            Fault::new(FaultKind::NotSupported, format!("command-line option {word:?} in the startup packet"))
                .hint("Use -c name=value.")
        })?);
    }
    Ok(list)
}

fn words(text: &[u8]) -> Vec<Vec<u8>> {
    let mut list = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte.is_ascii_whitespace() {
            list.extend(word.take());
            continue;
        }
        let kept = if byte == b'\\' { bytes.next().copied().unwrap_or(byte) } else { byte };
        word.get_or_insert_default().push(kept);
    }
    list.extend(word);
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_the_server_reads_them() {
        let read = options(br"-c geqo=off  --statement-timeout=5min -csearch_path=a\ b").unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|(name, value)| format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value)))
            .collect();
        assert_eq!(read, ["geqo=off", "statement_timeout=5min", "search_path=a b"]);
        assert!(options(b"-x").is_err());
        assert!(options(b"-c").is_err());
    }
}
