//! Queries: WITH, the body, ORDER BY, LIMIT and locks.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Cte, Expr, Fetch, LimitClause, LockClause, Offset, OrderBy, OrderByExpr, OrderByKind, Query, SetExpr, Value, With,
    visit_relations,
};

use super::names::{dotted, output, output_shown, quoted};
use super::scope::{Scope, ScopeColumn, Source, fold};
use super::{Selected, Walk};
use crate::base::{Fault, FaultKind};
use crate::sql::translate::{Part, Sql};
use crate::wire::value::PgType;

/// Rows that MySQL takes for "all of them", where OFFSET stands alone.
const ALL_ROWS: &str = "18446744073709551615";

/// What a query's result is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// The client's rows: columns are printed as shown.
    Outermost,
    /// An expression's subquery: columns are printed as they are computed with.
    Nested,
    /// A derived table: both, `cN` and, where they differ, `sN`.
    Source,
}

impl Walk<'_> {
    /// A query within an expression. Its n-th column is called `cN` in `sql`.
    pub(super) fn query(&mut self, query: &Query, outer: Option<&Scope<'_>>) -> Result<Selected, Fault> {
        self.query_for(query, outer, Use::Nested, &[])
    }

    /// A query for a use. `wanted`: what columns without a type of their own become; text if nothing is wanted.
    pub(super) fn query_for(
        &mut self,
        query: &Query,
        outer: Option<&Scope<'_>>,
        usage: Use,
        wanted: &[Option<PgType>],
    ) -> Result<Selected, Fault> {
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause: None,
            settings: None,
            format_clause: None,
            pipe_operators,
        } = query
        else {
            return Err(self.refused("a clause of this query"));
        };
        if !pipe_operators.is_empty() {
            return Err(self.refused("a pipe operator"));
        }
        let mut scope = Scope { outer, ..Scope::default() };
        let with = match with {
            Some(with) => Some(self.with(with, &mut scope)?),
            None => None,
        };
        let order = self.order_items(order_by.as_ref())?;
        let limit = self.limit(limit_clause.as_ref(), fetch.as_ref())?;
        let mut selected = match body.as_ref() {
            SetExpr::Select(select) => self.select(select, order, limit, locks, &scope, usage, wanted)?,
            SetExpr::Query(inner) if order.is_empty() && limit.is_none() && locks.is_empty() => {
                self.query_for(inner, Some(&scope), usage, wanted)?
            }
            SetExpr::SetOperation { .. } | SetExpr::Values(_) | SetExpr::Query(_) | SetExpr::Table(_) => {
                if !locks.is_empty() {
                    let what = "FOR UPDATE is not allowed with UNION/INTERSECT/EXCEPT";
                    return Err(Fault::new(FaultKind::NotSupported, what));
                }
                self.set_query(body, order, limit, &scope, usage, wanted)?
            }
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => {
                return Err(self.refused("a statement that changes data within a query"));
            }
        };
        if let Some(mut with) = with {
            with.append(selected.sql);
            selected.sql = with;
        }
        Ok(selected)
    }

    fn order_items<'q>(&self, order: Option<&'q OrderBy>) -> Result<&'q [OrderByExpr], Fault> {
        match order {
            None => Ok(&[]),
            Some(OrderBy { kind: OrderByKind::Expressions(items), interpolate: None }) => Ok(items),
            Some(_) => Err(self.refused("this form of ORDER BY")),
        }
    }

    /// ` LIMIT n OFFSET m`, each a number or parameter.
    fn limit(&mut self, clause: Option<&LimitClause>, fetch: Option<&Fetch>) -> Result<Option<Sql>, Fault> {
        let (limit, offset) = match clause {
            None => (None, None),
            Some(LimitClause::LimitOffset { limit, offset, limit_by }) if limit_by.is_empty() => {
                (limit.as_ref(), offset.as_ref())
            }
            Some(_) => return Err(self.refused("this form of LIMIT")),
        };
        let one = Expr::value(Value::Number("1".to_owned(), false));
        let limit = match (limit, fetch) {
            (limit, None) => limit,
            (None, Some(Fetch { with_ties: false, percent: false, quantity })) => {
                Some(quantity.as_ref().unwrap_or(&one))
            }
            (_, Some(_)) => return Err(self.refused("FETCH FIRST … WITH TIES")),
        };
        let limit = limit.map(|l| self.row_bound(l, "LIMIT")).transpose()?.flatten();
        let offset = match offset {
            None => None,
            Some(Offset { value, rows: _ }) => self.row_bound(value, "OFFSET")?,
        };
        Ok(match (limit, offset) {
            (None, None) => None,
            (Some(limit), None) => Some(limit.wrapped(" LIMIT ", "")),
            (limit, Some(offset)) => {
                let mut out = limit.unwrap_or_else(|| Sql::text(ALL_ROWS)).wrapped(" LIMIT ", " OFFSET ");
                out.append(offset);
                Some(out)
            }
        })
    }

    /// A number of rows; `None`: no bound.
    fn row_bound(&mut self, expr: &Expr, clause: &str) -> Result<Option<Sql>, Fault> {
        match expr {
            Expr::Nested(inner) => self.row_bound(inner, clause),
            Expr::Cast { expr, data_type, array: false, format: None, .. } => match self.data_type(data_type)? {
                ty @ (PgType::Int2 | PgType::Int4 | PgType::Int8) => {
                    if let Expr::Value(value) = expr.as_ref()
                        && matches!(value.value, Value::Placeholder(_))
                    {
                        let typed = self.expr(expr, &Scope::default())?;
                        self.coerce(typed, &ty)?;
                    }
                    self.row_bound(expr, clause)
                }
                _ => Err(self.refused(format!("{clause} by an expression"))),
            },
            Expr::Identifier(all) if all.quote_style.is_none() && all.value.eq_ignore_ascii_case("all") => Ok(None),
            Expr::Value(value) => match &value.value {
                Value::Null => Ok(None),
                Value::Number(digits, _) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                    let number: i64 = digits.parse().map_err(|_| {
                        Fault::new(FaultKind::NotConvertible, format!("{clause} {digits} is out of range"))
                    })?;
                    Ok(Some(Sql::text(number.to_string())))
                }
                Value::Placeholder(_) => {
                    let typed = self.expr(expr, &Scope::default())?;
                    let whole = matches!(typed.ty, PgType::Int2 | PgType::Int4 | PgType::Int8);
                    let typed = if whole { typed } else { self.coerce(typed, &PgType::Int8)? };
                    match typed.sql.parts() {
                        [Part::Parameter(_)] => Ok(Some(typed.sql)),
                        _ => Err(self.refused(format!("{clause} by a parameter of this type"))),
                    }
                }
                Value::SingleQuotedString(digits)
                    if !digits.is_empty() && digits.len() < 18 && digits.bytes().all(|b| b.is_ascii_digit()) =>
                {
                    Ok(Some(Sql::text(digits.clone())))
                }
                _ => Err(self.refused(format!("{clause} {expr}"))),
            },
            _ => match constant(expr) {
                Some(n) if n >= 0 => Ok(Some(Sql::text(n.to_string()))),
                Some(_) | None => Err(self.refused(format!("{clause} by an expression"))),
            },
        }
    }

    /// ` FOR UPDATE …`. `sources`: what FROM prints, and how the client calls it.
    pub(super) fn lock(&self, locks: &[LockClause], scope: &Scope<'_>) -> Result<Sql, Fault> {
        use crate::base::Engine;
        use sqlparser::ast::{LockType, NonBlock};
        let lock = match locks {
            [] => return Ok(Sql::new()),
            [one] => one,
            _ => return Err(self.refused("more than one FOR UPDATE")),
        };
        let LockClause { lock_type, of, nonblock } = lock;
        let maria = self.engine() == Engine::Mariadb;
        let mut out = Sql::text(match lock_type {
            LockType::Update => " FOR UPDATE",
            LockType::Share if maria => " LOCK IN SHARE MODE",
            LockType::Share => " FOR SHARE",
        });
        if let Some(of) = of {
            let name = self.bare_name(of)?;
            let Some(source) = scope.source(None, &name) else {
                let what = format!("relation \"{name}\" in FOR UPDATE clause not found in FROM clause");
                return Err(Fault::new(FaultKind::UndefinedTable, what));
            };
            let alone = scope.sources.len() == 1;
            if !maria && !alone {
                let printed = source.columns.first().and_then(|c| printed_alias(&c.sql));
                let Some(printed) = printed else { return Err(self.refused("FOR UPDATE OF")) };
                out.push(" OF ").push(&printed);
            } else if !alone && nonblock.is_some() {
                return Err(self.refused("FOR UPDATE OF one of several tables with NOWAIT or SKIP LOCKED"));
            }
        }
        match nonblock {
            None => {}
            Some(NonBlock::Nowait) => {
                out.push(" NOWAIT");
            }
            Some(NonBlock::SkipLocked) => {
                out.push(" SKIP LOCKED");
            }
        }
        Ok(out)
    }

    /// `WITH … `; the queries are named in `scope` from here on.
    pub(super) fn with(&mut self, with: &With, scope: &mut Scope<'_>) -> Result<Sql, Fault> {
        let With { with_token: _, recursive, cte_tables } = with;
        let mut out = Vec::new();
        let mut recurses = false;
        for cte in cte_tables {
            let Cte { alias, query, from: None, materialized: _, closing_paren_token: _ } = cte else {
                return Err(self.refused("this form of WITH"));
            };
            let name = fold(&alias.name);
            if scope.ctes.iter().any(|c| c.alias == name) {
                let what = format!("WITH query name \"{name}\" specified more than once");
                return Err(Fault::new(FaultKind::AmbiguousColumn, what));
            }
            let mut renamed = Vec::new();
            for column in &alias.columns {
                renamed.push(column.name.clone());
            }
            let printed = self.alias(&name);
            let itself = *recursive && mentions(query, &name);
            recurses |= itself;
            let before = std::mem::take(&mut self.aggregates);
            let (sql, columns) = if itself {
                self.recursive(query, &name, &printed, &renamed, scope)?
            } else {
                let selected = self.query_for(query, Some(scope), Use::Source, &[])?;
                (selected.sql, selected.columns)
            };
            self.aggregates = before;
            let mut source = self.source_of(&name, &printed, &columns, &renamed)?;
            source.schema = Some(printed.clone());
            if self.inline_with {
                source.body = Some(sql.clone());
            }
            scope.ctes.push(source);
            let mut piece = quoted(&printed);
            piece.push(" AS (").append(sql).push(")");
            out.push(piece);
        }
        self.recurses |= recurses;
        if self.inline_with && !recurses {
            return Ok(Sql::new());
        }
        let word = if recurses { "WITH RECURSIVE " } else { "WITH " };
        Ok(Sql::joined(out, ", ").wrapped(word, " "))
    }

    /// A derived table's columns as a select list.
    pub(super) fn outer_list(&self, alias: &str, columns: &[ScopeColumn], usage: Use) -> Sql {
        let mut out = Vec::new();
        for (n, column) in columns.iter().enumerate() {
            let shown = column.shown.is_some();
            let from = if shown && usage == Use::Outermost { output_shown(n) } else { output(n) };
            out.push(as_output(dotted(alias, &from), &output(n)));
            if shown && usage == Use::Source {
                out.push(as_output(dotted(alias, &output_shown(n)), &output_shown(n)));
            }
        }
        Sql::joined(out, ", ")
    }

    /// Columns of a derived table, as named within it, as those of the query around it.
    pub(super) fn through(&self, alias: &str, columns: &[ScopeColumn]) -> Result<Source, Fault> {
        self.source_of(alias, alias, columns, &[])
    }
}

