//! A MySQL client that shows every packet as it came: no driver between the test and the wire.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::BytesMut;
use handfast::wire::mysql::auth::{Plugin, SCRAMBLE_BYTES, sealed};
use handfast::wire::mysql::handshake::{Greeting, Login, read_auth_switch};
use handfast::wire::mysql::packet::put;
use handfast::wire::mysql::{Answer, answer, caps, com, status};

/// A payload of this length goes on in the next packet.
const PACKET_BYTES_MAX: usize = (1 << 24) - 1;

/// The result holds the OUT parameters of a procedure.
const PS_OUT_PARAMS: u16 = 0x1000;

/// What a command's answer looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Results,
    Prepared,
    Rows,
    Line,
    None,
}

/// How a client logs in.
#[derive(Clone, Debug)]
pub struct Choices {
    /// Capabilities.
    pub capabilities: u32,
    /// Collation.
    pub charset: u8,
    /// Password.
    pub password: String,
    /// Database.
    pub database: String,
}

impl Choices {
    /// What the scripts' clients choose if their script does not say otherwise.
    pub fn usual(database: &str) -> Self {
        let capabilities = caps::BACKEND | caps::LOCAL_FILES;
        Self { capabilities, charset: 45, password: "app".into(), database: database.into() }
    }
}

/// One connection; every answer is a list of readable packets.
pub struct Client {
    stream: TcpStream,
    seq: u8,
    /// The id in the greeting.
    pub thread_id: u32,
    /// The file for LOAD DATA LOCAL.
    pub file: Vec<u8>,
    /// Of the last PREPARE.
    pub statement: u32,
    parameters: usize,
}

