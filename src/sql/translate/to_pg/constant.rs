//! Literals and parameters.

use sqlparser::ast::{DataType, Expr, TimezoneInfo, TypedString, Value as Written, ValueWithSpan};

use super::typed::{Class, class, decimal, fill, small_int};
use super::{Collated, Open, Typed, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Part, Sql, literal};
use crate::wire::value::{Date, MyType, PgType, Time, Value};

impl Walk<'_> {
    pub(super) fn written_value(&mut self, value: &ValueWithSpan) -> Result<Typed, Fault> {
        match &value.value {
            Written::Number(digits, false) => self.number(digits),
            Written::SingleQuotedString(text) | Written::NationalStringLiteral(text) => self.quoted(text),
            Written::DoubleQuotedString(text) if !self.request.reading.ansi_quotes => self.quoted(text),
            Written::HexStringLiteral(digits) => self.hexadecimal(digits),
            Written::SingleQuotedByteStringLiteral(bits) | Written::DoubleQuotedByteStringLiteral(bits) => {
                self.bits(bits)
            }
            Written::Boolean(truth) => {
                let mut typed =
                    Typed::truth(Sql::text(if *truth { "true" } else { "false" }), self.mariadb()).nullable(false);
                typed.number = Some(if *truth { "1" } else { "0" }.to_owned());
                Ok(typed)
            }
            Written::Null => {
                let mut typed = Typed::new(Sql::text("NULL"), MyType::Null, PgType::Unknown);
                typed.open = Some(Open::Null);
                typed.collation = Collated::Plain;
                Ok(typed)
            }
            Written::Placeholder(mark) if mark == "?" => self.parameter(value),
            other => Err(self.refused(format!("the literal {other}"))),
        }
    }

    /// Its number is its place among the statement's `?`, which the tree does not hold: it is found by its position.
    fn parameter(&mut self, value: &ValueWithSpan) -> Result<Typed, Fault> {
        let start = value.span.start;
        let at = self.places.iter().position(|place| *place == (start.line, start.column));
        let Some(at) = at.and_then(|n| u16::try_from(n).ok()) else {
            return Err(Fault::new(FaultKind::Internal, "a parameter that stands nowhere in the statement"));
        };
        let declared = self.parameters.get(usize::from(at)).cloned().flatten();
        let ty = declared.unwrap_or(MyType::Null);
        let mut typed = self.parameter_as(at, ty);
        typed.open = Some(Open::Parameter(at));
        Ok(typed)
    }

    /// The parameter as a value of this type.
    pub(super) fn parameter_as(&self, at: u16, ty: MyType) -> Typed {
        let pg = printed_type(&ty);
        let sql = match pg_name(&pg) {
            Some(name) => fill(&format!("({{0}}::{name})"), &[&Sql::part(Part::Parameter(at))]),
            None => Sql::part(Part::Parameter(at)).wrapped("(", ")"),
        };
        Typed::new(sql, ty, pg)
    }

    /// Settles what type a parameter has.
    pub(super) fn decide(&mut self, at: u16, ty: MyType) -> Typed {
        let place = usize::from(at);
        if self.parameters.len() <= place {
            self.parameters.resize(place + 1, None);
        }
        if let Some(slot) = self.parameters.get_mut(place) {
            *slot = Some(ty.clone());
        }
        self.parameter_as(at, ty)
    }

    /// A number: a whole one, a DECIMAL with a point, a DOUBLE with an exponent.
    pub(super) fn number(&self, digits: &str) -> Result<Typed, Fault> {
        let plain = digits.strip_prefix('-').unwrap_or(digits);
        if let Some(hex) = plain.strip_prefix("0x") {
            return self.hexadecimal(hex);
        }
        if plain.contains(['e', 'E']) {
            let fits = plain.parse::<f64>().is_ok_and(f64::is_finite);
            let clean = plain.bytes().all(|b| b.is_ascii_digit() || b"eE+-.".contains(&b));
            if !fits || !clean {
                return Err(self.refused(format!("the number {digits}")));
            }
            let typed = Typed::new(Sql::text(format!("('{digits}'::float8)")), MyType::Double, PgType::Float8);
            return Ok(typed.nullable(false));
        }
        if plain.is_empty() || !plain.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
            return Err(self.refused(format!("the number {digits}")));
        }
        let printed = if digits.starts_with('-') { format!("({digits})") } else { digits.to_owned() };
        let mut typed = match plain.split_once('.') {
            None => self.whole_number(digits, plain, printed),
            Some((whole, fraction)) => {
                let whole = whole.trim_start_matches('0');
                let printed = if digits.starts_with('-') { format!("(-{whole}.{fraction})") } else { printed };
                let printed = printed.replace("(-.", "(-0.");
                let printed = if printed.starts_with('.') { format!("0{printed}") } else { printed };
                let printed = if fraction.is_empty() { printed.replace('.', "") } else { printed };
                let scale = u32::try_from(fraction.len()).unwrap_or(u32::MAX);
                let intg = u32::try_from(whole.len()).unwrap_or(u32::MAX).max(1);
                if scale > 30 || intg.saturating_add(scale) > 65 {
                    return Err(self.refused(format!("the number {digits}")));
                }
                let printed = if fraction.is_empty() { format!("({printed}::numeric)") } else { printed };
                Typed::new(Sql::text(printed), decimal(intg + scale, scale), PgType::Numeric(None))
            }
        };
        typed.number = Some(digits.to_owned());
        Ok(typed.nullable(false))
    }

    fn whole_number(&self, digits: &str, plain: &str, printed: String) -> Typed {
        let count = u8::try_from(plain.trim_start_matches('0').len().max(1)).unwrap_or(u8::MAX);
        let (ty, pg) = match digits.parse::<i128>() {
            Ok(n) if i32::try_from(n).is_ok() => (small_int(self.mariadb()), PgType::Int4),
            Ok(n) if i64::try_from(n).is_ok() => (MyType::BigInt(false), PgType::Int8),
            Ok(n) if u64::try_from(n).is_ok() => (MyType::BigInt(true), PgType::Numeric(None)),
            _ => (decimal(u32::from(count), 0), PgType::Numeric(None)),
        };
        Typed::new(Sql::text(printed), ty, pg).digits(count)
    }

    /// A quoted text.
    pub(super) fn quoted(&self, text: &str) -> Result<Typed, Fault> {
        let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let ty = MyType::Varchar(characters);
        let mut typed = Typed::new(self.text_literal(text)?, ty, PgType::Text).nullable(false);
        typed.collation = if is_plain(text) { Collated::Plain } else { Collated::Connection };
        typed.open = Some(Open::Literal(text.to_owned()));
        Ok(typed)
    }

    pub(super) fn text_literal(&self, text: &str) -> Result<Sql, Fault> {
        let printed = literal::postgres(&Value::Text(text.to_owned()), &MyType::Text(u32::MAX))?;
        Ok(Sql::text(format!("({printed})")))
    }

    fn hexadecimal(&self, digits: &str) -> Result<Typed, Fault> {
        let even = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
        let mut bytes = Vec::with_capacity(even.len() / 2);
        for pair in even.as_bytes().chunks(2) {
            let byte = std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok());
            bytes.push(byte.ok_or_else(|| self.refused("this hexadecimal literal"))?);
        }
        self.octets(bytes)
    }

    fn bits(&self, bits: &str) -> Result<Typed, Fault> {
        if bits.len() > 64 || !bits.bytes().all(|b| matches!(b, b'0' | b'1')) {
            return Err(self.refused("this bit literal"));
        }
        let value = u64::from_str_radix(if bits.is_empty() { "0" } else { bits }, 2).unwrap_or(0);
        let bytes = value.to_be_bytes();
        let used = bits.len().div_ceil(8).max(1);
        self.octets(bytes.get(8 - used..).unwrap_or(&bytes).to_vec())
    }

    fn octets(&self, bytes: Vec<u8>) -> Result<Typed, Fault> {
        let ty = MyType::Varbinary(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        let printed = literal::postgres(&Value::Bytes(bytes), &MyType::Blob(u32::MAX))?;
        Ok(Typed::new(Sql::text(format!("({printed})")), ty, PgType::Bytea).nullable(false))
    }

    /// `_utf8mb4'…'`, `N'…'`, `_binary'…'`; `BINARY x`.
    pub(super) fn introduced(&mut self, prefix: &str, value: &Expr) -> Result<Typed, Fault> {
        let Expr::Value(written) = value else { return Err(self.refused(format!("{prefix} before an expression"))) };
        let typed = self.written_value(written)?;
        match (prefix.to_ascii_lowercase().as_str(), &typed.open) {
            ("_utf8mb4" | "_utf8" | "_utf8mb3", Some(Open::Literal(_))) => Ok(typed),
            ("_binary", Some(Open::Literal(text))) => self.octets(text.clone().into_bytes()),
            ("_binary", None) if typed.class() == Class::Bytes => Ok(typed),
            _ => Err(self.refused(format!("the introducer {prefix}"))),
        }
    }

    /// `DATE '2024-01-31'`
    pub(super) fn typed_literal(&mut self, typed: &TypedString) -> Result<Typed, Fault> {
        let TypedString { data_type, value, uses_odbc_syntax: _ } = typed;
        let Some(text) = value.value.clone().into_string() else {
            return Err(self.refused(format!("the literal {typed}")));
        };
        let fraction = text.split_once('.').map_or(0, |(_, f)| u8::try_from(f.len()).unwrap_or(7));
        let ty = match data_type {
            DataType::Date => MyType::Date,
            DataType::Datetime(None) | DataType::Timestamp(None, TimezoneInfo::None) => MyType::DateTime(fraction),
            DataType::Time(None, TimezoneInfo::None) => MyType::Time(fraction),
            other => return Err(self.refused(format!("literals of type {other}"))),
        };
        let wrong = || Fault::new(FaultKind::InvalidText, format!("Incorrect {} value: '{text}'", ty.sql()));
        self.moment(&text, &ty)?.map(|t| t.nullable(false)).ok_or_else(wrong)
    }

    /// The text as a DATE, TIME or DATETIME of this type, if it is one for certain. A DATETIME's text can be of a day only;
    /// a DATE's not of more than a day.
    pub(super) fn moment(&self, text: &str, ty: &MyType) -> Result<Option<Typed>, Fault> {
        let (value, pg) = match class(ty) {
            Class::Date => (day(text).map(Value::Date), PgType::Date),
            Class::Time => (time(text).map(Value::Time), PgType::Time(None)),
            Class::DateTime => (moment(text).map(|(d, t)| Value::DateTime(d, t)), PgType::Timestamp(None)),
            _ => return Ok(None),
        };
        let Some(value) = value else { return Ok(None) };
        let ty = if let MyType::Timestamp(n) = ty { MyType::DateTime(*n) } else { ty.clone() };
        let printed = literal::postgres(&value, &ty)?;
        Ok(Some(Typed::new(Sql::text(format!("({printed})")), ty, pg).nullable(false)))
    }
}

