//! MySQL's column types as `information_schema.columns.column_type` prints them.

use super::MyType;

/// Characters that fit in a LONGTEXT.
const LONG: u32 = u32::MAX;

impl MyType {
    /// The type that `column_type` says: `int(10) unsigned`, `enum('a','b')`, `decimal(10,2)`, `datetime(6)`. `json_check`:
    /// the column is a LONGTEXT with MariaDB's `json_valid` check, which is how MariaDB keeps JSON.
    pub fn parse(column_type: &str, json_check: bool) -> Self {
        let text = column_type.trim();
        let (word, rest) = match text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            Some(at) => text.split_at(at),
            None => (text, ""),
        };
        let word = word.to_ascii_lowercase();
        if word == "enum" || word == "set" {
            let members = members(rest);
            return if word == "enum" { Self::Enum(members) } else { Self::Set(members) };
        }
        let (args, attributes) = arguments(rest);
        let unsigned = attributes.split_ascii_whitespace().any(|a| a.eq_ignore_ascii_case("unsigned"));
        let first = args.first().copied();
        let digits = first.and_then(|d| u8::try_from(d).ok()).unwrap_or(0);
        match word.as_str() {
            "bool" | "boolean" => Self::Bool,
            "tinyint" if first == Some(1) && !unsigned => Self::Bool,
            "tinyint" => Self::TinyInt(unsigned),
            "smallint" => Self::SmallInt(unsigned),
            "mediumint" => Self::MediumInt(unsigned),
            "int" | "integer" => Self::Int(unsigned),
            "bigint" => Self::BigInt(unsigned),
            "decimal" | "numeric" | "dec" | "fixed" => Self::Decimal {
                precision: first.and_then(|p| u8::try_from(p).ok()).unwrap_or(10),
                scale: args.get(1).and_then(|s| u8::try_from(*s).ok()).unwrap_or(0),
                unsigned,
            },
            "float" if first.is_some_and(|p| p > 24 && args.len() == 1) => Self::Double,
            "float" => Self::Float,
            "double" | "real" => Self::Double,
            "char" => Self::Char(first.unwrap_or(1)),
            "varchar" => Self::Varchar(first.unwrap_or(0)),
            "tinytext" => Self::Text(0xff),
            "text" => Self::Text(0xffff),
            "mediumtext" => Self::Text(0xff_ffff),
            "longtext" if json_check => Self::Json,
            "longtext" => Self::Text(LONG),
            "binary" => Self::Binary(first.unwrap_or(1)),
            "varbinary" => Self::Varbinary(first.unwrap_or(0)),
            "tinyblob" => Self::Blob(0xff),
            "blob" => Self::Blob(0xffff),
            "mediumblob" => Self::Blob(0xff_ffff),
            "longblob" => Self::Blob(LONG),
            "date" => Self::Date,
            "time" => Self::Time(digits),
            "datetime" => Self::DateTime(digits),
            "timestamp" => Self::Timestamp(digits),
            "year" => Self::Year,
            "json" => Self::Json,
            "bit" => Self::Bit(digits.max(1)),
            "uuid" => Self::Uuid,
            _ => Self::Other(text.to_owned()),
        }
    }
}

/// `(10,2) unsigned` → 10 and 2, and what stands behind.
fn arguments(rest: &str) -> (Vec<u32>, &str) {
    let Some((args, attributes)) = rest.trim_start().strip_prefix('(').and_then(|r| r.split_once(')')) else {
        return (Vec::new(), rest);
    };
    (args.split(',').filter_map(|a| a.trim().parse().ok()).collect(), attributes)
}

