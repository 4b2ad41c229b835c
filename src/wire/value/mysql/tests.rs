use proptest::prelude::*;

use super::*;
use crate::wire::mysql::Reader;
use crate::wire::value::convert::number_bits;
use crate::wire::value::{Date, Time, code};

fn both(ty: &MyType, value: &Value) {
    let mut out = BytesMut::new();
    encode_text(value, ty, &mut out).unwrap_or_else(|e| panic!("{value:?} as {ty:?}: {e}"));
    let lossy = *ty == MyType::Float;
    let back = decode_text(ty, &out).unwrap();
    assert!(lossy || back == *value, "{value:?} as {ty:?} came back as {back:?} by text");
    let wire = ty.wire(45);
    let mut out = BytesMut::new();
    encode_binary(value, ty, &mut out).unwrap();
    let unsigned = wire.flags & crate::wire::value::flag::UNSIGNED != 0;
    let (back, used) = decode_parameter(wire.code, unsigned, &out).unwrap();
    assert_eq!(used, out.len());
    let back = match (back, value) {
        (Value::DateTime(date, time), Value::Instant(..)) => Value::Instant(date, time),
        (other, _) => convert::to_my(&other, ty).unwrap().into_owned(),
    };
    assert_eq!(back, *value, "{ty:?} by binary");
}

const LAST: Time = Time { negative: false, hours: 23, minutes: 59, seconds: 59, micros: 999_999 };

#[test]
fn every_types_edge_values_come_back_in_both_protocols() {
    let date = |year, month, day| Date { year, month, day };
    let ints = |values: &[i128]| values.iter().map(|n| Value::Int(*n)).collect::<Vec<_>>();
    let decimal = MyType::Decimal { precision: 65, scale: 2, unsigned: false };
    let edges: Vec<(MyType, Vec<Value>)> = vec![
        (MyType::Bool, ints(&[0, 1])),
        (MyType::TinyInt(false), ints(&[-128, 127])),
        (MyType::TinyInt(true), ints(&[0, 255])),
        (MyType::SmallInt(false), ints(&[-32_768, 32_767])),
        (MyType::SmallInt(true), ints(&[65_535])),
        (MyType::MediumInt(false), ints(&[-8_388_608, 8_388_607])),
        (MyType::Int(false), ints(&[i32::MIN.into(), i32::MAX.into()])),
        (MyType::Int(true), ints(&[u32::MAX.into()])),
        (MyType::BigInt(false), ints(&[i64::MIN.into(), i64::MAX.into()])),
        (MyType::BigInt(true), ints(&[u64::MAX.into()])),
        (MyType::Year, ints(&[0, 1901, 2155])),
        (decimal, ["0.00", "-1.50", &format!("{}.99", "9".repeat(63))].map(|d| Value::Decimal(d.into())).to_vec()),
        (MyType::Float, [0.0, -0.5, 0.1, f32::MAX, 1e-45].map(Value::Float4).to_vec()),
        (MyType::Double, [0.0, -0.5, 0.1, f64::MAX, 5e-324, 1e15, 1e-15, 1e-16].map(Value::Float8).to_vec()),
        (MyType::Varchar(20), ["", "a", "é😀", "'\\\"\0"].map(|t| Value::Text(t.into())).to_vec()),
        (
            MyType::Blob(u32::MAX),
            vec![Value::Bytes(vec![]), Value::Bytes(vec![0, 255]), Value::Bytes(vec![7; 1 << 20])],
        ),
        (MyType::Date, [date(0, 0, 0), date(1, 1, 1), date(2024, 2, 29), date(9999, 12, 31)].map(Value::Date).to_vec()),
        (
            MyType::Time(6),
            vec![
                Value::Time(Time::MIDNIGHT),
                Value::Time(LAST),
                Value::Time(Time { negative: true, hours: 838, micros: 0, ..LAST }),
            ],
        ),
        (
            MyType::DateTime(6),
            vec![
                Value::DateTime(date(0, 0, 0), Time::MIDNIGHT),
                Value::DateTime(date(2024, 2, 29), Time::MIDNIGHT),
                Value::DateTime(date(1, 1, 1), Time { hours: 1, ..Time::MIDNIGHT }),
                Value::DateTime(date(9999, 12, 31), LAST),
            ],
        ),
        (
            MyType::Timestamp(6),
            vec![Value::Instant(date(2038, 1, 19), Time { hours: 3, minutes: 14, seconds: 7, ..LAST })],
        ),
        (MyType::Json, vec![Value::Json("{\"a\": 1}".into())]),
        (MyType::Enum(vec!["a".into()]), vec![Value::Text("a".into()), Value::Text(String::new())]),
        (MyType::Bit(10), vec![Value::Bits(number_bits(513, 10).unwrap()), Value::Bits(vec![false; 10])]),
        (MyType::Uuid, vec![Value::Uuid([0xab; 16])]),
    ];
    for (ty, values) in &edges {
        for value in values {
            both(ty, value);
        }
    }
}

