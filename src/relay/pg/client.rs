//! The client's side of the wire: a stream with a buffer each way.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWrite};

use crate::backend::stream::Stream;
use crate::base::limits::RELAY_BUFFER_BYTES;
use crate::wire::pg::frame::whole;
use crate::wire::pg::{HEADER_BYTES, Header, WireError, header, server};

/// An idle client keeps no larger buffer, in bytes.
const IDLE_BUFFER_BYTES_MAX: usize = RELAY_BUFFER_BYTES / 8;

/// A connected client.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    inbound: BytesMut,
    /// What it will be sent next.
    pub out: BytesMut,
    /// Bytes still to come that nobody wants.
    unwanted_bytes: usize,
    /// Parameters as it was told last.
    told: Vec<(Box<[u8]>, Box<[u8]>)>,
}

impl Client {
    /// A client of whom nothing was read yet.
    pub fn new(stream: Stream) -> Self {
        Self { stream, inbound: BytesMut::new(), out: BytesMut::new(), unwanted_bytes: 0, told: Vec::new() }
    }

    /// Its stream, for the TLS handshake; `None` if bytes were read or queued that the handshake would not see.
    pub fn into_stream(self) -> Option<Stream> {
        (self.inbound.is_empty() && self.out.is_empty()).then_some(self.stream)
    }

    /// Whether the bytes are encrypted.
    pub fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    /// Tells it a ParameterStatus, given as a whole frame, if it is news to it: another connection to the server says
    /// again what the client knows.
    pub fn parameter(&mut self, frame: &[u8]) {
        if let Ok((name, value)) = server::parameter(&frame[HEADER_BYTES.min(frame.len())..]) {
            self.tell_parameter(name, value);
        }
    }

    /// The same, given by its parts.
    pub fn tell_parameter(&mut self, name: &[u8], value: &[u8]) {
        match self.told.iter_mut().find(|(told, _)| **told == *name) {
            Some((_, told)) if **told == *value => return,
            Some((_, told)) => *told = value.into(),
            None => self.told.push((name.into(), value.into())),
        }
        server::put_parameter(&mut self.out, name, value);
    }

    /// Passes on what a server said beside the answer to a question of ours: whole frames. Of a parameter that changed
    /// several times, only the last value counts.
    pub fn asides(&mut self, frames: &[u8]) {
        let mut rest = frames;
        let mut parameters: Vec<(&[u8], &[u8])> = Vec::new();
        while let Ok(Some((head, body))) = whole(rest) {
            if head.tag != server::tag::PARAMETER {
                self.out.extend_from_slice(&rest[..head.total_bytes]);
            } else if let Ok((name, value)) = server::parameter(body) {
                parameters.retain(|(known, _)| *known != name);
                parameters.push((name, value));
            }
            rest = &rest[head.total_bytes..];
        }
        for (name, value) in parameters {
            self.tell_parameter(name, value);
        }
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
        self.told.iter().find(|(told, _)| **told == *name).map(|(_, value)| &**value)
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
