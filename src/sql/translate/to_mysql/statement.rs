//! Statements: the way to each kind, and what the session is told of it.

use sqlparser::ast::{Query, SetExpr, Statement};

use super::query::Use;
use super::recursive::unbounded;
use super::scope::Scope;
use super::{Selected, Walk};
use crate::base::{Engine, Fault};
use crate::sql::Access;
use crate::sql::translate::{Gives, PgColumn, Sql, Step, ToMysql, Verb};
use crate::wire::value::PgType;

impl Walk<'_> {
    pub(super) fn statement(&mut self, tree: &Statement) -> Result<ToMysql, Fault> {
        match tree {
            Statement::Query(query) => self.query_statement(query),
            Statement::Insert(insert) => self.insert(insert, None, &Scope::default()),
            Statement::Update(update) => self.update(update, None, &Scope::default()),
            Statement::Delete(delete) => self.delete(delete, None, &Scope::default()),
            Statement::Truncate(truncate) => self.truncate(truncate),
            other => match self.ddl(other)? {
                Some(done) => Ok(done),
                None => Err(self.refused(first_words(other))),
            },
        }
    }

    fn query_statement(&mut self, query: &Query) -> Result<ToMysql, Fault> {
        let statement = match query.body.as_ref() {
            SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) => statement,
            SetExpr::Merge(_) => return Err(self.refused("MERGE")),
            SetExpr::Select(_)
            | SetExpr::Query(_)
            | SetExpr::SetOperation { .. }
            | SetExpr::Values(_)
            | SetExpr::Table(_) => return self.select_statement(query),
        };
        let mut scope = Scope::default();
        let changes = matches!(statement, Statement::Update(_) | Statement::Delete(_));
        self.inline_with = changes && self.engine() == Engine::Mariadb;
        let with = match &query.with {
            Some(with) => Some(self.with(with, &mut scope)?),
            None => None,
        };
        if self.recurses {
            return Err(self.refused("WITH RECURSIVE before a statement that changes data"));
        }
        match statement {
            Statement::Insert(insert) => self.insert(insert, with.as_ref(), &scope),
            Statement::Update(update) => self.update(update, with.as_ref(), &scope),
            Statement::Delete(delete) => self.delete(delete, with.as_ref(), &scope),
            other => Err(self.refused(first_words(other))),
        }
    }

    fn select_statement(&mut self, query: &Query) -> Result<ToMysql, Fault> {
        let selected = self.query_for(query, None, Use::Outermost, &[])?;
        let columns = result(&selected);
        let access = if query.locks.is_empty() { Access::Read } else { Access::Write };
        let sql = if self.recurses { unbounded(selected.sql, self.engine()) } else { selected.sql };
        Ok(self.done(vec![step(sql, Gives::Rows)], columns, Verb::Select, access))
    }

    /// A translation of these steps.
    pub(super) fn done(&self, steps: Vec<Step>, columns: Vec<PgColumn>, verb: Verb, access: Access) -> ToMysql {
        let parameters = self.parameters.iter().map(|ty| match ty {
            None | Some(PgType::Unknown) => PgType::Text,
            Some(known) => known.clone(),
        });
        let needs_transaction = steps.len() > 1 && access != Access::Read;
        ToMysql { steps, parameters: parameters.collect(), columns, verb, access, needs_transaction }
    }
}

/// What the client is told of a result.
pub(super) fn result(selected: &Selected) -> Vec<PgColumn> {
    selected.columns.iter().map(|c| PgColumn { name: c.name.clone(), ty: c.ty.clone() }).collect()
}

pub(super) fn step(sql: Sql, gives: Gives) -> Step {
    Step { sql, gives }
}

/// Names a statement by its first words, for a refusal.
fn first_words(statement: &Statement) -> String {
    let text = statement.to_string();
    text.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}
