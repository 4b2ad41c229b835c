//! How one dialect's client sees the other's types.
//!
//! Seeing: every value of the column is one of the type seen, or is refused when it comes by ([`super::ValueError`]), never
//! bent. Storing, for CREATE TABLE: the type must also be *seen back* as (nearly) the type that the client wrote, else the
//! client would read other text than it stored; where none is, the type is refused by name.

use super::{MyType, PgType};

/// Digits of DECIMAL: in all, behind the point on MySQL, and on MariaDB.
const DECIMAL_MAX: (u16, i16, i16) = (65, 30, 38);
/// VARCHAR's longest with four bytes a character in a row of 65,535 bytes.
const VARCHAR_MAX: u32 = 16_383;
/// CHAR's longest.
const CHAR_MAX: u32 = 255;
/// Digits of the fraction of a second on both.
const MICROS: u8 = 6;

/// The type that a PostgreSQL client sees for a column of a MySQL or MariaDB table.
pub fn seen_by_pg(ty: &MyType) -> PgType {
    match ty {
        MyType::Bool => PgType::Bool,
        MyType::TinyInt(_) | MyType::SmallInt(false) | MyType::Year => PgType::Int2,
        MyType::SmallInt(true) | MyType::MediumInt(_) | MyType::Int(false) => PgType::Int4,
        MyType::Int(true) | MyType::BigInt(false) => PgType::Int8,
        MyType::BigInt(true) => PgType::Numeric(Some((20, 0))),
        MyType::Decimal { precision, scale, .. } => PgType::Numeric(Some((u16::from(*precision), i16::from(*scale)))),
        MyType::Float => PgType::Float4,
        MyType::Double => PgType::Float8,
        // CHAR gives its text without trailing blanks, which PostgreSQL's char would add again. CHAR(0) has no varchar(0).
        MyType::Char(n) | MyType::Varchar(n) => PgType::Varchar(Some(*n).filter(|n| *n > 0)),
        MyType::Text(_) | MyType::Enum(_) | MyType::Set(_) | MyType::Null => PgType::Text,
        MyType::Binary(_) | MyType::Varbinary(_) | MyType::Blob(_) => PgType::Bytea,
        MyType::Date => PgType::Date,
        MyType::Time(digits) => PgType::Time(Some(*digits)),
        MyType::DateTime(digits) => PgType::Timestamp(Some(*digits)),
        MyType::Timestamp(digits) => PgType::TimestampTz(Some(*digits)),
        // Not jsonb: MariaDB keeps the text as it was written.
        MyType::Json => PgType::Json,
        MyType::Bit(n) => PgType::Bit(u32::from(*n)),
        MyType::Uuid => PgType::Uuid,
        MyType::Other(name) => PgType::Other(0, name.clone()),
    }
}

/// The type that a MySQL client sees for a column of a PostgreSQL table. `mariadb`: the client's home is MariaDB.
pub fn seen_by_mysql(ty: &PgType, mariadb: bool) -> MyType {
    match ty {
        PgType::Bool => MyType::Bool,
        PgType::Int2 => MyType::SmallInt(false),
        PgType::Int4 => MyType::Int(false),
        PgType::Int8 => MyType::BigInt(false),
        PgType::Oid => MyType::Int(true),
        PgType::Numeric(declared) => {
            decimal(*declared, mariadb).unwrap_or(MyType::Decimal { precision: 65, scale: 30, unsigned: false })
        }
        PgType::Float4 => MyType::Float,
        PgType::Float8 => MyType::Double,
        PgType::Varchar(Some(n)) if *n <= VARCHAR_MAX => MyType::Varchar(*n),
        PgType::Bpchar(Some(n)) if *n <= CHAR_MAX => MyType::Char(*n),
        PgType::Bpchar(Some(n)) if *n <= VARCHAR_MAX => MyType::Varchar(*n),
        PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Unknown => MyType::Text(u32::MAX),
        PgType::Name => MyType::Varchar(63),
        PgType::Bytea => MyType::Blob(u32::MAX),
        PgType::Date => MyType::Date,
        PgType::Time(digits) => MyType::Time(digits.unwrap_or(MICROS)),
        PgType::Timestamp(digits) => MyType::DateTime(digits.unwrap_or(MICROS)),
        PgType::TimestampTz(digits) => MyType::Timestamp(digits.unwrap_or(MICROS)),
        PgType::Uuid if mariadb => MyType::Uuid,
        PgType::Uuid => MyType::Char(36),
        PgType::Json | PgType::Jsonb => MyType::Json,
        PgType::Bit(n) => match u8::try_from(*n) {
            Ok(n @ 1..=64) => MyType::Bit(n),
            Ok(_) | Err(_) => MyType::Other(ty.sql()),
        },
        PgType::Void => MyType::Null,
        PgType::Interval | PgType::Varbit(_) | PgType::Array(_) | PgType::Other(..) => MyType::Other(ty.sql()),
    }
}

