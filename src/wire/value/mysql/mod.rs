//! Values on MySQL's wire: the text protocol's, and the binary protocol's of prepared statements.

mod binary;
mod parameter;
#[cfg(test)]
mod tests;
mod text;

use bytes::{BufMut, BytesMut};

use super::{MyType, Value, ValueError, convert};

pub use parameter::{decode_parameter, parameter_type};

/// Reads a value of a text row that a MySQL server sent to a connection whose zone is UTC.
pub fn decode_text(ty: &MyType, bytes: &[u8]) -> Result<Value, ValueError> {
    text::decode(ty, bytes)
}

/// Writes a value as in a text row, without its length. `value` is not NULL. Values of other kinds that the type can hold
/// without loss are taken too. Moments are written in UTC: see [`super::zone::shown_to_mysql`].
pub fn encode_text(value: &Value, ty: &MyType, out: &mut BytesMut) -> Result<(), ValueError> {
    let value = convert::to_my(value, ty)?;
    out.put_slice(&text::print(value.as_ref(), ty)?);
    Ok(())
}

/// Writes a value as in a binary row, lengths included. `value` is not NULL.
pub fn encode_binary(value: &Value, ty: &MyType, out: &mut BytesMut) -> Result<(), ValueError> {
    let value = convert::to_my(value, ty)?;
    binary::encode(value.as_ref(), ty, out)
}
