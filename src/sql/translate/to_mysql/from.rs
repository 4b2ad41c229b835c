//! FROM: tables, subqueries, WITH queries and joins.

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, TableAlias, TableFactor,
    TableWithJoins,
};

use super::Walk;
use super::names::quoted;
use super::query::Use;
use super::scope::{Scope, ScopeColumn, Source, fold};
use super::types::common;
use crate::base::{Engine, Fault, FaultKind};
use crate::sql::translate::Sql;

/// A part of FROM as printed.
pub(super) struct Tree {
    pub(super) sql: Sql,
    pub(super) sources: Vec<Source>,
    /// What `*` and unqualified names mean.
    pub(super) star: Vec<ScopeColumn>,
}

/// Which side of a join is filled with NULLs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Neither,
    Right,
    Left,
}

impl Tree {
    fn one(sql: Sql, source: Source) -> Self {
        let star = source.columns.iter().filter(|c| !c.hidden).cloned().collect();
        Self { sql, sources: vec![source], star }
    }

    fn nullable(&mut self) {
        let columns = self.sources.iter_mut().flat_map(|s| &mut s.columns);
        columns.chain(&mut self.star).for_each(|c| c.nullable = true);
    }

    /// A scope that sees this part only.
    pub(super) fn scope<'s>(&self, outer: &'s Scope<'s>) -> Scope<'s> {
        Scope { outer: Some(outer), sources: self.sources.clone(), star: Some(self.star.clone()), ctes: Vec::new() }
    }
}

