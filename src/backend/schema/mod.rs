//! Schemas of the backends' tables, for translation: asked by a control connection, kept for a while.
//!
//! A kept schema may be older than the table: then the backend refuses the translated text (unknown column, unknown
//! table) or the session itself has run the DDL; both [`Schemas::forget`], and the statement is translated once more.

mod mysql;
mod pg;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Mutex as Turn;

use super::control::ControlError;
use super::pool::CONTROL_TIMEOUT;
use crate::base::limits::SCHEMA_TABLES_MAX;
use crate::base::{BackendId, Dialect, Engine, Fault, FaultKind, clock};
use crate::config::{Backend, Config};
use crate::route::ForeignTable;
use crate::sql::translate::{Named, Table};

/// The schemas of all backends' tables, as far as somebody asked.
#[derive(Debug)]
pub struct Schemas {
    config: Arc<Config>,
    shelves: Vec<Shelf>,
}

/// One backend's.
#[derive(Debug, Default)]
struct Shelf {
    kept: Mutex<Kept>,
    /// Whoever loads holds it, so that what several miss at once is loaded once.
    asker: Turn<Option<Asker>>,
}

/// A table's name on its backend.
type Physical = (Option<String>, String);

#[derive(Debug, Default)]
struct Kept {
    tables: HashMap<Physical, Entry>,
    generation: u64,
    engine: Option<Engine>,
}

#[derive(Debug)]
struct Entry {
    table: Arc<Table>,
    loaded: Instant,
    /// [`Schemas::forget`] was called since: only good to be compared with what is loaded next.
    stale: bool,
}

/// A control connection that asks for schemas.
#[derive(Debug)]
enum Asker {
    Pg(pg::PgAsker),
    Mysql(mysql::MysqlAsker),
}

impl Asker {
    async fn connect(backend: &Backend) -> Result<Self, ControlError> {
        match backend.dialect {
            Dialect::Postgres => pg::PgAsker::connect(backend).await.map(Self::Pg),
            Dialect::Mysql => mysql::MysqlAsker::connect(backend).await.map(Self::Mysql),
        }
    }

    fn engine(&self) -> Engine {
        match self {
            Self::Pg(_) => Engine::Postgres,
            Self::Mysql(asker) => asker.engine(),
        }
    }

    async fn table(&mut self, schema: Option<&str>, name: &str) -> Result<Option<Table>, ControlError> {
        match self {
            Self::Pg(asker) => asker.table(schema, name).await,
            Self::Mysql(asker) => asker.table(schema, name).await,
        }
    }
}

impl Schemas {
    /// Nothing is known yet.
    pub fn new(config: Arc<Config>) -> Self {
        let shelves = config.backends.iter().map(|_| Shelf::default()).collect();
        Self { config, shelves }
    }

    fn shelf(&self, backend: BackendId) -> &Shelf {
        &self.shelves[usize::from(backend.0)]
    }

    /// The tables under the names of the client, in the order of `wanted`; one that does not exist has no schema.
    ///
    /// Errors: the backend cannot be asked.
    pub async fn tables(&self, backend: BackendId, wanted: &[ForeignTable]) -> Result<Vec<Named>, Fault> {
        let mut named = Vec::with_capacity(wanted.len());
        for want in wanted {
            let table = match self.kept(backend, want) {
                Some(table) => Some(table),
                None => self.load(backend, want).await?,
            };
            named.push(Named {
                schema: want.schema.clone(),
                name: want.name.clone(),
                table,
                physical_schema: want.physical_schema.clone(),
                physical_name: want.physical_name.clone(),
            });
        }
        Ok(named)
    }

