//! Values as both dialects know them: the types of each wire, how one dialect's client sees the other's types, and the
//! codecs between a wire's bytes and a [`Value`]. Lossless or refused; nothing here guesses.

pub mod calendar;
pub mod convert;
pub mod datetime;
pub mod decimal;
pub mod float;
pub mod interval;
pub mod mapping;
mod my_parse;
mod my_type;
pub mod mysql;
pub mod pg;
mod pg_type;
pub mod zone;

pub use my_type::{BINARY_COLLATION, ColumnWire, MyType, code, flag};
pub use pg_type::PgType;

/// A day of the proleptic Gregorian calendar. MySQL's zero dates have zeros in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Astronomical: 0 is 1 BC.
    pub year: i32,
    /// 1–12; 0 in a zero date.
    pub month: u8,
    /// 1–31; 0 in a zero date.
    pub day: u8,
}

/// A time of day, or MySQL's TIME, which is a span.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    /// MySQL only.
    pub negative: bool,
    /// 0–24 on PostgreSQL, up to 838 on MySQL.
    pub hours: u16,
    /// 0–59
    pub minutes: u8,
    /// 0–59
    pub seconds: u8,
    /// 0–999,999
    pub micros: u32,
}

/// One value, whichever wire it came from.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// SQL's NULL.
    Null,
    /// PostgreSQL's boolean.
    Bool(bool),
    /// Every integer type of both, unsigned ones too.
    Int(i128),
    /// Plain decimal digits with sign and point, scale kept; `NaN`, `Infinity`, `-Infinity` from PostgreSQL.
    Decimal(String),
    /// Single precision.
    Float4(f32),
    /// Double precision.
    Float8(f64),
    /// Text, as UTF-8.
    Text(String),
    /// Octets.
    Bytes(Vec<u8>),
    /// A day.
    Date(Date),
    /// A time of day or a span.
    Time(Time),
    /// A local date and time.
    DateTime(Date, Time),
    /// A moment: date and time in UTC.
    Instant(Date, Time),
    /// PostgreSQL's `infinity` (`true`: negative) of date, timestamp and timestamptz.
    Infinity(bool),
    /// PostgreSQL's interval.
    Interval {
        /// Months.
        months: i32,
        /// Days.
        days: i32,
        /// Microseconds.
        micros: i64,
    },
    /// A UUID.
    Uuid([u8; 16]),
    /// JSON text.
    Json(String),
    /// A bit string, the first bit first.
    Bits(Vec<bool>),
    /// A one-dimensional array.
    Array(Vec<Value>),
}

/// A value that cannot be read, or cannot be kept on the other side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValueError {
    /// The bytes are no value of the type.
    #[error("invalid input syntax for type {ty}: {what}")]
    Invalid {
        /// The type's name.
        ty: String,
        /// What is wrong.
        what: String,
    },
    /// The other side's type has no such value.
    #[error("value {value} is out of range for type {ty}")]
    OutOfRange {
        /// The type's name.
        ty: String,
        /// The value, shortened.
        value: String,
    },
    /// The type cannot cross at all.
    #[error("values of type {ty} cannot cross between PostgreSQL and MySQL")]
    Unsupported {
        /// The type's name.
        ty: String,
    },
}

impl ValueError {
    /// Text that is no value of the type.
    pub fn invalid(ty: &str, text: &str) -> Self {
        Self::Invalid { ty: ty.to_owned(), what: shown(text) }
    }

    /// Bytes of a binary form that are no value of the type.
    pub fn malformed(ty: &str) -> Self {
        Self::Invalid { ty: ty.to_owned(), what: "its binary form is malformed".to_owned() }
    }

    /// A value that the type does not have.
    pub fn out_of_range(ty: &str, value: &str) -> Self {
        Self::OutOfRange { ty: ty.to_owned(), value: shown(value) }
    }
}

/// In quotes, shortened.
fn shown(text: &str) -> String {
    const CHARACTERS_MAX: usize = 60;
    let short: String = text.chars().take(CHARACTERS_MAX).collect();
    if short.len() < text.len() { format!("\"{short}…\"") } else { format!("\"{short}\"") }
}
