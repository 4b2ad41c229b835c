//! The binary protocol's forms in rows.

use bytes::{BufMut, BytesMut};

use crate::wire::mysql::read::put_lenenc;
use crate::wire::value::{Date, MyType, Time, Value, ValueError};

use super::text;

/// Writes a value that is already one of the type.
pub(super) fn encode(value: &Value, ty: &MyType, out: &mut BytesMut) -> Result<(), ValueError> {
    match value {
        Value::Null => {}
        Value::Bool(value) => out.put_u8(u8::from(*value)),
        Value::Int(number) => integer(*number, ty, out)?,
        Value::Float4(number) => out.put_f32_le(*number),
        Value::Float8(number) => out.put_f64_le(*number),
        Value::Date(date) => moment(*date, Time::MIDNIGHT, out),
        Value::Time(time) => {
            text::checked_fraction(*time, ty)?;
            span(*time, out);
        }
        Value::DateTime(date, time) | Value::Instant(date, time) => {
            text::checked_fraction(*time, ty)?;
            moment(*date, *time, out);
        }
        Value::Decimal(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Infinity(_)
        | Value::Interval { .. }
        | Value::Uuid(_)
        | Value::Json(_)
        | Value::Bits(_)
        | Value::Array(_) => counted(&text::print(value, ty)?, out),
    }
    Ok(())
}

fn counted(bytes: &[u8], out: &mut BytesMut) {
    let mut length = Vec::with_capacity(9);
    put_lenenc(&mut length, bytes.len() as u64);
    out.put_slice(&length);
    out.put_slice(bytes);
}

/// Little-endian, in as many bytes as the column's type has.
fn integer(number: i128, ty: &MyType, out: &mut BytesMut) -> Result<(), ValueError> {
    let bytes = number.to_le_bytes();
    let width = match ty {
        MyType::Bool | MyType::TinyInt(_) => 1,
        MyType::SmallInt(_) | MyType::Year => 2,
        MyType::MediumInt(_) | MyType::Int(_) => 4,
        MyType::BigInt(_) => 8,
        MyType::Decimal { .. }
        | MyType::Float
        | MyType::Double
        | MyType::Char(_)
        | MyType::Varchar(_)
        | MyType::Text(_)
        | MyType::Binary(_)
        | MyType::Varbinary(_)
        | MyType::Blob(_)
        | MyType::Date
        | MyType::Time(_)
        | MyType::DateTime(_)
        | MyType::Timestamp(_)
        | MyType::Json
        | MyType::Enum(_)
        | MyType::Set(_)
        | MyType::Bit(_)
        | MyType::Uuid
        | MyType::Null
        | MyType::Other(_) => return Err(ValueError::Unsupported { ty: ty.sql() }),
    };
    out.put_slice(&bytes[..width]);
    Ok(())
}

/// A length, then only as much as is not zero (`Protocol_binary::store_datetime`).
fn moment(date: Date, time: Time, out: &mut BytesMut) {
    let has_time = time.hours > 0 || time.minutes > 0 || time.seconds > 0;
    let has_date = date.year > 0 || date.month > 0 || date.day > 0;
    let length = match (time.micros > 0, has_time, has_date) {
        (true, _, _) => 11,
        (false, true, _) => 7,
        (false, false, true) => 4,
        (false, false, false) => 0,
    };
    out.put_u8(length);
    if length > 0 {
        out.put_u16_le(u16::try_from(date.year).unwrap_or(0));
        out.put_slice(&[date.month, date.day]);
    }
    if length > 4 {
        out.put_slice(&[u8::try_from(time.hours).unwrap_or(0), time.minutes, time.seconds]);
    }
    if length > 7 {
        out.put_u32_le(time.micros);
    }
}

fn span(time: Time, out: &mut BytesMut) {
    if time.total_micros() == 0 {
        out.put_u8(0);
        return;
    }
    out.put_u8(if time.micros > 0 { 12 } else { 8 });
    out.put_u8(u8::from(time.negative));
    out.put_u32_le(u32::from(time.hours / 24));
    out.put_slice(&[u8::try_from(time.hours % 24).unwrap_or(0), time.minutes, time.seconds]);
    if time.micros > 0 {
        out.put_u32_le(time.micros);
    }
}
