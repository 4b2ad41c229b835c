//! Replacements in the client's text: renames and backend names used as qualifiers. Everything else stays as it was sent.

use std::ops::Range;

use super::Edit;
use super::table::{Owner, RouteTable};
use crate::base::{BackendId, Dialect};
use crate::sql::{Alias, Statement, TableRef};

/// One table of a statement with its owner.
pub(super) struct Place<'a> {
    pub(super) table: &'a TableRef,
    pub(super) owner: Owner,
    pub(super) backend: BackendId,
}

/// The edits for a statement that goes to `target`; `None` when nothing changes.
pub(super) fn edits(
    routes: &RouteTable,
    dialect: Dialect,
    text: &[u8],
    statement: &Statement,
    places: &[Place<'_>],
    target: BackendId,
) -> Vec<Edit> {
    let mut out: Vec<Edit> = Vec::new();
    // `delivery.agents` in expressions, by what it was replaced with.
    let mut renamed: Vec<(&TableRef, String)> = Vec::new();
    for place in places {
        let Some(new) = new_name(routes, dialect, text, place, target) else { continue };
        let own = bytes(text, &place.table.name_span);
        let last = last_part(&new);
        let mut replacement = new.clone();
        let mut known_as = last.to_owned();
        let differs = !same_name(dialect, last, &own);
        if differs && place.table.alias == Alias::Possible {
            replacement.push_str(" AS ");
            replacement.push_str(&own);
            known_as = own;
        }
        if place.table.schema.is_some() {
            renamed.push((place.table, known_as));
        }
        out.push(Edit { span: place.table.span.clone(), text: replacement });
    }
    for qualifier in &statement.qualifiers {
        let same = |t: &TableRef| compare(dialect, t) == compare(dialect, qualifier);
        if let Some((_, name)) = renamed.iter().find(|(t, _)| same(t)) {
            out.push(Edit { span: qualifier.span.clone(), text: name.clone() });
        }
    }
    out.sort_by_key(|e| e.span.start);
    out.dedup_by(|a, b| a.span.start < b.span.end);
    out
}

/// What stands in the text instead of the table's name, if it changes.
fn new_name(
    routes: &RouteTable,
    dialect: Dialect,
    text: &[u8],
    place: &Place<'_>,
    target: BackendId,
) -> Option<String> {
    let own = bytes(text, &place.table.name_span);
    let home_of = routes.known(place.backend);
    // Another database of the same server: the statement runs on the target's connection.
    let elsewhere = (place.backend != target).then(|| home_of.map(|b| quote(dialect, &b.database))).flatten();
    match &place.owner {
        Owner::Rule(rule) => match &rule.rename {
            Some(rename) => {
                let parts: Vec<String> = rename.split('.').map(|p| quote(dialect, p)).collect();
                let name = parts.join(".");
                Some(match elsewhere {
                    Some(database) if parts.len() == 1 => format!("{database}.{name}"),
                    _ => name,
                })
            }
            None => match (&place.table.schema, elsewhere) {
                (None, Some(database)) => Some(format!("{database}.{own}")),
                (Some(schema), elsewhere) => visible(routes, dialect, place, schema, elsewhere, own),
                (None, None) => None,
            },
        },
        Owner::Named(_) => Some(elsewhere.map_or(own.clone(), |database| format!("{database}.{own}"))),
        Owner::Home => match (&place.table.schema, elsewhere) {
            (None, Some(database)) => Some(format!("{database}.{own}")),
            (Some(schema), elsewhere) => visible(routes, dialect, place, schema, elsewhere, own),
            (None, None) => None,
        },
        Owner::Catalog => None,
    }
}

/// MySQL clients see one database, whatever the backend's is called: that qualifier is replaced.
fn visible(
    routes: &RouteTable,
    dialect: Dialect,
    place: &Place<'_>,
    schema: &str,
    elsewhere: Option<String>,
    own: String,
) -> Option<String> {
    let seen = dialect == Dialect::Mysql && schema.eq_ignore_ascii_case(&routes.database);
    let real = routes.known(place.backend).is_some_and(|b| b.database.eq_ignore_ascii_case(schema));
    if !seen || real {
        return None;
    }
    Some(elsewhere.map_or(own.clone(), |database| format!("{database}.{own}")))
}

fn bytes(text: &[u8], span: &Range<usize>) -> String {
    String::from_utf8_lossy(text.get(span.clone()).unwrap_or_default()).into_owned()
}

/// The part behind the last dot that is not quoted; our own renames hold no quoted dots but by configuration.
fn last_part(name: &str) -> &str {
    if name.ends_with(['"', '`']) {
        let quote = name.chars().next_back().unwrap_or('"');
        let body = name.trim_end_matches(quote);
        return body.rfind(quote).and_then(|at| name.get(at..)).unwrap_or(name);
    }
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

fn same_name(dialect: Dialect, a: &str, b: &str) -> bool {
    let plain = |s: &str| s.trim_matches(['"', '`']).to_owned();
    match dialect {
        Dialect::Mysql => plain(a).eq_ignore_ascii_case(&plain(b)),
        Dialect::Postgres => {
            let fold = |s: &str| if s.starts_with('"') { plain(s) } else { s.to_ascii_lowercase() };
            fold(a) == fold(b)
        }
    }
}

fn compare(dialect: Dialect, table: &TableRef) -> (Option<String>, String) {
    match dialect {
        Dialect::Postgres => (table.schema.clone(), table.name.clone()),
        Dialect::Mysql => (table.schema.as_ref().map(|s| s.to_lowercase()), table.name.to_lowercase()),
    }
}

/// A name as SQL: quoted unless it is plain and no keyword.
pub(super) fn quote(dialect: Dialect, name: &str) -> String {
    let mut bytes = name.bytes();
    let starts = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    let plain = starts && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if plain && !RESERVED.contains(&name) {
        return name.to_owned();
    }
    match dialect {
        Dialect::Postgres => format!("\"{}\"", name.replace('"', "\"\"")),
        Dialect::Mysql => format!("`{}`", name.replace('`', "``")),
    }
}

/// Names that would be keywords without quotes, on one server or the other.
const RESERVED: &[&str] = &[
    "all",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "by",
    "case",
    "check",
    "column",
    "condition",
    "constraint",
    "create",
    "cross",
    "cube",
    "current_user",
    "database",
    "default",
    "delete",
    "desc",
    "distinct",
    "do",
    "drop",
    "each",
    "else",
    "end",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "foreign",
    "from",
    "function",
    "grant",
    "group",
    "groups",
    "having",
    "if",
    "in",
    "index",
    "insert",
    "interval",
    "into",
    "is",
    "join",
    "key",
    "keys",
    "lateral",
    "leave",
    "left",
    "like",
    "limit",
    "lock",
    "match",
    "natural",
    "not",
    "null",
    "offset",
    "on",
    "only",
    "option",
    "or",
    "order",
    "outer",
    "primary",
    "procedure",
    "range",
    "rank",
    "read",
    "references",
    "release",
    "rename",
    "repeat",
    "replace",
    "return",
    "right",
    "row",
    "rows",
    "schema",
    "select",
    "session_user",
    "set",
    "show",
    "some",
    "system",
    "table",
    "then",
    "to",
    "trigger",
    "true",
    "union",
    "unique",
    "update",
    "usage",
    "use",
    "user",
    "using",
    "values",
    "when",
    "where",
    "window",
    "with",
    "write",
];
