//! What one user may: so many sessions, on both wires together, and the backends that it is given (`[[users]]`).

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::{Direct, Handfast, SqlError, available};
use serde_json::json;

use crate::bed::{SETTLE_MAX, Stand, binary, on, on_every_engine, refused, servers, skip, unique_name, until};
use crate::http;

on_every_engine! {
    a_user_has_as_many_sessions_as_it_may_and_hears_the_servers_own_words;
    a_user_reaches_its_own_backends_only;
    what_a_user_may_use_changes_with_a_reload_for_its_running_sessions;
    databases_of_one_server_are_no_way_around;
}

/// A stand with a second user, `narrow`, that has these lines.
async fn stand_with(stand: Stand, lines: &str) -> (Stand, Handfast) {
    let user = format!("[[users]]\nname = \"narrow\"\npassword = \"app\"\n{lines}\n\n[backends.store]");
    let config = stand.shop.config().replacen("[backends.store]", &user, 1);
    let config = config.replacen("database = \"shop\"", "database = \"shop\"\nother_databases = \"home\"", 1);
    let handfast = Handfast::with_config(binary(), &stand.shop, &config).unwrap();
    handfast.start().unwrap();
    (stand, handfast)
}

async fn narrow(handfast: &Handfast, dialect: Dialect) -> Result<Direct, SqlError> {
    Direct::connect(&handfast.url(dialect).replacen("app:", "narrow:", 1)).await
}

/// Refused for the user's backends, by the codes of missing privileges.
#[track_caller]
fn denied(result: Result<impl Sized, SqlError>, dialect: Dialect, what: &str) {
    let Err(error) = result else { panic!("{what} must be refused") };
    let state = if dialect == Dialect::Postgres { "42501" } else { "42000" };
    assert_eq!(error.state.as_deref(), Some(state), "{what}: {error}");
    assert!(dialect == Dialect::Postgres || error.number == Some(1142), "{what}: {error}");
    assert!(error.message.contains("user \"narrow\" may not use backend \"delivery\""), "{what}: {error}");
    let hint = error.hint.unwrap_or(error.message);
    assert!(hint.contains("users.backends names what it may use: store."), "{what}: {hint}");
}

/// What a server says itself to a third session of a user that may have two.
async fn servers_words(stand: &Stand, engine: Engine, user: &str) -> SqlError {
    let mut root = stand.shop.store.direct().await.unwrap();
    match engine {
        Engine::Postgres => {
            root.run(&format!("CREATE ROLE {user} LOGIN PASSWORD 'app' CONNECTION LIMIT 2")).await.unwrap();
        }
        Engine::Mariadb | Engine::Mysql => {
            let limit = "WITH MAX_USER_CONNECTIONS 2";
            root.run(&format!("CREATE USER {user}@'%' IDENTIFIED BY 'app' {limit}")).await.unwrap();
            root.run(&format!("GRANT ALL ON {}.* TO {user}@'%'", stand.shop.store.name)).await.unwrap();
        }
    }
    let url = stand.shop.store.url();
    let (scheme, rest) = url.split_once("://").unwrap();
    let (_, place) = rest.split_once('@').unwrap();
    let url = format!("{scheme}://{user}:app@{place}");
    let first = Direct::connect(&url).await.unwrap();
    let second = Direct::connect(&url).await.unwrap();
    let error = Direct::connect(&url).await.expect_err("a third session");
    first.close().await;
    second.close().await;
    let quoted = if engine == Engine::Postgres { user.to_owned() } else { format!("{user}@'%'") };
    let deadline = clock::now() + SETTLE_MAX;
    while let Err(error) = root.run(&format!("DROP USER {quoted}")).await {
        assert!(clock::now() < deadline, "{error}");
    }
    root.close().await;
    error
}

async fn a_user_has_as_many_sessions_as_it_may_and_hears_the_servers_own_words(engine: Engine) {
    let dialect = engine.dialect();
    let stand = Stand::cold(engine).await;
    let user = format!("narrow_{}", unique_name());
    let said = servers_words(&stand, engine, &user).await;
    let (_stand, handfast) = stand_with(stand, "connections_max = 2").await;
    let mut first = narrow(&handfast, dialect).await.unwrap();
    let second = narrow(&handfast, dialect).await.unwrap();
    let error = narrow(&handfast, dialect).await.expect_err("a third session");
    assert_eq!(error.message, said.message.replace(&user, "narrow"));
    assert_eq!((error.state, error.number), (said.state, said.number));
    // Others are not concerned.
    Direct::connect(&handfast.url(dialect)).await.unwrap().close().await;
    second.close().await;
    let room = || async {
        let Ok(client) = narrow(&handfast, dialect).await else { return false };
        client.close().await;
        true
    };
    until("one that has gone makes room", SETTLE_MAX, room).await;
    // Gone without a word, in the middle of a transaction: its socket closes, as when a process is killed.
    let deadline = clock::now() + SETTLE_MAX;
    let mut second = loop {
        // Who was let in to look for room may not have left yet.
        match narrow(&handfast, dialect).await {
            Ok(second) => break second,
            Err(error) => assert!(clock::now() < deadline, "{error}"),
        }
    };
    second.run("BEGIN").await.unwrap();
    second.run("UPDATE stock SET reserved = reserved + 1 WHERE item = 'lamp'").await.unwrap();
    drop(second);
    until("one that was killed makes room", SETTLE_MAX, room).await;
    assert_eq!(first.run("SELECT reserved FROM stock WHERE item = 'lamp'").await.unwrap().first(), Some("0"));
    let clients = http::read_json(handfast.admin_port(), "/api/v1/clients");
    let ours = clients["clients"].as_array().unwrap().iter().filter(|client| client["user"] == "narrow").count();
    assert!(ours <= 2, "{clients}");
    first.close().await;
}

