//! Control statements on MySQL and MariaDB.

use sqlx::mysql::{MySqlConnectOptions, MySqlConnection, MySqlRow, MySqlSslMode};
use sqlx::{AssertSqlSafe, ConnectOptions, Row};

use super::{Acted, ControlError, Listed, ServerFacts, Unfit, failed, tls};
use crate::backend::knock;
use crate::backend::mysql::{NO_SUCH_BRANCH, is_rolled_back};
use crate::backend::verbs;
use crate::base::ids::XA_FORMAT_ID;
use crate::base::{BranchName, Engine};
use crate::config::{Backend, BackendTls};

/// A control connection to MySQL or MariaDB.
#[derive(Debug)]
pub struct MysqlControl {
    backend: String,
    conn: MySqlConnection,
}

const TABLES: &str = "SELECT CONVERT(table_name USING utf8mb4), CONVERT(table_comment USING utf8mb4) \
     FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY table_name";
/// No such thread.
const NO_SUCH_THREAD: u16 = 1094;

/// A connection of the control plane, logged in.
pub(in crate::backend) async fn connection(backend: &Backend) -> Result<MySqlConnection, sqlx::Error> {
    let options = options(backend).disable_statement_logging();
    knock::connected(backend, options.connect()).await
}

fn options(backend: &Backend) -> MySqlConnectOptions {
    let (mode, ca_file) = tls(backend);
    let mode = match mode {
        BackendTls::Disable => MySqlSslMode::Disabled,
        BackendTls::Prefer => MySqlSslMode::Preferred,
        BackendTls::Require => MySqlSslMode::Required,
        BackendTls::VerifyFull => MySqlSslMode::VerifyIdentity,
    };
    let mut options = MySqlConnectOptions::new()
        .host(&backend.address.host)
        .port(backend.address.port)
        .username(&backend.user)
        .password(backend.password.expose())
        .database(&backend.database)
        .ssl_mode(mode);
    if let Some(path) = ca_file {
        options = options.ssl_ca(path);
    }
    if let Some((cert, key)) = backend.client_cert.as_deref() {
        options = options.ssl_client_cert(cert).ssl_client_key(key);
    }
    options
}

impl MysqlControl {
    /// Connects and logs in.
    pub async fn connect(backend: &Backend) -> Result<Self, ControlError> {
        let conn = connection(backend).await.map_err(failed(&backend.name, "opening a control connection"))?;
        Ok(Self { backend: backend.name.clone(), conn })
    }

    fn failed(&self, during: &'static str) -> impl FnOnce(sqlx::Error) -> ControlError + use<> {
        failed(&self.backend, during)
    }

    async fn rows(&mut self, sql: &'static str, during: &'static str) -> Result<Vec<MySqlRow>, ControlError> {
        let about = self.failed(during);
        sqlx::raw_sql(sql).fetch_all(&mut self.conn).await.map_err(about)
    }

    pub(super) async fn list(&mut self) -> Result<Vec<Listed>, ControlError> {
        const DURING: &str = "listing prepared transactions";
        let rows = self.rows("XA RECOVER", DURING).await?;
        rows.iter().map(listed).collect::<Result<_, _>>().map_err(self.failed(DURING))
    }

    pub(super) async fn tables(&mut self) -> Result<Vec<(String, String)>, ControlError> {
        let rows = self.rows(TABLES, "listing tables").await?;
        let about = self.failed("listing tables");
        let pair = |row: &MySqlRow| Ok((row.try_get_unchecked(0)?, row.try_get_unchecked(1)?));
        rows.iter().map(pair).collect::<Result<_, _>>().map_err(about)
    }

