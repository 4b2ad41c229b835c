//! Which backend is home, which rules are needed, and which tables only a person can decide. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;
use crate::backend::probe::TableFacts;
use crate::base::Dialect;

/// Tables that share a prefix become one rule if there are at least this many.
const PREFIX_TABLES_MIN: usize = 3;

/// What stands in `[tables]`.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// For each dialect that has a backend: its home, as a number of the list.
    pub(super) homes: Vec<(Dialect, usize)>,
    /// For each backend its rules, as they are written.
    pub(super) rules: Vec<Vec<Rule>>,
    /// Tables that are in several databases: the name, and where.
    pub(super) undecided: Vec<(String, Vec<usize>)>,
    /// Names that no rule can hold: where, and the name.
    pub(super) unnameable: Vec<(usize, String)>,
}

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) pattern: String,
    /// Why a pattern with a star is right.
    pub(super) comment: Option<String>,
}

impl Plan {
    pub(super) fn new(sources: &[Source]) -> Self {
        let databases: Vec<Database<'_>> = sources.iter().map(Database::of).collect();
        Self::of(&databases)
    }

    fn of(databases: &[Database<'_>]) -> Self {
        let mut homes: Vec<(Dialect, usize)> = Vec::new();
        for (number, database) in databases.iter().enumerate() {
            if !homes.iter().any(|(dialect, _)| *dialect == database.dialect) {
                homes.push((database.dialect, number));
            }
        }
        let mut plan = Self { homes, ..Self::default() };
        let owners = owners(databases);
        for (name, owners) in owners.values().filter(|(_, owners)| owners.len() > 1) {
            plan.undecided.push((name.clone(), owners.iter().copied().collect()));
        }
        let many = |name: &str| owners.get(&name.to_lowercase()).is_some_and(|(_, owners)| owners.len() > 1);
        for (number, database) in databases.iter().enumerate() {
            let mut rules = Vec::new();
            // The home of everybody needs none: what no rule names goes there.
            if plan.homes.iter().any(|(_, home)| *home != number) {
                let own: Vec<String> = database.names().collect();
                let (good, odd): (Vec<_>, Vec<_>) = own.into_iter().partition(|name| nameable(name));
                plan.unnameable.extend(odd.into_iter().map(|name| (number, name)));
                let good: Vec<String> = good.into_iter().filter(|name| !many(name)).collect();
                rules = of_backend(number, database, &good, databases);
            }
            plan.rules.push(rules);
        }
        plan
    }

    /// Whether clients of a dialect are served.
    pub(super) fn listens(&self, dialect: Dialect) -> bool {
        self.homes.iter().any(|(of, _)| *of == dialect)
    }

    /// The dialects whose home a backend is.
    pub(super) fn home_of(&self, number: usize) -> Option<Dialect> {
        self.homes.iter().find(|(_, home)| *home == number).map(|(dialect, _)| *dialect)
    }
}

/// What planning must know of a database.
#[derive(Debug)]
struct Database<'a> {
    dialect: Dialect,
    name: &'a str,
    tables: Vec<&'a TableFacts>,
}

impl<'a> Database<'a> {
    fn of(source: &'a Source) -> Self {
        let tables = source.inventory.tables.iter().filter(|table| !table.stand_in).collect();
        let backend = &source.given.backend;
        Self { dialect: backend.dialect, name: &backend.name, tables }
    }

    /// As rules name them: bare, or with the schema where a bare name would not find them.
    fn names(&self) -> impl Iterator<Item = String> {
        self.tables.iter().map(
            |table| {
                if table.bare { table.name.clone() } else { format!("{}.{}", table.schema, table.name) }
            },
        )
    }
}

