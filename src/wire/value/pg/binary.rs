//! Binary forms (`*_send` and `*_recv` of the server).

use bytes::{BufMut, BytesMut};

use crate::wire::value::calendar::{DAY_MICROS, POSTGRES_EPOCH_DAYS, from_micros, micros};
use crate::wire::value::{Date, PgType, Time, Value, ValueError, decimal};

use super::{array, print, utf8, without_zero};

/// Microseconds from 1970 to 2000.
const EPOCH_MICROS: i128 = POSTGRES_EPOCH_DAYS as i128 * DAY_MICROS;

fn fixed<const N: usize>(ty: &PgType, bytes: &[u8]) -> Result<[u8; N], ValueError> {
    bytes.try_into().map_err(|_| ValueError::malformed(&ty.sql()))
}

/// Reads the binary form of a type.
pub(super) fn decode(ty: &PgType, bytes: &[u8]) -> Result<Value, ValueError> {
    let malformed = || ValueError::malformed(&ty.sql());
    Ok(match ty {
        PgType::Bool => Value::Bool(fixed::<1>(ty, bytes)? != [0]),
        PgType::Int2 => Value::Int(i16::from_be_bytes(fixed(ty, bytes)?).into()),
        PgType::Int4 => Value::Int(i32::from_be_bytes(fixed(ty, bytes)?).into()),
        PgType::Int8 => Value::Int(i64::from_be_bytes(fixed(ty, bytes)?).into()),
        PgType::Oid => Value::Int(u32::from_be_bytes(fixed(ty, bytes)?).into()),
        PgType::Numeric(_) => Value::Decimal(decimal::from_binary(bytes).ok_or_else(malformed)?),
        PgType::Float4 => Value::Float4(f32::from_be_bytes(fixed(ty, bytes)?)),
        PgType::Float8 => Value::Float8(f64::from_be_bytes(fixed(ty, bytes)?)),
        PgType::Text | PgType::Varchar(_) | PgType::Bpchar(_) | PgType::Name | PgType::Unknown => {
            Value::Text(utf8(ty, bytes)?.to_owned())
        }
        PgType::Bytea => Value::Bytes(bytes.to_vec()),
        PgType::Date => match i32::from_be_bytes(fixed(ty, bytes)?) {
            i32::MAX => Value::Infinity(false),
            i32::MIN => Value::Infinity(true),
            days => Value::Date(Date::from_days(i64::from(days) + POSTGRES_EPOCH_DAYS).ok_or_else(malformed)?),
        },
        PgType::Time(_) => {
            let time = Time::from_micros(i64::from_be_bytes(fixed(ty, bytes)?).into());
            Value::Time(time.filter(|t| t.is_of_day()).ok_or_else(malformed)?)
        }
        PgType::Timestamp(_) => moment(ty, bytes, Value::DateTime)?,
        PgType::TimestampTz(_) => moment(ty, bytes, Value::Instant)?,
        PgType::Interval => {
            let all: [u8; 16] = fixed(ty, bytes)?;
            let (time, rest) = all.split_at(8);
            let (days, months) = rest.split_at(4);
            Value::Interval {
                months: i32::from_be_bytes(fixed(ty, months)?),
                days: i32::from_be_bytes(fixed(ty, days)?),
                micros: i64::from_be_bytes(fixed(ty, time)?),
            }
        }
        PgType::Uuid => Value::Uuid(fixed(ty, bytes)?),
        PgType::Json => Value::Json(utf8(ty, bytes)?.to_owned()),
        // A version, which is 1, stands before the text.
        PgType::Jsonb => match bytes.split_first() {
            Some((1, text)) => Value::Json(utf8(ty, text)?.to_owned()),
            _ => return Err(malformed()),
        },
        PgType::Bit(_) | PgType::Varbit(_) => Value::Bits(bits(bytes).ok_or_else(malformed)?),
        PgType::Array(element) => array::decode_binary(element, bytes)?,
        PgType::Void if bytes.is_empty() => Value::Null,
        PgType::Void | PgType::Other(..) => return Err(ValueError::Unsupported { ty: ty.sql() }),
    })
}