impl Client {
    pub fn connect(port: u16, choices: &Choices) -> io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(25)))?;
        stream.set_nodelay(true)?;
        let mut client = Self { stream, seq: 0, thread_id: 0, file: Vec::new(), statement: 0, parameters: 0 };
        let greeting = Greeting::read(&client.payload()?).ok_or_else(|| io::Error::other("no greeting"))?;
        client.thread_id = greeting.thread_id;
        let plugin = Plugin::named(greeting.plugin.as_bytes()).unwrap_or(Plugin::Native);
        let login = Login {
            capabilities: choices.capabilities,
            charset: choices.charset,
            user: b"app".to_vec(),
            proof: plugin.proof(&greeting.scramble, choices.password.as_bytes()),
            database: choices.database.as_bytes().to_vec(),
            plugin: plugin.name().as_bytes().to_vec(),
        };
        client.send(&login.write())?;
        let last = client.prove(greeting.scramble, &choices.password)?;
        if last.first() == Some(&0) { Ok(client) } else { Err(io::Error::other(shown(&last))) }
    }

    /// Answers the server's questions; its last word.
    fn prove(&mut self, mut scramble: [u8; SCRAMBLE_BYTES], password: &str) -> io::Result<Vec<u8>> {
        loop {
            let packet = self.payload()?;
            match packet.first() {
                Some(0xfe) => {
                    let (name, theirs) = read_auth_switch(&packet).ok_or_else(|| io::Error::other("no switch"))?;
                    scramble = theirs;
                    let plugin = Plugin::named(&name).ok_or_else(|| io::Error::other("an unknown plugin"))?;
                    self.send(&plugin.proof(&scramble, password.as_bytes()))?;
                }
                Some(1) if packet == [1, 3] => {}
                Some(1) if packet == [1, 4] => self.send(&[2])?,
                Some(1) => {
                    let hidden = sealed(password.as_bytes(), &scramble, &packet[1..]);
                    self.send(&hidden.ok_or_else(|| io::Error::other("no key"))?)?;
                }
                _ => return Ok(packet),
            }
        }
    }

    /// COM_CHANGE_USER; its last answer.
    pub fn change_user(&mut self, user: &str, password: &str, database: &str) -> Vec<String> {
        let mut body = user.as_bytes().to_vec();
        // A proof for no scramble: servers ask for another one.
        body.extend_from_slice(&[0, 0]);
        body.extend_from_slice(database.as_bytes());
        body.extend_from_slice(&[0, 45, 0]);
        body.extend_from_slice(b"mysql_native_password\0");
        let answered = self.start(com::CHANGE_USER, &body).and_then(|()| self.prove([0; SCRAMBLE_BYTES], password));
        match answered {
            Ok(packet) => vec![shown(&packet)],
            Err(error) => vec![format!("gone: {:?}", error.kind())],
        }
    }

    /// Continues the current exchange.
    fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let mut out = BytesMut::new();
        put(&mut out, &mut self.seq, &[payload]);
        self.stream.write_all(&out)
    }

    /// Sends a command.
    pub fn start(&mut self, command: u8, body: &[u8]) -> io::Result<()> {
        self.seq = 0;
        let mut out = BytesMut::new();
        put(&mut out, &mut self.seq, &[&[command], body]);
        self.stream.write_all(&out)
    }

    /// A text whose packet has this number.
    pub fn ask_numbered(&mut self, number: u8, text: &[u8]) -> Vec<String> {
        self.seq = number;
        if let Err(error) = self.send(&[&[com::QUERY], text].concat()) {
            return vec![format!("gone: {:?}", error.kind())];
        }
        self.answer(Shape::Results)
    }

    fn payload(&mut self) -> io::Result<Vec<u8>> {
        let mut payload = Vec::new();
        loop {
            let mut head = [0; 4];
            self.stream.read_exact(&mut head)?;
            if head[3] != self.seq {
                return Err(io::Error::other(format!("packet {} where {} was due", head[3], self.seq)));
            }
            self.seq = head[3].wrapping_add(1);
            let len = usize::from(head[0]) | usize::from(head[1]) << 8 | usize::from(head[2]) << 16;
            let from = payload.len();
            payload.resize(from + len, 0);
            self.stream.read_exact(&mut payload[from..])?;
            if len < PACKET_BYTES_MAX {
                return Ok(payload);
            }
        }
    }

    /// Sends a command and shows its answer.
    pub fn ask(&mut self, command: u8, body: &[u8], shape: Shape) -> Vec<String> {
        match self.start(command, body) {
            Ok(()) => self.answer(shape),
            Err(error) => vec![format!("gone: {:?}", error.kind())],
        }
    }

    /// Shows the answer of what was sent.
    pub fn answer(&mut self, shape: Shape) -> Vec<String> {
        let mut seen = Vec::new();
        if let Err(error) = self.walk(shape, &mut seen) {
            let closed = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
            let kind = if closed.contains(&error.kind()) { "closed".into() } else { error.to_string() };
            seen.push(format!("gone: {kind}"));
        }
        seen
    }

    fn walk(&mut self, shape: Shape, seen: &mut Vec<String>) -> io::Result<()> {
        match shape {
            Shape::None => Ok(()),
            Shape::Line => {
                let line = self.payload()?;
                seen.push(if line.first() == Some(&0xff) { shown(&line) } else { "a line".into() });
                Ok(())
            }
            Shape::Rows => self.until_eof(seen).map(drop),
            Shape::Prepared => self.prepared(seen),
            Shape::Results => self.results(seen),
        }
    }

    fn results(&mut self, seen: &mut Vec<String>) -> io::Result<()> {
        loop {
            let mut first = self.payload()?;
            if first.first() == Some(&0xfb) {
                seen.push(shown(&first));
                let file = std::mem::take(&mut self.file);
                for piece in file.chunks(100_000) {
                    self.send(piece)?;
                }
                self.send(&[])?;
                first = self.payload()?;
            }
            seen.push(shown(&first));
            let flags = match answer::read(&first) {
                Some(Answer::Ok(done)) => done.status,
                Some(Answer::Columns(_)) => match self.until_eof(seen)? {
                    Some(flags) if flags & status::CURSOR_EXISTS != 0 => flags,
                    // Only the first EOF of the OUT parameters' result says that more follows.
                    Some(before) => match self.until_eof(seen)? {
                        Some(flags) if before & PS_OUT_PARAMS != 0 => flags | before & status::MORE_RESULTS,
                        Some(flags) => flags,
                        None => return Ok(()),
                    },
                    None => return Ok(()),
                },
                Some(Answer::Eof { .. } | Answer::Err(_) | Answer::LocalFile) | None => return Ok(()),
            };
            if flags & status::MORE_RESULTS == 0 {
                return Ok(());
            }
        }
    }

    /// Up to and with the next EOF, whose flags it gives; `None` after an error.
    fn until_eof(&mut self, seen: &mut Vec<String>) -> io::Result<Option<u16>> {
        loop {
            let packet = self.payload()?;
            seen.push(shown(&packet));
            match packet.first() {
                Some(0xff) => return Ok(None),
                Some(0xfe) if packet.len() < 9 => return Ok(answer::read_eof(&packet).map(|(flags, _)| flags)),
                _ => {}
            }
        }
    }

    fn prepared(&mut self, seen: &mut Vec<String>) -> io::Result<()> {
        let mut first = self.payload()?;
        if first.first() != Some(&0) || first.len() < 12 {
            seen.push(shown(&first));
            return Ok(());
        }
        self.statement = u32::from_le_bytes([first[1], first[2], first[3], first[4]]);
        first[1..5].fill(0);
        seen.push(format!("prepared {:?}", first));
        let (columns, parameters) =
            (u16::from_le_bytes([first[5], first[6]]), u16::from_le_bytes([first[7], first[8]]));
        self.parameters = usize::from(parameters);
        for count in [parameters, columns] {
            if count > 0 {
                self.until_eof(seen)?;
            }
        }
        Ok(())
    }

    /// EXECUTE's body. A value is `NULL`, a number (8 bytes), `long` (sent before), or text.
    pub fn execution(&self, values: &[&str], cursor: bool) -> Vec<u8> {
        let mut body = self.statement.to_le_bytes().to_vec();
        body.extend_from_slice(&[u8::from(cursor), 1, 0, 0, 0]);
        if self.parameters == 0 {
            return body;
        }
        let mut nulls = vec![0_u8; self.parameters.div_ceil(8)];
        let (mut types, mut data) = (Vec::new(), Vec::new());
        for at in 0..self.parameters {
            match values.get(at).copied().unwrap_or("NULL") {
                "NULL" => {
                    nulls[at / 8] |= 1 << (at % 8);
                    types.extend_from_slice(&[6, 0]);
                }
                "long" => types.extend_from_slice(&[252, 0]),
                number if number.parse::<i64>().is_ok() => {
                    types.extend_from_slice(&[8, 0]);
                    data.extend_from_slice(&number.parse::<i64>().unwrap().to_le_bytes());
                }
                text => {
                    types.extend_from_slice(&[253, 0]);
                    data.push(u8::try_from(text.len()).unwrap());
                    data.extend_from_slice(text.as_bytes());
                }
            }
        }
        body.extend_from_slice(&nulls);
        body.push(1);
        body.extend_from_slice(&types);
        body.extend_from_slice(&data);
        body
    }

    /// A command given whole, with its code.
    pub fn raw(&mut self, command: &[u8]) -> Vec<String> {
        let (code, body) = command.split_first().unwrap();
        let silent = matches!(*code, com::STMT_CLOSE | com::STMT_SEND_LONG_DATA);
        let shape = match *code {
            com::STMT_PREPARE => Shape::Prepared,
            com::STMT_FETCH => Shape::Rows,
            _ if silent => Shape::None,
            _ => Shape::Results,
        };
        self.ask(*code, body, shape)
    }

    pub fn query(&mut self, sql: &[u8]) -> Vec<String> {
        self.ask(com::QUERY, sql, Shape::Results)
    }
}

