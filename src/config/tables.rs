//! `[tables]`: which backend owns which names, and that no two rules claim one name equally well.

use std::collections::HashSet;

use toml::de::DeValue;

use super::TableRule;
use super::file::{Reader, Section, Text, Value};
use super::logins::no_such;
use super::report::{ConfigCode, ConfigFault, Span, line_of};
use super::schema::Kind;
use crate::base::BackendId;

/// schema.table in either dialect: 64 characters each.
const PATTERN_BYTES_MAX: usize = 400;

/// The rules in the order of the file. `names`: the backends, sorted; a rule's id is the index.
pub(super) fn read(r: &mut Reader<'_>, root: &mut Section<'_>, names: &[String]) -> Vec<TableRule> {
    let section = root.section(r, "tables");
    section.learn(r, "*", Kind::Rule);
    let mut rules: Vec<(TableRule, Span)> = Vec::new();
    for (pattern, span, value) in section.entries() {
        let shape = bad_shape(pattern);
        if let Some(why) = shape {
            let fault =
                ConfigFault::at(ConfigCode::BadPattern, span.clone(), format!("\"{pattern}\" is no table pattern"));
            r.fault(fault.label(why));
        }
        let Some((backend, rename)) = target(r, pattern, &span, value, names) else { continue };
        if shape.is_none() {
            let there = rename.as_ref().map(|name| format!(" as {name}")).unwrap_or_default();
            let owner = names.get(usize::from(backend.0)).map_or("", String::as_str);
            r.note(format!("tables.{pattern}"), format!("{owner}{there}"), Some(&span));
            let line = line_of(&r.sources.text, span.start);
            rules.push((TableRule { pattern: pattern.to_owned(), backend, rename, line }, span));
        }
    }
    ties(r, &rules);
    rules.into_iter().map(|(rule, _)| rule).collect()
}

fn bad_shape(pattern: &str) -> Option<&'static str> {
    let mut parts = pattern.split('.');
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '`' | '\'' | ';');
    if parts.any(str::is_empty) {
        return Some("an empty name");
    }
    if pattern.split('.').count() > 2 {
        return Some("at most schema.table");
    }
    if pattern.contains(odd) {
        return Some("names without quotes and spaces");
    }
    (pattern.len() > PATTERN_BYTES_MAX).then_some("too long")
}

/// The owner and the name there.
fn target(
    r: &mut Reader<'_>,
    pattern: &str,
    span: &Span,
    value: &Value<'_>,
    names: &[String],
) -> Option<(BackendId, Option<String>)> {
    let name = format!("tables.{pattern}");
    if let DeValue::String(_) = value.get_ref() {
        let backend = r.text_of(value, &format!("`{name}`"), &|_, _| false)?;
        return Some((known(r, backend, names)?, None));
    }
    let DeValue::Table(table) = value.get_ref() else {
        r.wrong_type(value, &format!("`{name}`"), "a backend's name or { backend = \"…\", table = \"…\" }");
        return None;
    };
    let planned = ["shard_by", "copies", "over", "method"];
    if let Some(key) = planned.iter().copied().find(|planned| table.keys().any(|key| key.get_ref() == planned)) {
        let what = if key == "copies" { "one table on several backends" } else { "sharding one table" };
        let fault = ConfigFault::at(ConfigCode::NotBuilt, value.span(), format!("{what} (`{key}`) is not built yet"));
        r.fault(fault.label("each table has one backend"));
        return None;
    }
    let mut section = Section::at(r, name, "tables.*", span.clone(), value);
    let given = section.entry(r, "backend").is_some();
    for key in ["backend", "table"] {
        section.learn(r, key, Kind::Text { default: "" });
    }
    let backend = section.plain(r, "backend");
    let rename = section.plain(r, "table");
    section.finish(r);
    if !given {
        r.fault(ConfigFault::at(ConfigCode::Missing, value.span(), "a rule without `backend`"));
    }
    if let Some(Text { text, span }) = &rename {
        let why = if pattern.contains('*') {
            Some("a pattern with '*' cannot rename")
        } else if text.contains('*') {
            Some("the name there has no '*'")
        } else {
            bad_shape(text)
        };
        if let Some(why) = why {
            let title = format!("`table` of \"{pattern}\" is no table name");
            r.fault(ConfigFault::at(ConfigCode::BadPattern, span.clone(), title).label(why));
        }
    }
    Some((known(r, backend?, names)?, rename.map(|text| text.text)))
}

