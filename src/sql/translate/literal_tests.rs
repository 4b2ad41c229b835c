use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::base::Dialect;
use crate::sql::Reading;
use crate::sql::head::Head;
use crate::sql::lex::{Lexer, Token};
use crate::sql::literal::take;

const HOSTILE: &[&str] = &[
    "'",
    "''",
    "'''",
    "\\",
    "\\'",
    "\\\\",
    "\"",
    "`",
    ";",
    "--",
    "-- ",
    "#",
    "/*",
    "*/",
    "/*!50000 ",
    "/*M! ",
    "$$",
    "$x$",
    "$1",
    "?",
    "@",
    "@@",
    "%",
    "_",
    "\n",
    "\r",
    "\t",
    "\u{1a}",
    "\u{8}",
    "\u{b}",
    "\u{7f}",
    "E'",
    "X'",
    "U&'",
    "_utf8mb4 X'",
    "' OR 1=1 --",
    "'; DROP TABLE t; --",
    "\u{a5}",
    "\u{20a9}",
    "\u{bf}'",
    "\u{bf}\\'",
    "é",
    "ÿ",
    "😀",
    "\u{ffff}",
    "\u{feff}",
    "\u{202e}",
    "\u{85}",
    "a",
    "Z",
    "0",
    " ",
    "NULL",
    "{",
    "}",
    "::text",
    "\\x41",
    "\\u0041",
    "\\0",
    "abc",
];

fn hostile(rng: &mut StdRng, zero: bool) -> String {
    let pieces = rng.random_range(0..8);
    let mut out = String::new();
    for _ in 0..pieces {
        match rng.random_range(0..8) {
            0 => out.push(rng.random()),
            1 => out.push(char::from(rng.random_range(0_u8..0x80))),
            _ => out.push_str(HOSTILE[rng.random_range(0..HOSTILE.len())]),
        }
        if zero && rng.random_range(0..6) == 0 {
            out.push('\0');
        }
    }
    if zero { out } else { out.replace('\0', "") }
}

fn readings(dialect: Dialect) -> Vec<Reading> {
    let mut out = Vec::new();
    for bits in 0..8_u8 {
        let postgres = dialect == Dialect::Postgres;
        let (backslash_escapes, ansi_quotes, mariadb) =
            (bits & 1 != 0, postgres || bits & 2 != 0, !postgres && bits & 4 != 0);
        out.push(Reading { backslash_escapes, ansi_quotes, mariadb, ..Reading::new(dialect) });
    }
    out
}

/// What the text says as one literal after these words, with this rest behind.
fn read(reading: Reading, text: &str, before: usize, behind: usize) -> Option<String> {
    let tokens: Vec<Token> = Lexer::new(reading, text.as_bytes()).collect();
    let mut head = Head { text: text.as_bytes(), tokens: &tokens, at: before, reading, cut: false };
    let said = take(&mut head)?;
    (head.at + behind == tokens.len()).then_some(said)
}

#[test]
fn no_text_leaves_its_literal_on_mysql_in_any_mode() {
    let mut rng = StdRng::seed_from_u64(1);
    let readings = readings(Dialect::Mysql);
    for _ in 0..100_000 {
        let text = hostile(&mut rng, true);
        let literal = mysql(&Value::Text(text.clone()), &PgType::Text).unwrap();
        assert!(literal.bytes().all(|b| matches!(b, b' '..=b'~') && b != b'\\'), "{literal}");
        let before = usize::from(literal.starts_with("_utf8mb4 "));
        for reading in &readings {
            assert_eq!(read(*reading, &literal, before, 0).as_ref(), Some(&text), "{reading:?} {literal}");
        }
    }
}

#[test]
fn no_text_leaves_its_literal_on_postgres_in_any_mode() {
    let mut rng = StdRng::seed_from_u64(2);
    let readings = readings(Dialect::Postgres);
    for _ in 0..100_000 {
        let text = hostile(&mut rng, false);
        let literal = postgres(&Value::Text(text.clone()), &MyType::Text(u32::MAX)).unwrap();
        assert!(literal.bytes().all(|b| matches!(b, b' '..=b'~')), "{literal}");
        for reading in &readings {
            // Behind it: two colons and `text`.
            assert_eq!(read(*reading, &literal, 0, 3).as_ref(), Some(&text), "{reading:?} {literal}");
        }
    }
}

#[test]
fn no_bytes_leave_their_literal() {
    let mut rng = StdRng::seed_from_u64(3);
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..rng.random_range(0..40)).map(|_| rng.random()).collect();
        let my = mysql(&Value::Bytes(bytes.clone()), &PgType::Bytea).unwrap();
        let pg = postgres(&Value::Bytes(bytes.clone()), &MyType::Blob(u32::MAX)).unwrap();
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        for reading in readings(Dialect::Mysql) {
            let said = read(reading, &my, 1, 0).unwrap();
            assert_eq!(said, String::from_utf8_lossy(&bytes));
        }
        for reading in readings(Dialect::Postgres) {
            assert_eq!(read(reading, &pg, 0, 3), Some(format!("\\x{hex}")));
        }
    }
}

