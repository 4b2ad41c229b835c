//! Values for MySQL's types.

use std::borrow::Cow;

use crate::wire::value::pg::text::uuid;
use crate::wire::value::{Date, MyType, Time, Value, ValueError, datetime, decimal, float};

use super::{bits_number, described, float_int, narrowed, number_bits, uuid_text};

/// MySQL's last TIME, in microseconds.
const TIME_MAX_MICROS: i128 = (838 * 3600 + 59 * 60 + 59) * 1_000_000 + 999_999;

/// The value as one of this type of MySQL. Text that is none is read as MySQL reads it in an assignment; a moment stays one
/// in a TIMESTAMP ([`super::super::zone::shown_to_mysql`] shows it in the client's zone first).
pub fn to_my<'a>(value: &'a Value, ty: &MyType) -> Result<Cow<'a, Value>, ValueError> {
    if has(value, ty) {
        return Ok(Cow::Borrowed(value));
    }
    let made = match (value, ty) {
        (Value::Array(_) | Value::Infinity(_), _) => Err(mismatch(value, ty)),
        (_, MyType::Other(name)) => Err(ValueError::Unsupported { ty: name.clone() }),
        (Value::Text(text), ty) => from_text(text, ty),
        (Value::Bytes(bytes), ty) => from_bytes(bytes, ty),
        (value, MyType::Char(_)) => text_of(value).map(|t| Value::Text(t.trim_end_matches(' ').to_owned())),
        (value, ty) if is_text(ty) => text_of(value).map(Value::Text),
        (value, ty) if is_int(ty) => int_of(value).map(Value::Int),
        (value, ty) => other(value, ty),
    };
    let made =
        made.map_err(|error| if matches!(error, ValueError::OutOfRange { .. }) { mismatch(value, ty) } else { error })?;
    if has(&made, ty) { Ok(Cow::Owned(made)) } else { Err(mismatch(value, ty)) }
}

fn mismatch(value: &Value, ty: &MyType) -> ValueError {
    ValueError::out_of_range(&ty.sql(), &described(value))
}

fn nothing() -> ValueError {
    ValueError::out_of_range("", "")
}

fn is_text(ty: &MyType) -> bool {
    matches!(ty, MyType::Char(_) | MyType::Varchar(_) | MyType::Text(_) | MyType::Enum(_) | MyType::Set(_))
}

fn is_bytes(ty: &MyType) -> bool {
    matches!(ty, MyType::Binary(_) | MyType::Varbinary(_) | MyType::Blob(_))
}

fn is_int(ty: &MyType) -> bool {
    int_range(ty).is_some()
}

fn int_range(ty: &MyType) -> Option<(i128, i128)> {
    let of = |bits: u32, unsigned: &bool| {
        if *unsigned { (0, (1_i128 << bits) - 1) } else { (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1) }
    };
    Some(match ty {
        MyType::Bool => of(8, &false),
        MyType::TinyInt(u) => of(8, u),
        MyType::SmallInt(u) => of(16, u),
        MyType::MediumInt(u) => of(24, u),
        MyType::Int(u) => of(32, u),
        MyType::BigInt(u) => of(64, u),
        MyType::Year => (0, 2155),
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
        | MyType::Other(_) => return None,
    })
}

/// Years that MySQL knows; 0 in a zero date.
fn in_years(date: Date) -> bool {
    (0..=9999).contains(&date.year)
}

