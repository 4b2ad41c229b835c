//! A MySQL backend's answer to a PostgreSQL client: rows are read, converted and written one by one, as fast as the
//! client takes them. Never more than a buffer of them is held, except what a client asked to have later.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::task::Poll;

use bytes::{BufMut, BytesMut};

use super::{Client, RelayError};
use crate::backend::ServerError;
use crate::backend::mysql::{MysqlConn, server_error};
use crate::base::limits::RELAY_BUFFER_BYTES;
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{PgColumn, literal};
use crate::wire::mysql::{Done, Reader, answer, packet, status};
use crate::wire::pg::server::{put_row_description, tag};
use crate::wire::value::pg::{Format, Style, encode};
use crate::wire::value::{ColumnWire, MyType, Value, ValueError, mapping, mysql};

/// What the rows of an answer are for.
#[derive(Debug)]
pub enum Wanted<'a> {
    /// Nothing.
    Nothing,
    /// The client.
    Rows(Rows<'a>),
    /// Literals for a later text.
    Keys(&'a mut Keys),
}

/// Rows for the client.
#[derive(Debug)]
pub struct Rows<'a> {
    /// What the client was told of them.
    pub columns: &'a [PgColumn],
    /// How each column is written.
    pub formats: &'a [Format],
    /// How the client reads them.
    pub style: &'a Style,
    /// A RowDescription comes first.
    pub describe: bool,
    /// So many go to the client.
    pub rows_max: u64,
    /// The others, for later.
    pub later: &'a mut Later,
}

/// Rows that the client will ask for later, as the backend sent them.
#[derive(Debug, Default)]
pub struct Later {
    rows: VecDeque<BytesMut>,
    types: Vec<MyType>,
    bytes: usize,
    /// Bytes at most.
    pub bytes_max: usize,
}

/// What keeping a row costs beside its bytes.
const KEPT_ROW_BYTES: usize = 64;

impl Later {
    fn keep(&mut self, payload: &[u8], types: &[MyType]) -> Result<(), Fault> {
        if self.types.is_empty() {
            self.types = types.to_vec();
        }
        self.bytes += payload.len() + KEPT_ROW_BYTES;
        within("rows that the client asks for in parts", self.bytes, self.bytes_max)?;
        self.rows.push_back(BytesMut::from(payload));
        Ok(())
    }

    /// Passes over so many rows; how many there were.
    pub fn pass_over(&mut self, rows_max: u64) -> u64 {
        let count = self.rows.len().min(usize::try_from(rows_max).unwrap_or(usize::MAX));
        self.rows.drain(..count).for_each(|row| self.bytes -= row.len() + KEPT_ROW_BYTES);
        count as u64
    }

    /// Writes so many rows; how many there were.
    pub fn put(
        &mut self,
        columns: &[PgColumn],
        formats: &[Format],
        style: &Style,
        rows_max: u64,
        out: &mut BytesMut,
    ) -> Result<u64, Fault> {
        let mut count = 0;
        while count < rows_max {
            let Some(row) = self.rows.pop_front() else { break };
            self.bytes -= row.len() + KEPT_ROW_BYTES;
            put_row(&row, &self.types, columns, formats, style, out)?;
            count += 1;
        }
        Ok(count)
    }
}

/// Keys that a step has found.
#[derive(Debug, Default)]
pub struct Keys {
    /// `a, b` or `(a, b), (c, d)`.
    pub text: String,
    /// How many.
    pub count: u64,
    /// Bytes at most.
    pub bytes_max: usize,
}

/// What came of one text.
#[derive(Debug, Default)]
pub struct Said {
    /// One of the verbs before it was refused, after so many that were not.
    pub refused_before: Option<(usize, ServerError)>,
    /// It was refused itself.
    pub error: Option<ServerError>,
    /// A row could not be converted; the rest was passed over.
    pub fault: Option<Fault>,
    /// Facts of the OK.
    pub done: Done,
    /// UPDATE: rows that matched, changed or not.
    pub matched: Option<u64>,
    /// INSERT … SELECT: rows given.
    pub records: Option<u64>,
    /// Rows in the answer.
    pub rows: u64,
    /// Rows that went to the client.
    pub sent: u64,
    /// A RowDescription went to the client.
    pub described: bool,
}

