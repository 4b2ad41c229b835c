//! What is explained without asking a backend.

use std::sync::Arc;

use super::*;
use crate::config::{Credential, Secret, User};
use crate::sql::tests::corpus::config;

const STORE_MYSQL_DELIVERY: [(&str, Dialect, bool); 3] =
    [("store", Dialect::Postgres, true), ("ledger", Dialect::Postgres, false), ("delivery", Dialect::Mysql, true)];

fn shop() -> Config {
    let mut config = config(&STORE_MYSQL_DELIVERY, &[("items", 0, None), ("entries", 1, None), ("agents", 2, None)]);
    let user = |name: &str, backends: Option<Vec<String>>| User {
        name: name.to_owned(),
        login: Credential::Password(Secret::new("x")),
        connections_max: 0,
        backends,
    };
    config.users = vec![user("app", None), user("clerk", Some(vec!["store".to_owned(), "delivery".to_owned()]))];
    config
}

fn asked(config: &Config, client: Dialect, user: Option<&str>, sql: &str) -> Result<Explained, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let schemas = Schemas::new(Arc::new(config.clone()));
    runtime.block_on(explain(config, &schemas, Asked { client: Some(client), user }, sql))
}

fn told(client: Dialect, sql: &str) -> Explained {
    asked(&shop(), client, None, sql).unwrap()
}

fn commits(client: Dialect, sql: &str) -> (u8, String) {
    let ending = told(client, sql).commit;
    (ending.phases, ending.writers.join(", "))
}

#[test]
fn a_statement_is_called_by_a_word_of_people() {
    let plan = told(Dialect::Postgres, "UPDATE items SET n = 1; LISTEN x").plan.join("\n");
    assert!(plan.contains("change of data, writes, parsed (PostgreSQL client)"), "{plan}");
    assert!(plan.contains("it has used LISTEN, UNLISTEN or NOTIFY"), "{plan}");
}

#[test]
fn a_user_is_told_what_it_would_get() {
    let sql = "SELECT * FROM entries";
    let refused = |user: Option<&str>| asked(&shop(), Dialect::Postgres, user, sql).unwrap().refused();
    assert_eq!([refused(None), refused(Some("app")), refused(Some("clerk"))], [false, false, true]);
    let told = asked(&shop(), Dialect::Postgres, Some("clerk"), sql).unwrap();
    let why = told.statements[0].refused.as_deref().unwrap();
    assert!(why.contains("user \"clerk\" may not use backend \"ledger\""), "{why}");
    assert!(told.plan.iter().any(|line| line.contains("PostgreSQL client, as clerk")), "{:?}", told.plan);
    let mut config = shop();
    config.users[1].backends = Some(vec!["store".to_owned()]);
    for (client, refused) in [(Dialect::Postgres, false), (Dialect::Mysql, true)] {
        let told = asked(&config, client, Some("clerk"), "SELECT 1").unwrap();
        assert_eq!(told.refused(), refused, "who cannot log in gets nothing: {:?}", told.plan);
    }
    let nobody = asked(&shop(), Dialect::Postgres, Some("clark"), sql).unwrap_err();
    assert_eq!((nobody.kind, nobody.hint.as_deref()), (FaultKind::BadRequest, Some("Did you mean clerk?")));
}

#[test]
fn what_a_session_refuses_by_its_kind_is_explained_as_refused() {
    let refused = |client: Dialect, sql: &str| told(client, sql).refused();
    assert!(refused(Dialect::Mysql, "XA START 'x'"));
    assert!(!refused(Dialect::Mysql, "/* now */ XA RECOVER"));
    assert!(refused(Dialect::Postgres, "PREPARE TRANSACTION 'hf1.shop.x.1.2'"));
    assert_eq!(told(Dialect::Postgres, "PREPARE TRANSACTION 'x'").statements[0].backend.as_deref(), Some("store"));
    assert_eq!(told(Dialect::Postgres, "NOTIFY x").statements[0].backend.as_deref(), Some("store"));
}

#[test]
fn each_transaction_of_a_text_is_one_by_itself() {
    let both = "UPDATE items SET n = 1; UPDATE entries SET n = 1";
    assert_eq!(commits(Dialect::Postgres, both), (2, "store, ledger".to_owned()));
    let alone = "UPDATE agents SET n = 1; CREATE TABLE agents (n int); UPDATE agents SET n = 2";
    let plan = told(Dialect::Mysql, alone).plan.join("\n");
    assert!(plan.contains("commits what is open before it") && plan.contains("transaction 2 of this text"), "{plan}");
    let apart = "BEGIN; UPDATE items SET n = 1; COMMIT; BEGIN; UPDATE entries SET n = 1; COMMIT";
    assert_eq!(commits(Dialect::Postgres, apart), (1, "ledger".to_owned()));
    let plan = told(Dialect::Postgres, apart).plan.join("\n");
    assert!(plan.contains("transaction 1 of this text") && plan.contains("one phase on store"), "{plan}");
    let back = format!("BEGIN; {both}; ROLLBACK");
    assert_eq!(commits(Dialect::Postgres, &back), (0, String::new()));
    assert!(told(Dialect::Postgres, &back).plan.join("\n").contains("rolled back on store, ledger"));
}
