//! Layer 5: one client's session. It parses, routes, enlists, relays and ends transactions; `pg` and `mysql` speak the
//! two wires, `transaction` is what they share.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusHandle;

use crate::backend::HomeInfo;
use crate::backend::pool::Pools;
use crate::backend::schema::Schemas;
use crate::base::{Fault, FaultKind};
use crate::commit::Commits;
use crate::config::Config;
use crate::ops::House;
use crate::route::RouteTable;
use crate::sql::AnalysisCache;
use crate::telemetry::clients::Clients;

pub mod mysql;
pub mod outcome;
pub mod pg;
pub mod transaction;
pub mod translations;

/// What every session needs of the house; made once in `app`.
#[derive(Debug)]
pub struct Services {
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

impl Services {
    /// Whether a login to this database is one to the console. If clients' own database bears the name, there is none.
    pub fn is_console(&self, database: &str) -> bool {
        let own = |backend: &crate::config::Backend| backend.name == database || backend.database == database;
        let taken = self.config.listen.database == database || self.config.backends.iter().any(own);
        database == CONSOLE_DATABASE && !taken
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
