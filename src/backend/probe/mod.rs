//! What must be known of the backends before clients are let in: whether they can take part in two-phase commits
//! (FACTS 1), and what the home backends say of themselves (FACTS 18).

mod inventory;
mod mysql;
mod pg;

use std::time::Duration;

pub use inventory::{Inventory, Prepared, Privilege, TableFacts, TableKind, take as inventory};

use super::control::{Control, ControlError, ServerFacts, Unfit};
use super::mysql::MysqlConn;
use super::pg::PgConn;
use super::pool::CONTROL_TIMEOUT;
use super::{ConnectError, HomeInfo};
use crate::base::{BackendId, Dialect};
use crate::config::{Backend, Config};

/// A backend that cannot take part in two-phase commits; the start is refused.
#[derive(Debug, thiserror::Error)]
#[error("backend \"{backend}\": {}", list(unfit))]
pub struct UnfitError {
    /// Which.
    pub backend: String,
    /// Why, each with its fix.
    pub unfit: Vec<Unfit>,
}

fn list(unfit: &[Unfit]) -> String {
    let line = |u: &Unfit| format!("{}\n    fix: {}", u.what, u.fix);
    unfit.iter().map(line).collect::<Vec<_>>().join("\n  ")
}

/// Asks a backend what it is. Errors: it cannot be reached or asked.
pub async fn facts(backend: &Backend) -> Result<ServerFacts, ControlError> {
    let ask = async { Control::connect(backend).await?.facts().await };
    match tokio::time::timeout(CONTROL_TIMEOUT, ask).await {
        Ok(facts) => facts,
        Err(_) => {
            let source = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
            Err(ControlError { backend: backend.name.clone(), during: "probing", source })
        }
    }
}

/// A backend's tables, `most` at most, on a connection of its own. Errors: it cannot be reached, is too slow (10 s) or refuses.
pub async fn tables(backend: &Backend, most: usize) -> Result<Vec<TableFacts>, ControlError> {
    let ask = async {
        match backend.dialect {
            Dialect::Postgres => pg::only_tables(backend, most).await,
            Dialect::Mysql => mysql::only_tables(backend, most).await,
        }
    };
    match tokio::time::timeout(CONTROL_TIMEOUT, ask).await {
        Ok(tables) => tables,
        Err(_) => {
            let source = sqlx::Error::Io(std::io::ErrorKind::TimedOut.into());
            Err(ControlError { backend: backend.name.clone(), during: "asking for its tables", source })
        }
    }
}

/// Whether what the server said stands in the way of this configuration. A single backend never prepares anything.
pub fn judge(config: &Config, backend: &Backend, facts: ServerFacts) -> Result<ServerFacts, UnfitError> {
    let matters = |u: &Unfit| !(u.durability && backend.allow_unsafe_durability);
    let unfit: Vec<Unfit> = facts.unfit.iter().filter(|u| matters(u)).cloned().collect();
    if config.participants() < 2 || unfit.is_empty() {
        return Ok(facts);
    }
    Err(UnfitError { backend: backend.name.clone(), unfit })
}

/// Greets the home backend and notes what it says. Errors: it cannot be reached.
pub async fn home_info(backend: &Backend, id: BackendId, timeout: Duration) -> Result<HomeInfo, ConnectError> {
    match backend.dialect {
        Dialect::Postgres => Ok(PgConn::connect(backend, id, timeout).await?.home_info()),
        Dialect::Mysql => Ok(MysqlConn::connect(backend, id, 0, timeout).await?.home_info()),
    }
}
