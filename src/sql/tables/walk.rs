//! Follows a query or DML statement from token to token and notes the tables where its clauses name them.
//!
//! One pass, one frame for each open parenthesis on a heap-allocated stack of bounded depth, no recursion: time is linear
//! in the text. FROM is a clause only where a query stands, so that `extract(year FROM x)` or `a IS DISTINCT FROM b` name
//! no table. CTE names hide tables as far as the standard lets them.

use std::collections::VecDeque;
use std::ops::Range;

use super::frame::{DEPTH_MAX, Expect, Frame, Stage, Step};
use super::{Entry, Found, IDENTIFIERS_MAX, functions};
use crate::base::Dialect;
use crate::sql::head::fold;
use crate::sql::lex::{Lexer, Token, TokenKind};
use crate::sql::{Access, Reading, Unpreparable};

/// CTEs a statement may define; each name is compared with all in scope.
const CTES_MAX: usize = 500;

/// Walks from `at` to the end of `span`. The tokens before are cut again, because an executable comment that opens among
/// them may close behind.
pub(in crate::sql) fn walk(reading: Reading, text: &[u8], span: Range<usize>, at: usize, entry: Entry) -> Found {
    let mut walk = Walk::new(reading, text, span);
    while walk.peek(0).is_some_and(|t| t.start < at) {
        walk.next();
    }
    if entry == Entry::Definition {
        walk.top().stage = Stage::Definition;
    }
    walk.top().may_write = true;
    while let Some(token) = walk.next() {
        walk.step(token);
        walk.before = walk.previous;
        walk.previous = Some(token);
        if walk.frames.len() > DEPTH_MAX || walk.ctes.len() > CTES_MAX || walk.found.tables.len() > IDENTIFIERS_MAX {
            walk.found.sure = false;
            break;
        }
    }
    if walk.frames.iter().any(|f| f.expect != Expect::Nothing) {
        walk.found.sure = false;
    }
    walk.found
}

pub(super) struct Walk<'a> {
    pub(super) text: &'a [u8],
    lexer: Lexer<'a>,
    ahead: VecDeque<Token>,
    pub(super) reading: Reading,
    pub(super) frames: Vec<Frame>,
    spare: Frame,
    /// CTE names in scope, the innermost last.
    pub(super) ctes: Vec<String>,
    pub(super) found: Found,
    pub(super) previous: Option<Token>,
    pub(super) before: Option<Token>,
}

/// Keywords end here; anything longer is a name.
const KEYWORD_BYTES_MAX: usize = 32;

impl<'a> Walk<'a> {
    fn new(reading: Reading, text: &'a [u8], span: Range<usize>) -> Self {
        Self {
            text,
            lexer: Lexer::within(reading, text, span.start, span.end),
            ahead: VecDeque::new(),
            reading,
            frames: vec![Frame::new(Stage::Start, 0)],
            spare: Frame::new(Stage::Plain, 0),
            ctes: Vec::new(),
            found: Found {
                tables: Vec::new(),
                qualifiers: Vec::new(),
                access: Access::Read,
                unpreparable: None,
                leaves_state: false,
                asks_sequence: false,
                sure: true,
            },
            previous: None,
            before: None,
        }
    }

    pub(super) fn mysql(&self) -> bool {
        self.reading.dialect == Dialect::Mysql
    }

    /// The innermost frame; the statement's own is never taken off.
    pub(super) fn top(&mut self) -> &mut Frame {
        match self.frames.last_mut() {
            Some(frame) => frame,
            None => &mut self.spare,
        }
    }

    pub(super) fn next(&mut self) -> Option<Token> {
        self.ahead.pop_front().or_else(|| self.lexer.next())
    }

    pub(super) fn peek(&mut self, offset: usize) -> Option<Token> {
        while self.ahead.len() <= offset {
            let token = self.lexer.next()?;
            self.ahead.push_back(token);
        }
        self.ahead.get(offset).copied()
    }