/// The DECIMAL that holds exactly the values of this numeric, if there is one.
fn decimal(declared: Option<(u16, i16)>, mariadb: bool) -> Option<MyType> {
    let (precision_max, scale_mysql, scale_mariadb) = DECIMAL_MAX;
    let scale_max = if mariadb { scale_mariadb } else { scale_mysql };
    let (precision, scale) = declared?;
    let fits =
        precision <= precision_max && (0..=scale_max).contains(&scale) && i32::from(scale) <= i32::from(precision);
    let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
    fits.then_some(MyType::Decimal { precision, scale, unsigned: false })
}

/// The column type in a CREATE TABLE for MySQL (`mariadb`: MariaDB) that keeps every value of this one and is seen as it
/// again; `None`: none does.
///
/// Text brings its character set and a collation that compares by bytes without padding, so that unique keys mean what they
/// mean on PostgreSQL. `timestamptz` becomes TIMESTAMP, the only type seen as `timestamptz` again, though moments outside
/// 1970–2038 are then refused; on old servers the caller must say NULL where the column may be. On MySQL a uuid is seen as
/// `varchar(36)` later. PostgreSQL's `char(n)` would lose its blanks, a numeric without a scale its own.
pub fn stored_in_mysql(ty: &PgType, mariadb: bool) -> Option<String> {
    let text = |name: &str| {
        let collation = if mariadb { "utf8mb4_nopad_bin" } else { "utf8mb4_0900_bin" };
        Some(format!("{name} CHARACTER SET utf8mb4 COLLATE {collation}"))
    };
    match ty {
        PgType::Bool
        | PgType::Int2
        | PgType::Int4
        | PgType::Int8
        | PgType::Float4
        | PgType::Float8
        | PgType::Bytea
        | PgType::Date
        | PgType::Time(_)
        | PgType::Timestamp(_)
        | PgType::TimestampTz(_)
        | PgType::Json
        | PgType::Jsonb => Some(seen_by_mysql(ty, mariadb).sql()),
        PgType::Numeric(declared) => decimal(*declared, mariadb).map(|d| d.sql()),
        PgType::Text | PgType::Varchar(None) => text("longtext"),
        PgType::Varchar(Some(n)) if *n <= VARCHAR_MAX => text(&format!("varchar({n})")),
        PgType::Uuid if mariadb => Some("uuid".into()),
        PgType::Uuid => text("char(36)"),
        PgType::Bit(n @ 1..=64) => Some(format!("bit({n})")),
        PgType::Varchar(_)
        | PgType::Oid
        | PgType::Bpchar(_)
        | PgType::Name
        | PgType::Interval
        | PgType::Bit(_)
        | PgType::Varbit(_)
        | PgType::Array(_)
        | PgType::Unknown
        | PgType::Void
        | PgType::Other(..) => None,
    }
}