/// Reads the answer to a text with `before` verbs of ours in front of it. A row larger than `row_bytes_max` breaks the
/// connection.
pub async fn foreign_answer(
    conn: &mut MysqlConn,
    client: &mut Client,
    before: usize,
    mut wanted: Wanted<'_>,
    row_bytes_max: usize,
) -> Result<Said, RelayError> {
    let mut said = Said::default();
    let mut talk = Talk { conn, client, seq: 1, row_bytes_max };
    for passed in 0..before {
        let payload = talk.payload().await?;
        match answer::read(&payload) {
            Some(answer::Answer::Ok(done)) if done.status & status::MORE_RESULTS != 0 => {}
            Some(answer::Answer::Err(_)) => {
                talk.conn.answered(None);
                said.refused_before = Some((passed, server_error(&payload)));
                return Ok(said);
            }
            Some(_) | None => return Err(talk.strange("an answer that was not asked for")),
        }
    }
    let payload = talk.payload().await?;
    match answer::read(&payload) {
        Some(answer::Answer::Ok(done)) if done.status & status::MORE_RESULTS == 0 => {
            talk.conn.answered(Some(done.status));
            said.done = done;
            said.matched = number_behind(&payload, b"Rows matched: ");
            said.records = number_behind(&payload, b"Records: ");
        }
        Some(answer::Answer::Err(_)) => {
            talk.conn.answered(None);
            said.error = Some(server_error(&payload));
        }
        Some(answer::Answer::Columns(count)) => talk.rows(count, &mut wanted, &mut said).await?,
        Some(answer::Answer::Ok(_) | answer::Answer::Eof { .. } | answer::Answer::LocalFile) | None => {
            return Err(talk.strange("an answer that was not asked for"));
        }
    }
    Ok(said)
}

/// `Rows matched: 3  Changed: 0  Warnings: 0`, `Records: 2  Duplicates: 0  Warnings: 0`
fn number_behind(ok: &[u8], label: &[u8]) -> Option<u64> {
    let at = ok.windows(label.len()).position(|window| window == label)?;
    let digits: Vec<u8> = ok[at + label.len()..].iter().copied().take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

struct Talk<'a> {
    conn: &'a mut MysqlConn,
    client: &'a mut Client,
    seq: u8,
    row_bytes_max: usize,
}

