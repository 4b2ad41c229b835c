//! Commands out and packets in. The relay reads `inbuf` itself; everything else asks here for whole answers.

use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::MysqlConn;
use crate::backend::ServerError;
use crate::base::limits::RELAY_BUFFER_BYTES;
use crate::wire::mysql::answer::{self, Answer, Done};
use crate::wire::mysql::{Reader, com, packet, status};

/// Our own statements have small answers; a larger one is not an answer to them.
const OWN_ANSWER_BYTES_MAX: usize = 1 << 20;

pub(super) fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl MysqlConn {
    /// Queues a command whose payload is given in pieces; [`Self::flush`] sends it. One more answer is awaited unless the
    /// command is one that servers do not answer.
    pub fn queue(&mut self, command: u8, pieces: &[&[u8]]) {
        let mut all: [&[u8]; 8] = [&[]; 8];
        let head = [command];
        all[0] = &head;
        assert!(pieces.len() < all.len(), "callers cut a command into at most seven pieces");
        all[1..=pieces.len()].copy_from_slice(pieces);
        let mut seq = 0;
        packet::put(&mut self.out, &mut seq, &all[..=pieces.len()]);
        if !matches!(command, com::STMT_CLOSE | com::STMT_SEND_LONG_DATA | com::QUIT) {
            self.awaited.push_back(seq);
        }
    }

    /// Queues bytes that are whole packets already (a client's local file).
    pub fn queue_raw(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Bytes that wait for [`Self::flush`].
    pub fn queued(&self) -> usize {
        self.out.len()
    }

    /// Sends what is queued. Errors: also that the connection is out of step already, so that nobody takes a stale answer
    /// for the one to this.
    pub async fn flush(&mut self) -> io::Result<()> {
        if self.broken {
            return Err(io::Error::new(io::ErrorKind::NotConnected, "the connection is out of step"));
        }
        while !self.out.is_empty() {
            // `write_buf` takes what was written off the buffer, so that a dropped future loses nothing.
            match self.stream.write_buf(&mut self.out).await {
                Ok(0) => return Err(self.lost(io::ErrorKind::WriteZero.into())),
                Ok(_) => {}
                Err(source) => return Err(self.lost(source)),
            }
        }
        match self.stream.flush().await {
            Ok(()) => Ok(()),
            Err(source) => Err(self.lost(source)),
        }
    }

    /// What has come and was not read.
    pub fn inbuf(&mut self) -> &mut BytesMut {
        &mut self.inbuf
    }

    /// Waits for more bytes. The end of the stream is an error.
    pub async fn fill(&mut self) -> io::Result<()> {
        if self.inbuf.capacity() - self.inbuf.len() < RELAY_BUFFER_BYTES / 8 {
            self.inbuf.reserve(RELAY_BUFFER_BYTES);
        }
        match self.stream.read_buf(&mut self.inbuf).await {
            Ok(0) => Err(self.lost(io::ErrorKind::UnexpectedEof.into())),
            Ok(_) => Ok(()),
            Err(source) => Err(self.lost(source)),
        }
    }

    /// Says that an answer was read to its end, with its last status flags if it had any.
    pub fn answered(&mut self, status: Option<u16>) {
        self.awaited.pop_front();
        // Bytes that nobody asked for would be taken for the next answer.
        self.broken |= self.awaited.is_empty() && !self.inbuf.is_empty();
        if let Some(status) = status {
            self.status = status;
        }
    }

    /// Says that the answers can no longer be told apart.
    pub fn lost(&mut self, source: io::Error) -> io::Error {
        self.broken = true;
        source
    }

    /// One payload of an answer.
    pub(super) async fn payload(&mut self, seq: &mut u8) -> io::Result<BytesMut> {
        loop {
            match packet::take(&mut self.inbuf, seq, OWN_ANSWER_BYTES_MAX) {
                Ok(Some(payload)) => return Ok(payload),
                Ok(None) => self.fill().await?,
                Err(error) => return Err(self.lost(broken(&error.to_string()))),
            }
        }
    }

    /// Reads the whole answer to one command: the OKs of its statements in order, or the error that stopped it with the
    /// OKs before it. Rows are passed over.
    pub async fn answer(&mut self) -> io::Result<(Vec<Done>, Option<ServerError>)> {
        let (mut seq, mut oks) = (self.due(), Vec::new());
        loop {
            let payload = self.payload(&mut seq).await?;
            let facts = match answer::read(&payload) {
                Some(Answer::Ok(done)) => done,
                Some(Answer::Eof { status, warnings }) => Done { status, warnings, ..Done::default() },
                Some(Answer::Columns(_)) => match self.pass_over_rows(&mut seq).await? {
                    Ok(done) => done,
                    Err(error) => return Ok((oks, Some(error))),
                },
                Some(Answer::Err(_)) => {
                    self.answered(None);
                    return Ok((oks, Some(server_error(&payload))));
                }
                Some(Answer::LocalFile) | None => return Err(self.lost(broken("an answer that was not asked for"))),
            };
            oks.push(facts);
            if facts.status & status::MORE_RESULTS == 0 {
                self.answered(Some(facts.status));
                return Ok((oks, None));
            }
        }
    }

    /// Columns, EOF, rows, EOF or ERR.
    async fn pass_over_rows(&mut self, seq: &mut u8) -> io::Result<Result<Done, ServerError>> {
        let mut ends = 0;
        loop {
            let payload = self.payload(seq).await?;
            match payload.first() {
                Some(0xff) => {
                    self.answered(None);
                    return Ok(Err(server_error(&payload)));
                }
                Some(0xfe) if payload.len() < 9 => {
                    ends += 1;
                    if let (2, Some((status, warnings))) = (ends, answer::read_eof(&payload)) {
                        return Ok(Ok(Done { status, warnings, ..Done::default() }));
                    }
                }
                Some(_) => {}
                None => return Err(self.lost(broken("an empty packet among rows"))),
            }
        }
    }

    /// Runs our own text: sends it and reads its whole answer.
    pub async fn run(&mut self, text: &[u8]) -> io::Result<(Vec<Done>, Option<ServerError>)> {
        self.queue(com::QUERY, &[text]);
        self.flush().await?;
        self.answer().await
    }

    /// Queues a change of the current database, unless it is that one already. Its answer must be read.
    pub fn queue_database(&mut self, database: &[u8]) -> bool {
        if self.database == database {
            return false;
        }
        self.queue(com::INIT_DB, &[database]);
        true
    }

    /// Says which database is the current one now.
    pub fn set_database(&mut self, database: &[u8]) {
        self.database.clear();
        self.database.extend_from_slice(database);
    }

    /// Queues the switch that lets the server accept several statements in one text, or refuse them.
    pub fn queue_multi_statements(&mut self, on: bool) -> bool {
        if self.multi_statements == on {
            return false;
        }
        self.multi_statements = on;
        self.queue(com::SET_OPTION, &[&[u8::from(!on), 0]]);
        true
    }

    /// Says goodbye; whether it is heard does not matter.
    pub async fn quit(mut self) {
        self.queue(com::QUIT, &[]);
        if let Err(error) = self.flush().await {
            tracing::debug!(backend = %self.config.name, %error, "closing a connection");
        }
    }
}

/// An ERR packet as the server's error.
pub(crate) fn server_error(payload: &[u8]) -> ServerError {
    let raw = bytes::Bytes::copy_from_slice(payload);
    match answer::read_err(payload) {
        Some(e) => ServerError { sqlstate: e.sqlstate, errno: e.errno, message: e.message, raw },
        None => ServerError { sqlstate: "HY000".into(), errno: 1105, message: "malformed error packet".into(), raw },
    }
}

/// Small questions of ours.
impl MysqlConn {
    /// The first column of the first row of our own query; `None` for NULL, no row or an error.
    pub async fn value(&mut self, text: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.queue(com::QUERY, &[text]);
        self.flush().await?;
        let (mut seq, mut ends, mut value) = (self.due(), 0, None);
        loop {
            let payload = self.payload(&mut seq).await?;
            match payload.first() {
                Some(0xff) => {
                    self.answered(None);
                    return Ok(None);
                }
                Some(0xfe) if payload.len() < 9 => ends += 1,
                Some(_) if ends == 1 && value.is_none() => {
                    value = Reader::new(&payload).lenenc_bytes().map(<[u8]>::to_vec);
                }
                Some(0x00) if ends == 0 => ends = 2,
                Some(_) => {}
                None => return Err(self.lost(broken("an empty packet among rows"))),
            }
            if ends == 2 {
                self.answered(None);
                return Ok(value);
            }
        }
    }

    /// Prepares a statement again; its id on this connection, or why not.
    pub async fn prepare(&mut self, text: &[u8]) -> io::Result<Result<u32, ServerError>> {
        self.queue(com::STMT_PREPARE, &[text]);
        self.flush().await?;
        let mut seq = self.due();
        let first = self.payload(&mut seq).await?;
        if first.first() == Some(&0xff) {
            self.answered(None);
            return Ok(Err(server_error(&first)));
        }
        let mut r = Reader::new(&first);
        let facts = r.u8().and_then(|_| Some((r.u32()?, r.u16()?, r.u16()?)));
        let Some((id, columns, parameters)) = facts else {
            return Err(self.lost(broken("a malformed answer to PREPARE")));
        };
        for definitions in [parameters, columns].into_iter().filter(|count| *count > 0) {
            for _ in 0..=definitions {
                self.payload(&mut seq).await?;
            }
        }
        self.answered(None);
        Ok(Ok(id))
    }
}
