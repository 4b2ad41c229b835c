//! PostgreSQL's types, as far as values of them can cross.

/// A type of PostgreSQL with its modifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PgType {
    /// bool
    Bool,
    /// smallint
    Int2,
    /// integer
    Int4,
    /// bigint
    Int8,
    /// oid
    Oid,
    /// numeric; precision and scale, if declared.
    Numeric(Option<(u16, i16)>),
    /// real
    Float4,
    /// double precision
    Float8,
    /// text
    Text,
    /// varchar(n)
    Varchar(Option<u32>),
    /// char(n)
    Bpchar(Option<u32>),
    /// name
    Name,
    /// bytea
    Bytea,
    /// date
    Date,
    /// time without time zone; digits of the fraction, if declared.
    Time(Option<u8>),
    /// timestamp without time zone
    Timestamp(Option<u8>),
    /// timestamp with time zone
    TimestampTz(Option<u8>),
    /// interval
    Interval,
    /// uuid
    Uuid,
    /// json
    Json,
    /// jsonb
    Jsonb,
    /// bit(n)
    Bit(u32),
    /// bit varying(n)
    Varbit(Option<u32>),
    /// An array of these.
    Array(Box<PgType>),
    /// A literal or parameter whose type nothing has decided yet.
    Unknown,
    /// void
    Void,
    /// Anything else, by oid and name: its values cannot cross.
    Other(u32, String),
}

/// Of a type's size on the wire that is not fixed.
const VARIES: i16 = -1;
/// No modifier.
const NONE: i32 = -1;
/// `VARHDRSZ`: what lengths, and numeric's precision and scale, are counted from.
const HEADER: i32 = 4;

/// Types whose values cannot cross, by oid, oid of their arrays, and name: for messages that say which it was.
const STRANGERS: &[(u32, u32, &str)] = &[
    (18, 1002, "\"char\""),
    (24, 1008, "regproc"),
    (27, 1010, "tid"),
    (28, 1011, "xid"),
    (29, 1012, "cid"),
    (142, 143, "xml"),
    (600, 1017, "point"),
    (601, 1018, "lseg"),
    (602, 1019, "path"),
    (603, 1020, "box"),
    (604, 1027, "polygon"),
    (628, 629, "line"),
    (650, 651, "cidr"),
    (718, 719, "circle"),
    (774, 775, "macaddr8"),
    (790, 791, "money"),
    (829, 1040, "macaddr"),
    (869, 1041, "inet"),
    (1266, 1270, "time with time zone"),
    (1790, 2201, "refcursor"),
    (2205, 2210, "regclass"),
    (2206, 2211, "regtype"),
    (2249, 2287, "record"),
    (3614, 3643, "tsvector"),
    (3615, 3645, "tsquery"),
    (3904, 3905, "int4range"),
    (3906, 3907, "numrange"),
    (3908, 3909, "tsrange"),
    (3910, 3911, "tstzrange"),
    (3912, 3913, "daterange"),
    (3926, 3927, "int8range"),
];

impl PgType {
    /// Its oid in every PostgreSQL (`pg_type.dat`). An array of a type without one is 0.
    pub fn oid(&self) -> u32 {
        self.oids().0
    }

    /// The type's oid, and that of its arrays.
    fn oids(&self) -> (u32, u32) {
        match self {
            Self::Bool => (16, 1000),
            Self::Bytea => (17, 1001),
            Self::Name => (19, 1003),
            Self::Int8 => (20, 1016),
            Self::Int2 => (21, 1005),
            Self::Int4 => (23, 1007),
            Self::Text => (25, 1009),
            Self::Oid => (26, 1028),
            Self::Json => (114, 199),
            Self::Float4 => (700, 1021),
            Self::Float8 => (701, 1022),
            Self::Unknown => (705, 0),
            Self::Bpchar(_) => (1042, 1014),
            Self::Varchar(_) => (1043, 1015),
            Self::Date => (1082, 1182),
            Self::Time(_) => (1083, 1183),
            Self::Timestamp(_) => (1114, 1115),
            Self::TimestampTz(_) => (1184, 1185),
            Self::Interval => (1186, 1187),
            Self::Bit(_) => (1560, 1561),
            Self::Varbit(_) => (1562, 1563),
            Self::Numeric(_) => (1700, 1231),
            Self::Void => (2278, 0),
            Self::Uuid => (2950, 2951),
            Self::Jsonb => (3802, 3807),
            Self::Array(element) => (element.oids().1, 0),
            Self::Other(oid, _) => (*oid, STRANGERS.iter().find(|s| s.0 == *oid).map_or(0, |s| s.1)),
        }
    }