impl Talk<'_> {
    fn strange(&mut self, what: &str) -> RelayError {
        RelayError::Backend(self.conn.lost(io::Error::new(io::ErrorKind::InvalidData, what.to_owned())))
    }

    async fn payload(&mut self) -> Result<BytesMut, RelayError> {
        loop {
            match packet::take(self.conn.inbuf(), &mut self.seq, self.row_bytes_max) {
                Ok(Some(payload)) => return Ok(payload),
                Ok(None) => self.wait().await?,
                Err(error) => return Err(self.strange(&error.to_string())),
            }
        }
    }

    /// Waits for the backend. Meanwhile the client is given what is ready and is heard if it goes.
    async fn wait(&mut self) -> Result<(), RelayError> {
        let Self { conn, client, .. } = self;
        let fill = conn.fill();
        tokio::pin!(fill);
        poll_fn(|cx| {
            if let Poll::Ready(read) = fill.as_mut().poll(cx) {
                return Poll::Ready(read.map_err(RelayError::Backend));
            }
            if let Poll::Ready(Err(error)) = client.poll_flush(cx) {
                return Poll::Ready(Err(RelayError::Client(error)));
            }
            client.poll_gone(cx).map(|error| Err(RelayError::Client(error)))
        })
        .await
    }

    async fn rows(&mut self, count: u64, wanted: &mut Wanted<'_>, said: &mut Said) -> Result<(), RelayError> {
        let mut types = Vec::new();
        for _ in 0..count {
            let payload = self.payload().await?;
            let Some(wire) = column(&payload) else { return Err(self.strange("a malformed column definition")) };
            types.push(MyType::from_wire(wire));
        }
        if self.payload().await?.first() != Some(&0xfe) {
            return Err(self.strange("no end of the column definitions"));
        }
        if let Wanted::Rows(rows) = wanted {
            if rows.columns.len() != types.len() {
                let text = format!("{} columns were translated and {} came", rows.columns.len(), types.len());
                said.fault = Some(Fault::new(FaultKind::Internal, text));
            } else if rows.describe {
                put_row_description(&mut self.client.out, &described(rows.columns, rows.formats));
                said.described = true;
            }
        }
        loop {
            let payload = self.payload().await?;
            match payload.first() {
                Some(0xff) => {
                    self.conn.answered(None);
                    said.error = Some(server_error(&payload));
                    return Ok(());
                }
                Some(0xfe) if payload.len() < 9 => {
                    let ended = answer::read_eof(&payload);
                    let Some((flags, warnings)) = ended.filter(|(flags, _)| flags & status::MORE_RESULTS == 0) else {
                        return Err(self.strange("more answers than statements"));
                    };
                    self.conn.answered(Some(flags));
                    said.done = Done { status: flags, warnings, ..Done::default() };
                    return Ok(());
                }
                _ => {}
            }
            said.rows += 1;
            if said.fault.is_none()
                && let Err(fault) = take(&payload, &types, wanted, &mut self.client.out, said)
            {
                said.fault = Some(fault);
            }
            if self.client.out.len() >= RELAY_BUFFER_BYTES {
                self.client.flush().await.map_err(RelayError::Client)?;
            }
        }
    }
}

/// Column definition: six texts, then charset, length, type, flags, decimals.
fn column(payload: &[u8]) -> Option<ColumnWire> {
    let mut r = Reader::new(payload);
    for _ in 0..6 {
        r.lenenc_bytes()?;
    }
    r.lenenc()?;
    let (collation, length, code, flags, decimals) = (r.u16()?, r.u32()?, r.u8()?, r.u16()?, r.u8()?);
    Some(ColumnWire { code, flags, collation, length, decimals })
}

/// One column as in a RowDescription: name, oid, size, modifier, format.
pub type Described<'a> = (&'a str, u32, i16, i32, i16);

/// The columns as a RowDescription says them.
pub fn described<'a>(columns: &'a [PgColumn], formats: &[Format]) -> Vec<Described<'a>> {
    let code = |at: usize| match formats.get(at) {
        Some(Format::Binary) => 1,
        Some(Format::Text) | None => 0,
    };
    let one =
        |(at, c): (usize, &'a PgColumn)| (c.name.as_str(), c.ty.oid(), c.ty.wire_bytes(), c.ty.modifier(), code(at));
    columns.iter().enumerate().map(one).collect()
}

/// A column's bytes in a text row; `Ok(None)` is NULL.
fn cell<'a>(r: &mut Reader<'a>) -> Result<Option<&'a [u8]>, Fault> {
    if r.rest().first() == Some(&0xfb) {
        r.u8();
        return Ok(None);
    }
    r.lenenc_bytes()
        .map(Some)
        .ok_or_else(|| Fault::new(FaultKind::ProtocolViolation, "the backend sent a malformed row"))
}

fn take(
    payload: &[u8],
    types: &[MyType],
    wanted: &mut Wanted<'_>,
    out: &mut BytesMut,
    said: &mut Said,
) -> Result<(), Fault> {
    match wanted {
        Wanted::Nothing => Ok(()),
        Wanted::Rows(rows) => {
            if said.sent < rows.rows_max {
                put_row(payload, types, rows.columns, rows.formats, rows.style, out)?;
                said.sent += 1;
                return Ok(());
            }
            rows.later.keep(payload, types)
        }
        Wanted::Keys(keys) => put_key(payload, types, keys),
    }
}

