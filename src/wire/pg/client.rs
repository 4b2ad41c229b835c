//! Messages that clients send: readers for what the proxy acts on, writers for what it says to backends itself.

use bytes::{BufMut, BytesMut};

use super::frame::{put, put_cstr};
use super::{Cursor, WireError};

/// Tags of client messages.
pub mod tag {
    #![allow(missing_docs, reason = "the names are the protocol's")]
    pub const QUERY: u8 = b'Q';
    pub const PARSE: u8 = b'P';
    pub const BIND: u8 = b'B';
    pub const DESCRIBE: u8 = b'D';
    pub const EXECUTE: u8 = b'E';
    pub const CLOSE: u8 = b'C';
    pub const SYNC: u8 = b'S';
    pub const FLUSH: u8 = b'H';
    pub const PASSWORD: u8 = b'p';
    pub const TERMINATE: u8 = b'X';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const COPY_FAIL: u8 = b'f';
    pub const FUNCTION_CALL: u8 = b'F';
}

/// What Describe and Close are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A prepared statement.
    Statement,
    /// A portal.
    Portal,
}

/// A message that holds nothing but one text: Query, CopyFail, password.
pub fn text(body: &[u8]) -> Result<&[u8], WireError> {
    let mut cursor = Cursor::new(body, "text");
    let text = cursor.cstr()?;
    cursor.finish()?;
    Ok(text)
}

/// A Parse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parse<'a> {
    /// Statement name; empty: unnamed.
    pub name: &'a [u8],
    /// Its text.
    pub text: &'a [u8],
    /// Parameter types, as sent (count and OIDs).
    pub types: &'a [u8],
}

/// Reads a Parse.
pub fn parse(body: &[u8]) -> Result<Parse<'_>, WireError> {
    let mut cursor = Cursor::new(body, "Parse");
    let (name, text) = (cursor.cstr()?, cursor.cstr()?);
    let types = cursor.rest();
    let mut inner = Cursor::new(types, "Parse");
    let count = inner.i16()?;
    inner.bytes(4 * usize::from(count.cast_unsigned()))?;
    inner.finish()?;
    Ok(Parse { name, text, types })
}

/// Portal and statement of a Bind, the rest unread but checked to be whole.
pub fn bind(body: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let mut cursor = Cursor::new(body, "Bind");
    let (portal, statement) = (cursor.cstr()?, cursor.cstr()?);
    let formats = cursor.i16()?;
    cursor.bytes(2 * usize::from(formats.cast_unsigned()))?;
    let values = cursor.i16()?;
    for _ in 0..values.cast_unsigned() {
        if let Ok(bytes) = usize::try_from(cursor.i32()?) {
            cursor.bytes(bytes)?;
        }
    }
    let results = cursor.i16()?;
    cursor.bytes(2 * usize::from(results.cast_unsigned()))?;
    cursor.finish()?;
    Ok((portal, statement))
}

/// A Bind, read whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind<'a> {
    /// Format codes of the values: none, one for all, or one each.
    pub formats: Vec<i16>,
    /// `None`: NULL.
    pub values: Vec<Option<&'a [u8]>>,
    /// Format codes of the result's columns: none, one for all, or one each.
    pub results: Vec<i16>,
}

/// Reads a Bind.
pub fn bind_whole(body: &[u8]) -> Result<Bind<'_>, WireError> {
    fn codes(cursor: &mut Cursor<'_>) -> Result<Vec<i16>, WireError> {
        (0..cursor.i16()?.cast_unsigned()).map(|_| cursor.i16()).collect()
    }
    let mut cursor = Cursor::new(body, "Bind");
    cursor.cstr()?;
    cursor.cstr()?;
    let formats = codes(&mut cursor)?;
    let count = cursor.i16()?.cast_unsigned();
    let mut values = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        values.push(match usize::try_from(cursor.i32()?) {
            Ok(bytes) => Some(cursor.bytes(bytes)?),
            Err(_) => None,
        });
    }
    let results = codes(&mut cursor)?;
    cursor.finish()?;
    Ok(Bind { formats, values, results })
}

/// Type oids of a Parse's parameters as sent (count and oids); 0: not given.
pub fn type_oids(types: &[u8]) -> Result<Vec<u32>, WireError> {
    let mut cursor = Cursor::new(types, "Parse");
    let count = cursor.i16()?.cast_unsigned();
    (0..count).map(|_| cursor.i32().map(i32::cast_unsigned)).collect()
}