    pub(super) async fn run(&mut self, sql: &str) -> Result<(), ControlError> {
        let about = self.failed("running a statement of ours");
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&mut self.conn).await.map(drop).map_err(about)
    }

    pub(super) async fn is_session_alive(
        &mut self,
        session: u64,
        _not_after_ms: Option<u64>,
    ) -> Result<bool, ControlError> {
        const DURING: &str = "looking for a session";
        // Without the PROCESS privilege this shows the threads of our own user: the only ones that can be the preparer.
        let rows = self.rows("SHOW PROCESSLIST", DURING).await?;
        for row in &rows {
            let id: u64 = row.try_get_unchecked(0).map_err(self.failed(DURING))?;
            if id == session {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn end_session(&mut self, session: u64) -> Result<(), ControlError> {
        let about = self.failed("ending a session");
        match sqlx::raw_sql(AssertSqlSafe(format!("KILL {session}"))).execute(&mut self.conn).await {
            Ok(_) => Ok(()),
            Err(error) if errno(&error) == Some(NO_SUCH_THREAD) => Ok(()),
            Err(source) => Err(about(source)),
        }
    }

    pub(super) async fn commit(&mut self, branch: &BranchName) -> Result<Acted, ControlError> {
        self.act(verbs::xa_commit(branch), "XA COMMIT").await
    }

    pub(super) async fn roll_back(&mut self, branch: &BranchName) -> Result<Acted, ControlError> {
        self.act(verbs::xa_rollback(branch), "XA ROLLBACK").await
    }

    async fn act(&mut self, sql: String, during: &'static str) -> Result<Acted, ControlError> {
        let about = self.failed(during);
        let Err(error) = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut self.conn).await else {
            return Ok(Acted::Done);
        };
        match errno(&error) {
            Some(NO_SUCH_BRANCH) => Ok(Acted::NotFound),
            Some(code) if is_rolled_back(code) => Ok(Acted::Heuristic(error.to_string())),
            Some(_) => Ok(Acted::Refused(error.to_string())),
            None => Err(about(error)),
        }
    }

    pub(super) async fn facts(&mut self) -> Result<ServerFacts, ControlError> {
        const DURING: &str = "asking for settings";
        const FACTS: &str = "SELECT VERSION(), @@innodb_flush_log_at_trx_commit, @@log_bin, @@sync_binlog";
        let rows = self.rows(FACTS, DURING).await?;
        let read = |row: &MySqlRow| -> Result<(String, i64, i64, i64), sqlx::Error> {
            Ok((row.try_get(0)?, row.try_get_unchecked(1)?, row.try_get_unchecked(2)?, row.try_get_unchecked(3)?))
        };
        let row = rows.first().ok_or(sqlx::Error::RowNotFound).and_then(read);
        let (version, flush, log_bin, sync_binlog) = row.map_err(self.failed(DURING))?;
        let engine = if version.contains("MariaDB") { Engine::Mariadb } else { Engine::Mysql };
        let mut unfit = durability(flush, log_bin != 0, sync_binlog);
        if let Err(error) = self.list().await {
            unfit.push(Unfit {
                what: format!("XA RECOVER is refused: {}", error.source),
                fix: String::from("GRANT XA_RECOVER_ADMIN ON *.* TO the user of this backend"),
                durability: false,
            });
        }
        Ok(ServerFacts { engine, version, prepared_limit: None, unfit })
    }
}

fn durability(flush: i64, log_bin: bool, sync_binlog: i64) -> Vec<Unfit> {
    let mut unfit = Vec::new();
    if flush != 1 {
        unfit.push(Unfit {
            what: format!("innodb_flush_log_at_trx_commit = {flush}: a power cut loses committed transactions"),
            fix: String::from("SET GLOBAL innodb_flush_log_at_trx_commit = 1, or allow_unsafe_durability = true"),
            durability: true,
        });
    }
    if log_bin && sync_binlog != 1 {
        unfit.push(Unfit {
            what: format!("sync_binlog = {sync_binlog} with the binary log on: a power cut loses prepared branches"),
            fix: String::from("SET GLOBAL sync_binlog = 1, or allow_unsafe_durability = true"),
            durability: true,
        });
    }
    unfit
}

/// One row of XA RECOVER: formatID, gtrid_length, bqual_length, data.
fn listed(row: &MySqlRow) -> Result<Listed, sqlx::Error> {
    let format: i64 = row.try_get_unchecked(0)?;
    let gtrid_bytes: i64 = row.try_get_unchecked(1)?;
    let data: Vec<u8> = row.try_get_unchecked(3)?;
    let at = usize::try_from(gtrid_bytes).unwrap_or(usize::MAX);
    // As XA COMMIT and XA ROLLBACK take it, for whoever must type it.
    let name = match data.split_at_checked(at) {
        Some((gtrid, bqual)) => format!("{},{},{format}", xid_part(gtrid), xid_part(bqual)),
        None => String::from_utf8_lossy(&data).into_owned(),
    };
    let parts = data.split_at_checked(at).filter(|_| format == i64::from(XA_FORMAT_ID));
    let parse = |(gtrid, bqual): (&[u8], &[u8])| {
        BranchName::parse_xid(std::str::from_utf8(gtrid).ok()?, std::str::from_utf8(bqual).ok()?)
    };
    Ok(Listed { branch: parts.and_then(parse), name, prepared_wall_ms: None })
}

fn xid_part(bytes: &[u8]) -> String {
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'\'' | b'\\')) {
        return format!("'{}'", String::from_utf8_lossy(bytes));
    }
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("X'{hex}'")
}

fn errno(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>()?;
    Some(error.number())
}