#[test]
fn literals_have_the_type_of_their_value() {
    let time = Time { negative: false, hours: 12, minutes: 5, seconds: 6, micros: 7 };
    let date = Date { year: 2024, month: 2, day: 29 };
    let int8 = PgType::Int8;
    for (value, ty, literal) in [
        (Value::Null, &int8, "NULL"),
        (Value::Bool(true), &PgType::Bool, "TRUE"),
        (Value::Int(-5), &int8, "(-5)"),
        (Value::Int(5), &PgType::Numeric(None), "5."),
        (Value::Decimal("-1.50".into()), &PgType::Numeric(None), "(-1.50)"),
        (Value::Float8(1.0), &PgType::Float8, "1e0"),
        (Value::Float8(-2.5e-300), &PgType::Float8, "(-2.5e-300)"),
        (Value::Float4(0.1), &PgType::Float4, "1.0000000149011612e-1"),
        (Value::Text("it's".into()), &PgType::Text, "'it''s'"),
        (Value::Text(String::new()), &PgType::Text, "''"),
        (Value::Text("é".into()), &PgType::Text, "_utf8mb4 X'c3a9'"),
        (Value::Date(date), &PgType::Date, "DATE'2024-02-29'"),
        (Value::Time(time), &PgType::Time(None), "TIME'12:05:06.000007'"),
        (Value::Instant(date, time), &PgType::TimestampTz(None), "TIMESTAMP'2024-02-29 12:05:06.000007'"),
        (Value::Bits(vec![true, false]), &PgType::Bit(2), "b'10'"),
        (Value::Array(vec![Value::Int(1), Value::Null]), &PgType::Array(Box::new(PgType::Int4)), "(1, NULL)"),
    ] {
        assert_eq!(mysql(&value, ty).unwrap(), literal);
    }
    for (value, ty, literal) in [
        (Value::Int(1), MyType::Bool, "TRUE"),
        (Value::Int(-5), MyType::Int(false), "(-5)"),
        (Value::Decimal("1.50".into()), MyType::Decimal { precision: 5, scale: 2, unsigned: false }, "1.50"),
        (Value::Float8(1.0), MyType::Double, "'1e0'::double precision"),
        (Value::Text("it's".into()), MyType::Varchar(9), "'it''s'::text"),
        (Value::Text("a\\b'\u{1}é😀".into()), MyType::Varchar(9), "E'a\\\\b''\\x01\\u00e9\\U0001f600'::text"),
        (Value::Bytes(vec![0, 255]), MyType::Blob(9), "E'\\\\x00ff'::bytea"),
        (Value::DateTime(date, time), MyType::DateTime(6), "'2024-02-29 12:05:06.000007'::timestamp"),
        (Value::Instant(date, time), MyType::Timestamp(6), "'2024-02-29 12:05:06.000007+00'::timestamptz"),
    ] {
        assert_eq!(postgres(&value, &ty).unwrap(), literal);
    }
}

#[test]
fn what_the_other_side_cannot_hold_is_refused() {
    let zero = Date { year: 0, month: 0, day: 0 };
    let midnight = Time { negative: false, hours: 0, minutes: 0, seconds: 0, micros: 0 };
    for (value, ty) in [
        (Value::Decimal("NaN".into()), PgType::Numeric(None)),
        (Value::Decimal(format!("0.{}1", "0".repeat(30))), PgType::Numeric(None)),
        (Value::Decimal("9".repeat(66)), PgType::Numeric(None)),
        (Value::Float8(f64::NAN), PgType::Float8),
        (Value::Float8(f64::INFINITY), PgType::Float8),
        (Value::Infinity(false), PgType::Date),
        (Value::Date(Date { year: 0, month: 1, day: 1 }), PgType::Date),
        (Value::Date(Date { year: 10_000, month: 1, day: 1 }), PgType::Date),
    ] {
        assert_eq!(mysql(&value, &ty).unwrap_err().kind, FaultKind::NotConvertible, "{value:?}");
    }
    for (value, ty) in [
        (Value::Text("a\0b".into()), MyType::Varchar(9)),
        (Value::Date(zero), MyType::Date),
        (Value::DateTime(zero, midnight), MyType::DateTime(0)),
        (Value::Int(2), MyType::Bool),
        (Value::Time(Time { negative: true, hours: 1, ..midnight }), MyType::Time(0)),
        (Value::Time(Time { hours: 25, ..midnight }), MyType::Time(0)),
    ] {
        assert_eq!(postgres(&value, &ty).unwrap_err().kind, FaultKind::NotConvertible, "{value:?}");
    }
}
