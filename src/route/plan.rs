//! Reads an analysis against the map.

use super::edit::{Place, edits};
use super::table::{Owner, RouteTable, Rules};
use super::{ForeignTable, Plan};
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::sql::{IDENTIFIERS_MAX, Statement};

const OVERRIDE_HINT: &str = "Send it to one backend with /* handfast: backend=NAME */";
/// Names listed in a message at most.
const NAMES_SHOWN_MAX: usize = 8;

impl RouteTable {
    /// Where `statement` of `text` goes, for a client of `dialect`. Backends that are one participant
    /// ([`crate::config::Config::same_participant`]) count as several only if the statement's tables need different
    /// databases; then the edits qualify the names.
    pub fn plan(&self, dialect: Dialect, text: &[u8], statement: &Statement) -> Plan {
        let rules = self.rules(dialect);
        if let Some(name) = &statement.backend_override {
            return self.overridden(rules, dialect, text, statement, name);
        }
        if statement.tables.is_empty() {
            return Plan::Anywhere;
        }
        if !statement.parsed {
            return self.by_identifiers(rules, dialect, statement);
        }
        self.by_tables(rules, dialect, text, statement)
    }

    fn by_tables(&self, rules: &Rules, dialect: Dialect, text: &[u8], statement: &Statement) -> Plan {
        let places = match self.places(rules, dialect, statement) {
            Ok(places) => places,
            Err(fault) => return Plan::Refuse(fault),
        };
        let Some(first) = places.first().map(|p| p.backend) else { return Plan::Anywhere };
        if self.is_foreign(dialect, first) && places.iter().all(|p| p.backend == first) {
            return Plan::Foreign { backend: first, tables: foreign_tables(&places) };
        }
        if places.iter().any(|p| !self.together(first, p.backend)) {
            return Plan::Refuse(self.crossing(&places));
        }
        Plan::One { backend: first, edits: edits(self, dialect, text, statement, &places, first) }
    }