/// Whether the value is one of the type as it stands.
fn has(value: &Value, ty: &MyType) -> bool {
    match (value, ty) {
        (Value::Null, _) => true,
        (Value::Array(_) | Value::Infinity(_), MyType::Null) => false,
        (_, MyType::Null) => true,
        (Value::Int(number), ty) => int_range(ty).is_some_and(|(min, max)| (min..=max).contains(number)),
        (Value::Decimal(digits), MyType::Decimal { .. }) => decimal::is_finite(digits),
        (Value::Float4(number), MyType::Float) => number.is_finite(),
        (Value::Float8(number), MyType::Double) => number.is_finite(),
        (Value::Text(text), MyType::Char(_)) => !text.ends_with(' '),
        (Value::Text(_), ty) => is_text(ty),
        (Value::Bytes(_), ty) => is_bytes(ty),
        (Value::Date(date), MyType::Date) => in_years(*date),
        (Value::Time(time), MyType::Time(_)) => time.total_micros().abs() <= TIME_MAX_MICROS,
        (Value::DateTime(date, time), MyType::DateTime(_) | MyType::Timestamp(_)) => in_years(*date) && time.hours < 24,
        (Value::Instant(date, _), MyType::Timestamp(_)) => in_years(*date),
        (Value::Json(_), MyType::Json) | (Value::Uuid(_), MyType::Uuid) => true,
        (Value::Bits(bits), MyType::Bit(count)) => bits.len() == usize::from(*count),
        _ => false,
    }
}

/// A text for a type that is none of text.
fn from_text(text: &str, ty: &MyType) -> Result<Value, ValueError> {
    let invalid = || ValueError::invalid(&ty.sql(), text);
    match ty {
        MyType::Char(_) => Ok(Value::Text(text.trim_end_matches(' ').to_owned())),
        MyType::Binary(_) | MyType::Varbinary(_) | MyType::Blob(_) => Ok(Value::Bytes(text.as_bytes().to_vec())),
        MyType::Decimal { .. } => decimal::parse(text).map(Value::Decimal).ok_or_else(invalid),
        MyType::Float => text.trim().parse().map(Value::Float4).map_err(|_| invalid()),
        MyType::Double => text.trim().parse().map(Value::Float8).map_err(|_| invalid()),
        MyType::Date => match datetime::parse_mysql(text, "date")? {
            (date, Time::MIDNIGHT) => Ok(Value::Date(date)),
            (_, _) => Err(nothing()),
        },
        MyType::DateTime(_) | MyType::Timestamp(_) => {
            datetime::parse_mysql(text, &ty.sql()).map(|(date, time)| Value::DateTime(date, time))
        }
        MyType::Time(_) => datetime::parse_mysql_time(text).map(Value::Time),
        MyType::Json => Ok(Value::Json(text.to_owned())),
        MyType::Uuid => uuid(text).map(Value::Uuid).ok_or_else(invalid),
        MyType::Bit(_) => from_bytes(text.as_bytes(), ty),
        MyType::Bool
        | MyType::TinyInt(_)
        | MyType::SmallInt(_)
        | MyType::MediumInt(_)
        | MyType::Int(_)
        | MyType::BigInt(_)
        | MyType::Year => {
            let digits = decimal::parse(text).ok_or_else(invalid)?;
            decimal::to_int(&digits).map(Value::Int).ok_or_else(nothing)
        }
        MyType::Varchar(_) | MyType::Text(_) | MyType::Enum(_) | MyType::Set(_) | MyType::Null | MyType::Other(_) => {
            Ok(Value::Text(text.to_owned()))
        }
    }
}

fn from_bytes(bytes: &[u8], ty: &MyType) -> Result<Value, ValueError> {
    if let MyType::Bit(count) = ty {
        let number = bytes.iter().try_fold(0_i128, |n, byte| n.checked_mul(256).map(|n| n + i128::from(*byte)));
        return number.and_then(|n| number_bits(n, u32::from(*count))).map(Value::Bits).ok_or_else(nothing);
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ValueError::Invalid { ty: ty.sql(), what: format!("{} bytes that are no UTF-8", bytes.len()) })?;
    from_text(text, ty)
}

