//! What MySQL and MariaDB say of themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use sqlx::mysql::{MySqlConnection, MySqlRow};
use sqlx::{AssertSqlSafe, Row};

use super::inventory::{Inventory, Prepared, Privilege, TableFacts, TableKind, clock_ahead};
use crate::backend::control::{Control, ControlError, failed, mysql_connection};
use crate::backend::verbs;
use crate::base::{Dialect, Engine, clock};
use crate::config::Backend;
use crate::sql::translate::stand_in;

/// The global ones: `sqlx` sets its own for its session.
const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('time_zone', 'sql_mode', 'max_connections', \
     'max_user_connections', 'tx_isolation', 'transaction_isolation', 'wsrep_on', 'system_time_zone')";

const DATABASE: &str = "SELECT default_character_set_name, default_collation_name FROM information_schema.schemata \
     WHERE schema_name = DATABASE()";

const OFFSETS: &str = "SELECT \
     TIMESTAMPDIFF(SECOND, '2026-01-15 12:00:00', CONVERT_TZ('2026-01-15 12:00:00', '+00:00', @@global.time_zone)), \
     TIMESTAMPDIFF(SECOND, '2026-07-15 12:00:00', CONVERT_TZ('2026-07-15 12:00:00', '+00:00', @@global.time_zone))";

const CLOCK: &str = "SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)";

const TABLES: &str = "SELECT t.table_schema, t.table_name, t.table_type, COALESCE(t.engine, ''), \
       CONVERT(COALESCE(t.table_comment, '') USING utf8mb4), COALESCE(e.transactions, '') \
     FROM information_schema.tables t LEFT JOIN information_schema.engines e ON e.engine = t.engine \
     WHERE t.table_schema = DATABASE() AND t.table_type <> 'SEQUENCE' ORDER BY t.table_name";

pub(super) async fn take(backend: &Backend) -> Result<Inventory, ControlError> {
    let mut control = Control::connect(backend).await?;
    let facts = control.facts().await?;
    // Who may not list them is told so by the facts.
    let listed = control.list().await.unwrap_or_default();
    let about = failed(&backend.name, "asking for everything");
    let asked = async {
        let mut conn = mysql_connection(backend).await?;
        let variables = pairs(&mut conn, VARIABLES).await?;
        let variable = |name: &str| variables.get(name).cloned().unwrap_or_default();
        let cipher = pairs(&mut conn, "SHOW STATUS LIKE 'Ssl_cipher'").await?;
        let before = clock::wall_ms();
        let theirs: i64 = sqlx::raw_sql(CLOCK).fetch_one(&mut conn).await?.try_get_unchecked(0)?;
        let clock_ahead_ms = clock_ahead(before, u64::try_from(theirs).unwrap_or(0), clock::wall_ms());
        let database = sqlx::raw_sql(DATABASE).fetch_one(&mut conn).await?;
        let isolation = [variable("transaction_isolation"), variable("tx_isolation")].concat();
        let tables = tables(&mut conn, usize::MAX).await?;
        let missing = unreadable(&mut conn, backend, &tables).await?;
        let limits = [variable("max_connections"), variable("max_user_connections")];
        let limits = limits.iter().filter_map(|limit| limit.parse().ok()).filter(|limit: &u64| *limit > 0);
        Ok(Inventory {
            took: Duration::ZERO,
            encrypted: cipher.values().any(|cipher| !cipher.is_empty()),
            clock_ahead_ms,
            time_zone: time_zone(&variable("time_zone"), &variable("system_time_zone")),
            offsets_s: offsets(&mut conn).await?,
            charset: text(&database, 0)?,
            collation: text(&database, 1)?,
            isolation: isolation.replace('-', " ").to_ascii_uppercase(),
            sql_mode: variable("sql_mode").split(',').filter(|m| !m.is_empty()).map(str::to_owned).collect(),
            prepared_limit: None,
            connections_limit: limits.min().unwrap_or(u64::MAX),
            galera: facts.engine == Engine::Mariadb && variable("wsrep_on") == "ON",
            prepared: listed.into_iter().map(prepared).collect(),
            tables,
            missing,
            facts,
        })
    };
    asked.await.map_err(about)
}

