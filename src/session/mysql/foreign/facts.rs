//! What the client's session is, as its home server says: asked when first needed, and again after a SET.

use std::sync::Arc;

use super::super::{Session, Stop};
use crate::base::{Fault, FaultKind};
use crate::relay::mysql::foreign::{Charset, Table, Zone};
use crate::sql::Isolation;
use crate::sql::translate::SessionFacts;

/// PostgreSQL's longest `lock_timeout`, in seconds.
const LOCK_WAIT_S_MAX: u64 = 2_147_483;

/// The session's settings as far as foreign statements need them.
#[derive(Debug)]
pub(in crate::session::mysql) struct Facts {
    pub(super) session: Arc<SessionFacts>,
    pub(super) zone: Zone,
    pub(super) charset: Charset,
    /// Of column definitions.
    pub(super) table: Table,
    /// Transactions' default.
    pub(super) isolation: Isolation,
    /// Transactions' default.
    pub(super) read_only: bool,
    /// `innodb_lock_wait_timeout`.
    pub(super) lock_wait_s: u64,
    /// `character_set_client`, if it is not a Unicode one.
    client_charset: Option<String>,
}

impl Facts {
    /// Whether a text of the client's can be read as UTF-8.
    pub(super) fn readable(&self, text: &[u8]) -> Result<(), Fault> {
        match &self.client_charset {
            Some(charset) if !text.is_ascii() => {
                let what = format!("text beyond ASCII in character set {charset} cannot be translated");
                Err(Fault::new(FaultKind::NotTranslatable, what).hint("Use SET NAMES utf8mb4."))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Session {
    /// The facts; `None`: the home server could not be asked, and the client was told.
    pub(super) async fn facts(&mut self) -> Result<Option<Arc<Facts>>, Stop> {
        if let Some(facts) = &self.facts {
            return Ok(Some(Arc::clone(facts)));
        }
        let Some(at) = self.ready(self.home).await? else { return Ok(None) };
        // MariaDB 10 has no @@transaction_isolation, MySQL no longer @@tx_isolation.
        let tx = if self.reading.mariadb { "tx" } else { "transaction" };
        let question = format!(
            "SELECT CONCAT_WS(CHAR(10),@@sql_mode,@@time_zone,@@system_time_zone,@@character_set_client,\
             IFNULL(@@character_set_results,'binary'),@@{tx}_isolation,@@{tx}_read_only,@@innodb_lock_wait_timeout,\
             @@group_concat_max_len,\
             IFNULL(DATABASE(),''))"
        );
        let answer = match self.attached[at].conn.value(question.as_bytes()).await {
            Ok(answer) => String::from_utf8_lossy(&answer.unwrap_or_default()).into_owned(),
            Err(source) => {
                self.backend_lost(at, &source, false).await?;
                return Ok(None);
            }
        };
        let facts = Arc::new(self.read_facts(&answer));
        self.facts = Some(Arc::clone(&facts));
        Ok(Some(facts))
    }

    fn read_facts(&self, answer: &str) -> Facts {
        let mut lines = answer.split('\n');
        let mut next = || lines.next().unwrap_or_default();
        let (sql_mode, zone, system_zone, client, results) = (next(), next(), next(), next(), next());
        let (isolation, read_only, lock_wait) = (next(), next(), next());
        let (group_concat, database) = (next(), next());
        let time_zone = match (zone, system_zone) {
            ("SYSTEM", "UTC" | "GMT") => "+00:00",
            ("SYSTEM", other) => other,
            (named, _) => named,
        };
        Facts {
            zone: Zone::named(time_zone),
            charset: if is_unicode(results) { Charset::Utf8 } else { Charset::Ascii },
            table: Table {
                database: database.to_owned(),
                collation: self.result_collation(results),
                mariadb: self.reading.mariadb,
            },
            isolation: isolation_named(isolation),
            read_only: matches!(read_only, "1" | "ON"),
            lock_wait_s: lock_wait.parse().unwrap_or(50).clamp(1, LOCK_WAIT_S_MAX),
            client_charset: (!is_unicode(client)).then(|| client.to_owned()),
            session: Arc::new(SessionFacts {
                user: self.user.clone(),
                database: database.to_owned(),
                time_zone: time_zone.to_owned(),
                sql_mode: sql_mode.to_ascii_uppercase(),
                found_rows: self.counts_found(),
                group_concat_bytes_max: group_concat.parse().unwrap_or(0),
            }),
        }
    }

    /// The collation id that texts are announced with: the login's if it is of this character set, else its default.
    fn result_collation(&self, results: &str) -> u16 {
        let login = u16::from(self.login.charset);
        let of_login = mysql_common::collations::Collation::resolve(login.into());
        match results {
            same if of_login.charset() == same => login,
            "utf8mb4" if self.reading.mariadb => 45,
            "utf8mb4" => 255,
            "utf8mb3" | "utf8" => 33,
            "latin1" => 8,
            _other => 63,
        }
    }
}

fn is_unicode(charset: &str) -> bool {
    matches!(charset, "utf8mb4" | "utf8mb3" | "utf8" | "ascii" | "binary" | "")
}

fn isolation_named(name: &str) -> Isolation {
    match name {
        "READ-UNCOMMITTED" => Isolation::ReadUncommitted,
        "READ-COMMITTED" => Isolation::ReadCommitted,
        "SERIALIZABLE" => Isolation::Serializable,
        _repeatable => Isolation::RepeatableRead,
    }
}
