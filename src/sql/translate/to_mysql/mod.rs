//! PostgreSQL's statements for MySQL and MariaDB.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "an allow-list over a syntax tree of hundreds of node kinds, and over types: what no arm names is refused"
)]
#![allow(clippy::wrong_self_convention, reason = "named after SQL's functions: to_char, from_unixtime")]

mod aggregate;
mod array;
mod assign;
mod cast;
mod compare;
mod conditional;
mod ddl;
mod delete;
mod divide;
mod expr;
mod from;
mod functions;
mod grouping;
mod insert;
mod interval;
mod list;
mod names;
mod naming;
mod open;
mod operators;
mod pattern;
mod query;
mod recursive;
mod returning;
mod scope;
mod select;
mod setops;
mod statement;
mod types;
mod update;
mod upsert;

use crate::base::{Engine, Fault};
use crate::wire::value::PgType;

use super::{Request, Sql, ToMysql, parse};
use scope::Scope;

/// Translates one statement.
///
/// Errors: what has no faithful translation ([`crate::base::FaultKind::NotTranslatable`]), and what PostgreSQL itself
/// would refuse (unknown columns, types that do not fit), with its SQLSTATE.
pub fn translate(request: &Request<'_, PgType>) -> Result<ToMysql, Fault> {
    parse::with_tree(request.text, request.reading, request.engine, |tree| {
        let mut walk = Walk::new(request);
        walk.statement(&tree)
    })
}

/// One statement on its way.
pub(super) struct Walk<'a> {
    pub(super) request: &'a Request<'a, PgType>,
    /// Types of the parameters as far as they are known.
    pub(super) parameters: Vec<Option<PgType>>,
    /// Aggregates met so far in this query.
    pub(super) aggregates: u32,
    /// Names that sources of this statement were printed with, in lower case: each is used once, so that none hides another.
    pub(super) aliases: std::collections::BTreeSet<String>,
    /// The table that an UPDATE or DELETE changes, as printed: MySQL reads it in a subquery only through a derived table.
    pub(super) target: Option<Sql>,
    /// WITH queries are printed where they are used: MariaDB's UPDATE and DELETE have no WITH.
    pub(super) inline_with: bool,
    /// It has a recursive WITH.
    pub(super) recurses: bool,
}

/// An expression as printed for the backend, and what it is to the client.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) sql: Sql,
    /// The type that PostgreSQL would give it.
    pub(super) ty: PgType,
    /// A literal or parameter whose type the context decides ([`Walk::coerce`]).
    pub(super) open: Option<Open>,
    /// For text: whether the piece as printed already compares as PostgreSQL does (`nopad` binary collation); else
    /// [`Walk::comparable`] must wrap it where it is compared, grouped or sorted.
    pub(super) exact: bool,
    /// It holds an aggregate of this query.
    pub(super) aggregate: bool,
    /// How it is printed in the outermost result, where that differs from [`Self::sql`]: numbers as text with
    /// PostgreSQL's scale, `real` with all its digits. Never for anything that is computed, compared or sorted.
    pub(super) shown: Option<Sql>,
}

/// What has no type of its own yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Open {
    /// A quoted literal, unescaped.
    Literal(String),
    /// A parameter, from 0.
    Parameter(u16),
    /// NULL
    Null,
}

impl<'a> Walk<'a> {
    /// At the statement's beginning.
    pub(super) fn new(request: &'a Request<'a, PgType>) -> Self {
        let aliases = std::collections::BTreeSet::new();
        Self {
            request,
            parameters: request.declared.to_vec(),
            aggregates: 0,
            aliases,
            target: None,
            recurses: false,
            inline_with: false,
        }
    }

    pub(super) fn engine(&self) -> Engine {
        self.request.engine
    }

    pub(super) fn refused(&self, construct: impl std::fmt::Display) -> Fault {
        super::refused(construct, self.request.engine)
    }
}

// The contract between the two halves of this room.
//
// statement.rs (and files beside it: select, from, insert, update, delete, returning, ddl …):
//   fn statement(&mut self, tree: &ast::Statement) -> Result<ToMysql, Fault>
//   fn query(&mut self, query: &ast::Query, outer: Option<&Scope<'_>>) -> Result<Selected, Fault>   subqueries too
// expr.rs (and files beside it: operators, functions/*, cast, datetime, json, aggregates, window …):
//   fn expr(&mut self, expr: &ast::Expr, scope: &Scope<'_>) -> Result<Typed, Fault>
//   fn condition(&mut self, expr: &ast::Expr, scope: &Scope<'_>) -> Result<Sql, Fault>              WHERE, ON, HAVING
//   fn coerce(&mut self, typed: Typed, ty: &PgType) -> Result<Typed, Fault>     implicit cast, as in an assignment or comparison;
//                                                              decides open literals and parameters
//   fn settle(&mut self, typed: Typed) -> Result<Typed, Fault>  open ones become text, as PostgreSQL does at last
//   fn comparable(&self, typed: &Typed) -> Sql                  for ORDER BY, GROUP BY, DISTINCT, joins
//   naming::column_name(expr: &ast::Expr) -> String             PostgreSQL's name for an unnamed result column
//   fn order_by(&mut self, items: &[OrderByExpr], scope) -> Result<Sql, Fault>; order_item(&Typed, OrderByOptions) for one
//                                                              that is translated already (ordinals and result names are the query's)
//   typed.shown.unwrap_or(typed.sql) is what the outermost select list and RETURNING print; ORDER BY, GROUP BY and DISTINCT
//   print `comparable`, never the result's alias or ordinal.

/// A query as printed.
pub(super) struct Selected {
    pub(super) sql: Sql,
    pub(super) columns: Vec<scope::ScopeColumn>,
}

const _: fn(&Scope<'_>) = |_| ();

#[cfg(test)]
mod tests;
