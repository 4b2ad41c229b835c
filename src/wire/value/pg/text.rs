//! Text forms, read.

use crate::wire::value::{PgType, Value, ValueError, datetime, decimal, interval};

use super::{Style, array};

/// Reads the text form of a type.
pub(in crate::wire::value) fn decode(ty: &PgType, style: &Style, text: &str) -> Result<Value, ValueError> {
    let invalid = || ValueError::invalid(&ty.sql(), text);
    match ty {
        PgType::Bool => boolean(text).map(Value::Bool).ok_or_else(invalid),
        PgType::Int2 => integer(ty, text, i16::MIN.into(), i16::MAX.into()),
        PgType::Int4 => integer(ty, text, i32::MIN.into(), i32::MAX.into()),
        PgType::Int8 => integer(ty, text, i64::MIN.into(), i64::MAX.into()),
        PgType::Oid => integer(ty, text, 0, u32::MAX.into()),
        PgType::Numeric(_) => decimal::parse(text).map(Value::Decimal).ok_or_else(invalid),
        PgType::Float4 => {
            let number: f32 = float(text).ok_or_else(invalid)?;
            let fits = in_range(text, number.is_infinite(), number == 0.0);
            if fits { Ok(Value::Float4(number)) } else { Err(ValueError::out_of_range("real", text)) }
        }
        PgType::Float8 => {
            let number: f64 = float(text).ok_or_else(invalid)?;
            let fits = in_range(text, number.is_infinite(), number == 0.0);
            if fits { Ok(Value::Float8(number)) } else { Err(ValueError::out_of_range("double precision", text)) }
        }
        PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name | PgType::Unknown => {
            Ok(Value::Text(text.to_owned()))
        }
        PgType::Bytea => bytea(text).map(Value::Bytes).ok_or_else(invalid),
        PgType::Date => datetime::parse_date(text),
        PgType::Time(_) => datetime::parse_time(text),
        PgType::Timestamp(_) => datetime::parse_timestamp(text),
        PgType::TimestampTz(_) => datetime::parse_timestamptz(text, &style.time_zone),
        PgType::Interval => interval::parse(text),
        PgType::Uuid => uuid(text).map(Value::Uuid).ok_or_else(invalid),
        PgType::Json | PgType::Jsonb => Ok(Value::Json(text.to_owned())),
        PgType::Bit(_) | PgType::Varbit(_) => bits(text).map(Value::Bits).ok_or_else(invalid),
        PgType::Array(element) => array::decode_text(element, style, text),
        PgType::Void if text.is_empty() => Ok(Value::Null),
        PgType::Void | PgType::Other(..) => Err(ValueError::Unsupported { ty: ty.sql() }),
    }
}

/// Any beginning of `true`, `false`, `yes`, `no`; `on`, `off`, `1`, `0` (`parse_bool_with_len`).
pub(in crate::wire::value) fn boolean(text: &str) -> Option<bool> {
    let word = text.trim().to_ascii_lowercase();
    let begins = |full: &str| !word.is_empty() && full.starts_with(&word);
    if begins("true") || begins("yes") || word == "on" || word == "1" {
        return Some(true);
    }
    (begins("false") || begins("no") || word == "of" || word == "off" || word == "0").then_some(false)
}

fn integer(ty: &PgType, text: &str, min: i128, max: i128) -> Result<Value, ValueError> {
    let trimmed = text.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{b}');
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ValueError::invalid(&ty.sql(), text));
    }
    let number = trimmed.parse::<i128>().ok().filter(|n| (min..=max).contains(n));
    number.map(Value::Int).ok_or_else(|| ValueError::out_of_range(&ty.sql(), text))
}

/// What Rust reads, without its own spellings.
fn float<T: std::str::FromStr>(text: &str) -> Option<T> {
    let trimmed = text.trim();
    if trimmed.strip_prefix(['-', '+']).is_some_and(|rest| rest.eq_ignore_ascii_case("nan")) {
        return None;
    }
    trimmed.parse().ok()
}

/// Infinite and zero only where the text says so.
fn in_range(text: &str, infinite: bool, zero: bool) -> bool {
    let named = text.to_ascii_lowercase().contains("inf");
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    infinite == named && (!zero || !mantissa.bytes().any(|b| matches!(b, b'1'..=b'9')))
}

/// `\x` and pairs of hexadecimal digits, with white space between pairs; or the old escapes `\ooo` and `\\`.
fn bytea(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 2);
    if let Some(digits) = text.strip_prefix("\\x") {
        let mut bytes = digits.bytes();
        while let Some(first) = bytes.next() {
            if first.is_ascii_whitespace() {
                continue;
            }
            let (high, low) = (char::from(first).to_digit(16)?, char::from(bytes.next()?).to_digit(16)?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        }
        return Some(out);
    }
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte != b'\\' {
            out.push(byte);
        } else if let Some(tail) = rest.strip_prefix(b"\\") {
            out.push(b'\\');
            rest = tail;
        } else {
            let (octal, tail) = rest.split_at_checked(3)?;
            let digits = std::str::from_utf8(octal).ok().filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
            out.push(u8::from_str_radix(digits, 8).ok()?);
            rest = tail;
        }
    }
    Some(out)
}

/// 32 hexadecimal digits, a hyphen after any four of them, perhaps in braces.
pub(in crate::wire::value) fn uuid(text: &str) -> Option<[u8; 16]> {
    let bare = text.strip_prefix('{').map_or(Some(text), |rest| rest.strip_suffix('}'))?;
    let mut out = [0_u8; 16];
    let mut digits = 0_usize;
    for c in bare.chars() {
        if c == '-' && digits.is_multiple_of(4) && (1..32).contains(&digits) {
            continue;
        }
        let digit = u8::try_from(c.to_digit(16)?).ok()?;
        let byte = out.get_mut(digits / 2)?;
        *byte = *byte << 4 | digit;
        digits += 1;
    }
    (digits == 32 && !bare.ends_with('-') && !bare.contains("--")).then_some(out)
}

/// `0101`, `B0101`, `X1F`.
fn bits(text: &str) -> Option<Vec<bool>> {
    if let Some(digits) = text.strip_prefix(['x', 'X']) {
        let mut out = Vec::with_capacity(digits.len() * 4);
        for c in digits.chars() {
            let digit = c.to_digit(16)?;
            out.extend([8, 4, 2, 1].map(|bit| digit & bit != 0));
        }
        return Some(out);
    }
    let digits = text.strip_prefix(['b', 'B']).unwrap_or(text);
    digits.chars().map(|c| matches!(c, '0' | '1').then_some(c == '1')).collect()
}
