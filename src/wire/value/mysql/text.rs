//! The text protocol's forms.

use crate::wire::value::convert::uuid_text;
use crate::wire::value::pg::text::uuid;
use crate::wire::value::{Date, MyType, Time, Value, ValueError, datetime, decimal, float};

/// Reads the text that a server sent for a column of this type.
pub(super) fn decode(ty: &MyType, bytes: &[u8]) -> Result<Value, ValueError> {
    match ty {
        MyType::Binary(_) | MyType::Varbinary(_) | MyType::Blob(_) => return Ok(Value::Bytes(bytes.to_vec())),
        MyType::Bit(count) => return bits(*count, bytes).ok_or_else(|| ValueError::malformed(&ty.sql())),
        MyType::Other(name) => return Err(ValueError::Unsupported { ty: name.clone() }),
        MyType::Bool
        | MyType::TinyInt(_)
        | MyType::SmallInt(_)
        | MyType::MediumInt(_)
        | MyType::Int(_)
        | MyType::BigInt(_)
        | MyType::Decimal { .. }
        | MyType::Float
        | MyType::Double
        | MyType::Char(_)
        | MyType::Varchar(_)
        | MyType::Text(_)
        | MyType::Date
        | MyType::Time(_)
        | MyType::DateTime(_)
        | MyType::Timestamp(_)
        | MyType::Year
        | MyType::Json
        | MyType::Enum(_)
        | MyType::Set(_)
        | MyType::Uuid
        | MyType::Null => {}
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|_| ValueError::Invalid { ty: ty.sql(), what: format!("{} bytes that are no UTF-8", bytes.len()) })?;
    from_text(ty, text)
}

fn from_text(ty: &MyType, text: &str) -> Result<Value, ValueError> {
    let invalid = || ValueError::invalid(&ty.sql(), text);
    match ty {
        MyType::Bool
        | MyType::TinyInt(_)
        | MyType::SmallInt(_)
        | MyType::MediumInt(_)
        | MyType::Int(_)
        | MyType::BigInt(_)
        | MyType::Year => text.parse().map(Value::Int).map_err(|_| invalid()),
        MyType::Decimal { .. } => {
            decimal::parse(text).filter(|d| decimal::is_finite(d)).map(Value::Decimal).ok_or_else(invalid)
        }
        MyType::Float => text.parse().map(Value::Float4).map_err(|_| invalid()),
        MyType::Double => text.parse().map(Value::Float8).map_err(|_| invalid()),
        MyType::Date => datetime::parse_mysql(text, "date").map(|(date, _)| Value::Date(date)),
        MyType::Time(_) => datetime::parse_mysql_time(text).map(Value::Time),
        MyType::DateTime(_) => datetime::parse_mysql(text, "datetime").map(|(date, time)| Value::DateTime(date, time)),
        MyType::Timestamp(_) => datetime::parse_mysql(text, "timestamp").map(|(date, time)| Value::Instant(date, time)),
        MyType::Json => Ok(Value::Json(text.to_owned())),
        MyType::Uuid => uuid(text).map(Value::Uuid).ok_or_else(invalid),
        MyType::Char(_)
        | MyType::Varchar(_)
        | MyType::Text(_)
        | MyType::Binary(_)
        | MyType::Varbinary(_)
        | MyType::Blob(_)
        | MyType::Bit(_)
        | MyType::Enum(_)
        | MyType::Set(_)
        | MyType::Null
        | MyType::Other(_) => Ok(Value::Text(text.to_owned())),
    }
}

/// Octets, the highest first, as so many bits.
fn bits(count: u8, bytes: &[u8]) -> Option<Value> {
    let count = usize::from(count);
    let all: Vec<bool> = bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0)).collect();
    let (unused, used) = all.split_at_checked(all.len().checked_sub(count)?)?;
    (!unused.contains(&true) && unused.len() < 8 + count).then(|| Value::Bits(used.to_vec()))
}

/// The octets of a value that is already one of the type.
pub(super) fn print(value: &Value, ty: &MyType) -> Result<Vec<u8>, ValueError> {
    let text = match value {
        Value::Null => String::new(),
        Value::Bool(value) => i32::from(*value).to_string(),
        Value::Int(number) if *ty == MyType::Year => format!("{number:04}"),
        Value::Int(number) => number.to_string(),
        Value::Decimal(digits) => scaled(digits, ty),
        Value::Float4(number) => float::mysql_float4(*number),
        Value::Float8(number) => float::mysql_float8(*number),
        Value::Text(text) | Value::Json(text) => text.clone(),
        Value::Bytes(bytes) => return Ok(bytes.clone()),
        Value::Date(date) => day(*date),
        Value::Time(time) => clock(*time, ty)?,
        Value::DateTime(date, time) | Value::Instant(date, time) => format!("{} {}", day(*date), clock(*time, ty)?),
        Value::Uuid(bytes) => uuid_text(bytes),
        Value::Bits(bits) => return Ok(octets(bits)),
        Value::Infinity(_) | Value::Interval { .. } | Value::Array(_) => {
            return Err(ValueError::Unsupported { ty: ty.sql() });
        }
    };
    Ok(text.into_bytes())
}

/// With the zeros that the declared scale asks for. DECIMAL(65,30) stands for a numeric without one: as it is.
pub(super) fn scaled(digits: &str, ty: &MyType) -> String {
    let MyType::Decimal { precision, scale, .. } = ty else { return digits.to_owned() };
    if (*precision, *scale) == (65, 30) { digits.to_owned() } else { decimal::with_scale(digits, usize::from(*scale)) }
}

fn day(date: Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

/// The digits of the fraction that the type declares. Errors: the value has more.
pub(super) fn checked_fraction(time: Time, ty: &MyType) -> Result<usize, ValueError> {
    let (MyType::Time(digits) | MyType::DateTime(digits) | MyType::Timestamp(digits)) = ty else { return Ok(6) };
    let digits = usize::from((*digits).min(6));
    let unit = 10_u32.pow(u32::try_from(6 - digits).unwrap_or(0));
    if time.micros.is_multiple_of(unit) {
        return Ok(digits);
    }
    Err(ValueError::out_of_range(&ty.sql(), &datetime::time_text(time)))
}

fn clock(time: Time, ty: &MyType) -> Result<String, ValueError> {
    let digits = checked_fraction(time, ty)?;
    let sign = if time.negative { "-" } else { "" };
    let whole = format!("{sign}{:02}:{:02}:{:02}", time.hours, time.minutes, time.seconds);
    let fraction = format!("{:06}", time.micros);
    Ok(if digits == 0 { whole } else { format!("{whole}.{}", fraction.get(..digits).unwrap_or_default()) })
}

/// As few octets as hold the bits, the highest first.
pub(super) fn octets(bits: &[bool]) -> Vec<u8> {
    bits.rchunks(8).rev().map(|chunk| chunk.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
}
