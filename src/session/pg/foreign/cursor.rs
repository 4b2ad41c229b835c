//! Cursors over tables of a backend of the other dialect: the rows are fetched at once, within a bound, and given out as
//! they are asked for.

use bytes::BytesMut;

use super::Target;
use super::run::Call;
use crate::base::{Fault, FaultKind};
use crate::relay::pg::foreign::{Later, described};
use crate::session::pg::Session;
use crate::session::pg::oops::Oops;
use crate::sql::Statement;
use crate::sql::cursor::{Command, command, declared};
use crate::sql::translate::{PgColumn, ToMysql, Verb};
use crate::wire::pg::server::{put_complete, put_row_description};
use crate::wire::value::pg::Format;

/// A cursor with the rows that it has still to give.
#[derive(Debug)]
pub(in crate::session::pg) struct Cursor {
    pub(in crate::session::pg) columns: Vec<PgColumn>,
    rows: Later,
    /// It outlives its transaction.
    pub(in crate::session::pg) hold: bool,
    /// That transaction has committed.
    pub(in crate::session::pg) kept: bool,
}

impl Session {
    /// A transaction for the cursor, unless it needs none.
    pub(super) fn check_declare(&self, hold: bool) -> Result<(), Oops> {
        if hold || self.txn.is_open() {
            return Ok(());
        }
        let text = "DECLARE CURSOR can only be used in transaction blocks";
        Err(Fault::new(FaultKind::NoActiveTransaction, text).into())
    }

    /// Runs the query of a DECLARE and keeps its rows.
    pub(super) async fn declare_foreign(
        &mut self,
        name: &str,
        hold: bool,
        call: &Call<'_>,
        translation: &std::sync::Arc<ToMysql>,
    ) -> Result<(), Oops> {
        if translation.verb != Verb::Select {
            return Err(Fault::new(FaultKind::Syntax, "DECLARE CURSOR must have a query").into());
        }
        if self.names.foreign_cursors.contains_key(name) {
            let text = format!("cursor \"{name}\" already exists");
            return Err(Fault::new(FaultKind::DuplicateStatement, text).into());
        }
        let completed = self.run_foreign(call, translation).await?;
        let cursor =
            Cursor { columns: translation.columns.clone(), rows: completed.later, hold, kept: !self.txn.is_open() };
        self.names.foreign_cursors.insert(name.to_owned(), cursor);
        Ok(())
    }

    /// DECLARE in a simple query.
    pub(super) async fn declare_simply(
        &mut self,
        target: &Target,
        name: &str,
        text: &[u8],
        statement: &Statement,
    ) -> Result<(), Oops> {
        let read = declared(self.reading, text)?;
        self.check_declare(read.hold)?;
        let query = &text[read.query];
        let view = self.view().await?;
        let translation = self.translated(target, query, &[], &view).await?;
        self.admit(self.participant(target.backend), statement)?;
        let formats = vec![Format::Text; translation.columns.len()];
        let call = Call {
            target,
            text: query,
            declared: &[],
            values: &[],
            view: &view,
            formats: &formats,
            describe: false,
            rows_max: 0,
        };
        self.declare_foreign(name, read.hold, &call, &translation).await?;
        put_complete(&mut self.client.out, "DECLARE CURSOR");
        Ok(())
    }

    /// FETCH, MOVE or CLOSE. `formats`: how the columns are written, in the extended protocol.
    pub(in crate::session::pg) async fn on_foreign_cursor(
        &mut self,
        name: &str,
        text: &[u8],
        formats: Option<&[Format]>,
    ) -> Result<(), Oops> {
        let command = command(self.reading, text)?;
        let view = self.view().await?;
        let tag = match command {
            Command::Close => {
                self.names.foreign_cursors.remove(name);
                String::from("CLOSE CURSOR")
            }
            Command::Move(rows) => {
                let Some(cursor) = self.names.foreign_cursors.get_mut(name) else { return Err(no_such_cursor(name)) };
                format!("MOVE {}", cursor.rows.pass_over(rows))
            }
            Command::Fetch(rows) => {
                let Some(cursor) = self.names.foreign_cursors.get_mut(name) else { return Err(no_such_cursor(name)) };
                let text_formats = vec![Format::Text; cursor.columns.len()];
                if formats.is_none() {
                    put_row_description(&mut self.client.out, &described(&cursor.columns, &text_formats));
                }
                let formats = formats.unwrap_or(&text_formats);
                let mut out = std::mem::take(&mut self.client.out);
                let put = cursor.rows.put(&cursor.columns, formats, &view.style, rows, &mut out);
                self.client.out = out;
                format!("FETCH {}", put?)
            }
        };
        put_complete(&mut self.client.out, &tag);
        Ok(())
    }

    /// The description of a cursor's rows, if it is one of ours.
    pub(in crate::session::pg) fn described_cursor(&self, name: &str) -> Option<BytesMut> {
        let cursor = self.names.foreign_cursors.get(name)?;
        let mut frame = BytesMut::new();
        put_row_description(&mut frame, &described(&cursor.columns, &[]));
        Some(frame)
    }
}

fn no_such_cursor(name: &str) -> Oops {
    Fault::new(FaultKind::UnknownPortal, format!("cursor \"{name}\" does not exist")).into()
}
