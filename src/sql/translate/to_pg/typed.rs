//! What is known of a printed expression.

use super::{Collated, Open, Typed};
use crate::sql::translate::Sql;
use crate::wire::value::{MyType, PgType};

/// Kinds of types that MySQL treats alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// NULL alone.
    Null,
    /// Whole numbers, BOOL and YEAR.
    Int,
    /// DECIMAL
    Decimal,
    /// FLOAT, DOUBLE
    Double,
    /// Text of every kind, ENUM, SET, UUID.
    Text,
    /// Octets.
    Bytes,
    /// DATE
    Date,
    /// TIME
    Time,
    /// DATETIME, TIMESTAMP
    DateTime,
    /// JSON
    Json,
    /// BIT and what cannot cross.
    Other,
}

/// The kind of a type.
pub(super) fn class(ty: &MyType) -> Class {
    match ty {
        MyType::Null => Class::Null,
        MyType::Bool
        | MyType::TinyInt(_)
        | MyType::SmallInt(_)
        | MyType::MediumInt(_)
        | MyType::Int(_)
        | MyType::BigInt(_)
        | MyType::Year => Class::Int,
        MyType::Decimal { .. } => Class::Decimal,
        MyType::Float | MyType::Double => Class::Double,
        MyType::Char(_) | MyType::Varchar(_) | MyType::Text(_) | MyType::Enum(_) | MyType::Set(_) | MyType::Uuid => {
            Class::Text
        }
        MyType::Binary(_) | MyType::Varbinary(_) | MyType::Blob(_) => Class::Bytes,
        MyType::Date => Class::Date,
        MyType::Time(_) => Class::Time,
        MyType::DateTime(_) | MyType::Timestamp(_) => Class::DateTime,
        MyType::Json => Class::Json,
        MyType::Bit(_) | MyType::Other(_) => Class::Other,
    }
}

/// A template with `{0}`, `{1}` … for pieces; a piece may stand in it twice.
pub(super) fn fill(template: &str, pieces: &[&Sql]) -> Sql {
    let mut out = Sql::new();
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, behind) = rest.split_at(open);
        out.push(before);
        let close = behind.find('}').unwrap_or(behind.len().saturating_sub(1));
        let at = behind.get(1..close).and_then(|n| n.parse::<usize>().ok());
        if let Some(piece) = at.and_then(|n| pieces.get(n)) {
            out.append((*piece).clone());
        }
        rest = behind.get(close + 1..).unwrap_or("");
    }
    out.push(rest);
    out
}

/// A DECIMAL within MySQL's bounds.
pub(super) fn decimal(precision: u32, scale: u32) -> MyType {
    let scale = scale.min(30);
    let precision = precision.clamp(1, 65).max(scale);
    MyType::Decimal {
        precision: u8::try_from(precision).unwrap_or(65),
        scale: u8::try_from(scale).unwrap_or(30),
        unsigned: false,
    }
}

/// A text type of so many characters: VARCHAR, or LONGTEXT beyond what MySQL keeps as VARCHAR in results.
pub(super) fn text(characters: u64) -> MyType {
    match u32::try_from(characters) {
        Ok(n) if n < 16_384 => MyType::Varchar(n),
        _ => MyType::Text(u32::MAX),
    }
}

impl Typed {
    /// A piece of these types, of which nothing else is known.
    pub(super) fn new(sql: Sql, ty: MyType, pg: PgType) -> Self {
        let digits = own_digits(&ty);
        let exact = true;
        let (number, open, frac) = (None, None, None);
        let collation = Collated::Connection;
        Self {
            sql,
            ty,
            pg,
            nullable: true,
            number,
            open,
            exact,
            collation,
            aggregate: false,
            digits,
            frac,
            shown: None,
        }
    }

    /// A truth value that PostgreSQL computed.
    pub(super) fn truth(sql: Sql, mariadb: bool) -> Self {
        Self::new(sql, small_int(mariadb), PgType::Bool).digits(1)
    }

    /// It is NULL if one of these is, and holds an aggregate if one does.
    pub(super) fn of(mut self, parts: &[&Self]) -> Self {
        self.nullable = parts.iter().any(|p| p.nullable);
        self.aggregate = parts.iter().any(|p| p.aggregate);
        self
    }

    /// The same with its nullability known.
    pub(super) fn nullable(mut self, nullable: bool) -> Self {
        self.nullable = nullable;
        self
    }

