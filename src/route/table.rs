//! The checked map: from a table's name to its backend.

use std::collections::HashMap;

use super::pattern::{fits, literal_bytes};
use super::reach::Reach;
use crate::base::{BackendId, Dialect};
use crate::config::{Config, TableRule};

/// The checked map from tables to backends.
///
/// Which rule wins, for `schema.name`: the exact `schema.name`, the longest pattern with a schema, the backend of that
/// name, and only then the rules without a schema, as for a bare `name`: exact, the longest pattern, the dialect's home.
/// MySQL's names are compared without case, PostgreSQL's as it folds them. Neither `search_path` nor `USE` changes where
/// a bare name goes.
#[derive(Debug)]
pub struct RouteTable {
    pub(super) backends: Vec<Known>,
    pub(super) postgres: Rules,
    pub(super) mysql: Rules,
    /// The one database name that MySQL clients see.
    pub(super) database: String,
    /// `participants[a]`: the first backend that is the same participant as `a`.
    pub(super) participants: Vec<usize>,
    /// What each user may use.
    pub(super) reaches: Vec<Reach>,
}

/// What routing must know about a backend.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) name: String,
    pub(super) dialect: Dialect,
    pub(super) database: String,
}

/// The rules as one dialect's clients see them.
#[derive(Debug, Default)]
pub(super) struct Rules {
    pub(super) home: Option<BackendId>,
    /// Nothing to choose from: one backend in all.
    pub(super) single: bool,
    exact: HashMap<String, Rule>,
    qualified: HashMap<(String, String), Rule>,
    /// Patterns without a schema, the most specific first.
    patterns: Vec<(String, Rule)>,
    /// Patterns with a schema, the most specific first.
    schemas: Vec<(String, String, Rule)>,
    names: HashMap<String, BackendId>,
}

/// A rule's right side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) backend: BackendId,
    pub(super) rename: Option<String>,
    /// Its pattern is nothing but a star: it says nothing about one identifier among many.
    pub(super) everything: bool,
    /// Its line in the file.
    pub(super) line: usize,
}

/// Where a table's name leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A rule names it.
    Rule(Rule),
    /// Its qualifier is a backend's name.
    Named(BackendId),
    /// The servers' own catalogs: wherever the statement goes.
    Catalog,
    /// No rule: the dialect's home.
    Home,
}

impl RouteTable {
    /// Builds it from a checked configuration.
    pub fn new(config: &Config) -> Self {
        let known = |b: &crate::config::Backend| Known {
            name: b.name.clone(),
            dialect: b.dialect,
            database: b.database.clone(),
        };
        let id = |n: usize| BackendId(u16::try_from(n).unwrap_or(u16::MAX));
        let count = config.backends.len();
        let first = |n: usize| (0..n).find(|m| config.same_participant(id(*m), id(n))).unwrap_or(n);
        Self {
            backends: config.backends.iter().map(known).collect(),
            postgres: Rules::new(config, Dialect::Postgres),
            mysql: Rules::new(config, Dialect::Mysql),
            database: config.listen.database.clone(),
            participants: (0..count).map(first).collect(),
            reaches: config.users.iter().map(|user| Reach::of(user, config)).collect(),
        }
    }

    /// To which backend a name leads, and the line of the rule that says so (`None`: the qualifier is the backend's name);
    /// `None`: no rule, so home's or a catalog's.
    pub fn leads_to(&self, dialect: Dialect, schema: Option<&str>, name: &str) -> Option<(BackendId, Option<usize>)> {
        match self.rules(dialect).owner(dialect, schema, name) {
            Owner::Rule(rule) => Some((rule.backend, Some(rule.line))),
            Owner::Named(id) => Some((id, None)),
            Owner::Catalog | Owner::Home => None,
        }
    }

    /// Whether a name is one of the servers' own catalogs.
    pub fn is_catalog(&self, dialect: Dialect, schema: Option<&str>, name: &str) -> bool {
        self.rules(dialect).owner(dialect, schema, name) == Owner::Catalog
    }

    pub(super) fn rules(&self, dialect: Dialect) -> &Rules {
        match dialect {
            Dialect::Postgres => &self.postgres,
            Dialect::Mysql => &self.mysql,
        }
    }

