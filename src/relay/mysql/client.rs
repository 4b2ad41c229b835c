//! The client's end of a session: commands in, answers out, one sequence number.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

use super::packet_len;
use crate::backend::stream::Stream;
use crate::base::limits::{MYSQL_PACKET_BYTES_MAX, RELAY_BUFFER_BYTES};
use crate::wire::mysql::packet::{self, FrameError};

/// What is left of a payload that nobody will read.
#[derive(Clone, Copy, Debug, Default)]
struct PassingOver {
    /// Bytes of the current packet.
    left: usize,
    /// No other packet follows.
    last: bool,
}

/// A client's connection.
#[derive(Debug)]
pub struct Client {
    stream: Stream,
    inbuf: BytesMut,
    out: BytesMut,
    seq: u8,
    payload_bytes_max: usize,
    /// A payload that is too large is being passed over.
    passing_over: Option<PassingOver>,
    killed: watch::Receiver<bool>,
}

impl Client {
    /// Takes over a connection. `payload_bytes_max` bounds each of its messages; `killed` becomes true when it shall end.
    pub fn new(stream: Stream, payload_bytes_max: usize, killed: watch::Receiver<bool>) -> Self {
        Self {
            stream,
            inbuf: BytesMut::new(),
            out: BytesMut::new(),
            seq: 0,
            payload_bytes_max,
            passing_over: None,
            killed,
        }
    }

