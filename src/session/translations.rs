//! Translations by text and by all that decides them, bounded; shared by all sessions.

use std::hash::Hash;
use std::sync::Arc;

use quick_cache::sync::Cache;

use crate::base::BackendId;
use crate::sql::Reading;
use crate::sql::translate::{SessionFacts, ToMysql, ToPg};
use crate::wire::value::{MyType, PgType};

/// Longer texts are translated each time: they are bulk loads, which do not come twice.
const TEXT_KEPT_BYTES_MAX: usize = 16 * 1024;

/// All that decides a translation besides the tables, which `generation` stands for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key<T> {
    /// The statement.
    pub text: Box<[u8]>,
    /// How the client's server would read it.
    pub reading: Reading,
    /// Who shall run it.
    pub backend: BackendId,
    /// [`crate::backend::schema::Schemas::generation`], asked before the tables were.
    pub generation: u64,
    /// Types of the parameters as far as the client gave them.
    pub declared: Box<[Option<T>]>,
    /// What session functions say.
    pub facts: Arc<SessionFacts>,
}

/// Translations of one direction: `T` is the client's type, `O` the translation.
#[derive(Debug)]
pub struct Kept<T, O> {
    kept: Cache<Key<T>, Arc<O>>,
}

impl<T: Clone + Eq + Hash, O> Kept<T, O> {
    fn new(entries: usize) -> Self {
        Self { kept: Cache::new(entries.max(1)) }
    }

    /// The translation, if it is kept.
    pub fn get(&self, key: &Key<T>) -> Option<Arc<O>> {
        self.kept.get(key)
    }

    /// Keeps a translation, unless its text is long.
    pub fn keep(&self, key: Key<T>, made: Arc<O>) {
        if key.text.len() <= TEXT_KEPT_BYTES_MAX {
            self.kept.insert(key, made);
        }
    }
}

/// Translations both ways.
#[derive(Debug)]
pub struct Translations {
    /// MySQL clients' statements for PostgreSQL.
    pub to_pg: Kept<MyType, ToPg>,
    /// PostgreSQL clients' statements for MySQL and MariaDB.
    pub to_mysql: Kept<PgType, ToMysql>,
}

impl Translations {
    /// Keeps at most `entries` each way.
    pub fn new(entries: usize) -> Self {
        Self { to_pg: Kept::new(entries), to_mysql: Kept::new(entries) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Dialect;
    use crate::sql::Access;
    use crate::sql::translate::{Translation, Verb};

    fn key(generation: u64, declared: Option<MyType>) -> Key<MyType> {
        Key {
            text: Box::from(&b"select 1"[..]),
            reading: Reading::new(Dialect::Mysql),
            backend: BackendId(1),
            generation,
            declared: Box::from([declared]),
            facts: Arc::default(),
        }
    }

    #[test]
    fn a_translation_is_found_only_for_the_same_schemas_and_types() {
        let all = Translations::new(10);
        let made = Arc::new(Translation {
            steps: Vec::new(),
            parameters: Vec::new(),
            columns: Vec::new(),
            verb: Verb::Select,
            access: Access::Read,
            needs_transaction: false,
        });
        all.to_pg.keep(key(1, None), Arc::clone(&made));
        assert!(all.to_pg.get(&key(1, None)).is_some());
        assert!(all.to_pg.get(&key(2, None)).is_none());
        assert!(all.to_pg.get(&key(1, Some(MyType::Date))).is_none());
    }
}