#[test]
fn texts_are_as_the_server_prints_them() {
    let text = |value: Value, ty: MyType| {
        let mut out = BytesMut::new();
        encode_text(&value, &ty, &mut out).unwrap();
        String::from_utf8_lossy(&out).into_owned()
    };
    // As MySQL 9.7 and MariaDB 10.11 printed them.
    for (number, said) in [
        (0.1, "0.1"),
        (16_777_216.0, "16777200"),
        (1e15, "1e15"),
        (1e14, "100000000000000"),
        (123_456.7, "123457"),
        (1_234_567.0, "1234570"),
        (1e-15, "0.000000000000001"),
        (1e-16, "1e-16"),
    ] {
        assert_eq!(text(Value::Float4(number), MyType::Float), said);
    }
    for (number, said) in [
        (1e14, "100000000000000"),
        (1e15, "1e15"),
        (1.5e15, "1.5e15"),
        (1e-15, "0.000000000000001"),
        (1e-16, "1e-16"),
        (123_456_789_012_345_680.0, "1.2345678901234568e17"),
        (0.1 + 0.2, "0.30000000000000004"),
        (f64::MAX, "1.7976931348623157e308"),
        (1e-5, "0.00001"),
    ] {
        assert_eq!(text(Value::Float8(number), MyType::Double), said);
    }
    let date = Date { year: 2024, month: 2, day: 29 };
    assert_eq!(text(Value::DateTime(date, Time::MIDNIGHT), MyType::DateTime(0)), "2024-02-29 00:00:00");
    assert_eq!(text(Value::DateTime(date, Time::MIDNIGHT), MyType::DateTime(3)), "2024-02-29 00:00:00.000");
    assert_eq!(
        text(Value::Decimal("1.5".into()), MyType::Decimal { precision: 10, scale: 2, unsigned: false }),
        "1.50"
    );
    assert_eq!(
        text(Value::Decimal("1.5".into()), MyType::Decimal { precision: 65, scale: 30, unsigned: false }),
        "1.5"
    );
    assert_eq!(text(Value::Bool(true), MyType::Bool), "1");
    assert_eq!(text(Value::Time(Time { negative: true, hours: 1, ..Time::MIDNIGHT }), MyType::Time(1)), "-01:00:00.0");
}

#[test]
fn more_digits_than_declared_are_refused_not_cut() {
    let time = Value::Time(LAST);
    assert!(encode_text(&time, &MyType::Time(3), &mut BytesMut::new()).is_err());
    assert!(encode_binary(&time, &MyType::Time(0), &mut BytesMut::new()).is_err());
}

proptest! {
    #[test]
    fn doubles_come_back(double: f64) {
        if double.is_finite() { both(&MyType::Double, &Value::Float8(double)); }
    }

    #[test]
    fn no_bytes_make_decoding_panic(bytes: Vec<u8>, any: u8) {
        drop(decode_parameter(any, any > 127, &bytes));
        for code in (0..20).chain(245..=254) {
            if let Ok((_, used)) = decode_parameter(code, code % 2 == 0, &bytes) {
                prop_assert!(used <= bytes.len());
            }
        }
        for ty in ["int", "decimal(5,2)", "double", "date", "time(6)", "datetime", "timestamp", "bit(9)", "json", "uuid", "year", "text"] {
            drop(decode_text(&MyType::parse(ty, false), &bytes));
        }
        Reader::new(&bytes).until_zero_or_end();
    }
}

#[test]
fn a_parameters_lengths_are_checked() {
    assert!(decode_parameter(code::LONG, false, &[1, 2, 3]).is_err());
    assert!(decode_parameter(code::VAR_STRING, false, &[5, b'a']).is_err());
    assert!(decode_parameter(code::DATETIME, false, &[7, 232, 7, 2, 30, 0, 0, 0]).is_err());
    assert!(decode_parameter(code::TIME, false, &[8, 0, 255, 255, 255, 255, 0, 0, 0]).is_err());
    assert_eq!(decode_parameter(code::TINY, false, &[255, 9]).unwrap(), (Value::Int(-1), 1));
    assert_eq!(decode_parameter(code::TINY, true, &[255]).unwrap(), (Value::Int(255), 1));
}
