//! What a server says a prepared statement takes and gives, kept so that the statement is the same wherever it is
//! prepared again.

use bytes::{BufMut, Bytes, BytesMut};

use super::{Client, Pass, RelayError, wait};
use crate::backend::pg::{PgConn, server_error};
use crate::wire::pg::server::tag;
use crate::wire::pg::{Cursor, HEADER_BYTES, WireError, error};

/// Longest frame of a description, in bytes.
const FRAME_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A prepared statement's parameters and result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Description {
    /// Count and type oids, as in a Parse and a ParameterDescription.
    pub parameters: Bytes,
    /// Of each column what must not change: name, type, length, modifier. `None`: it gives no rows.
    pub columns: Option<Bytes>,
}

/// Reads the answer to a Describe of a statement; passes it on, too, or only its asides and errors. `None`: it failed.
pub async fn description(
    conn: &mut PgConn,
    client: &mut Client,
    pass: Pass,
) -> Result<Option<Description>, RelayError> {
    let mut described = Description::default();
    loop {
        let head = loop {
            match crate::wire::pg::header(conn.buffered()) {
                Ok(Some(head)) if head.total_bytes > FRAME_BYTES_MAX => {
                    let what = format!("a message {:?} of {} bytes", char::from(head.tag), head.total_bytes);
                    let error = WireError::Invalid { during: "Describe", what };
                    return Err(RelayError::Backend(conn.lost(&error)));
                }
                Ok(Some(head)) if conn.buffered().len() >= head.total_bytes => break head,
                Ok(_) => wait(conn, client).await?,
                Err(error) => return Err(RelayError::Backend(conn.lost(&error))),
            }
        };
        let (_, frame) = conn.frame(FRAME_BYTES_MAX).await.map_err(RelayError::Backend)?;
        let body = frame.slice(HEADER_BYTES..);
        match head.tag {
            tag::NOTICE | tag::NOTIFICATION | tag::PARAMETER => client.asides(&frame),
            tag::ERROR => {
                let severity = error::field(&body, b'V').or_else(|_| error::field(&body, b'S'));
                if matches!(severity, Ok(Some(b"FATAL" | b"PANIC"))) {
                    conn.set_broken();
                    let error = server_error(&body);
                    let text = format!("{} {}", error.sqlstate, error.message);
                    return Err(RelayError::Backend(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, text)));
                }
                if pass != Pass::Silent {
                    client.put_told(&frame);
                }
                return Ok(None);
            }
            tag::PARAMETERS | tag::ROW_DESCRIPTION | tag::NO_DATA => {
                if pass == Pass::All {
                    client.out.extend_from_slice(&frame);
                }
                if head.tag == tag::PARAMETERS {
                    described.parameters = body;
                    continue;
                }
                if head.tag == tag::ROW_DESCRIPTION {
                    let columns = columns(&body).map_err(|error| RelayError::Backend(conn.lost(&error)))?;
                    described.columns = Some(columns);
                }
                return Ok(Some(described));
            }
            other => {
                let what = format!("a message {:?}", char::from(other));
                let error = WireError::Invalid { during: "Describe", what };
                return Err(RelayError::Backend(conn.lost(&error)));
            }
        }
    }
}

/// What of a RowDescription must not change. Which table a column is from may.
fn columns(body: &[u8]) -> Result<Bytes, WireError> {
    let mut cursor = Cursor::new(body, "RowDescription");
    let mut out = BytesMut::new();
    for _ in 0..cursor.i16()?.cast_unsigned() {
        out.put_slice(cursor.cstr()?);
        out.put_u8(0);
        cursor.bytes(6)?;
        out.put_slice(cursor.bytes(10)?);
        cursor.bytes(2)?;
    }
    cursor.finish()?;
    Ok(out.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::pg::server::put_row_description;

    #[test]
    fn a_column_is_its_name_and_type_wherever_it_comes_from() {
        let of = |columns: &[(&str, u32, i16, i32, i16)], table: u8| {
            let mut frame = BytesMut::new();
            put_row_description(&mut frame, columns);
            // The last byte of the first column's table.
            let at = HEADER_BYTES + 2 + columns[0].0.len() + 1 + 3;
            frame[at] = table;
            super::columns(&frame[HEADER_BYTES..]).unwrap()
        };
        let one = of(&[("a", 23, 4, -1, 0)], 0);
        assert_eq!(one, of(&[("a", 23, 4, -1, 1)], 9));
        assert_ne!(one, of(&[("b", 23, 4, -1, 0)], 0));
        assert_ne!(one, of(&[("a", 25, -1, -1, 0)], 0));
        assert_ne!(one, of(&[("a", 23, 4, -1, 0), ("b", 23, 4, -1, 0)], 0));
        assert!(super::columns(&[0, 1, b'a']).is_err());
    }
}
