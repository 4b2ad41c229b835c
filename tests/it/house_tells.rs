//! What operators are told beside transactions: what each client is doing, where a statement would go, which tables nobody finds. HTTP,
//! the console and the command line say the same.

use std::process::Command;
use std::time::Duration;

use handfast::base::{Dialect, Engine, clock};
use handfast::testbed::{Direct, Handfast, Shop};
use serde_json::{Value, json};

use crate::bed::{SETTLE_MAX, Stand, bed, binary, on, on_every_engine, servers, unique_name, until};
use crate::http;

on_every_engine! {
    what_a_client_is_doing_is_told;
}

/// With the console open to its user.
async fn stand(store: Engine, delivery: Engine) -> Stand {
    let (store, delivery) = (servers(store).0, servers(delivery).1);
    let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
    let clerk = if shop.ports().len() > 1 {
        ""
    } else {
        "\n[[users]]\nname = \"clerk\"\npassword = \"x\"\nbackends = [\"store\"]\n"
    };
    let config = shop.config_with(&format!("users = [\"app\"]\n[pool]\nacquire_timeout = \"30s\"\n{clerk}"));
    let handfast = Handfast::with_config(binary(), &shop, &config).unwrap();
    handfast.start().unwrap();
    Stand { shop: std::sync::Arc::new(shop), handfast: std::sync::Arc::new(handfast) }
}

async fn console(stand: &Stand) -> Direct {
    let dialect = stand.shop.dialect();
    let scheme = if dialect == Dialect::Postgres { "postgres" } else { "mysql" };
    let port = stand.handfast.port(dialect);
    Direct::connect(&format!("{scheme}://app:app@127.0.0.1:{port}/handfast")).await.unwrap()
}

fn only_client(stand: &Stand) -> Value {
    let all = http::read_json(stand.handfast.admin_port(), "/api/v1/clients");
    let [client] = all["clients"].as_array().unwrap().as_slice() else { panic!("{all}") };
    client.clone()
}

async fn in_state(stand: &Stand, state: &str) -> Value {
    let deadline = clock::now() + SETTLE_MAX;
    loop {
        // The one that was seen: a second look may see the next state.
        let seen = only_client(stand);
        if seen["state"] == state {
            return seen;
        }
        assert!(clock::now() < deadline, "never {state}: {seen}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn what_a_client_is_doing_is_told(engine: Engine) {
    let stand = stand(engine, engine).await;
    let mut client = stand.client().await;
    client.run("SELECT count(*) FROM orders").await.unwrap();
    let before = in_state(&stand, "idle").await;
    assert_eq!(before["transaction"], Value::Null, "{before}");
    assert!(before["statements"].as_u64() > Some(0), "{before}");

    client.run("BEGIN").await.unwrap();
    client.run("SELECT count(*) FROM orders").await.unwrap();
    client.run("SELECT count(*) FROM agents").await.unwrap();
    let open = in_state(&stand, "in transaction").await;
    assert_eq!(open["backends"], json!(["delivery", "store"]), "{open}");
    assert!(open["transaction"].as_str().unwrap().starts_with("hf1."), "{open}");
    assert_eq!(open["statements"].as_u64().unwrap(), before["statements"].as_u64().unwrap() + 3, "{open}");
    let mut console = console(&stand).await;
    let told = console.run("SELECT state, transaction, backends, statements FROM clients").await.unwrap();
    let told: Vec<&str> = told.rows[0].iter().map(|cell| cell.as_deref().unwrap_or_default()).collect();
    let statements = open["statements"].to_string();
    assert_eq!(told, ["in transaction", open["transaction"].as_str().unwrap(), "delivery, store", &statements]);
    client.run("ROLLBACK").await.unwrap();
    in_state(&stand, "idle").await;

    // However slow this machine is: it runs until another one lets go of its row.
    let update = "UPDATE stock SET reserved = reserved + 1 WHERE item = 'lamp'";
    let mut holder = stand.shop.store.direct().await.unwrap();
    holder.run("BEGIN").await.unwrap();
    holder.run(update).await.unwrap();
    let watched = async {
        let running = in_state(&stand, "running").await;
        holder.run("ROLLBACK").await.unwrap();
        running
    };
    let (running, ran) = tokio::join!(watched, client.run(update));
    ran.unwrap();
    assert_eq!(running["transaction"], Value::Null, "{running}");
    holder.close().await;

    // A newcomer who needs a backend that is held back waits, and is told where for.
    client.close().await;
    until("it has left", SETTLE_MAX, || async {
        http::read_json(stand.handfast.admin_port(), "/api/v1/clients")["clients"] == json!([])
    })
    .await;
    let port = stand.handfast.admin_port();
    assert_eq!(http::post(port, "/api/v1/backends/delivery/pause", &Value::Null).status, 200);
    let mut client = stand.client().await;
    let waits = async {
        let waiting = in_state(&stand, "waiting").await;
        assert!(waiting["backends"].as_array().unwrap().contains(&json!("delivery")), "{waiting}");
        assert_eq!(http::post(port, "/api/v1/backends/delivery/resume", &Value::Null).status, 200);
    };
    let (_, ran) = tokio::join!(waits, client.run("SELECT count(*) FROM agents"));
    ran.unwrap();
    in_state(&stand, "idle").await;
}

#[test]
fn a_statement_is_explained_alike_by_the_command_line_the_console_and_http() {
    let name = "a_statement_is_explained_alike_by_the_command_line_the_console_and_http";
    on(Engine::Mariadb, name, async |_| {
        let stand = stand(Engine::Postgres, Engine::Mariadb).await;
        let port = stand.handfast.admin_port();
        let mut console = console(&stand).await;
        for (sql, refused) in [
            ("UPDATE agents SET order_id = 7 WHERE name = 'x'", false),
            ("UPDATE orders SET item = 'x'", false),
            ("SELECT * FROM orders, agents", true),
        ] {
            let answer = http::post(port, "/api/v1/explain", &json!({"sql": sql, "client": "postgres"}));
            assert_eq!(answer.status, 200, "{}", answer.body);
            let told = answer.json();
            let lines = |value: &Value| -> Vec<String> {
                value.as_array().unwrap().iter().map(|line| line.as_str().unwrap().to_owned()).collect()
            };
            let plan = lines(&told["plan"]);
            let rows = console.run(&format!("EXPLAIN ROUTE {sql}")).await.unwrap().rows;
            let rows: Vec<String> = rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect();
            assert_eq!(rows, plan);
            let mut command = Command::new(binary());
            command.arg("-c").arg(stand.handfast.config()).args(["explain", "--client", "pg", sql]);
            let output = command.output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), plan);
            assert_eq!(output.status.code(), Some(i32::from(refused)));
            let last = told["statements"].as_array().unwrap().last().unwrap();
            assert_eq!((last["refused"].is_string(), last["hint"].is_string()), (refused, refused), "{told:#}");
        }
        let told = http::post(port, "/api/v1/explain", &json!({"sql": "UPDATE agents SET name = 'x'"})).json();
        assert_eq!(told["client"], "PostgreSQL");
        let plan = told["plan"].to_string();
        assert!(plan.contains("UPDATE `agents`") && plan.contains("handfast.toml:"), "{plan}");
        let bad = http::post(port, "/api/v1/explain", &json!({"sql": "SELECT 1", "client": "oracle"}));
        assert_eq!((bad.status, &bad.json()["code"]), (400, &json!("HF0602")), "{}", bad.body);
    });
}

