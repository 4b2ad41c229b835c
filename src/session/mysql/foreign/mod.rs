//! Statements for tables that live on PostgreSQL: translated, run on a connection of the session's own (`conn`) as a
//! program of steps (`program`), and answered as this client's own server would (`conclude`). `facts` is what the client's
//! session is, `prepared` its prepared statements, `after` what it may ask of the statement before.

mod after;
mod conclude;
mod conn;
mod facts;
mod fields;
mod prepared;
mod program;

use std::sync::Arc;

use super::query::Said;
use super::{Ran, Session, Step, Stop};
use crate::base::{BackendId, Dialect, Engine, Fault, FaultKind};
use crate::relay::mysql::foreign::Form;
use crate::route::ForeignTable;
use crate::session::translations::Key;
use crate::sql::Kind;
use crate::sql::translate::{Request, ToPg, Verb, to_pg};
use crate::wire::value::{MyType, Value};

pub(super) use after::After;
pub(super) use conn::{Held, savepoint_name};
pub(super) use facts::Facts;
pub(super) use prepared::Pieces;

/// A statement for one PostgreSQL backend.
#[derive(Clone, Copy)]
struct Asked<'a> {
    /// As the client wrote it.
    text: &'a [u8],
    backend: BackendId,
    /// Every table that it names.
    tables: &'a [ForeignTable],
    /// It belongs to the transaction, if there is or would be one.
    enlist: bool,
    /// Another answer to the same text follows.
    more: bool,
    form: Form,
    /// Types of the parameters, as far as the client's count.
    declared: &'a [Option<MyType>],
    values: &'a [Value],
}

/// What running it came to.
enum Ended {
    /// The client was told, good or bad.
    Told(Ran),
    /// The backend does not know the tables as we do; the client was told nothing.
    Stale(bytes::Bytes),
}

impl Session {
    /// A statement whose tables are on PostgreSQL.
    pub(super) async fn foreign(
        &mut self,
        said: Said<'_>,
        backend: BackendId,
        tables: &[ForeignTable],
        enlist: bool,
    ) -> Step {
        if let Some(fault) = self.refused_kind(&said.statement.kind, backend) {
            return Ok(self.foreign_fault(&fault));
        }
        let asked = Asked {
            text: said.own(),
            backend,
            tables,
            enlist: enlist && self.enlists(),
            more: said.more,
            form: Form::Text,
            declared: &[],
            values: &[],
        };
        self.ask(asked).await
    }

    /// Translates and runs it; once more if the tables have changed meanwhile.
    async fn ask(&mut self, asked: Asked<'_>) -> Step {
        self.warnings.clear();
        self.last = None;
        let mut again = true;
        loop {
            let Some(facts) = self.facts().await? else { return Ok(Ran::Failed) };
            let made = match self.translated(&asked, &facts).await {
                Ok(made) => made,
                Err(fault) => return Ok(self.foreign_fault(&fault)),
            };
            match self.program(&asked, &made, &facts).await? {
                Ended::Told(ran) => {
                    if matches!(made.verb, Verb::Ddl(_)) {
                        self.services.schemas.forget(asked.backend);
                    }
                    return Ok(ran);
                }
                Ended::Stale(_) if again => {
                    self.services.schemas.forget(asked.backend);
                    again = false;
                }
                Ended::Stale(error) => return Ok(self.server_refusal(asked.backend, &error)),
            }
        }
    }

    /// The translation, kept or made.
    async fn translated(&mut self, asked: &Asked<'_>, facts: &Facts) -> Result<Arc<ToPg>, Fault> {
        facts.readable(asked.text)?;
        let services = Arc::clone(&self.services);
        let key = Key {
            text: asked.text.into(),
            reading: self.reading,
            backend: asked.backend,
            generation: services.schemas.generation(asked.backend),
            declared: asked.declared.into(),
            facts: Arc::clone(&facts.session),
        };
        if let Some(made) = services.translations.to_pg.get(&key) {
            return Ok(made);
        }
        let tables = services.schemas.tables(asked.backend, asked.tables).await?;
        let request = Request {
            text: asked.text,
            reading: self.reading,
            engine: Engine::Postgres,
            tables: &tables,
            declared: asked.declared,
            facts: &facts.session,
        };
        let made = Arc::new(to_pg::translate(&request)?);
        // What a DDL statement becomes may depend on a table's absence, which no generation tells.
        if !matches!(made.verb, Verb::Ddl(_)) && tables.iter().all(|t| t.table.is_some()) {
            services.translations.to_pg.keep(key, Arc::clone(&made));
        }
        Ok(made)
    }

    /// Statements that have a meaning on one server's session only.
    fn refused_kind(&self, kind: &Kind, backend: BackendId) -> Option<Fault> {
        let what = kind.untranslatable(Dialect::Mysql)?;
        let name = &self.services.config.backend(backend).name;
        let text = format!("{what} with a table of backend \"{name}\", which speaks PostgreSQL");
        Some(Fault::new(FaultKind::NotTranslatable, text))
    }

    /// Tells a fault of a foreign statement, and remembers it for SHOW WARNINGS.
    fn foreign_fault(&mut self, fault: &Fault) -> Ran {
        self.last = None;
        self.after = Some(After::failed(fault.kind.errno(), fault.mysql_message()));
        self.fault(fault)
    }

    /// Tells the backend's error in this client's dialect.
    fn server_refusal(&mut self, backend: BackendId, error: &[u8]) -> Ran {
        let name = &self.services.config.backend(backend).name;
        let told = crate::wire::foreign_error::for_mysql(error, self.reading.mariadb, name);
        self.after = Some(After::failed(told.errno, told.message.clone()));
        self.refuse(&crate::wire::mysql::answer::err(told.errno, &told.sqlstate, &told.message))
    }
}

/// A session that ends because of its client.
fn client_gone(error: std::io::Error) -> Stop {
    Stop::Client(error)
}
