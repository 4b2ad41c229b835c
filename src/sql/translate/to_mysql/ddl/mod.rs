//! DDL: tables and indexes. MySQL commits on each of them, which the session knows by [`Verb::Ddl`].

mod alter;
mod create;
mod define;
mod index;

use sqlparser::ast::{ObjectType, Statement};

use super::Walk;
use super::statement::step;
use crate::base::Fault;
use crate::sql::Access;
use crate::sql::translate::{Gives, Sql, ToMysql, Verb};

impl Walk<'_> {
    /// A DDL statement, or `None` if it is none that is known here.
    pub(super) fn ddl(&mut self, tree: &Statement) -> Result<Option<ToMysql>, Fault> {
        match tree {
            Statement::CreateTable(create) => self.create_table(create).map(Some),
            Statement::AlterTable(alter) => self.alter_table(alter).map(Some),
            Statement::CreateIndex(create) => self.create_index(create).map(Some),
            Statement::Drop {
                object_type,
                if_exists,
                names,
                cascade,
                restrict: _,
                purge: false,
                temporary: false,
                table: None,
            } => match object_type {
                ObjectType::Table => self.drop_table(names, *if_exists).map(Some),
                ObjectType::Index if !cascade => self.drop_index(names, *if_exists).map(Some),
                other => Err(self.refused(format!("DROP {other}"))),
            },
            _ => Ok(None),
        }
    }

    pub(super) fn ddl_done(&self, sql: Sql, tag: &'static str) -> ToMysql {
        self.done(vec![step(sql, Gives::Nothing)], Vec::new(), Verb::Ddl(tag), Access::Write)
    }

    fn drop_table(&mut self, names: &[sqlparser::ast::ObjectName], if_exists: bool) -> Result<ToMysql, Fault> {
        let mut tables = Vec::new();
        for name in names {
            let named = self.named(name)?;
            if named.table.is_none() && !if_exists {
                return Err(super::names::undefined_table(name).detail("It cannot be dropped."));
            }
            tables.push(self.physical(named));
        }
        let word = if if_exists { "DROP TABLE IF EXISTS " } else { "DROP TABLE " };
        Ok(self.ddl_done(Sql::joined(tables, ", ").wrapped(word, ""), "DROP TABLE"))
    }
}
