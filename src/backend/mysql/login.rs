//! Connecting: greeting, TLS, login.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::frames::{broken, server_error};
use super::{MysqlConn, Open};
use crate::backend::stream::Stream;
use crate::backend::{ConnectError, tls};
use crate::base::{BackendId, Engine};
use crate::config::{self, BackendTls};
use crate::wire::mysql::auth::{Plugin, SCRAMBLE_BYTES, sealed};
use crate::wire::mysql::handshake::{self, Greeting, Login};
use crate::wire::mysql::{answer, caps, packet, status};

/// Nothing in a login is larger.
const LOGIN_BYTES_MAX: usize = 64 * 1024;

/// utf8mb4_general_ci: known to every server. Sessions set their client's own.
const CHARSET: u8 = 45;

enum Fault {
    Io(io::Error),
    Refused(crate::backend::ServerError),
    Unsupported(String),
}

impl From<io::Error> for Fault {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}

/// The conversation before there is a connection.
struct Talk {
    stream: Stream,
    inbuf: BytesMut,
    seq: u8,
}

impl Talk {
    async fn read(&mut self) -> Result<BytesMut, Fault> {
        loop {
            match packet::take(&mut self.inbuf, &mut self.seq, LOGIN_BYTES_MAX) {
                Ok(Some(payload)) if payload.first() == Some(&0xff) => {
                    return Err(Fault::Refused(server_error(&payload)));
                }
                Ok(Some(payload)) => return Ok(payload),
                Ok(None) => {}
                Err(error) => return Err(broken(&error.to_string()).into()),
            }
            if self.stream.read_buf(&mut self.inbuf).await? == 0 {
                return Err(Fault::Io(io::ErrorKind::UnexpectedEof.into()));
            }
        }
    }

    async fn write(&mut self, payload: &[u8]) -> Result<(), Fault> {
        let mut out = BytesMut::new();
        packet::put(&mut out, &mut self.seq, &[payload]);
        self.stream.write_all(&out).await?;
        self.stream.flush().await?;
        Ok(())
    }
}

impl MysqlConn {
    /// Connects and logs in. `flags`: which of [`caps::SEMANTIC`] the client chose.
    pub async fn connect(
        config: &config::Backend,
        id: BackendId,
        flags: u32,
        connect_timeout: Duration,
    ) -> Result<Self, ConnectError> {
        let named = |fault: Fault| named(config, fault);
        let outcome = tokio::time::timeout(connect_timeout, open(config, flags)).await;
        let late = || Fault::Io(io::Error::new(io::ErrorKind::TimedOut, format!("not within {connect_timeout:?}")));
        let (talk, greeting, done) = outcome.map_err(|_| named(late()))?.map_err(named)?;
        let mut conn = Self {
            id,
            config: config.clone(),
            connect_timeout,
            engine: if greeting.is_mariadb() { Engine::Mariadb } else { Engine::Mysql },
            greeting,
            flags: flags & caps::SEMANTIC,
            stream: talk.stream,
            inbuf: talk.inbuf,
            out: BytesMut::new(),
            open: Open::None,
            database: config.database.clone().into_bytes(),
            multi_statements: true,
            status: done.status,
            awaited: VecDeque::new(),
            broken: false,
            lease: None,
        };
        if done.status & status::AUTOCOMMIT == 0 {
            conn.autocommit_on().await.map_err(|source| named(Fault::Io(source)))?;
        }
        Ok(conn)
    }

    /// The house's sessions begin with autocommit on, whatever the server's default is.
    pub(super) async fn autocommit_on(&mut self) -> io::Result<()> {
        match self.run(b"SET autocommit=1").await? {
            (_, None) => Ok(()),
            (_, Some(error)) => Err(self.lost(broken(&error.message))),
        }
    }
}

fn named(config: &config::Backend, fault: Fault) -> ConnectError {
    let (backend, address) = (config.name.clone(), config.address.to_string());
    match fault {
        Fault::Io(source) => ConnectError::Unreachable { backend, address, source },
        Fault::Refused(error) => ConnectError::Refused { backend, error },
        Fault::Unsupported(what) => ConnectError::Unsupported { backend, address, what },
    }
}

