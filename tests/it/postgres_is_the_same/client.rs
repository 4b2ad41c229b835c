//! A PostgreSQL client that shows every frame as it came: no driver between the test and the wire.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use handfast::wire::pg::client::{Target, put_close, put_copy_fail, put_empty, put_execute, put_query, tag};
use handfast::wire::pg::client::{put_parse_typed, put_password, put_sasl, put_sasl_initial};
use handfast::wire::pg::frame::{put, put_cstr};
use handfast::wire::pg::server::{self, Authentication, tag as answers};
use handfast::wire::pg::{Cursor, HEADER_BYTES, WireError, header, startup};
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};

use super::message::{Message, Wanted};

/// Oids from here on are of objects that a script made: they differ between databases.
const FIRST_USER_OID: i32 = 16384;
/// No answer by then is an answer too. DROP DATABASE waits for a checkpoint.
const ANSWER_MAX: Duration = Duration::from_secs(90);
/// What is longer is shown by its length and a sum.
const SHOWN_BYTES_MAX: usize = 300;

/// One connection; every answer is a list of readable frames.
pub struct Client {
    stream: TcpStream,
    inbound: Vec<u8>,
    /// What ends the answers that are still to come.
    wanted: Vec<Wanted>,
    /// Something was sent that the server must answer now.
    owed: bool,
    /// The server skips what is sent until a sync: it has told an error.
    skipping: bool,
    key: (i32, Vec<u8>),
    port: u16,
    /// What the login said.
    pub greeting: Vec<String>,
}

