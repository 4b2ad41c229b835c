//! What became of a transaction, as rows that the session makes itself.

use bytes::BufMut;

use crate::relay::pg::foreign::described;
use crate::session::outcome::{COLUMNS, Question, answer};
use crate::session::pg::Session;
use crate::session::pg::oops::Oops;
use crate::sql::translate::PgColumn;
use crate::wire::pg::frame::put;
use crate::wire::pg::server::{put_complete, put_row_description, tag};
use crate::wire::value::PgType;
use crate::wire::value::pg::Format;

/// The columns of the answer.
pub(super) fn columns() -> Vec<PgColumn> {
    COLUMNS.iter().map(|name| PgColumn { name: (*name).to_owned(), ty: PgType::Text }).collect()
}

impl Session {
    /// Answers. `formats`: in the extended protocol, which has described the columns; text is the same in both.
    pub(super) fn tell_outcome(&mut self, question: &Question, formats: Option<&[Format]>) -> Result<(), Oops> {
        if formats.is_none() {
            put_row_description(&mut self.client.out, &described(&columns(), &[]));
        }
        if let Some(row) = answer(question, self.last.as_ref(), &self.services.house) {
            put(&mut self.client.out, tag::ROW, |b| {
                b.put_u16(u16::try_from(row.len()).unwrap_or(u16::MAX));
                for value in &row {
                    match value {
                        Some(text) => {
                            b.put_i32(i32::try_from(text.len()).unwrap_or(i32::MAX));
                            b.put_slice(text.as_bytes());
                        }
                        None => b.put_i32(-1),
                    }
                }
            });
        }
        put_complete(&mut self.client.out, "SHOW");
        Ok(())
    }
}
