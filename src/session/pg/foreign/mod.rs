//! Tables on a backend of the other dialect: the statement is translated, run there by plain text, and its answer
//! converted row by row. Nothing of it is pipelined: replies before it are drained first, so that the order is the client's.
//!
//! `view` is what the client's settings say, `translated` finds a translation, `slots` are the connections, `run` runs the
//! steps, `simple` and `extended` are the two protocols, `cursor` is SQL's cursors.

mod cursor;
mod extended;
mod outcome;
mod run;
mod simple;
mod slots;
mod translated;
mod view;

pub(super) use cursor::Cursor;
pub(super) use extended::{Bound, Prepared};
pub(super) use slots::{ForeignSlot, savepoint_name};
pub(super) use view::View;

use crate::base::BackendId;
use crate::route::ForeignTable;
use crate::session::outcome::Question;

/// Where a statement goes that must be translated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The owner.
    pub backend: BackendId,
    /// Every table that the statement names.
    pub tables: Vec<ForeignTable>,
}

/// What the session does itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Here {
    /// FETCH, MOVE or CLOSE of a cursor over foreign tables.
    Cursor(String),
    /// DEALLOCATE of a statement for a backend of the other dialect.
    Deallocate(String),
    /// What became of a transaction.
    Outcome(Question),
}
