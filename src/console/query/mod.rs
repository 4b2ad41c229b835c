//! The console's SQL: one SELECT over its own small tables, compiled and computed in memory. Pure: rows, the time and who
//! asks come in, rows go out.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a walk over a library's syntax tree: what is not on its list is refused"
)]

mod aggregate;
mod compile;
mod functions;
mod held;
mod node;
mod pattern;
mod select;
mod source;
#[cfg(test)]
mod tests;

pub(in crate::console) use compile::refused;
pub(in crate::console) use functions::no_setting;
pub(in crate::console) use select::{Select, compile};

use super::cell::{Cell, Kind};
use super::variables::Variables;
use crate::base::Dialect;

/// A row of a table.
pub type Row = Vec<Cell>;

/// A table's columns.
pub type Columns = &'static [(&'static str, Kind)];

/// Rows that a join may look at: far more than the tables of a healthy house have, few enough to be done at once.
pub(super) const VISITED_ROWS_MAX: usize = 500_000;

/// Levels of an expression; a few KiB of stack each.
pub(super) const DEPTH_MAX: usize = 120;

/// What a table is called, and whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is, with these columns.
    Table(&'static str, Columns),
    /// A catalog that has no rows here, whatever its columns are.
    Empty,
    /// There is none.
    None,
}

/// The tables of the console.
pub trait Catalog: Send + Sync {
    /// A table by its schema (lower case, if said) and name.
    fn find(&self, schema: Option<&str>, name: &str) -> Found;

    /// Names for "did you mean".
    fn names(&self) -> Vec<&'static str>;
}

/// Of what a statement is computed beside rows.
#[derive(Clone, Copy, Debug)]
pub struct Environment<'a> {
    /// The client's dialect.
    pub dialect: Dialect,
    /// What `version()` says.
    pub version: &'a str,
    /// The login name.
    pub user: &'a str,
    /// The connection's number.
    pub connection: u32,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// Values of the parameters.
    pub parameters: &'a [Cell],
    /// Session variables.
    pub variables: &'a Variables,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its type.
    pub kind: Kind,
}
