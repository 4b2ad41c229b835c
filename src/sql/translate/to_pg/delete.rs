//! DELETE and TRUNCATE.

use sqlparser::ast::{Delete, FromTable, ObjectName, SelectItem, TableWithJoins, Truncate, TruncateTableTarget};

use super::Walk;
use super::from::From;
use super::scope::Scope;
use super::source::{name, parts, physical};
use super::statement::result_column;
use crate::base::{Fault, FaultKind};
use crate::sql::Access;
use crate::sql::translate::{Counting, Gives, Sql, Step, ToPg, Verb};

fn qualified(alias: &Sql, column: &Sql) -> Sql {
    let mut sql = alias.clone();
    sql.push(".").append(column.clone());
    sql
}

impl Walk<'_> {
    pub(super) fn delete(&mut self, delete: &Delete) -> Result<ToPg, Fault> {
        let Delete {
            delete_token: _,
            optimizer_hints: _,
            tables,
            from: FromTable::WithFromKeyword(list) | FromTable::WithoutKeyword(list),
            using,
            selection,
            returning,
            output: None,
            order_by,
            limit,
        } = delete
        else {
            return Err(self.refused("this form of DELETE"));
        };
        let several = !tables.is_empty() || using.is_some();
        if several {
            if !order_by.is_empty() || limit.is_some() || returning.is_some() {
                return Err(self.refused("DELETE from several tables with ORDER BY, LIMIT or RETURNING"));
            }
            return self.delete_joined(tables, list, using.as_deref(), selection.as_ref());
        }
        let [TableWithJoins { relation, joins }] = list.as_slice() else {
            return Err(self.refused("this form of DELETE"));
        };
        if !joins.is_empty() {
            return Err(Fault::new(FaultKind::Syntax, "DELETE from a join must name the table to delete from"));
        }
        let mut from = self.factor(relation, &From::default(), None)?;
        let Some((table, physical)) = from.places.first().and_then(|p| p.table.clone()) else {
            return Err(self.refused("DELETE from what is no table"));
        };
        let scope = Scope { outer: None, sources: std::mem::take(&mut from.sources) };
        let wheres = self.chosen(&scope, &from, &table, selection.as_ref(), order_by, limit.as_ref())?;
        let mut sql = physical.wrapped("DELETE FROM ", " AS ");
        sql.append(name(&scope.sources[0].alias));
        if !wheres.is_empty() {
            sql.push(" WHERE ").append(Sql::joined(wheres, " AND "));
        }
        match returning {
            None => Ok(self.deleted(sql)),
            Some(items) => self.delete_returning(sql, items, scope, &from),
        }
    }

    fn deleted(&self, sql: Sql) -> ToPg {
        let steps = vec![Step { sql, gives: Gives::Count(Counting::Affected) }];
        self.done(steps, Vec::new(), Verb::Delete, Access::Write)
    }

    fn delete_returning(
        &mut self,
        mut sql: Sql,
        items: &[SelectItem],
        scope: Scope<'_>,
        from: &From,
    ) -> Result<ToPg, Fault> {
        if !self.request.reading.mariadb {
            return Err(Fault::new(FaultKind::Syntax, "RETURNING is not known to MySQL"));
        }
        let items = self.items(items, &[], from, &scope)?;
        sql.push(" RETURNING ").append(Sql::joined(items.iter().map(|i| i.typed.sql.clone()), ", "));
        let columns = items.into_iter().map(|item| result_column(super::select::result(item, false))).collect();
        let steps = vec![Step { sql, gives: Gives::RowsAndCount }];
        Ok(self.done(steps, columns, Verb::Delete, Access::Write))
    }

    /// `DELETE a FROM a JOIN b …`, `DELETE FROM a USING a JOIN b …`: every row of `a` once.
    fn delete_joined(
        &mut self,
        tables: &[ObjectName],
        list: &[TableWithJoins],
        using: Option<&[TableWithJoins]>,
        selection: Option<&sqlparser::ast::Expr>,
    ) -> Result<ToPg, Fault> {
        let mut from = self.from(using.unwrap_or(list), None)?;
        let target = match (tables, using, list) {
            ([one], None, _) => one.clone(),
            ([], Some(_), [TableWithJoins { relation: sqlparser::ast::TableFactor::Table { name, .. }, joins }])
                if joins.is_empty() =>
            {
                name.clone()
            }
            _ => return Err(self.refused("DELETE from several tables at once")),
        };
        let words = parts(&target).unwrap_or_default();
        let Some(shown) = words.last().map(|w| w.value.trim_end_matches(".*").to_owned()) else {
            return Err(self.refused("this form of DELETE"));
        };
        let scope = Scope { outer: None, sources: std::mem::take(&mut from.sources) };
        let Some(at) = scope.sources.iter().position(|s| s.alias == shown) else {
            let what = format!("Unknown table '{shown}' in MULTI DELETE");
            return Err(Fault::new(FaultKind::UndefinedTable, what));
        };
        let place = &from.places[at];
        let Some((table, physical)) = place.table.clone() else {
            return Err(self.refused("DELETE from what is no table"));
        };
        if place.optional {
            return Err(self.refused("DELETE from the side of an outer join that may have no row"));
        }
        let filter = selection.map(|e| self.condition(e, &scope)).transpose()?;
        // By key, as in an UPDATE: a row that somebody else has just written has another place.
        let Some(primary) = table.primary() else {
            return Err(self.refused("DELETE with a join from a table without a primary key"));
        };
        let columns: Vec<Sql> = primary.columns.iter().map(|column| name(column)).collect();
        let of = |alias: &Sql| Sql::joined(columns.iter().map(|c| qualified(alias, c)), ", ");
        let mut inner = of(&name(&shown)).wrapped("SELECT ", " FROM ");
        inner.append(from.sql);
        if let Some(filter) = filter {
            inner.push(" WHERE ").append(filter);
        }
        inner.push(" FOR UPDATE OF ").append(name(&shown));
        let mut sql = physical.wrapped("DELETE FROM ", " AS \"row\" WHERE (");
        sql.append(of(&Sql::text("\"row\""))).push(") IN (").append(inner).push(")");
        Ok(self.deleted(sql))
    }

    /// TRUNCATE: numbering starts again, as MySQL's does.
    pub(super) fn truncate(&mut self, truncate: &Truncate) -> Result<ToPg, Fault> {
        let Truncate {
            table_names,
            partitions: None,
            table: _,
            if_exists: false,
            identity: None,
            cascade: None,
            on_cluster: None,
        } = truncate
        else {
            return Err(self.refused("this form of TRUNCATE"));
        };
        let [TruncateTableTarget { name: object, only: false, has_asterisk: false }] = table_names.as_slice() else {
            return Err(self.refused("TRUNCATE of several tables"));
        };
        let (named, _) = self.table(object)?;
        let sql = physical(named).wrapped("TRUNCATE TABLE ", " RESTART IDENTITY");
        let steps = vec![Step { sql, gives: Gives::Nothing }];
        Ok(self.done(steps, Vec::new(), Verb::Ddl("TRUNCATE TABLE"), Access::Write))
    }
}
