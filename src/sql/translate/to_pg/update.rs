//! UPDATE.

use sqlparser::ast::{Assignment, AssignmentTarget, Expr, OrderByExpr, Update};

use super::Walk;
use super::assign::any_differs;
use super::from::From;
use super::scope::Scope;
use super::source::{find, name, parts};
use crate::base::Fault;
use crate::sql::Access;
use crate::sql::translate::{Counting, Gives, Sql, Step, Table, ToPg, Unique, Verb};

/// The rows that a statement writes, when there is more to say than a condition.
const PART: &str = "part";

impl Walk<'_> {
    pub(super) fn update(&mut self, update: &Update) -> Result<ToPg, Fault> {
        let Update {
            update_token: _,
            optimizer_hints: _,
            table,
            assignments,
            from: None,
            selection,
            returning: None,
            output: None,
            or: None,
            order_by,
            limit,
        } = update
        else {
            return Err(self.refused("this form of UPDATE"));
        };
        let mut from = self.joined(table, &From::default(), None)?;
        let scope = Scope { outer: None, sources: std::mem::take(&mut from.sources) };
        let sql = if table.joins.is_empty() {
            self.update_one(scope, &from, assignments, selection.as_ref(), order_by, limit.as_ref())?
        } else {
            if !order_by.is_empty() || limit.is_some() {
                return Err(self.refused("UPDATE of several tables with ORDER BY or LIMIT"));
            }
            self.update_joined(scope, &from, assignments, selection.as_ref())?
        };
        let steps = vec![Step { sql, gives: Gives::Count(Counting::Affected) }];
        Ok(self.done(steps, Vec::new(), Verb::Update, Access::Write))
    }

    fn update_one(
        &mut self,
        mut scope: Scope<'_>,
        from: &From,
        assignments: &[Assignment],
        selection: Option<&Expr>,
        order: &[OrderByExpr],
        limit: Option<&Expr>,
    ) -> Result<Sql, Fault> {
        let Some((table, physical)) = from.places.first().and_then(|p| p.table.clone()) else {
            return Err(self.refused("UPDATE of what is no table"));
        };
        let alias = scope.sources[0].alias.clone();
        let mut wheres = self.chosen(&scope, from, &table, selection, order, limit)?;
        let changes = self.changes(assignments, &table, 0, &mut scope, true)?;
        if !order.is_empty()
            && limit.is_none()
            && table.uniques.iter().any(|u| changes.iter().any(|c| u.columns.contains(&c.column.name)))
        {
            return Err(self.refused("UPDATE … ORDER BY of a unique key's column"));
        }
        if !self.request.facts.found_rows {
            wheres.extend(any_differs(&changes, &alias));
        }
        let mut sql = physical.wrapped("UPDATE ", " AS ");
        sql.append(name(&alias)).push(" SET ");
        sql.append(Sql::joined(changes.iter().map(super::assign::Change::set), ", "));
        if !wheres.is_empty() {
            sql.push(" WHERE ").append(Sql::joined(wheres, " AND "));
        }
        Ok(sql)
    }

    /// The conditions that choose the rows of a single table; with LIMIT by key, locked in their order.
    pub(super) fn chosen(
        &mut self,
        scope: &Scope<'_>,
        from: &From,
        table: &Table,
        selection: Option<&Expr>,
        order: &[OrderByExpr],
        limit: Option<&Expr>,
    ) -> Result<Vec<Sql>, Fault> {
        let filter = selection.map(|e| self.condition(e, scope)).transpose()?;
        let Some(limit) = limit else { return Ok(filter.map(|f| f.wrapped("(", ")")).into_iter().collect()) };
        if table.view {
            return Err(self.refused("LIMIT in a write to a view"));
        }
        let alias = name(&scope.sources[0].alias);
        let own = |column: Sql| {
            let mut sql = alias.clone();
            sql.push(".").append(column);
            sql
        };
        let keys: Vec<Sql> = match table.primary() {
            Some(primary) => primary.columns.iter().map(|c| own(name(c))).collect(),
            None => return Err(self.refused("LIMIT in a write to a table without a primary key")),
        };
        let keys = Sql::joined(keys, ", ");
        let mut sql = keys.clone().wrapped("(", ") IN (SELECT ");
        sql.append(keys).push(" FROM ").append(from.sql.clone());
        if let Some(filter) = filter {
            sql.push(" WHERE ").append(filter);
        }
        let mut pieces = Vec::with_capacity(order.len());
        for item in order {
            let ascending = self.ascending(item)?;
            let typed = self.expr(&item.expr, scope)?;
            if typed.open.is_some() || typed.number.is_some() {
                return Err(self.refused("ORDER BY with a constant"));
            }
            let typed = self.settle(typed)?;
            pieces.push(self.in_order(&typed, ascending)?);
        }
        if !pieces.is_empty() {
            sql.push(" ORDER BY ").append(Sql::joined(pieces, ", "));
        }
        let count = self.row_count(limit)?;
        sql.push(" LIMIT ").append(count).push(" FOR UPDATE)");
        Ok(vec![sql])
    }

    /// UPDATE of one table joined to others: every row of it once, however often it is met.
    fn update_joined(
        &mut self,
        mut scope: Scope<'_>,
        from: &From,
        assignments: &[Assignment],
        selection: Option<&Expr>,
    ) -> Result<Sql, Fault> {
        let at = self.written_source(&scope, assignments)?;
        let place = &from.places[at];
        let Some((table, physical)) = place.table.clone() else {
            return Err(self.refused("UPDATE of what is no table"));
        };
        if place.optional {
            return Err(self.refused("UPDATE of the side of an outer join that may have no row"));
        }
        let alias = scope.sources[at].alias.clone();
        let filter = selection.map(|e| self.condition(e, &scope)).transpose()?;
        let changes = self.changes(assignments, &table, at, &mut scope, false)?;
        let mut wheres: Vec<Sql> = filter.map(|f| f.wrapped("(", ")")).into_iter().collect();
        if !self.request.facts.found_rows {
            wheres.extend(any_differs(&changes, &alias));
        }
        let Some(primary) = table.primary() else {
            return Err(self.refused("UPDATE with a join of a table without a primary key"));
        };
        let (mut items, found) = keys(primary, &alias);
        let mut sets = Vec::with_capacity(changes.len());
        for (at, change) in changes.iter().enumerate() {
            let own = name(&format!("v{}", at + 1));
            let ty = super::assign::plain(&super::source::pg_type(&change.column));
            let mut item = change.value.clone().wrapped("CAST(", &format!(" AS {ty}) AS "));
            item.append(own.clone());
            items.push(item);
            let mut set = name(&change.column.name);
            set.push(" = ").append(name(PART)).push(".").append(own);
            sets.push(set);
        }
        let mut inner = Sql::joined(items, ", ").wrapped("SELECT ", " FROM ");
        inner.append(from.sql.clone());
        if !wheres.is_empty() {
            inner.push(" WHERE ").append(Sql::joined(wheres, " AND "));
        }
        inner.push(" FOR UPDATE OF ").append(name(&alias));
        let mut sql = physical.wrapped("UPDATE ", " AS \"row\" SET ");
        sql.append(Sql::joined(sets, ", ")).push(" FROM ").append(inner.wrapped("(", ") AS "));
        sql.append(name(PART)).push(" WHERE ").append(found);
        Ok(sql)
    }

    /// The one source that the assignments write to.
    fn written_source(&self, scope: &Scope<'_>, assignments: &[Assignment]) -> Result<usize, Fault> {
        let mut at = None;
        for Assignment { target, value: _ } in assignments {
            let AssignmentTarget::ColumnName(object) = target else { return Err(self.refused("SET (…) = …")) };
            let words: Vec<_> = parts(object).unwrap_or_default().into_iter().cloned().collect();
            let Some(column) = find(scope, &words) else {
                return Err(super::source::unknown_column(&object.to_string(), "field list"));
            };
            let alias = column.origin.as_ref().map(|o| o.alias.as_str());
            let source = scope.sources.iter().position(|s| Some(s.alias.as_str()) == alias);
            let Some(source) = source else { return Err(self.refused("UPDATE of what is no table")) };
            if at.is_some_and(|known| known != source) {
                return Err(self.refused("UPDATE that writes to several tables"));
            }
            at = Some(source);
        }
        at.ok_or_else(|| self.refused("UPDATE without assignments"))
    }
}

/// What tells a row's versions apart from other rows, as items of the inner query, and how the row is found by it again.
/// The primary key stays when somebody else has just written the row; its place (`ctid`) does not, so that under READ
/// COMMITTED the row would be missed.
fn keys(primary: &Unique, alias: &str) -> (Vec<Sql>, Sql) {
    let columns = primary.columns.iter().map(|column| name(column));
    let (mut items, mut found) = (Vec::new(), Vec::new());
    for (at, column) in columns.enumerate() {
        let own = name(&format!("k{}", at + 1));
        let mut item = name(alias);
        item.push(".").append(column.clone()).push(" AS ").append(own.clone());
        items.push(item);
        let mut same = column.wrapped("\"row\".", " = ");
        same.append(name(PART)).push(".").append(own);
        found.push(same);
    }
    (items, Sql::joined(found, " AND "))
}
