//! Values printed as literals. Safe in every mode of the server: a quoted text holds nothing but printable ASCII without
//! quotes' or backslashes' tricks; everything else is hexadecimal (MySQL) or an escape string (PostgreSQL).
//!
//! A literal has the type that the value has, so that the backend computes as the client's server would: decimals have a
//! point, floats on MySQL an exponent, all else on PostgreSQL its cast. Negative numbers stand in parentheses: `a - -1` must
//! never become a comment. An array becomes a list for IN.

use std::borrow::Cow;
use std::fmt::Write as _;

use crate::base::{Fault, FaultKind};
use crate::wire::value::{Date, MyType, PgType, Time, Value, ValueError, convert};

/// Digits of a DECIMAL literal on MySQL: in all, and behind the point.
const DECIMAL_MAX: (usize, usize) = (65, 30);
/// Bits of a BIT.
const BITS_MAX: usize = 64;
/// A list without elements: `x IN` it is false, also for NULL, as `= ANY('{}')` is.
const NO_ROWS: &str = "(SELECT NULL FROM DUAL WHERE FALSE)";

/// For MySQL and MariaDB: the literal that has the value which PostgreSQL calls `value` of type `ty`. Moments are in UTC, as
/// the connection's `time_zone` is.
///
/// Errors: the value cannot be kept there (infinity, NaN, years before 1 …).
pub fn mysql(value: &Value, ty: &PgType) -> Result<String, Fault> {
    let value = convert::to_pg(value, ty).map_err(fault)?;
    let refuse = |what: &str| Err(not_kept(what, "MySQL"));
    Ok(match value.as_ref() {
        // As a list that nothing is in: `x = ANY (NULL)` is NULL.
        Value::Null if matches!(ty, PgType::Array(_)) => "(NULL)".into(),
        Value::Null => "NULL".into(),
        Value::Bool(true) => "TRUE".into(),
        Value::Bool(false) => "FALSE".into(),
        Value::Int(number) if matches!(ty, PgType::Numeric(_)) => decimal(&number.to_string()),
        Value::Int(number) => signed(number.to_string()),
        Value::Decimal(digits) => {
            if !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-')) {
                return refuse(digits);
            }
            let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
            let fraction_digits = fraction.trim_end_matches('0').len();
            let whole_digits = whole.trim_start_matches(['-', '0']).len();
            if fraction_digits > DECIMAL_MAX.1 || whole_digits + fraction_digits > DECIMAL_MAX.0 {
                return refuse("a number of so many digits");
            }
            let room = DECIMAL_MAX.1.min(DECIMAL_MAX.0 - whole_digits).min(fraction.len());
            decimal(&format!("{whole}.{}", fraction.get(..room).unwrap_or_default()))
        }
        Value::Float4(number) => mysql_float(f64::from(*number))?,
        Value::Float8(number) => mysql_float(*number)?,
        Value::Text(text) | Value::Json(text) => mysql_text(text),
        Value::Bytes(bytes) if bytes.is_empty() => "_binary ''".into(),
        Value::Bytes(bytes) => format!("_binary X'{}'", hexadecimal(bytes)),
        Value::Date(date) => format!("DATE'{}'", day(*date, "MySQL")?),
        Value::Time(time) => format!("TIME'{}'", clock(*time)),
        Value::DateTime(date, time) | Value::Instant(date, time) => {
            format!("TIMESTAMP'{} {}'", day(*date, "MySQL")?, clock(*time))
        }
        Value::Infinity(_) => return refuse("infinity"),
        Value::Interval { .. } => return refuse("an interval"),
        Value::Uuid(bytes) => format!("'{}'", convert::uuid_text(bytes)),
        Value::Bits(bits) if bits.len() > BITS_MAX => return refuse("a bit string of more than 64 bits"),
        Value::Bits(bits) => format!("b'{}'", convert::bits_text(bits)),
        Value::Array(elements) if elements.is_empty() => NO_ROWS.into(),
        Value::Array(elements) => {
            let element = if let PgType::Array(element) = ty { element.as_ref() } else { ty };
            list(elements.iter().map(|e| mysql(e, element)))?
        }
    })
}

