//! Rows of PostgreSQL as the client's rows, text or binary.

use bytes::{BufMut, BytesMut};

use super::{Cells, Rows, Table, Zone, column_definition, not_convertible};
use crate::base::{Fault, FaultKind};
use crate::relay::mysql::Client;
use crate::sql::translate::MyColumn;
use crate::wire::mysql::answer;
use crate::wire::mysql::read::put_lenenc;
use crate::wire::value::{MyType, PgType, Value, mysql, pg};

/// Which of the protocol's row formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Of COM_QUERY.
    Text,
    /// Of COM_STMT_EXECUTE.
    Binary,
}

/// What texts are sent in (`character_set_results`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// utf8mb4, utf8mb3, binary: as they are.
    Utf8,
    /// Anything else: ASCII only, the rest is refused at the value.
    Ascii,
}

const NULL_CELL: u8 = 0xfb;

/// The client gets the rows.
#[derive(Debug)]
pub struct Shown<'a> {
    columns: &'a [MyColumn],
    form: Form,
    table: &'a Table,
    zone: &'a Zone,
    charset: Charset,
    status: u16,
    style: pg::Style,
    types: Vec<PgType>,
    /// Rows given.
    pub count: u64,
    /// The columns were announced.
    pub begun: bool,
    payload: BytesMut,
    value: BytesMut,
}

impl<'a> Shown<'a> {
    /// Rows of these columns, with these status flags in their header.
    pub fn new(
        columns: &'a [MyColumn],
        form: Form,
        table: &'a Table,
        zone: &'a Zone,
        charset: Charset,
        status: u16,
    ) -> Self {
        Self {
            columns,
            form,
            table,
            zone,
            charset,
            status,
            style: backend_style(),
            types: Vec::new(),
            count: 0,
            begun: false,
            payload: BytesMut::new(),
            value: BytesMut::new(),
        }
    }

    /// Announces the columns, once.
    pub fn begin(&mut self, client: &mut Client) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let mut count = Vec::new();
        put_lenenc(&mut count, self.columns.len() as u64);
        client.put(&count);
        for column in self.columns {
            client.put(&column_definition(column, self.table));
        }
        client.put(&answer::eof(self.status, 0));
    }

    fn cell(&mut self, at: usize, bytes: &[u8]) -> Result<(), Fault> {
        let (Some(from), Some(column)) = (self.types.get(at), self.columns.get(at)) else {
            return Err(Fault::new(FaultKind::Internal, "a row with more cells than columns"));
        };
        if self.charset == Charset::Ascii && is_text(&column.ty) && !bytes.is_ascii() {
            return Err(not_convertible(format!(
                "column {} has text beyond ASCII, and the client's character set is not a Unicode one",
                column.name
            ))
            .hint("Use SET NAMES utf8mb4."));
        }
        if self.form == Form::Text && is_same_text(from, &column.ty) {
            put_length(&mut self.payload, bytes.len());
            self.payload.put_slice(bytes);
            return Ok(());
        }
        let named = |error: crate::wire::value::ValueError| not_convertible(format!("column {}: {error}", column.name));
        let value = pg::decode(from, pg::Format::Text, &self.style, bytes).map_err(named)?;
        let value = self.zone.local(value)?;
        if value == Value::Null {
            return Err(Fault::new(FaultKind::Internal, "a value became NULL"));
        }
        match self.form {
            Form::Text => {
                self.value.clear();
                mysql::encode_text(&value, &column.ty, &mut self.value).map_err(named)?;
                put_length(&mut self.payload, self.value.len());
                self.payload.put_slice(&self.value);
            }
            Form::Binary => mysql::encode_binary(&value, &column.ty, &mut self.payload).map_err(named)?,
        }
        Ok(())
    }

    /// A binary row begins with a zero and a bitmap of its NULLs, which starts at the third bit.
    fn put_bitmap(&mut self, cells: &Cells<'_>) {
        self.payload.put_u8(0);
        let mut bitmap = vec![0_u8; (cells.len() + 9) / 8];
        for (at, cell) in cells.iter().enumerate() {
            if cell.is_none() {
                bitmap[(at + 2) / 8] |= 1 << ((at + 2) % 8);
            }
        }
        self.payload.put_slice(&bitmap);
    }
}

impl Rows for Shown<'_> {
    fn described(&mut self, types: Vec<PgType>, client: &mut Client) -> Result<(), Fault> {
        if types.len() != self.columns.len() {
            let text = format!("{} columns were expected, {} came", self.columns.len(), types.len());
            return Err(Fault::new(FaultKind::Internal, text));
        }
        self.types = types;
        self.begin(client);
        Ok(())
    }

    fn row(&mut self, cells: &Cells<'_>, client: &mut Client) -> Result<(), Fault> {
        self.payload.clear();
        if self.form == Form::Binary {
            self.put_bitmap(cells);
        }
        for (at, cell) in cells.iter().enumerate() {
            match (cell, self.form) {
                (Some(bytes), _) => self.cell(at, bytes)?,
                (None, Form::Text) => self.payload.put_u8(NULL_CELL),
                (None, Form::Binary) => {}
            }
        }
        self.count += 1;
        client.put(&self.payload);
        Ok(())
    }
}

/// How our own settings make the backend print values.
pub(super) fn backend_style() -> pg::Style {
    pg::Style {
        time_zone: jiff::tz::TimeZone::UTC,
        day_before_month: false,
        bytea_escape: false,
        extra_float_digits: 1,
    }
}

fn put_length(out: &mut BytesMut, bytes: usize) {
    if let Ok(short @ 0..=0xfa) = u8::try_from(bytes) {
        out.put_u8(short);
        return;
    }
    let mut length = Vec::with_capacity(9);
    put_lenenc(&mut length, bytes as u64);
    out.put_slice(&length);
}

fn is_text(ty: &MyType) -> bool {
    matches!(
        ty,
        MyType::Char(_) | MyType::Varchar(_) | MyType::Text(_) | MyType::Json | MyType::Enum(_) | MyType::Set(_)
    )
}

/// Whether both servers print every value of these types alike, so that the bytes can pass as they are.
fn is_same_text(from: &PgType, to: &MyType) -> bool {
    match from {
        PgType::Int2 => matches!(to, MyType::SmallInt(false) | MyType::Int(false) | MyType::BigInt(false)),
        PgType::Int4 => matches!(to, MyType::Int(false) | MyType::BigInt(false)),
        PgType::Int8 => matches!(to, MyType::BigInt(false)),
        PgType::Text | PgType::Varchar(_) => matches!(to, MyType::Text(_) | MyType::Varchar(_)),
        PgType::Bool
        | PgType::Oid
        | PgType::Numeric(_)
        | PgType::Float4
        | PgType::Float8
        | PgType::Bpchar(_)
        | PgType::Name
        | PgType::Bytea
        | PgType::Date
        | PgType::Time(_)
        | PgType::Timestamp(_)
        | PgType::TimestampTz(_)
        | PgType::Interval
        | PgType::Uuid
        | PgType::Json
        | PgType::Jsonb
        | PgType::Bit(_)
        | PgType::Varbit(_)
        | PgType::Array(_)
        | PgType::Unknown
        | PgType::Void
        | PgType::Other(..) => false,
    }
}
