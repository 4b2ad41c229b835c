//! What a word means where it stands: a verb, a clause, a CTE's name, a table.

use super::frame::{Expect, Stage, Step};
use super::walk::Walk;
use crate::sql::head::{fold, table_ref};
use crate::sql::lex::{Token, TokenKind};
use crate::sql::{Access, Alias, Unpreparable};

impl Walk<'_> {
    /// The first word of a frame.
    pub(super) fn verb(&mut self, token: Token, lower: &str) {
        let (mysql, may_write) = (self.mysql(), self.top().may_write);
        let called = self.peek_kind(0) == Some(TokenKind::Open);
        let (stage, expect) = match lower {
            "select" | "values" | "value" => (Stage::Select, Expect::Nothing),
            "all" | "distinct" if self.is(self.previous, "UNION") || self.set_operation() => return,
            "table" => (Stage::Select, Expect::From),
            "with" => {
                let recursive = self.peek_is(0, &["RECURSIVE"]);
                if recursive {
                    self.next();
                }
                let tables = self.found.tables.len();
                let frame = self.top();
                frame.recursive = recursive;
                frame.tables = tables;
                (Stage::Cte(Step::Name), Expect::Nothing)
            }
            "insert" if may_write && !called => (Stage::Insert, Expect::Target),
            "replace" if mysql && may_write && !called => (Stage::Insert, Expect::Target),
            "merge" if may_write => (Stage::Merge, Expect::Target),
            "update" if may_write => (Stage::Update, if mysql { Expect::From } else { Expect::Target }),
            "delete" if may_write => (Stage::Delete, Expect::Nothing),
            _ => {
                self.top().stage = Stage::Plain;
                return self.clause(token, lower);
            }
        };
        if matches!(stage, Stage::Insert | Stage::Update | Stage::Delete | Stage::Merge) {
            self.saw(Access::Write);
        }
        let delete = stage == Stage::Delete;
        if delete {
            while self.peek_is(0, &["LOW_PRIORITY", "QUICK", "IGNORE"]) && mysql {
                self.next();
            }
        }
        let from_follows = self.peek_is(0, &["FROM"]);
        let frame = self.top();
        frame.stage = stage;
        frame.expect = expect;
        frame.in_from = stage == Stage::Update && mysql;
        frame.using = stage == Stage::Merge || (delete && from_follows);
        frame.list = false;
    }

    fn set_operation(&self) -> bool {
        ["EXCEPT", "INTERSECT", "MINUS"].iter().any(|w| self.is(self.previous, w))
    }

    /// A word in `WITH name (columns) AS [NOT] MATERIALIZED (body), … verb`.
    pub(super) fn cte(&mut self, token: Token, lower: &str, step: Step) {
        match step {
            Step::Name => {
                let name = fold(self.text, token, self.reading.dialect);
                let recursive = self.top().recursive;
                let from = self.top().tables;
                if recursive {
                    // Its own body and those before it mean this name, not a table.
                    let same = |schema: &Option<String>, n: &str| schema.is_none() && n == name;
                    let mut index = 0;
                    self.found.tables.retain(|t| {
                        index += 1;
                        index <= from || !same(&t.schema, &t.name)
                    });
                    self.ctes.push(name);
                }
                let frame = self.top();
                frame.cte = Some(token);
                frame.stage = Stage::Cte(Step::Named);
            }
            Step::Named => {
                if lower == "as" {
                    self.top().stage = Stage::Cte(Step::Body);
                }
            }
            Step::Body => {}
            Step::After | Step::Tail => match lower {
                "search" | "cycle" => self.top().stage = Stage::Cte(Step::Tail),
                "select" | "insert" | "update" | "delete" | "merge" | "values" | "table" | "replace" => {
                    self.top().stage = Stage::Start;
                    self.verb(token, lower);
                }
                _ => {}
            },
        }
    }

    /// A word inside a statement.
    pub(super) fn clause(&mut self, token: Token, lower: &str) {
        let stage = self.top().stage;
        match lower {
            "from" => self.from(stage),
            "join" | "straight_join" if self.top().in_from => {
                if lower == "join" || self.mysql() {
                    let frame = self.top();
                    frame.expect = Expect::From;
                    frame.using = false;
                }
            }
            "using" if self.top().using => {
                let frame = self.top();
                frame.using = false;
                frame.in_from = true;
                frame.expect = Expect::From;
            }
            "into" if stage == Stage::Select => {
                let frame = self.top();
                frame.in_from = false;
                frame.expect = Expect::Made;
            }
            "union" | "except" | "intersect" | "minus" => self.set_operator(lower, token),
            "select" | "with" | "table" | "as" | "like" | "inherits" | "partition" => self.nested(token, lower, stage),
            "where" | "group" | "having" | "order" | "limit" | "offset" | "fetch" | "window" | "returning" | "set"
            | "values" | "procedure" => self.top().in_from = false,
            "on" => {
                if self.peek_is(0, &["CONFLICT", "DUPLICATE"]) {
                    self.top().in_from = false;
                }
            }
            "for" => self.lock_clause(),
            "lock" if self.mysql() && self.peek_is(0, &["IN"]) => {
                self.top().in_from = false;
                self.saw(Access::Write);
            }
            _ => self.plain_name(token),
        }
    }

    fn from(&mut self, stage: Stage) {
        let not_a_clause = self.is(self.previous, "SYSTEM_TIME")
            || (self.is(self.previous, "DISTINCT") && (self.is(self.before, "IS") || self.is(self.before, "NOT")));
        if not_a_clause || !matches!(stage, Stage::Select | Stage::Update | Stage::Delete) {
            return;
        }
        let target = stage == Stage::Delete && !self.mysql();
        let frame = self.top();
        frame.in_from = true;
        frame.expect = if target { Expect::Target } else { Expect::From };
    }

    /// Another query begins in the same frame.
    fn set_operator(&mut self, lower: &str, token: Token) {
        if lower == "minus" && !self.reading.mariadb {
            return self.plain_name(token);
        }
        let frame = self.top();
        if matches!(frame.stage, Stage::Select | Stage::Insert) || (frame.stage == Stage::Plain && frame.list) {
            frame.stage = Stage::Start;
            frame.in_from = false;
            frame.may_write = false;
        }
    }

    /// Words that start a query, or name a table, in INSERT and CREATE.
    fn nested(&mut self, token: Token, lower: &str, stage: Stage) {
        let opened = self.previous.is_some_and(|t| matches!(t.kind, TokenKind::Open | TokenKind::Comma));
        match (stage, lower) {
            (Stage::Insert | Stage::Definition, "select" | "with" | "table") => {
                let query = stage == Stage::Insert || lower == "select" || !self.definition_option(lower);
                if query {
                    self.top().may_write = false;
                    self.verb(token, lower);
                }
            }
            (Stage::Columns, "select") if opened => self.verb(token, lower),
            (Stage::Definition, "as") => self.top().stage = Stage::Start,
            (Stage::Definition, "like" | "inherits") => self.top().expect = Expect::From,
            (Stage::Definition, "partition") if self.peek_is(0, &["OF"]) => {
                self.next();
                self.top().expect = Expect::From;
            }
            (Stage::Columns, "like") if opened => self.top().expect = Expect::From,
            (_, "as") => {
                // A label or an alias, whatever word it is.
                let name = matches!(self.peek_kind(0), Some(TokenKind::Word | TokenKind::Quoted));
                if name && !matches!(stage, Stage::Start | Stage::Cte(_) | Stage::Definition) {
                    self.next();
                }
            }
            _ => self.plain_name(token),
        }
    }

    /// `WITH (fillfactor = …)`, `TABLESPACE …`: no query.
    fn definition_option(&mut self, lower: &str) -> bool {
        lower == "with" || (lower == "table" && !self.mysql())
    }

    /// FOR UPDATE and its kin; not `FOR SYSTEM_TIME`, not MySQL's `USE INDEX FOR JOIN`.
    fn lock_clause(&mut self) {
        if self.is(self.previous, "INDEX") || self.is(self.previous, "KEY") {
            self.next();
            return;
        }
        if self.peek_is(0, &["SYSTEM_TIME"]) {
            return;
        }
        self.top().in_from = false;
        if self.peek_is(0, &["UPDATE", "SHARE"]) || self.peek_is(0, &["NO", "KEY"]) {
            self.saw(Access::Write);
        }
    }

    /// A word where a table must stand.
    pub(super) fn item(&mut self, token: Token, lower: &str, expect: Expect) {
        let mysql = self.mysql();
        match lower {
            "only" | "lateral" if !mysql => return,
            "lateral" if self.peek_kind(0) == Some(TokenKind::Open) => return,
            "oj" if mysql && self.is_brace() => return,
            "into" | "ignore" | "low_priority" | "high_priority" | "delayed"
                if expect == Expect::Target || self.top().stage == Stage::Update =>
            {
                return;
            }
            "temp" | "temporary" | "unlogged" | "table" if expect == Expect::Made => {
                if lower.starts_with("temp") {
                    self.found.unpreparable = Some(Unpreparable::TemporaryObject);
                    self.found.leaves_state = true;
                }
                return;
            }
            "rows" if !mysql && self.peek_is(0, &["FROM"]) => {
                self.next();
                self.top().expect = Expect::Nothing;
                return;
            }
            "dual" if mysql && expect == Expect::From => {
                self.top().expect = Expect::Nothing;
                return;
            }
            _ => {}
        }
        self.top().expect = Expect::Nothing;
        if expect == Expect::Made && mysql {
            // OUTFILE, DUMPFILE or a program's variable.
            return self.saw(Access::MaybeWrite);
        }
        if is_reserved(lower) {
            self.found.sure = false;
            return self.clause(token, lower);
        }
        self.table(token, expect);
    }

    fn is_brace(&self) -> bool {
        self.previous.is_some_and(|t| self.bytes(t) == b"{")
    }

    /// Reads the rest of a table's name and notes it, unless it is a function or a CTE.
    fn table(&mut self, token: Token, expect: Expect) {
        let mut parts = [token; 3];
        let mut count = 1;
        while count < 3 && self.peek_kind(0) == Some(TokenKind::Dot) {
            let Some(part) = self.peek(1).filter(|t| matches!(t.kind, TokenKind::Word | TokenKind::Quoted)) else {
                self.found.sure = false;
                return;
            };
            self.next();
            self.next();
            if let Some(slot) = parts.get_mut(count) {
                *slot = part;
            }
            count += 1;
        }
        let parts = parts.get(..count).unwrap_or_default();
        let called = self.peek_kind(0) == Some(TokenKind::Open);
        let from = expect == Expect::From && self.top().stage != Stage::Columns;
        if from && called && self.top().stage != Stage::Definition {
            if let Some(name) = parts.last() {
                self.function(*name);
            }
            return;
        }
        let mut table = table_ref(self.text, parts, self.reading.dialect);
        let escaped = |t: &Token| t.kind == TokenKind::Quoted && !matches!(self.bytes(*t).first(), Some(b'"' | b'`'));
        self.found.sure &= !parts.iter().any(escaped);
        if expect == Expect::From && table.schema.is_none() && self.is_cte(&table.name) {
            return;
        }
        if table.schema.as_deref().is_some_and(|s| s.starts_with("pg_temp")) && !self.mysql() {
            self.found.unpreparable.get_or_insert(Unpreparable::TemporaryObject);
        }
        if expect == Expect::Made {
            self.saw(Access::Write);
        }
        table.alias = self.alias(expect);
        self.found.tables.push(table);
    }

    fn is_cte(&self, name: &str) -> bool {
        let same = |cte: &String| if self.mysql() { cte.eq_ignore_ascii_case(name) } else { cte == name };
        self.ctes.iter().rev().any(same)
    }

    /// Whether an alias follows the name just read.
    fn alias(&mut self, expect: Expect) -> Alias {
        let stage = self.top().stage;
        let star = !self.mysql() && self.peek(0).is_some_and(|t| self.bytes(t) == b"*");
        if expect == Expect::Made || matches!(stage, Stage::Definition | Stage::Columns) || star {
            return Alias::Impossible;
        }
        let Some(next) = self.peek(0) else {
            return if self.mysql() && matches!(stage, Stage::Insert | Stage::Delete) {
                Alias::Impossible
            } else {
                Alias::Possible
            };
        };
        let word = String::from_utf8_lossy(self.bytes(next)).to_ascii_lowercase();
        let plain = word == "as" || !(is_reserved(&word) || NOT_ALIASES.contains(&word.as_str()));
        if next.kind == TokenKind::Quoted || (next.kind == TokenKind::Word && plain) {
            return Alias::Given;
        }
        // MySQL has no alias for INSERT's table, and not in every version for DELETE's.
        let none = self.mysql() && matches!(stage, Stage::Insert | Stage::Delete);
        if none || self.peek_is(0, &["PARTITION", "TABLESAMPLE"]) { Alias::Impossible } else { Alias::Possible }
    }
}

