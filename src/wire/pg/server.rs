//! Messages that servers send: readers for what the proxy acts on, writers for what it says to clients itself.

use bytes::{BufMut, BytesMut};

use super::frame::{put, put_cstr};
use super::{Cursor, WireError};

/// Tags of server messages.
pub mod tag {
    #![allow(missing_docs, reason = "the names are the protocol's")]
    pub const AUTHENTICATION: u8 = b'R';
    pub const KEY_DATA: u8 = b'K';
    pub const PARAMETER: u8 = b'S';
    pub const READY: u8 = b'Z';
    pub const COMPLETE: u8 = b'C';
    pub const ERROR: u8 = b'E';
    pub const NOTICE: u8 = b'N';
    pub const NOTIFICATION: u8 = b'A';
    pub const ROW_DESCRIPTION: u8 = b'T';
    pub const ROW: u8 = b'D';
    pub const EMPTY_QUERY: u8 = b'I';
    pub const PARSE_COMPLETE: u8 = b'1';
    pub const BIND_COMPLETE: u8 = b'2';
    pub const CLOSE_COMPLETE: u8 = b'3';
    pub const NO_DATA: u8 = b'n';
    pub const SUSPENDED: u8 = b's';
    pub const PARAMETERS: u8 = b't';
    pub const COPY_IN: u8 = b'G';
    pub const COPY_OUT: u8 = b'H';
    pub const COPY_BOTH: u8 = b'W';
    pub const COPY_DATA: u8 = b'd';
    pub const COPY_DONE: u8 = b'c';
    pub const FUNCTION_RESULT: u8 = b'V';
    pub const NEGOTIATE: u8 = b'v';
}

/// Transaction status in ReadyForQuery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// `I`: no transaction.
    Idle,
    /// `T`: in a transaction.
    Open,
    /// `E`: in a failed transaction.
    Failed,
}

impl Status {
    /// As sent.
    pub fn byte(self) -> u8 {
        match self {
            Self::Idle => b'I',
            Self::Open => b'T',
            Self::Failed => b'E',
        }
    }
}

/// Reads a ReadyForQuery.
pub fn ready(body: &[u8]) -> Result<Status, WireError> {
    let mut cursor = Cursor::new(body, "ReadyForQuery");
    let status = match cursor.u8()? {
        b'I' => Status::Idle,
        b'T' => Status::Open,
        b'E' => Status::Failed,
        other => return Err(WireError::Invalid { during: "ReadyForQuery", what: format!("status {other}") }),
    };
    cursor.finish()?;
    Ok(status)
}

/// Reads a CommandComplete's tag.
pub fn complete(body: &[u8]) -> Result<&[u8], WireError> {
    let mut cursor = Cursor::new(body, "CommandComplete");
    let tag = cursor.cstr()?;
    cursor.finish()?;
    Ok(tag)
}

/// Reads a ParameterStatus.
pub fn parameter(body: &[u8]) -> Result<(&[u8], &[u8]), WireError> {
    let mut cursor = Cursor::new(body, "ParameterStatus");
    let pair = (cursor.cstr()?, cursor.cstr()?);
    cursor.finish()?;
    Ok(pair)
}

/// Reads a BackendKeyData: process id and secret (4 bytes in protocol 3.0, up to 256 in 3.2).
pub fn key_data(body: &[u8]) -> Result<(i32, &[u8]), WireError> {
    let mut cursor = Cursor::new(body, "BackendKeyData");
    let pid = cursor.i32()?;
    let secret = cursor.rest();
    if secret.is_empty() || secret.len() > 256 {
        return Err(WireError::Invalid { during: "BackendKeyData", what: format!("a {}-byte key", secret.len()) });
    }
    Ok((pid, secret))
}

/// The first column of a DataRow; `None` for NULL or no column.
pub fn first_column(body: &[u8]) -> Result<Option<&[u8]>, WireError> {
    let mut cursor = Cursor::new(body, "DataRow");
    if cursor.i16()? == 0 {
        return Ok(None);
    }
    match usize::try_from(cursor.i32()?) {
        Ok(bytes) => cursor.bytes(bytes).map(Some),
        Err(_) => Ok(None),
    }
}

/// Writes a ReadyForQuery.
pub fn put_ready(out: &mut BytesMut, status: Status) {
    put(out, tag::READY, |b| b.put_u8(status.byte()));
}

/// Writes a CommandComplete.
pub fn put_complete(out: &mut BytesMut, text: &str) {
    put(out, tag::COMPLETE, |b| put_cstr(b, text.as_bytes()));
}

