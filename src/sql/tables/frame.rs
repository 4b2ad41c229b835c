//! The walk's own stack: one frame for each open parenthesis.

use crate::sql::lex::Token;

/// Parentheses a statement may nest; deeper ones are not followed (the servers stop far earlier).
pub(super) const DEPTH_MAX: usize = 20_000;

/// Where in its statement a frame stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before the first word: a verb makes it a query.
    Start,
    /// In SELECT, VALUES, TABLE.
    Select,
    /// In INSERT, REPLACE; a SELECT may follow.
    Insert,
    /// In UPDATE.
    Update,
    /// In DELETE.
    Delete,
    /// In MERGE.
    Merge,
    /// In the list of a WITH.
    Cte(Step),
    /// Behind the name in CREATE TABLE and CREATE VIEW.
    Definition,
    /// In its column list.
    Columns,
    /// An expression, a column list, arguments: no clauses.
    Plain,
}

/// Where in `WITH name (columns) AS (body), …`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Before a name.
    Name,
    /// Behind it; parentheses here are a column list.
    Named,
    /// Behind AS: parentheses here are the body.
    Body,
    /// Behind the body.
    After,
    /// In SEARCH or CYCLE behind the body.
    Tail,
}

/// What must come next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// Nothing special.
    Nothing,
    /// A table, a table function or a subquery to read from.
    From,
    /// A table to write: never a CTE.
    Target,
    /// A table to write that SELECT … INTO makes.
    Made,
}

/// One open parenthesis (or the statement itself).
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) stage: Stage,
    pub(super) expect: Expect,
    /// A comma here starts another table.
    pub(super) in_from: bool,
    /// It stands where a table stands: `FROM (a JOIN b)`.
    pub(super) list: bool,
    /// It is the body of a CTE.
    pub(super) body: bool,
    /// INSERT, UPDATE and DELETE are verbs here.
    pub(super) may_write: bool,
    /// USING starts a list of tables here (DELETE, MERGE).
    pub(super) using: bool,
    /// Its WITH is recursive.
    pub(super) recursive: bool,
    /// The CTE whose body is open, or comes next.
    pub(super) cte: Option<Token>,
    /// CTEs known before it opened.
    pub(super) ctes: usize,
    /// Tables found before its WITH.
    pub(super) tables: usize,
}

impl Frame {
    pub(super) fn new(stage: Stage, ctes: usize) -> Self {
        Self {
            stage,
            expect: Expect::Nothing,
            in_from: false,
            list: false,
            body: false,
            may_write: false,
            using: false,
            recursive: false,
            cte: None,
            ctes,
            tables: 0,
        }
    }
}