    pub(super) fn bytes(&self, token: Token) -> &'a [u8] {
        self.text.get(token.start..token.end).unwrap_or_default()
    }

    pub(super) fn is(&self, token: Option<Token>, word: &str) -> bool {
        token.is_some_and(|t| t.kind == TokenKind::Word && self.bytes(t).eq_ignore_ascii_case(word.as_bytes()))
    }

    pub(super) fn peek_is(&mut self, offset: usize, words: &[&str]) -> bool {
        let token = self.peek(offset);
        words.iter().any(|w| self.is(token, w))
    }

    pub(super) fn peek_kind(&mut self, offset: usize) -> Option<TokenKind> {
        self.peek(offset).map(|t| t.kind)
    }

    pub(super) fn saw(&mut self, access: Access) {
        self.found.access = self.found.access.max(access);
    }

    fn step(&mut self, token: Token) {
        match token.kind {
            TokenKind::Open => self.open(),
            TokenKind::Close => self.close(),
            TokenKind::Comma => self.comma(),
            TokenKind::Word | TokenKind::Quoted => self.word(token),
            TokenKind::Var => self.variable(),
            TokenKind::Dot => {}
            TokenKind::Str
            | TokenKind::Number
            | TokenKind::System
            | TokenKind::Param
            | TokenKind::Semicolon
            | TokenKind::Op => self.plain(),
        }
    }

    /// Something that starts no clause.
    fn plain(&mut self) {
        let frame = self.top();
        if frame.expect != Expect::Nothing || (frame.list && frame.stage == Stage::Start) {
            frame.expect = Expect::Nothing;
            self.found.sure = false;
        }
        let frame = self.top();
        if frame.stage == Stage::Start {
            frame.stage = Stage::Plain;
        }
    }

    /// MySQL: `@x := …` sets a variable of the server's session; so does `INTO @x`.
    fn variable(&mut self) {
        let made = self.top().expect == Expect::Made;
        if made {
            self.top().expect = Expect::Nothing;
        }
        let colon = self.peek(0).is_some_and(|t| self.bytes(t) == b":");
        if made || colon {
            self.saw(Access::MaybeWrite);
        }
        // Reading one needs the same session, too.
        self.found.leaves_state = true;
        self.plain();
    }

    fn open(&mut self) {
        let ctes = self.ctes.len();
        let parent = self.top();
        let mut frame = Frame::new(Stage::Start, ctes);
        if parent.expect != Expect::Nothing || (parent.list && parent.stage == Stage::Start) {
            parent.expect = Expect::Nothing;
            if parent.list && parent.stage == Stage::Start {
                parent.stage = Stage::Plain;
                parent.in_from = true;
            }
            frame.list = true;
        } else {
            match parent.stage {
                Stage::Cte(Step::Body) => {
                    frame.body = true;
                    frame.may_write = true;
                }
                Stage::Cte(Step::Named) => frame.stage = Stage::Plain,
                Stage::Definition => frame.stage = Stage::Columns,
                Stage::Start => frame.may_write = parent.may_write,
                Stage::Columns
                | Stage::Select
                | Stage::Insert
                | Stage::Update
                | Stage::Delete
                | Stage::Merge
                | Stage::Cte(Step::Name | Step::After | Step::Tail)
                | Stage::Plain => {}
            }
        }
        self.frames.push(frame);
    }

    fn close(&mut self) {
        if self.frames.len() < 2 {
            return;
        }
        let Some(closed) = self.frames.pop() else { return };
        if closed.expect != Expect::Nothing {
            self.found.sure = false;
        }
        self.ctes.truncate(closed.ctes);
        let (dialect, text) = (self.reading.dialect, self.text);
        let parent = self.top();
        if closed.body && parent.stage == Stage::Cte(Step::Body) {
            parent.stage = Stage::Cte(Step::After);
            let name = parent.cte.take().filter(|_| !parent.recursive);
            self.ctes.extend(name.map(|t| fold(text, t, dialect)));
        } else if parent.stage == Stage::Start {
            // A query in parentheses: set operations and ORDER BY may follow.
            parent.stage = Stage::Select;
        }
    }

    fn comma(&mut self) {
        let frame = self.top();
        if frame.expect != Expect::Nothing {
            self.found.sure = false;
        }
        let frame = self.top();
        match frame.stage {
            Stage::Cte(Step::After) => frame.stage = Stage::Cte(Step::Name),
            Stage::Cte(Step::Tail) => {
                let next = self.peek_kind(1) == Some(TokenKind::Open) || self.peek_is(1, &["AS"]);
                if next {
                    self.top().stage = Stage::Cte(Step::Name);
                }
            }
            Stage::Start => frame.stage = Stage::Plain,
            Stage::Select
            | Stage::Insert
            | Stage::Update
            | Stage::Delete
            | Stage::Merge
            | Stage::Definition
            | Stage::Columns
            | Stage::Plain
            | Stage::Cte(Step::Name | Step::Named | Step::Body) => {
                if frame.in_from {
                    frame.expect = Expect::From;
                }
            }
        }
    }

    fn word(&mut self, token: Token) {
        if self.previous.is_some_and(|t| t.kind == TokenKind::Dot) {
            self.plain_name(token);
            return;
        }
        let mut buffer = [0_u8; KEYWORD_BYTES_MAX];
        let lower = self.keyword(token, &mut buffer);
        let joins = self.top().list && self.top().stage == Stage::Start;
        if joins && !matches!(lower, "select" | "with" | "values" | "table") {
            let frame = self.top();
            frame.stage = Stage::Plain;
            frame.in_from = true;
            frame.expect = Expect::From;
        }
        match (self.top().expect, self.top().stage) {
            (Expect::Nothing, Stage::Start) => self.verb(token, lower),
            (Expect::Nothing, Stage::Cte(step)) => self.cte(token, lower, step),
            (Expect::Nothing, _) => self.clause(token, lower),
            (expect, _) => self.item(token, lower, expect),
        }
    }

    /// The word in lower case; empty for quoted names and for what is too long to be a keyword.
    fn keyword<'b>(&self, token: Token, buffer: &'b mut [u8; KEYWORD_BYTES_MAX]) -> &'b str {
        let bytes = self.bytes(token);
        let Some(lower) = buffer.get_mut(..bytes.len()).filter(|_| token.kind == TokenKind::Word) else { return "" };
        lower.copy_from_slice(bytes);
        lower.make_ascii_lowercase();
        std::str::from_utf8(lower).unwrap_or("")
    }

    /// A name in an expression: a column, or a function if a parenthesis follows.
    pub(super) fn plain_name(&mut self, token: Token) {
        if self.peek_kind(0) == Some(TokenKind::Open) {
            self.function(token);
        }
        let temp = !self.mysql() && self.peek_kind(0) == Some(TokenKind::Dot);
        if temp && self.bytes(token).to_ascii_lowercase().starts_with(b"pg_temp") {
            self.found.unpreparable.get_or_insert(Unpreparable::TemporaryObject);
        }
        self.column(token);
    }

    /// `a.b.c`: notes `a.b`, so that it can be rewritten with its table.
    fn column(&mut self, token: Token) {
        let first = self.previous.is_none_or(|t| t.kind != TokenKind::Dot);
        let is_name = |k: Option<TokenKind>| matches!(k, Some(TokenKind::Word | TokenKind::Quoted));
        let three = first
            && self.peek_kind(0) == Some(TokenKind::Dot)
            && is_name(self.peek_kind(1))
            && self.peek_kind(2) == Some(TokenKind::Dot);
        if !three || self.found.qualifiers.len() >= IDENTIFIERS_MAX {
            return;
        }
        if let Some(second) = self.peek(1) {
            let qualifier = crate::sql::head::table_ref(self.text, &[token, second], self.reading.dialect);
            self.found.qualifiers.push(qualifier);
        }
    }

    /// What calling it may do.
    pub(super) fn function(&mut self, token: Token) {
        if token.kind == TokenKind::Word && self.previous.is_some_and(|t| self.bytes(t) == b":") {
            return; // `::numeric(10, 2)`
        }
        let name = fold(self.text, token, self.reading.dialect);
        let effect = functions::effect(self.reading.dialect, &name);
        self.saw(effect.access);
        self.found.leaves_state |= effect.leaves_state;
        self.found.asks_sequence |= effect.asks_sequence;
        if effect.unpreparable.is_some() && self.found.unpreparable.is_none() {
            self.found.unpreparable = effect.unpreparable;
        }
    }
}
