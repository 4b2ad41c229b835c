//! Other databases of a home server (`listen.other_databases = "home"`): a client that logs in to one is served as if the
//! house had that database and no other. Test suites, migrations and administration tools make databases beside the
//! application's and connect to them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::Services;
use super::translations::Translations;
use crate::backend::pool::Pools;
use crate::backend::schema::Schemas;
use crate::backend::{ConnectError, ServerError};
use crate::base::{BackendId, Dialect, Fault, FaultKind};
use crate::config::OtherDatabases;
use crate::route::RouteTable;
use crate::sql::AnalysisCache;

/// Databases that are open at a time, at most: each has connections of its own, up to `pool.size`.
const ANNEXES_MAX: usize = 64;

/// The databases that clients may log in to.
#[derive(Debug)]
pub struct Annexes {
    services: Arc<Services>,
    /// Those with sessions in them. With the last session the connections go: nothing then keeps the database from being
    /// dropped.
    open: Mutex<HashMap<(Dialect, String), Weak<Services>>>,
}

impl Annexes {
    /// Beside what these serve.
    pub fn new(services: Arc<Services>) -> Self {
        Self { services, open: Mutex::default() }
    }

    /// What serves a session in this database; a refusal in the home server's own words if it has no such database, or
    /// none for us.
    pub async fn enter(&self, dialect: Dialect, database: &str) -> Result<Arc<Services>, Fault> {
        let config = &self.services.config;
        let served = &config.listen.database;
        let Some(home) = config.home(dialect).filter(|home| !self.is_main(dialect, *home, database)) else {
            return Ok(Arc::clone(&self.services));
        };
        let home = config.backend(home);
        let missing = |hint: String| Err(no_such(dialect, database).hint(hint));
        let same = |b: &&crate::config::Backend| b.dialect == dialect && b.address == home.address;
        if let Some(known) = config.backends.iter().filter(same).find(|b| b.database == database) {
            let name = &known.name;
            return missing(format!("It is backend \"{name}\": connect to \"{served}\", its tables are there."));
        }
        match config.listen.other_databases {
            OtherDatabases::Refuse => missing(format!(
                "Connect to \"{served}\". With listen.other_databases = \"home\" other databases of the home server are open, too."
            )),
            OtherDatabases::Home => {
                let services = self.open(dialect, database)?;
                // Whether there is such a database, and whether it is for us, the server knows.
                match services.pools.acquire(BackendId(0)).await {
                    Ok(conn) => services.pools.release(conn).await,
                    Err(error) => return Err(told(dialect, database, &error)),
                }
                Ok(services)
            }
        }
    }

    /// Whether a login to this database is to what the house serves.
    fn is_main(&self, dialect: Dialect, home: BackendId, database: &str) -> bool {
        let config = &self.services.config;
        let of_backend = |b: &crate::config::Backend| b.name == database || b.database == database;
        let known = match dialect {
            // Its own statements say the home database's own name.
            Dialect::Postgres => config.backend(home).database == database,
            Dialect::Mysql => config.backends.iter().any(of_backend),
        };
        known || config.listen.database == database
    }

    fn open(&self, dialect: Dialect, database: &str) -> Result<Arc<Services>, Fault> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, annex| annex.strong_count() > 0);
        if let Some(annex) = open.get(&(dialect, database.to_owned())).and_then(Weak::upgrade) {
            return Ok(annex);
        }
        if open.len() >= ANNEXES_MAX {
            let text = format!("{ANNEXES_MAX} other databases are open already");
            return Err(Fault::new(FaultKind::TooManyClients, text).hint("Wait until their sessions end."));
        }
        let annex = Arc::new(self.services.of_database(dialect, database));
        open.insert((dialect, database.to_owned()), Arc::downgrade(&annex));
        Ok(annex)
    }
}

fn told(dialect: Dialect, database: &str, error: &ConnectError) -> Fault {
    let refused = |error: &ServerError| error.sqlstate == "3D000" || error.sqlstate == "42000";
    if let ConnectError::Refused { error, .. } = error
        && refused(error)
    {
        return no_such(dialect, database);
    }
    error.fault()
}

/// As servers say it.
fn no_such(dialect: Dialect, database: &str) -> Fault {
    let text = match dialect {
        Dialect::Postgres => format!("database \"{database}\" does not exist"),
        Dialect::Mysql => format!("Unknown database '{database}'"),
    };
    Fault::new(FaultKind::NoSuchDatabase, text)
}

impl Services {
    /// The same house before another database of the home server of `dialect`, and nothing else.
    fn of_database(&self, dialect: Dialect, database: &str) -> Self {
        let config = Arc::new(self.config.of_database(dialect, database));
        let statements = config.limits.statement_cache;
        Self {
            // Nothing is ever later than these: what is reloaded is for logins to come.
            number: 0,
            latest: Arc::default(),
            clients: Arc::clone(&self.clients),
            statements: Arc::clone(&self.statements),
            tracer: self.tracer.clone(),
            house: Arc::clone(&self.house),
            metrics: self.metrics.clone(),
            routes: RouteTable::new(&config),
            analyses: AnalysisCache::new(statements),
            pools: Arc::new(Pools::new(Arc::clone(&config))),
            schemas: Schemas::new(Arc::clone(&config)),
            translations: Translations::new(statements),
            commits: Arc::new(self.commits.of_one_backend(Arc::clone(&config))),
            postgres_home: self.postgres_home.clone(),
            mysql_home: self.mysql_home.clone(),
            config,
        }
    }
}