    /// Every table that belongs somewhere; catalogs go wherever the statement goes.
    fn places<'a>(&self, rules: &Rules, dialect: Dialect, statement: &'a Statement) -> Result<Vec<Place<'a>>, Fault> {
        let mut places = Vec::with_capacity(statement.tables.len());
        for table in &statement.tables {
            let owner = rules.owner(dialect, table.schema.as_deref(), &table.name);
            let backend = match &owner {
                Owner::Rule(rule) => rule.backend,
                Owner::Named(backend) => *backend,
                Owner::Catalog => continue,
                Owner::Home => rules.home.ok_or_else(|| self.homeless(dialect, &table.name))?,
            };
            places.push(Place { table, owner, backend });
        }
        Ok(places)
    }

    /// The statement was not understood: the identifiers that a rule names decide.
    fn by_identifiers(&self, rules: &Rules, dialect: Dialect, statement: &Statement) -> Plan {
        if rules.single {
            return Plan::Anywhere;
        }
        if statement.tables.len() >= IDENTIFIERS_MAX {
            let message = format!("the statement has more than {IDENTIFIERS_MAX} names and its form is not known");
            return Plan::Refuse(Fault::new(FaultKind::TooLarge, message).hint(format!("{OVERRIDE_HINT}.")));
        }
        let mut named: Vec<(String, BackendId)> = Vec::new();
        let mut renamed = None;
        for table in &statement.tables {
            let backend = match rules.owner(dialect, table.schema.as_deref(), &table.name) {
                Owner::Rule(rule) if !rule.everything => {
                    renamed = renamed.or_else(|| rule.rename.as_ref().map(|_| table.name.clone()));
                    rule.backend
                }
                Owner::Named(backend) => {
                    renamed = renamed.or_else(|| Some(table.name.clone()));
                    backend
                }
                Owner::Rule(_) | Owner::Catalog | Owner::Home => continue,
            };
            named.push((table.name.clone(), backend));
        }
        let Some((name, first)) = named.first().cloned() else { return Plan::Anywhere };
        if let Some((name, other)) = named.iter().find(|(_, b)| self.is_foreign(dialect, *b)) {
            return Plan::Refuse(self.foreign(dialect, name, *other));
        }
        if named.iter().any(|(_, b)| *b != first) {
            let message = format!(
                "the statement's form is not known, and it names tables of several backends: {}",
                self.list(&named)
            );
            return Plan::Refuse(
                Fault::new(FaultKind::CrossBackendStatement, message).hint(format!("{OVERRIDE_HINT}.")),
            );
        }
        if let Some(renamed) = renamed {
            let message = format!(
                "the statement's form is not known, so {renamed} cannot be given its name on {}",
                self.name_of(first)
            );
            let hint = format!(
                "Write the name that {name} has there, and use /* handfast: backend={} */.",
                self.name_of(first)
            );
            return Plan::Refuse(Fault::new(FaultKind::NotSupported, message).hint(hint));
        }
        Plan::One { backend: first, edits: Vec::new() }
    }

    /// `/* handfast: backend=NAME */`: the client knows better; names that lead to that backend are still replaced.
    fn overridden(&self, rules: &Rules, dialect: Dialect, text: &[u8], statement: &Statement, name: &str) -> Plan {
        let exact = self.backends.iter().position(|b| b.name == name);
        let id =
            exact.and_then(|n| u16::try_from(n).ok()).map(BackendId).or_else(|| rules.backend_named(dialect, name));
        let Some(target) = id else {
            let names: Vec<&str> = self.backends.iter().map(|b| b.name.as_str()).take(NAMES_SHOWN_MAX).collect();
            let message = format!("the override comment names backend {name:?}, which does not exist");
            let hint = format!("The backends are: {}.", names.join(", "));
            return Plan::Refuse(Fault::new(FaultKind::UnknownBackend, message).hint(hint));
        };
        if self.is_foreign(dialect, target) {
            // No rule is asked: the tables have the names there that the client gives them.
            let mut places = self.places(rules, dialect, statement).unwrap_or_default();
            for place in &mut places {
                if place.backend != target {
                    (place.owner, place.backend) = (Owner::Home, target);
                }
            }
            return Plan::Foreign { backend: target, tables: foreign_tables(&places) };
        }
        if !statement.parsed {
            return Plan::One { backend: target, edits: Vec::new() };
        }
        let mut places = self.places(rules, dialect, statement).unwrap_or_default();
        places.retain(|p| p.backend == target);
        Plan::One { backend: target, edits: edits(self, dialect, text, statement, &places, target) }
    }

    fn is_foreign(&self, dialect: Dialect, backend: BackendId) -> bool {
        self.known(backend).is_some_and(|b| b.dialect != dialect)
    }

    /// One backend, or databases of one server under one user.
    pub(super) fn together(&self, a: BackendId, b: BackendId) -> bool {
        let group = |id: BackendId| self.participants.get(usize::from(id.0));
        a == b || (group(a).is_some() && group(a) == group(b))
    }

    fn list(&self, named: &[(String, BackendId)]) -> String {
        let mut shown: Vec<String> = Vec::new();
        for (name, backend) in named {
            let text = format!("{name} ({})", self.name_of(*backend));
            if !shown.contains(&text) {
                shown.push(text);
            }
            if shown.len() == NAMES_SHOWN_MAX {
                shown.push("…".into());
                break;
            }
        }
        shown.join(", ")
    }

    fn crossing(&self, places: &[Place<'_>]) -> Fault {
        let mut named: Vec<(String, BackendId)> = Vec::new();
        let mut seen: Vec<BackendId> = Vec::new();
        for place in places {
            // One table of each backend first, so that a long list still shows them all.
            let at = if seen.contains(&place.backend) { named.len() } else { seen.len() };
            named.insert(at.min(named.len()), (place.table.name.clone(), place.backend));
            if !seen.contains(&place.backend) {
                seen.push(place.backend);
            }
        }
        let message = format!("one statement names tables of several backends: {}", self.list(&named));
        let hint = "Query each backend with a statement of its own in one transaction (COMMIT is atomic over all of them), \
                    move the table in [tables], or send the statement to one backend with \
                    /* handfast: backend=NAME */.";
        Fault::new(FaultKind::CrossBackendStatement, message).hint(hint)
    }

    fn foreign(&self, dialect: Dialect, what: &str, backend: BackendId) -> Fault {
        let name = self.name_of(backend);
        let speaks = self.known(backend).map_or(dialect, |b| b.dialect);
        let message = format!(
            "{what} belongs to backend {name}, which speaks {speaks}, and the statement's form is not known, so it cannot be translated"
        );
        let hint = format!(
            "Write it in a plainer form, or connect to the {speaks} port of this proxy for the tables of {name}."
        );
        Fault::new(FaultKind::NotSupported, message).hint(hint)
    }

    /// Whose a table is that clients of `dialect` call `name`, without a qualifier; `None`: home's, or nobody's. With the
    /// name that it has there.
    pub fn owner(&self, dialect: Dialect, name: &str) -> Option<(BackendId, ForeignTable)> {
        match self.rules(dialect).owner(dialect, None, name) {
            Owner::Rule(rule) => {
                let span = || 0..0;
                let table = crate::sql::TableRef {
                    schema: None,
                    name: name.to_owned(),
                    span: span(),
                    name_span: span(),
                    alias: crate::sql::Alias::Impossible,
                };
                let backend = rule.backend;
                let place = Place { table: &table, owner: Owner::Rule(rule), backend };
                foreign_tables(&[place]).pop().map(|table| (backend, table))
            }
            Owner::Named(_) | Owner::Catalog | Owner::Home => None,
        }
    }

    /// A statement that is not of the kinds that can be translated for a backend of the other dialect.
    pub fn untranslated(&self, backend: BackendId) -> Fault {
        let name = self.name_of(backend);
        let message = format!("this statement is for backend {name} of the other dialect and is not translated");
        Fault::new(FaultKind::NotTranslatable, message).hint("Connect to that dialect's port of this proxy for it.")
    }

    fn homeless(&self, dialect: Dialect, table: &str) -> Fault {
        let message = format!("no rule names table {table}, and no {dialect} backend is configured to own it");
        Fault::new(FaultKind::NotSupported, message).hint(format!("Add a rule for {table} to [tables]."))
    }
}

/// The tables' names on their backend of the other dialect.
fn foreign_tables(places: &[Place<'_>]) -> Vec<ForeignTable> {
    let mut out: Vec<ForeignTable> = Vec::with_capacity(places.len());
    for Place { table, owner, .. } in places {
        let rename = match owner {
            Owner::Rule(rule) => rule.rename.as_deref(),
            Owner::Named(_) | Owner::Catalog | Owner::Home => None,
        };
        let (physical_schema, physical_name) = match rename.map(|r| r.split_once('.').ok_or(r)) {
            Some(Ok((schema, name))) => (Some(schema.to_owned()), name.to_owned()),
            Some(Err(name)) => (None, name.to_owned()),
            None => (None, table.name.clone()),
        };
        let one =
            ForeignTable { schema: table.schema.clone(), name: table.name.clone(), physical_schema, physical_name };
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}