    /// Which server a backend is; asked once.
    pub async fn engine(&self, backend: BackendId) -> Result<Engine, Fault> {
        if let Some(engine) = self.lock(backend).engine {
            return Ok(engine);
        }
        let config = self.config.backend(backend);
        let mut turn = self.shelf(backend).asker.lock().await;
        if turn.is_none() {
            let connected = tokio::time::timeout(CONTROL_TIMEOUT, Asker::connect(config)).await;
            let about = |why: &str| unknown(config, "of the statement", why);
            *turn = Some(connected.map_err(|_| about("no answer in time"))?.map_err(|e| about(&e.to_string()))?);
        }
        let engine = turn.as_ref().map_or(Engine::Postgres, Asker::engine);
        self.lock(backend).engine = Some(engine);
        Ok(engine)
    }

    /// Forgets a backend's tables: one of them may have changed.
    pub fn forget(&self, backend: BackendId) {
        let mut kept = self.lock(backend);
        kept.generation += 1;
        kept.tables.values_mut().for_each(|entry| entry.stale = true);
    }

    /// Changes whenever a schema that was given out may have become another.
    pub fn generation(&self, backend: BackendId) -> u64 {
        self.lock(backend).generation
    }

    fn lock(&self, backend: BackendId) -> std::sync::MutexGuard<'_, Kept> {
        // A panic while it was held cannot have left the map half-changed.
        self.shelf(backend).kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self, backend: BackendId, want: &ForeignTable) -> Option<Arc<Table>> {
        let kept = self.lock(backend);
        let entry = kept.tables.get(&physical(want))?;
        let fresh = !entry.stale && entry.loaded.elapsed() < self.config.foreign.schema_ttl;
        fresh.then(|| Arc::clone(&entry.table))
    }

    /// Asks the backend. A connection that has died meanwhile is replaced once.
    async fn load(&self, backend: BackendId, want: &ForeignTable) -> Result<Option<Arc<Table>>, Fault> {
        let mut turn = self.shelf(backend).asker.lock().await;
        if let Some(table) = self.kept(backend, want) {
            return Ok(Some(table));
        }
        let config = self.config.backend(backend);
        let generation = self.generation(backend);
        // Taken out while it is used: if this future is dropped, a connection with an answer half read is dropped too.
        let mut asker = turn.take();
        let table = loop {
            let fresh = asker.is_none();
            let asked = tokio::time::timeout(CONTROL_TIMEOUT, async {
                let mut asker = match asker.take() {
                    Some(asker) => asker,
                    None => Asker::connect(config).await?,
                };
                let table = asker.table(want.physical_schema.as_deref(), &want.physical_name).await?;
                Ok::<_, ControlError>((asker, table))
            });
            match asked.await {
                Ok(Ok((good, table))) => {
                    *turn = Some(good);
                    break table;
                }
                Ok(Err(error)) if fresh => return Err(unknown(config, &want.name, &error.to_string())),
                Err(_) if fresh => return Err(unknown(config, &want.name, "no answer in time")),
                Ok(Err(_)) | Err(_) => {}
            }
        };
        Ok(table.map(|table| self.keep(backend, want, table, generation)))
    }

    fn keep(&self, backend: BackendId, want: &ForeignTable, table: Table, generation: u64) -> Arc<Table> {
        let mut kept = self.lock(backend);
        let key = physical(want);
        // What was forgotten while it was loaded may be the old one still.
        let stale = kept.generation != generation;
        let table = match kept.tables.get(&key) {
            Some(old) if *old.table == table => Arc::clone(&old.table),
            Some(_) => {
                kept.generation += 1;
                Arc::new(table)
            }
            None => Arc::new(table),
        };
        if kept.tables.len() >= SCHEMA_TABLES_MAX && !kept.tables.contains_key(&key) {
            kept.tables.clear();
            kept.generation += 1;
        }
        kept.tables.insert(key, Entry { table: Arc::clone(&table), loaded: clock::now(), stale });
        table
    }
}

fn physical(want: &ForeignTable) -> Physical {
    (want.physical_schema.clone(), want.physical_name.clone())
}

fn unknown(backend: &Backend, table: &str, why: &str) -> Fault {
    let text = format!("cannot learn what table {table} is like on backend \"{}\": {why}", backend.name);
    Fault::new(FaultKind::BackendDown, text)
        .hint("A statement for a backend of the other dialect needs its tables' columns.")
}