impl Walk<'_> {
    /// The whole FROM clause, `None` without one. `scope` sees what is around, and the WITH queries.
    pub(super) fn from(&mut self, items: &[TableWithJoins], scope: &Scope<'_>) -> Result<Option<Tree>, Fault> {
        let mut all: Option<Tree> = None;
        for item in items {
            let tree = self.tree(item, scope, all.as_ref())?;
            all = Some(match all {
                None => tree,
                Some(left) => {
                    self.distinct_aliases(&left, &tree)?;
                    Tree {
                        sql: Sql::joined([left.sql, tree.sql], " CROSS JOIN "),
                        sources: left.sources.into_iter().chain(tree.sources).collect(),
                        star: left.star.into_iter().chain(tree.star).collect(),
                    }
                }
            });
        }
        Ok(all)
    }

    fn distinct_aliases(&self, left: &Tree, right: &Tree) -> Result<(), Fault> {
        for source in &right.sources {
            if left.sources.iter().any(|l| l.alias == source.alias && (l.schema.is_none() || l.schema == source.schema))
            {
                let what = format!("table name \"{}\" specified more than once", source.alias);
                return Err(Fault::new(FaultKind::DuplicateAlias, what));
            }
        }
        Ok(())
    }

    /// One item of FROM with its joins. Comma items after each other are printed as cross joins: they bind as in PostgreSQL
    /// because each item is in parentheses if it has joins.
    fn tree(&mut self, item: &TableWithJoins, scope: &Scope<'_>, before: Option<&Tree>) -> Result<Tree, Fault> {
        let TableWithJoins { relation, joins } = item;
        let mut left = self.factor(relation, scope, before)?;
        for join in joins {
            left = self.join(left, join, scope, before)?;
        }
        if !joins.is_empty() && before.is_some() {
            left.sql = left.sql.wrapped("(", ")");
        }
        Ok(left)
    }

    fn factor(&mut self, factor: &TableFactor, scope: &Scope<'_>, before: Option<&Tree>) -> Result<Tree, Fault> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                version: None,
                with_ordinality: false,
                partitions,
                json_path: None,
                sample: None,
                index_hints,
            } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
                self.table_factor(name, alias.as_ref(), scope)
            }
            TableFactor::Derived { lateral, subquery, alias, sample: None } => {
                self.derived(*lateral, subquery, alias.as_ref(), scope, before)
            }
            TableFactor::NestedJoin { table_with_joins, alias: None } => {
                let mut tree = self.tree(table_with_joins, scope, None)?;
                if !table_with_joins.joins.is_empty() {
                    tree.sql = tree.sql.wrapped("(", ")");
                }
                Ok(tree)
            }
            TableFactor::Table { name, args: Some(_), .. } | TableFactor::Function { name, .. } => {
                Err(self.refused(format!("the function {name} in FROM")))
            }
            other => Err(self.refused(format!("{other} in FROM"))),
        }
    }

    /// The alias as the client calls it, and the names that it gives to columns.
    fn alias_parts(&self, alias: Option<&TableAlias>) -> Result<Option<(String, Vec<Ident>)>, Fault> {
        let Some(TableAlias { explicit: _, name, columns, at: None }) = alias else {
            return match alias {
                None => Ok(None),
                Some(_) => Err(self.refused("this form of a table alias")),
            };
        };
        let mut names = Vec::new();
        for column in columns {
            if column.data_type.is_some() {
                return Err(self.refused("a column definition list"));
            }
            names.push(column.name.clone());
        }
        Ok(Some((fold(name), names)))
    }

    fn table_factor(
        &mut self,
        name: &ObjectName,
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
    ) -> Result<Tree, Fault> {
        let (schema, table) = self.parts(name)?;
        let given = self.alias_parts(alias)?;
        let (client, renamed) = given.clone().unwrap_or_else(|| (fold(table), Vec::new()));
        if schema.is_none()
            && let Some(cte) = scope.cte(&fold(table))
        {
            let cte = cte.clone();
            let printed = self.alias(&client);
            let cte_name = cte.schema.clone().unwrap_or_default();
            let mut sql = match cte.body.clone() {
                Some(body) => body.wrapped("(", ")"),
                None => quoted(&cte_name),
            };
            sql.push(" AS ").append(quoted(&printed));
            return Ok(Tree::one(sql, self.source_of(&client, &printed, &cte.columns, &renamed)?));
        }
        let (named, table) = self.table(name)?;
        let printed = self.alias(&client);
        let mut sql = self.physical(named);
        if self.target.as_ref() == Some(&sql) {
            sql = sql.wrapped("(SELECT * FROM ", ")");
        }
        sql.push(" AS ").append(quoted(&printed));
        let mut columns = self.columns_of(&table, &quoted(&printed));
        for (column, renamed) in columns.iter_mut().zip(&renamed) {
            column.name = fold(renamed);
        }
        let schema = if given.is_some() { None } else { schema.map(fold).or_else(|| named.schema.clone()) };
        Ok(Tree::one(sql, Source { alias: client, schema, columns, table: Some(table), body: None }))
    }

    /// A table alone.
    pub(super) fn table_of(&mut self, name: &ObjectName, scope: &Scope<'_>) -> Result<Tree, Fault> {
        self.table_factor(name, None, scope)
    }

    fn derived(
        &mut self,
        lateral: bool,
        query: &Query,
        alias: Option<&TableAlias>,
        scope: &Scope<'_>,
        before: Option<&Tree>,
    ) -> Result<Tree, Fault> {
        let (client, renamed) = self.alias_parts(alias)?.unwrap_or_else(|| ("?subquery?".to_owned(), Vec::new()));
        let aggregates = self.aggregates;
        let selected = match before {
            Some(before) if lateral => {
                if self.engine() == Engine::Mariadb {
                    return Err(self.refused("LATERAL"));
                }
                self.query_for(query, Some(&before.scope(scope)), Use::Source, &[])?
            }
            _ => self.query_for(query, Some(scope), Use::Source, &[])?,
        };
        self.aggregates = aggregates;
        let printed = self.alias(if client == "?subquery?" { "hf" } else { &client });
        let open = if lateral && before.is_some() { "LATERAL (" } else { "(" };
        let mut sql = selected.sql.wrapped(open, ") AS ");
        sql.append(quoted(&printed));
        Ok(Tree::one(sql, self.source_of(&client, &printed, &selected.columns, &renamed)?))
    }

    fn join(&mut self, left: Tree, join: &Join, scope: &Scope<'_>, before: Option<&Tree>) -> Result<Tree, Fault> {
        let Join { relation, global: false, join_operator } = join else {
            return Err(self.refused("GLOBAL JOIN"));
        };
        let (word, side, constraint) = match join_operator {
            JoinOperator::Join(c) | JoinOperator::Inner(c) => (" JOIN ", Side::Neither, c),
            JoinOperator::Left(c) | JoinOperator::LeftOuter(c) => (" LEFT JOIN ", Side::Right, c),
            JoinOperator::Right(c) | JoinOperator::RightOuter(c) => (" RIGHT JOIN ", Side::Left, c),
            JoinOperator::CrossJoin(c @ JoinConstraint::None) => (" CROSS JOIN ", Side::Neither, c),
            JoinOperator::FullOuter(_) => return Err(self.refused("FULL JOIN")),
            other => return Err(self.refused(format!("the join {other:?}"))),
        };
        let seen = match before {
            Some(before) => Tree {
                sql: Sql::new(),
                sources: before.sources.iter().chain(&left.sources).cloned().collect(),
                star: before.star.iter().chain(&left.star).cloned().collect(),
            },
            None => Tree { sql: Sql::new(), sources: left.sources.clone(), star: left.star.clone() },
        };
        let mut right = self.factor(relation, scope, Some(&seen))?;
        self.distinct_aliases(&left, &right)?;
        let mut left = left;
        let (on, star) = self.joined(&left, &right, constraint, side, scope)?;
        match side {
            Side::Neither => {}
            Side::Right => right.nullable(),
            Side::Left => left.nullable(),
        }
        let mut sql = left.sql;
        let word = if on.is_none() && side == Side::Neither { " CROSS JOIN " } else { word };
        sql.push(word).append(right.sql);
        match on {
            Some(on) => {
                sql.push(" ON ").append(on);
            }
            None if side == Side::Neither => {}
            None => {
                sql.push(" ON TRUE");
            }
        }
        let star = star.into_iter().map(|mut column| {
            let of = |sources: &[Source]| sources.iter().flat_map(|s| &s.columns).any(|c| c.sql == column.sql);
            column.nullable |= match side {
                Side::Neither => false,
                Side::Right => of(&right.sources),
                Side::Left => of(&left.sources),
            };
            column
        });
        let star = star.collect();
        Ok(Tree { sql, sources: left.sources.into_iter().chain(right.sources).collect(), star })
    }

    /// The join's condition and its unqualified columns.
    fn joined(
        &mut self,
        left: &Tree,
        right: &Tree,
        constraint: &JoinConstraint,
        side: Side,
        scope: &Scope<'_>,
    ) -> Result<(Option<Sql>, Vec<ScopeColumn>), Fault> {
        let both: Vec<ScopeColumn> = left.star.iter().chain(&right.star).cloned().collect();
        let names: Vec<String> = match constraint {
            JoinConstraint::None => return Ok((None, both)),
            JoinConstraint::On(condition) => {
                let sources = left.sources.iter().chain(&right.sources).cloned().collect();
                let tree = Tree { sql: Sql::new(), sources, star: both };
                let on = self.condition(condition, &tree.scope(scope))?;
                return Ok((Some(on), tree.star));
            }
            JoinConstraint::Using(columns) => {
                columns.iter().map(|name| self.bare_name(name)).collect::<Result<_, _>>()?
            }
            JoinConstraint::Natural => {
                let shared = left.star.iter().filter(|l| right.star.iter().any(|r| r.name == l.name));
                shared.map(|l| l.name.clone()).collect()
            }
        };
        let mut conditions = Vec::new();
        let mut star = Vec::new();
        for name in &names {
            let (l, r) = (self.using_side("left", &left.star, name)?, self.using_side("right", &right.star, name)?);
            conditions.push(self.equal(&l, &r, scope)?);
            let mut merged = if side == Side::Left { r.clone() } else { l.clone() };
            if l.ty != r.ty {
                merged.ty = common([&l.ty, &r.ty]).ok_or_else(|| self.refused("a join of columns of these types"))?;
            }
            star.push(merged);
        }
        let rest = both.into_iter().filter(|c| !names.iter().any(|n| c.name.eq_ignore_ascii_case(n)));
        star.extend(rest);
        if conditions.is_empty() {
            return Ok((None, star));
        }
        Ok((Some(Sql::joined(conditions, " AND ")), star))
    }

    fn using_side(&self, which: &str, star: &[ScopeColumn], name: &str) -> Result<ScopeColumn, Fault> {
        let mut found = star.iter().filter(|c| c.name.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some(one), None) => Ok(one.clone()),
            (None, _) => {
                let what = format!("column \"{name}\" specified in USING clause does not exist in {which} table");
                Err(Fault::new(FaultKind::UndefinedColumn, what))
            }
            (Some(_), Some(_)) => {
                let what = format!("common column name \"{name}\" appears more than once in {which} table");
                Err(Fault::new(FaultKind::AmbiguousColumn, what))
            }
        }
    }

    /// `l = r`, as an expression of the client's would compare them.
    pub(super) fn equal(&mut self, l: &ScopeColumn, r: &ScopeColumn, scope: &Scope<'_>) -> Result<Sql, Fault> {
        let source = |alias: &str, column: &ScopeColumn| Source {
            alias: alias.to_owned(),
            schema: None,
            columns: vec![ScopeColumn { name: "x".to_owned(), ..column.clone() }],
            table: None,
            body: None,
        };
        let sides =
            Scope { outer: Some(scope), sources: vec![source("l", l), source("r", r)], star: None, ctes: Vec::new() };
        let path = |alias: &str| Box::new(Expr::CompoundIdentifier(vec![Ident::new(alias), Ident::new("x")]));
        let equality = Expr::BinaryOp { left: path("l"), op: BinaryOperator::Eq, right: path("r") };
        self.condition(&equality, &sides)
    }

    /// A table that a statement changes, as a source: its columns are printed with `printed` before them.
    pub(super) fn target(&mut self, name: &ObjectName, alias: Option<&Ident>, printed: &Sql) -> Result<Source, Fault> {
        let (schema, plain) = self.parts(name)?;
        let (named, table) = self.table(name)?;
        let columns = self.columns_of(&table, printed);
        let schema = if alias.is_some() { None } else { schema.map(fold).or_else(|| named.schema.clone()) };
        Ok(Source { alias: fold(alias.unwrap_or(plain)), schema, columns, table: Some(table), body: None })
    }
}
