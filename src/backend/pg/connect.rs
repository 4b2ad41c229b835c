//! Connecting and logging in: TLS by `sslmode`, then trust, password, MD5 or SCRAM-SHA-256.

use std::io;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, ScramSha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CancelToken, PgConn, server_error};
use crate::backend::stream::Stream;
use crate::backend::{ConnectError, ServerError, tls};
use crate::base::BackendId;
use crate::config::{self, BackendTls};
use crate::wire::pg::server::{Authentication, Status, tag};
use crate::wire::pg::{HEADER_BYTES, client, server, startup};

/// Longest message accepted during the login, in bytes.
const LOGIN_FRAME_BYTES_MAX: usize = 64 * 1024;

/// How a login can fail.
enum Trouble {
    Io(io::Error),
    Refused(ServerError),
    Unsupported(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl PgConn {
    /// Connects and logs in, within `connect_timeout`.
    pub async fn connect(
        config: &config::Backend,
        backend: BackendId,
        connect_timeout: Duration,
    ) -> Result<Self, ConnectError> {
        let address = config.address.to_string();
        let done = tokio::time::timeout(connect_timeout, log_in(config, backend, connect_timeout)).await;
        let trouble = match done {
            Ok(Ok(conn)) => return Ok(conn),
            Ok(Err(trouble)) => trouble,
            Err(_) => Trouble::Io(io::Error::new(io::ErrorKind::TimedOut, "pool.connect_timeout is over")),
        };
        let backend = config.name.clone();
        Err(match trouble {
            Trouble::Io(source) => ConnectError::Unreachable { backend, address, source },
            Trouble::Refused(error) => ConnectError::Refused { backend, error },
            Trouble::Unsupported(what) => ConnectError::Unsupported { backend, address, what },
        })
    }
}

/// TCP and, by `sslmode`, TLS on it.
pub(super) async fn open(config: &config::Backend) -> io::Result<Stream> {
    let mut tcp = TcpStream::connect((config.address.host.as_str(), config.address.port)).await?;
    tcp.set_nodelay(true)?;
    let Some(connector) = tls::connector(config)? else { return Ok(Stream::Plain(tcp)) };
    let mut ask = BytesMut::new();
    startup::put_ssl(&mut ask);
    tcp.write_all(&ask).await?;
    match (tcp.read_u8().await?, config.tls) {
        (b'S', _) => {
            let name = tls::server_name(config)?;
            // Nothing was read beyond the one byte: what a man in the middle puts behind it goes to the TLS handshake.
            Ok(Stream::Connected(Box::new(connector.connect(name, tcp).await?)))
        }
        (b'N', BackendTls::Disable | BackendTls::Prefer) => Ok(Stream::Plain(tcp)),
        (b'N', BackendTls::Require | BackendTls::VerifyFull) => {
            Err(io::Error::new(io::ErrorKind::Unsupported, "the server does not offer TLS (sslmode demands it)"))
        }
        (other, _) => {
            let text = format!("the server answered {other} to SSLRequest, as no PostgreSQL server does");
            Err(io::Error::new(io::ErrorKind::InvalidData, text))
        }
    }
}

async fn log_in(config: &config::Backend, backend: BackendId, connect_timeout: Duration) -> Result<PgConn, Trouble> {
    let stream = open(config).await?;
    let mut conn = PgConn {
        backend,
        stream,
        inbound: BytesMut::new(),
        outbound: BytesMut::new(),
        cancel: CancelToken::new(config.clone(), connect_timeout, 0, Vec::new()),
        parameters: Vec::new(),
        status: Status::Idle,
        // The ReadyForQuery that ends the login.
        outstanding: 1,
        unsynced: false,
        asides: BytesMut::new(),
        copying: false,
        broken: false,
        lease: None,
    };
    startup::put_session(&mut conn.outbound, &[("user", &config.user), ("database", &config.database)]);
    conn.flush().await?;
    authenticate(&mut conn, config).await?;
    loop {
        let (head, frame) = conn.frame(LOGIN_FRAME_BYTES_MAX).await?;
        let body = &frame[HEADER_BYTES..];
        match head.tag {
            tag::KEY_DATA => {
                let (pid, secret) = server::key_data(body).map_err(|error| conn.lost(&error))?;
                conn.cancel = CancelToken::new(config.clone(), connect_timeout, pid, secret.to_vec());
            }
            tag::PARAMETER | tag::NOTICE => {}
            tag::READY => return Ok(conn),
            tag::ERROR => return Err(Trouble::Refused(server_error(body))),
            other => return Err(unexpected(other)),
        }
    }
}

fn unexpected(tag: u8) -> Trouble {
    Trouble::Unsupported(format!("sent a message {:?} during the login", char::from(tag)))
}

/// The strongest mechanism that both sides know. Over TLS a login is bound to the server's certificate; a server that does
/// not offer that is told that we would have, so that it notices if somebody took its offer away.
fn choose(offered: &[u8], stream: &Stream) -> Result<(&'static str, ChannelBinding), Trouble> {
    let offers = |mechanism: &str| offered.split(|&b| b == 0).any(|name| name == mechanism.as_bytes());
    let end_point = tls::end_point(stream);
    match end_point {
        Some(hash) if offers(SCRAM_SHA_256_PLUS) => {
            Ok((SCRAM_SHA_256_PLUS, ChannelBinding::tls_server_end_point(hash)))
        }
        Some(_) if offers(SCRAM_SHA_256) => Ok((SCRAM_SHA_256, ChannelBinding::unrequested())),
        None if offers(SCRAM_SHA_256) => Ok((SCRAM_SHA_256, ChannelBinding::unsupported())),
        Some(_) | None => Err(Trouble::Unsupported(String::from("offers no SCRAM-SHA-256"))),
    }
}

async fn authenticate(conn: &mut PgConn, config: &config::Backend) -> Result<(), Trouble> {
    let password = config.password.expose().as_bytes();
    let mut scram: Option<ScramSha256> = None;
    loop {
        let (head, frame) = conn.frame(LOGIN_FRAME_BYTES_MAX).await?;
        let body = &frame[HEADER_BYTES..];
        match head.tag {
            tag::AUTHENTICATION => {}
            tag::ERROR => return Err(Trouble::Refused(server_error(body))),
            tag::NOTICE => continue,
            other => return Err(unexpected(other)),
        }
        let asked = server::authentication(body).map_err(|error| conn.lost(&error))?;
        match (asked, &mut scram) {
            (Authentication::Ok, None) => return Ok(()),
            (Authentication::Cleartext, None) => client::put_password(&mut conn.outbound, password),
            (Authentication::Md5(salt), None) => {
                let hash = md5_hash(config.user.as_bytes(), password, salt);
                client::put_password(&mut conn.outbound, hash.as_bytes());
            }
            (Authentication::Sasl(mechanisms), None) => {
                let (mechanism, binding) = choose(mechanisms, &conn.stream)?;
                let begun = ScramSha256::new(password, binding);
                client::put_sasl_initial(&mut conn.outbound, mechanism, begun.message());
                scram = Some(begun);
            }
            (Authentication::SaslContinue(data), Some(scram)) => {
                scram.update(data)?;
                client::put_sasl(&mut conn.outbound, scram.message());
            }
            (Authentication::SaslFinal(data), Some(_)) => {
                // From here on only Ok is accepted: the server has proved that it knows the password.
                if let Some(mut done) = scram.take() {
                    done.finish(data)?;
                }
            }
            (Authentication::Ok, Some(_)) => {
                return Err(Trouble::Unsupported(String::from(
                    "ended SCRAM before it proved that it knows the password",
                )));
            }
            (Authentication::Other(code), _) => {
                let what = format!("asks for the authentication method {code}; use SCRAM-SHA-256 or a password");
                return Err(Trouble::Unsupported(what));
            }
            (
                Authentication::Cleartext
                | Authentication::Md5(_)
                | Authentication::Sasl(_)
                | Authentication::SaslContinue(_)
                | Authentication::SaslFinal(_),
                _,
            ) => return Err(Trouble::Unsupported(String::from("sent authentication steps out of order"))),
        }
        conn.flush().await?;
    }
}
