//! One dialect's errors as the other's: SQLSTATE and MySQL's numbers, with the names that drivers read. Number, state and
//! names are translated; the server's own words always stay readable beside them.
//!
//! Sources: PostgreSQL's appendix "Error Codes"; MySQL's and MariaDB's "Server Error Message Reference"; messages as
//! PostgreSQL 15, MySQL 9.7 and MariaDB 10.11 sent them.

mod for_mysql;
mod for_pg;

pub use for_mysql::for_mysql;
pub use for_pg::for_pg;

/// An error as a PostgreSQL client reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PgError {
    /// SQLSTATE
    pub sqlstate: String,
    /// Primary message.
    pub message: String,
    /// DETAIL
    pub detail: Option<String>,
    /// HINT
    pub hint: Option<String>,
    /// Names, where the message told them.
    pub table: Option<String>,
    /// Column.
    pub column: Option<String>,
    /// Constraint.
    pub constraint: Option<String>,
}

/// An error as a MySQL client reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MyError {
    /// MySQL's number.
    pub errno: u16,
    /// SQLSTATE as MySQL sends it.
    pub sqlstate: String,
    /// Message in MySQL's words.
    pub message: String,
}

/// What stands between the first `open` and the next `close` behind it.
fn between<'a>(text: &'a str, open: &str, close: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(open)?;
    rest.split_once(close).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests;