fn within(what: &str, bytes: usize, bytes_max: usize) -> Result<(), Fault> {
    if bytes <= bytes_max {
        return Ok(());
    }
    let text = format!("{what} from a backend of the other dialect take more than {bytes_max} bytes");
    Err(Fault::new(FaultKind::TooLarge, text).hint("Ask for fewer rows at once."))
}

fn put_row(
    payload: &[u8],
    types: &[MyType],
    columns: &[PgColumn],
    formats: &[Format],
    style: &Style,
    out: &mut BytesMut,
) -> Result<(), Fault> {
    let start = out.len();
    out.put_u8(tag::ROW);
    out.put_i32(0);
    out.put_i16(i16::try_from(types.len()).unwrap_or(i16::MAX));
    let mut r = Reader::new(payload);
    for ((my, column), format) in types.iter().zip(columns).zip(formats) {
        if let Err(fault) = put_value(&mut r, my, column, *format, style, out) {
            out.truncate(start);
            return Err(fault);
        }
    }
    set_length(out, start + 1, out.len() - start - 1);
    Ok(())
}

fn put_value(
    r: &mut Reader<'_>,
    my: &MyType,
    column: &PgColumn,
    format: Format,
    style: &Style,
    out: &mut BytesMut,
) -> Result<(), Fault> {
    let Some(bytes) = cell(r)? else {
        out.put_i32(-1);
        return Ok(());
    };
    let at = out.len();
    out.put_i32(0);
    let value = mysql::decode_text(my, bytes).map_err(|error| value_fault(&error, &column.name))?;
    encode(&value, &column.ty, format, style, out).map_err(|error| value_fault(&error, &column.name))?;
    set_length(out, at, out.len() - at - 4);
    Ok(())
}

fn set_length(out: &mut BytesMut, at: usize, bytes: usize) {
    let length = i32::try_from(bytes).unwrap_or(i32::MAX);
    out[at..at + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_key(payload: &[u8], types: &[MyType], keys: &mut Keys) -> Result<(), Fault> {
    let mut r = Reader::new(payload);
    let mut row = Vec::with_capacity(types.len());
    for my in types {
        let value = match cell(&mut r)? {
            Some(bytes) => mysql::decode_text(my, bytes).map_err(|error| value_fault(&error, "a key"))?,
            None => Value::Null,
        };
        row.push(literal::mysql(&value, &mapping::seen_by_pg(my))?);
    }
    if keys.count > 0 {
        keys.text.push_str(", ");
    }
    keys.count += 1;
    match row.as_slice() {
        [only] => keys.text.push_str(only),
        several => {
            keys.text.push('(');
            keys.text.push_str(&several.join(", "));
            keys.text.push(')');
        }
    }
    within("the keys of the rows", keys.text.len(), keys.bytes_max)
}

/// A value that could not be read or kept, as the client is told.
pub fn value_fault(error: &ValueError, what: &str) -> Fault {
    let kind = match error {
        ValueError::Invalid { .. } => FaultKind::InvalidText,
        ValueError::OutOfRange { .. } => FaultKind::NotConvertible,
        ValueError::Unsupported { .. } => FaultKind::NotSupported,
    };
    Fault::new(kind, error.to_string()).detail(format!("value of {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_the_text_of_an_ok() {
        let mut ok = answer::ok(Done::default());
        ok.extend_from_slice(b"\x28Rows matched: 12  Changed: 3  Warnings: 0");
        assert_eq!(number_behind(&ok, b"Rows matched: "), Some(12));
        assert_eq!(number_behind(&ok, b"Records: "), None);
    }

    #[test]
    fn a_short_column_definition_is_no_column() {
        assert_eq!(column(b"\x03def\x00\x00"), None);
    }
}
