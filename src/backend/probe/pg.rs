//! What PostgreSQL says of itself.

use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

use super::inventory::{Inventory, Prepared, Privilege, TableFacts, TableKind, clock_ahead};
use crate::backend::control::{Control, ControlError, Listed, failed, pg_connection};
use crate::backend::verbs;
use crate::base::{BackendId, BranchName, Dialect, clock};
use crate::config::Backend;
use crate::sql::translate::stand_in;

/// `$1`: the time zone of sessions, which the control connection's is not.
const SETTINGS: &str = "SELECT \
       extract(epoch FROM (timestamptz '2026-01-15 12:00Z' AT TIME ZONE $1) - timestamp '2026-01-15 12:00')::int8, \
       extract(epoch FROM (timestamptz '2026-07-15 12:00Z' AT TIME ZONE $1) - timestamp '2026-07-15 12:00')::int8, \
       pg_encoding_to_char(d.encoding)::text, d.datcollate::text, current_setting('default_transaction_isolation'), \
       current_setting('max_prepared_transactions')::int8, \
       current_setting('max_connections')::int8 - current_setting('superuser_reserved_connections')::int8, \
       r.rolconnlimit::int8, d.datconnlimit::int8, r.rolsuper, \
       COALESCE((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false) \
     FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user";

const CLOCK: &str = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::int8";

const PREPARED: &str = "SELECT gid, (extract(epoch FROM prepared) * 1000)::int8, owner::text, owner = current_user \
     FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared";

/// Ordinary, partitioned and foreign tables and views, but not partitions: rows of those are reached by their parent.
const TABLES: &str = "SELECT n.nspname::text, c.relname::text, pg_table_is_visible(c.oid), c.relkind::text, \
       c.relpersistence::text, coalesce(obj_description(c.oid, 'pg_class'), ''), \
       has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') \
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND c.relpersistence <> 't' \
       AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' \
       AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.objid = c.oid AND e.classid = 'pg_class'::regclass AND e.deptype = 'e') \
     ORDER BY n.nspname, c.relname";

pub(super) async fn take(backend: &Backend) -> Result<Inventory, ControlError> {
    let facts = Control::connect(backend).await?.facts().await?;
    let time_zone = session_time_zone(backend).await?;
    let about = failed(&backend.name, "asking for everything");
    let asked = async {
        let mut conn = pg_connection(backend).await?;
        let settings = sqlx::query(SETTINGS).bind(&time_zone).fetch_one(&mut conn).await?;
        let before = clock::wall_ms();
        let theirs: i64 = sqlx::query_scalar(CLOCK).fetch_one(&mut conn).await?;
        let clock_ahead_ms = clock_ahead(before, u64::try_from(theirs).unwrap_or(0), clock::wall_ms());
        let (tables, missing) = tables(&mut conn, backend, usize::MAX).await?;
        let is_super: bool = settings.try_get(9)?;
        let prepared = prepared(&mut conn, is_super).await?;
        Ok(Inventory {
            facts,
            took: Duration::ZERO,
            encrypted: settings.try_get(10)?,
            clock_ahead_ms,
            time_zone,
            offsets_s: Some((settings.try_get(0)?, settings.try_get(1)?)),
            charset: settings.try_get(2)?,
            collation: settings.try_get(3)?,
            isolation: settings.try_get::<String, _>(4)?.to_ascii_uppercase(),
            sql_mode: Vec::new(),
            prepared_limit: u64::try_from(settings.try_get::<i64, _>(5)?).ok(),
            connections_limit: connections_limit(&settings)?,
            galera: false,
            prepared,
            tables,
            missing,
        })
    };
    asked.await.map_err(about)
}

/// The names of what is prepared in the database, whoever did it.
pub(super) async fn listed(backend: &Backend) -> Result<Vec<String>, ControlError> {
    let asked = async {
        let mut conn = pg_connection(backend).await?;
        let rows = sqlx::query(PREPARED).fetch_all(&mut conn).await?;
        rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, sqlx::Error>>()
    };
    asked.await.map_err(failed(&backend.name, "listing prepared transactions"))
}