/// The column type in a CREATE TABLE for PostgreSQL that keeps every value of this one; `None`: none does.
///
/// Unsigned types go one size up, so they also take what MySQL would refuse, unless the caller adds [`unsigned_check`]. TIME
/// takes times of a day only. ENUM and SET would lose their members, BINARY its zeros.
pub fn stored_in_pg(ty: &MyType) -> Option<String> {
    match ty {
        MyType::Char(0) | MyType::Varchar(0) => None,
        MyType::Char(n) => Some(format!("char({n})")),
        MyType::Bool
        | MyType::TinyInt(_)
        | MyType::SmallInt(_)
        | MyType::MediumInt(_)
        | MyType::Int(_)
        | MyType::BigInt(_)
        | MyType::Decimal { .. }
        | MyType::Float
        | MyType::Double
        | MyType::Varchar(_)
        | MyType::Text(_)
        | MyType::Varbinary(_)
        | MyType::Blob(_)
        | MyType::Date
        | MyType::Time(_)
        | MyType::DateTime(_)
        | MyType::Timestamp(_)
        | MyType::Year
        | MyType::Bit(_)
        | MyType::Uuid => Some(seen_by_pg(ty).sql()),
        // MySQL sorts the keys and prints its own blanks, as jsonb does.
        MyType::Json => Some("jsonb".into()),
        MyType::Binary(_) | MyType::Enum(_) | MyType::Set(_) | MyType::Null | MyType::Other(_) => None,
    }
}

/// The bounds that a CHECK must give a PostgreSQL column of [`stored_in_pg`], where its type takes more than MySQL's.
pub fn unsigned_check(ty: &MyType) -> Option<(i128, i128)> {
    match ty {
        MyType::TinyInt(false) => Some((-128, 127)),
        MyType::TinyInt(true) => Some((0, 255)),
        MyType::SmallInt(true) => Some((0, 65_535)),
        MyType::MediumInt(false) => Some((-8_388_608, 8_388_607)),
        MyType::MediumInt(true) => Some((0, 16_777_215)),
        MyType::Int(true) => Some((0, 4_294_967_295)),
        MyType::BigInt(true) => Some((0, 18_446_744_073_709_551_615)),
        MyType::Year => Some((0, 2155)),
        MyType::Bool
        | MyType::SmallInt(false)
        | MyType::Int(false)
        | MyType::BigInt(false)
        | MyType::Decimal { .. }
        | MyType::Float
        | MyType::Double
        | MyType::Char(_)
        | MyType::Varchar(_)
        | MyType::Text(_)
        | MyType::Binary(_)
        | MyType::Varbinary(_)
        | MyType::Blob(_)
        | MyType::Date
        | MyType::Time(_)
        | MyType::DateTime(_)
        | MyType::Timestamp(_)
        | MyType::Json
        | MyType::Enum(_)
        | MyType::Set(_)
        | MyType::Bit(_)
        | MyType::Uuid
        | MyType::Null
        | MyType::Other(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsigned_numbers_are_seen_one_size_up() {
        for (ty, seen) in [
            ("tinyint unsigned", PgType::Int2),
            ("smallint unsigned", PgType::Int4),
            ("mediumint unsigned", PgType::Int4),
            ("int unsigned", PgType::Int8),
            ("bigint unsigned", PgType::Numeric(Some((20, 0)))),
            ("tinyint(1)", PgType::Bool),
        ] {
            assert_eq!(seen_by_pg(&MyType::parse(ty, false)), seen, "{ty}");
        }
    }

    #[test]
    fn what_a_client_creates_is_seen_as_what_it_wrote() {
        for name in [
            "boolean",
            "smallint",
            "integer",
            "bigint",
            "numeric(10,2)",
            "real",
            "double precision",
            "text",
            "character varying(20)",
            "bytea",
            "date",
            "time(3) without time zone",
            "timestamp(6) without time zone",
            "timestamp(0) with time zone",
            "json",
            "bit(9)",
            "uuid",
        ] {
            let ty = PgType::parse(name).unwrap();
            let stored = stored_in_mysql(&ty, true).unwrap();
            let stored = stored.split(" CHARACTER").next().unwrap();
            assert_eq!(seen_by_pg(&MyType::parse(stored, false)), ty, "{name} as {stored}");
        }
        for name in [
            "tinyint(1)",
            "smallint",
            "int",
            "bigint",
            "decimal(10,2)",
            "float",
            "double",
            "varchar(9)",
            "char(3)",
            "longtext",
            "longblob",
            "date",
            "time(3)",
            "datetime",
            "timestamp(6)",
            "json",
            "bit(9)",
            "uuid",
        ] {
            let ty = MyType::parse(name, false);
            let stored = PgType::parse(&stored_in_pg(&ty).unwrap()).unwrap();
            assert_eq!(seen_by_mysql(&stored, true), ty, "{name} as {stored:?}");
        }
    }
}