#[test]
fn what_a_user_would_get_is_explained_alike_too() {
    on(Engine::Mariadb, "what_a_user_would_get_is_explained_alike_too", async |engine| {
        let stand = stand(engine, engine).await;
        let port = stand.handfast.admin_port();
        let mut console = console(&stand).await;
        let sql = "SELECT * FROM agents";
        let by_hand = |user: &str| {
            let mut command = Command::new(binary());
            command.arg("-c").arg(stand.handfast.config()).args(["explain", "--user", user, sql]).output().unwrap()
        };
        for (user, refused) in [("app", false), ("clerk", true)] {
            let answer = http::post(port, "/api/v1/explain", &json!({"sql": sql, "user": user}));
            assert_eq!(answer.status, 200, "{}", answer.body);
            let told = answer.json();
            assert_eq!(told["statements"][0]["refused"].is_string(), refused, "{told:#}");
            let plan: Vec<&str> = told["plan"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
            let rows = console.run(&format!("EXPLAIN ROUTE FOR USER {user} {sql}")).await.unwrap().rows;
            let rows: Vec<String> = rows.into_iter().map(|mut row| row.remove(0).unwrap()).collect();
            assert_eq!(rows, plan);
            let output = by_hand(user);
            assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), plan);
            assert_eq!(output.status.code(), Some(i32::from(refused)));
        }
        let answer = http::post(port, "/api/v1/explain", &json!({"sql": sql, "user": "clark"}));
        assert_eq!((answer.status, &answer.json()["hint"]), (400, &json!("Did you mean clerk?")), "{}", answer.body);
        let output = by_hand("clark");
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains("no user \"clark\""));
        let error = console.run(&format!("EXPLAIN ROUTE FOR USER clark {sql}")).await.unwrap_err();
        assert!(error.to_string().contains("no user \"clark\""), "{error}");
    });
}

