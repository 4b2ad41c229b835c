//! Layer 5: one client's session. It parses, routes, enlists, relays and ends transactions; `pg` and `mysql` speak the
//! two wires, `transaction` is what they share.

use std::sync::Arc;

use crate::backend::HomeInfo;
use crate::backend::pool::Pools;
use crate::backend::schema::Schemas;
use crate::commit::Commits;
use crate::config::Config;
use crate::route::RouteTable;
use crate::sql::AnalysisCache;
use crate::telemetry::clients::Clients;

pub mod mysql;
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
    /// What PostgreSQL clients are greeted with; `None` without a PostgreSQL backend.
    pub postgres_home: Option<HomeInfo>,
    /// What MySQL clients are greeted with.
    pub mysql_home: Option<HomeInfo>,
}
