//! One connection to PostgreSQL: frames both ways without copies, the server's state kept exactly, and the verbs of a
//! transaction.

mod cancel;
mod connect;
mod verbs;

#[cfg(test)]
pub(crate) mod tests;

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};

pub use cancel::CancelToken;
pub use verbs::NO_SUCH_BRANCH;

use super::pool::Lease;
use super::stream::Stream;
use super::{HomeInfo, ServerError};
use crate::base::limits::RELAY_BUFFER_BYTES;
use crate::base::{BackendId, Engine};
use crate::wire::pg::error::field;
use crate::wire::pg::server::{Status, tag};
use crate::wire::pg::{Header, WireError, client, header, server};

/// Asynchronous messages kept while a verb runs, in bytes at most; what comes beyond is dropped with a warning.
const ASIDES_BYTES_MAX: usize = 256 * 1024;

/// A logged-in connection.
#[derive(Debug)]
pub struct PgConn {
    backend: BackendId,
    stream: Stream,
    inbound: BytesMut,
    outbound: BytesMut,
    cancel: CancelToken,
    parameters: Vec<(String, String)>,
    status: Status,
    /// ReadyForQuery still to come.
    outstanding: u32,
    /// Extended-protocol messages were sent that no Sync has followed yet.
    unsynced: bool,
    /// Notices, notifications and parameter changes that came during verbs, as whole frames.
    asides: BytesMut,
    /// The server waits for COPY data.
    copying: bool,
    broken: bool,
    lease: Option<Lease>,
}

