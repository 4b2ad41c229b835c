//! MySQL's and MariaDB's types, as far as values of them can cross.

/// A type of MySQL or MariaDB with its attributes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MyType {
    /// TINYINT(1), which stands for BOOLEAN.
    Bool,
    /// TINYINT; `true`: unsigned. So for the next ones.
    TinyInt(bool),
    /// SMALLINT
    SmallInt(bool),
    /// MEDIUMINT
    MediumInt(bool),
    /// INT
    Int(bool),
    /// BIGINT
    BigInt(bool),
    /// DECIMAL(precision, scale)
    Decimal {
        /// Digits in all, 1–65.
        precision: u8,
        /// Digits behind the point, 0–38.
        scale: u8,
        /// UNSIGNED
        unsigned: bool,
    },
    /// FLOAT
    Float,
    /// DOUBLE
    Double,
    /// CHAR(n), characters.
    Char(u32),
    /// VARCHAR(n), characters.
    Varchar(u32),
    /// TINYTEXT … LONGTEXT: bytes at most.
    Text(u32),
    /// BINARY(n)
    Binary(u32),
    /// VARBINARY(n)
    Varbinary(u32),
    /// TINYBLOB … LONGBLOB: bytes at most.
    Blob(u32),
    /// DATE
    Date,
    /// TIME(digits of the fraction)
    Time(u8),
    /// DATETIME(digits of the fraction)
    DateTime(u8),
    /// TIMESTAMP(digits of the fraction)
    Timestamp(u8),
    /// YEAR
    Year,
    /// JSON (on MariaDB LONGTEXT with a check).
    Json,
    /// ENUM with its members.
    Enum(Vec<String>),
    /// SET with its members.
    Set(Vec<String>),
    /// BIT(n)
    Bit(u8),
    /// MariaDB's UUID.
    Uuid,
    /// NULL without a type; a parameter that nothing has decided yet.
    Null,
    /// Anything else, by name: its values cannot cross.
    Other(String),
}

/// A column definition's fields that tell its type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ColumnWire {
    /// Type code.
    pub code: u8,
    /// Flags, as in the column definition.
    pub flags: u16,
    /// Collation id: 63 is binary.
    pub collation: u16,
    /// Display length in bytes.
    pub length: u32,
    /// Decimals; 31: not fixed.
    pub decimals: u8,
}

/// Type codes (`enum_field_types` in `field_types.h`).
pub mod code {
    #![allow(missing_docs, reason = "the names are the protocol's")]
    pub const DECIMAL: u8 = 0;
    pub const TINY: u8 = 1;
    pub const SHORT: u8 = 2;
    pub const LONG: u8 = 3;
    pub const FLOAT: u8 = 4;
    pub const DOUBLE: u8 = 5;
    pub const NULL: u8 = 6;
    pub const TIMESTAMP: u8 = 7;
    pub const LONGLONG: u8 = 8;
    pub const INT24: u8 = 9;
    pub const DATE: u8 = 10;
    pub const TIME: u8 = 11;
    pub const DATETIME: u8 = 12;
    pub const YEAR: u8 = 13;
    pub const NEWDATE: u8 = 14;
    pub const VARCHAR: u8 = 15;
    pub const BIT: u8 = 16;
    pub const TIMESTAMP2: u8 = 17;
    pub const DATETIME2: u8 = 18;
    pub const TIME2: u8 = 19;
    pub const JSON: u8 = 245;
    pub const NEWDECIMAL: u8 = 246;
    pub const ENUM: u8 = 247;
    pub const SET: u8 = 248;
    pub const TINY_BLOB: u8 = 249;
    pub const MEDIUM_BLOB: u8 = 250;
    pub const LONG_BLOB: u8 = 251;
    pub const BLOB: u8 = 252;
    pub const VAR_STRING: u8 = 253;
    pub const STRING: u8 = 254;
}

/// Flags of a column definition (`mysql_com.h`).
pub mod flag {
    #![allow(missing_docs, reason = "the names are the protocol's")]
    pub const NOT_NULL: u16 = 1;
    pub const PRI_KEY: u16 = 2;
    pub const UNIQUE_KEY: u16 = 4;
    pub const MULTIPLE_KEY: u16 = 8;
    pub const BLOB: u16 = 16;
    pub const UNSIGNED: u16 = 32;
    pub const ZEROFILL: u16 = 64;
    pub const BINARY: u16 = 128;
    pub const ENUM: u16 = 256;
    pub const AUTO_INCREMENT: u16 = 512;
    pub const SET: u16 = 2048;
}

/// Collation id of what is no text.
pub const BINARY_COLLATION: u16 = 63;
/// Decimals of floats.
const NOT_FIXED: u8 = 31;

