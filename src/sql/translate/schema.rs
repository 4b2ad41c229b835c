//! The catalog that a translation reads: tables of one backend as they are there.

use crate::wire::value::{MyType, PgType};

/// A table or view of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its schema (PostgreSQL) or database (MySQL), if it must be named.
    pub schema: Option<String>,
    /// Its name there.
    pub name: String,
    /// In their order.
    pub columns: Vec<Column>,
    /// Every unique key whose columns are plain and that holds for all rows; the primary key first.
    pub uniques: Vec<Unique>,
    /// It has other unique keys: on expressions, on prefixes, partial.
    pub other_uniques: bool,
    /// It is a view.
    pub view: bool,
    /// Foreign keys of other tables, or its own, refer to it.
    pub referenced: bool,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name there.
    pub name: String,
    /// Its type there.
    pub ty: ColumnType,
    /// NOT NULL
    pub not_null: bool,
    /// What it is when an INSERT does not name it.
    pub default: Default,
    /// MySQL: its character set, of text columns.
    pub charset: Option<String>,
    /// Its collation, of text columns: MySQL's name, or PostgreSQL's if it is not the database's.
    pub collation: Option<String>,
}

/// A column's type on its own server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// PostgreSQL's.
    Pg(PgType),
    /// MySQL's.
    My(MyType),
}

/// A column's value by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Default {
    /// NULL, or nothing.
    None,
    /// An expression, as the server's catalog prints it.
    Expression(String),
    /// AUTO_INCREMENT, IDENTITY, SERIAL.
    Generated,
    /// A generated column: it cannot be written.
    Computed,
}

/// A unique key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unique {
    /// The constraint's or index's name.
    pub name: String,
    /// Names of its columns, in order.
    pub columns: Vec<String>,
    /// The primary key.
    pub primary: bool,
}

impl Table {
    /// The column of this name: exact, else without case.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let exact = self.columns.iter().find(|c| c.name == name);
        exact.or_else(|| self.columns.iter().find(|c| c.name.eq_ignore_ascii_case(name)))
    }

    /// The primary key.
    pub fn primary(&self) -> Option<&Unique> {
        self.uniques.iter().find(|u| u.primary)
    }

    /// The column that the server numbers.
    pub fn generated(&self) -> Option<&Column> {
        self.columns.iter().find(|c| c.default == Default::Generated)
    }
}
