//! A PostgreSQL backend's answer to a MySQL client: read frame by frame, its rows handed to whoever wants them, which may
//! be the client. Nothing is collected here; whoever reads slowly is waited for.

mod definition;
mod rows;
mod zone;

use bytes::Bytes;

use super::{Client, RelayError};
use crate::backend::pg::PgConn;
use crate::base::limits::RELAY_BUFFER_BYTES;
use crate::base::{Fault, FaultKind};
use crate::wire::pg::server::{complete, tag};
use crate::wire::pg::{Cursor, HEADER_BYTES, WireError, error, header};
use crate::wire::value::PgType;

pub use definition::{Table, column_definition, parameter_definition};
pub use rows::{Charset, Form, Shown};
pub use zone::Zone;

/// Longest row that is converted, in bytes: it is in memory twice. Servers' own bound for MySQL clients is 1 GiB, their
/// usual one 64 MiB.
const ROW_BYTES_MAX: usize = 128 * 1024 * 1024;

/// The cells of one row, as text; `None` is NULL.
pub type Cells<'a> = [Option<&'a [u8]>];

/// What becomes of an answer's rows.
pub trait Rows {
    /// The types of the columns, before the first row. Errors: no row is wanted any more.
    fn described(&mut self, types: Vec<PgType>, client: &mut Client) -> Result<(), Fault>;

    /// A row. Errors: no further row is wanted.
    fn row(&mut self, cells: &Cells<'_>, client: &mut Client) -> Result<(), Fault>;
}

/// Rows that nobody wants.
#[derive(Debug)]
pub struct Ignored;

impl Rows for Ignored {
    fn described(&mut self, _types: Vec<PgType>, _client: &mut Client) -> Result<(), Fault> {
        Ok(())
    }

    fn row(&mut self, _cells: &Cells<'_>, _client: &mut Client) -> Result<(), Fault> {
        Ok(())
    }
}

/// What a text came to.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// The number in its command tag: rows given, inserted, matched or deleted.
    pub count: u64,
    /// The word of its command tag: `INSERT`, `COMMIT`.
    pub verb: String,
    /// Body of the first ErrorResponse.
    pub error: Option<Bytes>,
    /// Why its rows were not taken.
    pub fault: Option<Fault>,
}

impl Answered {
    /// Whether nothing went wrong.
    pub fn is_fine(&self) -> bool {
        self.error.is_none() && self.fault.is_none()
    }
}

/// Reads the answer to one text up to ReadyForQuery. Errors: one of the two is gone.
pub async fn answer<R: Rows>(client: &mut Client, conn: &mut PgConn, rows: &mut R) -> Result<Answered, RelayError> {
    let mut answered = Answered::default();
    loop {
        match header(conn.buffered()) {
            Ok(Some(head)) if head.total_bytes > ROW_BYTES_MAX => {
                let what = format!("a row of {} bytes", head.total_bytes);
                return Err(lost(conn, &WireError::Invalid { during: "backend's", what }));
            }
            Ok(Some(head)) if head.total_bytes <= conn.buffered().len() => {}
            Ok(_) => {
                wait(client, conn).await?;
                continue;
            }
            Err(error) => return Err(lost(conn, &error)),
        }
        let (head, frame) = conn.frame(ROW_BYTES_MAX).await.map_err(gone)?;
        let body = &frame[HEADER_BYTES..];
        let read = match head.tag {
            tag::READY => return Ok(answered),
            tag::ROW if answered.fault.is_some() => Ok(()),
            tag::ROW => cells(body).map(|cells| answered.fault = rows.row(&cells, client).err()),
            tag::ROW_DESCRIPTION => types(body).map(|types| {
                if answered.fault.is_none() {
                    answered.fault = rows.described(types, client).err();
                }
            }),
            tag::COMPLETE => complete(body).map(|tag| (answered.verb, answered.count) = read_tag(tag)),
            tag::ERROR => {
                if matches!(
                    error::field(body, b'V').or_else(|_| error::field(body, b'S')),
                    Ok(Some(b"FATAL" | b"PANIC"))
                ) {
                    let text = error::field(body, b'M').ok().flatten().unwrap_or_default();
                    let what = String::from_utf8_lossy(text).into_owned();
                    return Err(lost(conn, &WireError::Invalid { during: "backend's last", what }));
                }
                if answered.error.is_none() {
                    answered.error = Some(frame.slice(HEADER_BYTES..));
                }
                Ok(())
            }
            tag::NOTICE | tag::NOTIFICATION | tag::PARAMETER | tag::EMPTY_QUERY => Ok(()),
            other => {
                let what = format!("a message {:?}", char::from(other));
                Err(WireError::Invalid { during: "backend's", what })
            }
        };
        if let Err(error) = read {
            return Err(lost(conn, &error));
        }
        if client.queued() >= RELAY_BUFFER_BYTES {
            client.flush().await.map_err(RelayError::Client)?;
        }
    }
}