/// `piece AS name`
pub(super) fn as_output(mut piece: Sql, name: &str) -> Sql {
    piece.push(" AS ").append(quoted(name));
    piece
}

/// What a calculation of small whole numbers comes to.
fn constant(expr: &Expr) -> Option<i64> {
    use sqlparser::ast::BinaryOperator;
    match expr {
        Expr::Nested(inner) => constant(inner),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse::<i32>().ok().map(i64::from),
            _ => None,
        },
        Expr::BinaryOp { left, op, right } => {
            let (left, right) = (constant(left)?, constant(right)?);
            match op {
                BinaryOperator::Plus => left.checked_add(right),
                BinaryOperator::Minus => left.checked_sub(right),
                BinaryOperator::Multiply => left.checked_mul(right),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The alias in `` `alias`.`column` ``, in its quotes.
fn printed_alias(column: &Sql) -> Option<String> {
    match column.parts() {
        [Part::Text(text)] if text.starts_with('`') => {
            let end = text.find("`.`")?;
            Some(format!("{}`", text.get(..end)?))
        }
        _ => None,
    }
}

/// Whether a query names a relation without a schema.
fn mentions(query: &Query, name: &str) -> bool {
    let found = visit_relations(query, |relation| match relation.0.as_slice() {
        [sqlparser::ast::ObjectNamePart::Identifier(one)] if fold(one) == name => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    found.is_break()
}
