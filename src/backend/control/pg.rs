//! Control statements on PostgreSQL.

use sqlx::postgres::{PgConnectOptions, PgConnection, PgSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use super::{Acted, ControlError, Listed, ServerFacts, Unfit, failed, tls};
use crate::backend::pg::NO_SUCH_BRANCH;
use crate::backend::{knock, verbs};
use crate::base::{BranchName, Engine};
use crate::config::{Backend, BackendTls};

/// A control connection to PostgreSQL.
#[derive(Debug)]
pub struct PgControl {
    backend: String,
    conn: PgConnection,
}

/// All of the database, as MySQL's list has them: what others have left holds its locks, too, and counts for
/// max_prepared_transactions.
const LIST: &str = "SELECT gid, (extract(epoch FROM prepared) * 1000)::int8 AS prepared_ms \
     FROM pg_prepared_xacts WHERE database = current_database() ORDER BY prepared";

const TABLES: &str = "SELECT relname::text, coalesce(obj_description(oid, 'pg_class'), '') FROM pg_class \
     WHERE relkind IN ('r', 'p', 'v', 'm') AND pg_table_is_visible(oid) \
     AND relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\\_%' OR nspname = 'information_schema') \
     ORDER BY relname";

const ALIVE: &str = "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid = $1 AND usename = current_user \
     AND ($2::int8 IS NULL OR backend_start <= to_timestamp($2::float8 / 1000)))";

const FACTS: &str = "SELECT current_setting('server_version'), current_setting('max_prepared_transactions')::int4, \
     current_setting('fsync')";

/// A connection of the control plane, logged in.
pub(in crate::backend) async fn connection(backend: &Backend) -> Result<PgConnection, sqlx::Error> {
    let options = options(backend).disable_statement_logging();
    knock::connected(backend, options.connect()).await
}

fn options(backend: &Backend) -> PgConnectOptions {
    let (mode, ca_file) = tls(backend);
    let mode = match mode {
        BackendTls::Disable => PgSslMode::Disable,
        BackendTls::Prefer => PgSslMode::Prefer,
        BackendTls::Require => PgSslMode::Require,
        BackendTls::VerifyFull => PgSslMode::VerifyFull,
    };
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(&backend.address.host)
        .port(backend.address.port)
        .username(&backend.user)
        .password(backend.password.expose())
        .database(&backend.database)
        .application_name("handfast")
        .ssl_mode(mode);
    if let Some(path) = ca_file {
        options = options.ssl_root_cert(path);
    }
    if let Some((cert, key)) = backend.client_cert.as_deref() {
        options = options.ssl_client_cert(cert).ssl_client_key(key);
    }
    options
}

impl PgControl {
    /// Connects and logs in.
    pub async fn connect(backend: &Backend) -> Result<Self, ControlError> {
        let conn = connection(backend).await.map_err(failed(&backend.name, "opening a control connection"))?;
        Ok(Self { backend: backend.name.clone(), conn })
    }

    fn failed(&self, during: &'static str) -> impl FnOnce(sqlx::Error) -> ControlError + use<> {
        failed(&self.backend, during)
    }

    pub(super) async fn list(&mut self) -> Result<Vec<Listed>, ControlError> {
        let about = self.failed("listing prepared transactions");
        let listed = |row: &sqlx::postgres::PgRow| -> Result<Listed, sqlx::Error> {
            let name: String = row.try_get(0)?;
            let prepared: i64 = row.try_get(1)?;
            let branch = BranchName::parse_gid(&name);
            Ok(Listed { branch, name, prepared_wall_ms: u64::try_from(prepared).ok() })
        };
        let rows = sqlx::query(LIST).fetch_all(&mut self.conn).await;
        rows.and_then(|rows| rows.iter().map(listed).collect()).map_err(about)
    }

    pub(super) async fn tables(&mut self) -> Result<Vec<(String, String)>, ControlError> {
        let about = self.failed("listing tables");
        let rows = sqlx::query(TABLES).fetch_all(&mut self.conn).await;
        let pair = |row: &sqlx::postgres::PgRow| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.and_then(|rows| rows.iter().map(pair).collect()).map_err(about)
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<(), ControlError> {
        let about = self.failed("running a statement of ours");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.conn).await.map(drop).map_err(about)
    }

    pub(super) async fn is_session_alive(
        &mut self,
        session: u64,
        not_after_ms: Option<u64>,
    ) -> Result<bool, ControlError> {
        let about = self.failed("looking for a session");
        let (Ok(pid), not_after) = (i32::try_from(session), not_after_ms.and_then(|ms| i64::try_from(ms).ok())) else {
            return Ok(false);
        };
        let found = sqlx::query_scalar(ALIVE).bind(pid).bind(not_after).fetch_one(&mut self.conn).await;
        found.map_err(about)
    }

    pub(super) async fn end_session(&mut self, session: u64) -> Result<(), ControlError> {
        let about = self.failed("ending a session");
        let Ok(pid) = i32::try_from(session) else { return Ok(()) };
        let asked = sqlx::query("SELECT pg_terminate_backend($1)").bind(pid).execute(&mut self.conn).await;
        asked.map(|_| ()).map_err(about)
    }

    pub(super) async fn commit(&mut self, branch: &BranchName) -> Result<Acted, ControlError> {
        self.act(verbs::pg_commit_prepared(branch), "COMMIT PREPARED").await
    }

    pub(super) async fn roll_back(&mut self, branch: &BranchName) -> Result<Acted, ControlError> {
        self.act(verbs::pg_rollback_prepared(branch), "ROLLBACK PREPARED").await
    }

    async fn act(&mut self, sql: String, during: &'static str) -> Result<Acted, ControlError> {
        let about = self.failed(during);
        match sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn).await {
            Ok(_) => Ok(Acted::Done),
            Err(sqlx::Error::Database(error)) => match error.code().as_deref() {
                Some(NO_SUCH_BRANCH) => Ok(Acted::NotFound),
                Some(_) | None => Ok(Acted::Refused(error.message().to_owned())),
            },
            Err(source) => Err(about(source)),
        }
    }

    pub(super) async fn facts(&mut self) -> Result<ServerFacts, ControlError> {
        let about = self.failed("asking for settings");
        let read = |row: sqlx::postgres::PgRow| -> Result<(String, i32, String), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        };
        let row = sqlx::query(FACTS).fetch_one(&mut self.conn).await;
        let (version, prepared_max, fsync) = row.and_then(read).map_err(about)?;
        let mut unfit = Vec::new();
        if prepared_max == 0 {
            unfit.push(Unfit {
                what: String::from("max_prepared_transactions = 0: two-phase commit is off on this server"),
                fix: String::from(
                    "ALTER SYSTEM SET max_prepared_transactions = 64;  then restart PostgreSQL \
                     (at least pool.size of this backend)",
                ),
                durability: false,
            });
        }
        if fsync != "on" {
            unfit.push(Unfit {
                what: String::from("fsync = off: a power cut loses prepared and committed transactions"),
                fix: String::from("ALTER SYSTEM SET fsync = on;  then reload, or allow_unsafe_durability = true"),
                durability: true,
            });
        }
        let prepared_limit = u32::try_from(prepared_max).ok();
        Ok(ServerFacts { engine: Engine::Postgres, version, prepared_limit, unfit })
    }
}
