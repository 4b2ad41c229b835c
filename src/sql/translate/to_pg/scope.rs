//! What names mean at one place of a statement.

use crate::sql::translate::{Origin, Sql};
use crate::wire::value::{MyType, PgType};

/// The sources of one SELECT, UPDATE …, and of those around it.
#[derive(Debug, Default)]
pub(in crate::sql::translate) struct Scope<'a> {
    pub(in crate::sql::translate) outer: Option<&'a Scope<'a>>,
    pub(in crate::sql::translate) sources: Vec<Source>,
}

/// A table, subquery or CTE in FROM.
#[derive(Clone, Debug)]
pub(in crate::sql::translate) struct Source {
    /// The name by which columns are qualified.
    pub(in crate::sql::translate) alias: String,
    /// Its schema as the client may write it, if the alias is the table's own name.
    pub(in crate::sql::translate) schema: Option<String>,
    pub(in crate::sql::translate) columns: Vec<ScopeColumn>,
}

/// A column that can be named.
#[derive(Clone, Debug)]
pub(in crate::sql::translate) struct ScopeColumn {
    /// As the client names it.
    pub(in crate::sql::translate) name: String,
    pub(in crate::sql::translate) ty: MyType,
    /// Its type on PostgreSQL: of a table's column, or of the expression as printed.
    pub(in crate::sql::translate) pg: PgType,
    /// How it is printed, qualified: `"a"."name"`.
    pub(in crate::sql::translate) sql: Sql,
    /// For text: equality is by bytes without a COLLATE: the column has its database's collation (never a
    /// nondeterministic one).
    pub(in crate::sql::translate) exact: bool,
    /// For text: its character set is utf8mb4.
    pub(in crate::sql::translate) unicode: bool,
    /// It can be NULL.
    pub(in crate::sql::translate) nullable: bool,
    /// Joined by USING or NATURAL: the second one is not among `*`.
    pub(in crate::sql::translate) hidden: bool,
    /// The column of a table that it is, if it is nothing else.
    pub(in crate::sql::translate) origin: Option<Origin>,
}