/// Every collation agrees about equality with it, and about order among its like: no letters of two cases, no accents, no
/// blank at the end, which some collations pad.
pub(super) fn is_plain(text: &str) -> bool {
    let common = |b: u8| b.is_ascii_digit() || b.is_ascii_lowercase() || b"-+.,:/ ".contains(&b);
    text.bytes().all(common) && !text.ends_with(' ')
}

/// A number in plain digits, as every server reads it.
pub(super) fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').map_or((digits, None), |(w, f)| (w, Some(f)));
    let all = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    all(whole) && whole.len() <= 35 && fraction.is_none_or(|f| all(f) && f.len() <= 30)
}

fn two(text: &str) -> Option<u8> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().ok())?
}

/// `2024-01-31`, an existing day.
fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, two(parts.next()?)?, two(parts.next()?)?);
    if parts.next().is_some() || year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let year: i32 = year.parse().ok()?;
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last = match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    (year > 0 && (1..=last).contains(&day)).then_some(Date { year, month, day })
}

/// `10:11:12.345678`, within a day.
fn time(text: &str) -> Option<Time> {
    let (clock, fraction) = text.split_once('.').map_or((text, ""), |(c, f)| (c, f));
    let mut parts = clock.split(':');
    let (hours, minutes) = (two(parts.next()?)?, two(parts.next()?)?);
    let seconds = parts.next().map_or(Some(0), two)?;
    let clean = fraction.len() <= 6 && fraction.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || hours > 23 || minutes > 59 || seconds > 59 || !clean {
        return None;
    }
    let micros = format!("{fraction:0<6}").parse().ok()?;
    Some(Time { negative: false, hours: u16::from(hours), minutes, seconds, micros })
}