/// For PostgreSQL: the literal that has the value which MySQL calls `value` of type `ty`. A value that came in another form
/// (drivers send numbers as texts or floats) is first made one of the type, as an assignment on MySQL would.
///
/// Errors: the value cannot be kept there (NUL in text, zero dates …).
pub fn postgres(value: &Value, ty: &MyType) -> Result<String, Fault> {
    let value = assigned(value, ty).map_err(fault)?;
    let refuse = |what: &str| Err(not_kept(what, "PostgreSQL"));
    Ok(match value.as_ref() {
        Value::Null => "NULL".into(),
        Value::Int(0) if *ty == MyType::Bool => "FALSE".into(),
        Value::Int(1) if *ty == MyType::Bool => "TRUE".into(),
        Value::Int(number) if *ty == MyType::Bool => return refuse(&format!("the BOOLEAN {number}")),
        Value::Bool(true) => "TRUE".into(),
        Value::Bool(false) => "FALSE".into(),
        Value::Int(number) if matches!(ty, MyType::Decimal { .. }) => decimal(&number.to_string()),
        Value::Int(number) => signed(number.to_string()),
        Value::Decimal(digits) if !digits.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-')) => {
            return refuse(digits);
        }
        Value::Decimal(digits) => decimal(digits),
        Value::Float4(number) if number.is_finite() => format!("'{number:e}'::real"),
        Value::Float8(number) if number.is_finite() => format!("'{number:e}'::double precision"),
        Value::Float4(_) | Value::Float8(_) => return refuse("a number that is none"),
        Value::Text(text) => format!("{}::text", postgres_text(text)?),
        Value::Json(text) => format!("{}::jsonb", postgres_text(text)?),
        Value::Bytes(bytes) => format!("E'\\\\x{}'::bytea", hexadecimal(bytes)),
        Value::Date(date) => format!("'{}'::date", day(*date, "PostgreSQL")?),
        Value::Time(time) if time.negative || day_micros(*time) > DAY_MICROS => return refuse("a TIME beyond a day"),
        Value::Time(time) => format!("'{}'::time", clock(*time)),
        Value::DateTime(date, time) => format!("'{} {}'::timestamp", day(*date, "PostgreSQL")?, clock(*time)),
        Value::Instant(date, time) => format!("'{} {}+00'::timestamptz", day(*date, "PostgreSQL")?, clock(*time)),
        Value::Infinity(_) => return refuse("infinity"),
        Value::Interval { .. } => return refuse("an interval"),
        Value::Uuid(bytes) => format!("'{}'::uuid", convert::uuid_text(bytes)),
        Value::Bits(bits) => format!("B'{}'", convert::bits_text(bits)),
        Value::Array(elements) if elements.is_empty() => "(SELECT NULL WHERE FALSE)".into(),
        Value::Array(elements) => list(elements.iter().map(|e| postgres(e, ty)))?,
    })
}

/// The value as one of the type; but a number with a fraction for an integer, and a time of day for a date, stay what they
/// are: in comparisons they count, and in assignments PostgreSQL rounds and cuts as MySQL does.
fn assigned<'a>(value: &'a Value, ty: &MyType) -> Result<Cow<'a, Value>, ValueError> {
    let strict = convert::to_my(value, ty);
    if !matches!(strict, Err(ValueError::OutOfRange { .. })) {
        return strict;
    }
    let looser = match value {
        Value::Decimal(digits) if digits.contains('.') => MyType::Decimal { precision: 65, scale: 30, unsigned: false },
        Value::Float4(_) | Value::Float8(_) => MyType::Double,
        Value::DateTime(..) => MyType::DateTime(6),
        Value::Text(_) if *ty == MyType::Date => MyType::DateTime(6),
        Value::Text(text) if text.contains(['.', 'e', 'E']) => {
            MyType::Decimal { precision: 65, scale: 30, unsigned: false }
        }
        Value::Int(_)
        | Value::Decimal(_)
        | Value::Null
        | Value::Bool(_)
        | Value::Text(_)
        | Value::Bytes(_)
        | Value::Date(_)
        | Value::Time(_)
        | Value::Instant(..)
        | Value::Infinity(_)
        | Value::Interval { .. }
        | Value::Uuid(_)
        | Value::Json(_)
        | Value::Bits(_)
        | Value::Array(_) => return strict,
    };
    convert::to_my(value, &looser).or(strict)
}