async fn open(config: &config::Backend, flags: u32) -> Result<(Talk, Greeting, answer::Done), Fault> {
    let tcp = TcpStream::connect((config.address.host.as_str(), config.address.port)).await?;
    tcp.set_nodelay(true)?;
    let mut talk = Talk { stream: Stream::Plain(tcp), inbuf: BytesMut::new(), seq: 0 };
    let first = talk.read().await?;
    let greeting = Greeting::read(&first)
        .ok_or_else(|| Fault::Unsupported("not a MySQL server of protocol 10 (5.5 or later)".into()))?;
    let needed = caps::PROTOCOL_41 | caps::SECURE_CONNECTION | caps::PLUGIN_AUTH | caps::MULTI_STATEMENTS;
    if greeting.capabilities & needed != needed {
        return Err(Fault::Unsupported(format!("the server {} lacks protocol features", greeting.version)));
    }
    let capabilities = (caps::BACKEND | flags & caps::SEMANTIC) & (greeting.capabilities | caps::LONG_PASSWORD);
    talk = secure(talk, config, &greeting, capabilities).await?;
    let plugin = Plugin::named(greeting.plugin.as_bytes()).unwrap_or(Plugin::Native);
    let password = config.password.expose().as_bytes();
    let tls = if talk.stream.is_tls() { caps::SSL } else { 0 };
    let login = Login {
        capabilities: capabilities | tls,
        charset: CHARSET,
        user: config.user.clone().into_bytes(),
        proof: plugin.proof(&greeting.scramble, password),
        database: config.database.clone().into_bytes(),
        plugin: plugin.name().into(),
    };
    talk.write(&login.write()).await?;
    let done = prove(&mut talk, plugin, greeting.scramble, password).await?;
    Ok((talk, greeting, done))
}

/// TLS as configured, before anything secret is said.
async fn secure(
    mut talk: Talk,
    config: &config::Backend,
    greeting: &Greeting,
    capabilities: u32,
) -> Result<Talk, Fault> {
    let Some(connector) = tls::connector(config)? else { return Ok(talk) };
    if greeting.capabilities & caps::SSL == 0 {
        return match config.tls {
            BackendTls::Disable | BackendTls::Prefer => Ok(talk),
            BackendTls::Require | BackendTls::VerifyFull => Err(Fault::Unsupported("the server offers no TLS".into())),
        };
    }
    if !talk.inbuf.is_empty() {
        return Err(Fault::Unsupported("the server spoke out of turn before TLS".into()));
    }
    talk.write(&handshake::tls_request(capabilities, CHARSET)).await?;
    let Stream::Plain(tcp) = talk.stream else { return Ok(talk) };
    let tls = connector.connect(tls::server_name(config)?, tcp).await?;
    Ok(Talk { stream: Stream::Connected(Box::new(tls)), ..talk })
}

/// Answers the server's questions until it says OK.
async fn prove(
    talk: &mut Talk,
    mut plugin: Plugin,
    mut scramble: [u8; SCRAMBLE_BYTES],
    password: &[u8],
) -> Result<answer::Done, Fault> {
    loop {
        let payload = talk.read().await?;
        match payload.first() {
            Some(0x00) => return answer::read_ok(&payload).ok_or_else(|| broken("a malformed OK").into()),
            Some(0xfe) => {
                let asked = handshake::read_auth_switch(&payload);
                let (name, fresh) = asked.ok_or_else(|| Fault::Unsupported("asks for pre-4.1 passwords".into()))?;
                plugin = Plugin::named(&name).ok_or_else(|| {
                    let name = String::from_utf8_lossy(&name).into_owned();
                    Fault::Unsupported(format!(
                        "asks for the authentication plugin {name}; Handfast has mysql_native_password and \
                         caching_sha2_password"
                    ))
                })?;
                scramble = fresh;
                talk.write(&plugin.proof(&scramble, password)).await?;
            }
            Some(0x01) => match (plugin, payload.get(1)) {
                (Plugin::CachingSha2, Some(3)) => {}
                (Plugin::CachingSha2, Some(4)) => prove_fully(talk, &scramble, password).await?,
                (Plugin::CachingSha2 | Plugin::Native, _) => return Err(broken("an unknown question at login").into()),
            },
            Some(_) | None => return Err(broken("an unknown packet at login").into()),
        }
    }
}

/// Full caching_sha2_password: the password itself over TLS, else sealed with the server's public key.
async fn prove_fully(talk: &mut Talk, scramble: &[u8; SCRAMBLE_BYTES], password: &[u8]) -> Result<(), Fault> {
    if talk.stream.is_tls() {
        let mut text = password.to_vec();
        text.push(0);
        return talk.write(&text).await;
    }
    talk.write(&[2]).await?;
    let key = talk.read().await?;
    let pem = key.get(1..).unwrap_or_default();
    let text = sealed(password, scramble, pem).ok_or_else(|| broken("an unusable public key"))?;
    talk.write(&text).await
}
