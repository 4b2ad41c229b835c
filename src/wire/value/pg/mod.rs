//! Values on PostgreSQL's wire, text and binary.

mod array;
mod binary;
mod print;
#[cfg(test)]
mod tests;
pub(super) mod text;

use std::borrow::Cow;

use bytes::{BufMut, BytesMut};

use super::{PgType, Value, ValueError, convert};

/// How a value is written on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As text.
    Text,
    /// In the type's binary form.
    Binary,
}

/// The client's settings that change how values are printed and read as text.
#[derive(Clone, Debug)]
pub struct Style {
    /// `TimeZone`
    pub time_zone: jiff::tz::TimeZone,
    /// `DateStyle` is `ISO`; anything else is refused by the session.
    pub day_before_month: bool,
    /// `bytea_output` is `escape` rather than `hex`.
    pub bytea_escape: bool,
    /// `extra_float_digits`
    pub extra_float_digits: i32,
}

impl Style {
    /// As our own connections to PostgreSQL are set.
    pub fn ours() -> Self {
        Self { time_zone: jiff::tz::TimeZone::UTC, day_before_month: false, bytea_escape: false, extra_float_digits: 1 }
    }
}

/// Reads a parameter of a PostgreSQL client, or a value that a PostgreSQL server sent.
pub fn decode(ty: &PgType, format: Format, style: &Style, bytes: &[u8]) -> Result<Value, ValueError> {
    match format {
        Format::Text => text::decode(ty, style, utf8(ty, bytes)?),
        Format::Binary => binary::decode(ty, bytes),
    }
}

/// Writes a value as a PostgreSQL server would send it, without its length. `value` is not NULL. Values of other kinds that
/// the type can hold without loss are taken too (a whole number for a bool, text of digits for a numeric …).
pub fn encode(value: &Value, ty: &PgType, format: Format, style: &Style, out: &mut BytesMut) -> Result<(), ValueError> {
    let value = fitted(value, ty)?;
    match format {
        Format::Text => out.put_slice(print::text(value.as_ref(), ty, style)?.as_bytes()),
        Format::Binary => binary::encode(value.as_ref(), ty, out)?,
    }
    Ok(())
}

/// The value as the type has it, padded where the type pads.
fn fitted<'a>(value: &'a Value, ty: &PgType) -> Result<Cow<'a, Value>, ValueError> {
    let value = convert::to_pg(value, ty)?;
    if let (Value::Text(text), PgType::Bpchar(Some(length))) = (value.as_ref(), ty) {
        let missing = usize::try_from(*length).unwrap_or(0).saturating_sub(text.chars().count());
        return Ok(Cow::Owned(Value::Text(format!("{text}{}", " ".repeat(missing)))));
    }
    Ok(value)
}

/// Text on the wire. A zero byte is in no text of PostgreSQL's.
fn utf8<'a>(ty: &PgType, bytes: &'a [u8]) -> Result<&'a str, ValueError> {
    let invalid = |what: &str| ValueError::Invalid { ty: ty.sql(), what: what.to_owned() };
    let text = std::str::from_utf8(bytes).map_err(|_| invalid("invalid byte sequence for encoding \"UTF8\""))?;
    without_zero(ty, text)
}

fn without_zero<'a>(ty: &PgType, text: &'a str) -> Result<&'a str, ValueError> {
    if text.contains('\0') {
        let what = "invalid byte sequence for encoding \"UTF8\": 0x00".to_owned();
        return Err(ValueError::Invalid { ty: ty.sql(), what });
    }
    Ok(text)
}
