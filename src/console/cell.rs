//! What a row of the console holds, and how each wire says it.

use std::cmp::Ordering;

use crate::base::{Fault, FaultKind};
use crate::wire::value::calendar;
use crate::wire::value::pg::{Format, Style, decode};
use crate::wire::value::{MyType, PgType, Time, Value, interval};

const MICROS: f64 = 1_000_000.0;
const DAY_MICROS: i64 = 24 * 3600 * 1_000_000;
/// An interval's month, as PostgreSQL compares them.
const MONTH_DAYS: i64 = 30;
/// MySQL's longest TIME, in microseconds.
const TIME_MICROS_MAX: i64 = (838 * 3600 + 59 * 60 + 59) * 1_000_000;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// True or false.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Text.
    Text,
    /// A span of time.
    Span,
    /// A moment.
    Moment,
}

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// SQL's NULL.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// A span of time in microseconds.
    Span(i64),
    /// Microseconds since 1970, UTC.
    Moment(i64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Cell {
    fn from(is: bool) -> Self {
        Self::Bool(is)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self::Int(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<u32> for Cell {
    fn from(number: u32) -> Self {
        Self::Int(i64::from(number))
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Float(number)
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(maybe: Option<T>) -> Self {
        maybe.map_or(Self::Null, Into::into)
    }
}

/// What two rows have in common if and only if they are the same, to find one among many at once.
pub(super) fn row_key(row: &[Cell]) -> Vec<u8> {
    let mut key = Vec::with_capacity(row.len() * 16);
    for cell in row {
        match cell {
            Cell::Null => key.push(0),
            Cell::Bool(is) => key.extend([1, u8::from(*is)]),
            Cell::Int(number) => put(&mut key, 2, &number.to_le_bytes()),
            // Both zeros are one.
            Cell::Float(number) => put(&mut key, 3, &(number + 0.0).to_le_bytes()),
            Cell::Text(text) => {
                put(&mut key, 4, &(text.len() as u64).to_le_bytes());
                key.extend(text.as_bytes());
            }
            Cell::Span(micros) => put(&mut key, 5, &micros.to_le_bytes()),
            Cell::Moment(micros) => put(&mut key, 6, &micros.to_le_bytes()),
        }
    }
    key
}

fn put(key: &mut Vec<u8>, kind: u8, bytes: &[u8]) {
    key.push(kind);
    key.extend(bytes);
}

impl Kind {
    /// The type as PostgreSQL clients see it.
    pub fn pg(self) -> PgType {
        match self {
            Self::Bool => PgType::Bool,
            Self::Int => PgType::Int8,
            Self::Float => PgType::Float8,
            Self::Text => PgType::Text,
            Self::Span => PgType::Interval,
            Self::Moment => PgType::from_oid(TIMESTAMPTZ, -1),
        }
    }

    /// The type as MySQL clients see it.
    pub fn my(self) -> MyType {
        match self {
            Self::Bool => MyType::Bool,
            Self::Int => MyType::BigInt(false),
            Self::Float => MyType::Double,
            Self::Text => MyType::Text(u32::from(u16::MAX)),
            Self::Span => MyType::Time(6),
            Self::Moment => MyType::DateTime(3),
        }
    }

    /// Its name in messages and in catalogs of PostgreSQL's kind.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "boolean",
            Self::Int => "bigint",
            Self::Float => "double precision",
            Self::Text => "text",
            Self::Span => "interval",
            Self::Moment => "timestamp with time zone",
        }
    }

    /// Its name in catalogs of MySQL's kind.
    pub fn my_name(self) -> &'static str {
        match self {
            Self::Bool => "tinyint(1)",
            Self::Int => "bigint",
            Self::Float => "double",
            Self::Text => "text",
            Self::Span => "time(6)",
            Self::Moment => "datetime(3)",
        }
    }
}

/// OID of timestamptz.
const TIMESTAMPTZ: u32 = 1184;

impl Cell {
    /// Its type; `None`: NULL.
    pub fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Null => return None,
            Self::Bool(_) => Kind::Bool,
            Self::Int(_) => Kind::Int,
            Self::Float(_) => Kind::Float,
            Self::Text(_) => Kind::Text,
            Self::Span(_) => Kind::Span,
            Self::Moment(_) => Kind::Moment,
        })
    }

    /// A span of so many milliseconds.
    pub fn span_ms(ms: u64) -> Self {
        Self::Span(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000))
    }

    /// A moment by its milliseconds since 1970.
    pub fn moment_ms(ms: u64) -> Self {
        Self::Moment(i64::try_from(ms).unwrap_or(i64::MAX).saturating_mul(1000))
    }

    /// As text.
    pub fn text(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Bool(is) => is.to_string(),
            Self::Int(number) => number.to_string(),
            Self::Float(number) => number.to_string(),
            Self::Text(text) => text.clone(),
            Self::Span(micros) => interval::text(0, 0, *micros),
            Self::Moment(micros) => {
                calendar::from_micros(i128::from(*micros)).map_or_else(String::new, |(date, time)| {
                    let (hours, minutes, seconds) = (time.hours, time.minutes, time.seconds);
                    let (year, month, day, milli) = (date.year, date.month, date.day, time.micros / 1000);
                    format!("{year:04}-{month:02}-{day:02} {hours:02}:{minutes:02}:{seconds:02}.{milli:03}+00")
                })
            }
        }
    }

    /// The same as a value of another type. Errors: text that is none; types that have nothing in common.
    pub fn cast(self, to: Kind) -> Result<Self, Fault> {
        if self.kind().is_none_or(|kind| kind == to) {
            return Ok(self);
        }
        let invalid = |text: &str| {
            let what = format!("invalid input syntax for type {}: \"{text}\"", to.name());
            Fault::new(FaultKind::InvalidText, what)
        };
        Ok(match (self, to) {
            (Self::Text(text), Kind::Bool) => match text.trim().to_ascii_lowercase().as_str() {
                "t" | "true" | "yes" | "y" | "on" | "1" => Self::Bool(true),
                "f" | "false" | "no" | "n" | "off" | "0" => Self::Bool(false),
                _ => return Err(invalid(&text)),
            },
            (Self::Text(text), Kind::Int) => Self::Int(text.trim().parse().map_err(|_| invalid(&text))?),
            (Self::Text(text), Kind::Float) => Self::Float(text.trim().parse().map_err(|_| invalid(&text))?),
            (Self::Text(text), Kind::Span) => span(&text)?,
            (Self::Text(text), Kind::Moment) => moment(&text)?,
            (Self::Bool(is), Kind::Int) => Self::Int(i64::from(is)),
            (Self::Bool(is), Kind::Float) => Self::Float(if is { 1.0 } else { 0.0 }),
            (Self::Int(number), Kind::Bool) => Self::Bool(number != 0),
            (Self::Int(number), Kind::Float) => Self::Float(as_float(number)),
            (Self::Int(number), Kind::Span) => Self::Span(number.saturating_mul(1_000_000)),
            (Self::Float(number), Kind::Bool) => Self::Bool(number != 0.0),
            (Self::Float(number), Kind::Int) => Self::Int(rounded(number)),
            (Self::Float(number), Kind::Span) => Self::Span(rounded(number * MICROS)),
            (Self::Span(micros), Kind::Float) => Self::Float(as_float(micros) / MICROS),
            (Self::Span(micros), Kind::Int) => Self::Int(micros / 1_000_000),
            (Self::Moment(micros), Kind::Float) => Self::Float(as_float(micros) / MICROS),
            (Self::Moment(micros), Kind::Int) => Self::Int(micros / 1_000_000),
            (cell, Kind::Text) => Self::Text(cell.text()),
            (cell, Kind::Bool | Kind::Int | Kind::Float | Kind::Span | Kind::Moment) => {
                let from = cell.kind().map_or("unknown", Kind::name);
                let what = format!("type {from} cannot be read as {}", to.name());
                return Err(Fault::new(FaultKind::TypeMismatch, what));
            }
        })
    }

    /// Which is greater; `None`: one is NULL. Text beside another type is read as that type; a number beside a span of time
    /// is seconds.
    pub fn compare(&self, other: &Self) -> Result<Option<Ordering>, Fault> {
        Ok(Some(match (self, other) {
            (Self::Null, _) | (_, Self::Null) => return Ok(None),
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Span(a), Self::Span(b)) | (Self::Moment(a), Self::Moment(b)) => a.cmp(b),
            (a, b) => {
                let common = match (a.kind(), b.kind()) {
                    (Some(Kind::Text), Some(kind)) | (Some(kind), Some(Kind::Text)) => kind,
                    (Some(Kind::Span), Some(_)) | (Some(_), Some(Kind::Span)) => Kind::Span,
                    (Some(Kind::Moment), Some(_)) | (Some(_), Some(Kind::Moment)) => Kind::Moment,
                    (Some(Kind::Float), Some(_)) | (Some(_), Some(Kind::Float)) => Kind::Float,
                    (Some(_) | None, _) => Kind::Int,
                };
                return a.clone().cast(common)?.compare(&b.clone().cast(common)?);
            }
        }))
    }

    /// The same for the codecs of PostgreSQL's wire.
    pub fn for_pg(&self) -> Value {
        match self {
            Self::Span(micros) => {
                let (days, rest) = (micros / DAY_MICROS, micros % DAY_MICROS);
                Value::Interval { months: 0, days: i32::try_from(days).unwrap_or(i32::MAX), micros: rest }
            }
            Self::Moment(micros) => calendar::from_micros(i128::from(*micros))
                .map_or(Value::Null, |(date, time)| Value::Instant(date, time)),
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) => self.plain(),
        }
    }

    /// The same for the codecs of MySQL's wire. A span longer than TIME can be is the longest, as on its server.
    pub fn for_mysql(&self) -> Value {
        match self {
            Self::Span(micros) => {
                let bounded = (*micros).clamp(-TIME_MICROS_MAX, TIME_MICROS_MAX);
                Time::from_micros(i128::from(bounded)).map_or(Value::Null, Value::Time)
            }
            Self::Moment(micros) => {
                let whole = micros - micros.rem_euclid(1000);
                calendar::from_micros(i128::from(whole)).map_or(Value::Null, |(date, time)| Value::DateTime(date, time))
            }
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Float(_) | Self::Text(_) => self.plain(),
        }
    }

    fn plain(&self) -> Value {
        match self {
            Self::Null | Self::Span(_) | Self::Moment(_) => Value::Null,
            Self::Bool(is) => Value::Bool(*is),
            Self::Int(number) => Value::Int(i128::from(*number)),
            Self::Float(number) => Value::Float8(*number),
            Self::Text(text) => Value::Text(text.clone()),
        }
    }

    /// A parameter that a client has sent.
    pub fn parameter(value: Value) -> Result<Self, Fault> {
        let unknown = || {
            let what = "a parameter of this type cannot be compared with anything in the console";
            Fault::new(FaultKind::TypeMismatch, what).hint("Send it as text.")
        };
        Ok(match value {
            Value::Null => Self::Null,
            Value::Bool(is) => Self::Bool(is),
            Value::Int(number) => Self::Int(i64::try_from(number).map_err(|_| unknown())?),
            Value::Decimal(digits) => Self::Float(digits.parse().map_err(|_| unknown())?),
            Value::Float4(number) => Self::Float(f64::from(number)),
            Value::Float8(number) => Self::Float(number),
            Value::Text(text) | Value::Json(text) => Self::Text(text),
            Value::Bytes(bytes) => Self::Text(String::from_utf8(bytes).map_err(|_| unknown())?),
            Value::Interval { months, days, micros } => Self::Span(micros_of(months, days, micros)),
            Value::Time(time) => Self::Span(i64::try_from(time.total_micros()).map_err(|_| unknown())?),
            Value::Date(date) => Self::Moment(date.days().saturating_mul(DAY_MICROS)),
            Value::DateTime(date, time) | Value::Instant(date, time) => {
                Self::Moment(i64::try_from(calendar::micros(date, time)).map_err(|_| unknown())?)
            }
            Value::Infinity(_) | Value::Uuid(_) | Value::Bits(_) | Value::Array(_) => return Err(unknown()),
        })
    }
}