fn gone(source: std::io::Error) -> RelayError {
    // Whole packets only are given to the client: it is never left with half of one.
    RelayError::Backend { source, torn: false }
}

fn lost(conn: &mut PgConn, error: &WireError) -> RelayError {
    gone(conn.lost(error))
}

/// Waits for more of the backend; hears meanwhile when the client goes.
async fn wait(client: &mut Client, conn: &mut PgConn) -> Result<(), RelayError> {
    tokio::select! {
        biased;
        filled = conn.fill() => filled.map_err(gone),
        left = client.gone() => Err(RelayError::Client(left)),
    }
}

/// The verb and the last number of a command tag: `INSERT 0 3`.
fn read_tag(tag: &[u8]) -> (String, u64) {
    let text = String::from_utf8_lossy(tag);
    let count = text.rsplit(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    (text.split(' ').next().unwrap_or_default().to_owned(), count)
}

/// The columns' types of a RowDescription: per column a name, its table (4), its number (2), type (4), size (2),
/// modifier (4), format (2).
fn types(body: &[u8]) -> Result<Vec<PgType>, WireError> {
    let mut cursor = Cursor::new(body, "RowDescription");
    let count = usize::try_from(cursor.i16()?).unwrap_or(0);
    let mut types = Vec::with_capacity(count);
    for _ in 0..count {
        cursor.cstr()?;
        cursor.bytes(6)?;
        let oid = cursor.i32()?.cast_unsigned();
        cursor.i16()?;
        let modifier = cursor.i32()?;
        cursor.i16()?;
        types.push(PgType::from_oid(oid, modifier));
    }
    Ok(types)
}

fn cells(body: &[u8]) -> Result<Vec<Option<&[u8]>>, WireError> {
    let mut cursor = Cursor::new(body, "DataRow");
    let count = usize::try_from(cursor.i16()?).unwrap_or(0);
    let mut cells = Vec::with_capacity(count);
    for _ in 0..count {
        cells.push(match usize::try_from(cursor.i32()?) {
            Ok(bytes) => Some(cursor.bytes(bytes)?),
            Err(_) => None,
        });
    }
    Ok(cells)
}

/// A value that cannot cross.
pub(super) fn not_convertible(what: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::NotConvertible, what.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_tag_says_what_was_done_and_how_often() {
        assert_eq!(read_tag(b"INSERT 0 3"), ("INSERT".into(), 3));
        assert_eq!(read_tag(b"UPDATE 12"), ("UPDATE".into(), 12));
        assert_eq!(read_tag(b"CREATE TABLE"), ("CREATE".into(), 0));
        assert_eq!(read_tag(b""), (String::new(), 0));
    }

    proptest! {
        #[test]
        fn no_bytes_of_a_backend_make_us_panic(bytes: Vec<u8>) {
            drop((cells(&bytes), types(&bytes), read_tag(&bytes)));
        }
    }
}
