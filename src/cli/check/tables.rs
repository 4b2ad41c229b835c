//! Rules against tables: what leads nowhere, what is not led to, and what is there twice.

use std::collections::BTreeMap;

use super::Looked;
use super::finding::{Finding, Problem, Section};
use crate::backend::probe::TableFacts;
use crate::base::{BackendId, Dialect};
use crate::config::{Config, TableRule};
use crate::ops::tables;
use crate::route::{RouteTable, fits};

/// Names that one finding spells out.
const NAMES_SHOWN_MAX: usize = 6;

pub(super) fn section(config: &Config, looked: &[Looked<'_>]) -> Section {
    let real = |one: &&Looked<'_>| one.inventory().map_or(0, |i| i.tables.iter().filter(|t| !t.stand_in).count());
    let count: usize = looked.iter().map(|one| real(&one)).sum();
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let counts = [plural(config.tables.len(), "rule"), plural(count, "table")].join(", ");
    let mut section = Section::new("routing", "rules and tables", counts);
    let routes = RouteTable::new(config);
    section.findings.extend(config.tables.iter().filter_map(|rule| leads_nowhere(config, rule, looked)));
    let seen = looked.iter().filter_map(|one| Some((one.id, one.inventory()?.tables.as_slice())));
    let twice = tables::twice(seen);
    for (name, owners) in &twice {
        section.findings.extend(undecided(config, &routes, name, owners));
    }
    for one in looked {
        section.findings.extend(unreached(config, &routes, one, &twice));
    }
    section
}

fn leads_nowhere(config: &Config, rule: &TableRule, looked: &[Looked<'_>]) -> Option<Finding> {
    let one = looked.iter().find(|one| one.id == rule.backend)?;
    let tables = &one.inventory()?.tables;
    let there = rule.rename.as_ref().unwrap_or(&rule.pattern).to_lowercase();
    let means = |table: &&TableFacts| match there.split_once('.') {
        None => table.bare && fits(&there, &table.name.to_lowercase()),
        Some((schema, name)) => {
            let by_backend = table.bare && fits(schema, &one.backend.name.to_lowercase());
            (fits(schema, &table.schema.to_lowercase()) || by_backend) && fits(name, &table.name.to_lowercase())
        }
    };
    if tables.iter().any(|table| means(&table) && !table.stand_in) {
        return None;
    }
    let (pattern, backend) = (&rule.pattern, &config.backend(rule.backend).name);
    let what = format!("line {}: rule \"{pattern}\" leads to {backend}, which has no such table", rule.line);
    Some(Finding::warning(Problem::RuleWithoutTable, what, "correct the name or the backend, or create the table"))
}

/// An exact rule is a decision, and a rule for another name that means one of them is one, too.
fn undecided(config: &Config, routes: &RouteTable, name: &str, owners: &[BackendId]) -> Option<Finding> {
    if tables::is_decided(config, name) {
        return None;
    }
    let backend = |id: BackendId| config.backend(id).name.as_str();
    let all: Vec<&str> = owners.iter().map(|id| backend(*id)).collect();
    let meant = |dialect: Dialect| {
        let id = tables::meant(config, routes, dialect, None, name)?;
        Some(format!("{dialect} clients mean the one in {}", backend(id)))
    };
    let meant: Vec<String> = tables::dialects(config).filter_map(meant).collect();
    let what = format!("table {name} is in {}, and no rule names it: {}", all.join(" and in "), meant.join(", "));
    let fix = format!("say which in [tables], for example: \"{name}\" = \"{}\"", all[0]);
    Some(Finding::warning(Problem::TableTwice, what, fix))
}

/// Tables of one backend that clients cannot name; one finding for each dialect.
fn unreached(
    config: &Config,
    routes: &RouteTable,
    one: &Looked<'_>,
    twice: &BTreeMap<String, Vec<BackendId>>,
) -> Vec<Finding> {
    let Some(inventory) = one.inventory() else { return Vec::new() };
    let mut found = Vec::new();
    for dialect in tables::dialects(config) {
        let missing = tables::unreached(config, routes, dialect, (one.id, &inventory.tables), twice);
        let missing: Vec<String> = missing.into_iter().map(tables::said_name).collect();
        let Some(first) = missing.first() else { continue };
        let shown = missing.iter().take(NAMES_SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = missing.len().saturating_sub(NAMES_SHOWN_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let backend = &one.backend.name;
        let what = format!("{dialect} clients do not find tables of {backend} by their names: {shown}{more}");
        let fix = format!("add to [tables]: \"{first}\" = \"{backend}\"  (and so on)");
        found.push(Finding::warning(Problem::TableWithoutRule, what, fix));
    }
    found
}
