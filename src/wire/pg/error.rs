//! ErrorResponse and NoticeResponse.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::frame::{put, put_cstr};
use super::server::tag;
use super::{Cursor, HEADER_BYTES, WireError};
use crate::base::Fault;
use crate::wire::foreign_error::PgError;

/// The field of this type, if the message has it.
pub fn field(body: &[u8], kind: u8) -> Result<Option<&[u8]>, WireError> {
    let mut cursor = Cursor::new(body, "ErrorResponse");
    let mut found = None;
    loop {
        let next = cursor.u8()?;
        if next == 0 {
            cursor.finish()?;
            return Ok(found);
        }
        let value = cursor.cstr()?;
        if next == kind && found.is_none() {
            found = Some(value);
        }
    }
}

/// How bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The statement failed.
    Error,
    /// The session ends.
    Fatal,
    /// A NoticeResponse that warns.
    Warning,
    /// A NoticeResponse that only tells.
    Notice,
}

impl Severity {
    fn text(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Fatal => "FATAL",
            Self::Warning => "WARNING",
            Self::Notice => "NOTICE",
        }
    }
}

/// Writes an error or notice with its own fields.
pub fn put_error(
    out: &mut BytesMut,
    severity: Severity,
    sqlstate: &str,
    message: &str,
    detail: Option<&str>,
    hint: Option<&str>,
) {
    let tag = match severity {
        Severity::Error | Severity::Fatal => tag::ERROR,
        Severity::Warning | Severity::Notice => tag::NOTICE,
    };
    put(out, tag, |b| {
        let mut field = |kind: u8, text: &str| {
            b.put_u8(kind);
            put_cstr(b, text.as_bytes());
        };
        field(b'S', severity.text());
        field(b'V', severity.text());
        field(b'C', sqlstate);
        field(b'M', message);
        if let Some(detail) = detail {
            field(b'D', detail);
        }
        if let Some(hint) = hint {
            field(b'H', hint);
        }
        b.put_u8(0);
    });
}

/// The body of an ErrorResponse that says a backend's error of the other dialect.
pub fn foreign_body(error: &PgError) -> BytesMut {
    let mut body = BytesMut::new();
    let mut field = |kind: u8, text: &str| {
        body.put_u8(kind);
        put_cstr(&mut body, text.as_bytes());
    };
    field(b'S', Severity::Error.text());
    field(b'V', Severity::Error.text());
    field(b'C', &error.sqlstate);
    field(b'M', &error.message);
    let rest = [
        (b'D', &error.detail),
        (b'H', &error.hint),
        (b't', &error.table),
        (b'c', &error.column),
        (b'n', &error.constraint),
    ];
    for (kind, text) in rest {
        if let Some(text) = text {
            field(kind, text);
        }
    }
    body.put_u8(0);
    body
}

/// Writes a fault as ErrorResponse.
pub fn put_fault(out: &mut BytesMut, severity: Severity, fault: &Fault) {
    let detail = fault.pg_detail();
    put_error(out, severity, fault.kind.sqlstate(), &fault.message, detail.as_deref(), fault.advice().as_deref());
}

/// Where a text that was sent to a server came from: a part of the client's text, with replacements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The client's text.
    pub text: Bytes,
    /// Where the part begins, in bytes.
    pub start: usize,
    /// What was replaced by what, front to back.
    pub edits: Vec<(Range<usize>, String)>,
    /// Whether the text is UTF-8; else a character is a byte.
    pub utf8: bool,
}

impl Origin {
    /// The position in the client's text for one in the text that was sent; both count characters from 1.
    fn position(&self, sent: usize) -> usize {
        let chars = |range: Range<usize>| {
            let bytes = self.text.get(range).unwrap_or_default();
            if self.utf8 { bytes.iter().filter(|&&b| b & 0xC0 != 0x80).count() } else { bytes.len() }
        };
        let (mut at, mut own, mut passed) = (self.start, chars(0..self.start), 0);
        for (span, new) in self.edits.iter().filter(|(span, _)| span.start >= self.start) {
            let gap = chars(at..span.start);
            if sent <= passed + gap {
                break;
            }
            (own, passed) = (own + gap, passed + gap);
            let new = if self.utf8 { new.chars().count() } else { new.len() };
            if sent <= passed + new {
                return own + 1;
            }
            (own, passed, at) = (own + chars(span.clone()), passed + new, span.end);
        }
        own + sent - passed
    }

    /// Writes an ErrorResponse or NoticeResponse with its position moved.
    pub fn put_moved(&self, out: &mut BytesMut, frame: &[u8]) {
        let Some((head, body)) = frame.split_at_checked(HEADER_BYTES) else { return };
        let position = field(body, b'P').ok().flatten().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        let Some(position) = position else { return out.put_slice(frame) };
        put(out, head[0], |b| {
            let mut cursor = Cursor::new(body, "ErrorResponse");
            while let (Ok(kind @ 1..), Ok(value)) = (cursor.u8(), cursor.cstr()) {
                b.put_u8(kind);
                let moved = self.position(position).to_string();
                put_cstr(b, if kind == b'P' { moved.as_bytes() } else { value });
            }
            b.put_u8(0);
        });
    }
}

/// Passes on a server's ErrorResponse body as one that ends the session.
pub fn put_server_fatal(out: &mut BytesMut, body: &[u8]) {
    put(out, tag::ERROR, |b| {
        let mut cursor = Cursor::new(body, "ErrorResponse");
        while let (Ok(kind @ 1..), Ok(value)) = (cursor.u8(), cursor.cstr()) {
            b.put_u8(kind);
            put_cstr(b, if matches!(kind, b'S' | b'V') { Severity::Fatal.text().as_bytes() } else { value });
        }
        b.put_u8(0);
    });
}

/// Passes on a server's ErrorResponse body, with `detail` added if it has none of its own.
pub fn put_server_error(out: &mut BytesMut, body: &[u8], detail: Option<&str>) {
    let has_detail = !matches!(field(body, b'D'), Ok(None));
    put(out, tag::ERROR, |b| match (detail, body.split_last()) {
        (Some(detail), Some((0, fields))) if !has_detail => {
            b.put_slice(fields);
            b.put_u8(b'D');
            put_cstr(b, detail.as_bytes());
            b.put_u8(0);
        }
        _ => b.put_slice(body),
    });
}
