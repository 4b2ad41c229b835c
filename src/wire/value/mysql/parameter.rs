//! Parameters of COM_STMT_EXECUTE.

use crate::wire::mysql::Reader;
use crate::wire::value::{Date, MyType, Time, Value, ValueError, code, decimal};

/// Reads one parameter of COM_STMT_EXECUTE from the front of `bytes`, by its type code and UNSIGNED flag; gives it and the
/// bytes used. Text types are text if they are UTF-8, else octets; BLOB types are octets.
pub fn decode_parameter(code: u8, unsigned: bool, bytes: &[u8]) -> Result<(Value, usize), ValueError> {
    let mut reader = Reader::new(bytes);
    let value = read(code, unsigned, &mut reader)
        .ok_or_else(|| ValueError::malformed(&parameter_type(code, unsigned).sql()))?;
    Ok((value, bytes.len() - reader.rest().len()))
}

/// The type that a parameter of this code and flag has.
pub fn parameter_type(code: u8, unsigned: bool) -> MyType {
    match code {
        code::TINY => MyType::TinyInt(unsigned),
        code::SHORT => MyType::SmallInt(unsigned),
        code::INT24 => MyType::MediumInt(unsigned),
        code::LONG => MyType::Int(unsigned),
        code::LONGLONG => MyType::BigInt(unsigned),
        code::FLOAT => MyType::Float,
        code::DOUBLE => MyType::Double,
        code::NULL => MyType::Null,
        code::DECIMAL | code::NEWDECIMAL => MyType::Decimal { precision: 65, scale: 30, unsigned },
        code::DATE | code::NEWDATE => MyType::Date,
        code::TIME | code::TIME2 => MyType::Time(6),
        code::DATETIME | code::DATETIME2 | code::TIMESTAMP | code::TIMESTAMP2 => MyType::DateTime(6),
        code::YEAR => MyType::Year,
        code::BIT => MyType::Bit(64),
        code::JSON => MyType::Json,
        code::VARCHAR | code::VAR_STRING | code::STRING | code::ENUM | code::SET => MyType::Text(u32::MAX),
        code::TINY_BLOB..=code::BLOB => MyType::Blob(u32::MAX),
        other => MyType::Other(format!("with code {other}")),
    }
}

fn read(code: u8, unsigned: bool, reader: &mut Reader<'_>) -> Option<Value> {
    let signed = |unsigned_value: u64, bits: u32| {
        let value = i128::from(unsigned_value);
        if !unsigned && value >= 1 << (bits - 1) { value - (1 << bits) } else { value }
    };
    Some(match code {
        code::TINY => Value::Int(signed(reader.u8()?.into(), 8)),
        code::SHORT => Value::Int(signed(reader.u16()?.into(), 16)),
        code::YEAR => Value::Int(reader.u16()?.into()),
        code::INT24 | code::LONG => Value::Int(signed(reader.u32()?.into(), 32)),
        code::LONGLONG => Value::Int(signed(u64::from_le_bytes(reader.bytes(8)?.try_into().ok()?), 64)),
        code::FLOAT => Value::Float4(f32::from_le_bytes(reader.bytes(4)?.try_into().ok()?)),
        code::DOUBLE => Value::Float8(f64::from_le_bytes(reader.bytes(8)?.try_into().ok()?)),
        code::NULL => Value::Null,
        code::DECIMAL | code::NEWDECIMAL => {
            let digits = decimal::parse(std::str::from_utf8(reader.lenenc_bytes()?).ok()?)?;
            Value::Decimal(decimal::is_finite(&digits).then_some(digits)?)
        }
        code::DATE | code::NEWDATE => Value::Date(moment(reader)?.0),
        code::DATETIME | code::DATETIME2 | code::TIMESTAMP | code::TIMESTAMP2 => {
            let (date, time) = moment(reader)?;
            Value::DateTime(date, time)
        }
        code::TIME | code::TIME2 => Value::Time(span(reader)?),
        code::JSON => Value::Json(String::from_utf8(reader.lenenc_bytes()?.to_vec()).ok()?),
        code::BIT | code::TINY_BLOB..=code::BLOB => Value::Bytes(reader.lenenc_bytes()?.to_vec()),
        code::VARCHAR | code::VAR_STRING | code::STRING | code::ENUM | code::SET => {
            match String::from_utf8(reader.lenenc_bytes()?.to_vec()) {
                Ok(text) => Value::Text(text),
                Err(error) => Value::Bytes(error.into_bytes()),
            }
        }
        _ => return None,
    })
}

fn moment(reader: &mut Reader<'_>) -> Option<(Date, Time)> {
    let length = reader.u8()?;
    if !matches!(length, 0 | 4 | 7 | 11) {
        return None;
    }
    let mut date = Date { year: 0, month: 0, day: 0 };
    let mut time = Time::MIDNIGHT;
    if length >= 4 {
        date = Date { year: reader.u16()?.into(), month: reader.u8()?, day: reader.u8()? };
    }
    if length >= 7 {
        time = Time { hours: reader.u8()?.into(), minutes: reader.u8()?, seconds: reader.u8()?, ..time };
    }
    if length == 11 {
        time.micros = reader.u32()?;
    }
    let zeros = date.month == 0 || date.day == 0;
    let exists = date.year <= 9999 && if zeros { date.month <= 12 && date.day <= 31 } else { date.is_valid() };
    (exists && time.hours < 24 && in_clock(time)).then_some((date, time))
}

fn span(reader: &mut Reader<'_>) -> Option<Time> {
    let length = reader.u8()?;
    if length == 0 {
        return Some(Time::MIDNIGHT);
    }
    if !matches!(length, 8 | 12) {
        return None;
    }
    let negative = reader.u8()? != 0;
    let days = reader.u32()?;
    let hours = days.checked_mul(24)?.checked_add(reader.u8()?.into())?;
    let mut time =
        Time { negative, hours: u16::try_from(hours).ok()?, minutes: reader.u8()?, seconds: reader.u8()?, micros: 0 };
    if length == 12 {
        time.micros = reader.u32()?;
    }
    (time.hours <= 838 && in_clock(time)).then_some(time)
}

fn in_clock(time: Time) -> bool {
    time.minutes < 60 && time.seconds < 60 && time.micros < 1_000_000
}