impl Client {
    /// Logs in. Errors: the server's refusal, as its frame reads.
    pub fn connect(port: u16, parameters: &[(&str, &str)], password: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(ANSWER_MAX))?;
        stream.set_nodelay(true)?;
        let (inbound, greeting) = (Vec::new(), Vec::new());
        let mut client = Self {
            stream,
            inbound,
            wanted: Vec::new(),
            owed: false,
            skipping: false,
            key: (0, Vec::new()),
            port,
            greeting,
        };
        let mut out = BytesMut::new();
        startup::put_session(&mut out, parameters);
        client.stream.write_all(&out)?;
        let mut scram: Option<ScramSha256> = None;
        loop {
            let (kind, body) = client.frame()?;
            let mut out = BytesMut::new();
            match kind {
                answers::AUTHENTICATION => match server::authentication(&body).map_err(io::Error::other)? {
                    Authentication::Ok | Authentication::SaslFinal(_) => {}
                    Authentication::Sasl(_) => {
                        let begun = ScramSha256::new(password.as_bytes(), ChannelBinding::unsupported());
                        put_sasl_initial(&mut out, SCRAM_SHA_256, begun.message());
                        scram = Some(begun);
                    }
                    Authentication::SaslContinue(data) => {
                        let scram = scram.as_mut().ok_or_else(|| io::Error::other("no SCRAM"))?;
                        scram.update(data)?;
                        put_sasl(&mut out, scram.message());
                    }
                    _ => put_password(&mut out, password.as_bytes()),
                },
                answers::KEY_DATA => {
                    let (pid, secret) = server::key_data(&body).map_err(io::Error::other)?;
                    client.key = (pid, secret.to_vec());
                }
                answers::ERROR => return Err(io::Error::other(shown(kind, &body))),
                answers::READY => {
                    client.greeting.sort();
                    client.greeting.push(shown(kind, &body));
                    return Ok(client);
                }
                _ => client.greeting.push(shown(kind, &body)),
            }
            client.stream.write_all(&out)?;
        }
    }

    /// The process id that the greeting told.
    pub fn pid(&self) -> i32 {
        self.key.0
    }

    fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        loop {
            if let Some(head) = header(&self.inbound).map_err(io::Error::other)?
                && self.inbound.len() >= head.total_bytes
            {
                let body = self.inbound[HEADER_BYTES..head.total_bytes].to_vec();
                self.inbound.drain(..head.total_bytes);
                return Ok((head.tag, body));
            }
            let mut bytes = [0; 1 << 16];
            match self.stream.read(&mut bytes)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.inbound.extend_from_slice(&bytes[..count]),
            }
        }
    }

    /// Sends messages; their answers are still to be read.
    pub fn send(&mut self, messages: &[Message]) -> io::Result<()> {
        let mut out = BytesMut::new();
        for message in messages {
            encode(message, &mut out);
            self.wanted.extend(message.wanted());
            self.owed |= message.forces();
        }
        self.stream.write_all(&out)
    }

    /// All answers to what was sent, as far as the server must give them by now.
    pub fn answers(&mut self) -> Vec<String> {
        let mut seen = Vec::new();
        if !std::mem::take(&mut self.owed) {
            return seen;
        }
        let mut wanted = std::mem::take(&mut self.wanted).into_iter();
        if let Err(error) = self.read_for(&mut wanted, &mut seen) {
            seen.push(match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => String::from("no answer"),
                _ => String::from("end of the connection"),
            });
        }
        seen
    }

    fn read_for(&mut self, wanted: &mut std::vec::IntoIter<Wanted>, seen: &mut Vec<String>) -> io::Result<()> {
        for next in wanted.by_ref() {
            if next == Wanted::End {
                loop {
                    let (kind, body) = self.frame()?;
                    seen.push(shown(kind, &body));
                }
            }
            if self.skipping && next != Wanted::Ready {
                continue;
            }
            loop {
                let (kind, body) = self.frame()?;
                seen.push(shown(kind, &body));
                if kind == answers::READY {
                    self.skipping = false;
                    break;
                }
                if kind == answers::ERROR && next != Wanted::Answered {
                    self.skipping = true;
                }
                if !matches!(next, Wanted::Ready | Wanted::Answered) && (self.skipping || next.ended_by(kind)) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Waits for one frame that comes by itself.
    pub fn unasked(&mut self) -> Vec<String> {
        match self.frame() {
            Ok((kind, body)) => vec![shown(kind, &body)],
            Err(error) => vec![error.kind().to_string()],
        }
    }

    /// Asks to cancel what runs.
    pub fn cancel(&self) -> io::Result<()> {
        let mut out = BytesMut::new();
        startup::put_cancel(&mut out, self.key.0, &self.key.1);
        let mut stream = TcpStream::connect(("127.0.0.1", self.port))?;
        stream.write_all(&out)?;
        stream.read_to_end(&mut Vec::new())?;
        Ok(())
    }
}

fn encode(message: &Message, out: &mut BytesMut) {
    match message {
        Message::Query(text) => put_query(out, text),
        Message::Parse { name, text, types } => {
            let mut list = BytesMut::new();
            list.put_u16(u16::try_from(types.len()).unwrap());
            types.iter().for_each(|oid| list.put_u32(*oid));
            put_parse_typed(out, name, text, &list);
        }
        Message::Bind { portal, statement, formats, values, results } => put(out, tag::BIND, |body| {
            put_cstr(body, portal);
            put_cstr(body, statement);
            put_codes(body, formats);
            body.put_u16(u16::try_from(values.len()).unwrap());
            for value in values {
                match value {
                    Some(value) => {
                        body.put_i32(i32::try_from(value.len()).unwrap());
                        body.put_slice(value);
                    }
                    None => body.put_i32(-1),
                }
            }
            put_codes(body, results);
        }),
        Message::Describe(target, name) => put(out, tag::DESCRIBE, |body| {
            body.put_u8(if *target == Target::Portal { b'P' } else { b'S' });
            put_cstr(body, name);
        }),
        Message::Execute(portal, 0) => put_execute(out, portal),
        Message::Execute(portal, rows_max) => put(out, tag::EXECUTE, |body| {
            put_cstr(body, portal);
            body.put_i32(*rows_max);
        }),
        Message::Close(target, name) => put_close(out, *target, name),
        Message::Flush => put_empty(out, tag::FLUSH),
        Message::Sync => put_empty(out, tag::SYNC),
        Message::CopyData(data) => put(out, tag::COPY_DATA, |body| body.put_slice(data)),
        Message::CopyDone => put_empty(out, tag::COPY_DONE),
        Message::CopyFail(reason) => put_copy_fail(out, reason),
        Message::Terminate => put_empty(out, tag::TERMINATE),
        Message::Raw(kind, data) => put(out, *kind, |body| body.put_slice(data)),
    }
}

fn put_codes(body: &mut BytesMut, codes: &[i16]) {
    body.put_u16(u16::try_from(codes.len()).unwrap());
    codes.iter().for_each(|code| body.put_i16(*code));
}

/// A frame, readable and whole, but for what differs between any two sessions.
fn shown(kind: u8, body: &[u8]) -> String {
    let text = match kind {
        answers::ERROR | answers::NOTICE => fields(body),
        answers::ROW_DESCRIPTION => columns(body),
        answers::PARAMETERS => oids(body),
        answers::ROW => row(body),
        // The process id of who sent it.
        answers::NOTIFICATION => Ok(body[4..].escape_ascii().to_string()),
        answers::KEY_DATA => Ok(String::new()),
        _ => Ok(short(body)),
    };
    format!("{} {}", char::from(kind), text.unwrap_or_else(|error| format!("broken: {error}")))
}

fn short(bytes: &[u8]) -> String {
    if bytes.len() > SHOWN_BYTES_MAX {
        let sum = bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        return format!("{} bytes, {sum:x}", bytes.len());
    }
    bytes.escape_ascii().to_string()
}

fn oid(oid: i32) -> String {
    if (0..FIRST_USER_OID).contains(&oid) { oid.to_string() } else { String::from("own") }
}

fn oids(body: &[u8]) -> Result<String, WireError> {
    let mut cursor = Cursor::new(body, "ParameterDescription");
    let count = cursor.i16()?.cast_unsigned();
    let mut list = Vec::new();
    for _ in 0..count {
        list.push(oid(cursor.i32()?));
    }
    cursor.finish()?;
    Ok(list.join(" "))
}

fn columns(body: &[u8]) -> Result<String, WireError> {
    let mut cursor = Cursor::new(body, "RowDescription");
    let mut list = Vec::new();
    for _ in 0..cursor.i16()? {
        let name = cursor.cstr()?.escape_ascii().to_string();
        let (table, column, kind) = (oid(cursor.i32()?), cursor.i16()?, oid(cursor.i32()?));
        let (bytes, modifier, format) = (cursor.i16()?, cursor.i32()?, cursor.i16()?);
        list.push(format!("{name} ({table}.{column} {kind} {bytes} {modifier} {format})"));
    }
    cursor.finish()?;
    Ok(list.join(" "))
}

fn row(body: &[u8]) -> Result<String, WireError> {
    let mut cursor = Cursor::new(body, "DataRow");
    let mut list = Vec::new();
    for _ in 0..cursor.i16()? {
        list.push(match usize::try_from(cursor.i32()?) {
            Ok(bytes) => format!("'{}'", short(cursor.bytes(bytes)?)),
            Err(_) => String::from("NULL"),
        });
    }
    cursor.finish()?;
    Ok(list.join(" "))
}

fn fields(body: &[u8]) -> Result<String, WireError> {
    let mut cursor = Cursor::new(body, "ErrorResponse");
    let mut list = Vec::new();
    loop {
        let kind = cursor.u8()?;
        if kind == 0 {
            cursor.finish()?;
            return Ok(list.join(" "));
        }
        let mut text = short(cursor.cstr()?);
        // Process ids, transaction ids and oids.
        if ["rocess ", "transaction ", "PID ", "relation "].iter().any(|word| text.contains(word)) {
            text = text.replace(|c: char| c.is_ascii_digit(), "");
        }
        list.push(format!("{}={text}", char::from(kind)));
    }
}
