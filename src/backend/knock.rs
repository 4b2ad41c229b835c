//! Whether the server at an address is of the kind that was configured. A MySQL server speaks first and a PostgreSQL server waits,
//! so that with the wrong one both sides would wait for ever: whoever connects finds out beside it who is there.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::base::Dialect;
use crate::base::limits::{GREETING_MS_MAX, GREETING_QUIET_MS};
use crate::config::{Address, Backend};
use crate::wire::pg::startup;

/// A server of the other dialect answers at the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a {there} server answers there, and a {wanted} server is configured")]
pub struct OtherServer {
    /// What is configured.
    pub wanted: Dialect,
    /// Who is there.
    pub there: Dialect,
}

/// What a knock has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Heard {
    Mysql,
    Postgres,
    Nothing,
    Else,
}

/// `connecting`, unless it turns out meanwhile, or by its failure, that the server is of the other dialect or silent.
pub(super) async fn connected<C>(
    backend: &Backend,
    connecting: impl Future<Output = Result<C, sqlx::Error>>,
) -> Result<C, sqlx::Error> {
    let beside = async {
        tokio::time::sleep(Duration::from_millis(GREETING_QUIET_MS)).await;
        match verdict(backend).await {
            Some(error) => error,
            None => std::future::pending().await,
        }
    };
    let failed = tokio::select! {
        biased;
        done = connecting => match done {
            Ok(conn) => return Ok(conn),
            Err(error) => error,
        },
        error = beside => return Err(sqlx::Error::Io(error)),
    };
    // Somebody who answers in a login's own words is the right server.
    if matches!(failed, sqlx::Error::Database(_) | sqlx::Error::Configuration(_)) {
        return Err(failed);
    }
    match verdict(backend).await {
        Some(error) if OtherServer::of(&error).is_some() => Err(sqlx::Error::Io(error)),
        Some(_) | None => Err(failed),
    }
}

impl OtherServer {
    /// What an error is about, if it is about this.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// What is wrong with who is there, as far as one can hear.
async fn verdict(backend: &Backend) -> Option<io::Error> {
    let wanted = backend.dialect;
    let other = |there: Dialect| io::Error::new(io::ErrorKind::InvalidData, OtherServer { wanted, there });
    match (heard(&backend.address).await, wanted) {
        (Heard::Postgres, Dialect::Mysql) => Some(other(Dialect::Postgres)),
        (Heard::Mysql, Dialect::Postgres) => Some(other(Dialect::Mysql)),
        (Heard::Nothing, Dialect::Mysql) => {
            let seconds = (GREETING_QUIET_MS + GREETING_MS_MAX) / 1000;
            let text =
                format!("nothing was said for {seconds} s: is this a MySQL server? It would greet whoever connects");
            Some(io::Error::new(io::ErrorKind::TimedOut, text))
        }
        // A silent server of PostgreSQL may be a slow one, and who connects has a bound of its own.
        (Heard::Nothing, Dialect::Postgres) | (Heard::Mysql, Dialect::Mysql) => None,
        (Heard::Postgres, Dialect::Postgres) | (Heard::Else, Dialect::Postgres | Dialect::Mysql) => None,
    }
}

/// Asks what PostgreSQL answers by one byte, and MySQL does not wait for.
async fn heard(address: &Address) -> Heard {
    let most = Duration::from_millis(GREETING_MS_MAX);
    // Where nobody takes a connection, nobody is silent.
    let reached = tokio::time::timeout(most, TcpStream::connect((address.host.as_str(), address.port))).await;
    let Ok(Ok(mut tcp)) = reached else { return Heard::Else };
    let listening = async {
        let mut ask = bytes::BytesMut::new();
        startup::put_ssl(&mut ask);
        tcp.write_all(&ask).await?;
        let mut first = [0; 64];
        let count = tcp.read(&mut first).await?;
        io::Result::Ok(whose(&first[..count]))
    };
    match tokio::time::timeout(most, listening).await {
        Ok(Ok(heard)) => heard,
        Ok(Err(_)) => Heard::Else,
        Err(_) => Heard::Nothing,
    }
}

/// Of a server's first bytes after an SSLRequest.
fn whose(first: &[u8]) -> Heard {
    match first {
        [b'S' | b'N'] => Heard::Postgres,
        // A packet of number 0: the greeting of protocol 10, or an error instead of it.
        [_, _, _, 0, 0x0a | 0xff, ..] => Heard::Mysql,
        _ => Heard::Else,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greeting_is_told_from_an_answer_to_sslrequest() {
        assert_eq!(whose(b"S"), Heard::Postgres);
        assert_eq!(whose(b"N"), Heard::Postgres);
        // Of 78 bytes, which is an N.
        assert_eq!(whose(b"N\0\0\0\x0a8.0.36\0"), Heard::Mysql);
        assert_eq!(whose(b"\x45\0\0\0\xff\x69\x04Host is blocked"), Heard::Mysql);
        assert_eq!(whose(b""), Heard::Else);
        assert_eq!(whose(b"SSH-2.0-OpenSSH_9.2\r\n"), Heard::Else);
        assert_eq!(whose(b"E\0\0\0\x20SFATAL\0"), Heard::Else);
    }
}
