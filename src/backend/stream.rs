//! A byte stream to a client or a backend: plain TCP or TLS on it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// TCP, with TLS or without; accepted or connected.
#[derive(Debug)]
pub enum Stream {
    /// Plain TCP.
    Plain(TcpStream),
    /// TLS towards a client.
    Accepted(Box<tokio_rustls::server::TlsStream<TcpStream>>),
    /// TLS towards a backend.
    Connected(Box<tokio_rustls::client::TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether the bytes are encrypted.
    pub fn is_tls(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// The other end's address.
    pub fn peer(&self) -> io::Result<std::net::SocketAddr> {
        match self {
            Self::Plain(tcp) => tcp.peer_addr(),
            Self::Accepted(tls) => tls.get_ref().0.peer_addr(),
            Self::Connected(tls) => tls.get_ref().0.peer_addr(),
        }
    }

    /// Moves a plain connection to the runtime of the thread that calls this, so that its events wake no other. (One
    /// with TLS stays where it is: it works from anywhere, only a little slower.)
    pub fn adopt(self) -> io::Result<Self> {
        match self {
            Self::Plain(tcp) => tcp.into_std().and_then(TcpStream::from_std).map(Self::Plain),
            tls @ (Self::Accepted(_) | Self::Connected(_)) => Ok(tls),
        }
    }

    /// Whether nothing can be read: no byte, no end, no error. What is read here is lost, so an unquiet stream is closed.
    pub fn is_quiet(&mut self) -> bool {
        let mut byte = [0; 1];
        let mut buf = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(std::task::Waker::noop());
        Pin::new(self).poll_read(&mut context, &mut buf).is_pending()
    }
}

macro_rules! forward {
    ($self:ident, $method:ident, $($arg:expr),*) => {
        match $self.get_mut() {
            Stream::Plain(s) => Pin::new(s).$method($($arg),*),
            Stream::Accepted(s) => Pin::new(s.as_mut()).$method($($arg),*),
            Stream::Connected(s) => Pin::new(s.as_mut()).$method($($arg),*),
        }
    };
}

/// The error in plain words: a peer that goes away without TLS's own farewell is simply gone, and rustls' text about it,
/// with an address in it, would reach clients.
fn plain(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::UnexpectedEof { io::ErrorKind::UnexpectedEof.into() } else { error }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_read, cx, buf).map_err(plain)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        forward!(self, poll_write, cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_flush, cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        forward!(self, poll_shutdown, cx)
    }
}
