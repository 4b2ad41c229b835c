//! PostgreSQL's types as its resolution of operators and functions sees them.

use sqlparser::ast::{ArrayElemTypeDef, CharacterLength, DataType, ExactNumberInfo, TimezoneInfo};

use super::Walk;
use crate::base::{Fault, FaultKind};
use crate::wire::value::PgType;

/// `numeric` without a modifier.
pub(super) const NUMERIC: PgType = PgType::Numeric(None);

/// The type without its modifier, which never survives an operator.
pub(super) fn base(ty: &PgType) -> PgType {
    match ty {
        PgType::Numeric(_) => NUMERIC,
        PgType::Varchar(_) => PgType::Varchar(None),
        PgType::Bpchar(_) => PgType::Bpchar(None),
        PgType::Time(_) => PgType::Time(None),
        PgType::Timestamp(_) => PgType::Timestamp(None),
        PgType::TimestampTz(_) => PgType::TimestampTz(None),
        other => other.clone(),
    }
}

/// `smallint`, `integer`, `bigint`.
pub(super) fn is_int(ty: &PgType) -> bool {
    matches!(ty, PgType::Int2 | PgType::Int4 | PgType::Int8)
}

/// `real`, `double precision`.
pub(super) fn is_float(ty: &PgType) -> bool {
    matches!(ty, PgType::Float4 | PgType::Float8)
}

/// `numeric`, whatever its modifier.
pub(super) fn is_numeric(ty: &PgType) -> bool {
    matches!(ty, PgType::Numeric(_))
}

/// Any number.
pub(super) fn is_number(ty: &PgType) -> bool {
    is_int(ty) || is_float(ty) || is_numeric(ty) || *ty == PgType::Oid
}

/// Character types.
pub(super) fn is_text(ty: &PgType) -> bool {
    matches!(ty, PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name)
}

/// `date`, `timestamp`, `timestamptz`.
pub(super) fn is_moment(ty: &PgType) -> bool {
    matches!(ty, PgType::Date | PgType::Timestamp(_) | PgType::TimestampTz(_))
}

/// Place among the numbers: an operand is cast to the higher one, and never down.
fn rank(ty: &PgType) -> Option<u8> {
    match base(ty) {
        PgType::Int2 => Some(0),
        PgType::Int4 => Some(1),
        PgType::Int8 => Some(2),
        PgType::Numeric(_) => Some(3),
        PgType::Float4 => Some(4),
        PgType::Float8 => Some(5),
        _ => None,
    }
}

/// The type in which two numbers meet in an operator: a `real` meets only itself as such.
pub(super) fn number_of(left: &PgType, right: &PgType) -> Option<PgType> {
    let (l, r) = (rank(left)?, rank(right)?);
    let high = l.max(r);
    Some(match high {
        0 => PgType::Int2,
        1 => PgType::Int4,
        2 => PgType::Int8,
        3 => NUMERIC,
        4 if l == r => PgType::Float4,
        _ => PgType::Float8,
    })
}

/// The type of CASE, COALESCE, UNION, VALUES … over these ones (PostgreSQL's 10.5): the first that all can become.
pub(super) fn common<'t>(types: impl IntoIterator<Item = &'t PgType>) -> Option<PgType> {
    let mut found: Option<PgType> = None;
    let mut same = true;
    for ty in types {
        if *ty == PgType::Unknown {
            continue;
        }
        found = Some(match found {
            None => ty.clone(),
            Some(so_far) if so_far == *ty => so_far,
            Some(so_far) => {
                same = false;
                wider(&so_far, ty)?
            }
        });
    }
    let found = found.unwrap_or(PgType::Text);
    Some(if same { found } else { base(&found) })
}

fn wider(left: &PgType, right: &PgType) -> Option<PgType> {
    let (l, r) = (base(left), base(right));
    if l == r {
        return Some(l);
    }
    if let (Some(a), Some(b)) = (rank(&l), rank(&r)) {
        return Some(if a >= b { l } else { r });
    }
    if is_text(&l) && is_text(&r) {
        return Some(l);
    }
    let moment = |ty: &PgType| match ty {
        PgType::Date => Some(0),
        PgType::Timestamp(_) => Some(1),
        PgType::TimestampTz(_) => Some(2),
        _ => None,
    };
    let (a, b) = (moment(&l)?, moment(&r)?);
    Some(if a >= b { l } else { r })
}

/// The numbers of a modifier are small; a larger one is a mistake that PostgreSQL refuses too.
fn small<T: TryFrom<u64>>(n: u64) -> Result<T, Fault> {
    T::try_from(n).map_err(|_| Fault::new(FaultKind::Syntax, format!("{n} is too large for a type's modifier")))
}

fn digits(n: Option<u64>) -> Result<Option<u8>, Fault> {
    n.map(|n| small::<u8>(n.min(6))).transpose()
}

fn length(length: Option<CharacterLength>) -> Result<Option<u32>, Fault> {
    match length {
        None => Ok(None),
        Some(CharacterLength::IntegerLength { length, unit: None }) => small(length).map(Some),
        Some(_) => Err(Fault::new(FaultKind::Syntax, "a length in units is not PostgreSQL's")),
    }
}