fn micros_of(months: i32, days: i32, micros: i64) -> i64 {
    let days = i64::from(months).saturating_mul(MONTH_DAYS).saturating_add(i64::from(days));
    days.saturating_mul(DAY_MICROS).saturating_add(micros)
}

/// A span of time as people write it: `5 seconds`, `00:01:30`; a bare number is seconds.
pub(super) fn span(text: &str) -> Result<Cell, Fault> {
    if let Ok(seconds) = text.trim().parse::<f64>() {
        return Cell::Float(seconds).cast(Kind::Span);
    }
    match interval::parse(text) {
        Ok(Value::Interval { months, days, micros }) => Ok(Cell::Span(micros_of(months, days, micros))),
        Ok(_) | Err(_) => {
            Err(Fault::new(FaultKind::InvalidText, format!("invalid input syntax for type interval: \"{text}\"")))
        }
    }
}

fn moment(text: &str) -> Result<Cell, Fault> {
    match decode(&Kind::Moment.pg(), Format::Text, &Style::ours(), text.as_bytes()) {
        Ok(value) => Cell::parameter(value),
        Err(error) => Err(Fault::new(FaultKind::InvalidMoment, error.to_string())),
    }
}

#[allow(clippy::cast_precision_loss, reason = "microseconds of a few centuries, counts of events: shown to people")]
fn as_float(number: i64) -> f64 {
    number as f64
}

/// The nearest whole number; what is beyond 64 bits is the last of them.
#[allow(clippy::cast_possible_truncation, reason = "saturates, as wanted")]
fn rounded(number: f64) -> i64 {
    number.round() as i64
}
