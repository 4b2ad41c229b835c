use super::*;
use crate::wire::value::{Date, MyType, PgType, Time};

#[test]
fn what_the_other_type_holds_is_taken_and_nothing_else() {
    let date = Date { year: 2024, month: 2, day: 29 };
    let zero = Date { year: 0, month: 0, day: 0 };
    for (value, ty, made) in [
        (Value::Int(1), PgType::Bool, Some(Value::Bool(true))),
        (Value::Int(2), PgType::Bool, None),
        (Value::Int(32_768), PgType::Int2, None),
        (Value::Decimal("5.00".into()), PgType::Int4, Some(Value::Int(5))),
        (Value::Decimal("5.01".into()), PgType::Int4, None),
        (Value::Float8(0.100_000_001_490_116_12), PgType::Float4, Some(Value::Float4(0.1))),
        (Value::Float8(1e300), PgType::Float4, None),
        (Value::Text("12".into()), PgType::Int4, Some(Value::Int(12))),
        (Value::Text("ab".into()), PgType::Bytea, Some(Value::Bytes(b"ab".to_vec()))),
        (Value::Bytes(b"ab".to_vec()), PgType::Text, Some(Value::Text("ab".into()))),
        (Value::Bytes(vec![255]), PgType::Text, None),
        (Value::Date(zero), PgType::Date, None),
        (Value::DateTime(zero, Time::MIDNIGHT), PgType::Timestamp(None), None),
        (Value::Time(Time { hours: 25, ..Time::MIDNIGHT }), PgType::Time(None), None),
        (Value::Date(date), PgType::Timestamp(None), Some(Value::DateTime(date, Time::MIDNIGHT))),
        (Value::Int(5), PgType::Bit(3), Some(Value::Bits(vec![true, false, true]))),
        (Value::Int(8), PgType::Bit(3), None),
    ] {
        assert_eq!(to_pg(&value, &ty).ok().map(|v| v.into_owned()), made, "{value:?} as {ty:?}");
    }
    for (value, ty, made) in [
        (Value::Bool(true), MyType::Bool, Some(Value::Int(1))),
        (Value::Int(-1), MyType::Int(true), None),
        (Value::Text("7".into()), MyType::Int(false), Some(Value::Int(7))),
        (Value::Text("7.5".into()), MyType::Int(false), None),
        (Value::Text("x".into()), MyType::Int(false), None),
        (Value::Float8(7.0), MyType::BigInt(false), Some(Value::Int(7))),
        (Value::Float8(f64::NAN), MyType::Double, None),
        (Value::Decimal("NaN".into()), MyType::Decimal { precision: 9, scale: 2, unsigned: false }, None),
        (Value::Infinity(true), MyType::Date, None),
        (Value::Date(Date { year: -43, month: 3, day: 15 }), MyType::Date, None),
        (Value::Text("ab  ".into()), MyType::Char(4), Some(Value::Text("ab".into()))),
        (Value::Bytes(b"\x01\x02".to_vec()), MyType::Bit(10), Some(Value::Bits(number_bits(258, 10).unwrap()))),
        (Value::Text("2024-02-29 00:00:00".into()), MyType::Date, Some(Value::Date(date))),
        (
            Value::Interval { months: 0, days: 1, micros: 0 },
            MyType::Time(0),
            Some(Value::Time(Time { hours: 24, ..Time::MIDNIGHT })),
        ),
        (Value::Array(vec![]), MyType::Text(9), None),
        (Value::Uuid([0; 16]), MyType::Char(36), Some(Value::Text("00000000-0000-0000-0000-000000000000".into()))),
    ] {
        assert_eq!(to_my(&value, &ty).ok().map(|v| v.into_owned()), made, "{value:?} as {ty:?}");
    }
}