/// A peer's bytes that make no sense, as an I/O error.
pub(crate) fn surprise(error: &WireError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

impl PgConn {
    /// Whose connection it is.
    pub fn backend(&self) -> BackendId {
        self.backend
    }

    /// PostgreSQL.
    pub fn engine(&self) -> Engine {
        Engine::Postgres
    }

    /// The server's process id of this session.
    pub fn session(&self) -> u64 {
        u64::from(self.cancel.pid().cast_unsigned())
    }

    /// Whether another session may use it: no transaction, nothing outstanding either way, not broken.
    pub fn is_idle(&self) -> bool {
        !self.broken
            && self.status == Status::Idle
            && self.outstanding == 0
            && !self.unsynced
            && self.inbound.is_empty()
            && self.outbound.is_empty()
    }

    /// Moves it to the runtime of the thread that calls this; see [`Stream::adopt`].
    pub fn adopt(mut self) -> io::Result<Self> {
        self.stream = self.stream.adopt()?;
        Ok(self)
    }

    /// Whether nothing has come since the last answer: see [`Stream::is_quiet`].
    pub fn is_quiet(&mut self) -> bool {
        self.stream.is_quiet()
    }

    /// Takes its place in a pool with it.
    pub fn set_lease(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// Gives the place in the pool up.
    pub fn take_lease(&mut self) -> Option<Lease> {
        self.lease.take()
    }

    /// Whether the connection can no longer be used at all.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// The transaction status of the last ReadyForQuery.
    pub fn status(&self) -> Status {
        self.status
    }

    /// ReadyForQuery messages still to come.
    pub fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// Whether extended-protocol messages were sent that no Sync has followed yet.
    pub fn is_unsynced(&self) -> bool {
        self.unsynced
    }

    /// The server's parameters as last reported.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// What the server says of itself, for the greeting of clients.
    pub fn home_info(&self) -> HomeInfo {
        let version = self.parameters.iter().find(|(name, _)| name == "server_version");
        HomeInfo {
            engine: Engine::Postgres,
            version: version.map(|(_, value)| value.clone()).unwrap_or_default(),
            parameters: self.parameters.clone(),
            charset: 0,
        }
    }

    /// What cancels this session's running statement.
    pub fn cancel_token(&self) -> &CancelToken {
        &self.cancel
    }

    /// Cancels this session's running statement over a second connection.
    pub async fn cancel(&self) -> io::Result<()> {
        self.cancel.send().await
    }

    /// Queues a Query; its ReadyForQuery is expected.
    pub fn queue_query(&mut self, text: &[u8]) {
        client::put_query(&mut self.outbound, text);
        self.outstanding += 1;
    }

    /// Queues a Sync; its ReadyForQuery is expected.
    pub fn queue_sync(&mut self) {
        client::put_empty(&mut self.outbound, client::tag::SYNC);
        self.outstanding += 1;
        self.unsynced = false;
    }

    /// Queues whole extended-protocol frames, made by the client or by us; a Sync must follow some time.
    pub fn queue_extended(&mut self, frames: &[u8]) {
        self.outbound.extend_from_slice(frames);
        self.unsynced = true;
    }

    /// Queues a whole FunctionCall frame; its ReadyForQuery is expected.
    pub fn queue_call(&mut self, frame: &[u8]) {
        self.outbound.extend_from_slice(frame);
        self.outstanding += 1;
    }

    /// Queues bytes that change no expectation: COPY data, Flush.
    pub fn queue(&mut self, bytes: &[u8]) {
        self.outbound.extend_from_slice(bytes);
    }

    /// Bytes queued and not written yet.
    pub fn queued_bytes(&self) -> usize {
        self.outbound.len()
    }

    /// Writes everything queued. May be dropped and called again.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// Reads more bytes, and writes what is queued while it waits: neither side can block the other. May be dropped and
    /// called again. Errors: also the end of the stream.
    pub async fn fill(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// One step of [`Self::fill`].
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Poll::Ready(Err(error)) = self.poll_flush(cx) {
            return Poll::Ready(Err(error));
        }
        if self.inbound.capacity() - self.inbound.len() < RELAY_BUFFER_BYTES / 8 {
            self.inbound.reserve(RELAY_BUFFER_BYTES);
        }
        let read = ready!(pin!(self.stream.read_buf(&mut self.inbound)).poll(cx));
        self.broken |= !matches!(read, Ok(1..));
        Poll::Ready(match read? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        })
    }

    /// Writes what is queued as far as the socket takes it.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.outbound.has_remaining() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outbound));
            if !matches!(written, Ok(1..)) {
                self.broken = true;
                written?;
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outbound.advance(written?);
        }
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        self.broken |= flushed.is_err();
        Poll::Ready(flushed)
    }

    /// The bytes read and not consumed.
    pub fn buffered(&self) -> &[u8] {
        &self.inbound
    }

    /// Drops `count` bytes from the front of [`Self::buffered`].
    pub fn consume(&mut self, count: usize) {
        self.inbound.advance(count);
    }

    /// The next frame's header, read from the server if need be.
    pub async fn peek(&mut self) -> io::Result<Header> {
        loop {
            match header(&self.inbound) {
                Ok(Some(head)) => return Ok(head),
                Ok(None) => self.fill().await?,
                Err(error) => return Err(self.lost(&error)),
            }
        }
    }

    /// Takes the next whole frame, header included. Errors: a frame longer than `bytes_max`.
    pub async fn frame(&mut self, bytes_max: usize) -> io::Result<(Header, Bytes)> {
        let head = self.peek().await?;
        if head.total_bytes > bytes_max {
            self.broken = true;
            let text = format!("a message {:?} of {} bytes", char::from(head.tag), head.total_bytes);
            return Err(io::Error::new(io::ErrorKind::InvalidData, text));
        }
        while self.inbound.len() < head.total_bytes {
            self.fill().await?;
        }
        let frame = self.inbound.split_to(head.total_bytes).freeze();
        self.note(head.tag, &frame[crate::wire::pg::HEADER_BYTES..]).map_err(|error| self.lost(&error))?;
        Ok((head, frame))
    }

    /// Keeps our view of the server's state when a frame with this tag and body passes.
    pub fn note(&mut self, tag: u8, body: &[u8]) -> Result<(), WireError> {
        match tag {
            tag::READY => {
                self.status = server::ready(body)?;
                self.copying = false;
                let Some(left) = self.outstanding.checked_sub(1) else {
                    return Err(WireError::Invalid { during: "ReadyForQuery", what: String::from("no question") });
                };
                self.outstanding = left;
            }
            tag::PARAMETER => {
                let (name, value) = server::parameter(body)?;
                let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value).into_owned());
                match self.parameters.iter_mut().find(|(n, _)| *n == name) {
                    Some(pair) => pair.1 = value,
                    None => self.parameters.push((name.into_owned(), value)),
                }
            }
            tag::COPY_IN | tag::COPY_BOTH => self.copying = true,
            tag::COMPLETE | tag::ERROR => self.copying = false,
            _ => {}
        }
        Ok(())
    }

    /// Marks the connection as unusable because of what the server sent.
    pub fn lost(&mut self, error: &WireError) -> io::Error {
        self.broken = true;
        surprise(error)
    }

    /// A server parameter as last reported.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Marks the connection as unusable.
    pub fn set_broken(&mut self) {
        self.broken = true;
    }

    /// Keeps an asynchronous frame for the client.
    fn set_aside(&mut self, frame: &[u8]) {
        if self.asides.len() + frame.len() <= ASIDES_BYTES_MAX {
            self.asides.extend_from_slice(frame);
        } else {
            tracing::warn!(backend = self.backend.0, "too many notices during a verb; one is dropped");
        }
    }

    /// The notices, notifications and parameter changes that came during verbs, as frames, for the client.
    pub fn take_asides(&mut self) -> BytesMut {
        std::mem::take(&mut self.asides)
    }
}

/// An ErrorResponse's body as the house's error.
pub fn server_error(body: &[u8]) -> ServerError {
    let text = |kind| match field(body, kind) {
        Ok(Some(value)) => String::from_utf8_lossy(value).into_owned(),
        Ok(None) | Err(_) => String::new(),
    };
    ServerError { sqlstate: text(b'C'), errno: 0, message: text(b'M'), raw: Bytes::copy_from_slice(body) }
}
