//! WITH RECURSIVE: a first part, and a step from what is there to more.

use sqlparser::ast::{Expr, Ident, Query, SetExpr, SetOperator, SetQuantifier};

use super::Walk;
use super::query::Use;
use super::scope::{Scope, ScopeColumn};
use super::select::{Core, Item, core_columns};
use super::setops::bare;
use super::types::{called, common, is_text};
use crate::base::{Engine, Fault, FaultKind};
use crate::sql::translate::Sql;
use crate::wire::value::PgType;

impl Walk<'_> {
    /// `WITH RECURSIVE name AS (start UNION [ALL] step)`.
    pub(super) fn recursive(
        &mut self,
        query: &Query,
        name: &str,
        printed: &str,
        renamed: &[Ident],
        scope: &Scope<'_>,
    ) -> Result<(Sql, Vec<ScopeColumn>), Fault> {
        let (SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right }, true) =
            (query.body.as_ref(), bare(query))
        else {
            return Err(self.refused("a recursive query that is not a UNION of two"));
        };
        let word = match set_quantifier {
            SetQuantifier::All => " UNION ALL ",
            SetQuantifier::None | SetQuantifier::Distinct => " UNION ",
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                return Err(self.refused("a set operation BY NAME"));
            }
        };
        let mut start = self.recursive_part(left, scope)?;
        for item in &mut start.items {
            self.settle_item(item, None)?;
            self.rooted(item)?;
        }
        let columns = core_columns(&start);
        let mut itself = self.source_of(name, printed, &columns, renamed)?;
        itself.schema = Some(printed.to_owned());
        let inner = Scope { outer: Some(scope), ctes: vec![itself], ..Scope::default() };
        let mut step = self.recursive_part(right, &inner)?;
        if step.items.len() != start.items.len() {
            let what = "each UNION query must have the same number of columns";
            return Err(Fault::new(FaultKind::Syntax, what));
        }
        for (n, (item, column)) in step.items.iter_mut().zip(&columns).enumerate() {
            self.settle_item(item, Some(&column.ty))?;
            self.same_type(name, n, item, column)?;
        }
        let mut sql = self.print_core(&start, Use::Nested, &[])?;
        sql.push(word).append(self.print_core(&step, Use::Nested, &[])?);
        Ok((sql, columns))
    }

    fn recursive_part(&mut self, body: &SetExpr, scope: &Scope<'_>) -> Result<Core, Fault> {
        match body {
            SetExpr::Select(select) => {
                let core = self.core(select, &[], &[], scope)?;
                if core.plain() { Ok(core) } else { Err(self.refused("DISTINCT ON or HAVING in a recursive query")) }
            }
            SetExpr::Query(inner) if bare(inner) => self.recursive_part(&inner.body, scope),
            SetExpr::Values(values) => {
                let mut rows = self.value_rows(values, scope)?;
                let (Some(row), true) = (rows.pop(), rows.is_empty()) else {
                    return Err(self.refused("VALUES of several rows in a recursive query"));
                };
                let items = row.into_iter().enumerate().map(|(n, typed)| Item {
                    name: format!("column{}", n + 1),
                    typed,
                    nullable: true,
                    canonical: Expr::value(sqlparser::ast::Value::Null),
                });
                Ok(Core::of(items.collect(), Sql::new()))
            }
            _ => Err(self.refused("this form of a recursive query")),
        }
    }

    /// A column of the first part: MySQL gives all later rows its length.
    fn rooted(&self, item: &mut Item) -> Result<(), Fault> {
        let typed = &mut item.typed;
        if is_text(&typed.ty) {
            typed.sql = typed.sql.clone().wrapped("(CAST(", " AS CHAR(1000000)) COLLATE ");
            typed.sql.push(self.binary_collation()).push(")");
            typed.exact = true;
        }
        if typed.ty == PgType::Numeric(None) || typed.shown.is_some() {
            return Err(self
                .refused("a numeric or real column of a recursive query")
                .hint("Cast it to numeric(p, s)."));
        }
        Ok(())
    }

    fn same_type(&self, name: &str, n: usize, item: &mut Item, column: &ScopeColumn) -> Result<(), Fault> {
        let overall = common([&column.ty, &item.typed.ty]);
        let same = overall.as_ref() == Some(&column.ty) || (is_text(&column.ty) && is_text(&item.typed.ty));
        if !same {
            let what = format!(
                "recursive query \"{name}\" column {} has type {} in non-recursive term but type {} overall",
                n + 1,
                called(&column.ty),
                called(overall.as_ref().unwrap_or(&item.typed.ty))
            );
            return Err(Fault::new(FaultKind::TypeMismatch, what)
                .hint("Cast the output of the non-recursive term to the correct type."));
        }
        if item.typed.shown.is_some() {
            return Err(self.refused("a numeric column of a recursive query"));
        }
        if is_text(&column.ty) {
            item.typed.sql = self.comparable(&item.typed);
        }
        Ok(())
    }
}

/// MariaDB stops a recursion after 1,000 rounds with a warning and half a result, unless told otherwise.
pub(super) fn unbounded(sql: Sql, engine: Engine) -> Sql {
    match engine {
        Engine::Mariadb => sql.wrapped("SET STATEMENT max_recursive_iterations=4294967295 FOR ", ""),
        // MySQL answers with an error.
        Engine::Mysql | Engine::Postgres => sql,
    }
}
