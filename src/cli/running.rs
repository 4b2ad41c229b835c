//! Asks the Handfast that runs, on its `admin.listen`. A small HTTP client of our own: one request, one answer, no library.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::Config;
use crate::ops::model::Problem;

/// Whoever runs answers a connection within this.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// An answer is awaited for this, beyond what the question may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Nothing that is asked here has a longer answer.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// The configuration has no operator's port.
    #[error("admin.listen is off, so that a running Handfast cannot be asked; set it, for example \"127.0.0.1:6480\"")]
    Off,
    /// Nobody listens.
    #[error("no Handfast runs on {address} (admin.listen): {source}")]
    NotRunning {
        /// Where.
        address: SocketAddr,
        /// How.
        source: std::io::Error,
    },
    /// It was asked, and the answer is none.
    #[error("{address} gave no answer that can be read: {what}")]
    NoAnswer {
        /// Where.
        address: SocketAddr,
        /// What instead.
        what: String,
    },
    /// It says no.
    #[error("{}", refused(.0))]
    Refused(Problem),
}

/// As the command line tells errors.
fn refused(problem: &Problem) -> String {
    let mut text = format!("[{}]: {}", problem.code, problem.title);
    for (name, line) in [("note", &problem.detail), ("help", &problem.hint)] {
        text.extend(line.iter().map(|line| format!("\n  = {name}: {line}")));
    }
    text
}

impl AskError {
    /// As the command line tells it: `error[CODE]: …`.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Refused(_) => format!("error{self}"),
            Self::Off | Self::NotRunning { .. } | Self::NoAnswer { .. } => format!("error: {self}"),
        }
    }
}

/// The Handfast that runs by this configuration.
pub(super) struct Running<'a> {
    config: &'a Config,
    address: SocketAddr,
}

impl<'a> Running<'a> {
    /// Errors: the configuration has no operator's port.
    pub(super) fn of(config: &'a Config) -> Result<Self, AskError> {
        let mut address = config.admin.listen.ok_or(AskError::Off)?;
        if address.ip().is_unspecified() {
            // Listening everywhere is listening here.
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => IpAddr::from([127, 0, 0, 1]),
                IpAddr::V6(_) => IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]),
            });
        }
        Ok(Self { config, address })
    }

    /// `GET /api/v1/…`
    pub(super) fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, AskError> {
        self.ask("GET", path, "")
    }

    /// `POST /api/v1/…`
    pub(super) fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, AskError> {
        let body = serde_json::to_string(body).map_err(|error| self.no_answer(error.to_string()))?;
        self.ask("POST", path, &body)
    }

    fn no_answer(&self, what: String) -> AskError {
        AskError::NoAnswer { address: self.address, what }
    }

    fn ask<T: DeserializeOwned>(&self, method: &str, path: &str, body: &str) -> Result<T, AskError> {
        let not_running = |source| AskError::NotRunning { address: self.address, source };
        let mut stream = TcpStream::connect_timeout(&self.address, CONNECT_TIMEOUT).map_err(not_running)?;
        let bound = ANSWER_TIMEOUT + self.config.transactions.commit_wait;
        let token = self.config.admin.token.as_ref();
        let token = token.map_or_else(String::new, |token| format!("Authorization: Bearer {}\r\n", token.expose()));
        let request = format!(
            "{method} /api/v1/{path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{token}Content-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let mut answer = Vec::new();
        let exchanged = stream
            .set_read_timeout(Some(bound))
            .and_then(|()| stream.write_all(request.as_bytes()))
            .and_then(|()| stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer));
        exchanged.map_err(|error| self.no_answer(error.to_string()))?;
        let (status, body) = read(&answer).ok_or_else(|| self.no_answer(String::from("not HTTP")))?;
        let unreadable = |error: serde_json::Error| self.no_answer(format!("HTTP {status}: {error}"));
        if (200..300).contains(&status) {
            return serde_json::from_slice(body).map_err(unreadable);
        }
        Err(AskError::Refused(serde_json::from_slice(body).map_err(unreadable)?))
    }
}

/// Status and body of an answer that ends with its connection.
fn read(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
    Some((status, &answer[end + 4..]))
}