async fn a_user_reaches_its_own_backends_only(engine: Engine) {
    let dialect = engine.dialect();
    let (stand, handfast) = stand_with(Stand::cold(engine).await, "backends = [\"store\"]").await;
    let mut client = narrow(&handfast, dialect).await.unwrap();
    client.run("UPDATE stock SET reserved = 7 WHERE item = 'lamp'").await.unwrap();
    client.run("SELECT 1").await.unwrap();
    let mut texts = vec![
        "SELECT * FROM agents",
        "INSERT INTO agents (name) VALUES ('Eve')",
        "SELECT * FROM delivery.agents",
        "/* handfast: backend=delivery */ SELECT 1",
        "/* handfast: backend=delivery */ DELETE FROM agents",
        "CREATE TABLE delivery.own (id int)",
        "DROP TABLE agents",
        "TRUNCATE TABLE agents",
        "SELECT 1; DELETE FROM agents",
    ];
    match dialect {
        Dialect::Postgres => texts.extend([
            "COPY agents FROM STDIN",
            "COPY agents TO STDOUT",
            "PREPARE p AS SELECT * FROM agents",
            "LOCK TABLE agents",
        ]),
        Dialect::Mysql => texts.extend(["LOAD DATA LOCAL INFILE 'x' INTO TABLE agents", "DESCRIBE agents"]),
    }
    for text in texts {
        denied(client.run(text).await, dialect, text);
        // And so it is explained.
        let asked = serde_json::json!({"sql": text, "user": "narrow"});
        let told = http::post(handfast.admin_port(), "/api/v1/explain", &asked).json();
        let refused = |one: &serde_json::Value| one["refused"].as_str().is_some_and(|why| why.contains("may not use"));
        assert!(told["statements"].as_array().unwrap().iter().any(refused), "{text}: {told:#}");
    }
    let prepared = if dialect == Dialect::Postgres {
        "UPDATE agents SET order_id = $1 WHERE name = 'Ann'"
    } else {
        "UPDATE agents SET order_id = ? WHERE name = 'Ann'"
    };
    denied(client.run_prepared(prepared, &[1]).await, dialect, prepared);
    // In a transaction it is an error like any other.
    client.run("BEGIN").await.unwrap();
    client.run("UPDATE stock SET reserved = 8 WHERE item = 'lamp'").await.unwrap();
    denied(client.run("UPDATE agents SET order_id = 1").await, dialect, "in a transaction");
    client.run("COMMIT").await.unwrap();
    let lamps = if dialect == Dialect::Postgres { 7 } else { 8 };
    assert_eq!(stand.store("SELECT reserved FROM stock WHERE item = 'lamp'").await, lamps);
    assert_eq!(stand.delivery("SELECT COUNT(*) FROM agents WHERE order_id IS NOT NULL OR name = 'Eve'").await, 0);
    client.close().await;
    // Another database of the home server is the home's.
    let elsewhere = if dialect == Dialect::Postgres { "/postgres?" } else { "/information_schema" };
    let url = handfast.url(dialect).replacen("app:", "narrow:", 1);
    let url = url.replacen("/shop?", elsewhere, 1).replacen("/shop", elsewhere, 1);
    let mut beside = Direct::connect(&url).await.unwrap();
    assert_eq!(beside.number("SELECT 41 + 1").await.unwrap(), 42);
    beside.close().await;
    // Another user is not concerned.
    let mut app = Direct::connect(&handfast.url(dialect)).await.unwrap();
    app.run("SELECT * FROM agents").await.unwrap();
    app.close().await;
}