    /// The same with its digits known.
    pub(super) fn digits(mut self, digits: u8) -> Self {
        self.digits = digits;
        self
    }

    /// Text made of these texts compares by a column's collation if one of them does.
    pub(super) fn collated_as(mut self, parts: &[&Self]) -> Self {
        let columns = parts.iter().filter(|p| p.class() == Class::Text && p.collation == Collated::Column);
        let plain = parts.iter().all(|p| p.class() != Class::Text || p.collation == Collated::Plain);
        self.exact = parts.iter().all(|p| p.exact);
        self.collation = if columns.count() > 0 {
            Collated::Column
        } else if plain {
            Collated::Plain
        } else {
            Collated::Connection
        };
        self
    }

    /// Its kind.
    pub(super) fn class(&self) -> Class {
        class(&self.ty)
    }

    /// Whether it is a literal NULL.
    pub(super) fn is_null(&self) -> bool {
        self.open == Some(Open::Null)
    }

    /// Precision and scale as MySQL counts them in computations.
    pub(super) fn precision(&self) -> (u32, u32) {
        match &self.ty {
            MyType::Decimal { precision, scale, .. } => (u32::from(*precision), u32::from(*scale)),
            _ => (u32::from(self.digits), 0),
        }
    }

    /// Digits behind the point of the value in hand.
    pub(super) fn frac(&self) -> u32 {
        self.frac.map_or(self.precision().1, u32::from)
    }

    /// The whole number written in the statement.
    pub(super) fn constant(&self) -> Option<i64> {
        self.number.as_ref().and_then(|n| n.parse().ok())
    }

    /// Characters that it takes as text, as MySQL counts.
    pub(super) fn characters(&self) -> u64 {
        match &self.ty {
            MyType::Null => 0,
            MyType::Bool if self.pg == PgType::Bool => 1,
            MyType::Bool | MyType::TinyInt(_) if self.number.is_none() => 4,
            MyType::SmallInt(_) if self.number.is_none() => 6,
            MyType::MediumInt(_) if self.number.is_none() => 9,
            MyType::Int(_) if self.digits == 10 => 11,
            MyType::BigInt(_) if self.digits >= 19 => 20,
            MyType::Bool
            | MyType::TinyInt(_)
            | MyType::SmallInt(_)
            | MyType::MediumInt(_)
            | MyType::Int(_)
            | MyType::BigInt(_) => u64::from(self.digits) + 1,
            MyType::Year => 4,
            MyType::Decimal { precision, scale, .. } => u64::from(*precision) + 1 + u64::from(*scale > 0),
            MyType::Float => 12,
            MyType::Double => 22,
            MyType::Char(n) | MyType::Varchar(n) | MyType::Binary(n) | MyType::Varbinary(n) => u64::from(*n),
            MyType::Text(n) | MyType::Blob(n) => u64::from(*n),
            MyType::Date => 10,
            MyType::Time(0) => 10,
            MyType::Time(n) => 11 + u64::from(*n),
            MyType::DateTime(0) | MyType::Timestamp(0) => 19,
            MyType::DateTime(n) | MyType::Timestamp(n) => 20 + u64::from(*n),
            MyType::Uuid => 36,
            MyType::Json | MyType::Enum(_) | MyType::Set(_) | MyType::Bit(_) | MyType::Other(_) => u64::from(u32::MAX),
        }
    }

    /// Digits of a temporal value's fraction.
    pub(super) fn fraction(&self) -> u8 {
        match &self.ty {
            MyType::Time(n) | MyType::DateTime(n) | MyType::Timestamp(n) => *n,
            _ => 0,
        }
    }
}

/// The type of small whole results: MySQL has BIGINT for all, MariaDB INT.
pub(super) fn small_int(mariadb: bool) -> MyType {
    if mariadb { MyType::Int(false) } else { MyType::BigInt(false) }
}

fn own_digits(ty: &MyType) -> u8 {
    match ty {
        MyType::Bool | MyType::TinyInt(_) => 3,
        MyType::SmallInt(_) => 5,
        MyType::MediumInt(false) => 7,
        MyType::MediumInt(true) => 8,
        MyType::Int(_) => 10,
        MyType::BigInt(false) => 19,
        MyType::BigInt(true) => 20,
        MyType::Year => 4,
        _ => 0,
    }
}