/// Target and name of a Describe or Close.
pub fn target(body: &[u8]) -> Result<(Target, &[u8]), WireError> {
    let mut cursor = Cursor::new(body, "Describe or Close");
    let target = match cursor.u8()? {
        b'S' => Target::Statement,
        b'P' => Target::Portal,
        other => return Err(WireError::Invalid { during: "Describe or Close", what: format!("subtype {other}") }),
    };
    let name = cursor.cstr()?;
    cursor.finish()?;
    Ok((target, name))
}

/// Portal of an Execute and its row limit.
pub fn execute(body: &[u8]) -> Result<(&[u8], i32), WireError> {
    let mut cursor = Cursor::new(body, "Execute");
    let (portal, rows_max) = (cursor.cstr()?, cursor.i32()?);
    cursor.finish()?;
    Ok((portal, rows_max))
}

/// A message without a body: Sync, Flush, Terminate, CopyDone.
pub fn empty(body: &[u8], during: &'static str) -> Result<(), WireError> {
    Cursor::new(body, during).finish()
}

/// Mechanism and first data of a SASLInitialResponse.
pub fn sasl_initial(body: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let mut cursor = Cursor::new(body, "SASLInitialResponse");
    let mechanism = cursor.cstr()?;
    let data = match usize::try_from(cursor.i32()?) {
        Ok(bytes) => cursor.bytes(bytes)?,
        Err(_) => &[],
    };
    cursor.finish()?;
    Ok((mechanism, data))
}

/// Writes a Query.
pub fn put_query(out: &mut BytesMut, text: &[u8]) {
    put(out, tag::QUERY, |b| put_cstr(b, text));
}

/// Writes a Parse without parameter types.
pub fn put_parse(out: &mut BytesMut, name: &[u8], text: &[u8]) {
    put_parse_typed(out, name, text, &[0, 0]);
}

/// Writes a Parse with the types of another one.
pub fn put_parse_typed(out: &mut BytesMut, name: &[u8], text: &[u8], types: &[u8]) {
    put(out, tag::PARSE, |b| {
        put_cstr(b, name);
        put_cstr(b, text);
        b.put_slice(types);
    });
}

/// Writes a Bind without parameters.
pub fn put_bind(out: &mut BytesMut, portal: &[u8], statement: &[u8]) {
    put(out, tag::BIND, |b| {
        put_cstr(b, portal);
        put_cstr(b, statement);
        b.put_slice(&[0; 6]);
    });
}

/// Writes an Execute without a row limit.
pub fn put_execute(out: &mut BytesMut, portal: &[u8]) {
    put(out, tag::EXECUTE, |b| {
        put_cstr(b, portal);
        b.put_i32(0);
    });
}

/// Writes a Describe.
pub fn put_describe(out: &mut BytesMut, target: Target, name: &[u8]) {
    put_named(out, tag::DESCRIBE, target, name);
}

/// Writes a Close.
pub fn put_close(out: &mut BytesMut, target: Target, name: &[u8]) {
    put_named(out, tag::CLOSE, target, name);
}

fn put_named(out: &mut BytesMut, tag: u8, target: Target, name: &[u8]) {
    put(out, tag, |b| {
        b.put_u8(match target {
            Target::Statement => b'S',
            Target::Portal => b'P',
        });
        put_cstr(b, name);
    });
}

/// Writes a message without a body.
pub fn put_empty(out: &mut BytesMut, tag: u8) {
    put(out, tag, |_| {});
}

/// Writes a CopyFail.
pub fn put_copy_fail(out: &mut BytesMut, reason: &str) {
    put(out, tag::COPY_FAIL, |b| put_cstr(b, reason.as_bytes()));
}

/// Writes a password, in the clear or as an MD5 hash.
pub fn put_password(out: &mut BytesMut, password: &[u8]) {
    put(out, tag::PASSWORD, |b| put_cstr(b, password));
}

/// Writes a SASLInitialResponse.
pub fn put_sasl_initial(out: &mut BytesMut, mechanism: &str, data: &[u8]) {
    put(out, tag::PASSWORD, |b| {
        put_cstr(b, mechanism.as_bytes());
        b.put_i32(i32::try_from(data.len()).unwrap_or(i32::MAX));
        b.put_slice(data);
    });
}

/// Writes a SASLResponse.
pub fn put_sasl(out: &mut BytesMut, data: &[u8]) {
    put(out, tag::PASSWORD, |b| b.put_slice(data));
}
