//! Layer 5: one client's session. It parses, routes, enlists, relays and ends transactions; `pg` and `mysql` speak the
//! two wires, `transaction` is what they share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, Weak};

use metrics_exporter_prometheus::PrometheusHandle;

use crate::backend::HomeInfo;
use crate::backend::pool::Pools;
use crate::backend::schema::Schemas;
use crate::base::{Dialect, Fault, FaultKind};
use crate::commit::Commits;
use crate::config::Config;
use crate::ops::House;
use crate::route::{Reach, RouteTable};
use crate::sql::AnalysisCache;
use crate::telemetry::clients::Clients;
use crate::telemetry::statements::Statements;
use crate::telemetry::traces::Tracer;

pub mod annexes;
pub mod mysql;
pub mod outcome;
pub mod pg;
pub mod transaction;
pub mod translations;
pub mod watch;

/// What every session needs of the house; made in `app`, at the start and when the configuration is read again.
#[derive(Debug)]
pub struct Services {
    /// Each later one has a greater number.
    pub number: u64,
    /// Where the latest are found.
    pub latest: Arc<Latest>,
    /// The configuration.
    pub config: Arc<Config>,
    /// Tables to backends.
    pub routes: RouteTable,
    /// Analyses by text.
    pub analyses: AnalysisCache,
    /// Connections.
    pub pools: Arc<Pools>,
    /// Tables of backends, for translation.
    pub schemas: Schemas,
    /// Translations by text.
    pub translations: translations::Translations,
    /// The end of transactions.
    pub commits: Arc<Commits>,
    /// Who is connected.
    pub clients: Arc<Clients>,
    /// Which statements were run.
    pub statements: Arc<Statements>,
    /// Who takes spans; none: traces are off.
    pub tracer: Option<Arc<Tracer>>,
    /// What operators and clients may know of transactions.
    pub house: Arc<House>,
    /// Figures, if somebody collects them.
    pub metrics: Option<PrometheusHandle>,
    /// What PostgreSQL clients are greeted with; `None` without a PostgreSQL backend.
    pub postgres_home: Option<HomeInfo>,
    /// What MySQL clients are greeted with.
    pub mysql_home: Option<HomeInfo>,
}

/// The virtual database of the console.
pub const CONSOLE_DATABASE: &str = "handfast";

/// The latest services. Sessions look here between their transactions; it costs them one load.
#[derive(Debug, Default)]
pub struct Latest {
    number: AtomicU64,
    /// Not held: whoever serves holds them.
    services: RwLock<Weak<Services>>,
}

impl Latest {
    /// From now on sessions find these.
    pub fn set(&self, services: &Arc<Services>) {
        *self.services.write().unwrap_or_else(PoisonError::into_inner) = Arc::downgrade(services);
        self.number.store(services.number, Ordering::Release);
    }
}

impl Services {
    /// Later services than these, if there are any.
    pub fn renewed(&self) -> Option<Arc<Services>> {
        if self.latest.number.load(Ordering::Acquire) == self.number {
            return None;
        }
        self.latest.services.read().unwrap_or_else(PoisonError::into_inner).upgrade()
    }

    /// Whether a session's prepared statements mean the same under both.
    pub fn routes_like(&self, other: &Self) -> bool {
        let rules = |config: &Config| {
            let rule = |rule: &crate::config::TableRule| (rule.pattern.clone(), rule.backend, rule.rename.clone());
            let mut rules: Vec<_> = config.tables.iter().map(rule).collect();
            rules.sort();
            rules
        };
        let (one, other) = (&self.config, &other.config);
        one.backends.len() == other.backends.len()
            && one.listen.database == other.listen.database
            && rules(one) == rules(other)
    }

    /// Whether a login to this database is one to the console. If clients' own database bears the name, there is none.
    pub fn is_console(&self, database: &str) -> bool {
        let own = |backend: &crate::config::Backend| backend.name == database || backend.database == database;
        let taken = self.config.listen.database == database || self.config.backends.iter().any(own);
        database == CONSOLE_DATABASE && !taken
    }

    /// What a user of this protocol may use.
    ///
    /// # Errors
    /// Its backends are others than the one that answers logins.
    pub fn reach(&self, user: &str, dialect: Dialect) -> Result<Reach, Fault> {
        let reach = self.routes.reach(user).unwrap_or_else(|| Reach::nothing(user));
        self.routes.admit_at_home(&reach, dialect)?;
        Ok(reach)
    }

    /// How many sessions a user may have at a time; 0: no bound of its own.
    pub fn connections_max(&self, user: &str) -> usize {
        self.config.users.iter().find(|known| known.name == user).map_or(0, |known| known.connections_max)
    }

    /// Errors: this user may not open the console.
    pub fn admits_to_console(&self, user: &str) -> Result<(), Fault> {
        if self.config.admin.users.iter().any(|name| name == user) {
            return Ok(());
        }
        let text = format!("user \"{user}\" may not open the console");
        let fault = Fault::new(FaultKind::ConsoleRefused, text);
        Err(fault
            .hint(format!("admin.users names who may; applications connect to \"{}\".", self.config.listen.database)))
    }
}