fn moment(ty: &PgType, bytes: &[u8], make: fn(Date, Time) -> Value) -> Result<Value, ValueError> {
    Ok(match i64::from_be_bytes(fixed(ty, bytes)?) {
        i64::MAX => Value::Infinity(false),
        i64::MIN => Value::Infinity(true),
        count => {
            let (date, time) =
                from_micros(i128::from(count) + EPOCH_MICROS).ok_or_else(|| ValueError::malformed(&ty.sql()))?;
            make(date, time)
        }
    })
}

fn bits(bytes: &[u8]) -> Option<Vec<bool>> {
    let (count, octets) = bytes.split_first_chunk::<4>()?;
    let count = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    if octets.len() != count.div_ceil(8) {
        return None;
    }
    let all = octets.iter().flat_map(|octet| (0..8).map(move |bit| octet & (0x80 >> bit) != 0));
    Some(all.take(count).collect())
}

/// Writes the binary form of a value that is already one of the type.
pub(super) fn encode(value: &Value, ty: &PgType, out: &mut BytesMut) -> Result<(), ValueError> {
    let beyond = |what: &dyn std::fmt::Display| ValueError::out_of_range(&ty.sql(), &what.to_string());
    match value {
        Value::Null => {}
        Value::Bool(value) => out.put_u8(u8::from(*value)),
        Value::Int(number) if *ty == PgType::Int2 => out.put_i16(i16::try_from(*number).map_err(|_| beyond(number))?),
        Value::Int(number) if *ty == PgType::Int4 => out.put_i32(i32::try_from(*number).map_err(|_| beyond(number))?),
        Value::Int(number) if *ty == PgType::Oid => out.put_u32(u32::try_from(*number).map_err(|_| beyond(number))?),
        Value::Int(number) => out.put_i64(i64::try_from(*number).map_err(|_| beyond(number))?),
        Value::Decimal(digits) => {
            let scaled = print::scaled(digits, ty);
            out.put_slice(&decimal::to_binary(&scaled).ok_or_else(|| beyond(digits))?);
        }
        Value::Float4(number) => out.put_f32(*number),
        Value::Float8(number) => out.put_f64(*number),
        Value::Text(text) => out.put_slice(without_zero(ty, text)?.as_bytes()),
        Value::Json(text) => {
            if *ty == PgType::Jsonb {
                out.put_u8(1);
            }
            out.put_slice(without_zero(ty, text)?.as_bytes());
        }
        Value::Bytes(bytes) => out.put_slice(bytes),
        Value::Date(date) => {
            let days = i32::try_from(date.days() - POSTGRES_EPOCH_DAYS).map_err(|_| beyond(&date.year))?;
            out.put_i32(days);
        }
        Value::Time(time) => out.put_i64(i64::try_from(time.total_micros()).map_err(|_| beyond(&time.hours))?),
        Value::DateTime(date, time) | Value::Instant(date, time) => {
            let count = i64::try_from(micros(*date, *time) - EPOCH_MICROS).map_err(|_| beyond(&date.year))?;
            out.put_i64(count);
        }
        Value::Infinity(negative) if *ty == PgType::Date => out.put_i32(if *negative { i32::MIN } else { i32::MAX }),
        Value::Infinity(negative) => out.put_i64(if *negative { i64::MIN } else { i64::MAX }),
        Value::Interval { months, days, micros } => {
            out.put_i64(*micros);
            out.put_i32(*days);
            out.put_i32(*months);
        }
        Value::Uuid(bytes) => out.put_slice(bytes),
        Value::Bits(bits) => {
            out.put_i32(i32::try_from(bits.len()).map_err(|_| beyond(&bits.len()))?);
            for octet in bits.chunks(8) {
                out.put_u8(octet.iter().enumerate().fold(0, |byte, (at, bit)| byte | u8::from(*bit) << (7 - at)));
            }
        }
        Value::Array(elements) => {
            let PgType::Array(element) = ty else { return Err(ValueError::Unsupported { ty: ty.sql() }) };
            array::encode_binary(elements, element, out)?;
        }
    }
    Ok(())
}