    /// Its modifier on the wire; -1: none.
    pub fn modifier(&self) -> i32 {
        let length = |n: &Option<u32>| n.and_then(|n| i32::try_from(n).ok()).map_or(NONE, |n| n.saturating_add(HEADER));
        let digits = |p: &Option<u8>| p.map_or(NONE, i32::from);
        match self {
            Self::Numeric(Some((precision, scale))) => {
                ((i32::from(*precision) << 16) | (i32::from(*scale) & 0x7ff)) + HEADER
            }
            Self::Varchar(n) | Self::Bpchar(n) => length(n),
            Self::Time(p) | Self::Timestamp(p) | Self::TimestampTz(p) => digits(p),
            Self::Bit(n) => i32::try_from(*n).unwrap_or(NONE),
            Self::Varbit(n) => n.and_then(|n| i32::try_from(n).ok()).unwrap_or(NONE),
            Self::Array(element) => element.modifier(),
            Self::Numeric(None)
            | Self::Bool
            | Self::Int2
            | Self::Int4
            | Self::Int8
            | Self::Oid
            | Self::Float4
            | Self::Float8
            | Self::Text
            | Self::Name
            | Self::Bytea
            | Self::Date
            | Self::Interval
            | Self::Uuid
            | Self::Json
            | Self::Jsonb
            | Self::Unknown
            | Self::Void
            | Self::Other(..) => NONE,
        }
    }

    /// Bytes of a binary value; -1: it varies; -2: a text that ends with a zero (`pg_type.typlen`).
    pub fn wire_bytes(&self) -> i16 {
        match self {
            Self::Bool => 1,
            Self::Int2 => 2,
            Self::Int4 | Self::Oid | Self::Float4 | Self::Date | Self::Void => 4,
            Self::Int8 | Self::Float8 | Self::Time(_) | Self::Timestamp(_) | Self::TimestampTz(_) => 8,
            Self::Interval | Self::Uuid => 16,
            Self::Name => 64,
            Self::Unknown => -2,
            Self::Numeric(_)
            | Self::Text
            | Self::Varchar(_)
            | Self::Bpchar(_)
            | Self::Bytea
            | Self::Json
            | Self::Jsonb
            | Self::Bit(_)
            | Self::Varbit(_)
            | Self::Array(_)
            | Self::Other(..) => VARIES,
        }
    }

    /// The type of this oid and modifier, as in a row description or in `pg_attribute` (`atttypid`, `atttypmod`).
    pub fn from_oid(oid: u32, modifier: i32) -> Self {
        let digits = u8::try_from(modifier).ok();
        let bits = u32::try_from(modifier).ok().filter(|n| *n > 0);
        let length = u32::try_from(modifier.saturating_sub(HEADER)).ok().filter(|n| *n > 0);
        match oid {
            16 => Self::Bool,
            17 => Self::Bytea,
            19 => Self::Name,
            20 => Self::Int8,
            21 => Self::Int2,
            23 => Self::Int4,
            25 => Self::Text,
            26 => Self::Oid,
            114 => Self::Json,
            700 => Self::Float4,
            701 => Self::Float8,
            705 => Self::Unknown,
            1042 => Self::Bpchar(length),
            1043 => Self::Varchar(length),
            1082 => Self::Date,
            1083 => Self::Time(digits),
            1114 => Self::Timestamp(digits),
            1184 => Self::TimestampTz(digits),
            1186 => Self::Interval,
            1560 => Self::Bit(bits.unwrap_or(1)),
            1562 => Self::Varbit(bits),
            1700 => Self::Numeric(precision_and_scale(modifier)),
            2278 => Self::Void,
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            other => array_or_stranger(other, modifier),
        }
    }