/// As clients' connections have it: `sqlx` sets another one on its own.
async fn session_time_zone(backend: &Backend) -> Result<String, ControlError> {
    let home = super::home_info(backend, BackendId(0), Duration::from_secs(5)).await.map_err(|error| {
        let source = sqlx::Error::Io(std::io::Error::other(error.to_string()));
        ControlError { backend: backend.name.clone(), during: "logging in as a session does", source }
    })?;
    let zone = home.parameters.into_iter().find(|(name, _)| name == "TimeZone");
    Ok(zone.map_or_else(|| String::from("UTC"), |(_, zone)| zone))
}

/// The smallest of the server's, the role's and the database's; -1 is no limit.
fn connections_limit(settings: &PgRow) -> Result<u64, sqlx::Error> {
    let limits: [i64; 3] = [settings.try_get(6)?, settings.try_get(7)?, settings.try_get(8)?];
    Ok(limits.iter().filter_map(|limit| u64::try_from(*limit).ok()).min().unwrap_or(u64::MAX))
}

async fn prepared(conn: &mut PgConnection, is_super: bool) -> Result<Vec<Prepared>, sqlx::Error> {
    let read = |row: &PgRow| {
        let (name, prepared_ms): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
        let by_hand = format!("ROLLBACK PREPARED '{}';", name.replace('\'', "''"));
        let prepared_wall_ms = u64::try_from(prepared_ms).ok();
        let listed = Listed { branch: BranchName::parse_gid(&name), name, prepared_wall_ms };
        let ours_to_finish = row.try_get::<bool, _>(3)? || is_super;
        Ok(Prepared { listed, owner: Some(row.try_get(2)?), ours_to_finish, by_hand })
    };
    sqlx::query(PREPARED).fetch_all(conn).await?.iter().map(read).collect()
}

/// The tables alone, `most` at most.
pub(super) async fn only_tables(backend: &Backend, most: usize) -> Result<Vec<TableFacts>, ControlError> {
    let asked = async {
        let mut conn = pg_connection(backend).await?;
        Ok(tables(&mut conn, backend, most).await?.0)
    };
    asked.await.map_err(failed(&backend.name, "asking for its tables"))
}

async fn tables(
    conn: &mut PgConnection,
    backend: &Backend,
    most: usize,
) -> Result<(Vec<TableFacts>, Vec<Privilege>), sqlx::Error> {
    let (mut tables, mut missing) = (Vec::new(), Vec::new());
    let mut rows = sqlx::query(TABLES).fetch(conn).take(most);
    while let Some(row) = rows.try_next().await? {
        let (schema, name): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let (relkind, persistence, comment): (String, String, String) =
            (row.try_get(3)?, row.try_get(4)?, row.try_get(5)?);
        let kind = match (relkind.as_str(), persistence.as_str()) {
            ("v" | "m", _) => TableKind::View,
            ("f", _) => TableKind::Foreign,
            (_, "u") => TableKind::Unlogged,
            _ => TableKind::Sound,
        };
        if !row.try_get::<bool, _>(6)? {
            let quoted = |name: &str| verbs::quote(Dialect::Postgres, name);
            let (full, role) = (format!("{}.{}", quoted(&schema), quoted(&name)), quoted(&backend.user));
            missing.push(Privilege {
                what: format!("role {} may not read table {schema}.{name}", backend.user),
                fix: format!(
                    "GRANT USAGE ON SCHEMA {} TO {role};  GRANT SELECT, INSERT, UPDATE, DELETE ON {full} TO {role};",
                    quoted(&schema)
                ),
            });
        }
        let stand_in = comment.starts_with(stand_in::COMMENT_PREFIX);
        tables.push(TableFacts { schema, name, bare: row.try_get(2)?, kind, stand_in });
    }
    Ok((tables, missing))
}