/// A packet as shown, without the flags that tell how good an index was for it (SERVER_QUERY_NO_GOOD_INDEX_USED,
/// SERVER_QUERY_NO_INDEX_USED). MySQL 9 answers SHOW from tables of its own, and reads them another way once their statistics
/// have changed: the same server gives the same SHOW either flag.
pub(crate) fn whichever_plan(shown: String) -> String {
    const PLAN: u16 = 0x30;
    let Some(rest) = shown.strip_prefix("EOF Some((") else { return shown };
    let Some((flags, rest)) = rest.split_once(',') else { return shown };
    flags.parse::<u16>().map_or(shown.clone(), |flags| format!("EOF Some(({},{rest}", flags & !PLAN))
}

/// A packet, readable and whole; what is long by its length and a sum.
fn shown(packet: &[u8]) -> String {
    if packet.len() > 2000 {
        let sum = packet.iter().fold(0_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(*byte)));
        return format!("{} bytes, {sum:x}", packet.len());
    }
    let text = packet.escape_ascii();
    match packet.first() {
        // Statement ids are the server's or ours.
        Some(0xff) if text.to_string().contains("statement") => {
            text.to_string().replace(|c: char| c.is_ascii_digit(), "")
        }
        Some(0xfe) if packet.len() < 9 => format!("EOF {:?}", answer::read_eof(packet)),
        Some(0) if packet.len() >= 7 => match answer::read(packet) {
            Some(Answer::Ok(done)) => format!("{done:?} {text}"),
            Some(_) | None => text.to_string(),
        },
        _ => text.to_string(),
    }
}