/// Who has a table of a name, by the name without case: rules know none.
fn owners(databases: &[Database<'_>]) -> BTreeMap<String, (String, BTreeSet<usize>)> {
    let mut owners: BTreeMap<String, (String, BTreeSet<usize>)> = BTreeMap::new();
    for (number, database) in databases.iter().enumerate() {
        for name in database.names() {
            owners.entry(name.to_lowercase()).or_insert_with(|| (name, BTreeSet::new())).1.insert(number);
        }
    }
    owners
}

/// The rules for tables that are nowhere else.
fn of_backend(number: usize, database: &Database<'_>, names: &[String], all: &[Database<'_>]) -> Vec<Rule> {
    let others: Vec<String> =
        all.iter().enumerate().filter(|(n, _)| *n != number).flat_map(|(_, d)| d.names()).collect();
    let others: Vec<String> = others.into_iter().map(|name| name.to_lowercase()).collect();
    let (mut rules, mut schemas) = (Vec::new(), BTreeSet::new());
    let bare: Vec<&String> = names.iter().filter(|name| !name.contains('.')).collect();
    match prefix(&bare).filter(|prefix| !others.iter().any(|name| name.starts_with(&prefix.to_lowercase()))) {
        Some(prefix) => {
            let comment = format!("all {} tables of {} begin so, and no table elsewhere", bare.len(), database.name);
            rules.push(Rule { pattern: format!("{prefix}*"), comment: Some(comment) });
        }
        None => rules.extend(bare.iter().map(|name| Rule { pattern: (*name).clone(), comment: None })),
    }
    for name in names.iter().filter(|name| name.contains('.')) {
        let schema = name.split('.').next().unwrap_or_default();
        let elsewhere = |other: &&String| other.starts_with(&format!("{}.", schema.to_lowercase()));
        let is_backend = all.iter().any(|other| other.name.eq_ignore_ascii_case(schema));
        if is_backend || others.iter().any(|other| elsewhere(&other)) {
            rules.push(Rule { pattern: name.clone(), comment: None });
        } else if schemas.insert(schema.to_owned()) {
            let comment = format!("no other database has a schema {schema}");
            rules.push(Rule { pattern: format!("{schema}.*"), comment: Some(comment) });
        }
    }
    rules
}

/// What all names begin with, up to an underscore.
fn prefix(names: &[&String]) -> Option<String> {
    let (first, rest) = names.split_first().filter(|(_, rest)| rest.len() + 1 >= PREFIX_TABLES_MIN)?;
    let mut common = first.as_str();
    for name in rest {
        let same = common.bytes().zip(name.bytes()).take_while(|(a, b)| a == b).count();
        common = common.get(..same)?;
    }
    let end = common.rfind('_').filter(|at| *at >= 2)? + 1;
    common.get(..end).map(str::to_owned)
}

/// Whether a rule can hold the name: `[tables]` knows no quotes.
fn nameable(name: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '`' | '\'' | ';' | '*');
    let parts = name.split('.').count();
    !name.is_empty() && parts <= 2 && !name.split('.').any(str::is_empty) && !name.contains(odd)
}

/// A backend's name from its database's: as SQL takes it for a qualifier.
pub(super) fn backend_name(database: &str, taken: impl Fn(&str) -> bool) -> String {
    let good = |c: char| if c.is_ascii_alphanumeric() || c == '_' || c == '-' { c.to_ascii_lowercase() } else { '_' };
    let base: String = database.chars().map(good).take(60).collect();
    let numbered = (2..).map(|number: u32| format!("{base}_{number}"));
    // Another word than our own database's, which the console is.
    let free = |name: &String| !taken(name) && name != "handfast";
    std::iter::once(base.clone()).chain(numbered).find(free).unwrap_or(base)
}