/// Writes a ParameterStatus.
pub fn put_parameter(out: &mut BytesMut, name: &[u8], value: &[u8]) {
    put(out, tag::PARAMETER, |b| {
        put_cstr(b, name);
        put_cstr(b, value);
    });
}

/// Writes a BackendKeyData.
pub fn put_key_data(out: &mut BytesMut, pid: i32, secret: &[u8]) {
    put(out, tag::KEY_DATA, |b| {
        b.put_i32(pid);
        b.put_slice(secret);
    });
}

/// Writes a message without a body.
pub fn put_empty(out: &mut BytesMut, tag: u8) {
    put(out, tag, |_| {});
}

/// Writes a ParameterDescription.
pub fn put_parameters(out: &mut BytesMut, oids: &[u32]) {
    put(out, tag::PARAMETERS, |b| {
        b.put_u16(u16::try_from(oids.len()).unwrap_or(u16::MAX));
        oids.iter().for_each(|oid| b.put_u32(*oid));
    });
}

/// Writes a RowDescription of columns that are no table's: name, type, its size and modifier, format (0 text, 1 binary).
pub fn put_row_description(out: &mut BytesMut, columns: &[(&str, u32, i16, i32, i16)]) {
    put(out, tag::ROW_DESCRIPTION, |b| {
        b.put_u16(u16::try_from(columns.len()).unwrap_or(u16::MAX));
        for (name, oid, bytes, modifier, format) in columns {
            put_cstr(b, name.as_bytes());
            b.put_u32(0);
            b.put_i16(0);
            b.put_u32(*oid);
            b.put_i16(*bytes);
            b.put_i32(*modifier);
            b.put_i16(*format);
        }
    });
}

/// Writes AuthenticationOk.
pub fn put_auth_ok(out: &mut BytesMut) {
    put(out, tag::AUTHENTICATION, |b| b.put_i32(0));
}

/// Writes AuthenticationSASL with the mechanisms offered.
pub fn put_auth_sasl(out: &mut BytesMut, mechanisms: &[&str]) {
    put(out, tag::AUTHENTICATION, |b| {
        b.put_i32(10);
        for mechanism in mechanisms {
            put_cstr(b, mechanism.as_bytes());
        }
        b.put_u8(0);
    });
}

/// Writes AuthenticationSASLContinue.
pub fn put_auth_sasl_continue(out: &mut BytesMut, data: &[u8]) {
    put(out, tag::AUTHENTICATION, |b| {
        b.put_i32(11);
        b.put_slice(data);
    });
}

/// Writes AuthenticationSASLFinal.
pub fn put_auth_sasl_final(out: &mut BytesMut, data: &[u8]) {
    put(out, tag::AUTHENTICATION, |b| {
        b.put_i32(12);
        b.put_slice(data);
    });
}

/// Writes NegotiateProtocolVersion: the newest minor version we speak and the options we do not know.
pub fn put_negotiate(out: &mut BytesMut, version: i32, unknown: &[&[u8]]) {
    put(out, tag::NEGOTIATE, |b| {
        b.put_i32(version);
        b.put_i32(i32::try_from(unknown.len()).unwrap_or(i32::MAX));
        for name in unknown {
            put_cstr(b, name);
        }
    });
}

/// What a server asks at login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authentication<'a> {
    /// Nothing more.
    Ok,
    /// The password as it is.
    Cleartext,
    /// MD5 with this salt.
    Md5([u8; 4]),
    /// SASL with one of these mechanisms (texts, each ended by a zero).
    Sasl(&'a [u8]),
    /// The next SASL step.
    SaslContinue(&'a [u8]),
    /// The last SASL step.
    SaslFinal(&'a [u8]),
    /// GSSAPI, Kerberos, SSPI …: not done.
    Other(i32),
}

/// Reads an Authentication message.
pub fn authentication(body: &[u8]) -> Result<Authentication<'_>, WireError> {
    let mut cursor = Cursor::new(body, "Authentication");
    let read = match cursor.i32()? {
        0 => Authentication::Ok,
        3 => Authentication::Cleartext,
        5 => {
            let salt = cursor.bytes(4)?;
            Authentication::Md5([salt[0], salt[1], salt[2], salt[3]])
        }
        10 => Authentication::Sasl(cursor.rest()),
        11 => Authentication::SaslContinue(cursor.rest()),
        12 => Authentication::SaslFinal(cursor.rest()),
        other => return Ok(Authentication::Other(other)),
    };
    cursor.finish()?;
    Ok(read)
}