const DAY_MICROS: u64 = 86_400_000_000;

fn day_micros(time: Time) -> u64 {
    let seconds = (u64::from(time.hours) * 60 + u64::from(time.minutes)) * 60 + u64::from(time.seconds);
    seconds * 1_000_000 + u64::from(time.micros)
}

fn not_kept(what: &str, server: &str) -> Fault {
    let shown: String = what.chars().take(40).collect();
    Fault::new(FaultKind::NotConvertible, format!("{server} cannot hold {shown}"))
}

/// A value that is none of its type.
fn fault(error: ValueError) -> Fault {
    let kind = match &error {
        ValueError::Invalid { .. } => FaultKind::InvalidText,
        ValueError::OutOfRange { .. } => FaultKind::NotConvertible,
        ValueError::Unsupported { .. } => FaultKind::NotTranslatable,
    };
    Fault::new(kind, error.to_string())
}

fn signed(number: String) -> String {
    if number.starts_with('-') { format!("({number})") } else { number }
}

/// With a point, else it would be an integer.
fn decimal(digits: &str) -> String {
    signed(if digits.contains('.') { digits.to_owned() } else { format!("{digits}.") })
}

/// With an exponent, else it would be a DECIMAL.
fn mysql_float(number: f64) -> Result<String, Fault> {
    if number.is_finite() { Ok(signed(format!("{number:e}"))) } else { Err(not_kept(&number.to_string(), "MySQL")) }
}

/// What may stand between plain quotes in every mode of both servers.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'\\')
}

pub(super) fn mysql_text(text: &str) -> String {
    if is_plain(text) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    format!("_utf8mb4 X'{}'", hexadecimal(text.as_bytes()))
}

pub(super) fn postgres_text(text: &str) -> Result<String, Fault> {
    if is_plain(text) {
        return Ok(format!("'{}'", text.replace('\'', "''")));
    }
    let mut out = String::with_capacity(text.len() * 2 + 3);
    out.push_str("E'");
    for c in text.chars() {
        match c {
            '\0' => return Err(not_kept("a zero byte in a text", "PostgreSQL")),
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            ' '..='~' => out.push(c),
            '\u{1}'..='\u{7f}' => push(&mut out, format_args!("\\x{:02x}", u32::from(c))),
            '\u{80}'..='\u{ffff}' => push(&mut out, format_args!("\\u{:04x}", u32::from(c))),
            '\u{10000}'.. => push(&mut out, format_args!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('\'');
    Ok(out)
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a String never fails");
}

/// Two digits for each byte.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |n: u8| char::from(DIGITS[usize::from(n & 15)]);
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(*b)]).collect()
}

fn day(date: Date, server: &str) -> Result<String, Fault> {
    let text = format!("{:04}-{:02}-{:02}", date.year, date.month, date.day);
    if (1..=9999).contains(&date.year) && date.month > 0 && date.day > 0 {
        Ok(text)
    } else {
        Err(not_kept(&text, server))
    }
}

fn clock(time: Time) -> String {
    let sign = if time.negative { "-" } else { "" };
    format!("{sign}{:02}:{:02}:{:02}.{:06}", time.hours, time.minutes, time.seconds, time.micros)
}

fn list(elements: impl Iterator<Item = Result<String, Fault>>) -> Result<String, Fault> {
    Ok(format!("({})", elements.collect::<Result<Vec<_>, _>>()?.join(", ")))
}

#[cfg(test)]
#[path = "literal_tests.rs"]
mod tests;
