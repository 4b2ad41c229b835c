//! Statements.

use sqlparser::ast::{Query, SetExpr, ShowCreateObject, Statement};

use super::scope::ScopeColumn;
use super::{Selected, Walk};
use crate::base::Fault;
use crate::sql::Access;
use crate::sql::translate::{Gives, MyColumn, Part, Step, ToPg, Verb};
use crate::wire::value::MyType;

impl Walk<'_> {
    pub(super) fn statement(&mut self, tree: &Statement) -> Result<ToPg, Fault> {
        match tree {
            Statement::Query(query) => match query.body.as_ref() {
                SetExpr::Update(inner) | SetExpr::Delete(inner) => self.with_before(query, inner),
                _ => self.rows(query),
            },
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
            Statement::Truncate(truncate) => self.truncate(truncate),
            Statement::ShowColumns { extended: false, full, show_options } => self.show_columns(*full, show_options),
            Statement::ShowCreate { obj_type: ShowCreateObject::Table, obj_name } => self.show_create(obj_name),
            Statement::ExplainTable { describe_alias: _, hive_format: None, has_table_keyword: false, table_name } => {
                self.describe(table_name)
            }
            Statement::ShowVariable { variable } => self.show_words(variable),
            other => match self.ddl(other)? {
                Some(translation) => Ok(translation),
                None => Err(self.refused("this statement")),
            },
        }
    }

    /// `WITH … UPDATE`, `WITH … DELETE`.
    fn with_before(&mut self, query: &Query, inner: &Statement) -> Result<ToPg, Fault> {
        let bare = query.order_by.is_none() && query.limit_clause.is_none() && query.locks.is_empty();
        let Some(with) = query.with.as_ref().filter(|_| bare && !self.mariadb()) else {
            return Err(self.refused("this form of query"));
        };
        let mut sql = self.with(with, None)?;
        let mut done = self.statement(inner)?;
        let [step] = done.steps.as_mut_slice() else { return Err(self.refused("WITH before this statement")) };
        let verb = match step.sql.parts().first() {
            Some(Part::Text(text)) => text.starts_with("UPDATE ") || text.starts_with("DELETE "),
            _ => false,
        };
        if !verb {
            return Err(self.refused("WITH before this statement"));
        }
        sql.append(std::mem::take(&mut step.sql));
        step.sql = sql;
        Ok(done)
    }

    fn rows(&mut self, query: &Query) -> Result<ToPg, Fault> {
        let Selected { sql, columns } = self.query(query, None)?;
        let access = if locks(query) { Access::Write } else { Access::Read };
        let columns = columns.into_iter().map(result_column).collect();
        Ok(self.done(vec![Step { sql, gives: Gives::Rows }], columns, Verb::Select, access))
    }

    /// The translation, when all types are known that will be.
    pub(super) fn done(&self, steps: Vec<Step>, columns: Vec<MyColumn>, verb: Verb, access: Access) -> ToPg {
        let parameters = self.parameters.iter().map(|ty| ty.clone().unwrap_or(MyType::Null)).collect();
        let needs_transaction = steps.len() > 1 && access != Access::Read;
        ToPg { steps, parameters, columns, verb, access, needs_transaction }
    }
}

/// A column of a result as the client is told.
pub(super) fn result_column(column: ScopeColumn) -> MyColumn {
    MyColumn { name: column.name, ty: column.ty, origin: column.origin, nullable: column.nullable }
}

/// Whether it locks rows, at any depth that is seen here.
fn locks(query: &Query) -> bool {
    let inner = match query.body.as_ref() {
        SetExpr::Query(inner) => locks(inner),
        _ => false,
    };
    inner || !query.locks.is_empty()
}