    /// The type that `format_type` or a cast calls so: `numeric(10,2)`, `character varying(5)`, `int8`, `text[]` …
    /// `None`: none that this house knows.
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.trim().to_ascii_lowercase();
        if let Some(element) = name.strip_suffix("[]") {
            return Self::parse(element).map(|element| Self::Array(Box::new(element)));
        }
        let (word, args) = split_arguments(&name)?;
        let first = args.first().copied();
        let digits = first.and_then(|p| u8::try_from(p).ok());
        let length = first.and_then(|n| u32::try_from(n).ok());
        Some(match word.as_str() {
            "boolean" | "bool" => Self::Bool,
            "smallint" | "int2" => Self::Int2,
            "integer" | "int" | "int4" => Self::Int4,
            "bigint" | "int8" => Self::Int8,
            "oid" => Self::Oid,
            "numeric" | "decimal" | "dec" => match first {
                None => Self::Numeric(None),
                Some(precision) => {
                    let scale = i16::try_from(args.get(1).copied().unwrap_or(0)).ok()?;
                    Self::Numeric(Some((u16::try_from(precision).ok()?, scale)))
                }
            },
            "real" | "float4" => Self::Float4,
            "double precision" | "float8" => Self::Float8,
            "float" if length.is_some_and(|n| n < 25) => Self::Float4,
            "float" => Self::Float8,
            "text" => Self::Text,
            "character varying" | "varchar" => Self::Varchar(length),
            "character" | "char" => Self::Bpchar(Some(length.unwrap_or(1))),
            "bpchar" => Self::Bpchar(length),
            "name" => Self::Name,
            "bytea" => Self::Bytea,
            "date" => Self::Date,
            "time" | "time without time zone" => Self::Time(digits),
            "timestamp" | "timestamp without time zone" => Self::Timestamp(digits),
            "timestamptz" | "timestamp with time zone" => Self::TimestampTz(digits),
            "interval" => Self::Interval,
            "uuid" => Self::Uuid,
            "json" => Self::Json,
            "jsonb" => Self::Jsonb,
            "bit" => Self::Bit(length.unwrap_or(1)),
            "bit varying" | "varbit" => Self::Varbit(length),
            "unknown" => Self::Unknown,
            "void" => Self::Void,
            _ => return None,
        })
    }

    /// Its name in SQL as `format_type` prints it: `numeric(10,2)`, `character varying(5)`.
    pub fn sql(&self) -> String {
        let sized = |name: &str, n: &Option<u32>| n.map_or_else(|| name.to_owned(), |n| format!("{name}({n})"));
        let timed = |word: &str, p: &Option<u8>, tail: &str| {
            p.map_or_else(|| format!("{word}{tail}"), |p| format!("{word}({p}){tail}"))
        };
        match self {
            Self::Bool => "boolean".into(),
            Self::Int2 => "smallint".into(),
            Self::Int4 => "integer".into(),
            Self::Int8 => "bigint".into(),
            Self::Oid => "oid".into(),
            Self::Numeric(None) => "numeric".into(),
            Self::Numeric(Some((precision, scale))) => format!("numeric({precision},{scale})"),
            Self::Float4 => "real".into(),
            Self::Float8 => "double precision".into(),
            Self::Text => "text".into(),
            Self::Varchar(n) => sized("character varying", n),
            Self::Bpchar(None) => "bpchar".into(),
            Self::Bpchar(n) => sized("character", n),
            Self::Name => "name".into(),
            Self::Bytea => "bytea".into(),
            Self::Date => "date".into(),
            Self::Time(p) => timed("time", p, " without time zone"),
            Self::Timestamp(p) => timed("timestamp", p, " without time zone"),
            Self::TimestampTz(p) => timed("timestamp", p, " with time zone"),
            Self::Interval => "interval".into(),
            Self::Uuid => "uuid".into(),
            Self::Json => "json".into(),
            Self::Jsonb => "jsonb".into(),
            Self::Bit(n) => format!("bit({n})"),
            Self::Varbit(n) => sized("bit varying", n),
            Self::Array(element) => format!("{}[]", element.sql()),
            Self::Unknown => "unknown".into(),
            Self::Void => "void".into(),
            Self::Other(_, name) => name.clone(),
        }
    }
}