/// A day, or a day and a time.
fn moment(text: &str) -> Option<(Date, Time)> {
    let midnight = Time { negative: false, hours: 0, minutes: 0, seconds: 0, micros: 0 };
    match text.split_once([' ', 'T']) {
        None => Some((day(text)?, midnight)),
        Some((d, t)) => Some((day(d)?, time(t)?)),
    }
}

/// The type that a value of a type of MySQL's has when it is printed here.
pub(super) fn printed_type(ty: &MyType) -> PgType {
    match ty {
        MyType::Bool | MyType::TinyInt(_) | MyType::SmallInt(false) | MyType::Year => PgType::Int4,
        MyType::SmallInt(true) | MyType::MediumInt(_) | MyType::Int(false) => PgType::Int4,
        MyType::Int(true) | MyType::BigInt(false) => PgType::Int8,
        MyType::BigInt(true) | MyType::Decimal { .. } => PgType::Numeric(None),
        MyType::Float => PgType::Float4,
        MyType::Double => PgType::Float8,
        MyType::Char(_) | MyType::Varchar(_) | MyType::Text(_) | MyType::Enum(_) | MyType::Set(_) | MyType::Uuid => {
            PgType::Text
        }
        MyType::Binary(_) | MyType::Varbinary(_) | MyType::Blob(_) => PgType::Bytea,
        MyType::Date => PgType::Date,
        MyType::Time(_) => PgType::Time(None),
        MyType::DateTime(_) => PgType::Timestamp(None),
        MyType::Timestamp(_) => PgType::TimestampTz(None),
        MyType::Json => PgType::Jsonb,
        MyType::Null | MyType::Bit(_) | MyType::Other(_) => PgType::Unknown,
    }
}

/// A PostgreSQL type's name in a cast.
pub(super) fn pg_name(pg: &PgType) -> Option<&'static str> {
    Some(match pg {
        PgType::Bool => "bool",
        PgType::Int2 => "int2",
        PgType::Int4 => "int4",
        PgType::Int8 => "int8",
        PgType::Numeric(_) => "numeric",
        PgType::Float4 => "float4",
        PgType::Float8 => "float8",
        PgType::Text | PgType::Varchar(_) => "text",
        PgType::Bytea => "bytea",
        PgType::Date => "date",
        PgType::Time(_) => "time",
        PgType::Timestamp(_) => "timestamp",
        PgType::TimestampTz(_) => "timestamptz",
        PgType::Uuid => "uuid",
        PgType::Jsonb => "jsonb",
        PgType::Json => "json",
        _ => return None,
    })
}
