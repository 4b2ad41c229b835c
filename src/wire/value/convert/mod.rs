//! Values of one kind as those of another type, where that loses nothing: what drivers send for a parameter is not always of
//! the type that the statement wants, and one dialect's value is not always of the kind that the other's type has.

mod to_my;
mod to_pg;

pub use to_my::to_my;
pub use to_pg::to_pg;

use super::{Value, ValueError};

/// `a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11`
pub fn uuid_text(bytes: &[u8; 16]) -> String {
    let mut out = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        for half in [byte >> 4, byte & 15] {
            out.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
        }
    }
    out
}

/// `0101`
pub fn bits_text(bits: &[bool]) -> String {
    bits.iter().map(|bit| if *bit { '1' } else { '0' }).collect()
}

/// The number that the bits make, the first bit highest; `None`: more than 64.
pub fn bits_number(bits: &[bool]) -> Option<i128> {
    (bits.len() <= 64).then(|| bits.iter().fold(0, |n, bit| n << 1 | i128::from(*bit)))
}

/// The lowest `count` bits of the number; `None`: it has more, or is negative.
pub fn number_bits(number: i128, count: u32) -> Option<Vec<bool>> {
    let fits = count <= 64 && number >= 0 && number < 1 << count;
    fits.then(|| (0..count).rev().map(|bit| number >> bit & 1 == 1).collect())
}

/// The whole number that a float is.
fn float_int(number: f64) -> Option<i128> {
    // Beyond 2^100 no integer type of either side has it.
    let whole = number.is_finite() && number.fract() == 0.0 && number.abs() < 1e30;
    whole.then_some(number as i128)
}

/// A `real` of this number.
fn narrowed(number: f64, ty: &str) -> Result<f32, ValueError> {
    let narrow = number as f32;
    let lost = (narrow.is_infinite() && number.is_finite()) || (narrow == 0.0 && number != 0.0);
    if lost { Err(ValueError::out_of_range(ty, &number.to_string())) } else { Ok(narrow) }
}

/// What a value is, for errors: its text is not always short or printable.
fn described(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Json(text) | Value::Decimal(text) => text.clone(),
        Value::Int(number) => number.to_string(),
        Value::Float4(number) => number.to_string(),
        Value::Float8(number) => number.to_string(),
        Value::Infinity(negative) => if *negative { "-infinity" } else { "infinity" }.to_owned(),
        Value::Date(date) | Value::DateTime(date, _) | Value::Instant(date, _) => {
            format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
        }
        Value::Time(time) => super::datetime::time_text(*time),
        Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
        Value::Null | Value::Bool(_) | Value::Interval { .. } | Value::Uuid(_) | Value::Bits(_) | Value::Array(_) => {
            format!("{value:?}")
        }
    }
}

#[cfg(test)]
mod tests;
