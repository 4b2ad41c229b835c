//! The client's side of the wire: a stream with a buffer each way.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};

use super::news::News;
use crate::backend::stream::Stream;
use crate::base::limits::RELAY_BUFFER_BYTES;
use crate::wire::pg::error::Origin;
use crate::wire::pg::server::{Status, put_ready};
use crate::wire::pg::{Header, WireError, header, server};

/// An idle client keeps no larger buffer, in bytes.
const IDLE_BUFFER_BYTES_MAX: usize = RELAY_BUFFER_BYTES / 8;

/// A connected client.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    inbound: BytesMut,
    /// What it will be sent next.
    pub out: BytesMut,
    /// What it hears before it is told to go on.
    pub news: News,
    /// Of what the statement that runs was made, if its positions are not the client's own.
    pub origin: Option<Arc<Origin>>,
    /// Bytes still to come that nobody wants.
    unwanted_bytes: usize,
}

impl Client {
    /// A client of whom nothing was read yet.
    pub fn new(stream: Stream) -> Self {
        let (inbound, out) = (BytesMut::new(), BytesMut::new());
        Self { stream, inbound, out, news: News::default(), origin: None, unwanted_bytes: 0 }
    }

    /// Queues an error or notice of a backend, with its position in the client's own text.
    pub fn put_told(&mut self, frame: &[u8]) {
        match &self.origin {
            Some(origin) => origin.put_moved(&mut self.out, frame),
            None => self.out.extend_from_slice(frame),
        }
    }

    /// Queues a ReadyForQuery, and before it the news.
    pub fn put_ready(&mut self, status: Status) {
        self.news.tell(&mut self.out);
        put_ready(&mut self.out, status);
    }

    /// Its stream, for the TLS handshake; `None` if bytes were read or queued that the handshake would not see.
    pub fn into_stream(self) -> Option<Stream> {
        (self.inbound.is_empty() && self.out.is_empty()).then_some(self.stream)
    }

    /// Whether the bytes are encrypted.
    pub fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    /// Tells it a parameter at once.
    pub fn tell_parameter(&mut self, name: &[u8], value: &[u8]) {
        server::put_parameter(&mut self.out, name, value);
        self.news.told(name, value);
    }

    /// Passes on what a server said beside the answer to a question of ours: whole frames.
    pub fn asides(&mut self, frames: &[u8]) {
        self.news.keep(frames, &mut self.out);
    }

    /// Bytes read and not consumed.
    pub fn buffered(&self) -> &[u8] {
        &self.inbound
    }

    /// Takes `count` buffered bytes.
    pub fn take(&mut self, count: usize) -> Bytes {
        self.inbound.split_to(count).freeze()
    }

    /// Drops `count` buffered bytes.
    pub fn consume(&mut self, count: usize) {
        self.inbound.advance(count);
    }

    /// Drops the next `count` bytes, whether they are here already or not.
    pub fn discard(&mut self, count: usize) {
        let now = count.min(self.inbound.len());
        self.inbound.advance(now);
        self.unwanted_bytes += count - now;
    }

    /// The next message's header, if it is here.
    pub fn header(&self) -> Result<Option<Header>, WireError> {
        header(&self.inbound)
    }

    /// Reads more. May be dropped and called again. Errors: also the end of the stream.
    pub async fn fill(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_fill(cx)).await
    }

    /// A parameter as the client was told last: its texts are read by what it knows.
    pub fn told(&self, name: &[u8]) -> Option<&[u8]> {
        self.news.value(name)
    }

    /// Gives back the memory that a large message or answer took: the client may be idle for long.
    pub fn rest(&mut self) {
        for buffer in [&mut self.inbound, &mut self.out] {
            if buffer.is_empty() && buffer.capacity() > IDLE_BUFFER_BYTES_MAX {
                *buffer = BytesMut::new();
            }
        }
    }

    /// One step of [`Self::fill`].
    pub fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            if self.inbound.capacity() - self.inbound.len() < RELAY_BUFFER_BYTES / 16 {
                self.inbound.reserve(RELAY_BUFFER_BYTES / 8);
            }
            let read = ready!(pin!(self.stream.read_buf(&mut self.inbound)).poll(cx))?;
            if read == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            let unwanted = self.unwanted_bytes.min(self.inbound.len());
            self.inbound.advance(unwanted);
            self.unwanted_bytes -= unwanted;
            if !self.inbound.is_empty() {
                return Poll::Ready(Ok(()));
            }
        }
    }

    /// Hears whether the client is still there, reading ahead within a bound. Ready only when it is gone.
    pub fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        while self.inbound.len() < RELAY_BUFFER_BYTES {
            if let Err(error) = ready!(self.poll_fill(cx)) {
                return Poll::Ready(error);
            }
        }
        Poll::Pending
    }

    /// Sends everything queued, waiting for the client to take it.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| self.poll_flush(cx)).await
    }

    /// One step of [`Self::flush`].
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.out.has_remaining() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.out.advance(written);
        }
        Pin::new(&mut self.stream).poll_flush(cx)
    }
}