async fn what_a_user_may_use_changes_with_a_reload_for_its_running_sessions(engine: Engine) {
    let dialect = engine.dialect();
    let (_stand, handfast) = stand_with(Stand::cold(engine).await, "backends = [\"store\"]").await;
    let change = |from: &str, to: &str| {
        let text = std::fs::read_to_string(handfast.config()).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(handfast.config(), text.replacen(from, to, 1)).unwrap();
        let answer = http::post(handfast.admin_port(), "/api/v1/reload", &json!({}));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let mut client = narrow(&handfast, dialect).await.unwrap();
    denied(client.run("SELECT * FROM agents").await, dialect, "before");
    let told = change("backends = [\"store\"]", "backends = [\"delivery\", \"store\"]");
    assert_eq!(told["changes"][0]["applies"], "now", "{told}");
    let prepared = if dialect == Dialect::Postgres {
        "UPDATE agents SET order_id = $1 WHERE name = 'Ann'"
    } else {
        "UPDATE agents SET order_id = ? WHERE name = 'Ann'"
    };
    client.run_prepared(prepared, &[5]).await.unwrap();
    client.run("BEGIN").await.unwrap();
    client.run_prepared(prepared, &[6]).await.unwrap();
    change("backends = [\"delivery\", \"store\"]", "backends = [\"store\"]");
    // Its transaction ends as it began.
    client.run_prepared(prepared, &[7]).await.unwrap();
    client.run("UPDATE stock SET reserved = 7 WHERE item = 'lamp'").await.unwrap();
    client.run("COMMIT").await.unwrap();
    denied(client.run_prepared(prepared, &[8]).await, dialect, "prepared when it was allowed");
    denied(client.run("SELECT * FROM agents").await, dialect, "afterwards");
    assert_eq!(client.number("SELECT reserved FROM stock WHERE item = 'lamp'").await.unwrap(), 7);
    client.close().await;
    // One that is not configured any more.
    let text = std::fs::read_to_string(handfast.config()).unwrap();
    let wrong = text.replacen("backends = [\"store\"]", "backends = [\"stroe\"]", 1);
    std::fs::write(handfast.config(), wrong).unwrap();
    let answer = http::post(handfast.admin_port(), "/api/v1/reload", &json!({}));
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains("did you mean"), "{}", answer.body);
}

async fn databases_of_one_server_are_no_way_around(engine: Engine) {
    if engine == Engine::Postgres {
        // There a connection reaches one database.
        return;
    }
    let (server, _) = servers(engine);
    let stand = Stand::over(&server, &server).await;
    let (stand, handfast) = stand_with(stand, "backends = [\"store\"]").await;
    let mut client = narrow(&handfast, Dialect::Mysql).await.unwrap();
    let delivery = &stand.shop.delivery.name;
    for text in [
        "SELECT * FROM agents".to_owned(),
        "SELECT * FROM stock JOIN agents".to_owned(),
        format!("SELECT * FROM {delivery}.agents"),
        format!("SELECT * FROM stock JOIN {delivery}.agents"),
        format!("/* handfast: backend=store */ SELECT * FROM {delivery}.agents"),
        format!("USE {delivery}"),
    ] {
        denied(client.run(&text).await, Dialect::Mysql, &text);
    }
    client.run("SELECT * FROM stock JOIN orders").await.unwrap();
    client.close().await;
}

#[test]
fn a_user_is_let_in_only_where_its_backends_hold_the_default() {
    let name = "users::a_user_is_let_in_only_where_its_backends_hold_the_default";
    if !available(Engine::Postgres) {
        return skip(name);
    }
    on(Engine::Mariadb, name, |_| async {
        let (store, delivery) = (servers(Engine::Postgres).0, servers(Engine::Mariadb).1);
        let stand = Stand::told_in(&store, &delivery, Dialect::Postgres).await;
        let (_stand, handfast) = stand_with(stand, "backends = [\"store\"]\nconnections_max = 1").await;
        let error = refused(
            narrow(&handfast, Dialect::Mysql).await.map(|_| handfast::testbed::Answer::default()),
            Dialect::Mysql,
            "",
            1142,
        );
        assert!(error.message.contains("where sessions of MySQL clients begin"), "{error}");
        assert!(error.message.contains("Connect by the other protocol"), "{error}");
        let mut client = narrow(&handfast, Dialect::Postgres).await.unwrap();
        client.run("SELECT * FROM stock").await.unwrap();
        for text in ["SELECT * FROM agents", "SELECT * FROM delivery.agents", "DELETE FROM agents"] {
            denied(client.run(text).await, Dialect::Postgres, text);
        }
        let prepared = "UPDATE agents SET order_id = $1 WHERE name = 'Ann'";
        denied(client.run_prepared(prepared, &[1]).await, Dialect::Postgres, prepared);
        // A bound counts the sessions of both protocols.
        let text = std::fs::read_to_string(handfast.config()).unwrap();
        std::fs::write(handfast.config(), text.replacen("backends = [\"store\"]\n", "", 1)).unwrap();
        assert_eq!(http::post(handfast.admin_port(), "/api/v1/reload", &json!({})).status, 200);
        let error = narrow(&handfast, Dialect::Mysql).await.expect_err("the second of one");
        assert_eq!(error.number, Some(1226), "{error}");
        client.close().await;
    });
}