/// `numeric`'s modifier: precision above, scale in the lower 11 bits with a sign (since PostgreSQL 15).
fn precision_and_scale(modifier: i32) -> Option<(u16, i16)> {
    let packed = modifier.checked_sub(HEADER).filter(|p| *p >= 0)?;
    let scale = ((packed & 0x7ff) ^ 0x400) - 0x400;
    Some((u16::try_from(packed >> 16).ok()?, i16::try_from(scale).ok()?))
}

/// Plain types whose arrays cross too.
const ELEMENTS: &[u32] = &[
    16, 17, 19, 20, 21, 23, 25, 26, 114, 700, 701, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1560, 1562, 1700, 2950,
    3802,
];

fn array_or_stranger(oid: u32, modifier: i32) -> PgType {
    let element = ELEMENTS.iter().map(|e| PgType::from_oid(*e, modifier)).find(|e| e.oids().1 == oid);
    if let Some(element) = element {
        return PgType::Array(Box::new(element));
    }
    if let Some((_, _, name)) = STRANGERS.iter().find(|s| s.0 == oid) {
        return PgType::Other(oid, (*name).to_owned());
    }
    match STRANGERS.iter().find(|s| s.1 == oid) {
        Some((element, _, name)) => PgType::Array(Box::new(PgType::Other(*element, (*name).to_owned()))),
        None => PgType::Other(oid, format!("with oid {oid}")),
    }
}

/// `time(3) with time zone` → `time with time zone` and 3.
fn split_arguments(name: &str) -> Option<(String, Vec<i32>)> {
    let Some((word, rest)) = name.split_once('(') else { return Some((name.to_owned(), Vec::new())) };
    let (args, tail) = rest.split_once(')')?;
    let args = args.split(',').map(|a| a.trim().parse()).collect::<Result<_, _>>().ok()?;
    Some((format!("{}{tail}", word.trim_end()), args))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<PgType> {
        let mut types: Vec<_> = ELEMENTS.iter().map(|oid| PgType::from_oid(*oid, NONE)).collect();
        types.extend([
            PgType::Numeric(Some((10, 2))),
            PgType::Numeric(Some((5, -2))),
            PgType::Varchar(Some(5)),
            PgType::Bpchar(Some(5)),
            PgType::Time(Some(3)),
            PgType::Timestamp(Some(0)),
            PgType::TimestampTz(Some(6)),
            PgType::Bit(3),
            PgType::Varbit(Some(7)),
        ]);
        types
    }

    #[test]
    fn every_type_is_found_again_by_its_oid_and_by_its_name() {
        for ty in all() {
            assert_eq!(PgType::from_oid(ty.oid(), ty.modifier()), ty);
            assert_eq!(PgType::parse(&ty.sql()), Some(ty.clone()), "{}", ty.sql());
            let array = PgType::Array(Box::new(ty));
            assert_ne!(array.oid(), 0);
            assert_eq!(PgType::from_oid(array.oid(), array.modifier()), array);
        }
    }

    #[test]
    fn modifiers_are_as_a_server_sends_them() {
        assert_eq!(PgType::Numeric(Some((10, 2))).modifier(), 655_366);
        assert_eq!(PgType::Numeric(Some((5, -2))).modifier(), 329_730);
        assert_eq!(PgType::Varchar(Some(5)).modifier(), 9);
        assert_eq!(PgType::TimestampTz(Some(0)).modifier(), 0);
        assert_eq!(PgType::Bit(3).modifier(), 3);
    }

    #[test]
    fn strangers_are_named() {
        assert_eq!(PgType::from_oid(869, -1).sql(), "inet");
        assert_eq!(PgType::from_oid(1041, -1).sql(), "inet[]");
        assert_eq!(PgType::from_oid(99_999, -1).sql(), "with oid 99999");
    }
}