    pub(super) fn known(&self, id: BackendId) -> Option<&Known> {
        self.backends.get(usize::from(id.0))
    }

    pub(super) fn name_of(&self, id: BackendId) -> &str {
        self.known(id).map_or("?", |b| b.name.as_str())
    }
}

impl Rules {
    fn new(config: &Config, dialect: Dialect) -> Self {
        let mut rules = Self { home: config.home(dialect), single: config.backends.len() == 1, ..Self::default() };
        for rule in &config.tables {
            rules.add(rule, dialect);
        }
        rules.patterns.sort_by_key(|(p, _)| std::cmp::Reverse(literal_bytes(p)));
        rules.schemas.sort_by_key(|(s, n, _)| std::cmp::Reverse(literal_bytes(s) + literal_bytes(n)));
        for (index, backend) in config.backends.iter().enumerate() {
            if let Ok(id) = u16::try_from(index) {
                rules.names.insert(key(dialect, &backend.name), BackendId(id));
            }
        }
        rules
    }

    fn add(&mut self, rule: &TableRule, dialect: Dialect) {
        let everything = literal_bytes(&rule.pattern.replace('.', "")) == 0;
        let to = Rule { backend: rule.backend, rename: rule.rename.clone(), everything, line: rule.line };
        let star = rule.pattern.contains('*');
        match rule.pattern.split_once('.') {
            Some((schema, name)) => {
                let (schema, name) = (key(dialect, schema), key(dialect, name));
                // A rule for the schema that is searched anyway is one for the bare name, too.
                if !star && schema == "public" && dialect == Dialect::Postgres {
                    self.exact.entry(name.clone()).or_insert_with(|| to.clone());
                }
                if star {
                    self.schemas.push((schema, name, to));
                } else {
                    self.qualified.insert((schema, name), to);
                }
            }
            None if star => self.patterns.push((key(dialect, &rule.pattern), to)),
            None => {
                self.exact.insert(key(dialect, &rule.pattern), to);
            }
        }
    }

    /// The backend with this name, as a qualifier or in an override.
    pub(super) fn backend_named(&self, dialect: Dialect, name: &str) -> Option<BackendId> {
        self.names.get(&key(dialect, name)).copied()
    }

    pub(super) fn owner(&self, dialect: Dialect, schema: Option<&str>, name: &str) -> Owner {
        let name = key(dialect, name);
        if let Some(schema) = schema.map(|s| key(dialect, s)) {
            if let Some(owner) = self.qualified_owner(&schema, &name) {
                return owner;
            }
            if is_catalog(dialect, &schema) {
                return Owner::Catalog;
            }
        }
        if let Some(rule) = self.exact.get(&name) {
            return Owner::Rule(rule.clone());
        }
        if schema.is_none() && dialect == Dialect::Postgres && name.starts_with("pg_") {
            return Owner::Catalog;
        }
        match self.patterns.iter().find(|(pattern, _)| fits(pattern, &name)) {
            Some((_, rule)) => Owner::Rule(rule.clone()),
            None => Owner::Home,
        }
    }

    fn qualified_owner(&self, schema: &str, name: &str) -> Option<Owner> {
        if let Some(rule) = self.qualified.get(&(schema.to_owned(), name.to_owned())) {
            return Some(Owner::Rule(rule.clone()));
        }
        if let Some((_, _, rule)) = self.schemas.iter().find(|(s, n, _)| fits(s, schema) && fits(n, name)) {
            return Some(Owner::Rule(rule.clone()));
        }
        self.names.get(schema).map(|id| Owner::Named(*id))
    }
}

/// A name as it is compared.
fn key(dialect: Dialect, name: &str) -> String {
    match dialect {
        Dialect::Postgres => name.to_owned(),
        Dialect::Mysql => name.to_lowercase(),
    }
}

fn is_catalog(dialect: Dialect, schema: &str) -> bool {
    match dialect {
        Dialect::Postgres => schema == "information_schema" || schema.starts_with("pg_"),
        Dialect::Mysql => matches!(schema, "information_schema" | "mysql" | "performance_schema" | "sys"),
    }
}