/// The text that MySQL's conversion to text gives.
fn text_of(value: &Value) -> Result<String, ValueError> {
    Ok(match value {
        Value::Bool(value) => i32::from(*value).to_string(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(text) | Value::Json(text) | Value::Text(text) => text.clone(),
        Value::Float4(number) if number.is_finite() => float::mysql_float4(*number),
        Value::Float8(number) if number.is_finite() => float::mysql_float8(*number),
        Value::Date(date) if in_years(*date) => datetime::day_text(*date),
        Value::Time(time) => datetime::time_text(*time),
        Value::DateTime(date, time) if in_years(*date) => {
            format!("{} {}", datetime::day_text(*date), datetime::time_text(*time))
        }
        Value::Uuid(bytes) => uuid_text(bytes),
        Value::Null
        | Value::Float4(_)
        | Value::Float8(_)
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::DateTime(..)
        | Value::Instant(..)
        | Value::Infinity(_)
        | Value::Interval { .. }
        | Value::Bits(_)
        | Value::Array(_) => return Err(nothing()),
    })
}

fn int_of(value: &Value) -> Result<i128, ValueError> {
    let number = match value {
        Value::Bool(value) => Some(i128::from(*value)),
        Value::Int(number) => Some(*number),
        Value::Decimal(digits) => decimal::to_int(digits),
        Value::Float4(number) => float_int(f64::from(*number)),
        Value::Float8(number) => float_int(*number),
        Value::Bits(bits) => bits_number(bits),
        Value::Null
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::DateTime(..)
        | Value::Instant(..)
        | Value::Infinity(_)
        | Value::Interval { .. }
        | Value::Uuid(_)
        | Value::Json(_)
        | Value::Array(_) => None,
    };
    number.ok_or_else(nothing)
}

fn other(value: &Value, ty: &MyType) -> Result<Value, ValueError> {
    let made = match (value, ty) {
        (Value::Bool(value), MyType::Decimal { .. }) => Some(Value::Decimal(i32::from(*value).to_string())),
        (Value::Int(number), MyType::Decimal { .. }) => Some(Value::Decimal(number.to_string())),
        (Value::Float4(number), MyType::Decimal { .. }) => decimal::parse(&number.to_string()).map(Value::Decimal),
        (Value::Float8(number), MyType::Decimal { .. }) => decimal::parse(&number.to_string()).map(Value::Decimal),
        (Value::Int(number), MyType::Float) => Some(Value::Float4(*number as f32)),
        (Value::Int(number), MyType::Double) => Some(Value::Float8(*number as f64)),
        (Value::Decimal(digits), MyType::Float) => digits.parse().ok().map(Value::Float4),
        (Value::Decimal(digits), MyType::Double) => digits.parse().ok().map(Value::Float8),
        (Value::Float4(number), MyType::Double) => Some(Value::Float8(f64::from(*number))),
        (Value::Float8(number), MyType::Float) => Some(Value::Float4(narrowed(*number, "float")?)),
        (Value::Date(date), MyType::DateTime(_) | MyType::Timestamp(_)) => Some(Value::DateTime(*date, Time::MIDNIGHT)),
        (Value::DateTime(date, Time::MIDNIGHT), MyType::Date) => Some(Value::Date(*date)),
        (Value::Instant(date, time), MyType::DateTime(_)) => Some(Value::DateTime(*date, *time)),
        (Value::Interval { months: 0, days, micros }, MyType::Time(_)) => {
            Time::from_micros(i128::from(*days) * super::super::calendar::DAY_MICROS + i128::from(*micros))
                .map(Value::Time)
        }
        (Value::Int(number), MyType::Bit(count)) => number_bits(*number, u32::from(*count)).map(Value::Bits),
        (Value::Bits(bits), MyType::Bit(count)) => {
            bits_number(bits).and_then(|n| number_bits(n, u32::from(*count))).map(Value::Bits)
        }
        (Value::Int(number), MyType::Json) => Some(Value::Json(number.to_string())),
        (Value::Json(text), ty) if is_bytes(ty) => Some(Value::Bytes(text.clone().into_bytes())),
        _ => None,
    };
    made.ok_or_else(nothing)
}
