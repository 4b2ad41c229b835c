//! Rules against tables: what leads nowhere, what is not led to, and what is there twice.

use std::collections::BTreeMap;

use super::Looked;
use super::finding::{Finding, Problem, Section};
use crate::backend::probe::TableFacts;
use crate::base::{BackendId, Dialect};
use crate::config::{Config, TableRule};
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
    let twice = twice(looked);
    for (name, owners) in &twice {
        section.findings.extend(undecided(config, &routes, name, owners));
    }
    for one in looked {
        section.findings.extend(unreached(config, &routes, one, &twice));
    }
    section
}

/// The dialects whose clients can connect.
fn dialects(config: &Config) -> impl Iterator<Item = Dialect> {
    let all = [(Dialect::Postgres, config.listen.postgres), (Dialect::Mysql, config.listen.mysql)];
    all.into_iter().filter(|(_, address)| address.is_some()).map(|(dialect, _)| dialect)
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

/// Tables by the name that clients say, where several backends have one.
fn twice<'a>(looked: &'a [Looked<'a>]) -> BTreeMap<String, Vec<BackendId>> {
    let mut owners: BTreeMap<String, Vec<BackendId>> = BTreeMap::new();
    for one in looked {
        for table in one.inventory().into_iter().flat_map(|inventory| &inventory.tables) {
            let all = owners.entry(table.name.to_lowercase()).or_default();
            if table.bare && !table.stand_in && !all.contains(&one.id) {
                all.push(one.id);
            }
        }
    }
    owners.retain(|_, all| all.len() > 1);
    owners
}

/// An exact rule is a decision, and a rule for another name that means one of them is one, too.
fn undecided(config: &Config, routes: &RouteTable, name: &str, owners: &[BackendId]) -> Option<Finding> {
    let decides = |rule: &TableRule| rule.pattern.eq_ignore_ascii_case(name);
    if config.tables.iter().any(decides) {
        return None;
    }
    let backend = |id: BackendId| config.backend(id).name.as_str();
    let all: Vec<&str> = owners.iter().map(|id| backend(*id)).collect();
    let meant = |dialect: Dialect| {
        let id = routes.leads_to(dialect, None, name).map(|(id, _)| id).or_else(|| config.home(dialect))?;
        Some(format!("{dialect} clients mean the one in {}", backend(id)))
    };
    let meant: Vec<String> = dialects(config).filter_map(meant).collect();
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
    let renamed = |table: &TableFacts| {
        let full = format!("{}.{}", table.schema, table.name);
        let means = |rename: &String| rename.eq_ignore_ascii_case(&table.name) || rename.eq_ignore_ascii_case(&full);
        config.tables.iter().any(|rule| rule.backend == one.id && rule.rename.as_ref().is_some_and(means))
    };
    let mut found = Vec::new();
    for dialect in dialects(config) {
        let reaches = |table: &TableFacts| {
            let schema = (!table.bare).then_some(table.schema.as_str());
            let to = routes.leads_to(dialect, schema, &table.name).map(|(id, _)| id);
            to.or_else(|| config.home(dialect)) == Some(one.id)
        };
        let missing: Vec<String> = inventory
            .tables
            .iter()
            .filter(|t| !t.stand_in && !reaches(t) && !renamed(t) && !twice.contains_key(&t.name.to_lowercase()))
            .map(|t| if t.bare { t.name.clone() } else { format!("{}.{}", t.schema, t.name) })
            .collect();
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