impl MyType {
    /// What a MySQL server puts in a column definition of this type (flags of the type only: UNSIGNED, BINARY, BLOB, ENUM,
    /// SET …), for a client whose character set has the given collation id. MySQL's own; [`Self::wire_mariadb`] for MariaDB's.
    pub fn wire(&self, collation: u16) -> ColumnWire {
        let wire = |code: u8, flags: u16, length: u32, decimals: u8| ColumnWire {
            code,
            flags,
            collation: BINARY_COLLATION,
            length,
            decimals,
        };
        let int = |code: u8, unsigned: bool, signed_length: u32, unsigned_length: u32| {
            if unsigned { wire(code, flag::UNSIGNED, unsigned_length, 0) } else { wire(code, 0, signed_length, 0) }
        };
        let text = |code: u8, flags: u16, characters: u32| ColumnWire {
            code,
            flags,
            collation,
            length: characters.saturating_mul(character_bytes_max(collation)),
            decimals: 0,
        };
        // A point and the digits of the fraction.
        let moment = |digits: &u8| if *digits == 0 { 0 } else { 1 + u32::from(*digits) };
        match self {
            Self::Bool => wire(code::TINY, 0, 1, 0),
            Self::TinyInt(u) => int(code::TINY, *u, 4, 3),
            Self::SmallInt(u) => int(code::SHORT, *u, 6, 5),
            Self::MediumInt(u) => int(code::INT24, *u, 9, 8),
            Self::Int(u) => int(code::LONG, *u, 11, 10),
            Self::BigInt(u) => int(code::LONGLONG, *u, 20, 20),
            Self::Decimal { precision, scale, unsigned } => {
                let length = u32::from(*precision) + u32::from(*scale > 0) + u32::from(!unsigned);
                wire(code::NEWDECIMAL, if *unsigned { flag::UNSIGNED } else { 0 }, length, *scale)
            }
            Self::Float => wire(code::FLOAT, 0, 12, NOT_FIXED),
            Self::Double => wire(code::DOUBLE, 0, 22, NOT_FIXED),
            Self::Char(n) => text(code::STRING, 0, *n),
            Self::Varchar(n) => text(code::VAR_STRING, 0, *n),
            Self::Text(bytes) => text(code::BLOB, flag::BLOB, *bytes),
            Self::Binary(n) => wire(code::STRING, flag::BINARY, *n, 0),
            Self::Varbinary(n) => wire(code::VAR_STRING, flag::BINARY, *n, 0),
            Self::Blob(bytes) => wire(code::BLOB, flag::BLOB | flag::BINARY, *bytes, 0),
            Self::Date => wire(code::DATE, flag::BINARY, 10, 0),
            Self::Time(digits) => wire(code::TIME, flag::BINARY, 10 + moment(digits), *digits),
            Self::DateTime(digits) => wire(code::DATETIME, flag::BINARY, 19 + moment(digits), *digits),
            Self::Timestamp(digits) => wire(code::TIMESTAMP, flag::BINARY, 19 + moment(digits), *digits),
            Self::Year => wire(code::YEAR, flag::UNSIGNED | flag::ZEROFILL, 4, 0),
            Self::Json => wire(code::JSON, flag::BLOB | flag::BINARY, u32::MAX, 0),
            Self::Enum(members) => {
                let longest = members.iter().map(|m| m.chars().count()).max().unwrap_or(0);
                text(code::STRING, flag::ENUM, u32::try_from(longest).unwrap_or(u32::MAX))
            }
            Self::Set(members) => {
                let all: usize = members.iter().map(|m| m.chars().count() + 1).sum();
                text(code::STRING, flag::SET, u32::try_from(all.saturating_sub(1)).unwrap_or(u32::MAX))
            }
            Self::Bit(n) => wire(code::BIT, flag::UNSIGNED, u32::from(*n), 0),
            Self::Uuid => text(code::STRING, flag::BINARY | flag::UNSIGNED, 36),
            Self::Null => wire(code::NULL, flag::BINARY, 0, 0),
            Self::Other(_) => text(code::VAR_STRING, 0, 0),
        }
    }

    /// The same as MariaDB puts it: JSON is a LONGTEXT there, and a TIMESTAMP has no sign.
    pub fn wire_mariadb(&self, collation: u16) -> ColumnWire {
        let mut wire = self.wire(collation);
        if wire.code == code::TIMESTAMP {
            wire.flags |= flag::UNSIGNED;
        }
        if wire.code == code::JSON {
            wire.code = code::BLOB;
            wire.collation = collation;
        }
        wire
    }

