use proptest::prelude::*;

use super::*;
use crate::wire::value::{Date, Time, calendar, zone};

fn both(ty: &PgType, value: &Value, style: &Style) {
    for format in [Format::Text, Format::Binary] {
        let mut out = BytesMut::new();
        encode(value, ty, format, style, &mut out).unwrap_or_else(|e| panic!("{value:?} as {ty:?}: {e}"));
        let back = decode(ty, format, style, &out).unwrap_or_else(|e| panic!("{value:?} as {ty:?} {format:?}: {e}"));
        let same = match (&back, value) {
            (Value::Float4(a), Value::Float4(b)) => a.to_bits() == b.to_bits(),
            (Value::Float8(a), Value::Float8(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        };
        assert!(same, "{value:?} as {ty:?} {format:?} came back as {back:?}");
    }
}

fn berlin() -> Style {
    Style { time_zone: zone::parse_pg("Europe/Berlin").unwrap(), ..Style::ours() }
}

fn date(year: i32, month: u8, day: u8) -> Date {
    Date { year, month, day }
}

const LAST: Time = Time { negative: false, hours: 23, minutes: 59, seconds: 59, micros: 999_999 };

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn every_types_edge_values_come_back_in_both_formats() {
    let array = |element| PgType::Array(Box::new(element));
    let big = "9".repeat(1000);
    let edges: Vec<(PgType, Vec<Value>)> = vec![
        (PgType::Bool, vec![Value::Bool(true), Value::Bool(false)]),
        (PgType::Int2, vec![Value::Int(i16::MIN.into()), Value::Int(i16::MAX.into())]),
        (PgType::Int4, vec![Value::Int(i32::MIN.into()), Value::Int(0), Value::Int(i32::MAX.into())]),
        (PgType::Int8, vec![Value::Int(i64::MIN.into()), Value::Int(i64::MAX.into())]),
        (PgType::Oid, vec![Value::Int(0), Value::Int(u32::MAX.into())]),
        (
            PgType::Numeric(None),
            ["0", "0.00", "-1.50", "10000", "0.0001", "1e-20", "NaN", "Infinity", "-Infinity", &big]
                .iter()
                .map(|n| Value::Decimal(crate::wire::value::decimal::parse(n).unwrap()))
                .collect(),
        ),
        (
            PgType::Float4,
            [0.0, -0.0, 0.1, f32::MAX, f32::MIN_POSITIVE, 1e-45, f32::NAN, f32::INFINITY, f32::NEG_INFINITY]
                .map(Value::Float4)
                .to_vec(),
        ),
        (
            PgType::Float8,
            [0.0, -0.0, 0.1, f64::MAX, f64::MIN_POSITIVE, 5e-324, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e15]
                .map(Value::Float8)
                .to_vec(),
        ),
        (PgType::Text, ["", "a", "é😀\u{10ffff}", "'\\\"", " \n\t"].map(|t| Value::Text(t.into())).to_vec()),
        (PgType::Bytea, vec![Value::Bytes(vec![]), Value::Bytes(vec![0, 255, b'\\']), Value::Bytes(vec![7; 1 << 20])]),
        (
            PgType::Date,
            vec![
                Value::Date(date(1, 1, 1)),
                Value::Date(date(2024, 2, 29)),
                Value::Date(date(9999, 12, 31)),
                Value::Date(date(-4712, 1, 1)),
                Value::Date(date(5_874_897, 12, 31)),
                Value::Infinity(true),
                Value::Infinity(false),
            ],
        ),
        (
            PgType::Time(None),
            vec![Value::Time(Time::MIDNIGHT), Value::Time(LAST), Value::Time(Time { hours: 24, ..Time::MIDNIGHT })],
        ),
        (
            PgType::Timestamp(None),
            vec![
                Value::DateTime(date(1, 1, 1), Time::MIDNIGHT),
                Value::DateTime(date(9999, 12, 31), LAST),
                Value::DateTime(date(294_276, 12, 31), LAST),
                Value::DateTime(date(-43, 3, 15), LAST),
                Value::Infinity(true),
            ],
        ),
        (
            PgType::TimestampTz(None),
            vec![
                Value::Instant(date(2024, 3, 31), Time { hours: 1, ..Time::MIDNIGHT }),
                Value::Instant(date(1800, 1, 1), LAST),
                Value::Instant(date(2024, 2, 29), LAST),
                Value::Infinity(false),
            ],
        ),
        (
            PgType::Interval,
            vec![
                Value::Interval { months: 0, days: 0, micros: 0 },
                Value::Interval { months: i32::MAX, days: i32::MIN, micros: -1 },
                Value::Interval { months: -14, days: 3, micros: 14_706_789_000 },
            ],
        ),
        (PgType::Uuid, vec![Value::Uuid([0; 16]), Value::Uuid([0xfe; 16])]),
        (PgType::Json, vec![Value::Json("{\"a\": \"é\"}".into())]),
        (PgType::Jsonb, vec![Value::Json("[1, null]".into())]),
        (PgType::Bit(9), vec![Value::Bits(vec![true, false, false, true, true, false, true, false, true])]),
        (PgType::Varbit(None), vec![Value::Bits(vec![]), Value::Bits(vec![true; 8])]),
        (
            array(PgType::Int4),
            vec![Value::Array(vec![]), Value::Array(vec![Value::Int(1), Value::Null, Value::Int(-3)])],
        ),
        (
            array(PgType::Text),
            vec![Value::Array(
                ["", "null", "a,b", "\"q\"", "\\", "{}", " x ", "é"].iter().map(|t| Value::Text((*t).into())).collect(),
            )],
        ),
    ];
    for (ty, values) in &edges {
        for value in values {
            both(ty, value, &Style::ours());
            both(ty, value, &berlin());
        }
    }
    let escape = Style { bytea_escape: true, ..Style::ours() };
    both(&PgType::Bytea, &Value::Bytes((0..=255).collect()), &escape);
}

proptest! {
    #[test]
    fn floats_come_back(single: f32, double: f64) {
        if !single.is_nan() { both(&PgType::Float4, &Value::Float4(single), &Style::ours()); }
        if !double.is_nan() { both(&PgType::Float8, &Value::Float8(double), &Style::ours()); }
    }

    #[test]
    fn moments_come_back_in_every_zone(micros in -60_000_000_000_000_000_i64..250_000_000_000_000_000, at in 0_usize..4) {
        let name = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "-7"][at];
        let style = Style { time_zone: zone::parse_pg(name).unwrap(), ..Style::ours() };
        let (date, time) = calendar::from_micros(i128::from(micros)).unwrap();
        // The second of two equal clock readings is told apart by its offset.
        both(&PgType::TimestampTz(None), &Value::Instant(date, time), &style);
    }

    #[test]
    fn texts_and_arrays_of_them_come_back(texts: Vec<String>) {
        let texts: Vec<Value> = texts.into_iter().map(|t| Value::Text(t.replace('\0', ""))).collect();
        both(&PgType::Array(Box::new(PgType::Text)), &Value::Array(texts), &Style::ours());
    }

    #[test]
    fn intervals_come_back(months: i32, days: i32, micros: i64) {
        both(&PgType::Interval, &Value::Interval { months, days, micros }, &Style::ours());
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes: Vec<u8>, text in "[-+0-9a-z{}\",\\\\ :.]{0,20}") {
        let types = ["boolean", "integer", "numeric", "real", "bytea", "date", "time", "timestamp", "timestamptz", "interval",
            "uuid", "jsonb", "bit(3)", "varbit", "text[]", "numeric[]", "timestamptz[]"];
        for name in types {
            let ty = PgType::parse(name).unwrap();
            drop(decode(&ty, Format::Binary, &Style::ours(), &bytes));
            drop(decode(&ty, Format::Text, &berlin(), &bytes));
            drop(decode(&ty, Format::Text, &berlin(), text.as_bytes()));
        }
    }
}

#[test]
fn a_zero_byte_is_in_no_text() {
    for format in [Format::Text, Format::Binary] {
        let zero = Value::Text("a\0".into());
        assert!(encode(&zero, &PgType::Text, format, &Style::ours(), &mut BytesMut::new()).is_err());
        assert!(decode(&PgType::Text, format, &Style::ours(), b"a\0").is_err());
    }
}

#[test]
fn declared_scales_and_lengths_show() {
    let text = |value, ty| {
        let mut out = BytesMut::new();
        encode(&value, &ty, Format::Text, &Style::ours(), &mut out).unwrap();
        String::from_utf8(out.to_vec()).unwrap()
    };
    assert_eq!(text(Value::Decimal("1.5".into()), PgType::Numeric(Some((10, 2)))), "1.50");
    assert_eq!(text(Value::Int(7), PgType::Numeric(Some((20, 0)))), "7");
    assert_eq!(text(Value::Text("ab".into()), PgType::Bpchar(Some(4))), "ab  ");
    assert_eq!(text(Value::Int(1), PgType::Bool), "t");
}
