//! A server that speaks PostgreSQL's wire as badly as a test wants it to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{BufMut, BytesMut};
use handfast::wire::pg::frame::put;
use handfast::wire::pg::server::{self, Status};

/// What a query is answered.
pub enum Reply {
    /// These bytes, and the server listens on.
    Bytes(Vec<u8>),
    /// These bytes, and the connection ends.
    End(Vec<u8>),
}

/// Serves until the process ends: its connections end with the test's proxy.
pub struct FakePg {
    pub port: u16,
    /// Connections that came to their first query.
    pub used: Arc<AtomicUsize>,
}

impl FakePg {
    /// `answer` is given each Query's text and the number of its connection, 1 for the first.
    pub fn start(answer: impl Fn(&str, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (answer, used) = (Arc::new(answer), Arc::new(AtomicUsize::new(0)));
        let counter = Arc::clone(&used);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, counter) = (Arc::clone(&answer), Arc::clone(&counter));
                // A proxy that hangs up is the end of one connection.
                std::thread::spawn(move || serve(stream, &*answer, &counter).unwrap_or_default());
            }
        });
        Self { port, used }
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&str, usize) -> Reply, used: &AtomicUsize) -> std::io::Result<()> {
    loop {
        let mut head = [0; 8];
        stream.read_exact(&mut head)?;
        let length = usize::try_from(u32::from_be_bytes([head[0], head[1], head[2], head[3]])).unwrap();
        let mut rest = vec![0; length - 8];
        stream.read_exact(&mut rest)?;
        if head[4..] == [0, 3, 0, 0] {
            break;
        }
        stream.write_all(b"N")?;
    }
    let mut out = BytesMut::new();
    server::put_auth_ok(&mut out);
    for (name, value) in
        [("server_version", "15.0"), ("client_encoding", "UTF8"), ("standard_conforming_strings", "on")]
    {
        server::put_parameter(&mut out, name.as_bytes(), value.as_bytes());
    }
    server::put_key_data(&mut out, 7, &[1, 2, 3, 4]);
    server::put_ready(&mut out, Status::Idle);
    stream.write_all(&out)?;
    let mut number = 0;
    loop {
        let mut head = [0; 5];
        stream.read_exact(&mut head)?;
        let length = usize::try_from(u32::from_be_bytes([head[1], head[2], head[3], head[4]])).unwrap();
        let mut body = vec![0; length - 4];
        stream.read_exact(&mut body)?;
        // The control plane's questions are beyond it.
        if head[0] != b'Q' {
            return Ok(());
        }
        if number == 0 {
            number = used.fetch_add(1, Ordering::SeqCst) + 1;
        }
        match answer(&String::from_utf8_lossy(&body[..body.len() - 1]), number) {
            Reply::Bytes(bytes) => stream.write_all(&bytes)?,
            Reply::End(bytes) => {
                stream.write_all(&bytes)?;
                return stream.shutdown(Shutdown::Both);
            }
        }
    }
}

/// A row description of one text column.
pub fn described() -> Vec<u8> {
    let mut out = BytesMut::new();
    server::put_row_description(&mut out, &[("x", 25, -1, -1, 0)]);
    out.to_vec()
}

/// A row of one text.
pub fn row(text: &str) -> Vec<u8> {
    let mut out = BytesMut::new();
    put(&mut out, b'D', |b| {
        b.put_i16(1);
        b.put_i32(i32::try_from(text.len()).unwrap());
        b.put_slice(text.as_bytes());
    });
    out.to_vec()
}

/// CommandComplete and ReadyForQuery.
pub fn done() -> Vec<u8> {
    let mut out = BytesMut::new();
    server::put_complete(&mut out, "SELECT 1");
    server::put_ready(&mut out, Status::Idle);
    out.to_vec()
}