#[test]
fn what_is_explained_as_refused_is_refused_and_nothing_else() {
    on(Engine::Mariadb, "what_is_explained_as_refused_is_refused_and_nothing_else", async |_| {
        let stand = stand(Engine::Postgres, Engine::Mariadb).await;
        let of_postgres = [
            "UPDATE agents SET order_id = 7 WHERE name = 'x'",
            "SELECT * FROM orders, agents",
            "COPY agents FROM STDIN",
            "COPY agents TO STDOUT",
            "PREPARE p AS SELECT * FROM agents",
            "DECLARE c CURSOR FOR SELECT name FROM agents",
            "DECLARE c BINARY CURSOR FOR SELECT name FROM agents",
            "LOCK TABLE agents",
            "NOTIFY x",
            "PREPARE TRANSACTION 'hf1.a.b.1.2'",
        ];
        let of_mysql = [
            "UPDATE orders SET item = 'x' WHERE item = 'y'",
            "SELECT * FROM orders JOIN agents",
            "LOCK TABLES orders READ",
            "LOAD DATA LOCAL INFILE 'x' INTO TABLE orders",
            "SET @a = (SELECT count(*) FROM orders)",
            "XA START 'x'",
            "XA RECOVER",
            "DESCRIBE orders",
        ];
        for (dialect, protocol, texts) in
            [(Dialect::Postgres, "postgres", &of_postgres[..]), (Dialect::Mysql, "mysql", &of_mysql[..])]
        {
            let mut client = Direct::connect(&stand.handfast.url(dialect)).await.unwrap();
            for sql in texts {
                client.run("BEGIN").await.unwrap();
                let ran = client.run(sql).await;
                client.run("ROLLBACK").await.unwrap();
                let asked = json!({"sql": sql, "client": protocol});
                let told = http::post(stand.handfast.admin_port(), "/api/v1/explain", &asked).json();
                let why = told["statements"][0]["refused"].as_str();
                assert_eq!(why.is_some(), ran.is_err(), "{sql}: {ran:?} and {told:#}");
                if let (Some(why), Err(error)) = (why, ran) {
                    // The code is Handfast's, whoever says it.
                    let code = |text: &str| text.find("HF0").and_then(|at| text.get(at..at + 6)).map(str::to_owned);
                    assert!(code(&error.to_string()).is_none_or(|heard| Some(heard) == code(why)), "{why}: {error}");
                }
            }
            client.close().await;
        }
    });
}

#[test]
fn tables_that_nobody_finds_or_two_databases_have_are_told() {
    on(Engine::Mariadb, "tables_that_nobody_finds_or_two_databases_have_are_told", async |_| {
        let (store, delivery) = (servers(Engine::Postgres).0, servers(Engine::Mariadb).1);
        let shop = Shop::create(bed(), &store, &delivery, &unique_name()).await.unwrap();
        for (database, sql) in [
            (&shop.delivery, "CREATE TABLE lost_parcels (id int PRIMARY KEY)"),
            (&shop.delivery, "CREATE TABLE customers (id int PRIMARY KEY)"),
            (&shop.store, "CREATE TABLE customers (id int PRIMARY KEY)"),
        ] {
            let mut direct = database.direct().await.unwrap();
            direct.run(sql).await.unwrap();
            direct.close().await;
        }
        let handfast = Handfast::with_config(binary(), &shop, &shop.config_with("users = [\"app\"]\n")).unwrap();
        handfast.start().unwrap();
        let stand = Stand { shop: std::sync::Arc::new(shop), handfast: std::sync::Arc::new(handfast) };
        let told = http::read_json(stand.handfast.admin_port(), "/api/v1/tables");
        assert!(told["looked_wall_ms"].as_u64() > Some(0) && told["unseen"] == json!([]), "{told:#}");
        let list = |key: &str| told[key].as_array().unwrap().clone();
        let lost =
            |one: &Value| one["table"] == "lost_parcels" && one["backend"] == "delivery" && one["goes_to"] == "store";
        assert!(list("unrouted").iter().any(|one| lost(one) && one["clients"] == json!(["postgres"])), "{told:#}");
        for (client, goes_to) in [("postgres", "store"), ("mysql", "delivery")] {
            let twice = json!({"table": "customers", "backends": ["delivery", "store"], "clients": [client], "goes_to": goes_to});
            assert!(list("doubly").contains(&twice), "{told:#}");
        }
        assert!(!told.to_string().contains("\"table\":\"agents\",\"backend\""), "a rule leads to it: {told:#}");
        let mut console = console(&stand).await;
        let rows = console
            .run("SELECT problem, backends, goes_to FROM misplaced WHERE table = 'customers' ORDER BY goes_to")
            .await;
        let rows = rows.unwrap().rows;
        let row = |goes_to: &str| ["doubly", "delivery, store", goes_to].map(|cell| Some(cell.to_owned())).to_vec();
        assert_eq!(rows, [row("delivery"), row("store")]);
        // It is looked at again after a minute only: nobody waits for a database each time.
        let again = http::read_json(stand.handfast.admin_port(), "/api/v1/tables");
        assert_eq!(again["looked_wall_ms"], told["looked_wall_ms"]);
    });
}