    /// Gives the stream back, for TLS to be put on it; an error if the client has sent bytes already, which would be
    /// taken for encrypted ones.
    pub fn into_stream(self) -> io::Result<(Stream, u8)> {
        if self.inbuf.is_empty() {
            return Ok((self.stream, self.seq));
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "bytes before the TLS handshake"))
    }

    /// Goes on with this sequence number.
    pub fn resume(&mut self, seq: u8) {
        self.seq = seq;
    }

    /// Sets the bound of a message.
    pub fn set_payload_bytes_max(&mut self, bytes: usize) {
        self.payload_bytes_max = bytes;
    }

    /// Whether the bytes are encrypted.
    pub fn is_tls(&self) -> bool {
        self.stream.is_tls()
    }

    /// The next command's payload; `None` if the client has left. Dropping the future loses nothing.
    pub async fn command(&mut self) -> io::Result<Option<BytesMut>> {
        self.seq = 0;
        self.message().await
    }

    /// The next payload of a conversation. Errors that are a [`FrameError`]: a payload too large was passed over, as
    /// servers do, and the conversation can go on; after one out of order it cannot.
    pub async fn message(&mut self) -> io::Result<Option<BytesMut>> {
        let refused = |error| Err(io::Error::new(io::ErrorKind::InvalidData, error));
        let bytes_max = self.payload_bytes_max;
        loop {
            if self.passing_over.is_some() {
                if self.pass_over() {
                    self.passing_over = None;
                    return refused(FrameError::TooLarge { bytes_max });
                }
            } else {
                match packet::take(&mut self.inbuf, &mut self.seq, bytes_max) {
                    Ok(Some(payload)) => return Ok(Some(payload)),
                    Ok(None) => {}
                    Err(FrameError::TooLarge { .. }) => {
                        self.passing_over = Some(PassingOver::default());
                        continue;
                    }
                    Err(error @ FrameError::OutOfOrder { .. }) => return refused(error),
                }
            }
            if self.read().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// The next payload and not a byte of what follows. A client that asks for TLS begins its handshake at once, without
    /// waiting for a word of ours: those bytes are for TLS.
    pub async fn message_alone(&mut self) -> io::Result<Option<BytesMut>> {
        loop {
            let refused = |error| io::Error::new(io::ErrorKind::InvalidData, error);
            let taken = packet::take(&mut self.inbuf, &mut self.seq, self.payload_bytes_max).map_err(refused)?;
            if taken.is_some() {
                return Ok(taken);
            }
            let whole = packet::head(&self.inbuf).map_or(packet::HEADER_BYTES, |(len, _)| packet::HEADER_BYTES + len);
            let missing = u64::try_from(whole.saturating_sub(self.inbuf.len())).map_err(io::Error::other)?;
            if (&mut self.stream).take(missing).read_buf(&mut self.inbuf).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Drops what is here of a payload; whether that was its end.
    fn pass_over(&mut self) -> bool {
        let Some(over) = &mut self.passing_over else { return true };
        loop {
            let here = over.left.min(self.inbuf.len());
            self.inbuf.advance(here);
            over.left -= here;
            if over.left > 0 || over.last {
                return over.left == 0;
            }
            let Some((len, number)) = packet::head(&self.inbuf) else { return false };
            self.inbuf.advance(packet::HEADER_BYTES);
            self.seq = number.wrapping_add(1);
            *over = PassingOver { left: len, last: len < MYSQL_PACKET_BYTES_MAX };
        }
    }

    /// The address that the client comes from, without its port.
    pub fn host(&self) -> String {
        self.stream.peer().map_or_else(|_| "unknown".into(), |peer| peer.ip().to_canonical().to_string())
    }

    /// The next packet with its header, whatever it is part of.
    pub async fn raw_packet(&mut self, bytes_max: usize) -> io::Result<BytesMut> {
        loop {
            match packet_len(&self.inbuf) {
                Some(len) if len <= self.inbuf.len() => {
                    self.seq = self.inbuf[3].wrapping_add(1);
                    return Ok(self.inbuf.split_to(len));
                }
                Some(len) if len > bytes_max + packet::HEADER_BYTES => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "a packet too large"));
                }
                Some(_) | None => {}
            }
            if self.read().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn read(&mut self) -> io::Result<usize> {
        self.make_room();
        self.stream.read_buf(&mut self.inbuf).await
    }

    /// Only when little is left: the command being served is a part of the same memory, and as long as it lives, every
    /// reserve would be a new piece.
    fn make_room(&mut self) {
        if self.inbuf.capacity() - self.inbuf.len() < RELAY_BUFFER_BYTES / 16 {
            self.inbuf.reserve(RELAY_BUFFER_BYTES / 8);
        }
    }

    /// Ends when the client is gone or shall go; reads ahead meanwhile, within a bound.
    pub async fn gone(&mut self) -> io::Error {
        loop {
            if *self.killed.borrow() {
                return io::Error::new(io::ErrorKind::ConnectionAborted, "killed");
            }
            let room = self.inbuf.len() < RELAY_BUFFER_BYTES;
            self.make_room();
            tokio::select! {
                changed = self.killed.changed() => if changed.is_err() {
                    return io::Error::new(io::ErrorKind::ConnectionAborted, "killed");
                },
                read = self.stream.read_buf(&mut self.inbuf), if room => match read {
                    Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                    Ok(_) => {}
                    Err(error) => return error,
                },
            }
        }
    }

    /// Becomes true when the client shall go.
    pub fn kill_switch(&self) -> watch::Receiver<bool> {
        self.killed.clone()
    }

    /// Whether bytes of another command are here already.
    pub fn has_input(&self) -> bool {
        !self.inbuf.is_empty()
    }

    /// Queues a payload.
    pub fn put(&mut self, payload: &[u8]) {
        packet::put(&mut self.out, &mut self.seq, &[payload]);
    }

    /// Where the relay writes, and the number of its next packet.
    pub fn out_and_seq(&mut self) -> (&mut BytesMut, &mut u8) {
        (&mut self.out, &mut self.seq)
    }

    /// Bytes queued.
    pub fn queued(&self) -> usize {
        self.out.len()
    }

    /// Sends what is queued.
    pub async fn flush(&mut self) -> io::Result<()> {
        while self.out.has_remaining() {
            if self.stream.write_buf(&mut self.out).await? == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
        }
        self.stream.flush().await
    }
}
