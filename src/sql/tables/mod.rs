//! Which tables a statement names, with their exact bytes. `walk` follows the clauses of queries and DML from token to
//! token; `fallback` takes every identifier when a statement is not understood.

mod fallback;
mod frame;
mod functions;
mod item;
mod walk;

use super::{Access, TableRef, Unpreparable};

pub(super) use fallback::identifiers;
pub(super) use walk::walk;

/// Identifiers that are kept of a statement which is not understood, and tables of one that is. A statement with more is
/// not routed at all unless there is nothing to choose from.
pub const IDENTIFIERS_MAX: usize = 10_000;

/// How a walk begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// At a query, DML, or any expression with queries in parentheses.
    Query,
    /// Behind the name in CREATE TABLE or CREATE VIEW.
    Definition,
    /// At the string literal of MySQL's `PREPARE … FROM '…'`.
    Literal,
}

/// What a walk found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) tables: Vec<TableRef>,
    pub(super) qualifiers: Vec<TableRef>,
    pub(super) access: Access,
    pub(super) unpreparable: Option<Unpreparable>,
    pub(super) leaves_state: bool,
    pub(super) asks_sequence: bool,
    /// `false`: something stood where it should not, or a bound was hit; take all identifiers instead.
    pub(super) sure: bool,
}