    /// The type of a result column. Members of ENUM and SET are not on the wire; MariaDB's UUID is a CHAR(36) there, and its
    /// JSON a LONGTEXT.
    pub fn from_wire(wire: ColumnWire) -> Self {
        let unsigned = wire.flags & flag::UNSIGNED != 0;
        let binary = wire.collation == BINARY_COLLATION;
        let characters = wire.length / character_bytes_max(wire.collation);
        let digits = if wire.decimals > 6 { 6 } else { wire.decimals };
        match wire.code {
            code::TINY if wire.length == 1 && !unsigned => Self::Bool,
            code::TINY => Self::TinyInt(unsigned),
            code::SHORT => Self::SmallInt(unsigned),
            code::INT24 => Self::MediumInt(unsigned),
            code::LONG => Self::Int(unsigned),
            code::LONGLONG => Self::BigInt(unsigned),
            code::DECIMAL | code::NEWDECIMAL => {
                let marks = u32::from(wire.decimals > 0) + u32::from(!unsigned);
                let precision = u8::try_from(wire.length.saturating_sub(marks).clamp(1, 65)).unwrap_or(65);
                Self::Decimal { precision, scale: wire.decimals.min(38).min(precision), unsigned }
            }
            code::FLOAT => Self::Float,
            code::DOUBLE => Self::Double,
            code::NULL => Self::Null,
            code::TIMESTAMP | code::TIMESTAMP2 => Self::Timestamp(digits),
            code::DATE | code::NEWDATE => Self::Date,
            code::TIME | code::TIME2 => Self::Time(digits),
            code::DATETIME | code::DATETIME2 => Self::DateTime(digits),
            code::YEAR => Self::Year,
            code::BIT => Self::Bit(u8::try_from(wire.length.clamp(1, 64)).unwrap_or(64)),
            code::JSON => Self::Json,
            code::ENUM => Self::Enum(Vec::new()),
            code::SET => Self::Set(Vec::new()),
            code::STRING | code::VAR_STRING | code::VARCHAR if wire.flags & flag::ENUM != 0 => Self::Enum(Vec::new()),
            code::STRING | code::VAR_STRING | code::VARCHAR if wire.flags & flag::SET != 0 => Self::Set(Vec::new()),
            code::STRING if binary => Self::Binary(wire.length),
            code::STRING => Self::Char(characters),
            code::VAR_STRING | code::VARCHAR if binary => Self::Varbinary(wire.length),
            code::VAR_STRING | code::VARCHAR => Self::Varchar(characters),
            code::TINY_BLOB..=code::BLOB if binary => Self::Blob(wire.length),
            code::TINY_BLOB..=code::BLOB => Self::Text(wire.length),
            other => Self::Other(format!("with code {other}")),
        }
    }

    /// Its name in SQL: `decimal(10,2) unsigned`.
    pub fn sql(&self) -> String {
        let int = |name: &str, unsigned: &bool| if *unsigned { format!("{name} unsigned") } else { name.to_owned() };
        let timed = |name: &str, digits: &u8| if *digits == 0 { name.to_owned() } else { format!("{name}({digits})") };
        let sized = |bytes: &u32, kind: &str| match bytes {
            0..=0xff => format!("tiny{kind}"),
            0x100..=0xffff => kind.to_owned(),
            0x1_0000..=0xff_ffff => format!("medium{kind}"),
            0x100_0000.. => format!("long{kind}"),
        };
        let listed = |name: &str, members: &[String]| {
            let quoted: Vec<_> = members.iter().map(|m| format!("'{}'", m.replace('\'', "''"))).collect();
            format!("{name}({})", quoted.join(","))
        };
        match self {
            Self::Bool => "tinyint(1)".into(),
            Self::TinyInt(u) => int("tinyint", u),
            Self::SmallInt(u) => int("smallint", u),
            Self::MediumInt(u) => int("mediumint", u),
            Self::Int(u) => int("int", u),
            Self::BigInt(u) => int("bigint", u),
            Self::Decimal { precision, scale, unsigned } => int(&format!("decimal({precision},{scale})"), unsigned),
            Self::Float => "float".into(),
            Self::Double => "double".into(),
            Self::Char(n) => format!("char({n})"),
            Self::Varchar(n) => format!("varchar({n})"),
            Self::Text(bytes) => sized(bytes, "text"),
            Self::Binary(n) => format!("binary({n})"),
            Self::Varbinary(n) => format!("varbinary({n})"),
            Self::Blob(bytes) => sized(bytes, "blob"),
            Self::Date => "date".into(),
            Self::Time(digits) => timed("time", digits),
            Self::DateTime(digits) => timed("datetime", digits),
            Self::Timestamp(digits) => timed("timestamp", digits),
            Self::Year => "year".into(),
            Self::Json => "json".into(),
            Self::Enum(members) => listed("enum", members),
            Self::Set(members) => listed("set", members),
            Self::Bit(n) => format!("bit({n})"),
            Self::Uuid => "uuid".into(),
            Self::Null => "null".into(),
            Self::Other(name) => name.clone(),
        }
    }
}

/// Bytes that a character of this collation's character set takes at most.
fn character_bytes_max(collation: u16) -> u32 {
    match collation {
        // utf8mb4, utf16, utf32 and gb18030; MariaDB's UCA 14.0.0 collations of utf8mb4 stand from 2304 on.
        45 | 46 | 54..=56 | 60..=62 | 101..=124 | 160..=183 | 224..=250 | 255..=323 | 2304..=2559 => 4,
        // utf8mb3 and ujis.
        12 | 33 | 76 | 83 | 91 | 97 | 98 | 192..=215 | 223 | 2048..=2303 => 3,
        // ucs2, big5, sjis, euckr, gb2312, gbk, cp932.
        1 | 13 | 19 | 24 | 28 | 35 | 84..=88 | 90 | 95 | 96 | 128..=151 => 2,
        _ => 1,
    }
}
