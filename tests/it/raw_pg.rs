//! A PostgreSQL client that shows every frame as it came, over TCP or TLS: no driver between the test and the wire.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut, BytesMut};
use handfast::wire::pg::client as message;
use handfast::wire::pg::frame::put;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use sha2::{Digest, Sha256};

/// No answer by then is none.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// SSLRequest.
pub const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

pub trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

/// Tag and body.
pub type Frame = (u8, Vec<u8>);

pub struct Raw {
    pub wire: Box<dyn Wire>,
    /// Frames of the login.
    pub greeting: Vec<Frame>,
}

pub fn tcp(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(ANSWER_MAX)).unwrap();
    stream.set_write_timeout(Some(ANSWER_MAX)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// A TLS handshake; whether the certificate is good is for psql to say, not for these tests.
pub fn tls(stream: TcpStream, config: &Arc<ClientConfig>) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// A startup packet.
pub fn startup(version: i32, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut out = BytesMut::new();
    out.put_i32(0);
    out.put_i32(version);
    for (name, value) in parameters {
        out.put_slice(name.as_bytes());
        out.put_u8(0);
        out.put_slice(value.as_bytes());
        out.put_u8(0);
    }
    out.put_u8(0);
    let length = i32::try_from(out.len()).unwrap();
    out[..4].copy_from_slice(&length.to_be_bytes());
    out.to_vec()
}

fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let pad = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
}

/// Salted passwords by salt: thousands of logins need not each compute it.
static SALTED: Mutex<Vec<(String, [u8; 32])>> = Mutex::new(Vec::new());

fn salted(salt: &str, rounds: u32) -> [u8; 32] {
    let mut known = SALTED.lock().unwrap();
    if let Some((_, found)) = known.iter().find(|(known, _)| known == salt) {
        return *found;
    }
    let mut block = hmac(b"app", &[&STANDARD.decode(salt).unwrap()[..], &[0, 0, 0, 1]].concat());
    let mut sum = block;
    for _ in 1..rounds {
        block = hmac(b"app", &block);
        sum.iter_mut().zip(block).for_each(|(sum, byte)| *sum ^= byte);
    }
    known.push((salt.to_owned(), sum));
    sum
}

impl Raw {
    /// Over a stream on which nothing was said yet.
    pub fn over(wire: impl Wire + 'static) -> Self {
        Self { wire: Box::new(wire), greeting: Vec::new() }
    }

    /// Logs in as `app` with its password, over TCP.
    pub fn connect(port: u16, database: &str) -> io::Result<Self> {
        Self::connect_with(port, 0x0003_0000, &[("user", "app"), ("database", database)])
    }

    pub fn connect_with(port: u16, version: i32, parameters: &[(&str, &str)]) -> io::Result<Self> {
        let mut raw = Self::over(tcp(port));
        raw.wire.write_all(&startup(version, parameters))?;
        raw.log_in()?;
        Ok(raw)
    }

    /// Answers the server's questions, by a salted password that is computed once.
    pub fn log_in(&mut self) -> io::Result<()> {
        loop {
            let (tag, body) = self.frame()?;
            match (tag, body.get(..4)) {
                (b'R', Some([0, 0, 0, 10])) => self.prove()?,
                (b'E', _) => return Err(io::Error::other(field(&body, b'M').unwrap_or_default())),
                (b'Z', _) => return Ok(()),
                _ => self.greeting.push((tag, body)),
            }
        }
    }

    fn prove(&mut self) -> io::Result<()> {
        let bare = "n=,r=fixednoncebutunique";
        let mut out = BytesMut::new();
        message::put_sasl_initial(&mut out, "SCRAM-SHA-256", format!("n,,{bare}").as_bytes());
        self.wire.write_all(&out)?;
        let (_, body) = self.frame()?;
        let first = String::from_utf8(body[4..].to_vec()).map_err(io::Error::other)?;
        let part = |name: &str| first.split(',').find_map(|part| part.strip_prefix(name)).unwrap_or_default();
        let salted = salted(part("s="), part("i=").parse().unwrap());
        let last = format!("c=biws,r={}", part("r="));
        let client_key = hmac(&salted, b"Client Key");
        let signature = hmac(&Sha256::digest(client_key), format!("{bare},{first},{last}").as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        out.clear();
        message::put_sasl(&mut out, format!("{last},p={}", STANDARD.encode(proof)).as_bytes());
        self.wire.write_all(&out)
    }

    /// One SCRAM login with a given mechanism and binding; what it ends with: the last frame's tag and body.
    pub fn try_scram(&mut self, mechanism: &str, binding: ChannelBinding, password: &str) -> io::Result<Frame> {
        let (tag, body) = self.frame()?;
        if tag != b'R' {
            return Ok((tag, body));
        }
        let mut scram = ScramSha256::new(password.as_bytes(), binding);
        let mut out = BytesMut::new();
        message::put_sasl_initial(&mut out, mechanism, scram.message());
        self.wire.write_all(&out)?;
        let (tag, body) = self.frame()?;
        if tag != b'R' {
            return Ok((tag, body));
        }
        scram.update(&body[4..])?;
        out.clear();
        message::put_sasl(&mut out, scram.message());
        self.wire.write_all(&out)?;
        self.frame()
    }

    pub fn send(&mut self, tag: u8, body: &[u8]) -> io::Result<()> {
        let mut out = BytesMut::new();
        put(&mut out, tag, |b| b.put_slice(body));
        self.wire.write_all(&out)?;
        self.wire.flush()
    }

    pub fn frame(&mut self) -> io::Result<Frame> {
        let mut head = [0; 5];
        self.wire.read_exact(&mut head)?;
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let mut body = vec![0; usize::try_from(length).unwrap().checked_sub(4).expect("a length counts itself")];
        self.wire.read_exact(&mut body)?;
        Ok((head[0], body))
    }

    /// Frames up to and with the first that has one of these tags; a last one `!` says that the connection ended.
    pub fn until(&mut self, tags: &[u8]) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            match self.frame() {
                Ok(frame) => frames.push(frame),
                Err(error) => frames.push((b'!', format!("{:?}", error.kind()).into_bytes())),
            }
            let tag = frames.last().map_or(0, |(tag, _)| *tag);
            if tag == b'!' || tags.contains(&tag) {
                return frames;
            }
        }
    }

    pub fn query(&mut self, text: &[u8]) -> Vec<Frame> {
        match self.send(b'Q', &[text, &[0]].concat()) {
            Ok(()) => self.until(b"Z"),
            Err(error) => vec![(b'!', format!("{:?}", error.kind()).into_bytes())],
        }
    }
}

/// The text of an error's or a notice's field.
pub fn field(body: &[u8], kind: u8) -> Option<String> {
    let found = handfast::wire::pg::error::field(body, kind).ok().flatten()?;
    Some(String::from_utf8_lossy(found).into_owned())
}

/// The SQLSTATEs of the errors among frames.
pub fn states(frames: &[Frame]) -> Vec<String> {
    frames.iter().filter(|(tag, _)| *tag == b'E').filter_map(|(_, body)| field(body, b'C')).collect()
}

/// The first column of the rows among frames.
pub fn column(frames: &[Frame]) -> Vec<String> {
    let rows = frames.iter().filter(|(tag, _)| *tag == b'D');
    let first = |(_, body): &Frame| handfast::wire::pg::server::first_column(body).ok().flatten().map(<[u8]>::to_vec);
    rows.filter_map(first).map(|text| String::from_utf8_lossy(&text).into_owned()).collect()
}