/// `('a','it''s')`: the server doubles quotes and escapes by backslash, whatever `sql_mode` says.
fn members(rest: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut chars = rest.chars().peekable();
    let mut open: Option<String> = None;
    while let Some(c) = chars.next() {
        match (&mut open, c) {
            (None, '\'') => open = Some(String::new()),
            (None, _) => {}
            (Some(member), '\'') if chars.peek() == Some(&'\'') => {
                chars.next();
                member.push('\'');
            }
            (Some(_), '\'') => out.extend(open.take()),
            (Some(member), '\\') => member.push(match chars.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('0') => '\0',
                Some('Z') => '\u{1a}',
                Some(other) => other,
                None => break,
            }),
            (Some(member), other) => member.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_types_are_read_as_the_servers_print_them() {
        let decimal = |unsigned| MyType::Decimal { precision: 10, scale: 2, unsigned };
        for (text, ty) in [
            ("tinyint(1)", MyType::Bool),
            ("tinyint(1) unsigned", MyType::TinyInt(true)),
            ("tinyint(4)", MyType::TinyInt(false)),
            ("int(10) unsigned", MyType::Int(true)),
            ("int(5) unsigned zerofill", MyType::Int(true)),
            ("bigint unsigned", MyType::BigInt(true)),
            ("mediumint", MyType::MediumInt(false)),
            ("decimal(10,2)", decimal(false)),
            ("decimal(10,2) unsigned", decimal(true)),
            ("float(7,3)", MyType::Float),
            ("double", MyType::Double),
            ("varchar(10)", MyType::Varchar(10)),
            ("longtext", MyType::Text(u32::MAX)),
            ("datetime(6)", MyType::DateTime(6)),
            ("timestamp", MyType::Timestamp(0)),
            ("year(4)", MyType::Year),
            ("bit(9)", MyType::Bit(9)),
            ("uuid", MyType::Uuid),
            ("json", MyType::Json),
            ("geometry", MyType::Other("geometry".into())),
            ("inet6", MyType::Other("inet6".into())),
        ] {
            assert_eq!(MyType::parse(text, false), ty, "{text}");
        }
        assert_eq!(MyType::parse("longtext", true), MyType::Json);
    }

    #[test]
    fn members_of_an_enum_keep_quotes_commas_and_backslashes() {
        let text = r#"enum('a','it''s','b\\c','x,y','n\nl','q"',')')"#;
        let members = ["a", "it's", "b\\c", "x,y", "n\nl", "q\"", ")"];
        assert_eq!(MyType::parse(text, false), MyType::Enum(members.map(String::from).to_vec()));
        assert_eq!(MyType::parse("set('a','b')", false), MyType::Set(vec!["a".into(), "b".into()]));
        for torn in ["enum(", "enum('", "enum('a", "enum('a\\", "decimal(", "bit("] {
            MyType::parse(torn, false);
        }
    }

    #[test]
    fn a_column_definition_says_the_type_as_the_servers_do() {
        let seen = |ty: &MyType| {
            let w = ty.wire(45);
            (w.code, w.flags, w.collation, w.length, w.decimals)
        };
        // As MySQL 9.7 and MariaDB 10.11 sent them for a client with utf8mb4.
        for (ty, wire) in [
            ("tinyint(1)", (1, 0, 63, 1, 0)),
            ("tinyint", (1, 0, 63, 4, 0)),
            ("tinyint unsigned", (1, 32, 63, 3, 0)),
            ("smallint", (2, 0, 63, 6, 0)),
            ("mediumint unsigned", (9, 32, 63, 8, 0)),
            ("int", (3, 0, 63, 11, 0)),
            ("bigint", (8, 0, 63, 20, 0)),
            ("decimal(10,2)", (246, 0, 63, 12, 2)),
            ("decimal(10,0)", (246, 0, 63, 11, 0)),
            ("decimal(10,2) unsigned", (246, 32, 63, 11, 2)),
            ("float", (4, 0, 63, 12, 31)),
            ("double", (5, 0, 63, 22, 31)),
            ("char(5)", (254, 0, 45, 20, 0)),
            ("varchar(10)", (253, 0, 45, 40, 0)),
            ("tinytext", (252, 16, 45, 1020, 0)),
            ("longtext", (252, 16, 45, 4_294_967_295, 0)),
            ("binary(5)", (254, 128, 63, 5, 0)),
            ("varbinary(10)", (253, 128, 63, 10, 0)),
            ("blob", (252, 144, 63, 65_535, 0)),
            ("date", (10, 128, 63, 10, 0)),
            ("time(6)", (11, 128, 63, 17, 6)),
            ("datetime(3)", (12, 128, 63, 23, 3)),
            ("timestamp", (7, 128, 63, 19, 0)),
            ("year", (13, 96, 63, 4, 0)),
            ("json", (245, 144, 63, 4_294_967_295, 0)),
            ("enum('a','bcd')", (254, 256, 45, 12, 0)),
            ("set('a','bcd')", (254, 2048, 45, 20, 0)),
            ("bit(9)", (16, 32, 63, 9, 0)),
            ("uuid", (254, 160, 45, 144, 0)),
        ] {
            let ty = MyType::parse(ty, false);
            assert_eq!(seen(&ty), wire, "{}", ty.sql());
            #[expect(clippy::wildcard_enum_match_arm, reason = "all others come back as they are")]
            let known = match &ty {
                MyType::Enum(_) => MyType::Enum(vec![]),
                MyType::Set(_) => MyType::Set(vec![]),
                MyType::Uuid => MyType::Char(36),
                MyType::Text(n) => MyType::Text(n.saturating_mul(4)),
                other => other.clone(),
            };
            assert_eq!(MyType::from_wire(ty.wire(45)), known);
        }
        assert_eq!(MyType::Json.wire_mariadb(45).code, 252);
    }
}