/// Words behind a table that are no alias, besides the reserved ones.
const NOT_ALIASES: &[&str] = &[
    "partition",
    "tablesample",
    "force",
    "use",
    "ignore",
    "default",
    "overriding",
    "value",
    "lock",
    "minus",
    "returning",
    "straight_join",
    "left",
    "right",
    "inner",
    "cross",
    "natural",
    "full",
    "outer",
    "procedure",
    "key",
    "row",
];

/// Words that no unquoted table has on either server; found where a table must stand, they mean that something was not
/// understood.
fn is_reserved(lower: &str) -> bool {
    matches!(
        lower,
        "select"
            | "from"
            | "where"
            | "group"
            | "having"
            | "order"
            | "limit"
            | "union"
            | "intersect"
            | "except"
            | "on"
            | "using"
            | "set"
            | "values"
            | "join"
            | "left"
            | "right"
            | "inner"
            | "cross"
            | "natural"
            | "into"
            | "for"
            | "as"
            | "and"
            | "or"
            | "not"
            | "in"
            | "is"
            | "null"
            | "case"
            | "when"
            | "then"
            | "else"
            | "create"
            | "with"
            | "table"
            | "update"
            | "delete"
            | "insert"
            | "offset"
            | "fetch"
            | "window"
            | "returning"
            | "distinct"
    )
}
