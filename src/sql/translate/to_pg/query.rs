//! A whole query: WITH, its body, ORDER BY, LIMIT, locks.

use sqlparser::ast::{Cte as CteTree, LockClause, LockType, NonBlock, Query, SetExpr, SetOperator, With};

use super::scope::Scope;
use super::select::Core;
use super::source::{Cte, name, parts};
use super::{Selected, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::Sql;

impl Walk<'_> {
    /// A query with its own scope inside `outer`; subqueries too.
    pub(super) fn query(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Result<Selected, Fault> {
        let known = self.ctes.len();
        let out = self.query_inside(query, outer);
        self.ctes.truncate(known);
        out
    }

    fn query_inside(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Result<Selected, Fault> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch: None,
            locks,
            for_clause: None,
            settings: None,
            format_clause: None,
            pipe_operators,
        } = query
        else {
            return Err(self.refused("this form of query"));
        };
        if !pipe_operators.is_empty() {
            return Err(self.refused("|> operators"));
        }
        let mut sql = match with {
            Some(with) => self.with(with, outer)?,
            None => Sql::new(),
        };
        let order = self.order_items(order_by.as_ref())?;
        let core = match body.as_ref() {
            SetExpr::Select(select) => self.select(select, order, outer)?,
            SetExpr::Query(inner) if order.is_empty() && limit_clause.is_none() => {
                Core { selected: self.query(inner, outer)?, lockable: Err("FOR UPDATE behind parentheses") }
            }
            body => {
                let selected = self.set_expr(body, outer)?;
                let selected = self.ordered_whole(selected, order)?;
                Core { selected, lockable: Err("FOR UPDATE with UNION") }
            }
        };
        let Core { selected: Selected { sql: body, columns }, lockable } = core;
        sql.append(body).append(self.limit(limit_clause.as_ref())?);
        for lock in locks {
            sql.append(self.lock(lock, &lockable)?);
        }
        Ok(Selected { sql, columns })
    }

    fn lock(&self, lock: &LockClause, lockable: &Result<Vec<String>, &'static str>) -> Result<Sql, Fault> {
        let LockClause { lock_type, of, nonblock } = lock;
        let tables = lockable.as_ref().map_err(|what| self.refused(what))?;
        if tables.is_empty() {
            return Ok(Sql::new());
        }
        let mut sql = Sql::text(match lock_type {
            LockType::Share => " FOR SHARE",
            LockType::Update => " FOR UPDATE",
        });
        sql.push(" OF ");
        match of {
            None => {
                sql.append(Sql::joined(tables.iter().map(|t| name(t)), ", "));
            }
            Some(object) => {
                let words = parts(object).unwrap_or_default();
                let Some(one) = words.last().filter(|w| words.len() == 1 && tables.contains(&w.value)) else {
                    let what = format!("Unresolved table name '{object}' in locking clause");
                    return Err(Fault::new(FaultKind::UndefinedTable, what));
                };
                sql.append(name(&one.value));
            }
        }
        sql.push(match nonblock {
            None => "",
            Some(NonBlock::Nowait) => " NOWAIT",
            Some(NonBlock::SkipLocked) => " SKIP LOCKED",
        });
        Ok(sql)
    }

    /// `WITH … `; its names can be used from here on.
    pub(super) fn with(&mut self, with: &With, outer: Option<&Scope<'_>>) -> Result<Sql, Fault> {
        let With { with_token: _, recursive, cte_tables } = with;
        let mut list = Vec::with_capacity(cte_tables.len());
        for cte in cte_tables {
            let CteTree { alias, query, from: None, materialized: None, closing_paren_token: _ } = cte else {
                return Err(self.refused("this form of WITH"));
            };
            if alias.at.is_some() || alias.columns.iter().any(|c| c.data_type.is_some()) {
                return Err(self.refused("this form of WITH"));
            }
            self.name_fits(&alias.name.value)?;
            let given: Vec<String> = alias.columns.iter().map(|c| c.name.value.clone()).collect();
            let shown = &alias.name.value;
            let (names, selected) = match recursive_parts(*recursive, query, shown) {
                Some((anchor, step, all)) => self.recursive(shown, &given, anchor, step, all, outer)?,
                None => {
                    let selected = self.query(query, outer)?;
                    let (names, columns) = self.derived(&selected, "", &given)?;
                    self.ctes.push(Cte { name: shown.clone(), columns });
                    (names, selected)
                }
            };
            let mut sql = name(shown);
            sql.append(names).push(" AS (").append(selected.sql).push(")");
            list.push(sql);
        }
        Ok(Sql::joined(list, ", ").wrapped(if *recursive { "WITH RECURSIVE " } else { "WITH " }, " "))
    }

    /// A CTE that reads itself: the first part decides the types.
    fn recursive(
        &mut self,
        shown: &str,
        given: &[String],
        anchor: &SetExpr,
        step: &SetExpr,
        all: bool,
        outer: Option<&Scope<'_>>,
    ) -> Result<(Sql, Selected), Fault> {
        let mut first = self.set_expr(anchor, outer)?;
        first.columns.iter_mut().for_each(|c| c.nullable = true);
        let (names, columns) = self.derived(&first, "", given)?;
        self.ctes.push(Cte { name: shown.to_owned(), columns });
        let second = self.set_expr(step, outer)?;
        let types: Vec<_> = first.columns.iter().map(|c| (c.ty.clone(), c.pg.clone())).collect();
        let first = self.cast_columns(first, &types)?;
        let second = self.cast_columns(second, &types)?;
        let mut sql = first.sql.wrapped("(", ")");
        sql.push(if all { " UNION ALL " } else { " UNION " });
        sql.append(second.sql.wrapped("(", ")"));
        Ok((names, Selected { sql, columns: first.columns }))
    }
}

/// The two parts of a CTE that names itself in the second.
fn recursive_parts<'q>(recursive: bool, query: &'q Query, shown: &str) -> Option<(&'q SetExpr, &'q SetExpr, bool)> {
    let plain =
        query.order_by.is_none() && query.limit_clause.is_none() && query.with.is_none() && query.locks.is_empty();
    match query.body.as_ref() {
        SetExpr::SetOperation { left, op: SetOperator::Union, set_quantifier, right } if recursive && plain => {
            let reads = names_table(right, shown);
            reads.then_some((left.as_ref(), right.as_ref(), *set_quantifier == sqlparser::ast::SetQuantifier::All))
        }
        _ => None,
    }
}

/// Whether a table of this name is read anywhere in it.
fn names_table(body: &SetExpr, shown: &str) -> bool {
    let flow = sqlparser::ast::visit_relations(body, |object| {
        let hit = matches!(parts(object).as_deref(), Some([one]) if one.value == shown);
        if hit { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
    });
    flow.is_break()
}