fn known(r: &mut Reader<'_>, backend: Text, names: &[String]) -> Option<BackendId> {
    if let Some(index) = names.iter().position(|name| *name == backend.text) {
        return u16::try_from(index).ok().map(BackendId);
    }
    let label = no_such(&backend.text, names);
    let title = "table rule points to a backend that is not defined";
    r.fault(ConfigFault::at(ConfigCode::UnknownBackend, backend.span, title).label(label));
    None
}

/// Rules of equal rank for different owners that can match one name. Exact rules tie when only case tells them apart:
/// unquoted names have none.
fn ties(r: &mut Reader<'_>, rules: &[(TableRule, Span)]) {
    let rank = |rule: &TableRule| {
        let literal = rule.pattern.chars().filter(|c| *c != '*').count();
        // A rule with a schema wins over any without one.
        (rule.pattern.contains('.'), !rule.pattern.contains('*'), literal)
    };
    for (index, (one, first)) in rules.iter().enumerate() {
        for (other, second) in &rules[index + 1..] {
            let same_target = one.backend == other.backend && one.rename == other.rename;
            if same_target || rank(one) != rank(other) {
                continue;
            }
            if let Some(witness) = common_name(&one.pattern.to_lowercase(), &other.pattern.to_lowercase()) {
                let title = format!("two table rules match `{witness}` equally well");
                let fault = ConfigFault::at(ConfigCode::Tie, second.clone(), title).label("and this one");
                let help = format!("add an exact line, for example \"{witness}\" = \"…\", or make one pattern longer");
                r.fault(fault.and(first.clone(), "this one").help(help));
            }
        }
    }
}

/// A name that both patterns match, if there is one; both with a schema or both without.
fn common_name(one: &str, other: &str) -> Option<String> {
    match (one.split_once('.'), other.split_once('.')) {
        (Some(one), Some(other)) => Some(format!("{}.{}", meet(one.0, other.0)?, meet(one.1, other.1)?)),
        (None, _) | (_, None) => meet(one, other),
    }
}

/// A text that both patterns match: the product of the two as automata, searched depth first. A step takes a literal
/// of one pattern (the other takes the same literal or stays in its `*`) or leaves a `*`.
fn meet(one: &str, other: &str) -> Option<String> {
    let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut seen = HashSet::new();
    let mut stack = vec![(0, 0, String::new())];
    while let Some((i, j, text)) = stack.pop() {
        if !seen.insert((i, j)) {
            continue;
        }
        match (a.get(i), b.get(j)) {
            (None, None) if text.is_empty() => stack.push((i, j, text)),
            (None, None) => return Some(text),
            (Some('*'), next) => {
                if let Some(&next) = next {
                    let taken = if next == '*' { text.clone() } else { format!("{text}{next}") };
                    stack.push((i, j + 1, taken));
                }
                stack.push((i + 1, j, text));
            }
            (next, Some('*')) => {
                if let Some(&next) = next {
                    stack.push((i + 1, j, format!("{text}{next}")));
                }
                stack.push((i, j + 1, text));
            }
            (Some(x), Some(y)) if x == y => stack.push((i + 1, j + 1, format!("{text}{x}"))),
            (Some(_) | None, Some(_)) | (Some(_), None) => {}
        }
    }
    // Both are nothing but `*`: any name.
    (one.chars().chain(other.chars()).all(|c| c == '*')).then(|| "anything".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_meet_where_a_name_fits_both() {
        for (one, other, expected) in [
            ("courier_*", "*_log", Some("courier_log")),
            ("a*", "b*", None),
            ("a*c", "ab*", Some("abc")),
            ("a*", "a*b", Some("ab")),
            ("s.a*", "*.a*b", Some("s.ab")),
            ("s.*", "t.*", None),
            ("*", "*", Some("anything")),
            ("a*", "*", Some("a")),
        ] {
            assert_eq!(common_name(one, other).as_deref(), expected, "{one} {other}");
        }
    }
}
