//! One dialect's statement as the other's: for tables that live on a backend of the other dialect. Pure: text, catalog
//! and parameter types in; texts, parameter types and result columns out.
//!
//! The statement is parsed into a syntax tree and walked with every expression's type *as the client's own server would
//! give it*; what is printed makes the backend compute exactly that value. The walk is an explicit allow-list: what it does
//! not know is refused with an error that names the construct, and nothing is sent changed in meaning. Literals and names
//! are printed by [`literal`] and [`Sql::name`] alone.

pub mod literal;
mod mysql_words;
mod octets;
mod parse;
pub mod schema;
mod sql;
pub mod stand_in;
pub mod to_mysql;
pub mod to_pg;

use std::sync::Arc;

pub use parse::with_tree;
pub use schema::{Column, ColumnType, Default, Table, Unique};
pub use sql::{Part, Sql};

use crate::base::{Engine, Fault, FaultKind};
use crate::sql::{Access, Reading};
use crate::wire::value::{MyType, PgType};

/// What a translation must know.
#[derive(Debug)]
pub struct Request<'a, T> {
    /// One statement.
    pub text: &'a [u8],
    /// How the client's server would read it.
    pub reading: Reading,
    /// The server that shall run it.
    pub engine: Engine,
    /// Every table that the statement names, as the client names it.
    pub tables: &'a [Named],
    /// Types of the parameters as far as the client gave them, by position.
    pub declared: &'a [Option<T>],
    /// What session functions say.
    pub facts: &'a SessionFacts,
}

/// A table under the name that the client uses.
#[derive(Clone, Debug)]
pub struct Named {
    /// The client's qualifier, folded as its dialect folds it.
    pub schema: Option<String>,
    /// The client's name, folded.
    pub name: String,
    /// Whether the table exists there: `None` for a table to be created, or one that is missing.
    pub table: Option<Arc<Table>>,
    /// Qualifier on the backend, for [`Self::table`] missing; else that of the table.
    pub physical_schema: Option<String>,
    /// Its name on the backend.
    pub physical_name: String,
}

/// What the client's session is, for functions that ask: they are answered at translation, as literals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SessionFacts {
    /// The client's user.
    pub user: String,
    /// The database that the client sees.
    pub database: String,
    /// PostgreSQL `TimeZone`, MySQL `time_zone` of the client; empty: the home server's default.
    pub time_zone: String,
    /// MySQL `sql_mode`, upper case, by commas; empty: the default one.
    pub sql_mode: String,
    /// MySQL's CLIENT_FOUND_ROWS: the client counts rows that matched, not rows that changed.
    pub found_rows: bool,
    /// MySQL's `group_concat_max_len`; 0: not known.
    pub group_concat_bytes_max: u64,
}

/// A translated statement: what to send, and what the client hears.
#[derive(Clone, Debug, PartialEq)]
pub struct Translation<C, T> {
    /// In order. With more than one that writes, [`Self::needs_transaction`].
    pub steps: Vec<Step>,
    /// The parameters' types: declared, else inferred from what they meet.
    pub parameters: Vec<T>,
    /// The result's columns as the client is told; empty: no rows.
    pub columns: Vec<C>,
    /// What kind of statement it is to the client.
    pub verb: Verb,
    /// What it may do to data.
    pub access: Access,
    /// The steps must be in one transaction, also for a client in autocommit.
    pub needs_transaction: bool,
}

/// PostgreSQL's statement for MySQL or MariaDB.
pub type ToMysql = Translation<PgColumn, PgType>;
/// MySQL's statement for PostgreSQL.
pub type ToPg = Translation<MyColumn, MyType>;

/// What a client is told that it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Rows.
    Select,
    /// INSERT, REPLACE.
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
    /// TRUNCATE on MySQL by a PostgreSQL client: rows go as by DELETE, and ROLLBACK brings them back.
    Truncate,
    /// DDL, by PostgreSQL's command tag (`CREATE TABLE`).
    Ddl(&'static str),
}

/// One text to send.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// With places for what is known only when it runs.
    pub sql: Sql,
    /// What comes of it.
    pub gives: Gives,
}

/// What a step's answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gives {
    /// Nothing that the client sees.
    Nothing,
    /// The client's rows, in the order and number of [`Translation::columns`].
    Rows,
    /// The number of rows that the client is told.
    Count(Counting),
    /// Both: RETURNING where the backend has it. The count is the number of rows.
    RowsAndCount,
    /// Keys of rows, for [`Part::Keys`] in later steps: each row becomes `(a, b)`, or `a` if it has one column. No rows: the
    /// steps with `Keys` are left out. The number of rows is the client's count if no other step counts.
    Keys,
    /// To PostgreSQL: an INSERT's RETURNING with two columns: the generated key or NULL, and how many affected rows MySQL
    /// counts for this row (1 inserted, 2 changed by ON DUPLICATE KEY UPDATE or REPLACE). A third one may be the key of the
    /// row, however it came: the last row's is in the answer if no key was generated. The first generated key is the
    /// client's `last_insert_id`.
    Generated,
    /// To PostgreSQL: an INSERT's rows for the client with one column more at their end, the generated key. The first row's
    /// key is the client's `last_insert_id`.
    RowsAndKey,
}

/// How the client's count is read from the backend's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// Affected rows, or the command tag's number.
    Affected,
    /// From MySQL's UPDATE: `Rows matched`, as PostgreSQL counts.
    Matched,
    /// A number known before: of an upsert, how many rows were given.
    Always(u64),
    /// From MySQL's INSERT … SELECT: `Records`.
    Records,
}

/// A result column as a PostgreSQL client is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PgColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: PgType,
}

/// A result column as a MySQL client is told of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MyColumn {
    /// Its name or alias.
    pub name: String,
    /// Its type.
    pub ty: MyType,
    /// The column of a table, if it is nothing else.
    pub origin: Option<Origin>,
    /// It can be NULL.
    pub nullable: bool,
}

/// Where a result column comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The table's name, as the client knows it.
    pub table: String,
    /// Its alias, or the name again.
    pub alias: String,
    /// The column.
    pub column: String,
    /// Part of the primary key.
    pub primary: bool,
    /// Part of a unique key.
    pub unique: bool,
    /// Filled by the server.
    pub auto_increment: bool,
}

/// A construct that has no faithful translation: named, so that the user knows what to write instead.
pub fn refused(construct: impl std::fmt::Display, engine: Engine) -> Fault {
    let server = match engine {
        Engine::Postgres => "PostgreSQL",
        Engine::Mariadb => "MariaDB",
        Engine::Mysql => "MySQL",
    };
    Fault::new(FaultKind::NotTranslatable, format!("{construct} has no faithful translation for a table on {server}"))
}
