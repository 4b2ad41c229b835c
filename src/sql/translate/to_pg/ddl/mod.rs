//! DDL: tables and indexes as the client's server would have them, as far as PostgreSQL can.

mod alter;
mod column;
mod constraint;
mod create;
mod drop;
mod index;

use sqlparser::ast::Statement;

use super::Walk;
use crate::base::Fault;
use crate::sql::Access;
use crate::sql::translate::{Column, Gives, Sql, Step, ToPg, Verb};

/// A table's definition while it is read: its columns, and what must follow it.
#[derive(Debug, Default)]
pub(super) struct Draft {
    /// The table's name on the backend, for the names of its indexes.
    table: String,
    columns: Vec<Column>,
    /// Steps behind the statement: its indexes.
    after: Vec<Sql>,
    /// Columns of keys to other tables: they must be of a type that such a key can be of.
    foreign: Vec<String>,
    /// Where AUTO_INCREMENT begins.
    start: Option<u64>,
}

impl Walk<'_> {
    /// CREATE, ALTER, DROP; `None`: it is none of these.
    pub(super) fn ddl(&mut self, tree: &Statement) -> Result<Option<ToPg>, Fault> {
        match tree {
            Statement::CreateTable(create) => self.create_table(create).map(Some),
            Statement::AlterTable(alter) => self.alter_table(alter).map(Some),
            Statement::CreateIndex(create) => self.create_index(create).map(Some),
            Statement::Drop { .. } => self.drop(tree).map(Some),
            Statement::RenameTable(list) => self.rename_tables(list).map(Some),
            _ => Ok(None),
        }
    }

    fn defined(&self, statements: Vec<Sql>, tag: &'static str) -> ToPg {
        let steps = statements.into_iter().map(|sql| Step { sql, gives: Gives::Nothing }).collect();
        self.done(steps, Vec::new(), Verb::Ddl(tag), Access::Write)
    }
}