fn numeric(info: &ExactNumberInfo) -> Result<PgType, Fault> {
    Ok(PgType::Numeric(match info {
        ExactNumberInfo::None => None,
        ExactNumberInfo::Precision(p) => Some((small(*p)?, 0)),
        ExactNumberInfo::PrecisionAndScale(p, s) => {
            let scale = i16::try_from(*s).map_err(|_| Fault::new(FaultKind::Syntax, "a scale is too large"))?;
            Some((small(*p)?, scale))
        }
    }))
}

impl Walk<'_> {
    /// A type as it is written in a cast or a column definition.
    pub(super) fn data_type(&self, written: &DataType) -> Result<PgType, Fault> {
        Ok(match written {
            DataType::Bool | DataType::Boolean => PgType::Bool,
            DataType::SmallInt(None) | DataType::Int2(None) => PgType::Int2,
            DataType::Int(None) | DataType::Integer(None) | DataType::Int4(None) => PgType::Int4,
            DataType::BigInt(None) | DataType::Int8(None) => PgType::Int8,
            DataType::Numeric(info) | DataType::Decimal(info) | DataType::Dec(info) => numeric(info)?,
            DataType::Real | DataType::Float4 => PgType::Float4,
            DataType::Float(ExactNumberInfo::Precision(1..=24)) => PgType::Float4,
            DataType::Float(ExactNumberInfo::None | ExactNumberInfo::Precision(25..=53))
            | DataType::DoublePrecision
            | DataType::Float8 => PgType::Float8,
            DataType::Text => PgType::Text,
            DataType::Varchar(n) | DataType::CharacterVarying(n) | DataType::CharVarying(n) => {
                PgType::Varchar(length(*n)?)
            }
            DataType::Char(n) | DataType::Character(n) => PgType::Bpchar(Some(length(*n)?.unwrap_or(1))),
            DataType::Bytea => PgType::Bytea,
            DataType::Date => PgType::Date,
            DataType::Time(n, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => PgType::Time(digits(*n)?),
            DataType::Timestamp(n, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
                PgType::Timestamp(digits(*n)?)
            }
            DataType::Timestamp(n, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz) => PgType::TimestampTz(digits(*n)?),
            DataType::Interval { fields: None, precision: None } => PgType::Interval,
            DataType::Uuid => PgType::Uuid,
            DataType::JSON => PgType::Json,
            DataType::JSONB => PgType::Jsonb,
            DataType::Array(ArrayElemTypeDef::SquareBracket(of, _)) => PgType::Array(Box::new(self.data_type(of)?)),
            DataType::Custom(name, modifiers) => return self.custom_type(&name.to_string(), modifiers),
            other => return Err(self.refused(format!("the type {other}"))),
        })
    }

    fn custom_type(&self, name: &str, modifiers: &[String]) -> Result<PgType, Fault> {
        let folded = name.to_ascii_lowercase();
        let plain = folded.strip_prefix("pg_catalog.").unwrap_or(&folded).trim_matches('"');
        let one = match modifiers {
            [] => None,
            [one] => Some(one.parse::<u64>().map_err(|_| self.refused(format!("the type {name}")))?),
            _ => return Err(self.refused(format!("the type {name}"))),
        };
        Ok(match (plain, one) {
            ("bool", None) => PgType::Bool,
            ("int2", None) => PgType::Int2,
            ("int4", None) => PgType::Int4,
            ("int8", None) => PgType::Int8,
            ("float4", None) => PgType::Float4,
            ("float8", None) => PgType::Float8,
            ("numeric", None) => NUMERIC,
            ("text", None) => PgType::Text,
            ("varchar", n) => PgType::Varchar(n.map(small).transpose()?),
            ("bpchar", n) => PgType::Bpchar(n.map(small).transpose()?),
            ("name", None) => PgType::Name,
            ("timestamptz", n) => PgType::TimestampTz(digits(n)?),
            ("timestamp", n) => PgType::Timestamp(digits(n)?),
            ("date", None) => PgType::Date,
            ("uuid", None) => PgType::Uuid,
            ("json", None) => PgType::Json,
            ("jsonb", None) => PgType::Jsonb,
            ("bytea", None) => PgType::Bytea,
            ("oid", None) => PgType::Oid,
            _ => return Err(self.refused(format!("the type {name}"))),
        })
    }

    /// `utf8mb4`'s collation without padding and by code point.
    pub(super) fn binary_collation(&self) -> &'static str {
        match self.engine() {
            crate::base::Engine::Mysql => "utf8mb4_0900_bin",
            crate::base::Engine::Mariadb | crate::base::Engine::Postgres => "utf8mb4_nopad_bin",
        }
    }
}

/// A type's name as PostgreSQL's error messages write it.
pub(super) fn called(ty: &PgType) -> String {
    match base(ty) {
        PgType::Unknown => "unknown".to_owned(),
        other => other.sql(),
    }
}
