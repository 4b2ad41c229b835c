//! MySQL's and MariaDB's statements for PostgreSQL.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "an allow-list over a syntax tree of hundreds of node kinds, and over types: what no arm names is refused"
)]
#![allow(clippy::wrong_self_convention, reason = "named after SQL's functions: to_char, from_unixtime")]

mod aggregate;
mod alias;
mod arithmetic;
mod assign;
mod cast;
mod compare;
mod constant;
mod convert;
mod ddl;
mod delete;
mod expr;
mod from;
mod functions;
mod insert;
mod join;
mod logic;
mod names;
mod naming;
mod order;
mod pattern;
mod query;
mod regroup;
mod scope;
mod select;
mod setops;
mod show;
mod sorting;
mod source;
mod statement;
#[cfg(test)]
mod statement_tests;
#[cfg(test)]
mod tests;
mod typed;
mod unify;
mod update;
mod upsert;
mod window;

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Value, ValueWithSpan, visit_expressions};

use crate::base::Fault;
use crate::wire::value::{MyType, PgType};

use super::{Part, Request, Sql, ToPg, parse};
use scope::Scope;

/// Translates one statement.
///
/// Errors: what has no faithful translation ([`crate::base::FaultKind::NotTranslatable`]), and what MySQL itself
/// would refuse (unknown columns, types that do not fit), with its number.
pub fn translate(request: &Request<'_, MyType>) -> Result<ToPg, Fault> {
    parse::with_tree(request.text, request.reading, request.engine, |tree| {
        let places = places(&tree);
        let mut parameters = request.declared.to_vec();
        parameters.resize(places.len(), None);
        let mut walk = Walk { request, parameters, places, ctes: Vec::new() };
        walk.statement(&tree)
    })
}

/// One statement on its way.
pub(super) struct Walk<'a> {
    pub(super) request: &'a Request<'a, MyType>,
    /// Types of the parameters as far as they are known.
    pub(super) parameters: Vec<Option<MyType>>,
    /// Where the parameters stand in the text, in order: line and column.
    pub(super) places: Vec<(u64, u64)>,
    /// Common table expressions that can be named here, the innermost last.
    pub(super) ctes: Vec<source::Cte>,
}

/// Where a statement's parameters stand, in the order of the text, which is the order of their values.
fn places(tree: &sqlparser::ast::Statement) -> Vec<(u64, u64)> {
    let mut out = Vec::new();
    let walked: ControlFlow<()> = visit_expressions(tree, |expr| {
        if let Expr::Value(ValueWithSpan { value: Value::Placeholder(_), span }) = expr {
            out.push((span.start.line, span.start.column));
        }
        ControlFlow::Continue(())
    });
    debug_assert!(walked.is_continue(), "nothing above breaks off");
    out.sort_unstable();
    out.dedup();
    out
}

/// An expression as printed for the backend, and what it is to the client.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    /// It stands alone: a name, a literal, a call, or in parentheses.
    pub(super) sql: Sql,
    /// The type that MySQL would give it.
    pub(super) ty: MyType,
    /// The type that the piece as printed has on PostgreSQL: comparisons are `boolean` until [`Walk::settle`].
    pub(super) pg: PgType,
    /// It can be NULL.
    pub(super) nullable: bool,
    /// Plain digits with sign and point, if it is a number written in the statement.
    pub(super) number: Option<String>,
    /// A literal or parameter whose type the context decides ([`Walk::coerce`]).
    pub(super) open: Option<Open>,
    /// For text: equality of the piece as printed is by bytes, as with the collation that the client sees. Order always
    /// needs [`Walk::comparable`].
    pub(super) exact: bool,
    /// For text: whose collation it is compared by.
    pub(super) collation: Collated,
    /// It holds an aggregate.
    pub(super) aggregate: bool,
    /// Of a whole number: decimal digits that MySQL counts for it.
    pub(super) digits: u8,
    /// Of a DECIMAL in the middle of a computation: the digits behind the point that the value has, if they are not the
    /// type's scale. [`Walk::settle`] rounds.
    pub(super) frac: Option<u8>,
    /// A date that the client sees as text of this type: MySQL's answer to `'2024-01-31' + INTERVAL 1 DAY`.
    pub(super) shown: Option<MyType>,
}

/// By whose rules a text compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Collated {
    /// A column's: by bytes.
    Column,
    /// The connection's, which PostgreSQL does not have: it cannot be compared with its like.
    Connection,
    /// The connection's too, but it holds nothing that collations differ about: digits, signs, small letters.
    Plain,
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

impl Walk<'_> {
    /// The client's home is MariaDB rather than MySQL.
    pub(super) fn mariadb(&self) -> bool {
        self.request.reading.mariadb
    }

    /// `||` joins texts instead of being OR.
    pub(super) fn pipes_as_concat(&self) -> bool {
        let modes = &self.request.facts.sql_mode;
        modes.split(',').any(|m| matches!(m.trim(), "PIPES_AS_CONCAT" | "ANSI" | "ORACLE"))
    }

    pub(super) fn refused(&self, construct: impl std::fmt::Display) -> Fault {
        super::refused(construct, self.request.engine)
    }
}

// The contract between the two halves of this room.
//
// statement.rs (and files beside it: select, from, insert, update, delete, returning, ddl …):
//   fn statement(&mut self, tree: &ast::Statement) -> Result<ToPg, Fault>
//   fn query(&mut self, query: &ast::Query, outer: Option<&Scope<'_>>) -> Result<Selected, Fault>   subqueries too
// expr.rs (and files beside it: operators, functions/*, cast, datetime, json, aggregates, window …):
//   fn expr(&mut self, expr: &ast::Expr, scope: &Scope<'_>) -> Result<Typed, Fault>
//   fn condition(&mut self, expr: &ast::Expr, scope: &Scope<'_>) -> Result<Sql, Fault>              WHERE, ON, HAVING
//   fn coerce(&mut self, typed: Typed, ty: &MyType) -> Result<Typed, Fault>     implicit cast, as in an assignment or comparison;
//                                                              decides open literals and parameters
//   fn settle(&mut self, typed: Typed) -> Result<Typed, Fault>  open ones become text, as MySQL does at last
//   fn comparable(&self, typed: &Typed) -> Sql                  for ORDER BY, GROUP BY, DISTINCT, joins
//   fn column_name(expr: &ast::Expr) -> String                  MySQL's name for an unnamed result column
//   fn column(&self, column: &ScopeColumn) -> Typed             a column of the scope as an expression
//   fn order_by(&mut self, items: &[ast::OrderByExpr], scope: &Scope<'_>) -> Result<Sql, Fault>   without the words ORDER BY,
//                                                              with NULLS FIRST / LAST; also `order_item` for one Typed

/// A query as printed.
pub(super) struct Selected {
    pub(super) sql: Sql,
    pub(super) columns: Vec<scope::ScopeColumn>,
}

const _: fn(&Scope<'_>) = |_| ();
