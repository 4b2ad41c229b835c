//! Values for PostgreSQL's types.

use std::borrow::Cow;

use crate::wire::value::pg::Style;
use crate::wire::value::{PgType, Time, Value, ValueError, datetime, decimal, float, pg};

use super::{bits_number, bits_text, described, float_int, narrowed, number_bits, uuid_text};

/// The value as one of this type of PostgreSQL. Text that is none is read as the type's text form, except as `bytea`, where
/// its octets are meant.
pub fn to_pg<'a>(value: &'a Value, ty: &PgType) -> Result<Cow<'a, Value>, ValueError> {
    if has(value, ty) {
        return Ok(Cow::Borrowed(value));
    }
    if matches!(ty, PgType::Other(..)) {
        return Err(ValueError::Unsupported { ty: ty.sql() });
    }
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "values of the right kind already, or not: `converted` lists them"
    )]
    let made = match value {
        Value::Text(text) if *ty == PgType::Bytea => Value::Bytes(text.clone().into_bytes()),
        Value::Text(text) => pg::text::decode(ty, &Style::ours(), text)?,
        Value::Bytes(bytes) => {
            let text = std::str::from_utf8(bytes).ok();
            let text = text.ok_or_else(|| ValueError::invalid(&ty.sql(), &described(value)))?;
            if is_text(ty) { Value::Text(text.to_owned()) } else { pg::text::decode(ty, &Style::ours(), text)? }
        }
        other if is_text(ty) => Value::Text(text_of(other).ok_or_else(|| mismatch(other, ty))?),
        other => converted(other, ty)?,
    };
    if has(&made, ty) { Ok(Cow::Owned(made)) } else { Err(mismatch(value, ty)) }
}

fn mismatch(value: &Value, ty: &PgType) -> ValueError {
    ValueError::out_of_range(&ty.sql(), &described(value))
}

fn is_text(ty: &PgType) -> bool {
    matches!(ty, PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name | PgType::Unknown)
}

/// Whether the value is one of the type as it stands.
fn has(value: &Value, ty: &PgType) -> bool {
    let between = |number: &i128, min: i128, max: i128| (min..=max).contains(number);
    match (value, ty) {
        (Value::Null, _)
        | (Value::Bool(_), PgType::Bool)
        | (Value::Decimal(_), PgType::Numeric(_))
        | (Value::Float4(_), PgType::Float4)
        | (Value::Float8(_), PgType::Float8)
        | (Value::Bytes(_), PgType::Bytea)
        | (Value::Infinity(_), PgType::Date | PgType::Timestamp(_) | PgType::TimestampTz(_))
        | (Value::Interval { .. }, PgType::Interval)
        | (Value::Uuid(_), PgType::Uuid)
        | (Value::Json(_), PgType::Json | PgType::Jsonb)
        | (Value::Bits(_), PgType::Varbit(_))
        | (Value::Array(_), PgType::Array(_)) => true,
        (Value::Text(_), ty) => is_text(ty),
        (Value::Int(number), PgType::Int2) => between(number, i16::MIN.into(), i16::MAX.into()),
        (Value::Int(number), PgType::Int4) => between(number, i32::MIN.into(), i32::MAX.into()),
        (Value::Int(number), PgType::Int8) => between(number, i64::MIN.into(), i64::MAX.into()),
        (Value::Int(number), PgType::Oid) => between(number, 0, u32::MAX.into()),
        (Value::Date(date), PgType::Date) => date.is_valid(),
        (Value::Time(time), PgType::Time(_)) => time.is_of_day(),
        (Value::DateTime(date, _), PgType::Timestamp(_)) | (Value::Instant(date, _), PgType::TimestampTz(_)) => {
            date.is_valid()
        }
        (Value::Bits(bits), PgType::Bit(count)) => u32::try_from(bits.len()) == Ok(*count),
        _ => false,
    }
}

