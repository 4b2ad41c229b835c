//! Text forms, written.

use crate::wire::value::convert::{bits_text, uuid_text};
use crate::wire::value::{PgType, Value, ValueError, datetime, decimal, float, interval};

use super::{Style, array, without_zero};

/// The text form of a value that is already one of the type.
pub(super) fn text(value: &Value, ty: &PgType, style: &Style) -> Result<String, ValueError> {
    Ok(match value {
        Value::Null => String::new(),
        Value::Bool(true) => "t".into(),
        Value::Bool(false) => "f".into(),
        Value::Int(number) => number.to_string(),
        Value::Decimal(digits) => scaled(digits, ty),
        Value::Float4(number) => float::pg_float4(*number, style.extra_float_digits),
        Value::Float8(number) => float::pg_float8(*number, style.extra_float_digits),
        Value::Text(text) | Value::Json(text) => without_zero(ty, text)?.to_owned(),
        Value::Bytes(bytes) => bytea(bytes, style.bytea_escape),
        Value::Date(date) => format!("{}{}", datetime::day_text(*date), datetime::era(*date)),
        Value::Time(time) => datetime::time_text(*time),
        Value::DateTime(date, time) => {
            format!("{} {}{}", datetime::day_text(*date), datetime::time_text(*time), datetime::era(*date))
        }
        Value::Instant(date, time) => datetime::timestamptz_text(*date, *time, &style.time_zone)?,
        Value::Infinity(false) => "infinity".into(),
        Value::Infinity(true) => "-infinity".into(),
        Value::Interval { months, days, micros } => interval::text(*months, *days, *micros),
        Value::Uuid(bytes) => uuid_text(bytes),
        Value::Bits(bits) => bits_text(bits),
        Value::Array(elements) => {
            let element = if let PgType::Array(element) = ty { element.as_ref() } else { ty };
            array::encode_text(elements, element, style)?
        }
    })
}

/// With the zeros that the declared scale asks for.
pub(super) fn scaled(digits: &str, ty: &PgType) -> String {
    let PgType::Numeric(Some((_, scale))) = ty else { return digits.to_owned() };
    decimal::with_scale(digits, usize::try_from(*scale).unwrap_or(0))
}

fn bytea(bytes: &[u8], escape: bool) -> String {
    let mut out = String::with_capacity(bytes.len() * 2 + 2);
    if !escape {
        out.push_str("\\x");
        for byte in bytes {
            for half in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
            }
        }
        return out;
    }
    for byte in bytes {
        match byte {
            b'\\' => out.push_str("\\\\"),
            b' '..=b'~' => out.push(char::from(*byte)),
            other => out.push_str(&format!("\\{other:03o}")),
        }
    }
    out
}
