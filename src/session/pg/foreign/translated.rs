//! From a text to its translation: schemas, the cache, the translator.

use std::sync::Arc;

use super::{Target, View};
use crate::session::pg::Session;
use crate::session::pg::oops::Oops;
use crate::session::translations::Key;
use crate::sql::translate::{Request, ToMysql, to_mysql};
use crate::wire::value::PgType;

impl Session {
    /// The translation of one statement. `declared`: the parameters' types as far as the client gave them.
    pub(super) async fn translated(
        &mut self,
        target: &Target,
        text: &[u8],
        declared: &[Option<PgType>],
        view: &View,
    ) -> Result<Arc<ToMysql>, Oops> {
        let schemas = &self.services.schemas;
        let engine = schemas.engine(target.backend).await?;
        // Asked first: what is forgotten meanwhile must not be found again.
        let generation = schemas.generation(target.backend);
        let tables = schemas.tables(target.backend, &target.tables).await?;
        let key = Key {
            text: text.into(),
            reading: self.reading,
            backend: target.backend,
            generation,
            declared: declared.into(),
            facts: Arc::clone(&view.facts),
        };
        let kept = &self.services.translations.to_mysql;
        if let Some(found) = kept.get(&key) {
            return Ok(found);
        }
        let request = Request { text, reading: self.reading, engine, tables: &tables, declared, facts: &view.facts };
        let made = Arc::new(to_mysql::translate(&request)?);
        // A table that is missing now may be there next time, without anybody telling us.
        if tables.iter().all(|named| named.table.is_some()) {
            kept.keep(key, Arc::clone(&made));
        }
        Ok(made)
    }
}