/// The text that PostgreSQL's cast to text gives.
fn text_of(value: &Value) -> Option<String> {
    Some(match value {
        Value::Bool(value) => value.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(text) | Value::Json(text) | Value::Text(text) => text.clone(),
        Value::Float4(number) => float::pg_float4(*number, 1),
        Value::Float8(number) => float::pg_float8(*number, 1),
        Value::Date(date) if date.is_valid() => format!("{}{}", datetime::day_text(*date), datetime::era(*date)),
        Value::Time(time) => datetime::time_text(*time),
        Value::DateTime(date, time) if date.is_valid() => {
            format!("{} {}{}", datetime::day_text(*date), datetime::time_text(*time), datetime::era(*date))
        }
        Value::Uuid(bytes) => uuid_text(bytes),
        Value::Bits(bits) => bits_text(bits),
        Value::Null
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::DateTime(..)
        | Value::Instant(..)
        | Value::Infinity(_)
        | Value::Interval { .. }
        | Value::Array(_) => return None,
    })
}

fn is_int(ty: &PgType) -> bool {
    matches!(ty, PgType::Int2 | PgType::Int4 | PgType::Int8 | PgType::Oid)
}

fn converted(value: &Value, ty: &PgType) -> Result<Value, ValueError> {
    let made = match (value, ty) {
        (Value::Int(number @ (0 | 1)), PgType::Bool) => Some(Value::Bool(*number == 1)),
        (Value::Decimal(digits), PgType::Bool) => {
            decimal::to_int(digits).filter(|n| matches!(n, 0 | 1)).map(|n| Value::Bool(n == 1))
        }
        (Value::Bool(value), ty) if is_int(ty) => Some(Value::Int(i128::from(*value))),
        (Value::Decimal(digits), ty) if is_int(ty) => decimal::to_int(digits).map(Value::Int),
        (Value::Float4(number), ty) if is_int(ty) => float_int(f64::from(*number)).map(Value::Int),
        (Value::Float8(number), ty) if is_int(ty) => float_int(*number).map(Value::Int),
        (Value::Bits(bits), ty) if is_int(ty) => bits_number(bits).map(Value::Int),
        (Value::Int(number), PgType::Numeric(_)) => Some(Value::Decimal(number.to_string())),
        // Shortest digits, as PostgreSQL's own cast takes 15 of them at most.
        (Value::Float4(number), PgType::Numeric(_)) => decimal::parse(&number.to_string()).map(Value::Decimal),
        (Value::Float8(number), PgType::Numeric(_)) => decimal::parse(&number.to_string()).map(Value::Decimal),
        (Value::Float8(number), PgType::Float4) => Some(Value::Float4(narrowed(*number, "real")?)),
        (Value::Float4(number), PgType::Float8) => Some(Value::Float8(f64::from(*number))),
        (Value::Int(number), PgType::Float8) => Some(Value::Float8(*number as f64)),
        (Value::Int(number), PgType::Float4) => Some(Value::Float4(*number as f32)),
        (Value::Decimal(digits), PgType::Float8) => digits.parse().ok().map(Value::Float8),
        (Value::Decimal(digits), PgType::Float4) => digits.parse().ok().map(Value::Float4),
        (Value::DateTime(date, Time { hours: 0, minutes: 0, seconds: 0, micros: 0, .. }), PgType::Date) => {
            Some(Value::Date(*date))
        }
        (Value::Date(date), PgType::Timestamp(_)) => Some(Value::DateTime(*date, Time::MIDNIGHT)),
        // Connections to MySQL have UTC as their zone, so that a DATETIME made from a TIMESTAMP is in UTC.
        (Value::DateTime(date, time), PgType::TimestampTz(_)) => Some(Value::Instant(*date, *time)),
        (Value::Instant(date, time), PgType::Timestamp(_)) => Some(Value::DateTime(*date, *time)),
        (Value::Time(time), PgType::Interval) => {
            let micros = i64::try_from(time.total_micros()).ok();
            micros.map(|micros| Value::Interval { months: 0, days: 0, micros })
        }
        // Microseconds between two moments, which PostgreSQL gives as days and a time.
        (Value::Int(number), PgType::Interval) => i64::try_from(*number).ok().and_then(|micros| {
            let days = i32::try_from(micros / 86_400_000_000).ok()?;
            Some(Value::Interval { months: 0, days, micros: micros % 86_400_000_000 })
        }),
        (Value::Int(number), PgType::Json | PgType::Jsonb) => Some(Value::Json(number.to_string())),
        (Value::Decimal(digits), PgType::Json | PgType::Jsonb) if decimal::is_finite(digits) => {
            Some(Value::Json(digits.clone()))
        }
        (Value::Int(number), PgType::Bit(count)) => number_bits(*number, *count).map(Value::Bits),
        _ => None,
    };
    made.ok_or_else(|| mismatch(value, ty))
}
