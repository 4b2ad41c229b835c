//! One-dimensional arrays.

use bytes::{BufMut, BytesMut};

use crate::wire::pg::{Cursor, WireError};
use crate::wire::value::{PgType, Value, ValueError, convert};

use super::{Style, binary, print, text};

fn unsupported(element: &PgType) -> ValueError {
    ValueError::Unsupported { ty: format!("{}[][] (arrays of several dimensions)", element.sql()) }
}

/// `{1,NULL,"a \"b\""}`
pub(super) fn decode_text(element: &PgType, style: &Style, said: &str) -> Result<Value, ValueError> {
    let invalid = || ValueError::invalid(&format!("{}[]", element.sql()), said);
    let inner = said.trim_ascii().strip_prefix('{').and_then(|s| s.strip_suffix('}')).ok_or_else(invalid)?;
    let mut out = Vec::new();
    if inner.trim_ascii().is_empty() {
        return Ok(Value::Array(out));
    }
    let mut chars = inner.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        let (item, quoted) = match chars.next_if_eq(&'"') {
            Some(_) => (quoted(&mut chars).ok_or_else(invalid)?, true),
            None => (bare(&mut chars, element)?, false),
        };
        while chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
        if !quoted && item.is_empty() {
            return Err(invalid());
        }
        let null = !quoted && item.eq_ignore_ascii_case("null");
        out.push(if null { Value::Null } else { text::decode(element, style, &item)? });
        match chars.next() {
            None => return Ok(Value::Array(out)),
            Some(',') => {}
            Some(_) => return Err(invalid()),
        }
    }
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

fn quoted(chars: &mut Chars<'_>) -> Option<String> {
    let mut item = String::new();
    loop {
        match chars.next()? {
            '"' => return Some(item),
            '\\' => item.push(chars.next()?),
            other => item.push(other),
        }
    }
}

fn bare(chars: &mut Chars<'_>, element: &PgType) -> Result<String, ValueError> {
    let mut item = String::new();
    while let Some(c) = chars.next_if(|c| *c != ',') {
        match c {
            '{' | '}' => return Err(unsupported(element)),
            '"' => return Err(ValueError::invalid(&format!("{}[]", element.sql()), &item)),
            '\\' => item.extend(chars.next()),
            other => item.push(other),
        }
    }
    Ok(item.trim_ascii_end().to_owned())
}

/// As `array_out` prints it: an element is quoted where it would be read as something else.
pub(super) fn encode_text(elements: &[Value], element: &PgType, style: &Style) -> Result<String, ValueError> {
    let mut items = Vec::with_capacity(elements.len());
    for value in elements {
        if *value == Value::Null {
            items.push("NULL".to_owned());
            continue;
        }
        let item = print::text(convert::to_pg(value, element)?.as_ref(), element, style)?;
        let special = |c: char| matches!(c, '{' | '}' | ',' | '"' | '\\') || c.is_ascii_whitespace() || c == '\u{b}';
        if item.is_empty() || item.eq_ignore_ascii_case("null") || item.contains(special) {
            items.push(format!("\"{}\"", item.replace('\\', "\\\\").replace('"', "\\\"")));
        } else {
            items.push(item);
        }
    }
    Ok(format!("{{{}}}", items.join(",")))
}

/// Dimensions, flags, oid of the elements, size and first index of each dimension, elements.
pub(super) fn decode_binary(element: &PgType, bytes: &[u8]) -> Result<Value, ValueError> {
    read_binary(element, bytes).unwrap_or_else(|_| Err(ValueError::malformed(&format!("{}[]", element.sql()))))
}

fn read_binary(element: &PgType, bytes: &[u8]) -> Result<Result<Value, ValueError>, WireError> {
    let mut cursor = Cursor::new(bytes, "array");
    let dimensions = cursor.i32()?;
    cursor.i32()?;
    let oid = cursor.i32()?.cast_unsigned();
    if dimensions == 0 {
        return Ok(Ok(Value::Array(Vec::new())));
    }
    if dimensions != 1 {
        return Ok(Err(unsupported(element)));
    }
    if oid != element.oid() {
        return Ok(Err(ValueError::malformed(&format!("{}[]", element.sql()))));
    }
    let count = cursor.i32()?;
    cursor.i32()?;
    let mut out = Vec::new();
    for _ in 0..count {
        out.push(match usize::try_from(cursor.i32()?) {
            Err(_) => Value::Null,
            Ok(length) => match binary::decode(element, cursor.bytes(length)?) {
                Ok(value) => value,
                Err(error) => return Ok(Err(error)),
            },
        });
    }
    cursor.finish()?;
    Ok(Ok(Value::Array(out)))
}

pub(super) fn encode_binary(elements: &[Value], element: &PgType, out: &mut BytesMut) -> Result<(), ValueError> {
    let nulls = elements.contains(&Value::Null);
    out.put_i32(i32::from(!elements.is_empty()));
    out.put_i32(i32::from(nulls));
    out.put_u32(element.oid());
    if elements.is_empty() {
        return Ok(());
    }
    out.put_i32(i32::try_from(elements.len()).map_err(|_| ValueError::malformed("array"))?);
    out.put_i32(1);
    for value in elements {
        if *value == Value::Null {
            out.put_i32(-1);
            continue;
        }
        let at = out.len();
        out.put_i32(0);
        binary::encode(convert::to_pg(value, element)?.as_ref(), element, out)?;
        let length = i32::try_from(out.len() - at - 4).map_err(|_| ValueError::malformed("array"))?;
        out[at..at + 4].copy_from_slice(&length.to_be_bytes());
    }
    Ok(())
}