fn time_zone(own: &str, system: &str) -> String {
    if own == "SYSTEM" { format!("SYSTEM ({system})") } else { own.to_owned() }
}

async fn pairs(conn: &mut MySqlConnection, sql: &'static str) -> Result<BTreeMap<String, String>, sqlx::Error> {
    let rows = sqlx::raw_sql(sql).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((text(row, 0)?.to_ascii_lowercase(), text(row, 1)?))).collect()
}

async fn offsets(conn: &mut MySqlConnection) -> Result<Option<(i64, i64)>, sqlx::Error> {
    let row = sqlx::raw_sql(OFFSETS).fetch_one(conn).await?;
    let january: Option<i64> = row.try_get_unchecked(0)?;
    let july: Option<i64> = row.try_get_unchecked(1)?;
    Ok(january.zip(july))
}

fn prepared(listed: crate::backend::control::Listed) -> Prepared {
    let by_hand = match &listed.branch {
        Some(branch) => format!("{};", verbs::xa_rollback(branch)),
        None => String::from("XA RECOVER CONVERT XID;  then XA ROLLBACK X'…',X'…',n;  (n is its formatID)"),
    };
    Prepared { listed, owner: None, ours_to_finish: true, by_hand }
}

/// The tables alone, `most` at most.
pub(super) async fn only_tables(backend: &Backend, most: usize) -> Result<Vec<TableFacts>, ControlError> {
    let asked = async {
        let mut conn = mysql_connection(backend).await?;
        tables(&mut conn, most).await
    };
    asked.await.map_err(failed(&backend.name, "asking for its tables"))
}

async fn tables(conn: &mut MySqlConnection, most: usize) -> Result<Vec<TableFacts>, sqlx::Error> {
    let mut tables = Vec::new();
    let mut rows = sqlx::raw_sql(TABLES).fetch(conn).take(most);
    while let Some(row) = rows.try_next().await? {
        let (engine, transactions) = (text(&row, 3)?, text(&row, 5)?);
        let kind = if text(&row, 2)?.contains("VIEW") {
            TableKind::View
        } else if transactions.eq_ignore_ascii_case("yes") || engine.is_empty() {
            TableKind::Sound
        } else {
            TableKind::NotTransactional(engine)
        };
        let stand_in = text(&row, 4)?.starts_with(stand_in::COMMENT_PREFIX);
        tables.push(TableFacts { schema: text(&row, 0)?, name: text(&row, 1)?, bare: true, kind, stand_in });
    }
    Ok(tables)
}

/// Tables that our login sees and may not read. Nothing is read: the server refuses before it looks for rows.
async fn unreadable(
    conn: &mut MySqlConnection,
    backend: &Backend,
    tables: &[TableFacts],
) -> Result<Vec<Privilege>, sqlx::Error> {
    let mut missing = Vec::new();
    for table in tables.iter().filter(|table| table.kind != TableKind::View) {
        let quoted = |name: &str| verbs::quote(Dialect::Mysql, name);
        let full = format!("{}.{}", quoted(&table.schema), quoted(&table.name));
        let asked = sqlx::raw_sql(AssertSqlSafe(format!("SELECT 1 FROM {full} LIMIT 0"))).execute(&mut *conn).await;
        let Err(sqlx::Error::Database(error)) = asked else { continue };
        let number = error.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>().map(|error| error.number());
        // ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR; another answer is not about privileges.
        if matches!(number, Some(1142 | 1143)) {
            missing.push(Privilege {
                what: format!("user {} may not read table {}", backend.user, table.name),
                fix: format!("GRANT SELECT, INSERT, UPDATE, DELETE ON {full} TO '{}'@'HOST';", backend.user),
            });
        }
    }
    Ok(missing)
}

/// The catalogs' texts come as several types, by version.
fn text(row: &MySqlRow, at: usize) -> Result<String, sqlx::Error> {
    let bytes: Option<Vec<u8>> = row.try_get_unchecked(at)?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
}
