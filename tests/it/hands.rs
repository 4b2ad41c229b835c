//! Branches that are prepared and ended past Handfast, as somebody else would.

use handfast::base::{BranchName, Dialect, ids};
use handfast::testbed::{Database, Direct};

use crate::bed::{SETTLE_MAX, Stand, until};

/// A branch's name in MySQL's statements; Handfast's own names have its format id.
pub fn xid(gtrid: &str, qualifier: &str) -> String {
    match BranchName::parse_xid(gtrid, qualifier) {
        Some(_) => format!("'{gtrid}','{qualifier}',{}", ids::XA_FORMAT_ID),
        None => format!("'{gtrid}','{qualifier}'"),
    }
}

/// Prepares a branch on the store; its session, which on MariaDB holds it.
pub async fn prepare(stand: &Stand, gtrid: &str, qualifier: &str, counter: u32) -> Direct {
    let mut direct = Direct::connect(&stand.shop.store.url()).await.unwrap();
    let update = format!("UPDATE counters SET n = n + 100 WHERE id = {counter}");
    let statements = match stand.shop.dialect() {
        Dialect::Postgres => {
            vec![String::from("BEGIN"), update, format!("PREPARE TRANSACTION '{gtrid}/{qualifier}'")]
        }
        Dialect::Mysql => {
            let xid = xid(gtrid, qualifier);
            vec![format!("XA START {xid}"), update, format!("XA END {xid}"), format!("XA PREPARE {xid}")]
        }
    };
    direct.run_all(&statements).await.unwrap();
    direct
}

/// Rolls a branch back.
pub async fn roll_back(database: &Database, dialect: Dialect, gtrid: &str, qualifier: &str) {
    let sql = match dialect {
        Dialect::Postgres => format!("ROLLBACK PREPARED '{gtrid}/{qualifier}'"),
        Dialect::Mysql => format!("XA ROLLBACK {}", xid(gtrid, qualifier)),
    };
    // MariaDB: only once the preparing session has left the process list.
    until("the branch can be rolled back by hand", SETTLE_MAX, || async {
        let mut root = database.direct().await.unwrap();
        let done = root.run(&sql).await.is_ok();
        root.close().await;
        done
    })
    .await;
}
