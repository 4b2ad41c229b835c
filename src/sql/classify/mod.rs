//! What kind a statement is, from its first tokens. `transaction` reads transaction control, `setting` SET and RESET,
//! `command` session commands, `ddl` the rest; queries and DML are left to the walk in `tables`.

mod command;
mod ddl;
mod maintenance;
mod setting;
mod setting_mysql;
mod transaction;

use super::head::Head;
use super::lex::TokenKind;
use super::tables::Entry;
use super::{Access, Kind, TableRef, Unpreparable};

/// What the first tokens say.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) kind: Kind,
    pub(super) access: Access,
    /// Tables named before the walk starts.
    pub(super) tables: Vec<TableRef>,
    /// Where the walk over the query inside starts.
    pub(super) walk: Option<(usize, Entry)>,
    pub(super) unpreparable: Option<Unpreparable>,
    pub(super) leaves_state: bool,
    /// `false`: the form is unknown, all identifiers are candidates.
    pub(super) known: bool,
    /// The walk's findings do not count for `access` (EXPLAIN without ANALYZE).
    pub(super) only_plans: bool,
}

impl Class {
    fn of(kind: Kind, access: Access) -> Self {
        Self {
            kind,
            access,
            tables: Vec::new(),
            walk: None,
            unpreparable: None,
            leaves_state: false,
            known: true,
            only_plans: false,
        }
    }

    fn read(kind: Kind) -> Self {
        Self::of(kind, Access::Read)
    }

    fn write(kind: Kind) -> Self {
        Self::of(kind, Access::Write)
    }

    /// Not known to us: the backend judges, all identifiers count.
    fn other() -> Self {
        Self { known: false, ..Self::of(Kind::Other, Access::MaybeWrite) }
    }

    fn tables(mut self, tables: Vec<TableRef>) -> Self {
        self.tables = tables;
        self
    }

    fn walk(mut self, head: &Head<'_>, entry: Entry) -> Self {
        self.walk = head.offset().map(|at| (at, entry));
        self
    }

    fn unpreparable(mut self, why: Unpreparable) -> Self {
        self.unpreparable = Some(why);
        self
    }

    fn leaves_state(mut self) -> Self {
        self.leaves_state = true;
        self
    }
}

/// Reads the first tokens.
pub(super) fn classify(head: &Head<'_>) -> Class {
    let mut head = *head;
    head.at = 0;
    if head.kind(0) == Some(TokenKind::Open) {
        return Class::read(Kind::Query).walk(&head, Entry::Query);
    }
    let Some(first) = head.peek(0) else { return Class::other() };
    let mut word = [0_u8; 16];
    let bytes = head.bytes(first);
    let Some(lower) = word.get_mut(..bytes.len()) else { return Class::other() };
    lower.copy_from_slice(bytes);
    lower.make_ascii_lowercase();
    let verb = if first.kind == TokenKind::Word { std::str::from_utf8(lower).unwrap_or("") } else { "" };
    dispatch(verb, &mut head)
}

fn dispatch(verb: &str, head: &mut Head<'_>) -> Class {
    let mysql = head.mysql();
    match verb {
        "select" => setting::set_config(head).unwrap_or_else(|| query(head)),
        "with" | "values" | "table" => query(head),
        "insert" | "update" | "delete" | "merge" => Class::write(Kind::Write).walk(head, Entry::Query),
        "replace" if mysql => Class::write(Kind::Write).walk(head, Entry::Query),
        "begin" | "start" | "commit" | "end" | "rollback" | "abort" | "savepoint" | "release" | "xa" => {
            transaction::classify(head)
        }
        "prepare" if head.is_at(1, "TRANSACTION") && !mysql => transaction::classify(head),
        "set" => setting::set(head),
        "reset" if !mysql => setting::reset(head),
        "show" | "describe" | "desc" | "explain" | "use" | "prepare" | "execute" | "deallocate" | "drop"
        | "declare" | "fetch" | "move" | "close" | "copy" | "listen" | "unlisten" | "notify" | "discard" | "lock"
        | "unlock" | "load" | "call" | "do" | "handler" | "help" | "kill" => command::classify(verb, head),
        "analyze" if mysql => command::classify(verb, head),
        _ => ddl::classify(verb, head),
    }
}

fn query(head: &Head<'_>) -> Class {
    Class::read(Kind::Query).walk(head, Entry::Query)
}
