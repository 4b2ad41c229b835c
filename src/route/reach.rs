//! Which backends a user may use (`users.backends`). Every statement of a client is planned here with its user's reach, and
//! sessions ask again before they use a backend: what a statement prepared earlier, or under another configuration, is for.

use std::sync::Arc;

use super::Plan;
use super::table::{Owner, RouteTable};
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::config::{Config, User};
use crate::sql::{Statement, TableRef};

/// The backends that one user may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reach {
    user: Arc<str>,
    /// `None`: all.
    only: Option<Arc<[BackendId]>>,
}

impl Reach {
    /// Of a configured user.
    pub(super) fn of(user: &User, config: &Config) -> Self {
        let ids = |names: &Vec<String>| names.iter().filter_map(|name| config.backend_named(name)).collect();
        Self { user: user.name.as_str().into(), only: user.backends.as_ref().map(ids) }
    }

    /// Of somebody who is not configured.
    pub fn nothing(user: &str) -> Self {
        Self { user: user.into(), only: Some(Arc::new([])) }
    }

    /// Whether the user may use it.
    pub fn has(&self, backend: BackendId) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&backend))
    }
}

impl RouteTable {
    /// What a user may use; `None`: there is no such user.
    pub fn reach(&self, user: &str) -> Option<Reach> {
        self.reaches.iter().find(|reach| *reach.user == *user).cloned()
    }

    /// Where a statement of this user goes: as [`RouteTable::plan`] says, unless the user may not use something there.
    pub fn plan_for(&self, reach: &Reach, dialect: Dialect, text: &[u8], statement: &Statement) -> Plan {
        let plan = self.plan(dialect, text, statement);
        if reach.only.is_none() {
            return plan;
        }
        let target = match &plan {
            Plan::Refuse(_) => return plan,
            Plan::Anywhere => self.rules(dialect).home,
            Plan::One { backend, .. } | Plan::Foreign { backend, .. } => Some(*backend),
        };
        let Some(target) = target else { return plan };
        let refused =
            match statement.tables.iter().find_map(|table| self.beyond(reach, dialect, statement, table, target)) {
                Some((backend, table)) => {
                    Some(self.not_for(reach, backend).detail(format!("table {} belongs to it", table.name)))
                }
                // Where a statement goes that names no table, its session knows.
                None if plan == Plan::Anywhere => None,
                None => self.admit(reach, target).err(),
            };
        refused.map_or(plan, Plan::Refuse)
    }

    /// Whether a user may use a backend.
    ///
    /// # Errors
    /// No, as the client is told.
    pub fn admit(&self, reach: &Reach, backend: BackendId) -> Result<(), Fault> {
        if reach.has(backend) { Ok(()) } else { Err(self.not_for(reach, backend)) }
    }

    /// Whether a user may log in by this protocol: a session cannot live without the backend where it begins.
    ///
    /// # Errors
    /// No, as the client is told.
    pub fn admit_at_home(&self, reach: &Reach, dialect: Dialect) -> Result<(), Fault> {
        let Some(home) = self.rules(dialect).home.filter(|home| !reach.has(*home)) else { return Ok(()) };
        let (user, name) = (&reach.user, self.name_of(home));
        let text = format!("user \"{user}\" may not use backend \"{name}\", where sessions of {dialect} clients begin");
        let hint = "Connect by the other protocol, or add it to the user's backends.";
        Err(Fault::new(FaultKind::BackendNotAllowed, text).hint(hint))
    }

    /// Whether a user may make another database of `at`'s server the current one.
    ///
    /// # Errors
    /// It is that of a backend that it may not use.
    pub fn admit_database(&self, reach: &Reach, dialect: Dialect, database: &str, at: BackendId) -> Result<(), Fault> {
        self.by_database(dialect, database, at).map_or(Ok(()), |backend| self.admit(reach, backend))
    }

    /// The backend that `table` of a statement for `target` leads to, if the user may not use it. Databases of one server
    /// are reached by one connection, so that the connection's backend says too little there.
    fn beyond<'t>(
        &self,
        reach: &Reach,
        dialect: Dialect,
        statement: &Statement,
        table: &'t TableRef,
        target: BackendId,
    ) -> Option<(BackendId, &'t TableRef)> {
        let overridden = statement.backend_override.is_some();
        let owner = match self.rules(dialect).owner(dialect, table.schema.as_deref(), &table.name) {
            // With an override no rule is asked.
            Owner::Rule(rule) if !overridden && (statement.parsed || !rule.everything) => Some(rule.backend),
            Owner::Named(backend) => Some(backend),
            Owner::Rule(_) | Owner::Catalog | Owner::Home => None,
        };
        let owner = owner.or_else(|| self.by_database(dialect, table.schema.as_deref()?, target));
        owner.filter(|owner| self.together(*owner, target) && !reach.has(*owner)).map(|owner| (owner, table))
    }

    /// The backend whose database on `target`'s server bears this name.
    fn by_database(&self, dialect: Dialect, schema: &str, target: BackendId) -> Option<BackendId> {
        let same = |name: &str| match dialect {
            Dialect::Postgres => name == schema,
            Dialect::Mysql => name.eq_ignore_ascii_case(schema),
        };
        let ids = (0..self.backends.len()).filter_map(|at| u16::try_from(at).ok().map(BackendId));
        let mut there = ids.filter(|id| self.together(*id, target));
        there.find(|id| self.known(*id).is_some_and(|known| known.dialect == Dialect::Mysql && same(&known.database)))
    }

    fn not_for(&self, reach: &Reach, backend: BackendId) -> Fault {
        let (user, name) = (&reach.user, self.name_of(backend));
        let named = |id: &BackendId| self.name_of(*id).to_owned();
        let all: Vec<String> = reach.only.iter().flat_map(|only| only.iter().map(named)).collect();
        let hint = format!(
            "users.backends names what it may use: {}.",
            if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
        );
        Fault::new(FaultKind::BackendNotAllowed, format!("user \"{user}\" may not use backend \"{name}\"")).hint(hint)
    }
}
