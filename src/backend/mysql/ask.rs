//! Questions of ours whose answers are read whole: a row with its types, or the packets as they came.

use std::io;

use bytes::BytesMut;

use super::MysqlConn;
use super::frames::broken;
use crate::wire::mysql::answer;
use crate::wire::mysql::{Reader, com, packet};

/// One packet of such an answer.
const PACKET_BYTES_MAX: usize = 64 << 20;

/// A value with what its column says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The protocol's number of the type.
    pub column_type: u8,
    /// UNSIGNED.
    pub unsigned: bool,
    /// Its text; `None` is NULL.
    pub value: Option<Vec<u8>>,
}

impl MysqlConn {
    /// Runs a text of one statement and gives the payloads of its answer; `None` if they are more than `bytes_max`.
    pub async fn payloads(&mut self, text: &[u8], bytes_max: usize) -> io::Result<Option<Vec<BytesMut>>> {
        self.queue(com::QUERY, &[text]);
        self.read_payloads(bytes_max).await
    }

    /// The same for the one command that is queued.
    pub async fn read_payloads(&mut self, bytes_max: usize) -> io::Result<Option<Vec<BytesMut>>> {
        self.flush().await?;
        let (mut seq, mut ends, mut bytes, mut all) = (1, 0, 0, Vec::new());
        loop {
            let payload = self.large_payload(&mut seq).await?;
            let first = payload.first().copied();
            let status = match first {
                Some(0xff) => Some(None),
                Some(0xfe) if payload.len() < 9 => {
                    ends += 1;
                    (ends == 2).then(|| answer::read_eof(&payload).map(|(status, _)| status))
                }
                Some(0x00) if all.is_empty() => Some(answer::read_ok(&payload).map(|done| done.status)),
                Some(_) => None,
                None => return Err(self.lost(broken("an empty packet among rows"))),
            };
            bytes += payload.len();
            if bytes <= bytes_max {
                all.push(payload);
            }
            if let Some(status) = status {
                self.answered(status);
                return Ok((bytes <= bytes_max).then_some(all));
            }
        }
    }

    async fn large_payload(&mut self, seq: &mut u8) -> io::Result<BytesMut> {
        loop {
            match packet::take(self.inbuf(), seq, PACKET_BYTES_MAX) {
                Ok(Some(payload)) => return Ok(payload),
                Ok(None) => self.fill().await?,
                Err(error) => return Err(self.lost(broken(&error.to_string()))),
            }
        }
    }

    /// The first row of our own query; `None` if the server refused, gave no row, or gave more than `bytes_max`.
    pub async fn row(&mut self, text: &[u8], bytes_max: usize) -> io::Result<Option<Vec<Cell>>> {
        Ok(self.payloads(text, bytes_max).await?.and_then(|payloads| read_row(&payloads)))
    }
}

/// Number of columns, their definitions, EOF, a row …
fn read_row(payloads: &[BytesMut]) -> Option<Vec<Cell>> {
    let (count, rest) = payloads.split_first()?;
    let count = usize::try_from(Reader::new(count).lenenc()?).ok()?;
    let (definitions, rest) = rest.split_at_checked(count)?;
    let (_end, rest) = rest.split_first()?;
    let row =
        rest.first().filter(|row| !(row.first() == Some(&0xfe) && row.len() < 9 || row.first() == Some(&0xff)))?;
    let mut values = Reader::new(row);
    let mut cells = Vec::with_capacity(count);
    for definition in definitions {
        let (column_type, unsigned) = read_type(definition)?;
        let value = if values.rest().first() == Some(&0xfb) {
            values.u8()?;
            None
        } else {
            Some(values.lenenc_bytes()?.to_vec())
        };
        cells.push(Cell { column_type, unsigned, value });
    }
    Some(cells)
}

/// The number of a column's type, out of its definition.
pub fn column_type(definition: &[u8]) -> Option<u8> {
    read_type(definition).map(|(column_type, _)| column_type)
}

/// A column definition: six names, the length of what follows (1), character set (2), length (4), type (1), flags (2).
fn read_type(definition: &[u8]) -> Option<(u8, bool)> {
    const UNSIGNED: u16 = 0x20;
    let mut r = Reader::new(definition);
    for _ in 0..6 {
        r.lenenc_bytes()?;
    }
    r.u8()?;
    r.u16()?;
    r.u32()?;
    let column_type = r.u8()?;
    Some((column_type, r.u16()? & UNSIGNED != 0))
}