/// `1 table`, `2 tables`.
pub(super) fn count(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::probe::TableKind;

    fn table(name: &str) -> TableFacts {
        let (schema, name, bare) = match name.split_once('/') {
            Some((schema, name)) => (schema, name, false),
            None => ("public", name, true),
        };
        let (schema, name) = (schema.to_owned(), name.to_owned());
        TableFacts { schema, name, bare, kind: TableKind::Sound, stand_in: false }
    }

    fn planned(databases: &[(Dialect, &str, &[&str])]) -> Plan {
        let tables: Vec<Vec<TableFacts>> =
            databases.iter().map(|(_, _, names)| names.iter().map(|name| table(name)).collect()).collect();
        let databases: Vec<Database<'_>> = databases
            .iter()
            .zip(&tables)
            .map(|((dialect, name, _), tables)| Database { dialect: *dialect, name, tables: tables.iter().collect() })
            .collect();
        Plan::of(&databases)
    }

    fn patterns(plan: &Plan) -> Vec<Vec<&str>> {
        plan.rules.iter().map(|rules| rules.iter().map(|rule| rule.pattern.as_str()).collect()).collect()
    }

    const PG: Dialect = Dialect::Postgres;
    const MY: Dialect = Dialect::Mysql;

    #[test]
    fn the_home_of_everybody_needs_no_rules() {
        let plan = planned(&[(PG, "store", &["items", "orders"]), (PG, "delivery", &["agents", "trips"])]);
        assert_eq!(plan.homes, [(PG, 0)]);
        assert_eq!(patterns(&plan), [vec![], vec!["agents", "trips"]]);
    }

    #[test]
    fn two_dialects_need_rules_for_both_homes() {
        let plan = planned(&[(PG, "store", &["items"]), (MY, "delivery", &["agents"])]);
        assert_eq!(plan.homes, [(PG, 0), (MY, 1)]);
        assert_eq!(patterns(&plan), [["items"], ["agents"]]);
    }

    #[test]
    fn a_star_stands_only_where_it_is_surely_right() {
        let plan = planned(&[(PG, "store", &["items"]), (PG, "d", &["trip_a", "trip_b", "trip_c"])]);
        assert_eq!(patterns(&plan)[1], ["trip_*"]);
        // Another database has such a table, too; or not all begin so; or they are few.
        let plan = planned(&[(PG, "store", &["Trip_x"]), (PG, "d", &["trip_a", "trip_b", "trip_c"])]);
        assert_eq!(patterns(&plan)[1], ["trip_a", "trip_b", "trip_c"]);
        let plan = planned(&[(PG, "store", &[]), (PG, "d", &["trip_a", "trip_b", "other"])]);
        assert_eq!(patterns(&plan)[1], ["trip_a", "trip_b", "other"]);
        let plan = planned(&[(PG, "store", &[]), (PG, "d", &["trip_a", "trip_b"])]);
        assert_eq!(patterns(&plan)[1], ["trip_a", "trip_b"]);
    }

    #[test]
    fn a_schema_of_its_own_is_one_rule() {
        let plan = planned(&[(PG, "store", &["x"]), (PG, "d", &["fleet/cars", "fleet/vans", "agents"])]);
        assert_eq!(patterns(&plan)[1], ["agents", "fleet.*"]);
        let plan = planned(&[(PG, "store", &["fleet/x"]), (PG, "d", &["fleet/cars"])]);
        assert_eq!(patterns(&plan)[1], ["fleet.cars"]);
    }

    #[test]
    fn a_table_of_several_databases_is_left_to_a_person() {
        let plan = planned(&[(PG, "store", &["users", "items"]), (PG, "d", &["Users", "agents"])]);
        assert_eq!(plan.undecided, [("users".to_owned(), vec![0, 1])]);
        assert_eq!(patterns(&plan)[1], ["agents"]);
    }

    #[test]
    fn a_name_that_no_rule_can_hold_is_told_of() {
        let plan = planned(&[(PG, "store", &["x"]), (PG, "d", &["odd name", "a.b.c", "fine"])]);
        assert_eq!(plan.unnameable.len(), 2);
        assert_eq!(patterns(&plan)[1], ["fine"]);
    }

    #[test]
    fn backends_are_named_by_their_databases() {
        assert_eq!(backend_name("store", |_| false), "store");
        assert_eq!(backend_name("Shop Main", |_| false), "shop_main");
        assert_eq!(backend_name("store", |name| name == "store"), "store_2");
        assert_eq!(backend_name("handfast", |_| false), "handfast_2");
    }
}
